"""The state of a run: stages, attempts, items, slots, resources, time limits, cancelling. Pure.

It knows no clock, no thread and no chance: the time comes in as nanoseconds, chance as a function.
Each call returns actions for the coordinator; their ends come in by ``began``, ``ended``,
``expanded``, ``closed`` and ``tick``. The parts are usable alone: ``Scheduler`` (which stage may
start, what follows a failure), ``SlotQueue`` (what starts next), ``Attempts`` (calls, time limits,
retries), ``MappedStage`` (items), ``ResourceStates``, ``Decisions`` (questions to a decider) and
``Agenda`` (actions and timers).

A stage: waiting -> ready -> running -> (waiting for another attempt -> ready)* -> an outcome.
With a decider: waiting -> asked about -> ready, or an outcome.
A run: running -> closing -> over; nothing new starts while it is closing.
"""

from __future__ import annotations

from heapq import heappush
from typing import TYPE_CHECKING, Any, Callable, Dict, List, Mapping, Optional, Sequence, Union

from stagekit._base.decisions import Reuse, Skip
from stagekit._base.nested import Shape, nested, size
from stagekit._run.state.actions import (
    Abandon,
    Action,
    Ended,
    Expand,
    Open,
    Recall,
    Retrying,
    Start,
    WithdrawnError,
)
from stagekit._run.state.agenda import CLOSING, DEADLINE, GRACE, REASK, RETRY, TIMEOUT, Agenda
from stagekit._run.state.attempts import NO_DEMAND, Attempts, Call, retry_delay, timeout_error
from stagekit._run.state.columns import (
    BAD_VALUE,
    CRASHED,
    DECIDER_FAILED,
    INTERRUPTED,
    RUNNING,
    TIMED_OUT,
    WAITING,
)
from stagekit._run.state.decisions import Decisions
from stagekit._run.state.mapped import MappedStage
from stagekit._run.state.resources import ResourceStates
from stagekit._run.state.slots import Demand, SlotQueue, Waiting
from stagekit.errors import StageCancelledError

if TYPE_CHECKING:
    from stagekit._plan.policy import Policy
    from stagekit._run.state.keeping import Keeping
    from stagekit._run.state.limits import Limits
    from stagekit._run.state.scheduler import Scheduler


class RunState:
    """One run, transition by transition.

    Args:
        scheduler: the state of the graph.
        policies: by step, of the steps that have one.
        lanes: of each step, the number of the backend that makes its calls.
        limits: what bounds the run.
        on_failure: ``"stop"``, ``"continue"`` or ``"cancel"``.
        chance: returns a number from 0 to 1, for the jitter of retries.
        chains: of each step, whether its call may follow another one in its place: see ``go_on``.
        decides: a decider is asked about each stage and item; then no call follows another.

    Attributes:
        keeping: lets go of values that nobody needs any more; None where all are kept.
        cancelled: why the run was cancelled, or "".
        abandoned: the steps of calls that were given up on, in that order.
        is_halted: no call follows another, as one has failed, or the run is about to stop.
        decided: what hooks are to be notified of, in order: a step that has ended; ``~step``, a
            step whose first call has begun; beyond the number of steps, an item that has ended.
    """

    def __init__(  # noqa: PLR0913 - by keyword, but for the first ones
        self,
        scheduler: Scheduler,
        policies: Mapping[int, Policy],
        lanes: Sequence[int],
        limits: Limits,
        *,
        on_failure: str = "stop",
        chance: Callable[[], float] = lambda: 0.5,
        chains: Optional[Sequence[int]] = None,
        decides: bool = False,
    ) -> None:
        self.scheduler = scheduler
        self.policies = policies
        self.lanes = lanes
        self.limits = limits
        self.on_failure = on_failure
        self.chance = chance
        self.chains = bytes(len(lanes)) if chains is None else chains
        self.agenda = Agenda()
        self.queue = SlotQueue(limits.capacity, limits.slots, limits.width)
        self.attempts = Attempts(self.agenda, policies, limits)
        self.resources = ResourceStates(scheduler.plan, policies, self.agenda, limits)
        self.decisions = Decisions(self.agenda, len(lanes)) if decides else None
        self.keeping: Optional[Keeping] = None
        self.cancelled = ""
        self.abandoned: List[int] = []
        self.decided: List[int] = []
        self.is_halted = False
        self._steps_that_follow = bytearray(self.chains)  # but for those called for each item
        for step, policy in policies.items():
            if policy.each:
                self._steps_that_follow[step] = 0
        self._mapped: Dict[int, MappedStage] = {}
        self._expanding: List[int] = []  # stages whose items are being made
        self._skipped = 0  # how many of the skipped steps have been noted

    # What the coordinator says.

    def begin(self, now: int) -> List[Action]:
        """Start the run."""
        self.agenda.now = now
        if self.limits.deadline is not None:
            self.agenda.set_timer(self.limits.deadline - now, DEADLINE, 0)
        for step in self.resources.begin():
            self._lacks_resources(step)
        return self._advance()

    def began(self, ticket: int, at: int) -> None:
        """Take in when a call has begun, of those with a time limit: it counts from there."""
        self.attempts.began(ticket, at)

    def judged(self, ticket: int, ended: Ended, took: int = 0) -> Ended:
        """Return how an attempt has ended: see ``Attempts.judged``."""
        return self.attempts.judged(ticket, ended, took)

    def ended(self, ticket: int, ended: Ended, now: int) -> List[Action]:
        """Take in how a call ended; one that was given up on no longer counts."""
        self.agenda.now = now
        ended = self.attempts.judged(ticket, ended)
        call = self.attempts.running.pop(ticket, None)
        if call is None:
            return []
        self.queue.release(call.lane, call.demand)
        self._judge(call, ended)
        return self._advance()

    def go_on(self, ticket: int, value: Any, now: int) -> Optional[Call]:
        """Take in the value of a call; return the call that follows in its place, or None.

        Where nothing has to be judged, who has made a call can make the next one, under the same
        ticket, without the coordinator, unless ``needs_coordinator``. After None, and where that is
        so, ``proceed`` is due.
        """
        call = self.attempts.running.get(ticket)
        if call is None:  # was given up on
            return None
        self.agenda.now = now
        scheduler, queue, lane = self.scheduler, self.queue, call.lane
        if call.item >= 0 or self.resources.steps or self.keeping is not None:
            self._returned(call, value)
            self._count_skipped()
        else:
            del self.attempts.open[call.step, -1]
            scheduler.succeed(call.step, value)
            self.decided.append(call.step)
            if scheduler.trouble:
                self._count_skipped()
        deadline, heap = self.limits.deadline, scheduler.heap
        is_late = deadline is not None and deadline <= now
        may_follow = not (self.is_halted or scheduler.is_stopped or call.why or is_late)
        item = step = -1
        if may_follow and len(heap) == 1 and not queue.count and not self.resources.held:
            first = scheduler.by_rank[heap[0]]  # what is ready is nearly always one step
            can_follow = self._steps_that_follow[first] and self.lanes[first] == lane
            if can_follow and queue.free[lane] >= 0 and scheduler.status[first] == WAITING:
                heap.pop()
                step = first
        if step < 0:
            self._queue_ready()  # even if nothing may follow: else the run would seem over
            follower = queue.take_after(lane, self.chains) if may_follow else None
            if follower is None:
                del self.attempts.running[ticket]
                queue.release(lane, call.demand)
                return None
            _, item, step = follower
        call.item, call.step, call.attempts, call.crashes = item, step, 1, 0
        self.attempts.open[step, item] = call
        if item < 0:
            scheduler.start(step)
        else:
            self._begin_item(step, item)
        if item < 1:
            self.decided.append(~step)
        return call

    def goes_on_with_item(self, ticket: int, value: Any, now: int) -> bool:
        """Take in the value of an item whose call becomes that of the next one, and tell so.

        It does where nothing but that waits, so that nothing else has to be looked at. Otherwise
        nothing is taken in, and ``go_on`` is due.
        """
        call, deadline = self.attempts.running.get(ticket), self.limits.deadline
        if call is None or call.why or self.is_halted or self.scheduler.is_stopped:
            return False
        step, mapped = call.step, self._mapped[call.step]
        if mapped.is_stopped or (deadline is not None and deadline <= now):
            return False
        item = self.queue.take_next_item(call.lane, step, len(mapped.values))
        if item < 0:
            return False
        self.agenda.now = now
        mapped.returned(call.item, value)
        mapped.left -= 1  # there are as many under way as before
        self.decided.append(len(self.lanes) + step)
        del self.attempts.open[step, call.item]
        self.attempts.open[step, item] = call
        call.item, call.attempts, call.crashes = item, 1, 0
        return True

    def proceed(self, now: int) -> List[Action]:
        """Do what has become possible by calls that have followed one another."""
        self.agenda.now = now
        return self._advance()

    def skip_unneeded(self) -> None:
        """Skip the resources that nobody needed, at the end of the run."""
        scheduler = self.scheduler
        for step in self.resources.unwanted():
            if scheduler.status[step] == WAITING and not scheduler.is_stopped:
                scheduler.skip_unneeded(step)
        self._count_skipped()

    def halt(self, step: int) -> bool:
        """Have no call follow another where a stage has failed that is to stop the run.

        One that may be tried again has not failed for good, and an item may be left out; the
        coordinator finds out.
        """
        policy = self.policies.get(step)
        if policy is not None and (policy.retry is not None or policy.skips):
            return False
        self.is_halted |= bool(self.scheduler.plan.critical[step]) and self.on_failure != "continue"
        return self.is_halted

    def widen(self, lane: int, extra: int) -> None:
        """Have a lane take so many calls ahead of their turn; what that makes possible is due."""
        if extra != self.queue.extra[lane]:
            self.queue.widen(lane, extra)

    @property
    def needs_coordinator(self) -> bool:
        """Whether there is something to do for the coordinator."""
        resources, queue = self.resources, self.queue
        if self.agenda.actions or (queue.count and queue.could_start):
            return True
        return (
            bool(resources.opened)
            and resources.closing < 0
            and resources.next_to_close(is_quiet=False) >= 0
        )

    def expanded(
        self, step: int, shape: Shape, error: Optional[BaseException], now: int
    ) -> List[Action]:
        """Take in how many items a stage is called for, or why they could not be had.

        *shape* is their number, or the shape of the lists of lists that they come in.
        """
        self.agenda.now = now
        self._expanding.remove(step)
        if error is not None:
            self._fail(step, error, BAD_VALUE)
        elif self.scheduler.is_stopped:
            self._cancel(step, None)
        elif size(shape):
            mapped = MappedStage(shape, skips=self.policies[step].skips)
            self._mapped[step] = mapped
            self.scheduler.columns.items[step] = mapped.items
            self._offer(step, 0)
        else:
            self._succeed(step, nested((), shape))
        return self._advance()

    def answered(
        self, step: int, item: int, answer: Union[Reuse, Skip, BaseException, None], now: int
    ) -> List[Action]:
        """Take in what a decider says of a stage, or of an item of it that is not -1.

        *answer* is None where it is to be called, and an exception where the decider failed.
        """
        self.agenda.now = now
        decisions, is_awaited = self.decisions, self.awaits(step, item)
        assert decisions is not None  # noqa: S101 - or nobody was asked
        decisions.asked.pop((step, item), None)
        if not is_awaited:
            pass
        elif item >= 0:
            self._answered_item(step, item, answer)
        elif answer is None:
            decisions.settle(step)
            if not self.scheduler.left[step]:
                heappush(self.scheduler.heap, self.scheduler.rank[step])
            self.resources.want(step)
        elif isinstance(answer, Reuse):
            self.scheduler.reuse(step, answer.value, answer.note)
            self._over(step)
        elif isinstance(answer, Skip):
            self.scheduler.skip(step, answer.note)
        else:
            self._fail(step, answer, DECIDER_FAILED)
        return self._advance()

    def closed(self, step: int, error: Optional[BaseException], now: int) -> List[Action]:
        """Take in that a resource has been torn down, or failed to be."""
        self.agenda.now = now
        if self.resources.closing == step:  # else it was given up on
            self._torn_down(step, error)
        return self._advance()

    def tick(self, now: int) -> List[Action]:
        """Do what is due."""
        self.agenda.now = now
        for kind, which in self.agenda.due():
            self._due(kind, which)
        return self._advance()

    def cancel(self, now: int, why: str = "cancelled") -> List[Action]:
        """Cancel the run: nothing new starts, and what runs is asked to end."""
        self.agenda.now = now
        self._interrupt(why)
        return self._advance()

    def hurry(self, now: int) -> List[Action]:
        """Wait no longer for what runs: end it, or give up on it."""
        self.agenda.now = now
        self._interrupt("cancelled")
        for ticket, call in tuple(self.attempts.running.items()):
            self._force(ticket, call)
        self._give_up_closing()
        return self._advance()

    def let_go(self, now: int) -> List[Action]:
        """Close resources that were held open for compensations."""
        self.agenda.now = now
        self.resources.holds = False
        return self._advance()

    # What the coordinator asks.

    def awaits(self, step: int, item: int) -> bool:
        """Return whether what a decider says of a stage or an item is of any use still.

        It is not where the run has stopped meanwhile, or a resource has failed that it needs.
        """
        if self.decisions is None or (step, item) not in self.decisions.asked:
            return False
        return item >= 0 or self.scheduler.status[step] == WAITING

    @property
    def next_time(self) -> Optional[int]:
        """When ``tick`` has something to do; None for never."""
        return self.agenda.next_time

    @property
    def running(self) -> Dict[int, Call]:
        """By ticket, the calls that are under way."""
        return self.attempts.running

    @property
    def is_ending(self) -> bool:
        """Whether what runs is to end: nothing is tried again."""
        return bool(self.cancelled) or (self.on_failure == "cancel" and self.scheduler.is_stopped)

    @property
    def is_backing_off(self) -> bool:
        """Whether calls wait for the time of another attempt, and nothing else is under way."""
        is_busy = self.attempts.running or self._expanding or self.resources.closing >= 0
        return bool(self.attempts.waiting) and not is_busy

    @property
    def is_quiet(self) -> bool:
        """Whether nothing runs and nothing is about to."""
        attempts = self.attempts
        if self.decisions is not None and self.decisions.asked:
            return False
        return not (attempts.running or attempts.waiting or self.queue.count or self._expanding)

    @property
    def is_over(self) -> bool:
        """Whether nothing runs, waits, or is open that can be closed."""
        resources = self.resources
        is_closing = resources.closing >= 0 or resources.next_to_close(is_quiet=True) >= 0
        return self.is_quiet and not is_closing

    def queued(self) -> List[int]:
        """Return the steps that are ready and wait for a place, a slot, a user or an answer."""
        scheduler = self.scheduler
        asked = [] if self.decisions is None else self.decisions.steps()
        steps = [*self.queue.steps(), *[step for step in asked if not scheduler.left[step]]]
        waiting = [step for step in steps if scheduler.status[step] == WAITING]
        return [*waiting, *self.resources.held]

    # Time.

    def _due(self, kind: int, which: int) -> None:
        if kind == DEADLINE:
            self._interrupt("deadline")
        elif kind == CLOSING:
            if self.resources.closing_is_due(which):
                self._give_up_closing()
        elif kind == RETRY:
            call = self.attempts.waiting.pop(which, None)
            if call is not None:
                self._push(call.step, call.item)
        elif which in self.attempts.running:
            self._due_call(kind, which, self.attempts.running[which])

    def _due_call(self, kind: int, ticket: int, call: Call) -> None:
        if kind == TIMEOUT:
            self.attempts.ask_late(ticket, call)
        elif kind == REASK:
            self.attempts.reask(ticket, call)
        elif kind == GRACE:
            self._force(ticket, call)
        else:
            self._give_up(ticket, call)

    # Cancelling.

    def _interrupt(self, why: str) -> None:
        if not self.cancelled:
            self.cancelled = why
            self.scheduler.interrupt()
            self._drop()
            self.attempts.ask_all(why)
            self.resources.hurry()

    def _drop(self) -> None:
        """Have nothing new start: no stage, no item; after a cancel no other attempt either."""
        if self.attempts.running:
            self.agenda.actions.append(Recall())
        if self.decisions is not None:
            self.decisions.asked.clear()
        for _, item, step in self.queue.clear():
            call = self.attempts.open.get((step, item))
            if call is None:
                continue
            if self.is_ending:
                self._cancelled_call(call, None)
            else:
                self._push(step, item)
        for step, mapped in tuple(self._mapped.items()):
            mapped.is_stopped = True
            if step in self._mapped and mapped.is_over:
                self._cancel(step, None)
        if self.is_ending:
            for call in self.attempts.drop_waiting():
                self._cancelled_call(call, None)

    def _force(self, ticket: int, call: Call) -> None:
        """End a call that did not obey, or give up on it where that cannot be done."""
        if not self.attempts.force(ticket, call):
            self._give_up(ticket, call)

    def _give_up(self, ticket: int, call: Call) -> None:
        """Wait no longer for a call."""
        del self.attempts.running[ticket]
        self.queue.release(call.lane, call.demand)
        self.abandoned.append(call.step)
        self.resources.leak(call.step)
        error = timeout_error(self.policies[call.step]) if call.is_late else None
        self.agenda.actions.append(Abandon(ticket, call.step, error))
        if error is not None:
            self._final(call, error, TIMED_OUT)
        else:
            self._cancelled_call(call, None)

    # What follows when an attempt ends.

    def _judge(self, call: Call, ended: Ended) -> None:
        """Decide what the end of an attempt means."""
        error = ended.error
        if error is None:
            self._returned(call, ended.value)
        elif isinstance(error, WithdrawnError):
            self._withdrawn(call)
        elif ended.how == INTERRUPTED or (call.why and ended.how == CRASHED):
            self._cancelled_call(call, error)
        else:
            self._failed(call, error, ended.how)

    def _returned(self, call: Call, value: Any) -> None:
        del self.attempts.open[call.step, call.item]
        if call.item < 0:
            if call.step in self.resources.steps:
                self.resources.opened.append(call.step)
            self._succeed(call.step, value)
            return
        self._mapped[call.step].returned(call.item, value)
        self.decided.append(len(self.lanes) + call.step)
        self._item_ended(call.step)

    def _withdrawn(self, call: Call) -> None:
        """Begin it later after all, where only new stages are not to begin."""
        call.attempts -= 1
        if call.attempts and not self.is_ending:
            self._push(call.step, call.item)
        else:
            self._cancelled_call(call, None)

    def _failed(self, call: Call, error: BaseException, how: int) -> None:
        call.crashes += how == CRASHED
        delay = self._delay(call, error, how)
        if delay is None:
            self._final(call, error, how)
            return
        self.attempts.wait(call, delay)
        self.agenda.actions.append(Retrying(call.step, call.item, call.attempts, delay, error))

    def _delay(self, call: Call, error: BaseException, how: int) -> Optional[int]:
        """Return after how many nanoseconds to try again, or None."""
        policy = self.policies.get(call.step)
        if policy is None or policy.retry is None or self.is_ending:
            return None
        if call.item >= 0 and self._mapped[call.step].is_stopped:
            return None
        delay = retry_delay(
            policy.retry, call.attempts, error, how, self.chance, crashes=call.crashes
        )
        deadline = self.limits.deadline
        if delay is None or (deadline is not None and self.agenda.now + delay >= deadline):
            return None
        return delay

    def _final(self, call: Call, error: BaseException, how: int) -> None:
        """Record that a call has failed for good."""
        del self.attempts.open[call.step, call.item]
        if call.item < 0:
            self._fail(call.step, error, how)
        else:
            self._final_item(call.step, call.item, error, how)

    def _final_item(self, step: int, item: int, error: BaseException, how: int) -> None:
        """Record that an item has failed for good.

        No other one begins, unless the run goes on, or the item is left out.
        """
        mapped = self._mapped[step]
        is_fatal = mapped.fail(item, error, how)
        self._item_told(step, item)
        if is_fatal and self.on_failure != "continue":
            mapped.is_stopped = True
            mapped.under_way -= self._forget_items(step)
            if self.decisions is not None:
                self.decisions.forget(step)
        if is_fatal and self.on_failure == "cancel" and self.scheduler.plan.critical[step]:
            self.attempts.ask_all("stopped", step)
        self._item_ended(step)

    def _cancelled_call(self, call: Call, error: Optional[BaseException]) -> None:
        """Record that a call has ended without a value, as the run stops."""
        del self.attempts.open[call.step, call.item]
        if call.item < 0:
            self._cancel(call.step, error)
        else:
            self._mapped[call.step].cancel()
            self._item_ended(call.step)

    # Items.

    def _begin_item(self, step: int, item: int) -> None:
        if self._mapped[step].begin(item):
            self._offer(step, item + 1)

    def _offer(self, step: int, item: int) -> None:
        """Queue the call for an item, unless a decider says otherwise."""
        if self.decisions is None:
            self._push(step, item)
        else:
            self.decisions.ask(step, item)

    def _answered_item(
        self, step: int, item: int, answer: Union[Reuse, Skip, BaseException, None]
    ) -> None:
        """Do with an item what a decider has said of it."""
        if answer is None:
            self._push(step, item)
            return
        self._mapped[step].uncalled += 1
        self._begin_item(step, item)
        if isinstance(answer, Reuse):
            self._mapped[step].returned(item, answer.value, is_reused=True)
            self._item_told(step, item)
            self._item_ended(step)
        else:
            self._final_item(step, item, answer, DECIDER_FAILED)

    def _item_told(self, step: int, item: int) -> None:
        """Note for hooks that an item has ended, unless the stage has not started yet."""
        if self._mapped[step].uncalled <= item:
            self.decided.append(len(self.lanes) + step)

    def _item_ended(self, step: int) -> None:
        mapped = self._mapped[step]
        if not mapped.ended():
            return
        failure = mapped.first_failure()
        if failure is not None:
            self._fail(step, *failure)
        elif mapped.left:
            self._cancel(step, None)
        elif mapped.is_reused:
            del self._mapped[step]
            self.scheduler.reuse(step, mapped.value)
            self._over(step)
        else:
            self._succeed(step, mapped.value)

    def _forget_items(self, step: int) -> int:
        """Drop the items of a stage that do not run; return how many of them had begun."""
        waiting = [item for _, item, _ in self.queue.clear(step)]
        waiting += [call.item for call in self.attempts.drop_waiting(step)]
        begun = [item for item in waiting if (step, item) in self.attempts.open]
        for item in begun:
            del self.attempts.open[step, item]
        return len(begun)

    # Outcomes of stages.

    def _succeed(self, step: int, value: Any) -> None:
        self._mapped.pop(step, None)
        self.scheduler.succeed(step, value)
        self._over(step)

    def _fail(self, step: int, error: BaseException, how: int) -> None:
        """Record that a stage has failed for good; it may stop the run."""
        self._mapped.pop(step, None)
        scheduler = self.scheduler
        was_stopped = scheduler.is_stopped
        scheduler.fail(step, error, how, was=scheduler.status[step])
        self._over(step)
        if scheduler.is_stopped and not was_stopped:
            self._drop()
            if self.on_failure == "cancel":
                self.attempts.ask_all("stopped")

    def _cancel(self, step: int, error: Optional[BaseException]) -> None:
        self._mapped.pop(step, None)
        if self.scheduler.status[step] == RUNNING:
            self.scheduler.cancel(step, error)
            self._over(step)

    def _over(self, step: int) -> None:
        """Note that a stage has ended, whatever its outcome, for hooks and for its resources."""
        self.decided.append(step)
        if self.keeping is not None:
            self.keeping.ended(step)
        self._release_resources(step)

    def _release_resources(self, step: int) -> None:
        resources = self.resources
        if not resources.steps:
            return
        if step not in resources.opened:
            resources.ended(step)
        for child in resources.parent_ended(step):
            if not self.scheduler.skip_blocked(child):
                self._lacks_resources(child)

    def _lacks_resources(self, step: int) -> None:
        """Have the resources opened of a step that lacks nothing else, if it is to be called."""
        if self.decisions is None or step in self.resources.steps:
            self.resources.want(step)
        elif not self.scheduler.is_stopped:
            self.decisions.ask(step)

    def _count_skipped(self) -> None:
        """Note the stages that were skipped, for hooks and for their resources."""
        settled = self.scheduler.settled
        while self._skipped < len(settled):
            self._skipped += 1
            self._over(settled[self._skipped - 1])

    def _torn_down(self, step: int, error: Optional[BaseException]) -> None:
        failure = self.resources.torn_down(error)
        if failure is not None:
            self.scheduler.columns.teardowns[step] = failure
            self.scheduler.has_failed = True

    def _give_up_closing(self) -> None:
        """Wait no longer for what is being torn down."""
        step = self.resources.give_up_closing()
        if step >= 0:
            self.abandoned.append(step)
            self._torn_down(step, StageCancelledError("its tear-down had not ended"))

    # What may start.

    def _advance(self) -> List[Action]:
        """Start what may start, close what may be closed; return all that is to be done."""
        deadline = self.limits.deadline
        if deadline is not None and deadline <= self.agenda.now:
            self._interrupt("deadline")
        self._count_skipped()
        self._queue_ready()
        while self.decisions is None or not self.decisions.asked:
            taken = self.queue.take()
            if taken is None:
                break
            self._start(*taken)
        self.resources.close_next(is_quiet=self.is_quiet, is_cancelled=bool(self.cancelled))
        return self.agenda.take_actions()

    def _queue_ready(self) -> None:
        """Queue the stages whose parents have all ended."""
        scheduler, resources, decisions = self.scheduler, self.resources, self.decisions
        status, policies = scheduler.status, self.policies
        if not scheduler.heap and not resources.held:
            return
        arrived = scheduler.arrived()
        if resources.held:
            arrived += resources.freed()
        for step in arrived:
            if status[step] != WAITING or scheduler.is_stopped:
                continue
            policy = policies.get(step)
            if policy is None and decisions is None:
                self.queue.push((scheduler.rank[step], -1, step), self.lanes[step], NO_DEMAND)
                continue
            if step in resources.steps and not resources.may_open(step):
                continue
            if decisions is not None and not decisions.is_settled(step):
                decisions.ask(step)
            elif policy is not None and policy.each:
                scheduler.start(step)
                self._expanding.append(step)
                self.agenda.actions.append(Expand(step))
            else:
                self._push(step, -1)

    def _push(self, step: int, item: int) -> None:
        """Queue a call."""
        policy = self.policies.get(step)
        demand: Demand = NO_DEMAND if policy is None else policy.slots
        waiting: Waiting = (self.scheduler.rank[step], item, step)
        # Another attempt follows no other call, and is not sent ahead: its end is to be judged.
        is_patient = (step, item) not in self.attempts.open and (
            policy is None or (policy.timeout is None and policy.kind != "resource")
        )
        self.queue.push(waiting, self.lanes[step], demand, is_patient=is_patient)

    def _start(self, waiting: Waiting, lane: int, demand: Demand) -> None:
        _, item, step = waiting
        if self.scheduler.status[step] != RUNNING:
            self.scheduler.start(step)
        ticket, call, is_first = self.attempts.start(step, item, lane, demand)
        leads = item > 0 and is_first and item == self._mapped[step].uncalled
        kind = Open if step in self.resources.steps else Start
        self.agenda.actions.append(kind(ticket, step, item, call.attempts, lane, leads))
        if is_first and item >= 0:
            self._begin_item(step, item)
