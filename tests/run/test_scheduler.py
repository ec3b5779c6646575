"""The scheduler: every transition, and that no sequence of legal ones leads to a bad state."""

from __future__ import annotations

from typing import Any, Callable, Dict, List, Tuple

import pytest
from hypothesis import settings, stateful
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
)

from stagekit import Plan, Registry, plan
from stagekit._run.fast.inline import run_order
from stagekit._run.state.columns import (
    CANCELLED,
    FAILED,
    NO_VALUE,
    RUNNING,
    SKIPPED,
    STOPPED,
    SUCCEEDED,
    UPSTREAM_FAILED,
    WAITING,
)
from stagekit._run.state.scheduler import Scheduler
from stagekit._run.state.validation import validate
from stagekit.testing import plans


def made_of(edges: Dict[str, List[str]], **options: Dict[str, Any]) -> Plan:
    """Return the plan of a graph given as stage → what it depends on."""
    registry = Registry()
    for name, before in edges.items():
        registry.add(lambda: None, id=name, depends_on=before, **options.get(name, {}))
    return plan(registry=registry)


DIAMOND = {"a": [], "b": ["a"], "c": ["a"], "d": ["b", "c"]}


def test_steps_become_ready_as_their_parents_succeed() -> None:
    """``ready`` tells what may start, ``take`` starts the best of it."""
    scheduler = Scheduler(made_of(DIAMOND))
    assert (0,) == scheduler.ready()
    assert not scheduler.is_idle
    assert 0 == scheduler.take()
    assert (-1, ()) == (scheduler.take(), scheduler.ready())
    scheduler.succeed(0, "a")
    assert (1, 2) == scheduler.ready()
    assert [1, 2, -1] == [scheduler.take() for _ in range(3)]
    assert 2 == scheduler.running
    scheduler.succeed(2)
    assert () == scheduler.ready()
    scheduler.succeed(1)
    assert 3 == scheduler.take()
    scheduler.succeed(3, "d")
    assert scheduler.is_idle
    scheduler.finish()
    assert ["a", None, None, "d"] == scheduler.columns.values
    assert bytes([SUCCEEDED] * 4) == scheduler.status


def test_a_rank_of_the_caller_decides() -> None:
    """Ready steps are taken in ascending rank."""
    scheduler = Scheduler(made_of({"a": [], "b": [], "c": []}), rank=(2, 0, 1))
    assert (1, 2, 0) == scheduler.ready()
    assert [1, 2, 0] == [scheduler.take() for _ in range(3)]


def test_a_caller_may_choose_among_the_ready() -> None:
    """``start`` takes any ready step; it is not taken again."""
    scheduler = Scheduler(made_of({"a": [], "b": [], "c": ["a"]}))
    step = scheduler.ready()[1]
    scheduler.start(step)
    assert step not in scheduler.ready()
    validate(scheduler)
    assert step != scheduler.take()
    assert -1 == scheduler.take()
    with pytest.raises(ValueError, match="cannot go from"):
        scheduler.start(step)
    with pytest.raises(ValueError, match="is not ready"):
        scheduler.start(2)


@pytest.mark.parametrize("move", ["succeed", "fail", "cancel"])
def test_an_unknown_transition_raises(move: str) -> None:
    """Only what runs can end, and only once."""
    scheduler = Scheduler(made_of(DIAMOND))
    moves: Dict[str, Callable[[], object]] = {
        "succeed": lambda: scheduler.succeed(0),
        "fail": lambda: scheduler.fail(0, ValueError()),
        "cancel": lambda: scheduler.cancel(0),
    }
    act = moves[move]
    with pytest.raises(ValueError, match="cannot go from status 0"):
        act()
    scheduler.take()
    act()
    with pytest.raises(ValueError, match="cannot go from"):
        act()


def test_a_failure_stops_or_does_not() -> None:
    """``stop``: nothing starts any more; ``continue``: the rest does."""
    for policy in ("stop", "cancel", "continue"):
        scheduler = Scheduler(made_of({"a": [], "b": ["a"], "x": []}), on_failure=policy)
        scheduler.fail(scheduler.take(), ValueError())
        validate(scheduler)
        assert scheduler.has_failed
        assert (policy != "continue") == scheduler.is_stopped
        assert [1] == scheduler.settled or policy == "x"
        assert (2 if policy == "continue" else -1) == scheduler.take()
        scheduler.finish()
        validate(scheduler)
        last = CANCELLED
        assert bytes([FAILED, SKIPPED, last]) == scheduler.status


def test_what_never_started_is_settled_at_the_end() -> None:
    """Descendants of a failure are skipped for it, all others cancelled."""
    edges = {"a": [], "late": [], "b": ["a", "late"], "c": ["b"], "d": ["late"]}
    made = made_of(edges)
    scheduler = Scheduler(made)
    first = made.step_of("a")
    scheduler.start(first)
    scheduler.fail(first, ValueError())
    assert [] == scheduler.settled
    scheduler.finish()
    validate(scheduler)
    status = {name: scheduler.status[made.step_of(name)] for name in edges}
    assert {"a": FAILED, "late": CANCELLED, "b": SKIPPED, "c": SKIPPED, "d": CANCELLED} == status
    reasons = scheduler.columns.reasons
    assert UPSTREAM_FAILED == reasons[made.step_of("c")]
    assert STOPPED == reasons[made.step_of("d")]
    assert first == scheduler.columns.causes[made.step_of("c")]


def test_a_soft_failure_goes_as_far_as_its_value_is_needed() -> None:
    """Who waits only for the order runs, after a failed as after a skipped stage."""
    registry = Registry()

    def soft() -> bytes:
        raise ValueError

    def needs(value: bytes) -> str:
        raise AssertionError

    registry.add(soft, id="soft", critical=False)
    registry.add(needs, id="needs")
    registry.add(lambda: None, id="waits", depends_on=["needs", "soft"])
    scheduler = Scheduler(plan(registry=registry))
    scheduler.fail(scheduler.take(), ValueError())
    assert not scheduler.is_stopped
    assert NO_VALUE == scheduler.columns.reasons[1]
    assert (2,) == scheduler.ready()


def _started_in_spite(scheduler: Scheduler) -> None:
    scheduler.fail(scheduler.take(), ValueError())
    scheduler.status[1] = RUNNING


def test_validate_finds_bad_states() -> None:
    """The checker is no yes-man."""
    made = made_of(DIAMOND)
    spoils: List[Tuple[Callable[[Any], object], str]] = [  # Any: to reach what is not for others
        (lambda s: s.left.__setitem__(1, 0), "parents are left"),
        (lambda s: s.status.__setitem__(3, RUNNING), "started before its parents"),
        (lambda s: s.heap.clear(), "ready are"),
        (_started_in_spite, "started although it had to be skipped"),
        (lambda s: setattr(s, "running", 7), "7 are said to run"),
        (lambda s: s.columns.reasons.__setitem__(2, 0), "with a reason"),
        (lambda s: s.columns.causes.__setitem__(2, 0), "do not go together"),
        (lambda s: s.columns.errors.__setitem__(2, ValueError()), "has an error"),
        (lambda s: s.status.__setitem__(0, FAILED), "failed without an error"),
        (lambda s: s.status.__setitem__(0, CANCELLED), "with reason None"),
    ]
    for spoil, text in spoils:
        scheduler = Scheduler(made)
        validate(scheduler)
        spoil(scheduler)
        with pytest.raises(AssertionError, match=text):
            validate(scheduler)


def test_one_worker_takes_turns() -> None:
    """The order of an inline run is that of priorities; None where it is that of steps."""
    edges: Dict[str, List[str]] = {"a": [], "b": ["a"], "c": ["a"]}
    assert run_order(made_of(edges), None) is None
    made = made_of(edges, c={"priority": 1})
    order = run_order(made, None)
    assert order is not None
    assert ["a", "c", "b"] == [made.order[step] for step in order]
    assert [0, 1, 2] == run_order(made, (0, 1, 2))


class Runs(RuleBasedStateMachine):
    """Any run of any plan: every legal transition, in every order, keeps the state sound."""

    def __init__(self) -> None:
        super().__init__()
        self.scheduler: Any = None
        self.running: List[int] = []
        self.is_finished = False

    @initialize(
        made=plans(),
        on_failure=st.sampled_from(["stop", "continue"]),
    )
    def begin(self, made: Plan, on_failure: str) -> None:
        """Begin a run."""
        constants = [None] * made.constants
        self.scheduler = Scheduler(made, constants, on_failure=on_failure)

    @precondition(lambda self: self.scheduler.ready())
    @rule(data=st.data())
    def start_any(self, data: st.DataObject) -> None:
        """Start any ready step."""
        step = data.draw(st.sampled_from(self.scheduler.ready()))
        self.scheduler.start(step)
        self.running.append(step)

    @precondition(lambda self: not self.is_finished)
    @rule()
    def take_best(self) -> None:
        """Start the best step."""
        ready = self.scheduler.ready()
        step = self.scheduler.take()
        assert step == (ready[0] if ready else -1)
        if step >= 0:
            self.running.append(step)

    @precondition(lambda self: self.running)
    @rule(data=st.data(), how=st.sampled_from(["succeed", "succeed", "succeed", "fail"]))
    def end_any(self, data: st.DataObject, how: str) -> None:
        """End any running step."""
        step = data.draw(st.sampled_from(self.running))
        self.running.remove(step)
        if how == "succeed":
            self.scheduler.succeed(step, step)
        else:
            self.scheduler.fail(step, ValueError())

    @precondition(lambda self: self.running and self.scheduler.is_stopped)
    @rule()
    def cancel_one(self) -> None:
        """End a running step because the run has stopped."""
        self.scheduler.cancel(self.running.pop())

    @precondition(lambda self: not self.is_finished)
    @rule(really=st.integers(0, 9))
    def interrupt(self, really: int) -> None:
        """Cancel the run, now and then."""
        if really == 0:
            self.scheduler.interrupt()
            assert () == self.scheduler.ready()

    @precondition(lambda self: not self.is_finished and self.scheduler.is_idle)
    @rule()
    def finish(self) -> None:
        """End the run: every step has one final status."""
        self.scheduler.finish()
        self.is_finished = True
        assert not {WAITING, RUNNING} & set(self.scheduler.status)
        if not self.scheduler.is_stopped:
            assert CANCELLED not in self.scheduler.status

    @precondition(lambda self: self.is_finished)
    @rule()
    def stay(self) -> None:
        """Nothing follows the end."""
        assert -1 == self.scheduler.take()

    @invariant()
    def is_sound(self) -> None:
        """Whatever has happened, the state is possible."""
        if self.scheduler is not None:
            validate(self.scheduler)


def test_any_sequence_of_transitions_is_sound() -> None:
    """Drawn runs of drawn plans never reach a state that cannot be."""
    check: Any = vars(stateful)["run_state_machine_as_test"]  # Any: some releases type half of it
    check(Runs, settings=settings(stateful_step_count=25))
