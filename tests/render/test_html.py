"""Tests of what notebooks show of a plan."""

from __future__ import annotations

import html
import re
from html.parser import HTMLParser
from typing import Callable, List, Optional, Tuple

from stagekit import Plan, Registry, plan


class Page(HTMLParser):
    """Reads HTML, keeps its elements and its text."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.elements: List[str] = []
        self.attributes: List[str] = []
        self.rows: List[List[str]] = []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: List[Tuple[str, Optional[str]]]) -> None:
        """Note an element."""
        self.elements.append(tag)
        self.attributes += [name for name, _ in attrs]
        if tag == "tr":
            self.rows.append([])
        elif tag in {"td", "th"}:
            self.rows[-1].append("")

    def handle_data(self, data: str) -> None:
        """Add to the cell that is open."""
        if self.elements[-1] in {"td", "th"}:
            self.rows[-1][-1] += data


def test_a_notebook_gets_a_table_and_a_text(score_plan: Plan) -> None:
    """The bundle has the explanation as text, and the same facts as a table."""
    bundle = score_plan._repr_mimebundle_()
    page = Page(bundle["text/html"])
    assert {"text/plain", "text/html"} == set(bundle)
    assert score_plan.explain() == bundle["text/plain"]
    expected = [
        ["level", "stage", "needs", "gives", "description"],
        ["1", "load_orders", "OrdersConfig", "Orders", "Read the orders."],
        ["1", "load_customers", "", "Customers", ""],
        ["2", "clean", "Orders", "CleanOrders", ""],
        ["3", "enrich", "CleanOrders, Customers", "Enriched", ""],
        ["4", "score", "Enriched, Model", "Scores", ""],
    ]
    assert expected == page.rows
    assert "<p><b>sales:score</b> 5 of 7 stages · 4 levels" in bundle["text/html"]


def test_a_stage_named_like_a_script_stays_text(hostile_plan: Plan) -> None:
    """Nothing that an enemy wrote becomes an element, an attribute or a control character."""
    text = hostile_plan._repr_mimebundle_()["text/html"]
    page = Page(re.sub("<svg.*?</svg>", "", text))  # of which tests/render/test_svg.py knows
    elements = {"p", "b", "div", "table", "thead", "tbody", "tr", "th", "td"}
    assert elements == set(page.elements) - {"pre", "style"}
    assert {"title", "style", "class"} == set(page.attributes)
    assert text.isprintable()
    name = hostile_plan.stages[0].name.replace("\x1b", "\\x1b").replace("\u202e", "\\u202e")
    assert name == page.rows[1][1]


def test_a_plan_draws_itself_in_the_colour_of_the_page(graph: Callable[[str], Plan]) -> None:
    """Its style is for this picture alone; one stage needs none."""
    text = graph("a->b")._repr_mimebundle_()["text/html"]
    style = "".join(re.findall("<style>(.*?)</style>", text))
    rules = [rule for rule in style.split("}") if rule]
    assert all(rule.startswith(".stagekit ") for rule in rules)
    assert "fill:currentColor" in style
    assert "prefers-color-scheme" not in style
    assert "@media(prefers-color-scheme:dark)" in graph("a->b").to_svg()
    assert "<svg" not in graph("a")._repr_mimebundle_()["text/html"]
    assert ">s ×61<" in graph(";".join(f"s{n}" for n in range(61)))._repr_mimebundle_()["text/html"]


def test_a_large_plan_is_cut_and_counted(graph: Callable[[str], Plan]) -> None:
    """A notebook gets the first stages of a large plan, and how many more there are."""
    text = graph(";".join(f"s{n}" for n in range(2_000)))._repr_mimebundle_()["text/html"]
    assert 501 == len(Page(text).rows)
    assert "<p>and 1,500 more stages</p>" in text


def test_warnings_are_shown_as_they_are_printed(shop: Registry) -> None:
    """Each warning stands below the table, escaped."""
    made = plan("load_customers", registry=shop, values=[1])
    text = made._repr_mimebundle_()["text/html"]
    assert re.search(r"<p><b>warnings</b></p><div[^>]*><pre [^>]*>SK220: [^<]*</pre></div>$", text)


def test_what_the_text_tells_below_its_table_stands_below_the_table(shop: Registry) -> None:
    """Parameters, what was chosen among several, and the rest, line by line; of many the first."""
    registry = Registry()

    @registry.stage(id="rows")
    def rows(path: str) -> List[int]:
        return []

    @registry.stage(id="others")
    def others() -> List[int]:
        return []

    @registry.stage(id="size", depends_on="others")
    def size(rows: List[int]) -> int:
        return len(rows)

    made = plan(registry=registry, params={"path": "<a>"})
    text = made._repr_mimebundle_()["text/html"]
    below = made.explain().split("\n\n")[2:]
    assert ["parameters", "chosen among several", "order only"] == [
        each.split("\n")[0].strip() for each in below
    ]
    for each in below:
        title, *lines = each.split("\n")
        shown = html.escape("\n".join(line[4:] for line in lines))
        assert f"<p><b>{title.strip()}</b></p>" in text
        assert f">{shown}</pre>" in text
    assert "&lt;a&gt;" in text
    assert "<b>warnings</b>" not in text
    for number in range(501):
        registry.add(lambda: None, id=f"s{number}", depends_on="rows")
    many = plan(registry=registry, params={"path": "<a>"})._repr_mimebundle_()["text/html"]
    assert "\nand 2 more lines</pre>" in many


def test_columns_without_a_cell_are_left_out(graph: Callable[[str], Plan]) -> None:
    """Names and numbers are never broken; what is wider than the page scrolls."""
    text = graph("a->b")._repr_mimebundle_()["text/html"]
    page = Page(re.sub("<svg.*?</svg>", "", text))
    assert ["level", "stage"] == page.rows[0]
    assert 3 == len(re.findall("<div [^>]*overflow-x:auto", text))
    assert re.search("<div [^>]*overflow-x:auto[^>]*><svg ", text)
    assert "td{text-align:left;white-space:nowrap" in text
    assert "<td>a</td>" in text
