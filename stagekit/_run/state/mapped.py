"""The items of ``Each`` stages: what has come back, what has failed, what may still begin. Pure."""

from __future__ import annotations

from typing import Any, List, Optional, Tuple

from stagekit._base.nested import Shape, nested, size, smaller
from stagekit._run.state.columns import DECIDER_FAILED, FAILED, REUSED, SUCCEEDED, Items


class MappedStage:
    """One stage that is called once for each item.

    Attributes:
        values: what came back, by index.
        items: what has become of each.
        left: how many items have no value yet, and have not failed.
        under_way: how many items run or wait for another attempt.
        uncalled: how many items were not to be called, as a decider knew their values, or failed.
        is_stopped: no more items begin.
    """

    __slots__ = ("_shape", "is_stopped", "items", "left", "uncalled", "under_way", "values")

    def __init__(self, shape: Shape, *, skips: bool = False) -> None:
        count = size(shape)
        self._shape = shape
        self.values: List[Any] = [None] * count
        self.items = Items(count, left_out=skips)
        self.left = count
        self.under_way = 0
        self.uncalled = 0
        self.is_stopped = False

    def begin(self, item: int) -> bool:
        """Count an item that begins; return whether the next one may be queued."""
        self.under_way += 1
        return item + 1 < len(self.values) and not self.is_stopped

    def returned(self, item: int, value: Any, *, is_reused: bool = False) -> None:
        """Take in the value of an item."""
        self.values[item] = value
        self.items.status[item] = REUSED if is_reused else SUCCEEDED

    def fail(self, item: int, error: BaseException, how: int) -> bool:
        """Take in that an item has failed for good; return whether that fails the stage."""
        self.items.failed[item] = (error, how)
        self.items.status[item] = FAILED
        return not (self.items.left_out and how != DECIDER_FAILED)

    def cancel(self) -> None:
        """Have no more items begin, as one has ended without a value."""
        self.is_stopped = True
        self.left += 1  # it counts as if it had not been begun

    def ended(self) -> bool:
        """Count an item that has ended; return whether the stage has."""
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
        failed = self.items.failed
        if not failed:
            return nested(self.values, self._shape)
        values = [value for item, value in enumerate(self.values) if item not in failed]
        return nested(values, smaller(self._shape, failed))

    @property
    def is_over(self) -> bool:
        """Whether nothing is under way and nothing more begins."""
        return not self.under_way and (self.is_stopped or not self.left)

    def first_failure(self) -> Optional[Tuple[BaseException, int]]:
        """Return the failure of the smallest index, the same whatever the order of ends.

        Items that are left out have not failed their stage; that of a decider does.
        """
        failed = self.items.failed
        if self.items.left_out:
            failed = {item: one for item, one in failed.items() if one[1] == DECIDER_FAILED}
        return failed[min(failed)] if failed else None
