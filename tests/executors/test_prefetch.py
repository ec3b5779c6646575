"""How many calls are sent ahead of their turn: some while they are short, none else."""

from __future__ import annotations

from typing import List

from hypothesis import given
from hypothesis import strategies as st

from stagekit.executors._prefetch import FIRST, MOST, Prefetch

ENOUGH = 2_000_000
SHORT = st.integers(0, ENOUGH - 1)


def after(prefetch: Prefetch, took: int, workers: int = 2) -> int:
    """Return how many calls are wanted ahead of their turn after one that took so long."""
    prefetch.ended(took, workers)
    return prefetch.ahead


@given(st.integers(1, 8), st.lists(st.one_of(SHORT, st.integers(0, 10**10)), max_size=400))
def test_what_is_sent_ahead_is_bounded(workers: int, times: List[int]) -> None:
    """No more than the most, nothing at first, and nothing after a call that was very long."""
    prefetch = Prefetch(ENOUGH)
    for number, took in enumerate(times, 1):
        ahead = after(prefetch, took, workers)
        assert 0 <= ahead <= MOST * workers
        assert 0 == ahead % workers
        if number < FIRST * workers or took > 8 * ENOUGH:
            assert 0 == ahead


@given(st.integers(1, 8), SHORT)
def test_a_worker_has_little_work_before_it(workers: int, took: int) -> None:
    """Where all calls take the same time: as many as fit."""
    prefetch = Prefetch(ENOUGH)
    found = [after(prefetch, took, workers) for _ in range(FIRST * workers + 1)]
    each = found[-1] // workers
    assert each * took <= ENOUGH
    assert each == MOST or (each + 1) * took >= ENOUGH * 0.99


def test_after_long_calls_it_takes_some_short_ones() -> None:
    """What is long may come with others that are; one of them alone changes little."""
    prefetch = Prefetch(ENOUGH)
    assert [*[0] * 7, 2 * MOST] == [after(prefetch, 1_000) for _ in range(8)]
    assert 0 < after(prefetch, ENOUGH) < 2 * MOST
    assert 0 == after(prefetch, 100 * ENOUGH)
    found = [after(prefetch, 1_000) for _ in range(60)]
    assert (0, 2 * MOST) == (found[5], found[-1])
