"""Tests of the graph as an SVG picture."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from functools import partial
from typing import Callable, List

from stagekit import Plan, Registry, plan, run

SVG = "{http://www.w3.org/2000/svg}"


def parsed(drawn: str) -> ET.Element:
    """Return the root of a picture."""
    return ET.fromstring(drawn)  # noqa: S314 - our own


def boxes(drawn: str) -> List[List[float]]:
    """Return left, top, width and height of each box, in the order of the steps."""
    root = parsed(drawn)
    return [
        [float(each.attrib[key]) for key in ("x", "y", "width", "height")]
        for each in root.iter(f"{SVG}rect")
    ]


def names(drawn: str) -> List[str]:
    """Return what stands in the boxes, in the order of the steps."""
    root = parsed(drawn)
    return [str(each.text) for each in root.iter(f"{SVG}text") if each.get("class") == "name"]


def titles(drawn: str, kind: str) -> List[str]:
    """Return what is shown where somebody points at a box, or at an edge."""
    return [
        str(each.findtext(f"{SVG}title"))
        for each in parsed(drawn).iter(f"{SVG}g")
        if any(part.get("class") == kind for part in each)
    ]


def test_each_stage_is_a_box_and_each_edge_an_arrow(shop_plan: Plan) -> None:
    """Names stand in boxes; order edges and what may fail are dashed."""
    drawn = shop_plan.to_svg()
    assert [each.partition(":")[2] for each in shop_plan.order] == names(drawn)
    groups = list(parsed(drawn).iter(f"{SVG}g"))
    arrows = [each for each in groups if each.find(f"{SVG}polygon") is not None]
    assert len(shop_plan.edges) == len(arrows)
    assert 1 == sum(each.get("class") == "order" for each in arrows)
    (soft,) = [each for each in groups if each.get("class") == "optional"]
    assert "score" == soft.findtext(f"{SVG}text")


def test_what_is_pointed_at_says_types_and_descriptions(shop_plan: Plan) -> None:
    """A box says id, description, what it needs and gives; an arrow what is passed, and why."""
    drawn = shop_plan.to_svg()
    told = "sales:load_orders\nRead the orders.\nneeds OrdersConfig\ngives Orders"
    assert told == titles(drawn, "box")[0]
    assert "load_orders → clean\nparameter `orders: Orders`" in titles(drawn, "edge")
    assert "report → publish\ndepends_on" in titles(drawn, "edge")


def test_the_title_is_that_of_the_plan(shop: Registry) -> None:
    """What was planned, and how much it is, stand above the picture, but not in a notebook."""
    made = plan("load_customers", registry=shop)
    root = parsed(made.to_svg())
    (head,) = [each for each in root.iter(f"{SVG}text") if each.get("class") == "title"]
    assert "sales:load_customers" == head.text
    assert "1 of 7 stages · 1 level · at most 1 at once" == head.findtext(f"{SVG}tspan")
    assert 'class="title"' not in made._repr_mimebundle_()["text/html"]


def test_layers_are_centred_and_edges_end_apart(graph: Callable[[str], Plan]) -> None:
    """What is joined with all of a layer stands in its middle; no two arrows share an end."""
    drawn = graph("start->a,b,c,d,e->end").to_svg(fold=False)
    found = dict(zip(names(drawn), boxes(drawn)))
    middle = {name: top + height / 2 for name, (_, top, _, height) in found.items()}
    assert abs(middle["start"] - middle["c"]) < 1
    assert abs(middle["end"] - middle["c"]) < 1
    heads = [each.get("points") for each in parsed(drawn).iter(f"{SVG}polygon")]
    assert 10 == len(set(heads))
    starts = [str(each.get("d")).partition("C")[0] for each in parsed(drawn).iter(f"{SVG}path")]
    assert 10 == len(set(starts))


def test_equal_stages_share_a_box_unless_they_are_unfolded(graph: Callable[[str], Plan]) -> None:
    """``fit ×12`` has a second edge behind it, and names some of them where it is pointed at."""
    made = graph("load -> " + ",".join(f"fit.{n}" for n in range(12)) + " -> report")
    drawn = made.to_svg()
    assert ["load", "fit ×12", "report"] == names(drawn)
    assert 1 == drawn.count('class="more"')
    assert titles(drawn, "box")[1].startswith("12 stages: fit.0, fit.1, ")
    assert "load → fit ×12\n12 edges" in titles(drawn, "edge")
    assert 14 == len(names(made.to_svg(fold=False)))
    assert 'class="more"' not in made.to_svg(fold=False)


def test_a_large_picture_says_that_it_is_folded(graph: Callable[[str], Plan]) -> None:
    """Past 60 boxes stages share them by their names; the picture says how to see each."""
    made = graph("->".join(f"{word}_{n}" for word in "abcdefghij" for n in range(10)))
    drawn = made.to_svg()
    assert [f"{word} · 10 stages" for word in "abcdefghij"] == names(drawn)
    said = "100 stages in 10 boxes; --unfold, or fold=False, draws each stage"
    assert said in [each.text for each in parsed(drawn).iter(f"{SVG}text")]
    assert said not in made.to_svg(fold=False)
    assert 100 == len(names(made.to_svg(fold=False)))


def divide(number: int) -> float:
    """Fail for one number."""
    return 1 / number


def test_a_run_is_drawn_in_the_colours_of_its_outcomes() -> None:
    """Marks say what colours say; a failure is in no box with what succeeded."""
    registry = Registry()
    for number in range(5):
        registry.add(partial(divide, number - 3), id=f"fit.{number}", critical=number != 3)
    registry.add(lambda: None, id="last", depends_on=[f"fit.{number}" for number in range(5)])
    result = run(registry=registry, executor="inline", check=False)
    drawn = result.to_svg()
    assert ["✓ fit ×4", "✗ fit.3", "✓ last"] == names(drawn)
    kinds = [
        each.get("class")
        for each in parsed(drawn).iter(f"{SVG}g")
        if each.find(f"{SVG}rect") is not None
    ]
    assert ["good", "optional bad", "good"] == kinds
    assert "4 succeeded" in titles(drawn, "box")[0]
    assert "failed in " in titles(drawn, "box")[1]
    assert "ZeroDivisionError" in titles(drawn, "box")[1]
    assert 6 == len(names(result.to_svg(fold=False)))
    assert "✓ succeeded: " in drawn
    assert "✗ fit.3</text>" in result._repr_mimebundle_()["text/html"]


def test_long_names_are_cut_in_their_boxes_only() -> None:
    """The box has both ends; where it is pointed at, all of the id. Wide letters fit, too."""
    registry = Registry()
    registry.add(lambda: None, id="a" * 100 + "b" * 50)
    registry.add(lambda: None, id="取得取得取得取得MMmm")
    drawn = plan(registry=registry).to_svg()
    assert ["a" * 21 + "…" + "b" * 14, "取得取得取得取得MMmm"] == names(drawn)
    assert "a" * 100 + "b" * 50 in titles(drawn, "box")
    widths = [width for _, _, width, _ in boxes(drawn)]
    assert all(width > 100 for width in widths)


def test_an_arrow_passes_between_the_boxes() -> None:
    """One that goes over a level goes around what stands there; among very many it need not."""
    registry = Registry()
    registry.add(lambda: None, id="a")
    registry.add(lambda: None, id="b", depends_on="a")
    registry.add(lambda: None, id="c", depends_on=["a", "b"])
    drawn = plan(registry=registry).to_svg()
    long = next(
        each.attrib["d"] for each in parsed(drawn).iter(f"{SVG}path") if "H" in str(each.get("d"))
    )
    passed = float(long.partition("H")[0].rpartition(",")[2])
    top, height = boxes(drawn)[1][1], boxes(drawn)[1][3]
    assert not top <= passed <= top + height
    for number in range(250):
        registry.add(lambda: None, id=f"s{number}", depends_on=[f"s{number - 1}"] if number else ())
    registry.add(lambda: None, id="end", depends_on=[f"s{number}" for number in range(250)])
    assert len(boxes(plan(registry=registry).to_svg(fold=False))) == 254


def test_data_stays_text() -> None:
    """Whatever a name or a description holds becomes neither markup nor a control character."""
    registry = Registry()
    text = "<script>\x1b\u202e&\"'"
    registry.add(lambda: None, id="bad", name=text, description=text)
    drawn = plan(registry=registry).to_svg()
    root = parsed(drawn)
    assert "script" not in {each.tag.replace(SVG, "") for each in root.iter()}
    assert not {"\x1b", "\u202e"} & set(drawn)


def test_equal_plans_give_equal_pictures() -> None:
    """Nothing in a picture depends on anything but the plan; of nothing it is empty."""

    def drawn(count: int) -> str:
        registry = Registry()
        for number in range(count):
            registry.add(lambda: None, id=f"s{number}", depends_on=["s0"] if number else ())
        return plan(registry=registry).to_svg()

    assert drawn(5) == drawn(5)
    assert [] == boxes(drawn(0))


def test_a_picture_needs_nothing_of_another_one(shop_plan: Plan) -> None:
    """Each arrow has a head of its own: a page may hide any other picture, this one twice."""
    text = shop_plan.to_svg()
    heads = list(parsed(text).iter(f"{SVG}polygon"))
    assert len(shop_plan.edges) == len(heads)
    assert " id=" not in text
    assert "url(" not in text
    tip = {each.get("points", "").split()[1] for each in heads}
    ends = {each.get("d", "").rpartition(" ")[2] for each in parsed(text).iter(f"{SVG}path")}
    assert tip == ends
