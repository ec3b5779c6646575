"""Messages to the thread that owns a run, from any thread; the owner calls them in order."""

from __future__ import annotations

from queue import Empty, SimpleQueue
from typing import Callable, Optional

Message = Callable[[], None]

# A wait cannot be interrupted by Ctrl-C on Windows, nor anywhere in its very first instant.
PATIENCE = 0.2  # seconds


class Mailbox:
    """Messages to a thread that waits for them.

    Attributes:
        is_blocked: a stage keeps the messages from being read; never, as stages are not called by
            who reads them, but where the gate is open.
    """

    is_blocked = False

    def __init__(self) -> None:
        self._messages: SimpleQueue[Message] = SimpleQueue()
        self.post: Callable[[Message], object] = self._messages.put
        self.post_in_handler = self.post
        self.count: Callable[[], int] = self._messages.qsize

    def read(self, patience: Optional[float]) -> None:
        """Wait for a message, and call those that have come.

        Args:
            patience: for how many seconds at most; None for as long as it takes.
        """
        bound = PATIENCE if patience is None else min(patience, PATIENCE)
        try:
            message = self._next(bound)
        except Empty:
            return
        more = self._messages.qsize()  # those that come while these are called wait for the clock
        message()
        for _ in range(more):
            self._messages.get()()

    def _next(self, seconds: float) -> Message:
        """Return the next message; raise ``Empty`` where none comes in time.

        Up to CPython 3.12 a ``get`` that a message of before wakes for nothing waits for ever, if
        its time is over by then. A ``get_nowait`` that finds nothing takes such a wake-up away.
        """
        try:
            return self._messages.get_nowait()
        except Empty:
            return self._messages.get(timeout=seconds)
