"""The state of runs under virtual time: seeded schedules with faults."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.run.world import World

KEPT = Path(__file__).with_name("seeds.txt")  # seeds that once failed
QUICK, SLOW, ALL = 300, 1_500, 20_000


def simulate(seed: int) -> World:
    """Run one seed; a failure names it."""
    world = World(seed)
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


@pytest.mark.heavy
def test_twenty_thousand_schedules_break_no_promise() -> None:
    """The same, at length."""
    for seed in range(SLOW, ALL):
        simulate(seed)


def test_a_seed_is_a_schedule() -> None:
    """The same seed gives the same log, action by action."""
    for seed in range(50):
        assert simulate(seed).log == simulate(seed).log
