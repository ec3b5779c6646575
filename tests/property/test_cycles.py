"""A cycle that is reported is a cycle of the graph; every knot is reported; nothing else is."""

from __future__ import annotations

from graphlib import CycleError, TopologicalSorter
from typing import Dict, FrozenSet, List, Set, Tuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stagekit import PlanError, Problem, Registry, plan
from stagekit.errors import Code
from stagekit.testing.functions import Recipe, declare_all

Graph = Tuple[FrozenSet[int], ...]


@st.composite
def graphs(draw: st.DrawFn) -> Graph:
    """Draw a directed graph that may have cycles: for each node those it waits for."""
    size = draw(st.integers(1, 8))
    nodes = st.frozensets(st.integers(0, size - 1), max_size=3)
    return tuple(draw(st.lists(nodes, min_size=size, max_size=size)))


def is_cyclic(graph: Graph) -> bool:
    """Say what graphlib finds."""
    try:
        TopologicalSorter(dict(enumerate(graph))).prepare()
    except CycleError:
        return True
    return False


def knots(graph: Graph) -> Set[FrozenSet[int]]:
    """Return the sets of nodes that reach each other, each node that reaches itself included."""
    above: List[Set[int]] = [set(nodes) for nodes in graph]
    for _ in graph:
        for node, reached in enumerate(above):
            above[node] = reached.union(*[above[each] for each in reached])
    return {
        frozenset(other for other in above[node] if node in above[other])
        for node in range(len(graph))
        if node in above[node]
    }


def of_order_edges(graph: Graph) -> Registry:
    """Return stages that wait for each other by ``depends_on``."""
    registry = Registry()
    for node, waits in enumerate(graph):
        registry.add(lambda: None, id=f"s{node}", depends_on=[f"s{each}" for each in sorted(waits)])
    return registry


def of_both(graph: Graph, by_order: FrozenSet[Tuple[int, int]]) -> Registry:
    """Return stages that ask for each other's values, but for the edges that are order only."""
    recipes = [
        Recipe(
            number=node,
            data=tuple(each for each in sorted(waits) if (each, node) not in by_order),
            order=tuple(each for each in sorted(waits) if (each, node) in by_order),
            is_class=bool(node % 2),
            is_async=False,
            priority=0,
            fails=False,
            is_critical=True,
        )
        for node, waits in enumerate(graph)
    ]
    return declare_all(recipes, range(len(graph)))


def refused(registry: Registry) -> Tuple[Problem, ...]:
    """Return the problems for which a registry is refused; none where it is planned."""
    try:
        plan(registry=registry)
    except PlanError as error:
        return error.problems
    return ()


def check(graph: Graph, problems: Tuple[Problem, ...]) -> None:
    """Compare what was reported with the graph."""
    assert is_cyclic(graph) == bool(problems)
    reported: Dict[FrozenSet[int], Problem] = {}
    for problem in problems:
        assert Code.CYCLE is problem.code
        path = [int(stage_id[1:]) for stage_id in problem.path]
        assert path[0] == path[-1]
        assert len(path) - 1 == len(set(path))
        assert all(before in graph[after] for before, after in zip(path, path[1:]))
        (knot,) = [knot for knot in knots(graph) if path[0] in knot]
        reported[knot] = problem
    assert knots(graph) == set(reported)
    assert len(reported) == len(problems)


@given(graphs())
def test_cycles_by_order_are_true_and_complete(graph: Graph) -> None:
    """One true cycle is reported for each knot of ``depends_on``, and none in a graph without."""
    check(graph, refused(of_order_edges(graph)))


@given(st.data(), graphs())
def test_cycles_by_types_are_true_and_complete(data: st.DataObject, graph: Graph) -> None:
    """The same where values are passed along some edges, or along all."""
    edges = [(before, after) for after, waits in enumerate(graph) for before in sorted(waits)]
    by_order = data.draw(st.frozensets(st.sampled_from(edges))) if edges else frozenset(edges)
    problems = refused(of_both(graph, by_order))
    check(graph, problems)
    for problem in problems:
        hops = list(zip(problem.path, problem.path[1:]))
        kinds = ["depends_on" if hop(each) in by_order else "parameter" for each in hops]
        told = [note for note in problem.notes if " waits for " in note]
        assert len(hops) == len(told)
        for (before, after), kind, note in zip(hops, kinds, told):
            assert note.startswith(f"{after} waits for {before}: {kind}")


def hop(edge: Tuple[str, str]) -> Tuple[int, int]:
    """Return an edge between ids as one between numbers."""
    return int(edge[0][1:]), int(edge[1][1:])


@pytest.mark.parametrize("size", [1, 2, 3, 50])
def test_a_ring_is_reported_whole(size: int) -> None:
    """In a single ring the path has every stage, starts with the first and ends with it again."""
    graph = tuple(frozenset([(node - 1) % size]) for node in range(size))
    (problem,) = refused(of_order_edges(graph))
    assert (*(f"s{node}" for node in range(size)), "s0") == problem.path


def test_a_short_cycle_is_named_rather_than_a_long_one() -> None:
    """Where a ring has a chord the path takes it."""
    ring = [frozenset([(node - 1) % 40]) for node in range(40)]
    ring[0] |= {2}
    (problem,) = refused(of_order_edges(tuple(ring)))
    assert ("s0", "s1", "s2", "s0") == problem.path
