"""The strategies for users' own property tests."""

from __future__ import annotations

import subprocess
import sys
from typing import Tuple

import pytest
from hypothesis import Phase, find, given, settings
from hypothesis import strategies as st

from stagekit import Plan, Registry, plan, run
from stagekit.errors import MissingExtraError
from stagekit.testing import Dag, dags, legal_orders, plans, registries, strategies

# find something of a kind, however large it is
SEARCH = settings(phases=[Phase.generate], max_examples=500, derandomize=True)


@given(dags(min_size=3, max_size=9))
def test_graphs_have_the_size_asked_for_and_edges_that_go_up(dag: Dag) -> None:
    """A drawn graph has no cycle, for each edge leads to a greater number."""
    assert 3 <= dag.n <= 9
    assert all(before < after for before, after in dag.edges)
    assert sorted(dag.edges) == sorted(
        (p, c) for p, below in enumerate(dag.children) for c in below
    )


@pytest.mark.parametrize(
    ("shape", "parents"),
    [
        ("chain", ((), (0,), (1,), (2,), (3,))),
        ("wide", ((), (0,), (0,), (0,), (0,))),
        ("wide", ((), (), (), (), (0, 1, 2, 3))),
        ("diamond", ((), (0,), (0,), (1, 2), (3,))),
        ("diamond", ((), (0,), (0,), (0,), (1, 2, 3))),
        ("layered", ((), (), (0, 1), (1,), (2, 3))),
        ("random", ((), (), (0, 1))),
    ],
)
def test_each_shape_is_drawn(shape: str, parents: Tuple[Tuple[int, ...], ...]) -> None:
    """Each shape reaches the graphs that its name says."""
    drawn = dags(min_size=len(parents), max_size=len(parents), shapes=[shape])
    found = find(drawn, lambda dag: dag.parents == parents, settings=SEARCH)
    assert parents == found.parents


@pytest.mark.slow
def test_graphs_shrink_to_small_ones() -> None:
    """What is found to break a test is the least graph that does."""
    assert Dag(((),)) == find(dags(), lambda _: True)
    assert Dag(((), (0,), (1,))) == find(dags(max_size=5), lambda dag: len(dag.edges) > 1)


def test_graphs_can_be_written_by_hand() -> None:
    """A graph knows its size, its children and its edges, and refuses edges that go down."""
    diamond = Dag(((), (0,), (0,), (1, 2)))
    assert (4, ((1, 2), (3,), (3,), ())) == (diamond.n, diamond.children)
    assert ((0, 1), (0, 2), (1, 3), (2, 3)) == diamond.edges
    for wrong in [((0,),), ((), (1,)), ((), (), (1, 0)), ((), (0, 0)), ((), (-1,))]:
        with pytest.raises(ValueError, match="must ascend and be smaller"):
            Dag(wrong)


@given(st.data(), dags())
def test_registries_are_wired_like_the_graph(data: st.DataObject, dag: Dag) -> None:
    """A plan of a drawn registry has the edges of the graph it was drawn from, and no other."""
    made = plan(registry=data.draw(registries(st.just(dag))))
    edges = [(made.order[edge.before], made.order[edge.after]) for edge in made.edges]
    assert sorted((f"s{before}", f"s{after}") for before, after in dag.edges) == sorted(edges)


@pytest.mark.parametrize("kind", ["data", "order"])
def test_registries_have_edges_of_both_kinds(kind: str) -> None:
    """Some stages are passed values, others are merely waited for."""
    assert find(plans(), lambda made: kind in {e.kind for e in made.edges}, settings=SEARCH)


def test_registries_have_async_stages() -> None:
    """``async def`` stages are drawn by default."""
    assert find(plans(), lambda made: any(made.is_async), settings=SEARCH)


@given(plans(is_async=False))
def test_registries_have_no_async_stages_if_told_not_to(made: Plan) -> None:
    """With ``is_async=False`` every stage is a plain function."""
    assert not any(made.is_async)


@given(plans(dags(max_size=6), is_async=False))
def test_registries_do_not_fail_unless_told_to(made: Plan) -> None:
    """Every stage of a drawn registry returns a value."""
    assert run(made, executor="inline").ok


def test_registries_fail_where_they_may() -> None:
    """With ``may_fail`` some stages raise, and some of those do not fail the run."""

    def failures(made: Plan) -> int:
        return len(run(made, executor="inline", check=False, on_failure="continue").failures)

    drawn = plans(dags(max_size=4), is_async=False, may_fail=True)
    assert find(drawn, lambda made: failures(made) > 0, settings=SEARCH)
    assert find(drawn, lambda made: failures(made) > 0 and not any(made.critical), settings=SEARCH)


@given(st.data(), plans())
def test_legal_orders_put_ancestors_first(data: st.DataObject, made: Plan) -> None:
    """A drawn order holds each stage once, after every stage that it waits for."""
    order = data.draw(legal_orders(made))
    place = {stage_id: number for number, stage_id in enumerate(order)}
    assert sorted(made.order) == sorted(order)
    for edge in made.edges:
        assert place[made.order[edge.before]] < place[made.order[edge.after]]


def test_legal_orders_are_more_than_one() -> None:
    """Where two stages are free of each other both orders are drawn, the plan's as the simplest."""
    registry = Registry()
    for stage_id in ("left", "right"):
        registry.add(lambda: None, id=stage_id)
    made = plan(registry=registry)
    assert ("left", "right") == find(legal_orders(made), lambda _: True)
    assert ("right", "left") == find(legal_orders(made), lambda order: order != made.order)


@given(registries())
def test_every_draw_is_a_registry_of_its_own(registry: Registry) -> None:
    """Examples do not share a registry: each has ids from ``s0``."""
    assert sorted(f"s{n}" for n in range(len(registry))) == sorted(s.id for s in registry)


@pytest.mark.parametrize(
    "options",
    [{"shapes": ["tree"]}, {"shapes": []}, {"min_size": 0}, {"min_size": 5, "max_size": 4}],
)
def test_impossible_graphs_are_refused(options: object) -> None:
    """A shape that does not exist and a range of sizes that holds none are errors at once."""
    with pytest.raises(ValueError, match=r"(shapes|sizes) must be"):
        dags(**options)  # type: ignore[arg-type]  # pyright: ignore[reportCallIssue]


def test_without_hypothesis_the_rest_works_and_strategies_name_the_extra() -> None:
    """The module imports without hypothesis; a strategy then says what to install."""
    script = """
import sys
sys.modules["hypothesis"] = None
from stagekit.testing import RecordingHook, dags, simulate
from stagekit.errors import MissingExtraError
try:
    dags()
except MissingExtraError as error:
    print(error.extra, "stagekit.testing.dags" in str(error))
"""
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True, timeout=60
    )
    assert "testing True\n" == done.stdout


def test_another_missing_module_is_not_blamed_on_the_extra(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Only hypothesis itself being absent is said to be a missing extra."""

    def load() -> None:
        raise ModuleNotFoundError("No module named 'attr'", name="attr")

    monkeypatch.setattr(strategies, "_load", load)
    with pytest.raises(ModuleNotFoundError, match="attr") as caught:
        dags()
    assert not isinstance(caught.value, MissingExtraError)
