"""Hops, remaining paths and cycles, on plain index arrays."""

from __future__ import annotations

from graphlib import CycleError, TopologicalSorter
from typing import FrozenSet, List, Sequence, Tuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stagekit._plan.order import find_cycles, heights, longest_remaining
from stagekit._plan.rank import inverse, ranks_by_hops, ranks_by_seconds, turns_of
from stagekit.testing import Dag, dags

Graph = List[FrozenSet[int]]


@st.composite
def graphs(draw: st.DrawFn) -> Graph:
    """Draw for each node the nodes before it; there may be cycles."""
    size = draw(st.integers(1, 7))
    nodes = st.frozensets(st.integers(0, size - 1), max_size=3)
    return draw(st.lists(nodes, min_size=size, max_size=size))


@given(graphs())
def test_what_kahns_algorithm_cannot_finish_is_held_up_by_cycles(graph: Graph) -> None:
    """Nodes are held up exactly if they lead into a cycle; without cycles none is."""
    _, held = heights([sorted(above) for above in graph])
    try:
        tuple(TopologicalSorter(dict(enumerate(graph))).static_order())
    except CycleError:
        assert held
    else:
        assert [] == held


@given(graphs())
def test_cycles_found_are_cycles_of_the_graph(graph: Graph) -> None:
    """Each is closed, goes along edges, visits no node twice, and starts at its least node."""
    parents = [sorted(above) for above in graph]
    _, held = heights(parents)
    cycles = find_cycles(parents, held)
    assert bool(held) == bool(cycles)
    for path in cycles:
        assert path[0] == path[-1] == min(path)
        assert len(path) - 1 == len(set(path))
        assert all(before in graph[after] for before, after in zip(path, path[1:]))
    assert sorted(cycles, key=min) == cycles


@given(dags())
def test_heights_are_the_most_hops_to_the_end(dag: Dag) -> None:
    """A leaf has none, any other node one more than its highest child."""
    found, held = heights(dag.parents)
    assert [] == held
    for node, below in enumerate(dag.children):
        assert max((found[child] + 1 for child in below), default=0) == found[node]


@given(dags(), st.integers(1, 3))
def test_remaining_paths_are_the_longest_to_the_end(dag: Dag, seconds: int) -> None:
    """With equal durations the path is the hops and one, times the duration."""
    found, _ = heights(dag.parents)
    lengths = longest_remaining(dag.children, [float(seconds)] * dag.n)
    assert [float(seconds * (hops + 1)) for hops in found] == lengths


@pytest.mark.parametrize("count", [1, 19, 20, 25])
def test_at_most_twenty_cycles_are_told(count: int) -> None:
    """One for each knot, the first ones first."""
    parents = [[node ^ 1] for node in range(2 * count)]
    cycles = find_cycles(parents, range(2 * count))
    assert [(2 * n, 2 * n + 1, 2 * n) for n in range(min(count, 20))] == cycles


def test_turns_are_steps_but_for_priorities() -> None:
    """One worker takes steps in order, those of higher priority first, ties as they are."""
    assert (0, 1, 2) == turns_of([0, 0, 0], [0, 1, 2])
    assert (1, 0, 3, 2) == turns_of([0, 5, -1, 0], [0, 1, 2, 3])


@given(st.permutations(range(6)))
def test_the_inverse_of_a_permutation_undoes_it(order: Sequence[int]) -> None:
    """Rank of step and step of rank."""
    rank = inverse(order)
    assert list(range(6)) == [order[place] for place in rank]
    assert tuple(order) == inverse(rank)


def test_ties_in_hops_go_to_the_step_that_more_follows() -> None:
    """First by the hops of all children, then by parents, then by step number."""
    #   0 → 4, 5      1 → 4      2 → 5      3 alone, like 6
    children: Tuple[Tuple[int, ...], ...] = ((4, 5), (4,), (5,), (), (), (), ())
    parents: Tuple[Tuple[int, ...], ...] = ((), (), (), (), (0, 1), (0, 2), ())
    rank, by_rank = ranks_by_hops(parents, children, [0] * 7)
    assert (0, 1, 2, 4, 5, 3, 6) == by_rank
    assert inverse(by_rank) == rank
    _, by_rank = ranks_by_hops(parents, children, [0, 0, 0, 0, 0, 0, 1])
    assert 6 == by_rank[0]


def test_what_has_no_duration_counts_with_the_mean() -> None:
    """Of three free steps the one of unknown duration stands in the middle."""
    rank = ranks_by_seconds([(), (), ()], [0, 0, 0], {0: 1.0, 2: 9.0})
    assert (2, 1, 0) == rank
    assert (2, 0, 1) == ranks_by_seconds([(), (), ()], [0, 1, 0], {0: 1.0, 2: 9.0})
