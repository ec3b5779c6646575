"""A call under way, and the future that its caller has of it."""

from __future__ import annotations

import pickle
from concurrent.futures import CancelledError, Future
from threading import Lock
from typing import TYPE_CHECKING, Any, Callable, List, Optional, Protocol, Tuple, Union

from stagekit.errors import BadValueError

if TYPE_CHECKING:
    from stagekit._base.cancel import CancelToken
    from stagekit.executors._processes.functions import Definition

    _Future = Future[Any]
else:
    _Future = Future  # which is not generic on Python 3.8

# Any: values of users


class Packed:
    """A value as it came from a worker; unpickled when it is first asked for."""

    __slots__ = ("_data", "_lock", "_name", "_value")

    def __init__(self, data: bytes, name: str) -> None:
        self._data: Optional[bytes] = data
        self._name = name
        self._value: Any = None
        self._lock = Lock()

    def open(self) -> Any:
        """Return the value.

        Raises:
            BadValueError: it cannot be unpickled here.
        """
        with self._lock:
            if self._data is not None:
                self._value = unpacked(self._data, self._name)
                self._data = None
            return self._value


def unpacked(data: bytes, name: str) -> Any:
    """Return a value as it came from a worker, which has called *name*.

    Raises:
        BadValueError: it cannot be unpickled here.
    """
    try:
        return pickle.loads(data)  # noqa: S301 - from our own worker
    except Exception as error:
        raise BadValueError(
            f"what {name} returned cannot be read from its process: {type(error).__name__}: {error}"
        ) from error


class CallFuture(_Future):
    """The future of one call: a ``concurrent.futures.Future``.

    Args:
        take_back: withdraws the call, and tells whether that was before it began.

    Attributes:
        took: nanoseconds that a worker has had the call, once it has returned a value.
    """

    def __init__(self, take_back: Callable[[CallFuture], bool]) -> None:
        super().__init__()
        self._take_back = take_back
        self.call: Optional[Call] = None  # as long as it has not ended
        self.took: Optional[int] = None
        self._packed: Optional[Packed] = None

    def result(self, timeout: Optional[float] = None) -> Any:
        """Return the value, or raise what the call raised."""
        packed = self._packed
        if packed is not None:  # the fast way
            return packed.open()
        error = super().exception(timeout)
        if error is not None:  # not left to Future.result(), which asks whether it is true
            try:
                raise error
            finally:
                del error
        found = super().result(timeout)
        return found.open() if type(found) is Packed else found

    def exception(self, timeout: Optional[float] = None) -> Optional[BaseException]:
        """Return what the call raised, if it did, or why its value cannot be read."""
        error = super().exception(timeout)
        if error is None:
            try:
                self.result()
            except BadValueError as mistake:
                return mistake
        return error

    def returned(self, data: bytes, name: str, took: int) -> None:
        """End the call with a value: its pickle, and whose it is."""
        self.took = took
        self._packed = packed = Packed(data, name)
        self.set_result(packed)

    def cancel(self) -> bool:
        """Withdraw the call if it has not begun; tell whether it is withdrawn."""
        if self.done():
            return self.cancelled()
        return self._take_back(self) and self.withdrawn()

    def withdrawn(self) -> bool:
        """Note that the call will not be made."""
        if self.call is not None:
            self.call.leave()
        if super().cancel():
            self.set_running_or_notify_cancel()
        return self.cancelled()


class WithdrawnError(CancelledError):
    """A call did not begin, and will not."""


class Recallable(Protocol):
    """What calls have in common that are withdrawn together.

    Attributes:
        is_recalled: they have been; written and read under the lock of the crew.
    """

    is_recalled: bool


class Pending:
    """What a run has of a call: as much of a future as it needs, without a lock.

    How a call ends is told once, by who withdraws it or by who has the answer: the lock of the crew
    decides who that is.

    Args:
        take_back: withdraws the call, and tells whether that was before it began.
        then: called with this object when the call has ended, on any thread.

    Attributes:
        took: as of a ``CallFuture``.
    """

    __slots__ = ("_data", "_error", "_name", "_take_back", "_then", "call", "took")

    def __init__(
        self, take_back: Callable[[Pending], bool], then: Callable[[Pending], object]
    ) -> None:
        self.call: Optional[Call] = None  # as long as it has not ended
        self.took: Optional[int] = None
        self._take_back = take_back
        self._then = then
        self._data: Optional[bytes] = None
        self._name = ""
        self._error: Optional[BaseException] = None

    def done(self) -> bool:
        """Tell whether the call has ended."""
        return self._data is not None or self._error is not None

    def cancelled(self) -> bool:
        """Tell whether the call was withdrawn before it began."""
        return isinstance(self._error, WithdrawnError)

    def result(self) -> Any:
        """Return the value of a call that has ended, or raise what it raised."""
        error = self._error
        if error is not None:
            try:
                raise error
            finally:
                del error
        assert self._data is not None  # noqa: S101 - who asks has been told
        return unpacked(self._data, self._name)

    def cancel(self) -> bool:
        """Withdraw the call if it has not begun; tell whether it is withdrawn."""
        return not self.done() and self._take_back(self) and self.withdrawn()

    def withdrawn(self) -> bool:
        """Note that the call will not be made."""
        if self.call is not None:
            self.call.leave()
        self.set_exception(WithdrawnError())
        return True

    def returned(self, data: bytes, name: str, took: int) -> None:
        """End the call with a value: its pickle, and whose it is."""
        self.took = took
        self._data, self._name = data, name
        self._then(self)

    def set_exception(self, error: BaseException) -> None:
        """End the call with an error."""
        self._error = error
        self._then(self)


AnyFuture = Union[CallFuture, Pending]


class Call:
    """A call that has not ended.

    Attributes:
        number: its own, unlike that of any other call of the pool.
        body: what is sent of it.
        batch: what it is withdrawn with; None for a call by itself.
        begun: called when a worker begins it, if anybody wants to know.
        link: the worker that it was sent to, and not taken back from; its type is a floor above.
        tokens: those of its arguments, whose cancelling is passed on.
        leaves: unsubscribe from tokens.
    """

    __slots__ = (
        "batch",
        "begun",
        "body",
        "definition",
        "future",
        "leaves",
        "link",
        "number",
        "tell",
        "tokens",
    )

    def __init__(  # noqa: PLR0913 - the parts of a call
        self,
        number: int,
        definition: Definition,
        body: bytes,
        future: AnyFuture,
        tell: Optional[Callable[[Any], object]],
        *,
        batch: Optional[Recallable] = None,
        begun: Optional[Callable[[], object]] = None,
    ) -> None:
        self.batch = batch
        self.begun = begun
        self.number = number
        self.definition = definition
        self.body = body
        self.future = future
        self.tell = tell
        self.link: Any = None
        self.tokens: Tuple[CancelToken, ...] = ()
        self.leaves: List[Callable[[], object]] = []

    def leave(self) -> None:
        """Note that it has ended: the future is all that stays, and tokens are not listened to."""
        self.future.call = None
        for leave in self.leaves:
            leave()
