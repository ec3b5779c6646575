"""A task a branch, not a task a stage: the hot loop of simple runs of async stages.

A branch takes the best ready step, awaits it, and goes on with the best of what that made ready.
New branches are started in a slow start (1, 2, 4 …), one burst each turn of the loop, so that
stages that never suspend are all awaited by one of them. A branch yields to the loop after 5 ms. It
ends, and another one goes on in a fresh task, where its task may not serve a second stage: after an
exception, or where a stage has left context variables changed.
"""

from __future__ import annotations

import asyncio
import contextvars
from functools import partial
from heapq import heappop, heappush
from time import perf_counter_ns
from typing import TYPE_CHECKING, Any, Callable, Coroutine, Dict, List, Optional, Sequence, Set

from stagekit._base.promise import COROUTINE, check_value
from stagekit._run.branch_task import SLICE, task_starter, what_cancels, what_stays
from stagekit._run.fast.direct import Direct
from stagekit._run.state.agenda import SECOND
from stagekit._run.state.attempts import REASK_AFTER
from stagekit._run.state.columns import RUNNING, SUCCEEDED

if TYPE_CHECKING:
    from stagekit._run.mailbox import Message
    from stagekit._run.session import Session

    Branch = Callable[[int, int, contextvars.Context], Coroutine[Any, Any, None]]

_LAST = -2


class FastLoop(Direct):
    """The branches of one simple run, on a loop whose thread owns the run."""

    def __init__(
        self,
        session: Session,
        post: Callable[[Message], object],
        loop: asyncio.AbstractEventLoop,
    ) -> None:
        super().__init__(session, post)
        limit = session.settings.async_limit
        self.loop = loop
        self._start_task = task_starter(self.loop)
        self.limit = len(session.plan) if limit is None else limit
        self.tasks: Dict[int, asyncio.Task[None]] = {}
        self._new: Set[int] = set()  # tasks that have not begun
        self._free: List[int] = []
        self._is_pumping = False  # whether new branches are about to be started
        self._burst = 1
        self._ask_at: Optional[int] = None  # when tasks that do not end are cancelled once more
        self._branch = self._branches()

    def open(self) -> None:
        """Start the first branch."""
        super().open()
        self._pump()

    def stop(self) -> None:
        """Start nothing new; where the run is cancelled, cancel what runs."""
        super().stop()
        if self.session.cancels:
            self._cancel_tasks()
        self._settled()

    def tick(self) -> None:
        """Cancel once more what did not end; give up on it where the grace is over."""
        super().tick()
        if self._ask_at is not None and perf_counter_ns() >= self._ask_at and not self.is_over:
            self._cancel_tasks()

    def patience(self) -> Optional[float]:
        """Return for how many seconds there is nothing to do but to wait for messages."""
        bound = super().patience()
        if self._ask_at is None:
            return bound
        until = max(0, self._ask_at - perf_counter_ns()) / SECOND
        return until if bound is None else min(bound, until)

    def close(self) -> None:
        """Say nothing of branches that were given up on; raise the defect that ended the run."""
        for task in self.tasks.values():
            given_up: Any = task  # Any: an attribute of asyncio's own
            given_up._log_destroy_pending = False  # noqa: SLF001 - as asyncio's gather does
        super().close()

    def wake(self) -> None:
        """Start branches in the next turn of the loop."""
        if not self._is_pumping:
            self._is_pumping = True
            self.loop.call_soon(self._pump)

    def _cancel_tasks(self) -> None:
        for task in tuple(self.tasks.values()):
            task.cancel()
        for number in self._new:  # what is cancelled before it has begun never begins
            self.tasks.pop(number, None)
        self._new.clear()
        self._ask_at = perf_counter_ns() + REASK_AFTER

    def _settled(self) -> None:
        """Have the owner look where nothing is left to be done."""
        if self.is_closed and not self.tasks and not self.is_over:
            self.is_over = True
            self.post(_look)

    def _pump(self) -> None:
        """Start branches for ready steps; twice as many each time in a row."""
        self._is_pumping = False
        heap, tasks, free = self.heap, self.tasks, self._free
        start, branch, copy = self._start_task, self._branch, self.session.context.copy
        is_new = self._new.add
        try:
            for kept in self._take(min(self._burst, self.limit - len(tasks))):
                if self.is_closed:
                    break
                number = heappop(free) if free else len(tasks) + 1
                is_new(number)
                context = copy()
                task = start(branch(number, kept, context), context=context)
                if not task.done():  # it may have begun and ended already
                    tasks[number] = task
        except BaseException as error:  # noqa: BLE001 - a defect of ours
            self.crashed(error)
        if heap and len(tasks) < self.limit and not self.is_closed:
            self._burst *= 2
            self.wake()
        else:
            self._burst = 1
        self._settled()

    def _take(self, count: int) -> Sequence[int]:
        """Return ranks for so many branches to begin with, if there are, taken out in one go."""
        heap = self.heap
        heap.sort()  # it was nearly, and is a heap still
        taken = heap[:count]
        del heap[:count]
        return taken

    def _branches(self) -> Branch:
        """Return the coroutine function of branches.

        Each is given its number, the rank of the step to begin with (-1 for the best that is
        ready), and its context.

        What they need of the run is closed over, and what they need only between two stages is in
        functions of its own: there may be very many of them, and a small frame is made faster.
        """
        heap, tasks, raised = self.heap, self.tasks, self._raised
        push, pop, pushpop = self.push, self.pop, self.pushpop
        by_rank = self.session.scheduler.by_rank
        columns, clock = self.session.columns, perf_counter_ns
        ends = columns.ends
        calls, status = self.session.plan.calls, self.session.scheduler.status
        values: List[Any] = columns.values
        workers, starts = columns.workers or [], columns.starts or []
        follow, stays = self._follower(), what_stays(self.session.context)
        decided = self.decided
        begun, give_back, gone = self._new.discard, partial(heappush, self._free), self._gone

        async def branch(number: int, kept: int, context: contextvars.Context) -> None:
            since = now = clock()
            is_cancelling: Optional[Callable[[], object]] = None
            begun(number)
            try:
                if kept >= 0 and heap and heap[0] < kept:  # a better one has become ready
                    kept = pushpop(heap, kept)
                while not self.is_closed:
                    if kept < 0:
                        if not heap:
                            return
                        kept = pop(heap)
                    step = by_rank[kept]
                    kept = -1
                    fn, a, b, rest, _ = calls[step]
                    status[step] = RUNNING
                    workers[step] = -number
                    starts[step] = now
                    if decided is not None:
                        decided.append(~step)
                        self.notify()
                    try:
                        if rest is None:
                            if a < 0:
                                value = await fn()
                            elif b < 0:
                                value = await fn(values[a])
                            else:
                                value = await fn(values[a], values[b])
                        elif rest:
                            value = await fn(*[values[slot] for slot in rest])
                        else:
                            value = await fn(values)
                    except BaseException as error:  # noqa: BLE001 - the session judges it
                        raised(step, error)
                        return
                    ends[step] = now = clock()
                    kept = follow(step, value)
                    if kept == _LAST or (kept < 0 and not heap):
                        return
                    if is_cancelling is None:
                        is_cancelling = what_cancels()
                    if now - since > SLICE or is_cancelling() or not stays(context):
                        return  # this task may not serve another stage, or not now
                    if heap:
                        kept = self._next(kept)
            except KeyboardInterrupt as error:  # Ctrl-C between two stages
                self.cancel("interrupted", error)
            except BaseException as error:  # noqa: BLE001 - a defect of ours
                self.crashed(error)
            finally:
                if kept >= 0:
                    push(heap, kept)
                tasks.pop(number, None)
                give_back(number)
                if heap or not tasks:
                    gone()

        return branch

    def _follower(self) -> Callable[[int, Any], int]:
        """Return what takes in a value, and gives the rank of the step to go on with.

        It is -1 where there is none, and ``_LAST`` where this branch is not to go on.
        """
        session, heap, raised = self.session, self.heap, self._raised
        scheduler, plan = session.scheduler, session.plan
        calls, children, indegree, base = plan.calls, plan.children, plan.indegree, plan.constants
        status, left, rank = scheduler.status, scheduler.left, scheduler.rank
        values: List[Any] = session.columns.values
        push, decided, kind = self.push, self.decided, type

        def follow(step: int, value: Any) -> int:
            promise = calls[step][4]
            if (value is None and promise) or kind(value) is COROUTINE or promise > 1:
                try:
                    check_value(value, promise)
                except BaseException as error:  # noqa: BLE001 - the session judges it
                    raised(step, error)
                    return _LAST
            if scheduler.trouble:
                self.returned(step, value)
                return -1
            values[base + step] = value
            status[step] = SUCCEEDED
            if decided is not None:
                decided.append(step)
                self.notify()
            below = children[step]
            if not below:
                self.leaves -= 1
                if not self.leaves:
                    self.stop()
                    return _LAST
                return -1
            kept = -1
            for child in below:
                if indegree[child] > 1:
                    left[child] = waiting = left[child] - 1
                    if waiting:
                        continue
                place = rank[child]
                if kept < 0:
                    kept = place
                elif kept < place:
                    push(heap, place)
                else:
                    push(heap, kept)
                    kept = place
            return kept

        return follow

    def _next(self, kept: int) -> int:
        """Return the rank of the best step, given one of them; others are waiting."""
        self.wake()
        return self.pushpop(self.heap, kept) if kept >= 0 else kept

    def _gone(self) -> None:
        """Take in that a branch has ended where others are to follow, or none is left."""
        if self.is_abandoned:
            return
        if self.heap and not self.is_closed:
            self.wake()
        if not self.tasks:
            self._settled()

    def _raised(self, step: int, error: BaseException) -> None:
        if self.is_abandoned:
            return
        self.session.columns.ends[step] = perf_counter_ns()
        if isinstance(error, asyncio.CancelledError) and self.session.cancels:
            self.cancelled(step, error)
        else:
            self.raised(step, error)


def _look() -> None:
    """Do nothing: after any message the owner looks whether the run is over."""
