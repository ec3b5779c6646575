"""Ctrl-C and SIGTERM: one way to end early, two exit codes, and whom the wait is for."""

from __future__ import annotations

import contextlib
import os
import signal
import threading
from types import FrameType
from typing import Callable, Generator, Optional

from stagekit.cli.exitcode import ExitCode

__all__ = ["Interruption"]

_PATIENCE = 0.3  # seconds that a run may take to end before a word is said about it
_ASKING = (signal.SIGINT, signal.SIGTERM)
_NUDGE = getattr(signal, "SIGURG", signal.SIGTERM)  # ignored unless somebody asks for it


class Interruption:
    """What has asked this process to end: Ctrl-C unless SIGTERM is known to have come.

    Attributes:
        exit_code: how a command ends that was interrupted.
    """

    def __init__(self) -> None:
        self.exit_code = ExitCode.INTERRUPTED
        self._is_listening = False

    @contextlib.contextmanager
    def listening(self) -> Generator[None, None, None]:
        """Handle SIGTERM as Ctrl-C is handled at that moment. For the main thread only."""
        before = signal.signal(signal.SIGTERM, self._terminate)
        self._is_listening = True
        try:
            yield
        finally:
            self._is_listening = False
            signal.signal(signal.SIGTERM, before)

    def _terminate(self, _number: int, frame: Optional[FrameType]) -> None:
        self.exit_code = ExitCode.TERMINATED
        handle = signal.getsignal(signal.SIGINT)
        if callable(handle):
            handle(signal.SIGINT, frame)
        else:  # Ctrl-C is ignored, as in a job in the background
            raise KeyboardInterrupt

    @contextlib.contextmanager
    def telling(self, tell: Callable[[], None]) -> Generator[None, None, None]:
        """Have *tell* called once, if the block goes on for a while after it was asked to end.

        Handlers stay as they are: a descriptor that gets the numbers of signals is watched.
        """
        if not self._is_listening or os.name == "nt":
            yield
            return
        source, sink = os.pipe()
        os.set_blocking(sink, False)
        is_over = threading.Event()
        watch = threading.Thread(target=_watch, args=(source, is_over, tell), daemon=True)
        before = signal.set_wakeup_fd(sink, warn_on_full_buffer=False)
        before_nudge = signal.signal(_NUDGE, _ignore)
        watch.start()
        try:
            yield
        finally:
            signal.set_wakeup_fd(before)
            is_over.set()
            os.write(sink, b"\0")
            watch.join()
            signal.signal(_NUDGE, before_nudge)
            os.close(source)
            os.close(sink)


def _watch(source: int, is_over: threading.Event, tell: Callable[[], None]) -> None:
    while not is_over.is_set():
        if os.read(source, 1)[0] not in _ASKING:
            continue
        _nudge()
        if not is_over.wait(_PATIENCE):
            _nudge()
            tell()
            return


def _nudge() -> None:
    """Wake the main thread from a system call that it entered just after the signal had come.

    CPython looks for signals between two instructions: one that comes between that look and the
    call would be seen only when the call returns, after hours of sleep perhaps.
    """
    main = threading.main_thread().ident
    if main is not None:
        signal.pthread_kill(main, _NUDGE)


def _ignore(_number: int, _frame: Optional[FrameType]) -> None:
    """Do nothing: that the signal was delivered is enough."""
