"""The items of ``Each`` stages: what has come back, what has failed, what may still begin. Pure."""

from __future__ import annotations

from typing import Any, Dict, List, Optional, Tuple

from stagekit._base.nested import Shape, nested, size


class MappedStage:
    """One stage that is called once for each item.

    Attributes:
        values: what came back, by index.
        failed: by index, the last error of an item that failed, and how.
        left: how many items have no value yet, and have not failed.
        under_way: how many items run or wait for another attempt.
        uncalled: how many items were not to be called, as a decider knew their values, or failed.
        is_stopped: no more items begin.
    """

    __slots__ = ("_shape", "failed", "is_stopped", "left", "uncalled", "under_way", "values")

    def __init__(self, shape: Shape) -> None:
        count = size(shape)
        self._shape = shape
        self.values: List[Any] = [None] * count
        self.failed: Dict[int, Tuple[BaseException, int]] = {}
        self.left = count
        self.under_way = 0
        self.uncalled = 0
        self.is_stopped = False

    def begin(self, item: int) -> bool:
        """Count an item that begins; tell whether the next one may be queued."""
        self.under_way += 1
        return item + 1 < len(self.values) and not self.is_stopped

    def cancel(self) -> None:
        """Have no more items begin, as one has ended without a value."""
        self.is_stopped = True
        self.left += 1  # it counts as if it had not been begun

    def ended(self) -> bool:
        """Count an item that has ended; tell whether the stage has."""
        self.left -= 1
        self.under_way -= 1
        return self.is_over

    @property
    def is_reused(self) -> bool:
        """Whether no item was called, of one at least."""
        return self.uncalled == len(self.values)

    @property
    def value(self) -> List[Any]:
        """What the stage provides: the values in lists of the shape that the items came in."""
        return nested(self.values, self._shape)

    @property
    def is_over(self) -> bool:
        """Whether nothing is under way and nothing more begins."""
        return not self.under_way and (self.is_stopped or not self.left)

    def first_failure(self) -> Optional[Tuple[BaseException, int]]:
        """Return the failure of the smallest index, the same whatever the order of ends."""
        return self.failed[min(self.failed)] if self.failed else None
