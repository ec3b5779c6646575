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
from heapq import heappop, heappush
from time import perf_counter_ns
from typing import TYPE_CHECKING, Any, Callable, Dict, List, Optional, Set, Tuple

from stagekit._base.promise import check_value
from stagekit._run.columns import RUNNING, SUCCEEDED
from stagekit._run.engines.branchtask import HAS_CONTEXT, task_starter, variables_of, what_cancels
from stagekit._run.engines.loopbox import LoopBox
from stagekit._run.ledger import Ledger, Message

if TYPE_CHECKING:
    from stagekit._run.session import Session

__all__ = ["Branches"]

SLICE = 5_000_000  # nanoseconds after which a branch gives way


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
        self._state = self._gather()

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
        count = min(self._burst, len(self.heap), self.limit - len(self.tasks))
        try:
            for _ in range(count):
                if self.heap and not self.ledger.is_closed:
                    self._start()
        except BaseException as error:  # noqa: BLE001 - a defect of ours
            self.ledger.crashed(error)
        if self.heap and len(self.tasks) < self.limit and not self.ledger.is_closed:
            self._burst *= 2
            self._pump_soon()
        else:
            self._burst = 1
        self._settled()

    def _start(self) -> None:
        number = heappop(self._free) if self._free else len(self.tasks) + 1
        context = self.session.context.copy()
        self._new.add(number)
        task = self._start_task(self._branch(number, context), context=context)
        if not task.done():  # it may have begun and ended already
            self.tasks[number] = task

    def _gone(self, number: int) -> None:
        self.tasks.pop(number, None)
        if self.ledger.is_abandoned:
            return
        heappush(self._free, number)
        if self.heap and not self.ledger.is_closed:
            self._pump_soon()
        if not self.tasks:
            self._settled()

    async def _branch(self, number: int, context: contextvars.Context) -> None:
        (
            (ledger, scheduler, is_plain),
            (heap, push, pop, pushpop),
            (calls, values, base, by_rank, rank),
            (status, starts, ends, workers),
            (children, indegree, left),
            (size, get, given, pairs),
        ) = self._state
        clock, snapshot = perf_counter_ns, contextvars.copy_context
        own = context if HAS_CONTEXT else None
        is_cancelling: Optional[Callable[[], object]] = None
        kept = -1  # the rank of the step to go on with
        now = clock()
        until = now + SLICE
        self._new.discard(number)
        try:
            while not ledger.is_closed:
                if kept < 0:
                    if not heap:
                        return
                    kept = pop(heap)
                step = by_rank[kept]
                kept = -1
                fn, a, b, rest, promise = calls[step]
                if is_plain:
                    status[step] = RUNNING
                    workers[step] = -number
                    starts[step] = now
                else:
                    ledger.began(step, -number, clock())
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
                    if value is None or promise > 1:
                        check_value(value, promise)
                except BaseException as error:  # noqa: BLE001 - the session judges it
                    self._raised(step, error)
                    return
                ends[step] = now = clock()
                if is_plain and not scheduler.trouble:
                    values[base + step] = value
                    status[step] = SUCCEEDED
                    below = children[step]
                    if not below:
                        ledger.leaves -= 1
                        if not ledger.leaves:
                            ledger.close()
                            return
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
                else:
                    ledger.returned(step, value)
                if kept < 0 and not heap:
                    return
                if is_cancelling is None:
                    is_cancelling = what_cancels()
                if (
                    now > until
                    or len(own if own is not None else snapshot()) != size
                    or get() is not given
                    or is_cancelling()
                    or (pairs and any(read() is not value for read, value in pairs))
                ):
                    return  # this task may not serve another stage, or not now
                if heap:
                    if kept >= 0:
                        kept = pushpop(heap, kept)
                    if not self._is_pumping:
                        self._pump_soon()
        except KeyboardInterrupt as error:  # Ctrl-C between two stages
            self.interrupt(error)
        except BaseException as error:  # noqa: BLE001 - a defect of ours
            ledger.crashed(error)
        finally:
            if kept >= 0:
                push(heap, kept)
            self._gone(number)

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

    def _gather(self) -> Tuple[Any, ...]:
        """Return what every branch needs at hand, in one tuple: branches are many, and short."""
        # Any: the columns of the run, as they are typed where they are declared
        session, ledger = self.session, self.ledger
        scheduler, plan, columns = session.scheduler, session.plan, session.columns
        (get, given), *pairs = variables_of(session.context)
        plain = not self.is_mixed and session.hooks is None
        return (
            (ledger, scheduler, plain),
            (self.heap, ledger.push, ledger.pop, ledger.pushpop),
            (plan.calls, columns.values, plan.constants, scheduler.by_rank, scheduler.rank),
            (scheduler.status, columns.starts, columns.ends, columns.workers),
            (plan.children, plan.indegree, scheduler.left),
            (len(session.context), get, given, pairs),
        )
