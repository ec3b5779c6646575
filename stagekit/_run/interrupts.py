"""Ctrl-C of a managed run: a message like any other, that cannot come in the middle of one."""

from __future__ import annotations

import signal
import threading
from typing import TYPE_CHECKING, Callable, Optional

if TYPE_CHECKING:
    from types import FrameType

HEARD = 2  # how many are made messages: one cancels the run, the next ends its grace


class Gate:
    """When Ctrl-C may interrupt the thread that owns a run: while it makes calls of stages.

    Attributes:
        is_open: a stage is being called.
        is_used: stages are being called, one after another: the gate will be opened, or left.
        is_asked_for: Ctrl-C has come between two stages.
        tell: called where Ctrl-C has come, and no stage was there to be interrupted.
    """

    def __init__(self) -> None:
        self.is_open = False
        self.is_used = False
        self.is_asked_for = False
        self.tell: Callable[[], object] = int

    def open(self) -> None:
        """Let Ctrl-C come; it comes at once if it has been asked for.

        Raises:
            KeyboardInterrupt: as above.
        """
        self.is_used = True
        self.is_open = True
        if self.is_asked_for:
            self.is_asked_for = False
            raise KeyboardInterrupt

    def shut(self) -> None:
        """Have Ctrl-C wait until the gate is opened or left."""
        self.is_open = False

    def leave(self) -> None:
        """Have Ctrl-C tell."""
        self.is_open = self.is_used = False
        if self.is_asked_for:
            self.is_asked_for = False
            self.tell()


class Interrupts:
    """Has Ctrl-C call *tell*, rather than raise ``KeyboardInterrupt`` wherever the thread is.

    Nothing is changed outside the main thread, or where a program handles Ctrl-C itself. Stages
    that are called in this thread are interrupted, and nothing else there is.
    """

    def __init__(self, tell: Callable[[], object], gate: Gate) -> None:
        self._gate = gate
        gate.tell = tell
        self._is_on = False
        self._count = 0

    def __enter__(self) -> None:
        if threading.current_thread() is not threading.main_thread():
            return
        if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
            signal.signal(signal.SIGINT, self._handle)
            self._is_on = True

    def __exit__(self, *_: object) -> None:
        if self._is_on and signal.getsignal(signal.SIGINT) == self._handle:
            signal.signal(signal.SIGINT, signal.default_int_handler)

    def _handle(self, _number: int, _frame: Optional[FrameType]) -> None:
        gate = self._gate
        if gate.is_open:
            raise KeyboardInterrupt
        if gate.is_used:
            gate.is_asked_for = True
            return
        self._count += 1
        if self._count > HEARD:  # nobody reads messages: a hook hangs
            raise KeyboardInterrupt
        gate.tell()
