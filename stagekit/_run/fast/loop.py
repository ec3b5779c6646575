"""The asyncio engine: a task a branch, not a task a stage.

A branch takes the best ready step, awaits it, and goes on with the best of what that made ready.
New branches are started in a slow start (1, 2, 4 …), one burst each turn of the loop, so that
stages that never suspend are all carried out by one of them. A branch gives way to the loop after
5 ms. It ends, and another one goes on in a fresh task, where its task may not serve a second stage:
after an exception, or where a stage has left context variables changed.

Plain stages are carried out elsewhere: by a crew of threads or a pool, which share the ledger.
"""

from __future__ import annotations

import asyncio
import contextvars
from _thread import get_ident
from functools import partial
from heapq import heappop, heappush
from time import perf_counter_ns
from typing import (
    TYPE_CHECKING,
    Any,
    Callable,
    Coroutine,
    Dict,
    List,
    Optional,
    Sequence,
    Set,
)

from stagekit._base.promise import check_value
from stagekit._run.fast.branch_task import HAS_CONTEXT, task_starter, variables_of, what_cancels
from stagekit._run.fast.loopbox import LoopBox
from stagekit._run.ledger import Ledger, Message
from stagekit._run.state.columns import RUNNING, SUCCEEDED

if TYPE_CHECKING:
    from stagekit._run.session import Session

    Branch = Callable[[int, int, contextvars.Context], Coroutine[Any, Any, None]]

SLICE = 5_000_000  # nanoseconds after which a branch gives way
_LAST = -2


class Branches:
    """The async stages of one run, on one event loop, whose thread owns the run.

    Args:
        session: the run; async steps are in the last lane.
        make: makes the ledger, given how messages are posted.
    """

    def __init__(
        self, session: Session, make: Callable[[Callable[[Message], object]], Ledger]
    ) -> None:
        scheduler, limit = session.scheduler, session.settings.async_limit
        self.session = session
        self.loop = asyncio.get_running_loop()
        self._start_task = task_starter(self.loop)
        self._thread = get_ident()
        self.heap = scheduler.heaps[-1]
        self.is_mixed = len(scheduler.heaps) > 1
        self.limit = len(session.plan) if limit is None else limit
        self.tasks: Dict[int, asyncio.Task[None]] = {}
        self._new: Set[int] = set()  # tasks that have not begun
        self._free: List[int] = []
        self._is_pumping = False  # whether new branches are about to be started
        self._burst = 1
        self._waiter: Optional[asyncio.Future[None]] = None
        self._box = LoopBox(self.loop, self._read)
        self.ledger = make(self._box.post_from_anywhere if self.is_mixed else self._box.post)
        self.ledger.wake_async = self._wake_from_anywhere if self.is_mixed else self._pump_soon
        self._is_plain = not self.is_mixed and session.hooks is None
        self._branch = self._branches()

    async def run(self) -> None:
        """Carry the run out, to the last stage that runs.

        Raises:
            asyncio.CancelledError: the awaiting task was cancelled; the run has been, too.
        """
        cancelled: Optional[asyncio.CancelledError] = None
        self.ledger.open()
        self._pump()
        while not self._is_done():
            self._waiter = self.loop.create_future()
            try:
                await self._waiter
            except asyncio.CancelledError as error:
                cancelled = error
                self.interrupt()
        if cancelled is not None:
            raise cancelled

    def interrupt(self, error: Optional[KeyboardInterrupt] = None) -> None:
        """Cancel the run: nothing new starts, async stages are cancelled."""
        self.session.interrupt(error)
        self.ledger.close()
        self._stop()

    def abandon(self) -> None:
        """Give up on what still runs."""
        self.ledger.abandon()
        self._settled()

    def _stop(self) -> None:
        if self.session.cancels:
            for task in tuple(self.tasks.values()):
                task.cancel()
            for number in self._new:  # what is cancelled before it has begun never begins
                self.tasks.pop(number, None)
            self._new.clear()
        self._settled()

    def _is_done(self) -> bool:
        ledger = self.ledger
        return ledger.is_abandoned or (ledger.is_over and not self.tasks and not self._box)

    def _settled(self) -> None:
        if self._waiter is not None and not self._waiter.done() and self._is_done():
            self._waiter.set_result(None)

    # Messages.

    def _wake_from_anywhere(self) -> None:
        if self.heap and not self._is_pumping:
            if get_ident() == self._thread:
                self._pump_soon()
            else:
                self._box.post_from_anywhere(self._pump_soon)

    def _read(self) -> None:
        messages = self._box.messages
        try:
            while messages:
                self.ledger.receive(messages.popleft())
        except KeyboardInterrupt as error:
            self.interrupt(error)
        except BaseException as error:  # noqa: BLE001 - a defect of ours
            self.ledger.crashed(error)
        if messages:
            self._box.arm()
        if self.ledger.is_closed and self.session.cancels:
            self._stop()
        self._settled()

    # Branches.

    def _pump_soon(self) -> None:
        if not self._is_pumping:
            self._is_pumping = True
            self.loop.call_soon(self._pump)

    def _pump(self) -> None:
        """Start branches for ready steps; twice as many each time in a row."""
        self._is_pumping = False
        heap, tasks, free, ledger = self.heap, self.tasks, self._free, self.ledger
        start, branch, copy = self._start_task, self._branch, self.session.context.copy
        is_new = self._new.add
        try:
            for kept in self._take(min(self._burst, self.limit - len(tasks))):
                if ledger.is_closed:
                    break
                number = heappop(free) if free else len(tasks) + 1
                is_new(number)
                context = copy()
                task = start(branch(number, kept, context), context=context)
                if not task.done():  # it may have begun and ended already
                    tasks[number] = task
        except BaseException as error:  # noqa: BLE001 - a defect of ours
            ledger.crashed(error)
        if heap and len(tasks) < self.limit and not ledger.is_closed:
            self._burst *= 2
            self._pump_soon()
        else:
            self._burst = 1
        self._settled()

    def _take(self, count: int) -> Sequence[int]:
        """Return ranks for so many branches to begin with, if there are, taken out in one go."""
        heap = self.heap
        if self.is_mixed:  # threads put something in at any time
            return [-1] * min(count, len(heap))
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
        ledger, heap, tasks, raised = self.ledger, self.heap, self.tasks, self._raised
        push, pop, pushpop = ledger.push, ledger.pop, ledger.pushpop
        by_rank = self.session.scheduler.by_rank
        columns, clock = self.session.columns, perf_counter_ns
        ends = columns.ends
        calls, status = self.session.plan.calls, self.session.scheduler.status
        values: List[Any] = columns.values
        workers, starts = columns.workers or [], columns.starts if self._is_plain else None
        follow, stays = self._follow(), self._stays()
        begun, give_back, gone = self._new.discard, partial(heappush, self._free), self._gone

        async def branch(number: int, kept: int, context: contextvars.Context) -> None:
            since = now = clock()
            is_cancelling: Optional[Callable[[], object]] = None
            begun(number)
            try:
                if kept >= 0 and heap and heap[0] < kept:  # a better one has become ready
                    kept = pushpop(heap, kept)
                while not ledger.is_closed:
                    if kept < 0:
                        if not heap:
                            return
                        kept = pop(heap)
                    step = by_rank[kept]
                    kept = -1
                    fn, a, b, rest, _ = calls[step]
                    if starts is None:
                        ledger.began(step, -number, clock())
                    else:
                        status[step] = RUNNING
                        workers[step] = -number
                        starts[step] = now
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
                self.interrupt(error)
            except BaseException as error:  # noqa: BLE001 - a defect of ours
                ledger.crashed(error)
            finally:
                if kept >= 0:
                    push(heap, kept)
                tasks.pop(number, None)
                give_back(number)
                if heap or not tasks:
                    gone()

        return branch

    def _follow(self) -> Callable[[int, Any], int]:
        """Return what takes in a value, and gives the rank of the step to go on with.

        It is -1 where there is none, and ``_LAST`` where this branch is not to go on.
        """
        session, ledger, heap, raised = self.session, self.ledger, self.heap, self._raised
        scheduler, plan = session.scheduler, session.plan
        calls, children, indegree, base = plan.calls, plan.children, plan.indegree, plan.constants
        status, left, rank = scheduler.status, scheduler.left, scheduler.rank
        values: List[Any] = session.columns.values
        push, is_plain = ledger.push, self._is_plain

        def follow(step: int, value: Any) -> int:
            promise = calls[step][4]
            if value is None or promise > 1:
                try:
                    check_value(value, promise)
                except BaseException as error:  # noqa: BLE001 - the session judges it
                    raised(step, error)
                    return _LAST
            if not is_plain or scheduler.trouble:
                ledger.returned(step, value)
                return -1
            values[base + step] = value
            status[step] = SUCCEEDED
            below = children[step]
            if not below:
                ledger.leaves -= 1
                if not ledger.leaves:
                    ledger.close()
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

    def _stays(self) -> Callable[[contextvars.Context], bool]:
        """Return what tells whether a context is as it was given to a branch."""
        (get, given), *pairs = variables_of(self.session.context)
        size, snapshot = len(self.session.context), contextvars.copy_context

        def stays(context: contextvars.Context) -> bool:
            if len(context if HAS_CONTEXT else snapshot()) != size or get() is not given:
                return False
            return not pairs or all(read() is value for read, value in pairs)

        return stays

    def _next(self, kept: int) -> int:
        """Return the rank of the best step, given one of them; others are waiting."""
        if not self._is_pumping:
            self._pump_soon()
        return self.ledger.pushpop(self.heap, kept) if kept >= 0 else kept

    def _gone(self) -> None:
        """Take in that a branch has ended where others are to follow, or none is left."""
        if self.ledger.is_abandoned:
            return
        if self.heap and not self.ledger.is_closed:
            self._pump_soon()
        if not self.tasks:
            self._settled()

    def _raised(self, step: int, error: BaseException) -> None:
        if self.ledger.is_abandoned:
            return
        self.session.columns.ends[step] = perf_counter_ns()
        if isinstance(error, asyncio.CancelledError) and self.session.cancels:
            self.ledger.cancelled(step, error)
        else:
            self.ledger.raised(step, error)
        if self.ledger.is_closed:
            self._stop()
