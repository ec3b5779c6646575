"""How many calls are sent ahead of their turn: some while they are short, none else."""

from __future__ import annotations

from typing import List

from hypothesis import given
from hypothesis import strategies as st

from stagekit._run.backends.prefetch import FIRST, MOST, Pace

ENOUGH = 2_000_000
SHORT = st.integers(0, ENOUGH - 1)


@given(st.integers(1, 8), st.lists(st.one_of(SHORT, st.integers(0, 10**10)), max_size=400))
def test_what_is_sent_ahead_is_bounded(workers: int, times: List[int]) -> None:
    """No more than the most, nothing at first, and nothing after a call that was very long."""
    pace = Pace(workers, ENOUGH)
    for number, took in enumerate(times, 1):
        ahead = pace.ahead(took)
        assert 0 <= ahead <= MOST * workers
        assert 0 == ahead % workers
        if number < FIRST * workers or took > 8 * ENOUGH:
            assert 0 == ahead


@given(st.integers(1, 8), SHORT)
def test_a_worker_has_little_work_before_it(workers: int, took: int) -> None:
    """Where all calls take the same time: as many as fit."""
    pace = Pace(workers, ENOUGH)
    found = [pace.ahead(took) for _ in range(FIRST * workers + 1)]
    each = found[-1] // workers
    assert each * took <= ENOUGH
    assert each == MOST or (each + 1) * took >= ENOUGH * 0.99


def test_after_long_calls_it_takes_some_short_ones() -> None:
    """What is long may come with others that are; one of them alone changes little."""
    pace = Pace(2, ENOUGH)
    assert [*[0] * 7, 2 * MOST] == [pace.ahead(1_000) for _ in range(8)]
    assert 0 < pace.ahead(ENOUGH) < 2 * MOST
    assert 0 == pace.ahead(100 * ENOUGH)
    found = [pace.ahead(1_000) for _ in range(60)]
    assert (0, 2 * MOST) == (found[5], found[-1])


def test_a_pool_may_have_none() -> None:
    """One that says nothing gets its calls one by one."""
    pace = Pace(2, 0)
    assert {0} == {pace.ahead(0) for _ in range(100)}
