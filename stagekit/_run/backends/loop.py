"""The backend of async stages: tasks on the running loop, or on a loop in a thread of its own."""

from __future__ import annotations

import asyncio
from threading import Thread
from typing import TYPE_CHECKING, Any, Dict, Optional, Set

from stagekit._base.promise import check_value

if TYPE_CHECKING:
    from stagekit._run.backends.job import Job, Post
    from stagekit._run.guards.loop_watchdog import LoopWatch

LEFT_BEHIND = 1.0  # seconds that tasks have to end which stages left behind
STUCK = 0.25  # seconds that a loop has to end on which a stage was given up on


class LoopBackend:
    """A task a call.

    Args:
        post: takes how calls ended.
        capacity: how many calls may be under way.
        watch: looks at a loop of its own.
        loop: where tasks run; None for a loop of its own, in a thread of its own.
    """

    name = "asyncio"
    can_kill = False
    reasks = True
    walks = False
    recalls = False
    queues = False
    ahead = 0

    def __init__(
        self,
        post: Post,
        capacity: int,
        watch: LoopWatch,
        loop: Optional[asyncio.AbstractEventLoop] = None,
    ) -> None:
        self.capacity = capacity
        self._post = post
        self._watch = watch
        self._is_own = loop is None
        self.loop = asyncio.new_event_loop() if loop is None else loop
        self._tasks: Dict[int, asyncio.Task[None]] = {}
        self._thread: Optional[Thread] = None
        self._given_up: Set[asyncio.Task[None]] = set()
        self._is_stuck = False  # something was given up on: the loop itself may not answer

    def start(self, job: Job) -> None:
        """Make a task of the call."""
        if self._is_own:
            self._open()
            self.loop.call_soon_threadsafe(self._begin, job)
        else:
            self._begin(job)

    def stop(self, ticket: int, *, force: bool) -> None:  # noqa: ARG002 - asked is all a task can be
        """Cancel the task, once more where it did not obey."""
        self._on_loop(self._cancel, ticket)

    def recall(self) -> None:
        """Do nothing: tasks begin at once."""

    def abandon(self, ticket: int) -> None:
        """Wait no longer for the task."""
        self._is_stuck = True
        self._on_loop(self._forget, ticket)

    def close(self) -> None:
        """End the loop where it is our own, with what stages left behind on it."""
        if self._thread is not None:
            self.loop.call_soon_threadsafe(self.loop.stop)
            self._thread.join(STUCK if self._is_stuck else None)
        elif self._is_own:
            self.loop.close()

    def _on_loop(self, call: Any, *args: Any) -> None:  # Any: whatever call_soon takes
        if self._is_own:
            self.loop.call_soon_threadsafe(call, *args)
        else:
            call(*args)

    def _open(self) -> None:
        if self._thread is None:
            self._thread = Thread(target=self._live, name="stagekit-loop", daemon=True)
            self._thread.start()

    def _live(self) -> None:
        asyncio.set_event_loop(self.loop)
        try:
            with self._watch.on(self.loop):
                self.loop.run_forever()
            left: Any = asyncio.all_tasks(self.loop)  # Any: a set of tasks of any result
            for task in left:
                task.cancel()
            self.loop.run_until_complete(asyncio.sleep(0))
            others = left - self._given_up
            if others:
                self.loop.run_until_complete(asyncio.wait(others, timeout=LEFT_BEHIND))
            for task in left:
                task._log_destroy_pending = False  # noqa: SLF001 - as asyncio's own gather does
            self.loop.run_until_complete(self.loop.shutdown_asyncgens())
        finally:
            asyncio.set_event_loop(None)
            self.loop.close()

    def _begin(self, job: Job) -> None:
        call = self._call(job)
        task = job.context.run(self.loop.create_task, call)
        self._tasks[job.ticket] = task
        task.add_done_callback(lambda _: self._unbegun(job.ticket))

    def _unbegun(self, ticket: int) -> None:
        """Post the end of a task that was cancelled before its first step: it could not itself."""
        if self._tasks.pop(ticket, None) is not None:
            self._post(ticket, None, asyncio.CancelledError())

    def _forget(self, ticket: int) -> None:
        task = self._tasks.pop(ticket, None)
        if task is not None:
            self._given_up.add(task)

    def _cancel(self, ticket: int) -> None:
        task = self._tasks.get(ticket)
        if task is not None:
            task.cancel()

    async def _call(self, job: Job) -> None:
        value: Any = None
        error: Optional[BaseException] = None
        try:
            job.token.raise_if_cancelled()
            if job.has_handles():
                await self.loop.run_in_executor(None, job.fetch)
            try:
                value = await job.fn(*job.args, **job.kwargs)
            finally:
                job.flush()
            check_value(value, job.promise)
        except BaseException as found:  # noqa: BLE001 - judged by the owner
            error = found
        if self._tasks.pop(job.ticket, None) is not None:
            self._post(job.ticket, value, error)
