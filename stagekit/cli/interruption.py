"""Ctrl-C, SIGTERM and SIGHUP: one way to end early, in phases, and three exit codes.

The first one cancels a run, and what is under way gets time to end; the second one ends the wait;
the third one ends the process.
"""

from __future__ import annotations

import contextlib
import os
import select
import signal
import threading
import time
from types import FrameType
from typing import Callable, Generator, NamedTuple, Optional

from stagekit.cli.exitcode import ExitCode

_PATIENCE = 0.3  # seconds that a run may take to end before a word is said about it
_AGAIN = 0.1  # seconds after which the main thread is nudged once more
_LAST = 3  # the signal that ends the process
_CODES = {int(signal.SIGTERM): ExitCode.TERMINATED}
if hasattr(signal, "SIGHUP"):
    _CODES[int(signal.SIGHUP)] = ExitCode.HUNG_UP
_NUDGE = getattr(signal, "SIGURG", signal.SIGTERM)  # ignored unless somebody asks for it


class Phases(NamedTuple):
    """What happens while a run that was asked to end goes on.

    Attributes:
        tell: called once, if it does not end soon.
        grace: seconds after which it is asked a second time; None where it sees to that itself.
        last_words: written to standard error before the process ends at once.
    """

    tell: Callable[[], None]
    grace: Optional[float] = None
    last_words: bytes = b""


class Interruption:
    """What has asked this process to end: Ctrl-C unless another signal is known to have come.

    Attributes:
        exit_code: how a command ends that was interrupted.
        has_run: stages may have been called.
    """

    def __init__(self) -> None:
        self.exit_code = ExitCode.INTERRUPTED
        self.has_run = False
        self._is_listening = False

    @contextlib.contextmanager
    def listening(self) -> Generator[None, None, None]:
        """Handle the others as Ctrl-C is handled at that moment. For the main thread only.

        What this process was told to ignore stays ignored: with ``nohup``, SIGHUP.
        """
        before = {number: signal.getsignal(number) for number in _CODES}
        for number, handler in before.items():
            if handler is not signal.SIG_IGN:
                signal.signal(number, self._end_early)
        self._is_listening = True
        try:
            yield
        finally:
            self._is_listening = False
            for number, handler in before.items():
                signal.signal(number, handler)

    def _end_early(self, number: int, frame: Optional[FrameType]) -> None:
        self.exit_code = _CODES[number]
        _handle_ctrl_c(frame)

    @contextlib.contextmanager
    def phases(self, phases: Phases) -> Generator[None, None, None]:
        """Take care of a run that is asked to end while the block goes on.

        Handlers stay as they are: a descriptor that gets the numbers of signals is watched.
        """
        if not self._is_listening or os.name == "nt":
            yield
            return
        source, sink = os.pipe()
        os.set_blocking(sink, False)
        watch = _Watch(self, source, phases)
        thread = threading.Thread(target=watch.run, daemon=True)
        before = signal.set_wakeup_fd(sink, warn_on_full_buffer=False)
        before_nudge = signal.signal(_NUDGE, watch.heard)
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
        self._has_told = False
        self._is_unheard = False  # the main thread may not have looked for signals since the last
        self._is_missed = False  # it had not when the second one came: it takes the two for one
        self._has_asked = phases.grace is None

    def run(self) -> None:
        """Watch until the run is over."""
        while not self.is_over:
            ready, _, _ = select.select([self._source], [], [], self._patience())
            if ready:
                self._take(os.read(self._source, 1)[0])
            elif not self.is_over:
                self._do_due()

    def _patience(self) -> Optional[float]:
        """Return the seconds to what is due next; None for nothing."""
        if not self._count:
            return None
        due = [] if self._has_told else [_PATIENCE]
        due += [] if self._has_asked else [self._phases.grace or 0.0]
        patience = max(0.0, self._since + min(due) - time.monotonic()) if due else None
        if self._is_unheard:
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
            self._has_asked = True
            # If the first one has just come, nobody knows: once more is worse than once too few.
            is_old = time.monotonic() - self._since >= _AGAIN
            self._is_missed = is_old and self._is_unheard
        else:
            if self._phases.last_words:
                os.write(2, self._phases.last_words)
            os._exit(int(self._interruption.exit_code))  # at once: nobody is waited for
        self._is_unheard = True
        _nudge()

    def heard(self, _number: int, frame: Optional[FrameType]) -> None:
        """Take a nudge, which comes after the signals before it: that it comes is most of it."""
        self._is_unheard = False
        if self._is_missed:
            self._is_missed = False
            _handle_ctrl_c(frame)
        signal.pthread_kill(threading.get_ident(), 0)  # looks for those that have come meanwhile

    def _do_due(self) -> None:
        if self._is_unheard:  # the nudge may have come in that same instant: until it is heard
            _nudge()
        waited = time.monotonic() - self._since
        if not self._has_told and waited >= _PATIENCE:
            self._has_told = True
            _nudge()
            self._phases.tell()
        if not self._has_asked and waited >= (self._phases.grace or 0.0):
            self._has_asked = True
            os.kill(os.getpid(), signal.SIGINT)  # as if asked a second time; comes in here, too


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
