"""``CancelToken``: says once, to whoever asks or listens, that work is to end."""

from __future__ import annotations

from _thread import TIMEOUT_MAX, allocate_lock

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Callable, Dict, List, NoReturn, Optional, Tuple


class CancelToken:
    """A request to end, that any thread, and a handler of signals, can make; once, for good.

    A stage with a parameter of this type is given a token of its own, which is cancelled when the
    run is, or when the time of the attempt is up.

    Example:
        >>> token = CancelToken()
        >>> child = token.child()
        >>> token.cancel("enough")
        >>> child.is_cancelled, child.reason
        (True, 'enough')
    """

    __slots__ = ("_line",)

    def __init__(self) -> None:
        self._line: Tuple[_Bell, ...] = (_Bell(),)  # its own, its parent's, and so on

    @property
    def is_cancelled(self) -> bool:
        """Whether this token, or the one it is a child of, has been cancelled."""
        for bell in self._line:  # noqa: SIM110 - asked before each call of a plain stage
            if bell.reasons:
                return True
        return False

    @property
    def reason(self) -> str:
        """Why it was cancelled, as was said first; empty where nothing was said."""
        return next((bell.reasons[0] for bell in self._line if bell.reasons), "")

    def cancel(self, reason: str = "") -> None:
        """Ask for the end, of children too. Only the first call counts.

        Raises:
            Exception: what a callback raised, after all of them have been called.
        """
        self._line[0].ring(reason)

    def raise_if_cancelled(self) -> None:
        """Do nothing until the token is cancelled.

        Raises:
            StageCancelledError: it is cancelled; has the reason.
        """
        if self.is_cancelled:
            from stagekit.errors import StageCancelledError

            raise StageCancelledError(self.reason)

    def wait(self, timeout: Optional[float] = None) -> bool:
        """Wait until the token is cancelled, or *timeout* seconds; return whether it is.

        In place of ``time.sleep``: ``if token.wait(5): return``.
        """
        if timeout is not None and timeout != timeout:  # noqa: PLR0124 - only nan is not itself
            raise ValueError("timeout must be a number of seconds, got nan")
        gate = allocate_lock()
        gate.acquire()
        unsubscribe = self.on_cancel(gate.release)
        try:
            gate.acquire(timeout=-1 if timeout is None else min(max(0.0, timeout), TIMEOUT_MAX))
        finally:
            unsubscribe()
        return self.is_cancelled

    def child(self) -> CancelToken:
        """Return a token that is cancelled with this one, and can be without it."""
        token = CancelToken()
        token._line += self._line
        return token

    def on_cancel(self, callback: Callable[[], object], /) -> Callable[[], None]:
        """Have *callback* called once, by the thread that cancels; at once if that has happened.

        Returns:
            A function that takes the callback back.
        """
        listener = _Listener(callback, self._line)
        for bell in self._line:
            bell.listeners[listener] = None
        if self.is_cancelled:
            listener.tell()
        return listener.leave

    def __repr__(self) -> str:
        if not self.is_cancelled:
            return "<CancelToken>"
        reason = self.reason
        return f"<CancelToken, cancelled: {reason}>" if reason else "<CancelToken, cancelled>"

    def __reduce__(self) -> NoReturn:
        raise TypeError("a CancelToken cannot be copied or sent to another process")


class _Bell:
    """What rings once, for good: the reasons that were given, and who listens.

    It has no lock: what several threads do to the list and the dict is one operation each, so that
    a handler of signals, which interrupts anything on its thread, cannot wait for itself.
    """

    __slots__ = ("listeners", "reasons")

    def __init__(self) -> None:
        self.reasons: List[str] = []
        self.listeners: Dict[_Listener, None] = {}

    def ring(self, reason: str) -> None:
        if not self.reasons:
            self.reasons.append(reason)
        first: Optional[BaseException] = None
        for listener in list(self.listeners):
            try:
                listener.tell()
            except BaseException as error:  # noqa: BLE001 - raised below, once all are told
                first = first or error
        if first is not None:
            raise first


class _Listener:
    """A callback that is called once, however many bells it listens to."""

    __slots__ = ("_bells", "_callbacks")

    def __init__(self, callback: Callable[[], object], bells: Tuple[_Bell, ...]) -> None:
        self._callbacks = [callback]
        self._bells = bells

    def tell(self) -> None:
        callbacks = self._callbacks
        try:
            callback = callbacks.pop()
        except IndexError:  # called, or taken back
            return
        self.leave()
        callback()

    def leave(self) -> None:
        self._callbacks.clear()
        for bell in self._bells:
            bell.listeners.pop(self, None)
