"""The backend of async stages: tasks on the running loop, or on a loop in a thread of its own.

A call that follows another is made in the same task, unless that may not serve another stage: one
has left context variables changed, has asked it to end, or it has kept the loop for some time.
So that stages which never suspend follow one another, tasks are made in a slow start: 1, 2, 4 …,
one burst each turn of the loop. Calls that cannot follow others do not wait for that.
"""

from __future__ import annotations

import asyncio
from functools import partial
from threading import Thread
from time import perf_counter_ns
from typing import TYPE_CHECKING, Any, Callable, Dict, Optional, Set

from stagekit._base.promise import check_value
from stagekit._run.backends.job import CHAINED
from stagekit._run.branch_task import HAS_CONTEXT, SLICE, what_cancels, what_stays

if TYPE_CHECKING:
    import contextvars

    from stagekit._run.backends.job import Job, Post
    from stagekit._run.guards.loop_watchdog import LoopWatch

LEFT_BEHIND = 1.0  # seconds that tasks have to end which stages left behind
STUCK = 0.25  # seconds that a loop has to end on which a stage was given up on


class LoopBackend:
    """A task a call, or for calls that follow one another.

    Args:
        post: takes how calls ended.
        capacity: how many calls may be under way.
        watch: looks at a loop of its own.
        loop: where tasks run; None for a loop of its own, in a thread of its own.
        more: called, on any thread, where more calls may be begun than before.
    """

    name = "asyncio"
    can_kill = False
    reasks = True
    walks = True
    recalls = False
    returns_handles = False
    queues = False
    is_elsewhere = False

    def __init__(
        self,
        post: Post,
        capacity: int,
        watch: LoopWatch,
        loop: Optional[asyncio.AbstractEventLoop] = None,
        more: Callable[[], object] = bool,
    ) -> None:
        self.capacity = capacity
        self.ahead = 1 - capacity  # as many fewer are begun
        self._burst = 1
        self._is_turning = False  # the next turn of the loop has been asked for
        self._more = more
        self._post = post
        self._watch = watch
        self._is_own = loop is None
        self.loop = asyncio.new_event_loop() if loop is None else loop
        self._tasks: Dict[int, asyncio.Task[None]] = {}
        self._thread: Optional[Thread] = None
        self._given_up: Set[asyncio.Task[None]] = set()
        self._is_stuck = False  # something was given up on: the loop itself may not answer
        self._origin: Optional[contextvars.Context] = None  # and what tells a changed copy of it
        self._stays: Callable[[contextvars.Context], bool] = bool

    def start(self, job: Job) -> None:
        """Make a task of the call."""
        job.prepare()
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
        context = job.context.copy()
        call = self._call(job, context)
        create: Any = self.loop.create_task  # Any: what it takes depends on the Python
        task: asyncio.Task[None] = (
            create(call, context=context) if HAS_CONTEXT else context.run(create, call)
        )
        self._tasks[job.ticket] = task
        task.add_done_callback(partial(self._unbegun, job.ticket))
        if self.ahead < 0 and not self._is_turning:
            self._is_turning = True
            self.loop.call_soon(self._turned)

    def _turned(self) -> None:
        """Have twice as many tasks made as there were, now that they have had a turn."""
        self._is_turning = False
        self._burst = 2 * max(self._burst, len(self._tasks))
        self.ahead = min(0, self._burst - self.capacity)
        self._more()

    def _unbegun(self, ticket: int, task: asyncio.Task[None]) -> None:
        """Post the end of a task that was cancelled before its first step: it could not itself."""
        if self._tasks.get(ticket) is task:
            del self._tasks[ticket]
            self._post(ticket, None, asyncio.CancelledError())

    def _forget(self, ticket: int) -> None:
        task = self._tasks.pop(ticket, None)
        if task is not None:
            self._given_up.add(task)

    def _cancel(self, ticket: int) -> None:
        task = self._tasks.get(ticket)
        if task is not None:
            task.cancel()

    async def _call(self, job: Job, context: contextvars.Context) -> None:
        origin, since = job.context, perf_counter_ns()
        is_cancelling: Optional[Callable[[], object]] = None
        stays: Callable[[contextvars.Context], bool] = bool
        value: Any = None
        error: Optional[BaseException] = None
        try:
            job.token.raise_if_cancelled()
            if job.has_handles():
                await self.loop.run_in_executor(None, job.fetch)
            while True:
                try:
                    value = await job.fn(*job.args, **job.kwargs)
                finally:
                    if job.progress is not None:
                        job.flush()
                check_value(value, job.promise)
                value = job.returned(value, self.ahead)
                if value is not CHAINED:
                    break
                job.prepare()
                if is_cancelling is None:
                    is_cancelling, stays = what_cancels(), self._what_stays(origin)
                is_late = perf_counter_ns() - since > SLICE
                if job.context is not origin or is_late or is_cancelling() or not stays(context):
                    self._begin(job)
                    return
        except BaseException as found:  # noqa: BLE001 - judged by the owner
            value, error = None, found
            job.raised()
        if self._tasks.pop(job.ticket, None) is not None:
            self._post(job.ticket, value, error)

    def _what_stays(self, origin: contextvars.Context) -> Callable[[contextvars.Context], bool]:
        if origin is not self._origin:
            self._origin, self._stays = origin, what_stays(origin)
        return self._stays
