"""The state of a run, driven by hypothesis: any order of ends, timers and cancels."""

from __future__ import annotations

from typing import Any, List, Optional, Set, Tuple

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from stagekit import Registry, Retry, plan
from stagekit._plan.policy import Policy
from stagekit._run.state.actions import Ended, Start, Stop, WithdrawnError
from stagekit._run.state.agenda import SECOND
from stagekit._run.state.columns import CRASHED, INTERRUPTED, RAISED
from stagekit._run.state.limits import Limits
from stagekit._run.state.run_state import RunState
from stagekit._run.state.scheduler import Scheduler
from stagekit._run.state.validation import validate_run
from tests.run.world import World

ENDS = (
    ("a value", None, RAISED),
    (None, OSError("no"), RAISED),
    (None, ValueError("no"), RAISED),
    (None, EOFError("died"), CRASHED),
)


class Driven(World):
    """A world in which nothing happens by itself."""

    def __post_init__(self) -> None:
        """Draw graph and policies, and have nothing to do."""
        self.to_expand: List[int] = []
        self.to_close: List[int] = []
        self.dying: Set[int] = set()
        self.recalled: Set[int] = set()
        super().__post_init__()

    def at(self, delay: int, kind: str, which: int, ended: Optional[Ended] = None) -> None:
        """Remember what the state waits for; calls end when a rule says so."""
        if kind == "expand":
            self.to_expand.append(which)
        elif kind == "close":
            self.to_close.append(which)
        elif kind == "proceed":
            self.happen(kind, which, None)
        elif ended is not None and ended.how in {CRASHED, INTERRUPTED} and delay == 0:
            self.dying.add(which)

    def recall(self) -> None:
        """Remember which calls may have been taken back."""
        self.recalled |= set(self.under_way)


class Runs(RuleBasedStateMachine):
    """What may happen to a run, in any order."""

    world: Driven

    @initialize(seed=st.integers(0, 100_000))
    def begin(self, seed: int) -> None:
        """Start a run."""
        self.world = Driven(seed, steps=6)
        self.world.obey(self.world.state.begin(0))

    def pick(self, data: st.DataObject, among: List[int]) -> int:
        """Choose one."""
        return data.draw(st.sampled_from(sorted(among)))

    @precondition(lambda self: self.world.under_way)
    @rule(data=st.data(), how=st.sampled_from(ENDS))
    def a_call_ends(
        self, data: st.DataObject, how: Tuple[Any, Optional[BaseException], int]
    ) -> None:
        """With a value or an error, or its worker dies."""
        ticket = self.pick(data, list(self.world.under_way))
        self.world.end(ticket, Ended(*how))

    @precondition(lambda self: self.world.state.cancelled and self.world.under_way)
    @rule(data=st.data())
    def a_call_obeys(self, data: st.DataObject) -> None:
        """It was told to end."""
        ticket = self.pick(data, list(self.world.under_way))
        self.world.end(ticket, Ended(None, EOFError("told to"), INTERRUPTED))

    @precondition(lambda self: self.world.recalled & set(self.world.under_way))
    @rule(data=st.data())
    def a_call_had_not_begun(self, data: st.DataObject) -> None:
        """It was taken back."""
        ticket = self.pick(data, list(self.world.recalled & set(self.world.under_way)))
        self.world.end(ticket, Ended(None, WithdrawnError(), INTERRUPTED))

    @precondition(lambda self: self.world.given_up)
    @rule(data=st.data())
    def a_call_ends_that_was_given_up(self, data: st.DataObject) -> None:
        """Nothing changes."""
        world = self.world
        before = bytes(world.scheduler.status)
        assert [] == world.state.ended(
            self.pick(data, list(world.given_up)), Ended("late", None, RAISED), world.now
        )
        assert before == bytes(world.scheduler.status)

    @precondition(lambda self: self.world.to_expand)
    @rule(data=st.data())
    def items_are_made(self, data: st.DataObject) -> None:
        """Or cannot be had."""
        step = self.pick(data, self.world.to_expand)
        self.world.to_expand.remove(step)
        self.world.happen("expand", step, None)

    @precondition(lambda self: self.world.to_close)
    @rule()
    def a_resource_is_closed(self) -> None:
        """Or fails to be."""
        self.world.happen("close", self.world.to_close.pop(0), None)

    @precondition(lambda self: self.world.state.next_time is not None)
    @rule()
    def time_passes(self) -> None:
        """Up to what is due next."""
        world = self.world
        due = world.state.next_time
        assert due is not None
        world.now = max(world.now, due)
        world.obey(world.state.tick(world.now))

    @rule()
    def the_run_is_cancelled(self) -> None:
        """Any number of times."""
        self.world.obey(self.world.state.cancel(self.world.now))

    @rule()
    def there_is_a_hurry(self) -> None:
        """What runs is ended by force, or given up."""
        self.world.obey(self.world.state.hurry(self.world.now))

    @invariant()
    def the_columns_agree(self) -> None:
        """What the scheduler says of each stage is consistent."""
        if hasattr(self, "world"):
            validate_run(self.world.state)
            self.world.check()

    def teardown(self) -> None:
        """Let all that runs end: the run is over, and every stage has one outcome."""
        if not hasattr(self, "world"):
            return
        world = self.world
        for _ in range(2_000):
            if world.state.is_over:
                break
            if world.under_way:
                world.end(min(world.under_way), Ended("at last", None, RAISED))
            elif world.to_expand:
                world.happen("expand", world.to_expand.pop(0), None)
            elif world.to_close:
                world.happen("close", world.to_close.pop(0), None)
            else:
                self.time_passes()
        assert world.state.is_over
        world.finish()


class TestRuns(Runs.TestCase):  # type: ignore[misc, valid-type]  # pyright: ignore[reportUntypedBaseClass]  # made by hypothesis
    """Fifty steps in any order."""

    settings = settings(max_examples=25, stateful_step_count=40, deadline=None)


@pytest.mark.heavy
class TestManyRuns(Runs.TestCase):  # type: ignore[misc, valid-type]  # pyright: ignore[reportUntypedBaseClass]  # made by hypothesis
    """The same, at length."""

    settings = settings(max_examples=500, stateful_step_count=60, deadline=None)


@pytest.mark.parametrize(("hears_late", "seconds"), [(False, 0.25), (True, 5.0)])
def test_a_late_call_has_as_long_to_end_as_its_word_takes(hears_late: bool, seconds: float) -> None:
    """A quarter of a second where it hears at once; else the grace: it must not be given up on."""
    registry = Registry()
    registry.add(lambda: None, id="a")
    made = plan(registry=registry)
    state = RunState(
        Scheduler(made),
        {0: Policy(retry=Retry(2), timeout=1.0)},
        [0],
        Limits(
            capacity=[1],
            can_kill=[False],
            reasks=[False],
            hears_late=[hears_late],
            slots={},
            grace=5 * SECOND,
        ),
        on_failure="stop",
    )
    (start,) = [each for each in state.begin(0) if isinstance(each, Start)]
    state.began(start.ticket, 0)
    assert SECOND == state.next_time
    assert [Stop(start.ticket, force=False, why="timeout")] == state.tick(SECOND)
    assert SECOND + int(seconds * SECOND) == state.next_time
