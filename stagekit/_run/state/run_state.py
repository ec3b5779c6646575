"""The machine of managed runs: attempts, timers, slots, items, resources, cancelling. Pure.

It knows no clock, no thread and no chance: the time comes in as nanoseconds, chance as a function.
What ``Scheduler`` decides (which stage may start, what follows a failure) is left to it. Each call
returns actions for who drives the machine; what becomes of them is told by ``began``, ``ended``,
``expanded``, ``closed`` and ``tick``.

A stage: waiting -> ready -> running -> (backing off -> ready)* -> an outcome.
A run: running -> closing -> over; nothing new starts while it is closing.
"""

from __future__ import annotations

from heapq import heappop
from typing import Any, List, Optional

from stagekit._base.nested import Shape, nested, size
from stagekit._run.state.actions import Action, Ended, Expand, Open, Start, Stop
from stagekit._run.state.columns import BAD_VALUE, RUNNING, WAITING
from stagekit._run.state.judging import Judging
from stagekit._run.state.mapped import Fan
from stagekit._run.state.slots import Demand, Waiting
from stagekit._run.state.state import NAG, NO_DEMAND, SECOND, Call


class Machine(Judging):
    """One managed run, transition by transition; takes what ``State`` does."""

    def begin(self, now: int) -> List[Action]:
        """Start the run."""
        self.now = now
        if self.limits.deadline is not None:
            self.set_timer(self.limits.deadline - now, "deadline", 0)
        self.keeping.begin()
        return self._advance()

    def began(self, ticket: int, at: int) -> None:
        """Take in when a call has begun, of those with a time limit: it counts from there.

        A second time it does nothing.
        """
        call = self.running.get(ticket)
        if call is None or call.has_begun:
            return
        call.has_begun = True
        limit = self.policies[call.step].timeout
        assert limit is not None  # noqa: S101 - see above
        self.set_timer(at - self.now + int(limit * SECOND), "timeout", ticket)

    def ended(self, ticket: int, ended: Ended, now: int) -> List[Action]:
        """Take in how a call ended; one that was given up on no longer counts."""
        self.now = now
        ended = self.judged(ticket, ended)
        call = self.running.pop(ticket, None)
        if call is None:
            return []
        self.queue.release(call.lane, call.demand)
        self.judge(call, ended)
        return self._advance()

    def go_on(self, ticket: int, value: Any, now: int) -> Optional[Call]:
        """Take in the value of a plain call; return the call that follows in its place, or None.

        For a stage without a policy there is nothing to judge, nor for its items, and who has made
        one such call can make the next, under the same ticket: without a word to who drives the
        machine, unless ``is_waiting_for_driver``. After None, and where that is so, ``proceed`` is
        due.
        """
        call = self.running.get(ticket)
        if call is None:  # was given up on
            return None
        self.now = now
        scheduler, deadline = self.scheduler, self.limits.deadline
        if call.item >= 0 or self.keeping.resources:
            self._returned(call, value)
            self._tell_skipped()
        else:
            del self.calls[call.step, -1]
            scheduler.succeed(call.step, value)
            self.decided.append(call.step)
        if scheduler.heaps[0] or self.keeping.held:
            self._queue_ready()
        is_late = deadline is not None and deadline <= now
        is_ending = is_late or self.is_halted or scheduler.is_stopped
        follower = None if is_ending else self.queue.take_after(call.lane, self.plain)
        if follower is None:
            del self.running[ticket]
            self.queue.release(call.lane, call.demand)
            return None
        _, call.item, call.step = follower
        self.calls[call.step, call.item] = call
        if call.item < 0:
            scheduler.start(call.step)
        else:
            self._begun(call.step, call.item)
        if call.item < 1:
            self.decided.append(~call.step)
        return call

    def proceed(self, now: int) -> List[Action]:
        """Do what has become possible by calls that have followed one another."""
        self.now = now
        return self._advance()

    def halt(self, step: int) -> bool:
        """Have no call follow another where a plain stage has failed that is to stop the run."""
        self.is_halted |= bool(self.scheduler.plan.critical[step]) and self.on_failure != "continue"
        return self.is_halted

    def widen(self, lane: int, extra: int) -> None:
        """Have a lane take so many calls ahead of their turn; what that makes possible is due."""
        if extra != self.queue.extra[lane]:
            self.queue.widen(lane, extra)

    @property
    def is_waiting_for_driver(self) -> bool:
        """Whether there is something to do for who drives the machine."""
        keeping = self.keeping
        if self.actions or self.queue.could_start:
            return True
        return (
            bool(keeping.opened) and keeping.closing < 0 and keeping.next_to_close(quiet=False) >= 0
        )

    def expanded(
        self, step: int, shape: Shape, error: Optional[BaseException], now: int
    ) -> List[Action]:
        """Take in how many items a stage is called for, or why they could not be had.

        *shape* is their number, or the shape of the lists of lists that they come in.
        """
        self.now = now
        self.expanding.remove(step)
        if error is not None:
            self.fail(step, error, BAD_VALUE)
        elif self.scheduler.is_stopped:
            self._cancel(step, None)
        elif size(shape):
            self.fans[step] = Fan(shape)
            self.push(step, 0)
        else:
            self.succeed(step, nested((), shape))
        return self._advance()

    def closed(self, step: int, error: Optional[BaseException], now: int) -> List[Action]:
        """Take in that a resource has been torn down, or failed to be."""
        self.now = now
        if self.keeping.closing == step:  # else it was given up on
            self.torn_down(step, error)
        return self._advance()

    def tick(self, now: int) -> List[Action]:
        """Do what is due."""
        self.now = now
        while self.timers and self.timers[0][0] <= now:
            _, _, kind, which = heappop(self.timers)
            self._due(kind, which)
        return self._advance()

    def cancel(self, now: int, why: str = "cancelled") -> List[Action]:
        """Cancel the run: nothing new starts, and what runs is asked to end."""
        self.now = now
        self._interrupt(why)
        return self._advance()

    def hurry(self, now: int) -> List[Action]:
        """Wait no longer for what runs: end it, or give up on it."""
        self.now = now
        self._interrupt("cancelled")
        for ticket, call in tuple(self.running.items()):
            self.force(ticket, call)
        self.give_up_closing()
        return self._advance()

    def let_go(self, now: int) -> List[Action]:
        """Close resources that were held open for compensations."""
        self.now = now
        self.keeping.holds = False
        return self._advance()

    @property
    def next_time(self) -> Optional[int]:
        """When ``tick`` has something to do; None for never."""
        return self.timers[0][0] if self.timers else None

    @property
    def is_over(self) -> bool:
        """Whether nothing runs, waits, or is open that can be closed."""
        keeping = self.keeping
        return self.is_quiet and keeping.closing < 0 and keeping.next_to_close(quiet=True) < 0

    def validate(self) -> None:
        """Check what must hold at any time; for tests.

        Raises:
            AssertionError: naming the steps for which something does not hold.
        """
        from stagekit._run.state.validation import validate

        queued = {step for step in self.queue.steps() if self.scheduler.status[step] == WAITING}
        validate(self.scheduler, queued | self.keeping.held)
        self.queue.validate()

    def _interrupt(self, why: str) -> None:
        if not self.cancelled:
            self.cancelled = why
            self.scheduler.interrupt()
            self.drop()
            self.ask_all(why)
            self.hurry_closing()

    def _due(self, kind: str, which: int) -> None:
        if kind == "deadline":
            self._interrupt("deadline")
        elif kind == "closing":
            self.closing_is_due(which)
        elif kind == "retry":
            waiting = self.backing.pop(which, None)
            if waiting is not None:
                self.push(waiting.step, waiting.item)
        elif which in self.running:
            self._due_call(kind, which, self.running[which])

    def _due_call(self, kind: str, ticket: int, call: Call) -> None:
        if kind == "timeout":
            call.is_late = not call.why
            self.ask(ticket, call, "timeout", min(self.limits.grace, SECOND // 4))
        elif kind == "nag":
            self.actions.append(Stop(ticket, force=False, why=call.why))
            self.set_timer(NAG, "nag", ticket)
        elif kind == "grace":
            self.force(ticket, call)
        else:
            self.give_up(ticket, call)

    def _advance(self) -> List[Action]:
        """Start what may start, close what may be closed; return all that is to be done."""
        deadline = self.limits.deadline
        if deadline is not None and deadline <= self.now:
            self._interrupt("deadline")
        self._tell_skipped()
        self._queue_ready()
        while True:
            taken = self.queue.take()
            if taken is None:
                break
            self._start(*taken)
        self.close_next()
        actions, self.actions = self.actions, []
        return actions

    def _tell_skipped(self) -> None:
        """Tell the resources of the stages that were skipped."""
        settled = self.scheduler.settled
        while self.keeping.told < len(settled):
            self.keeping.told += 1
            self.over(settled[self.keeping.told - 1])

    def _queue_ready(self) -> None:
        """Queue the stages whose parents have all ended."""
        scheduler, keeping = self.scheduler, self.keeping
        heap = scheduler.heaps[0]
        by_rank, status, policies = scheduler.by_rank, scheduler.status, self.policies
        arrived = [by_rank[heappop(heap)] for _ in range(len(heap))]
        if keeping.held:
            arrived += keeping.freed()
        for step in arrived:
            if status[step] != WAITING or scheduler.is_stopped:
                continue
            policy = policies.get(step)
            if policy is None:
                self.queue.push((scheduler.rank[step], -1, step), self.lanes[step], NO_DEMAND)
                continue
            if step in keeping.resources and not keeping.may_open(step):
                continue
            if policy.each:
                scheduler.start(step)
                self.expanding.append(step)
                self.actions.append(Expand(step))
            else:
                self.push(step, -1)

    def _start(self, waiting: Waiting, lane: int, demand: Demand) -> None:
        _, item, step = waiting
        scheduler = self.scheduler
        if scheduler.status[step] != RUNNING:
            scheduler.start(step)
        call = self.calls.get((step, item))
        if call is None:
            call = self.calls[step, item] = Call(step, item)
            if item >= 0:
                self._begun(step, item)
        call.lane, call.demand = lane, demand
        call.attempts += 1
        call.has_begun, call.is_late, call.why = False, False, ""
        ticket = self.number()
        self.running[ticket] = call
        kind = Open if step in self.keeping.resources else Start
        self.actions.append(kind(ticket, step, item, call.attempts, lane))

    def _begun(self, step: int, item: int) -> None:
        fan = self.fans[step]
        fan.under_way += 1
        if item + 1 < len(fan.values) and not fan.is_stopped:
            self.push(step, item + 1)
