"""Tests of levels and of how many stages can run at once."""

from __future__ import annotations

from itertools import combinations
from typing import List, Set, Tuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stagekit._plan.width import levels, widest

Parents = List[Tuple[int, ...]]


@st.composite
def graphs(draw: st.DrawFn) -> Parents:
    """Draw the parents of each step of a small graph."""
    found: Parents = []
    for step in range(draw(st.integers(0, 8))):
        above: Set[int] = draw(st.sets(st.integers(0, step - 1), max_size=3)) if step else set()
        found.append(tuple(sorted(above)))
    return found


def most_unrelated(parents: Parents) -> int:
    """Return the most steps that can run at once, by trying all sets of them."""
    above: List[Set[int]] = []
    for mine in parents:
        above.append(set(mine).union(*(above[parent] for parent in mine)))
    steps = range(len(parents))
    return max(
        size
        for size in range(len(parents) + 1)
        for chosen in combinations(steps, size)
        if all(a not in above[b] for a, b in combinations(chosen, 2))
    )


@pytest.mark.parametrize(
    ("parents", "expected"),
    [
        ([], 0),
        ([()], 1),
        ([(), (0,), (1,)], 1),
        ([(), (), ()], 3),
        ([(), (0,), (0,), (1, 2)], 2),
        ([(), (0,), (0,), (1,), (1,), (2,), (2,), (0,)], 5),
        # each level has three stages at most, and yet four can run at once
        ([(), (0,), (0,), (0,), (1,), (1,)], 4),
    ],
)
def test_the_width_is_known_for_known_graphs(parents: Parents, expected: int) -> None:
    """Chains are 1 wide, independent stages as wide as they are many."""
    assert expected == widest(parents)


@given(graphs())
def test_the_width_is_that_of_the_largest_set(parents: Parents) -> None:
    """It equals what trying all sets of stages gives."""
    assert most_unrelated(parents) == widest(parents)


@given(graphs())
def test_a_level_is_one_more_than_the_highest_before(parents: Parents) -> None:
    """Levels start at 0 and grow by one along the longest path."""
    level = levels(parents)
    for step, above in enumerate(parents):
        assert level[step] == max((level[parent] + 1 for parent in above), default=0)


def test_a_thousand_stages_are_counted_without_recursion() -> None:
    """A chain and a fan as large as is counted exactly."""
    chain = [(step - 1,) if step else () for step in range(1_000)]
    assert (1, 1_000) == (widest(chain), widest([()] * 1_000))
