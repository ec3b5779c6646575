"""``LoopBox``: messages from anywhere to the thread of an event loop, read once a burst."""

from __future__ import annotations

import contextlib
from collections import deque
from typing import TYPE_CHECKING, Callable, Deque

from stagekit._run.ledger import Message

if TYPE_CHECKING:
    import asyncio


class LoopBox:
    """Keeps messages, and has them read in the next turn of a loop.

    Args:
        loop: whose thread reads.
        read: called in that thread when there are messages; it empties the box.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop, read: Callable[[], None]) -> None:
        self.loop = loop
        self.messages: Deque[Message] = deque()
        self._read = read
        self._is_armed = False  # whether the box is about to be read

    def __bool__(self) -> bool:
        return bool(self.messages)

    def post(self, message: Message) -> None:
        """Add a message, on the thread of the loop."""
        self.messages.append(message)
        self.arm()

    def arm(self) -> None:
        """Have the box read, on the thread of the loop."""
        if not self._is_armed:
            self._is_armed = True
            self.loop.call_soon(self._open)

    def post_from_anywhere(self, message: Message) -> None:
        """Add a message, on any thread. Nobody reads it if the loop is closed."""
        self.messages.append(message)
        if not self._is_armed:
            self._is_armed = True
            with contextlib.suppress(RuntimeError):  # closed: the run has been abandoned
                self.loop.call_soon_threadsafe(self._open)

    def _open(self) -> None:
        self._is_armed = False
        self._read()
