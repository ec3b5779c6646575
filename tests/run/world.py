"""A simulated world for the state of a run: virtual time, faults, what must hold."""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from heapq import heappop, heappush
from typing import Dict, List, Optional, Set, Tuple, Union

from stagekit import Registry
from stagekit._api import Plan, plan
from stagekit._base.decisions import Reuse, Skip
from stagekit._base.retry import Retry
from stagekit._plan.policy import CALL, RESOURCE, Policy
from stagekit._run.state.actions import (
    Abandon,
    AbandonClosing,
    Action,
    Close,
    Decide,
    Ended,
    Expand,
    Recall,
    Retrying,
    Start,
    Stop,
    StopClosing,
    WithdrawnError,
)
from stagekit._run.state.agenda import SECOND
from stagekit._run.state.columns import (
    CANCELLED,
    CRASHED,
    FAILED,
    INTERRUPTED,
    RAISED,
    REUSED,
    RUNNING,
    SKIPPED,
    SUCCEEDED,
    WAITING,
)
from stagekit._run.state.limits import Limits
from stagekit._run.state.run_state import RunState
from stagekit._run.state.scheduler import Scheduler
from stagekit._run.state.validation import validate_run

Answer = Union[Reuse, Skip, BaseException, None]
LANES = 3  # threads, which cannot be ended; the loop, which is asked again; processes
SLOTS = {"db": 2, "gpu": 1}


@dataclass
class World:
    """One simulated run."""

    seed: int
    steps: int = 8
    decides: bool = False
    chance: random.Random = field(init=False)

    def __post_init__(self) -> None:
        """Draw the graph, the policies, and what will happen."""
        self.chance = chance = random.Random(self.seed)  # noqa: S311 - a schedule, no secret
        count = chance.randint(1, self.steps)
        self.plan = random_plan(chance, count)
        self.policies = {
            step: policy
            for step in range(count)
            for policy in [random_policy(chance)]
            if policy is not None
        }
        for step, policy in list(self.policies.items()):
            if policy.kind == RESOURCE and policy.each:
                del self.policies[step]
        self.on_failure = chance.choice(["stop", "continue", "cancel"])
        self.scheduler = Scheduler(self.plan, on_failure=self.on_failure)
        self.capacity = [chance.randint(1, 3) for _ in range(LANES)]
        self.limits = Limits(
            capacity=self.capacity,
            can_kill=[False, False, True],
            reasks=[False, True, False],
            slots=SLOTS,
            width=chance.choice([None, None, 1, 2]),
            deadline=chance.choice([None, None, None, chance.randint(0, 20) * SECOND]),
            grace=chance.choice([0, SECOND, 10 * SECOND]),
        )
        self.lanes = [chance.randrange(LANES) for _ in range(count)]
        self.state = RunState(
            self.scheduler,
            self.policies,
            self.lanes,
            self.limits,
            on_failure=self.on_failure,
            chance=chance.random,
            chains=[not self.decides and self.is_plain(step) for step in range(count)],
            decides=self.decides,
        )
        self.questions: Dict[int, Tuple[int, int]] = {}  # those that wait for an answer
        self.answers: Dict[Tuple[int, int], Answer] = {}
        self.now = 0
        self.widens = chance.random() < 0.5
        self.events: List[Tuple[int, int, str, int, Optional[Ended]]] = []
        self.serial = 0
        self.under_way: Dict[int, Start] = {}
        self.begun_at: Dict[int, int] = {}
        self.given_up: Set[int] = set()
        self.withdrawn: Set[int] = set()
        self.starts: Dict[Tuple[int, int], int] = {}
        self.opened: List[int] = []
        self.closed: List[int] = []
        self.closing: Set[int] = set()
        self.items: Dict[int, int] = {}
        self.cancelled_at: Optional[int] = None
        self.log: List[str] = []
        self.followers = [0, 0]  # stages, and items

    def run(self) -> None:
        """Carry the run out, checking after each transition."""
        chance, state = self.chance, self.state
        cancel_at = chance.choice([None, None, chance.randint(0, 30)])
        hurry_at = None if cancel_at is None else chance.choice([None, cancel_at + 3])
        self.obey(state.begin(self.now))
        turn = 0
        while not state.is_over:
            turn += 1
            assert turn < 5_000, "it never ends"
            if self.widens and chance.random() < 0.2:
                state.widen(chance.randrange(LANES), chance.choice([0, 1, 4]))
                self.obey(state.proceed(self.now))
            if turn == cancel_at:
                self.cancelled_at = self.now
                self.obey(state.cancel(self.now))
                continue
            if turn == hurry_at:
                self.obey(state.hurry(self.now))
                continue
            due = state.next_time
            if self.events and (due is None or self.events[0][0] <= due):
                self.now, _, kind, which, ended = heappop(self.events)
                self.happen(kind, which, ended)
            elif due is None:
                assert self.under_way, "nothing will ever happen"
                ticket = self.chance.choice(sorted(self.under_way))
                self.at(0, "end", ticket, Ended("at last", None, RAISED))
            else:
                self.now = max(self.now, due)
                self.obey(state.tick(self.now))
        self.finish()

    def happen(self, kind: str, which: int, ended: Optional[Ended]) -> None:
        """Tell the state of an event."""
        state = self.state
        if kind == "end":
            assert ended is not None
            self.end(which, ended)
        elif kind == "began":
            if which in self.under_way:
                self.begun(which)
        elif kind == "proceed":
            self.obey(state.proceed(self.now))
        elif kind == "answer":
            self.answer(*self.questions.pop(which))
        elif kind == "expand":
            bad = self.chance.random() < 0.1
            count = self.items.setdefault(which, self.chance.randint(0, 5))
            self.obey(state.expanded(which, count, OSError() if bad else None, self.now))
        else:
            if which not in self.closing:
                return  # was given up on, or has ended by itself
            self.closing.remove(which)
            bad = self.chance.random() < 0.1
            self.obey(state.closed(which, OSError("close") if bad else None, self.now))

    def ask(self, decide: Decide) -> None:
        """Have a question be answered in a moment."""
        question = (decide.step, decide.item)
        assert question not in self.answers, "asked twice"
        assert question not in self.questions.values(), "asked twice"
        for parent in self.plan.parents[decide.step]:
            assert self.is_over(parent) or parent in self.state.resources.steps, "asked too early"
        self.questions[self.serial + 1] = question
        self.at(0, "answer", self.serial + 1)

    def answer(self, step: int, item: int) -> None:
        """Draw what a decider says of a stage or an item."""
        kind = self.chance.random() if self.state.awaits(step, item) else 1.0
        answer: Answer = None
        if kind < 0.25:
            answer = Reuse([] if item < 0 else f"{step}.{item}", "kept")
        elif kind < 0.35 and item < 0:
            answer = Skip("not now")
        elif kind < 0.4:
            answer = OSError()
        self.answers[step, item] = answer
        self.log.append(f"{self.now} {step}.{item} is answered {answer!r}")
        actions = self.state.answered(step, item, answer, self.now)
        if any(self.state.awaits(*question) for question in self.questions.values()):
            assert not any(isinstance(action, Start) for action in actions), "started out of turn"
        self.obey(actions)

    def is_over(self, step: int) -> bool:
        """Tell whether a step has ended otherwise than by being cancelled."""
        return self.scheduler.status[step] in (SUCCEEDED, FAILED, SKIPPED, REUSED)

    def is_used(self, resource: int) -> bool:
        """Tell whether a stage that is to be called uses a resource, or nobody could."""
        children = self.plan.children[resource]
        resources = self.state.resources.steps
        return not children or any(
            self.is_used(child)
            if child in resources
            else (child, -1) in self.answers and self.answers[child, -1] is None
            for child in children
        )

    def end(self, which: int, ended: Ended) -> None:
        """Tell the state how a call has ended, as far as that can be."""
        state = self.state
        is_withdrawn = isinstance(ended.error, WithdrawnError)
        if which in self.withdrawn and not is_withdrawn:
            return  # it has not begun
        start = self.under_way.pop(which, None)
        if start is not None and is_withdrawn and not state.running[which].is_late:
            self.starts[start.step, start.item] -= 1
        if start is None and which not in self.given_up:
            return  # was ended by force
        if start is not None and isinstance(ended.value, str) and ended.error is None:
            self.note_open(start)
        is_plain = start is not None and self.is_plain(start.step)
        if is_plain and ended.error is None and self.chance.random() < 0.7:
            self.go_on(which, ended.value)
        else:
            self.obey(state.ended(which, ended, self.now))

    def is_plain(self, step: int) -> bool:
        """Tell whether one call of a stage, or of an item of it, may follow another."""
        policy = self.policies.get(step)
        return policy is None or policy.is_plain

    def go_on(self, ticket: int, value: object) -> None:
        """Let a call follow another; whoever drives the state hears of it only if it must."""
        state = self.state
        call = state.go_on(ticket, value, self.now)
        if call is not None:
            step, item = call.step, call.item
            self.log.append(f"{self.now} {step} follows as {ticket}, item {item}")
            self.followers[item >= 0] += 1
            self.begin(Start(ticket, step, item, 1, self.lanes[step]))
        if call is None or state.needs_coordinator:
            self.at(0, "proceed", -1)
        else:
            assert state.proceed(self.now) == [], "it waits, and does not say so"
        self.check()

    def note_open(self, start: Start) -> None:
        """Remember that a resource is open."""
        policy = self.policies.get(start.step)
        if policy is not None and policy.kind == RESOURCE:
            call = self.state.running.get(start.ticket)
            if call is not None and not call.is_late:
                self.opened.append(start.step)

    def obey(self, actions: List[Action]) -> None:
        """Begin what the state asks for."""
        for action in actions:
            self.log.append(f"{self.now} {action!r}")
            if isinstance(action, Start):
                self.begin(action)
            elif isinstance(action, Stop):
                self.stop(action)
            elif isinstance(action, Abandon):
                assert action.ticket in self.under_way
                del self.under_way[action.ticket]
                self.given_up.add(action.ticket)
            elif isinstance(action, Recall):
                self.recall()
            elif isinstance(action, Decide):
                self.ask(action)
            elif isinstance(action, Expand):
                self.at(0, "expand", action.step)
            elif isinstance(action, StopClosing):
                assert action.step in self.closing
                if self.chance.random() < 0.5:
                    self.at(0, "close", action.step)
            elif isinstance(action, AbandonClosing):
                self.closing.remove(action.step)
            elif isinstance(action, Close):
                self.close(action.step)
            else:
                assert isinstance(action, Retrying)
        self.check()

    def begin(self, start: Start) -> None:
        """Draw how a call will end."""
        step, chance = start.step, self.chance
        for parent in self.plan.parents[step]:
            assert self.is_over(parent), "started before its parents"
        if self.decides:
            assert self.answers[step, -1] is None, "called though nobody wants that"
            assert start.item < 0 or self.answers[step, start.item] is None, "as above"
            assert self.is_used(step) or step not in self.state.resources.steps, "opened for nobody"
        assert self.state.cancelled == "", "started after a cancel"
        policy = self.policies.get(step) or Policy()
        key = (step, start.item)
        self.starts[key] = self.starts.get(key, 0) + 1
        assert self.starts[key] == start.attempt
        assert start.attempt <= (policy.retry.attempts if policy.retry else 1)
        self.under_way[start.ticket] = start
        self.check_place(start, policy)
        if policy.timeout is not None:
            if start.lane == LANES - 1 and chance.random() < 0.5:  # it waits for a worker
                self.at(chance.choice([0, 9 * SECOND]), "began", start.ticket)
            else:
                self.begun(start.ticket)
        kind = chance.random()
        if kind < 0.7:
            ended = Ended(f"{step}.{start.item}", None, RAISED)
        elif kind < 0.9:
            ended = Ended(None, chance.choice([OSError(), ValueError()]), RAISED)
        elif kind < 0.95:
            ended = Ended(None, EOFError(), CRASHED)
        else:
            return  # hangs
        self.at(chance.choice([0, 0, SECOND, 3 * SECOND]), "end", start.ticket, ended)

    def begun(self, ticket: int) -> None:
        """Tell that a call has begun, once or twice."""
        self.begun_at.setdefault(ticket, self.now)
        self.state.began(ticket, self.now)

    def recall(self) -> None:
        """Draw which calls of the processes have not begun."""
        for ticket, start in self.under_way.items():
            is_near = self.lanes[start.step] < LANES - 1 or ticket in self.begun_at
            if not is_near and self.chance.random() < 0.5:
                self.withdrawn.add(ticket)
                self.at(0, "end", ticket, Ended(None, WithdrawnError(), INTERRUPTED))

    def stop(self, stop: Stop) -> None:
        """Draw whether a call obeys."""
        start = self.under_way.get(stop.ticket)
        if start is None:
            return
        if stop.why == "timeout" and not self.state.cancelled:
            limit = self.policies[start.step].timeout
            assert limit is not None
            passed = self.now - self.begun_at[stop.ticket]
            assert passed >= limit * SECOND, "time in a queue has counted"
        if stop.force or (self.lanes[start.step] and self.chance.random() < 0.5):
            how = CRASHED if self.lanes[start.step] == 2 else INTERRUPTED
            self.at(0, "end", stop.ticket, Ended(None, EOFError(), how))

    def close(self, step: int) -> None:
        """Check that nobody uses a resource, and begin to close it."""
        assert step in self.opened
        assert step not in self.closed
        for start in self.under_way.values():
            assert step not in self.plan.parents[start.step], "closed while in use"
        later = self.opened[self.opened.index(step) + 1 :]
        for other in later:
            if step in self.plan.parents[other]:
                assert other in self.closed, "closed before what was made of it"
        assert not self.closing, "two at a time"
        self.closed.append(step)
        self.closing.add(step)
        policy = self.policies[step]
        is_bounded = policy.timeout is not None or bool(self.state.cancelled)
        delay = self.chance.choice([0, SECOND, 60 * SECOND])
        if delay < 60 * SECOND or not is_bounded or self.chance.random() < 0.5:
            self.at(delay, "close", step)

    def at(self, delay: int, kind: str, which: int, ended: Optional[Ended] = None) -> None:
        """Have something happen later."""
        self.serial += 1
        order = self.chance.random()
        heappush(self.events, (self.now + delay, int(order * 1e9), kind, which, ended))

    def check_place(self, start: Start, policy: Policy) -> None:
        """Check that a call that begins has a place; it is an extra one only if it is patient."""
        lane = start.lane
        count = sum(other.lane == lane for other in self.under_way.values())
        is_patient = policy.timeout is None and not policy.slots and policy.kind != RESOURCE
        extra = self.state.queue.extra[lane] if is_patient else 0
        assert count <= self.capacity[lane] + extra, "too many in one lane"

    def check(self) -> None:
        """Check what must hold at any time."""
        validate_run(self.state)
        used: Dict[str, int] = {}
        for start in self.under_way.values():
            policy = self.policies.get(start.step)
            for name, count in policy.slots if policy else ():
                used[name] = used.get(name, 0) + count
        if self.limits.width is not None:
            assert len(self.under_way) <= self.limits.width
        for name, count in used.items():
            assert count <= SLOTS[name], f"too many {name}"
        status = self.scheduler.status
        for start in self.under_way.values():
            assert status[start.step] == RUNNING

    def finish(self) -> None:
        """Check what must hold at the end."""
        state, scheduler = self.state, self.scheduler
        assert not self.under_way, "something runs on"
        assert not self.closing, "something is being closed"
        for step in state.resources.unwanted():
            if scheduler.status[step] == WAITING and not scheduler.is_stopped:
                scheduler.skip_unneeded(step)
        if not scheduler.is_stopped:
            assert WAITING not in scheduler.status, "something was forgotten"
        scheduler.finish()
        for step, status in enumerate(scheduler.status):
            assert status in (SUCCEEDED, REUSED, FAILED, SKIPPED, CANCELLED)
            if isinstance(self.answers.get((step, -1)), Reuse):
                assert REUSED == status
            if status == FAILED:
                assert step in scheduler.columns.errors
        assert len(self.closed) == len(set(self.closed)), "closed twice"
        assert set(self.opened) - set(self.closed) <= state.resources.leaked, "left open"


def random_plan(chance: random.Random, count: int) -> Plan:
    """Return a plan of a random graph, by order edges only."""
    registry = Registry()
    density = chance.random() * 0.6
    for node in range(count):
        before = [f"s{other}" for other in range(node) if chance.random() < density]
        critical = chance.random() < 0.8
        registry.add(_nothing, id=f"s{node}", depends_on=before, critical=critical)
    return plan(registry=registry)


def random_policy(chance: random.Random) -> Optional[Policy]:
    """Return a policy, or None for a plain stage."""
    kind = chance.random()
    if kind < 0.3:
        return None
    if kind < 0.45:
        return Policy(each=(0,))
    slots: Tuple[Tuple[str, int], ...] = ()
    if chance.random() < 0.4:
        name = chance.choice(sorted(SLOTS))
        slots = ((name, chance.randint(1, SLOTS[name])),)
    return Policy(
        retry=chance.choice([None, Retry(3, on=OSError, wait=1.0), Retry(2)]),
        timeout=chance.choice([None, 2.0, 2.0]),
        slots=slots,
        kind=chance.choice([CALL, CALL, RESOURCE]),
        each=chance.choice([(), (), (0,)]),
    )


def _nothing() -> None:
    """Stand in for a stage; never called."""
