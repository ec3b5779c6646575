"""The items of one ``Each`` stage: what has come back, and what has failed."""

from __future__ import annotations

from typing import Any, Dict, List, Optional, Tuple

from stagekit._base.nested import Shape, nested, size


class Fan:
    """One stage that is called once for each item.

    Attributes:
        values: what came back, by index.
        failed: by index, the last error of an item that failed, and how.
        left: how many items have no value yet, and have not failed.
        is_stopped: no more items begin.
    """

    __slots__ = ("_shape", "failed", "is_stopped", "left", "under_way", "values")

    def __init__(self, shape: Shape) -> None:
        count = size(shape)
        self._shape = shape
        self.values: List[Any] = [None] * count
        self.failed: Dict[int, Tuple[BaseException, int]] = {}
        self.left = count
        self.under_way = 0  # items that run or wait for another attempt
        self.is_stopped = False

    @property
    def value(self) -> List[Any]:
        """What the stage gives: the values in lists of the shape that the items came in."""
        return nested(self.values, self._shape)

    @property
    def is_over(self) -> bool:
        """Whether nothing is under way and nothing more begins."""
        return not self.under_way and (self.is_stopped or not self.left)

    def first_failure(self) -> Optional[int]:
        """Return the smallest index that failed; the same whatever the order of ends."""
        return min(self.failed) if self.failed else None
