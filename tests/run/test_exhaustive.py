"""All graphs of up to four stages, all orders of ends, and one fault at each event."""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import combinations
from typing import Dict, Iterator, List, Set, Tuple

import pytest

from stagekit import Registry, Retry
from stagekit._api import Plan, plan
from stagekit._plan.policy import Policy
from stagekit._run.state.actions import Abandon, Action, Ended, Recall, Start, Stop
from stagekit._run.state.agenda import SECOND
from stagekit._run.state.columns import (
    CANCELLED,
    CRASHED,
    FAILED,
    INTERRUPTED,
    RAISED,
    SKIPPED,
    SUCCEEDED,
    TIMED_OUT,
)
from stagekit._run.state.limits import Limits
from stagekit._run.state.run_state import RunState
from stagekit._run.state.scheduler import Scheduler
from stagekit._run.state.validation import validate_run

MOST = 4
FAULTS = ("none", "raise", "crash", "raise once", "hang", "slow", "cancel", "hurry", "deadline")
POLICIES = ("stop", "continue", "cancel")
SAMPLE = 23  # the quick suite takes one schedule of so many


@dataclass
class Schedule:
    """One run: which of the running calls ends next, and what goes wrong at which event.

    Attributes:
        choices: of the calls under way, by ticket, the place of the one that ends next.
        options: how many there were to choose from.
        stuck: the ticket of a call that does not end by itself.
    """

    graph: Plan
    on_failure: str
    fault: str
    place: int
    choices: List[int]
    options: List[int] = field(default_factory=list)  # pyright: ignore[reportUnknownVariableType]
    under_way: Dict[int, Start] = field(default_factory=dict)  # pyright: ignore[reportUnknownVariableType]
    started: List[int] = field(default_factory=list)  # pyright: ignore[reportUnknownVariableType]
    faulty: int = -1
    stuck: Set[int] = field(default_factory=lambda: set())
    now: int = 0
    ended_at: Set[int] = field(default_factory=lambda: set())

    def run(self) -> None:
        """Carry it out, and check what became of every stage."""
        retry = Retry(2) if self.fault == "raise once" else None
        policy = Policy(retry=retry, timeout=5.0)
        self.scheduler = Scheduler(self.graph, on_failure=self.on_failure)
        self.state = RunState(
            self.scheduler,
            dict.fromkeys(range(len(self.graph)), policy),
            [0] * len(self.graph),
            Limits(
                capacity=[MOST],
                can_kill=[False],
                reasks=[False],
                slots={},
                deadline=100 * SECOND if self.fault == "deadline" else None,
                grace=SECOND,
            ),
            on_failure=self.on_failure,
        )
        self.obey(self.state.begin(0))
        event = 0
        while not self.state.is_over:
            validate_run(self.state)
            if not self.under_way:
                self.tick()
            elif self.stuck == set(self.under_way):
                self.time_out(self.stuck.pop())
            elif event == self.place and self.faulty < 0 and self.fault != "none":
                event += 1
                self.go_wrong(self.chosen(event - 1))
            else:
                self.end(self.chosen(event), Ended(event, None, RAISED))
                event += 1
        self.scheduler.finish()
        self.check()

    def chosen(self, event: int) -> int:
        """Return the ticket that the next event is about."""
        tickets = sorted(set(self.under_way) - self.stuck)
        self.options.append(len(tickets))
        if len(self.choices) <= event:
            self.choices.append(0)
        return tickets[self.choices[event]]

    def end(self, ticket: int, ended: Ended) -> None:
        """Have a call end."""
        step = self.under_way.pop(ticket).step
        self.ended_at.add(step)
        self.obey(self.state.ended(ticket, ended, self.now))

    def go_wrong(self, ticket: int) -> None:
        """Have the fault happen to a call, or to the run while it is under way."""
        state = self.state
        self.faulty = self.under_way[ticket].step
        if self.fault in {"raise", "raise once"}:
            self.end(ticket, Ended(None, OSError(), RAISED))
        elif self.fault == "crash":
            self.end(ticket, Ended(None, EOFError(), CRASHED))
        elif self.fault in {"hang", "slow"}:
            self.stuck.add(ticket)  # all others end first, in any order
        elif self.fault == "deadline":
            self.now = 100 * SECOND
            self.end(ticket, Ended("in time", None, RAISED))
            self.obey_all(ticket)
        else:
            self.obey(state.cancel(self.now))
            if self.fault == "hurry":
                self.obey(state.hurry(self.now))
            self.obey_all(ticket)

    def time_out(self, ticket: int) -> None:
        """Let the time pass that a call may take: it is told to end, and does or is given up."""
        self.now = 5 * SECOND
        self.obey(self.state.tick(self.now))
        if self.fault == "slow":
            self.end(ticket, Ended("late", None, RAISED))
        else:
            self.now = 7 * SECOND
            self.obey(self.state.tick(self.now))

    def obey_all(self, ticket: int) -> None:
        """Have what is under way end as it is told to, but for one that returns."""
        for other in sorted(self.under_way):
            value = "in time" if other == ticket else None
            ended = Ended(value, None if value else EOFError(), RAISED if value else INTERRUPTED)
            self.end(other, ended)

    def tick(self) -> None:
        """Let the time pass up to what is due."""
        due = self.state.next_time
        assert due is not None, "nothing will ever happen"
        self.now = max(self.now, due)
        self.obey(self.state.tick(self.now))

    def obey(self, actions: List[Action]) -> None:
        """Begin and give up what the state says."""
        for action in actions:
            if isinstance(action, Start):
                assert not self.state.cancelled
                for parent in self.graph.parents[action.step]:
                    assert SUCCEEDED == self.scheduler.status[parent]
                self.started.append(action.step)
                self.under_way[action.ticket] = action
                self.state.began(action.ticket, self.now)
            elif isinstance(action, Abandon):
                del self.under_way[action.ticket]
            elif not isinstance(action, (Recall, Stop)):
                assert "raise once" == self.fault

    def below(self, step: int) -> Set[int]:
        """Return the steps that cannot do without one."""
        found: Set[int] = set()
        for other in range(len(self.graph)):  # in topological order
            if any(parent == step or parent in found for parent in self.graph.parents[other]):
                found.add(other)
        return found

    def check(self) -> None:
        """Compare what became of the stages with what the fault allows."""
        status, reasons = self.scheduler.status, self.scheduler.columns.reasons
        count, bad, fault = len(self.graph), self.faulty, self.fault
        again = 1 if fault == "raise once" and bad >= 0 else 0
        assert len(self.started) == len(set(self.started)) + again, "called twice"
        if bad < 0 or fault in {"none", "raise once"}:
            assert bytes([SUCCEEDED] * count) == bytes(status)
            return
        if fault in {"cancel", "hurry", "deadline"}:
            expected = CANCELLED if fault == "hurry" else SUCCEEDED
            assert expected == status[bad]
            assert set(status) <= {SUCCEEDED, CANCELLED}
            for step in self.below(bad) - set(self.started):
                assert CANCELLED == status[step]
            return
        assert FAILED == status[bad]
        how = {"raise": RAISED, "crash": CRASHED}.get(fault, TIMED_OUT)
        assert how == reasons[bad]
        below = self.below(bad)
        assert below == {step for step in range(count) if status[step] == SKIPPED}
        rest = [status[step] for step in range(count) if step != bad and step not in below]
        if self.on_failure == "continue":
            assert [SUCCEEDED] * len(rest) == rest
        else:
            assert set(rest) <= {SUCCEEDED, CANCELLED}
        assert ([bad] if fault == "hang" else []) == self.state.abandoned


def graphs() -> Iterator[Plan]:
    """Return every graph of up to so many stages, by edges from earlier to later ones."""
    for count in range(1, MOST + 1):
        edges = list(combinations(range(count), 2))
        for bits in range(1 << len(edges)):
            chosen = [edge for place, edge in enumerate(edges) if bits >> place & 1]
            yield graph(count, chosen)


def graph(count: int, edges: List[Tuple[int, int]]) -> Plan:
    """Return a plan of one graph."""
    registry = Registry()
    for node in range(count):
        before = [f"s{first}" for first, second in edges if second == node]
        registry.add(_nothing, id=f"s{node}", depends_on=before)
    return plan(registry=registry)


def orders(made: Plan, on_failure: str, fault: str, place: int) -> Iterator[Schedule]:
    """Return the schedules of one graph and fault, one for each order of ends; carry them out."""
    choices: List[int] = []
    while True:
        schedule = Schedule(made, on_failure, fault, place, choices)
        yield schedule
        options = schedule.options
        del choices[len(options) :]
        while choices and choices[-1] + 1 >= options[len(choices) - 1]:
            choices.pop()
        if not choices:
            return
        choices[-1] += 1


def carry_out(every: int) -> int:
    """Carry out one schedule of so many; return how many there were."""
    count = number = 0
    for made in graphs():
        for on_failure in POLICIES:
            for fault in FAULTS:
                for place in range(1 if fault == "none" else len(made)):
                    number += 1
                    if every > 1 and number % every:
                        continue
                    for schedule in orders(made, on_failure, fault, place):
                        count += 1
                        run_one(schedule, made)
    return count


def run_one(schedule: Schedule, made: Plan) -> None:
    """Carry one schedule out; a failure says which."""
    try:
        schedule.run()
    except Exception as error:
        text = f"{made.parents} {schedule.on_failure} {schedule.fault} at {schedule.place}"
        raise AssertionError(f"{text} {schedule.choices}: {error!r}") from error


def test_a_sample_of_all_small_schedules() -> None:
    """Every stage has the outcome that its graph, the policy and the fault allow."""
    assert carry_out(SAMPLE) > 500


@pytest.mark.heavy
def test_all_small_schedules() -> None:
    """Each graph of up to four stages, each order of ends, each fault at each event."""
    assert carry_out(1) > 20_000


def _nothing() -> None:
    """Stand in for a stage; never called."""
