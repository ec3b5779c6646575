"""Plans obey edges; graphlib is the oracle."""

from __future__ import annotations

from graphlib import TopologicalSorter
from typing import Dict, List, Tuple

from hypothesis import given
from hypothesis import strategies as st

from stagekit import Plan, Registry, plan
from stagekit.testing import Dag, dags, plans, registries


def sorter(made: Plan) -> TopologicalSorter[str]:
    """Return the edges of a plan, by id, to graphlib, prepared."""
    graph: Dict[str, List[str]] = {stage_id: [] for stage_id in made.order}
    for edge in made.edges:
        graph[made.order[edge.after]].append(made.order[edge.before])
    oracle = TopologicalSorter(graph)
    oracle.prepare()
    return oracle


def hops(dag: Dag) -> List[int]:
    """Return for each node the most hops from it to the end."""
    found = [0] * dag.n
    for node in reversed(range(dag.n)):
        found[node] = max((found[child] + 1 for child in dag.children[node]), default=0)
    return found


@given(plans())
def test_the_order_is_topological(made: Plan) -> None:
    """At its place in the order every stage is ready, says graphlib."""
    oracle = sorter(made)
    ready: List[str] = []
    for stage_id in made.order:
        ready += oracle.get_ready()
        assert stage_id in ready
        oracle.done(stage_id)
    assert not oracle.is_active()


@given(plans())
def test_generations_are_what_graphlib_has_ready_at_once(made: Plan) -> None:
    """The generations are the sets that graphlib gives if each is done before the next."""
    oracle = sorter(made)
    expected: List[Tuple[str, ...]] = []
    while oracle.is_active():
        ready = oracle.get_ready()
        expected.append(tuple(sorted(ready, key=made.step_of)))
        oracle.done(*ready)
    assert tuple(expected) == made.generations()


@given(st.data(), dags())
def test_steps_are_numbered_by_hops_to_the_end_and_then_by_declaration(
    data: st.DataObject, dag: Dag
) -> None:
    """Step number = most hops to the end first, then the order of declaration."""
    registry = data.draw(registries(st.just(dag)))
    far = {f"s{node}": count for node, count in enumerate(hops(dag))}
    declared = [stage.id for stage in registry]
    expected = sorted(declared, key=lambda stage_id: -far[stage_id])
    assert tuple(expected) == plan(registry=registry).order


@given(plans())
def test_the_index_arrays_agree_with_each_other(made: Plan) -> None:
    """Parents, children, in-degrees, needs and ranks say one and the same."""
    steps = range(len(made))
    assert made.indegree == tuple(map(len, made.parents))
    assert [(p, s) for s in steps for p in made.parents[s]] == sorted(
        ((p, s) for p in steps for s in made.children[p]), key=lambda edge: (edge[1], edge[0])
    )
    assert all(set(made.needs[step]) <= set(made.parents[step]) for step in steps)
    assert {(edge.before, edge.after) for edge in made.edges} == {
        (parent, step) for step in steps for parent in made.parents[step]
    }
    assert {(e.before, e.after) for e in made.edges if e.kind == "data"} == {
        (parent, step) for step in steps for parent in made.needs[step]
    }
    assert list(steps) == sorted(made.rank)
    assert all(step == made.by_rank[made.rank[step]] for step in steps)


@given(plans())
def test_ready_steps_rank_by_priority_and_then_by_hops(made: Plan) -> None:
    """No step ranks before another of higher priority, or of the same and more hops to the end."""
    far = [0] * len(made)
    for step in reversed(range(len(made))):
        far[step] = max((far[child] + 1 for child in made.children[step]), default=0)
    keys = [(-made.stages[step].priority, -far[step]) for step in made.by_rank]
    assert sorted(keys) == keys


@given(st.data(), plans())
def test_durations_rank_by_priority_and_then_by_longest_remaining_path(
    data: st.DataObject, made: Plan
) -> None:
    """With durations known, the longer path to the end is first among equals in priority."""
    seconds = {stage_id: float(data.draw(st.integers(1, 9))) for stage_id in made.order}
    length = [0.0] * len(made)
    for step in reversed(range(len(made))):
        below = max((length[child] for child in made.children[step]), default=0.0)
        length[step] = seconds[made.order[step]] + below
    ranked = made.ranked(seconds)
    by_rank = sorted(range(len(made)), key=ranked.__getitem__)
    keys = [(-made.stages[step].priority, -length[step]) for step in by_rank]
    assert sorted(keys) == keys


@given(st.data(), registries())
def test_a_target_brings_its_ancestors_and_nothing_else(
    data: st.DataObject, registry: Registry
) -> None:
    """A plan for one stage holds that stage and all that lead to it: its closure."""
    whole = plan(registry=registry)
    target = data.draw(st.sampled_from(whole.order))
    part = plan(target, registry=registry)
    above = {target}
    for stage_id in reversed(whole.order):
        step = whole.step_of(stage_id)
        if any(whole.order[child] in above for child in whole.children[step]):
            above.add(stage_id)
    assert above == set(part.order) == set(whole.closure(target))
    assert {e for e in edges(whole) if e[1] in above} == edges(part)


def edges(made: Plan) -> set[Tuple[str, str, str]]:
    """Return the edges of a plan by id."""
    return {(made.order[edge.before], made.order[edge.after], edge.kind) for edge in made.edges}
