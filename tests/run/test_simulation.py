"""The state of runs under virtual time: seeded schedules with faults."""

from __future__ import annotations

from pathlib import Path

import pytest

from stagekit._run.state.columns import CANCELLED, FAILED, REUSED, SKIPPED, SUCCEEDED
from tests.run.world import World

KEPT = Path(__file__).with_name("seeds.txt")  # seeds that once failed
QUICK, SLOW, ALL = 300, 1_500, 20_000


def simulate(seed: int, *, decides: bool = False) -> World:
    """Run one seed; a failure names it."""
    world = World(seed, decides=decides)
    try:
        world.run()
    except Exception as error:
        log = "\n".join(world.log[-30:])
        raise AssertionError(f"seed {seed}: {error!r}; add it to {KEPT.name}\n{log}") from error
    return world


@pytest.mark.parametrize("seed", [int(line) for line in KEPT.read_text("utf-8").split()])
def test_seeds_that_once_failed(seed: int) -> None:
    """A schedule that was wrong once stays right."""
    simulate(seed)


@pytest.mark.parametrize(
    "seeds", [range(QUICK), pytest.param(range(QUICK, SLOW), marks=pytest.mark.slow)]
)
def test_no_schedule_breaks_a_promise(seeds: range) -> None:
    """Raise, hang, crash, time out, cancel, hurry: order, slots, ends and closings hold."""
    for seed in seeds:
        simulate(seed)


def test_no_schedule_with_a_decider_breaks_a_promise() -> None:
    """Each stage and item is asked about once, in time; what is not to be called is not."""
    outcomes = bytearray()
    for seed in range(QUICK):
        outcomes += simulate(seed, decides=True).scheduler.status
    assert set(outcomes) == {SUCCEEDED, FAILED, SKIPPED, CANCELLED, REUSED}


@pytest.mark.heavy
def test_twenty_thousand_schedules_with_a_decider_break_no_promise() -> None:
    """The same, at length."""
    for seed in range(QUICK, ALL):
        simulate(seed, decides=True)


@pytest.mark.heavy
def test_twenty_thousand_schedules_break_no_promise() -> None:
    """The same, at length."""
    for seed in range(SLOW, ALL):
        simulate(seed)


def test_a_seed_is_a_schedule() -> None:
    """The same seed gives the same log, action by action."""
    for seed in range(50):
        assert simulate(seed).log == simulate(seed).log
