"""Which stages share a box: equal ones always, and more where there are too many."""

from __future__ import annotations

from types import FunctionType
from typing import Dict, List, Sequence, Set, Tuple

from hypothesis import given
from hypothesis import strategies as st

from stagekit import Plan, Registry, plan, run
from stagekit._render.folding import Folded, Stage, common_name, equal, folded, grouped, unfolded
from stagekit._render.picture import picture
from stagekit.testing import Dag, dags, plans


def checked(parents: Sequence[Sequence[int]], made: Folded) -> Dict[int, int]:
    """Check that boxes hold all stages once and show all edges, without a cycle; return boxes."""
    box = {step: number for number, steps in enumerate(made.members) for step in steps}
    assert sorted(box) == list(range(len(parents)))
    assert len(parents) == sum(map(len, made.members))
    edges = {(box[parent], box[step]) for step, above in enumerate(parents) for parent in above}
    drawn = {(before, after) for after, above in enumerate(made.parents) for before in above}
    assert {(before, after) for before, after in edges if before != after} == drawn
    assert all(before < after for before, after in drawn)
    return box


@given(dags(max_size=30), st.data())
def test_equal_stages_share_boxes_without_a_cycle(dag: Dag, data: st.DataObject) -> None:
    """No edge is within a box; what shares one has the same boxes before and after it."""
    kinds = data.draw(st.lists(st.sampled_from("ab"), min_size=dag.n, max_size=dag.n))
    part = equal(dag.parents, kinds)
    stages = [Stage(f"s{step}", kind, "m") for step, kind in enumerate(part)]
    made = folded(dag.parents, stages, most_nodes=dag.n, most_edges=len(dag.edges))
    box = checked(dag.parents, made)
    for before, after in dag.edges:
        assert box[before] != box[after]
    for steps in made.members:
        assert 1 == len({kinds[step] for step in steps})


@given(dags(max_size=40), st.integers(1, 8), st.integers(0, 12), st.data())
def test_any_graph_folds_to_a_graph_without_cycles(
    dag: Dag, most: int, edges: int, data: st.DataObject
) -> None:
    """Names, modules and levels may lie as they like; limits are kept, and it is the same twice."""
    words = data.draw(st.lists(st.sampled_from(["a", "b", "c"]), min_size=dag.n, max_size=dag.n))
    modules = data.draw(
        st.lists(st.sampled_from(["m", "m.n", "o"]), min_size=dag.n, max_size=dag.n)
    )
    stages = [
        Stage(f"{word}_{step}", word, module)
        for step, (word, module) in enumerate(zip(words, modules))
    ]
    made = folded(dag.parents, stages, most_nodes=most, most_edges=edges)
    checked(dag.parents, made)
    assert len(made.members) <= most
    assert made.edges <= edges
    assert made == folded(dag.parents, stages, most_nodes=most, most_edges=edges)


@given(dags(max_size=30), st.data())
def test_labels_give_boxes_without_a_cycle(dag: Dag, data: st.DataObject) -> None:
    """A label that comes back after another one has a second box."""
    labels = data.draw(st.lists(st.sampled_from("xyz"), min_size=dag.n, max_size=dag.n))
    part = grouped(dag.parents, labels)
    assert all(labels[step] == labels[first] for step, first in enumerate(part))
    stages = [Stage(str(step), first, "") for step, first in enumerate(part)]
    checked(dag.parents, folded(dag.parents, stages))


@given(plans(dags(max_size=20)))
def test_a_picture_has_every_stage_and_every_edge(made: Plan) -> None:
    """Folded or not: members add up, each edge is in one arrow, and equal plans look the same."""
    for fold in (False, True):
        shown = picture(made, fold=fold)
        box = {step: number for number, node in enumerate(shown.nodes) for step in node.steps}
        assert len(made) == sum(len(node.steps) for node in shown.nodes) == len(box)
        arrows = {(link.before, link.after) for link in shown.links}
        assert arrows == {(box[edge.before], box[edge.after]) for edge in made.edges}
        assert len(arrows) == len(shown.links)
        assert shown == picture(made, fold=fold)


def boxes_of(registry: Registry) -> List[str]:
    """Return the names in the boxes."""
    return [node.name for node in picture(plan(registry=registry)).nodes]


def work() -> None:
    """Do what many stages do."""


def test_stages_of_one_function_share_a_box_where_names_begin_alike() -> None:
    """Three are enough, two are not; other names, functions and places in the graph are others."""
    registry = Registry()
    for name in ("load.planes", "load.weather", "load.airports", "pack.a", "pack.b", "other"):
        registry.add(work, id=name)
    assert ["load ×3", "pack.a", "pack.b", "other"] == boxes_of(registry)
    registry.add(work, id="last", depends_on="load.planes")
    assert "load ×3" not in boxes_of(registry)


def test_stages_of_many_functions_share_a_box_where_they_differ_in_numbers() -> None:
    """They take and return the same; one that returns something else stands alone."""
    registry = Registry()

    def declare(number: int, kind: type) -> None:
        def fit() -> None:
            """Fit a model."""

        copied = FunctionType(fit.__code__.replace(co_firstlineno=number + 1), globals(), "fit")
        copied.__annotations__["return"] = kind
        registry.add(copied, id=f"fit_{number}")

    for number in range(4):
        declare(number, int)
    declare(9, str)
    assert ["fit ×4", "fit_9"] == boxes_of(registry)


def test_what_may_fail_shares_no_box_with_what_may_not() -> None:
    """A dashed box stands for optional stages only."""
    registry = Registry()
    for number in range(6):
        registry.add(work, id=f"fit.{number}", critical=number < 3)
    assert ["fit ×3", "fit ×3"] == boxes_of(registry)
    assert [False, True] == [node.is_optional for node in picture(plan(registry=registry)).nodes]


def test_chains_that_are_equal_fold_side_by_side() -> None:
    """Twelve times load, fit, score are three boxes, whose arrows say that there are twelve."""
    registry = Registry()
    for number in range(12):
        registry.add(work, id=f"load.{number}")
        registry.add(work, id=f"fit.{number}", depends_on=f"load.{number}")
        registry.add(work, id=f"score.{number}", depends_on=f"fit.{number}")
    shown = picture(plan(registry=registry))
    assert ["load ×12", "fit ×12", "score ×12"] == [node.name for node in shown.nodes]
    assert [(0, 1), (1, 2)] == [(link.before, link.after) for link in shown.links]
    assert "load ×12 → fit ×12\n12 edges" == shown.links[0].title


def test_boxes_of_one_name_say_their_first_stage() -> None:
    """A long chain is cut into pieces, and each says where it begins."""
    registry = Registry()
    for number in range(600):
        registry.add(work, id=f"s{number}", depends_on=f"s{number - 1}" if number else ())
    shown = boxes_of(registry)
    assert "s0 and 9 more" == shown[0]
    assert len(shown) == len(set(shown)) == 60


def test_unequal_stages_in_a_box_tell_how_they_ended() -> None:
    """In a large picture a box has its worst outcome, and counts all of them."""
    registry = Registry()
    for number in range(600):
        waits = f"s{number - 1}" if number else ()
        registry.add(work if number != 15 else divide, id=f"s{number}", depends_on=waits)
    result = run(registry=registry, executor="inline", check=False)
    drawn = result.to_svg()
    assert "✗ s10 and 9 more<" in drawn
    assert "5 succeeded, 1 failed, 4 " in drawn


def test_a_name_that_was_given_is_kept_whole() -> None:
    """Only ids have modules before a colon."""
    registry = Registry()
    for number in range(3):
        registry.add(work, id=f"m{number}:fit", name=f"phase: fit {number}")
    assert ["phase: fit ×3"] == boxes_of(registry)


def divide() -> float:
    """Fail."""
    return 1 / 0


def many(names: Sequence[str], waits: Sequence[Tuple[int, ...]], modules: Sequence[str]) -> Folded:
    """Return the boxes of stages that are all different."""
    stages = [
        Stage(name, number, module) for number, (name, module) in enumerate(zip(names, modules))
    ]
    made = folded(waits, stages)
    checked(waits, made)
    return made


def test_past_sixty_boxes_it_folds_by_module() -> None:
    """Where names have nothing in common, each module is a box, as long as none comes back."""
    names = ["".join(chr(97 + int(digit)) for digit in str(number)) for number in range(100)]
    waits = [(number - 1,) if number else () for number in range(100)]
    modules = [f"shop.m{number // 10}" for number in range(100)]
    made = many(names, waits, modules)
    assert made.is_coarse
    assert [tuple(range(n, n + 10)) for n in range(0, 100, 10)] == list(made.members)


def test_sixty_boxes_are_not_folded_and_sixty_one_are() -> None:
    """The limit is that of a picture that can be read."""
    for count in (60, 61):
        names = ["".join(chr(97 + int(digit)) for digit in str(number)) for number in range(count)]
        waits = [(number - 1,) if number else () for number in range(count)]
        made = many(names, waits, ["m"] * count)
        assert made.is_coarse == (count == 61)
        assert 8 <= len(made.members) <= 60


def test_a_brush_of_edges_is_folded_too() -> None:
    """Few stages and very many edges are no picture, either."""
    waits = [tuple(range(number)) for number in range(30)]
    made = many(list("abcdefghijklmnopqrstuvwxyzäöüß"), waits, ["m"] * 30)
    assert made.is_coarse
    assert made.edges <= 240


def test_names_keep_what_all_have_in_common() -> None:
    """In whole words and numbers; of nothing in common nothing is left."""
    assert "stage" == common_name(["stage1", "stage12"])
    assert "load" == common_name(["1_load", "2_load"])
    assert "" == common_name(["planes", "plan"])


def test_an_empty_graph_folds_to_nothing() -> None:
    """No stage, no box."""
    assert Folded((), ()) == folded([], []) == unfolded([])


def seen(made: Folded) -> Set[int]:
    """Return all steps of all boxes."""
    return {step for steps in made.members for step in steps}


@given(dags(min_size=61, max_size=90))
def test_large_graphs_fold_to_pictures(dag: Dag) -> None:
    """Of whatever shape, with names that only numbers tell apart."""
    made = folded(dag.parents, [Stage(f"s{n}", n, "m") for n in range(dag.n)])
    checked(dag.parents, made)
    assert made.is_coarse
    assert len(made.members) <= 60
    assert seen(made) == set(range(dag.n))
