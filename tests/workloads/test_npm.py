"""A real graph with cycles: what npm installs for react-scripts. See ``tests/data/README.md``."""

from __future__ import annotations

import gzip
import json
from functools import lru_cache
from pathlib import Path
from typing import Dict, FrozenSet, Iterable, List, Mapping, Tuple

import pytest

from stagekit import PlanError, Registry, plan, run
from stagekit.errors import Code

DATA = Path(__file__).resolve().parent.parent / "data" / "npm_react_scripts.json.gz"
Graph = Mapping[str, Tuple[str, ...]]


@lru_cache(maxsize=None)
def read() -> Tuple[Graph, Tuple[FrozenSet[str], ...]]:
    """Return the graph by stage id, each with those it depends on, and its six knots."""
    with gzip.open(DATA, "rt", encoding="utf-8") as file:
        data = json.load(file)
    ids = {path: f"package-{number}" for number, path in enumerate(data["graph"])}
    graph = {
        ids[path]: tuple(ids[needed] for needed in below) for path, below in data["graph"].items()
    }
    return graph, tuple(
        frozenset(ids[path] for path in component) for component in data["cyclic_components"]
    )


GRAPH, KNOTS = read()


def nothing() -> None:
    """Stand for the work on one package."""


def registry_of(graph: Graph) -> Registry:
    """Return a registry with an order edge for each relation."""
    registry = Registry()
    for stage_id, needed in graph.items():
        registry.add(nothing, id=stage_id, depends_on=needed)
    return registry


def cycles(graph: Graph) -> List[Tuple[str, ...]]:
    """Return the paths of the cycles for which a graph is refused."""
    with pytest.raises(PlanError) as caught:
        plan(registry=registry_of(graph))
    assert {Code.CYCLE} == {problem.code for problem in caught.value.problems}
    return [problem.path for problem in caught.value.problems]


def assert_true(path: Tuple[str, ...], graph: Graph) -> None:
    """Check that a path is a cycle of the graph, each hop an edge, no stage twice."""
    assert path[0] == path[-1]
    assert len(path) - 1 == len(set(path))
    assert all(before in graph[after] for before, after in zip(path, path[1:]))


def contracted(graph: Graph, knots: Iterable[FrozenSet[str]]) -> Graph:
    """Return the graph with each knot made one node, which takes the name of its first member."""
    name = {member: min(knot) for knot in knots for member in knot}
    found: Dict[str, Dict[str, None]] = {}
    for stage_id, needed in graph.items():
        mine = name.get(stage_id, stage_id)
        theirs = [name.get(each, each) for each in needed]
        found.setdefault(mine, {}).update(dict.fromkeys(each for each in theirs if each != mine))
    return {stage_id: tuple(needed) for stage_id, needed in found.items()}


def test_the_graph_is_refused_with_a_true_cycle_in_each_of_its_knots() -> None:
    """All six knots are reported in one error, each by a true cycle within it."""
    paths = cycles(GRAPH)
    for path in paths:
        assert_true(path, GRAPH)
    assert set(KNOTS) == {knot for knot in KNOTS for path in paths if set(path) <= knot}
    assert len(KNOTS) == len(paths)


@pytest.mark.parametrize("knot", KNOTS, ids=lambda knot: f"{len(knot)} of {min(knot)}")
def test_each_knot_alone_is_refused(knot: FrozenSet[str]) -> None:
    """A knot without the rest of the graph is one problem with one true cycle."""
    graph = {
        stage_id: tuple(each for each in GRAPH[stage_id] if each in knot)
        for stage_id in sorted(knot)
    }
    (path,) = cycles(graph)
    assert_true(path, graph)


def test_with_each_knot_made_one_node_the_graph_plans_and_runs() -> None:
    """Without its cycles the graph is planned in an order that obeys every edge, and runs."""
    graph = contracted(GRAPH, KNOTS)
    made = plan(registry=registry_of(graph))
    place = {stage_id: step for step, stage_id in enumerate(made.order)}
    assert len(graph) == len(made)
    assert all(place[each] < place[after] for after, needed in graph.items() for each in needed)
    assert run(made, executor="inline").ok
