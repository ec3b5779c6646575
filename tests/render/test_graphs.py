"""Tests of the graph as Mermaid and as DOT."""

from __future__ import annotations

import re
import shutil
import subprocess
from textwrap import dedent
from typing import Callable, Dict, Iterator, List, Tuple

import pytest
from typing_extensions import Annotated

from stagekit import From, Plan, Registry, plan


def shown(text: str) -> str:
    """Return a text written in a test as it is printed."""
    return dedent(text).strip("\n")


def test_mermaid_tells_data_and_order_apart(shop_plan: Plan) -> None:
    """Data edges carry their type, order edges are dotted, what may fail is dashed."""
    expected = shown("""
        flowchart LR
          s0["load_orders"]
          s1["load_customers"]
          s2["clean"]
          s3["enrich"]
          s4["score"]
          s5["report"]
          s6["publish"]
          s0 -->|"Orders"| s2
          s1 -->|"Customers"| s3
          s2 -->|"CleanOrders"| s3
          s3 -->|"Enriched"| s4
          s4 -->|"Scores"| s5
          s5 -.-> s6
          classDef optional stroke-dasharray: 4 3
          class s4 optional
    """)
    assert expected == shop_plan.to_mermaid()


def test_dot_tells_data_and_order_apart(shop_plan: Plan) -> None:
    """Stages are boxes named by their ids; data edges carry their type, order edges are dashed."""
    expected = shown("""
        digraph "stagekit" {
          rankdir=LR;
          node [shape=box, fontname="sans-serif"];
          edge [fontname="sans-serif", fontsize=11];
          "sales:load_orders" [label="load_orders", tooltip="sales:load_orders"];
          "sales:load_customers" [label="load_customers", tooltip="sales:load_customers"];
          "sales:clean" [label="clean", tooltip="sales:clean"];
          "sales:enrich" [label="enrich", tooltip="sales:enrich"];
          "sales:score" [label="score", tooltip="sales:score", style=dashed];
          "sales:report" [label="report", tooltip="sales:report"];
          "sales:publish" [label="publish", tooltip="sales:publish"];
          "sales:load_orders" -> "sales:clean" [label="Orders"];
          "sales:load_customers" -> "sales:enrich" [label="Customers"];
          "sales:clean" -> "sales:enrich" [label="CleanOrders"];
          "sales:enrich" -> "sales:score" [label="Enriched"];
          "sales:score" -> "sales:report" [label="Scores"];
          "sales:report" -> "sales:publish" [style=dashed];
        }
    """)
    drawn = shop_plan.to_dot()
    assert expected == re.sub(r'\\n[^"]*', "", drawn)
    told = r'tooltip="sales:load_orders\nRead the orders.\nneeds OrdersConfig\ngives Orders"'
    assert told in drawn


def test_a_value_of_any_type_makes_an_edge_without_a_label() -> None:
    """``From`` on a parameter of no type is a solid edge that carries no name of a type."""
    registry = Registry()
    registry.add(lambda: 1, id="first")

    def second(value: Annotated[object, From("first")]) -> None:
        raise NotImplementedError(value)

    registry.add(second, id="second")
    made = plan("second", registry=registry)
    assert made.to_mermaid().endswith("\n  s0 --> s1")
    assert '\n  "first" -> "second";\n}' in made.to_dot()


def test_a_plan_of_nothing_is_an_empty_graph() -> None:
    """A registry without stages still gives a valid text."""
    made = plan(registry=Registry())
    assert "flowchart LR" == made.to_mermaid()
    assert {} == parsed(made.to_dot())[0]


TOKEN = re.compile(r'\s*(?:("(?:[^"\\]|\\.)*")|(->)|([\[\]{};=,])|([\w-]+))', re.DOTALL)


def tokens_of(text: str) -> Iterator[str]:
    """Yield the tokens of a text in the part of DOT that is written here."""
    place = 0
    while place < len(text.rstrip()):
        found = TOKEN.match(text, place)
        assert found, f"no token at {text[place : place + 20]!r}"
        yield found.group().strip()
        place = found.end()


def parsed(text: str) -> Tuple[Dict[str, Dict[str, str]], List[Tuple[str, str]]]:
    """Return the nodes of a DOT text with their attributes, and its edges.

    Takes what the grammar of DOT allows, and no more: anything else fails.
    """
    tokens = list(tokens_of(text))
    assert ("digraph", "{", "}") == (tokens[0], tokens[2], tokens[-1])
    nodes: Dict[str, Dict[str, str]] = {}
    edges: List[Tuple[str, str]] = []
    statement: List[str] = []
    for each in tokens[3:-1]:
        if each != ";":
            statement.append(each)
            continue
        head = statement[: statement.index("[")] if "[" in statement else statement
        attributes = statement[len(head) :]
        assert not attributes or (attributes[0], attributes[-1]) == ("[", "]")
        pairs = dict(zip(attributes[1::4], attributes[3::4]))
        if len(head) == 1 and head[0].startswith('"'):
            nodes[text_of(head[0])] = {name: text_of(value) for name, value in pairs.items()}
        elif len(head) == 3 and head[1] == "->":
            edges.append((text_of(head[0]), text_of(head[2])))
        else:
            assert head[0] in {"rankdir", "node", "edge"}
        statement = []
    assert not statement
    return nodes, edges


def text_of(token: str) -> str:
    """Return what Graphviz shows for a token."""
    if not token.startswith('"'):
        return token
    inner = token[1:-1].replace('\\"', '"').replace("\\\\", "\\")
    return inner.replace("&amp;", "&")


def test_hostile_text_stays_text_in_dot(hostile_plan: Plan) -> None:
    """Quotes, backslashes, HTML and control characters of a name are shown, not obeyed."""
    nodes, edges = parsed(hostile_plan.to_dot())
    name = hostile_plan.stages[0].name.replace("\x1b", "\\x1b").replace("\u202e", "\\u202e")
    assert {"m:first", "m:second"} == set(nodes)
    assert [("m:first", "m:second")] == edges
    assert name == nodes["m:first"]["label"]
    told = nodes["m:first"]["tooltip"]
    assert told.startswith(r"m:first\n</td></table><script>document.cookie</script>\x9b2J\ngives <")
    assert hostile_plan.to_dot().replace("\n", "").isprintable()


def test_hostile_text_stays_text_in_mermaid(hostile_plan: Plan) -> None:
    """What has a meaning in Mermaid, Markdown or HTML is written by its number."""
    text = hostile_plan.to_mermaid()
    label = re.findall(r's0\["(.*)"\]', text)[0]
    back = re.sub(r"#(\d+);", lambda found: chr(int(found.group(1))), label)
    name = hostile_plan.stages[0].name.replace("\x1b", "\\x1b").replace("\u202e", "\\u202e")
    assert name == back
    shape = r"flowchart LR|  s\d\[\"[^\"]*\"\]|  s0 -->\|\"[^\"|]*\"\| s1"
    assert all(re.fullmatch(shape, line) for line in text.split("\n"))
    assert not set("<>&`|\\{}$%'") & set(label)


def test_texts_grow_with_the_graph(graph: Callable[[str], Plan]) -> None:
    """Unfolded, there is a line for each stage and each edge, however large the graph is."""
    made = graph("start -> " + ",".join(f"s{n}" for n in range(2_000)) + " -> end")
    assert 2 + 2_002 + 4_000 == len(made.to_mermaid(fold=False).split("\n"))
    assert 5 + 2_002 + 4_000 == len(made.to_dot(fold=False).split("\n"))


def test_equal_stages_share_a_box_in_both(graph: Callable[[str], Plan]) -> None:
    """``fit_1`` to ``fit_12`` are one box, which no stage can be mistaken for."""
    made = graph("load -> " + ",".join(f"fit_{n}" for n in range(1, 13)) + " -> report")
    nodes, edges = parsed(made.to_dot())
    assert ["load", "fit_1 ×12", "report"] == list(nodes)
    assert "fit ×12" == nodes["fit_1 ×12"]["label"]
    assert [("load", "fit_1 ×12"), ("fit_1 ×12", "report")] == edges
    expected = ["flowchart LR", '  s0["load"]', '  s1["fit #215;12"]', '  s2["report"]']
    assert [*expected, "  s0 -.-> s1", "  s1 -.-> s2"] == made.to_mermaid().split("\n")


def test_more_edges_than_mermaid_draws_are_told(graph: Callable[[str], Plan]) -> None:
    """Past 500 edges a comment says that a page would refuse them; folded there are fewer."""
    made = graph("start -> " + ",".join(f"s{n}" for n in range(300)) + " -> end")
    limit = "  %% Mermaid draws at most 500 edges unless maxEdges is set, of 600"
    assert limit == made.to_mermaid(fold=False).split("\n")[1]
    assert "%%" not in made.to_mermaid()


def test_many_boxes_say_that_they_were_folded(graph: Callable[[str], Plan]) -> None:
    """Both languages have a comment with the number of stages and the way to see each."""
    made = graph("->".join(f"{word}_{n}" for word in "abcdefghij" for n in range(10)))
    said = "100 stages in 10 boxes; --unfold, or fold=False, draws each stage"
    assert f"  %% {said}" in made.to_mermaid().split("\n")
    assert f"  // {said}" in made.to_dot().split("\n")
    assert '"a · 10 stages"' in made.to_dot()


def test_a_label_is_written_where_it_differs() -> None:
    """What a stage passes to many is no label at each arrow; what passes to one is."""
    registry = Registry()

    def load() -> int:
        raise NotImplementedError

    def half(number: int) -> str:
        raise NotImplementedError(number)

    def twice(number: int) -> bytes:
        raise NotImplementedError(number)

    def last(text: str, data: bytes) -> None:
        raise NotImplementedError(text, data)

    for each in (load, half, twice, last):
        registry.add(each, id=each.__name__)
    edges = [line.strip() for line in plan(registry=registry).to_dot().split("\n") if "->" in line]
    assert [
        '"load" -> "half";',
        '"load" -> "twice";',
        '"half" -> "last" [label="str"];',
        '"twice" -> "last" [label="bytes"];',
    ] == edges


@pytest.mark.skipif(shutil.which("dot") is None, reason="Graphviz is not installed")
def test_graphviz_reads_it(hostile_plan: Plan, shop_plan: Plan) -> None:
    """Where Graphviz is installed, it draws what is written, with names as they are."""
    for made in (hostile_plan, shop_plan):
        done = subprocess.run(
            ["dot", "-Tplain"],  # noqa: S607 - whichever dot the machine has
            input=made.to_dot().encode(),
            capture_output=True,
            check=True,
        )
        assert b"" == done.stderr
        nodes = [line for line in done.stdout.decode().split("\n") if line.startswith("node ")]
        assert len(made) == len(nodes)
