"""Handles of values that a Dask cluster holds."""

from __future__ import annotations

from concurrent.futures import CancelledError
from threading import Lock
from typing import Any, Callable, List

from stagekit._base.handles import qualified

# Any: values of stages, and Dask's own futures, which may have no types


class DaskHandle:
    """A value that the cluster holds; ``fetch`` brings it here, once.

    Args:
        pool: whose value it is.
        task: Dask's future; the value is kept there as long as this is.
        explain: makes of what Dask raised what is raised here.
    """

    is_handle = True

    def __init__(
        self, pool: object, task: Any, explain: Callable[[BaseException], BaseException]
    ) -> None:
        self.pool = pool
        self.task = task
        self._explain = explain
        self._lock = Lock()
        self._found: List[Any] = []  # the value, once it is here

    @property
    def is_here(self) -> bool:
        """Whether the value has been brought here."""
        return bool(self._found)

    def arrived(self, value: Any) -> None:
        """Keep a value that was fetched together with others."""
        with self._lock:
            if not self._found:
                self._found.append(value)

    @property
    def type_name(self) -> str:
        """The type of the value, as module and name."""
        return type_name_of(self.task)

    def fetch(self) -> Any:
        """Return the value, brought here when this is called first.

        Raises:
            WorkerDiedError: it was lost with the worker that held it.
        """
        with self._lock:
            if not self._found:
                if self.task.cancelled():  # with its pool; there may be nobody left to ask
                    raise self._explain(CancelledError())
                try:
                    self._found.append(self.task.result())
                except Exception as error:  # noqa: BLE001 - raised again in our words
                    raise self._explain(error) from None
            return self._found[0]

    def __getitem__(self, item: int, /) -> DaskItem:
        """Return a handle of one item of the value."""
        return DaskItem(self, item)

    def __reduce__(self) -> Any:
        raise TypeError(
            "a handle stands for a value on the cluster only as an argument, or in lists and "
            "tuples that are arguments; elsewhere give what fetch() returns"
        )


def type_name_of(task: Any) -> str:
    """Return the type of the value of a task, as module and name."""
    kind: object = task.type
    return qualified(kind) if isinstance(kind, type) else str(kind)


class DaskItem:
    """One item of a value that the cluster holds."""

    is_handle = True

    def __init__(self, whole: DaskHandle, item: int) -> None:
        self.pool = whole.pool
        self.whole = whole
        self.item = item

    @property
    def is_here(self) -> bool:
        """Whether the whole value has been brought here."""
        return self.whole.is_here

    def fetch(self) -> Any:
        """Return the item; the whole value is brought here, once."""
        return self.whole.fetch()[self.item]

    def __getitem__(self, item: int, /) -> DaskItem:
        raise TypeError("an item of an item has no handle; take it from what fetch() returns")
