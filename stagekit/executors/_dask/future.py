"""What a Dask pool answers: the future of a call, and the handle of the value it left there."""

from __future__ import annotations

from concurrent.futures import CancelledError, Future
from threading import Lock
from typing import TYPE_CHECKING, Any, Callable, List, Optional

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
        """The type of the value, for people."""
        kind: object = self.task.type
        return str(getattr(kind, "__name__", kind)).rpartition(".")[2]

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


class DaskItem:
    """One item of a value that the cluster holds."""

    is_handle = True

    def __init__(self, whole: DaskHandle, item: int) -> None:
        self.whole = whole
        self.item = item

    def fetch(self) -> Any:
        """Return the item; the whole value is brought here, once."""
        return self.whole.fetch()[self.item]

    def __getitem__(self, item: int, /) -> DaskItem:
        raise TypeError("an item of an item has no handle; take it from what fetch() returns")


if TYPE_CHECKING:
    _Future = Future[Any]
else:
    _Future = Future  # which is not generic on Python 3.8


class CallFuture(_Future):
    """The future of one call: a ``concurrent.futures.Future``.

    Args:
        take_back: withdraws the call, and tells whether that was in time.
        fetches: whether ``result`` is the value, or the handle that stands for it.
    """

    def __init__(self, take_back: Callable[[CallFuture], bool], *, fetches: bool) -> None:
        super().__init__()
        self._take_back = take_back
        self._fetches = fetches

    def result(self, timeout: Optional[float] = None) -> Any:
        """Return the value or its handle, or raise what the call raised."""
        error = super().exception(timeout)
        if error is not None:  # not left to Future.result(), which asks whether it is true
            try:
                raise error
            finally:
                del error
        found = super().result(timeout)
        return found.fetch() if self._fetches and isinstance(found, DaskHandle) else found

    def cancel(self) -> bool:
        """Withdraw the call if it has not begun; tell whether it is withdrawn."""
        if self.done():
            return self.cancelled()
        return self.withdrawn() if self._take_back(self) else self.cancelled()

    def withdrawn(self) -> bool:
        """Note that the call will not be made."""
        if not super().cancel():
            return self.cancelled()
        self.set_running_or_notify_cancel()
        return True
