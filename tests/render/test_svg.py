"""Tests of the graph as an SVG picture."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from typing import List

from stagekit import Plan, Registry, plan

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


def test_each_stage_is_a_box_and_each_edge_an_arrow(shop_plan: Plan) -> None:
    """Names stand in boxes; order edges and what may fail are dashed; titles say the rest."""
    root = parsed(shop_plan.to_svg())
    names = [each.text for each in root.iter(f"{SVG}text")]
    assert [each.partition(":")[2] for each in shop_plan.order] == names
    arrows = list(root.iter(f"{SVG}path"))
    assert len(shop_plan.edges) == len(arrows)
    assert 1 == sum(each.get("class") == "order" for each in arrows)
    assert "Orders" in [each.findtext(f"{SVG}title") for each in arrows]
    (soft,) = [each for each in root.iter(f"{SVG}rect") if each.get("class") == "optional"]
    assert soft is list(root.iter(f"{SVG}rect"))[names.index("score")]
    assert "sales:load_orders · Read the orders." in [
        each.text for each in root.iter(f"{SVG}title")
    ]


def test_no_box_stands_on_another_and_arrows_go_to_the_right() -> None:
    """Levels stand beside each other, in a picture that holds them all."""
    registry = Registry()
    for number in range(12):
        needs = [f"s{other}" for other in range(number) if number % (other + 2) == 0]
        registry.add(lambda: None, id=f"s{number}", name="w" * (number + 1), depends_on=needs)
    made = plan(registry=registry)
    found = boxes(made.to_svg())
    for number, (x, y, width, height) in enumerate(found):
        for left, top, wide, high in found[:number]:
            assert x >= left + wide or left >= x + width or y >= top + high or top >= y + height
    for edge in made.edges:
        assert found[edge.before][0] + found[edge.before][2] < found[edge.after][0]
    root = parsed(made.to_svg())
    assert max(x + width for x, _, width, _ in found) < float(root.attrib["width"])
    assert max(y + height for _, y, _, height in found) < float(root.attrib["height"])


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
    assert len(boxes(plan(registry=registry).to_svg())) == 254


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
