"""Ctrl-C, SIGTERM and SIGHUP: one way to end early, in phases, and three exit codes.

In a run the first one cancels it, and the stages that run get time to end; the second one ends the
wait; the third one ends the process. Outside of a run the second one ends the process.
"""

from __future__ import annotations

import contextlib
import os
import threading
import time
from types import FrameType
from typing import TYPE_CHECKING, Any, Callable, Generator, Optional

from stagekit._base.record import Record
from stagekit.cli import ExitCode

if TYPE_CHECKING:
    import signal
else:
    import _signal as signal  # without the enums of ``signal``: 1 ms

_PATIENCE = 0.3  # seconds that a run may take to end before a word is said about it
_AGAIN = 0.1  # seconds after which the main thread is nudged once more
_LAST = 3  # the signal that ends the process while a run goes on
_CODES = {int(signal.SIGTERM): ExitCode.TERMINATED}
if hasattr(signal, "SIGHUP"):
    _CODES[int(signal.SIGHUP)] = ExitCode.HUNG_UP
_NUDGE = getattr(signal, "SIGURG", signal.SIGTERM)  # ignored unless somebody asks for it


class Phases(Record):
    """What happens while a run that was asked to end goes on.

    Attributes:
        notify: called once, if it does not end soon.
        last_words: returns what is written to standard error before the process ends at once.
    """

    notify: Callable[[], None]
    last_words: Callable[[], bytes] = bytes


class Interruption:
    """What has asked this process to end: Ctrl-C unless another signal is known to have come.

    Args:
        start: the handler that this process has set for its start, for signals to be taken from.

    Attributes:
        exit_code: how a command ends that was interrupted.
        has_run: stages may have been called.
    """

    def __init__(self, start: object = signal.default_int_handler) -> None:
        self.exit_code: ExitCode = ExitCode.INTERRUPTED
        self.has_run = False
        self._start = start
        self._is_listening = False
        self._is_in_run = False
        self._is_asked = False  # a signal has come outside of a run

    @contextlib.contextmanager
    def listening(self) -> Generator[None, None, None]:
        """Let each signal raise ``KeyboardInterrupt``. For the main thread only.

        What this process was started to ignore stays ignored: with ``nohup``, SIGHUP. A handler of
        SIGINT that somebody else has set stays, and is called for the other signals, too.
        """
        before = {number: signal.getsignal(number) for number in (signal.SIGINT, *_CODES)}
        try:
            for number, handler in before.items():
                is_somebodys = number == signal.SIGINT and not self._is_of_start(handler)
                if handler is not signal.SIG_IGN and not is_somebodys:
                    signal.signal(number, self._handle)
            self._is_listening = True
            yield
        finally:
            self._is_listening = False
            for number, handler in reversed(tuple(before.items())):  # SIGINT's is asked by others
                signal.signal(number, handler)

    def _is_of_start(self, handler: object) -> bool:
        return handler is self._start or handler is signal.default_int_handler

    def _handle(self, number: int, frame: Optional[FrameType]) -> None:
        if number != signal.SIGINT:
            self.exit_code = _CODES[number]
            handler = signal.getsignal(signal.SIGINT)
            if callable(handler) and handler != self._handle:  # of a run, or of the user's module
                handler(signal.SIGINT, frame)
                return
        if self._is_asked and not self._is_in_run:
            os._exit(int(self.exit_code))
        self._is_asked = True
        raise KeyboardInterrupt

    def raise_if_asked(self) -> None:
        """Make up for an exception that got lost: one in a callback of an import is only printed.

        Raises:
            KeyboardInterrupt: a signal has come.
        """
        if self._is_asked:
            raise KeyboardInterrupt

    @contextlib.contextmanager
    def phases(self, phases: Phases) -> Generator[None, None, None]:
        """Let Ctrl-C cancel the run in the block, and see to it that this comes to an end.

        The run handles Ctrl-C itself where Python's own handler is set. The handlers stay: a thread
        reads the numbers of signals from a descriptor.
        """
        if not self._is_listening:
            yield
            return
        self.raise_if_asked()
        self._is_in_run = True
        try:
            with self._handler_of_python(), self._watched(phases):
                yield
        finally:
            self._is_in_run = False

    @contextlib.contextmanager
    def _handler_of_python(self) -> Generator[None, None, None]:
        if signal.getsignal(signal.SIGINT) != self._handle:
            yield
            return
        signal.signal(signal.SIGINT, signal.default_int_handler)
        try:
            yield
        finally:
            if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
                signal.signal(signal.SIGINT, self._handle)

    @contextlib.contextmanager
    def _watched(self, phases: Phases) -> Generator[None, None, None]:
        if os.name == "nt":
            yield
            return
        source, sink = os.pipe()
        os.set_blocking(sink, False)
        watch = _Watch(self, source, phases)
        thread = threading.Thread(target=watch.run, name="stagekit-signals", daemon=True)
        before = signal.set_wakeup_fd(sink, warn_on_full_buffer=False)
        before_nudge: Any = signal.signal(_NUDGE, watch.answer)  # Any: a handler of somebody
        thread.start()
        try:
            yield
        finally:
            signal.set_wakeup_fd(before)
            watch.is_over = True
            os.write(sink, b"\0")
            thread.join()
            signal.signal(_NUDGE, before_nudge)
            os.close(source)
            os.close(sink)


class _Watch:
    """The thread that counts signals, and does what is due after the first one."""

    def __init__(self, interruption: Interruption, source: int, phases: Phases) -> None:
        self.is_over = False
        self._interruption = interruption
        self._source = source
        self._phases = phases
        self._count = 0
        self._since = 0.0
        self._has_notified = False
        self._is_unanswered = False  # the main thread may not have looked for signals since
        self._is_missed = False  # it had not when the second one came: it takes the two for one

    def run(self) -> None:
        """Watch until the run is over."""
        while not self.is_over:
            if self._has_come(self._patience()):
                self._take(os.read(self._source, 1)[0])
            elif not self.is_over:
                self._do_due()

    def _has_come(self, patience: Optional[float]) -> bool:
        if patience is None:  # what reads it waits
            return True
        import select

        return bool(select.select([self._source], [], [], patience)[0])

    def _patience(self) -> Optional[float]:
        """Return the seconds to what is due next; None for nothing."""
        if not self._count:
            return None
        due = [] if self._has_notified else [_PATIENCE]
        patience = max(0.0, self._since + min(due) - time.monotonic()) if due else None
        if self._is_unanswered:
            return _AGAIN if patience is None else min(patience, _AGAIN)
        return patience

    def _take(self, number: int) -> None:
        if number != signal.SIGINT and number not in _CODES:
            return
        self._count += 1
        self._interruption.exit_code = _CODES.get(number, self._interruption.exit_code)
        if self._count == 1:
            self._since = time.monotonic()
        elif self._count < _LAST:
            # If the first one has just come, nobody knows: once more is worse than once too few.
            is_old = time.monotonic() - self._since >= _AGAIN
            self._is_missed = is_old and self._is_unanswered
        else:
            with contextlib.suppress(Exception):  # ends whatever happens
                os.write(2, self._phases.last_words())
            os._exit(int(self._interruption.exit_code))  # at once: nobody is waited for
        self._is_unanswered = True
        _nudge()

    def answer(self, _number: int, frame: Optional[FrameType]) -> None:
        """Handle a nudge, which comes after the signals before it: that it comes is most of it."""
        self._is_unanswered = False
        if self._is_missed:
            self._is_missed = False
            _handle_ctrl_c(frame)
        signal.pthread_kill(threading.get_ident(), 0)  # looks for those that have come meanwhile

    def _do_due(self) -> None:
        if self._is_unanswered:  # the nudge may have come in that same instant: until the answer
            _nudge()
        waited = time.monotonic() - self._since
        if not self._has_notified and waited >= _PATIENCE:
            self._has_notified = True
            _nudge()
            self._phases.notify()


def _nudge() -> None:
    """Wake the main thread from a system call that it entered just after the signal had come.

    CPython looks for signals between two instructions: one that comes between that look and the
    call would be seen only when the call returns, after hours of sleep perhaps.
    """
    main = threading.main_thread().ident
    if main is not None:
        signal.pthread_kill(main, _NUDGE)


def _handle_ctrl_c(frame: Optional[FrameType]) -> None:
    handle = signal.getsignal(signal.SIGINT)
    if not callable(handle):  # Ctrl-C is ignored, as in a job in the background
        raise KeyboardInterrupt
    handle(signal.SIGINT, frame)
