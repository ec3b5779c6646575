"""Ctrl-C during a run: a message to the owner, that cannot come in the middle of its work."""

from __future__ import annotations

import contextlib
import threading
from typing import TYPE_CHECKING, Callable, Optional, Union

if TYPE_CHECKING:
    import signal
    from types import FrameType

    from stagekit._run.loop_mailbox import TurningMailbox
    from stagekit._run.mailbox import Mailbox, Message
else:
    import _signal as signal  # without making enums of numbers, twice in each run

HEARD = 2  # how many are made messages: one cancels the run, the next ends its grace


class Gate:
    """When Ctrl-C may interrupt the thread that owns a run: while it makes calls of stages.

    Attributes:
        is_open: a stage is being called.
        is_used: stages are being called, one after another: the gate will be opened, or left.
        is_asked_for: Ctrl-C has come between two stages.
        post: called where Ctrl-C has come, and no stage was there to be interrupted.
    """

    def __init__(self) -> None:
        self.is_open = False
        self.is_used = False
        self.is_asked_for = False
        self.post: Callable[[], object] = int

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
        """Have Ctrl-C become a message."""
        self.is_open = self.is_used = False
        if self.is_asked_for:
            self.is_asked_for = False
            self.post()


class Interrupts:
    """Has Ctrl-C post a message, rather than raise ``KeyboardInterrupt`` wherever the thread is.

    Nothing is changed outside the main thread, or where a program handles Ctrl-C itself. Stages
    that are called in this thread are interrupted, and nothing else there is. An async stage that
    blocks the loop of this thread keeps the message from being read: the next Ctrl-C interrupts it,
    and so does the end of the grace.

    Args:
        mailbox: where the message is posted.
        message: cancels the run.
        gate: says when a stage is being called.
        grace: seconds.

    Attributes:
        is_unread: a message has been posted that has not been read.
    """

    def __init__(
        self,
        mailbox: Union[Mailbox, TurningMailbox],
        message: Message,
        gate: Gate,
        grace: float,
    ) -> None:
        self._mailbox = mailbox
        self._message = message
        self._gate = gate
        gate.post = self._post
        self._grace = grace
        self._timer: Optional[threading.Timer] = None
        self._is_on = False
        self._count = 0
        self.is_unread = False

    def __enter__(self) -> None:
        if threading.current_thread() is not threading.main_thread():
            return
        if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
            signal.signal(signal.SIGINT, self._handle)
            self._is_on = True

    def __exit__(self, *_: object) -> None:
        if self._timer is not None:
            self._timer.cancel()
        if self._is_on and signal.getsignal(signal.SIGINT) == self._handle:
            signal.signal(signal.SIGINT, signal.default_int_handler)
        self._gate.post = int  # else the run would be held in a circle

    def _post(self) -> None:
        self.is_unread = True
        self._mailbox.post_in_handler(self._read)

    def _read(self) -> None:
        self.is_unread = False
        self._message()

    def _handle(self, _number: int, _frame: Optional[FrameType]) -> None:
        gate = self._gate
        if gate.is_open:
            raise KeyboardInterrupt
        if gate.is_used:
            gate.is_asked_for = True
            return
        self._count += 1
        if self._count > 1 and self._mailbox.is_blocked:
            raise KeyboardInterrupt  # in the stage that blocks the loop
        if self._count > HEARD:  # nobody reads messages: a hook hangs
            raise KeyboardInterrupt
        self._post()
        if self._count == 1 and self._mailbox.is_blocked:
            self._watch()

    def _watch(self) -> None:
        """Interrupt what blocks the loop when the grace is over, unless it ends before."""
        self._timer = threading.Timer(self._grace, self._press_again)
        self._timer.daemon = True
        with contextlib.suppress(RuntimeError):  # no thread to be had: the next Ctrl-C does it
            self._timer.start()

    def _press_again(self) -> None:
        """Send the signal once more, on the thread of the timer."""
        main = threading.main_thread().ident
        if self._mailbox.is_blocked and hasattr(signal, "pthread_kill") and main is not None:
            signal.pthread_kill(main, signal.SIGINT)
