"""Messages to the owner of a run beside an event loop: two more ways to wait than ``Mailbox``.

``AwaitedMailbox`` is read by a coroutine on the running loop. ``TurningMailbox`` is read by a
thread that has a loop of its own and turns it while it waits. So async stages run in the calling
thread, and plain ones are never called on a running loop.
"""

from __future__ import annotations

import asyncio
from collections import deque
from threading import get_ident
from typing import TYPE_CHECKING, Any, Deque, Optional

if TYPE_CHECKING:
    from stagekit._run.mailbox import Message


class LoopMailbox:
    """What both have in common.

    Args:
        loop: the loop of the thread that owns the run.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self.loop = loop
        self._owner = get_ident()
        self._messages: Deque[Message] = deque()
        self.count = self._messages.__len__
        self._is_waking = False

    def post(self, message: Message) -> None:
        """Add a message, on any thread. Nobody reads it where the loop is closed."""
        self._messages.append(message)
        if get_ident() == self._owner:
            self._wake()
        elif not self._is_waking:  # else what wakes the loop is on its way
            self._wake_from_elsewhere()

    def post_in_handler(self, message: Message) -> None:
        """Add a message in a signal handler, which may have interrupted the loop in its wait."""
        self._messages.append(message)
        self._wake_from_elsewhere()

    def _wake_from_elsewhere(self) -> None:
        self._is_waking = True
        try:
            self.loop.call_soon_threadsafe(self._woken)
        except RuntimeError:  # the loop is closed: the run is over
            if not self.loop.is_closed():
                raise

    def _woken(self) -> None:
        self._is_waking = False
        self._wake()

    def _wake(self) -> None:
        raise NotImplementedError

    def _call(self) -> None:
        """Call the messages that have come; those that come meanwhile wait for the clock."""
        for _ in range(len(self._messages)):
            self._messages.popleft()()


class AwaitedMailbox(LoopMailbox):
    """Messages to a coroutine on the running loop."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        super().__init__(loop)
        self._waiter: Optional[asyncio.Future[None]] = None

    async def read(self, patience: Optional[float]) -> None:
        """Wait for a message, and call those that have come; nothing is lost by a cancellation.

        Args:
            patience: for how many seconds at most; None for as long as it takes.
        """
        if self._messages:
            await asyncio.sleep(0)  # tasks go on beside a burst of messages
        else:
            waiter = self._waiter = self.loop.create_future()
            timer: Optional[asyncio.TimerHandle] = None
            if patience is not None:
                timer = self.loop.call_later(patience, self._wake)
            try:
                await waiter
            finally:
                self._waiter = None
                if timer is not None:
                    timer.cancel()
        self._call()

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)


class TurningMailbox(LoopMailbox):
    """Messages to a thread that turns a loop of its own while it waits for them."""

    def __init__(self) -> None:
        super().__init__(asyncio.new_event_loop())
        self._is_reading = False

    def read(self, patience: Optional[float]) -> None:
        """Turn the loop until there is a message, and call those that have come.

        Args:
            patience: for how many seconds at most; None for as long as it takes.
        """
        timer: Optional[asyncio.TimerHandle] = None
        if self._messages:
            self.loop.call_soon(self._wake)  # tasks go on beside a burst of messages
        elif patience is not None:
            timer = self.loop.call_later(patience, self._wake)
        self._is_reading = True
        try:
            self.loop.run_forever()
        finally:
            self._is_reading = False
            if timer is not None:
                timer.cancel()
        self._call()

    @property
    def is_blocked(self) -> bool:
        """Whether messages wait while the loop is turned: a stage does not return to the loop."""
        return bool(self._messages) and self._is_reading

    def _wake(self) -> None:
        if self._is_reading:
            self.loop.stop()

    def close(self, *, is_abandoned: bool) -> None:
        """Close the loop as ``asyncio.run`` does: tasks that stages left behind are cancelled.

        Args:
            is_abandoned: a stage on the loop was given up on: nothing is waited for.
        """
        loop = self.loop
        try:
            left: Any = asyncio.all_tasks(loop)  # Any: a set of tasks of any result
            for task in left:
                task.cancel()
            if is_abandoned:
                loop.run_until_complete(asyncio.sleep(0))
                for task in left:
                    task._log_destroy_pending = False  # noqa: SLF001 - as asyncio's own gather does
                return
            if left:
                loop.run_until_complete(asyncio.wait(left))
            loop.run_until_complete(loop.shutdown_asyncgens())
            shutdown_executor = getattr(loop, "shutdown_default_executor", None)  # from 3.9 on
            if shutdown_executor is not None:  # pragma: no branch - not on 3.8
                loop.run_until_complete(shutdown_executor())
        finally:
            loop.close()
