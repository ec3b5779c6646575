"""The arguments of a call as they are sent: places where the cluster puts what it holds."""

from __future__ import annotations

from typing import Any, Dict, List, Mapping, Sequence, Tuple

from stagekit._base.cancel import CancelToken
from stagekit._base.progress import Progress
from stagekit.executors._dask.future import DaskHandle, DaskItem
from stagekit.executors._dask.work import Place

# Any: values of stages, and Dask's own futures, which may have no types

DEPTH = 8  # lists in lists; deeper ones are not looked through


class Packing:
    """Puts places into arguments, and gathers what belongs there.

    Attributes:
        held: Dask's futures of the values that the arguments stand for, each once.
        tokens: those of the caller, whose cancelling is to reach the call.
    """

    def __init__(self, pool: object) -> None:
        self._pool = pool
        self._indexes: Dict[int, int] = {}
        self.held: List[Any] = []
        self.tokens: List[CancelToken] = []

    def args(self, args: Sequence[Any]) -> Tuple[Any, ...]:
        """Return positional arguments with places."""
        return tuple([self._placed(each) for each in args])

    def kwargs(self, kwargs: Mapping[str, Any]) -> Dict[str, Any]:
        """Return arguments by name with places."""
        return {name: self._placed(each) for name, each in kwargs.items()}

    def _placed(self, value: Any, depth: int = 0) -> Any:
        if type(value) in (list, tuple):
            items: Sequence[Any] = value
            if depth >= DEPTH:
                return items
            parts = tuple([self._placed(each, depth + 1) for each in items])
            if all(part is each for part, each in zip(parts, items)):
                return items
            return Place("list" if type(items) is list else "tuple", parts=parts)
        if isinstance(value, DaskHandle) and value.pool is self._pool:
            return Place("held", self._index(value))
        if isinstance(value, DaskItem) and value.whole.pool is self._pool:
            return Place("held", self._index(value.whole), value.item)
        if isinstance(value, (DaskHandle, DaskItem)):
            return value.fetch()  # of another cluster
        if isinstance(value, Progress):
            return Place("progress")
        if isinstance(value, CancelToken):
            self.tokens.append(value)
            return Place("token")
        return value

    def _index(self, handle: DaskHandle) -> int:
        index = self._indexes.setdefault(id(handle), len(self.held))
        if index == len(self.held):
            self.held.append(handle.task)
        return index
