"""Tests of the picture of a graph, and of the list where no picture could be read."""

from __future__ import annotations

from textwrap import dedent
from typing import Callable, Dict, List, Sequence, Set, Tuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stagekit import Plan, Registry, plan
from stagekit._render.drawing import CannotDrawError, components, draw, reduced
from stagekit._render.tree import to_tree

Parents = List[Tuple[int, ...]]

PICTURES = {
    "load_orders->clean->enrich->score->report->publish;load_customers->enrich": """
        load_orders ─▶ clean ─┬▶ enrich ─▶ score ─▶ report ─▶ publish
        load_customers ───────┘
    """,
    "alone": "alone",
    "a->b;c": """
        a ─▶ b
        c
    """,
    "a->b,c->d": """
        a ─┬▶ b ─┬▶ d
           └▶ c ─┘
    """,
    "a->b->c;a->c": """
        a ─▶ b ─▶ c
        (1 edge that a longer way implies is not drawn)
    """,
    "a->b->c->d;a->c,d": """
        a ─▶ b ─▶ c ─▶ d
        (2 edges that longer ways imply are not drawn)
    """,
    "a,b,c->d": """
        a ─┬▶ d
        b ─┤
        c ─┘
    """,
    "a->b,long_name,c->d": """
        a ─┬▶ b ─────────┬▶ d
           ├▶ long_name ─┤
           └▶ c ─────────┘
    """,
    "a->b,c;b->d,e;c->f,g": """
        a ─┬▶ b ─┬▶ d
           │     └▶ e
           └▶ c ─┬▶ f
                 └▶ g
    """,
    "o->j,k;c->j": """
           ┌▶ k
        o ─┴─┬▶ j
        c ───┘
    """,
    "取得->b;c->b": """
        取得 ─┬▶ b
        c ────┘
    """,
}


@pytest.mark.parametrize("text", PICTURES)
def test_small_graphs_are_drawn(graph: Callable[[str], Plan], text: str) -> None:
    """Chains, forks, joins and parts that do not hang together, each as one reads them."""
    assert dedent(PICTURES[text]).strip("\n") == to_tree(graph(text))


def test_streams_without_unicode_get_ascii(graph: Callable[[str], Plan]) -> None:
    """Lines are drawn with ASCII, and names are written by the numbers of their letters."""
    picture = to_tree(graph("grün->b,c->d"), ascii_only=True)
    expected = "gr\\xfcn -+> b -+> d\n         +> c -+"
    assert expected == picture
    lines = to_tree(graph("grün->b"), ascii_only=True, columns=5).split("\n")
    assert ["  1  gr\\xfcn", "  2  b        <- gr\\xfcn"] == lines


def test_a_graph_too_wide_becomes_a_list(graph: Callable[[str], Plan]) -> None:
    """What does not fit the columns is listed level by level, with what each stage waits for."""
    made = graph("load->clean->enrich;customers->enrich;load->enrich")
    assert dedent("""
        load ─▶ clean ─┬▶ enrich
        customers ─────┘
        (1 edge that a longer way implies is not drawn)
    """).strip("\n") == to_tree(made)
    listed = [
        "  1  load",
        "     customers",
        "  2  clean      ◀─ load",
        "  3  enrich     ◀─ load, clean, customers",
    ]
    assert listed == to_tree(made, columns=20).split("\n")


def test_a_graph_whose_lines_would_cross_becomes_a_list(graph: Callable[[str], Plan]) -> None:
    """Where each of three waits for each of three others, a list reads better."""
    lines = to_tree(graph("a,b,c->d,e,f")).split("\n")
    assert ["  2  d  ◀─ a, b, c", "     e  ◀─ a, b, c", "     f  ◀─ a, b, c"] == lines[3:]


def test_a_picture_has_a_bounded_number_of_rows(graph: Callable[[str], Plan]) -> None:
    """A fan is drawn as far as it fits a screen; of a larger one equal stages share a place."""
    drawn = to_tree(graph("a->" + ",".join(f"b{n}" for n in range(20)))).split("\n")
    assert ["a ─┬▶ b0", "   ├▶ b1"] == drawn[:2]
    assert "   └▶ b19" == drawn[-1]
    large = graph("a->" + ",".join(f"b{n}" for n in range(30)))
    first, note = to_tree(large).split("\n")
    assert "a ─▶ b ×30" == first
    assert "31 stages" in note
    assert ["  1  a", "  2  b0   ◀─ a"] == to_tree(large, fold=False).split("\n")[:2]


def test_a_plan_of_nothing_is_no_picture() -> None:
    """A registry without stages gives an empty text."""
    assert "" == to_tree(plan(registry=Registry()))


@pytest.mark.parametrize(
    "text",
    [
        ";".join(f"s{n}->s{n + 1}" for n in range(2_000)),
        "start->" + ",".join(f"s{n}" for n in range(2_000)) + "->end",
        "->".join(",".join(f"s{layer}x{n}" for n in range(100)) for layer in range(20)),
        ";".join(f"s{n}->s{n + 1},leaf{n}" for n in range(1_000)),
    ],
    ids=["chain", "fan", "dense", "comb"],
)
def test_two_thousand_stages_take_a_bounded_line_each(
    graph: Callable[[str], Plan], text: str
) -> None:
    """The text grows with the stages, not with their square, whatever the shape."""
    made = graph(text)
    lines = to_tree(made, fold=False).split("\n")
    assert len(made) == len(lines)
    assert all(len(line) < 140 for line in lines)
    folded = to_tree(made).split("\n")
    assert len(folded) <= len(made)
    assert all(len(line) < 140 for line in folded)


def test_no_control_character_of_a_name_reaches_the_reader(hostile_plan: Plan) -> None:
    """A picture has nothing in it but names that are ids, and lines."""
    assert "first ─▶ second" == to_tree(hostile_plan)


# What a character of the picture joins: left, right, up, down.
SIDES: Dict[str, str] = dict(
    zip("─│┌┐└┘▶┬┴├┤┼", "lr ud rd ld ru lu l lrd lru rud lud lrud".split())  # noqa: SIM905
)
WAYS = {"r": ((0, 1), "l"), "u": ((-1, 0), "d"), "d": ((1, 0), "u")}


def edges_in(lines: Sequence[str], names: Sequence[str]) -> Set[Tuple[str, str]]:
    """Return the edges that an eye sees which follows the lines from left to right."""
    at = {(row, column): c for row, line in enumerate(lines) for column, c in enumerate(line)}
    place = {name: (row, line.index(name)) for row, line in enumerate(lines) for name in names
             if name in line}  # fmt: skip
    starts = {where: name for name, where in place.items()}
    found: Set[Tuple[str, str]] = set()
    for name, (row, column) in place.items():
        first = (row, column + len(name) + 1)
        stack = [first] if at.get(first) == "─" else []
        seen: Set[Tuple[int, int]] = set()
        while stack:
            cell = stack.pop()
            if cell in seen:
                continue
            seen.add(cell)
            if at[cell] == "▶":
                found.add((name, starts[cell[0], cell[1] + 2]))
            for side in SIDES[at[cell]]:
                if side in WAYS:
                    (down, right), back = WAYS[side]
                    after = (cell[0] + down, cell[1] + right)
                    assert back in SIDES[at[after]], "a line leads nowhere"
                    stack.append(after)
    return found


@st.composite
def graphs(draw: st.DrawFn) -> Parents:
    """Draw the parents of each step of a graph, mostly near ones, as people write them."""
    found: Parents = []
    for step in range(draw(st.integers(1, 10))):
        near = range(max(0, step - 4), step)
        above: Set[int] = draw(st.sets(st.sampled_from(near), max_size=2)) if near else set()
        found.append(tuple(sorted(above)))
    return found


@given(graphs())
def test_a_picture_has_the_edges_of_the_graph_and_no_other(parents: Parents) -> None:
    """Following its lines gives every edge that is not implied by others, and nothing else."""
    graph = reduced(parents)
    for part in components(graph):
        number = {step: n for n, step in enumerate(part)}
        inner = [tuple(number[parent] for parent in graph[step]) for step in part]
        names = [f"s{'abcdefghij'[step]}" for step in range(len(part))]
        try:
            lines = draw(inner, names)
        except CannotDrawError:
            continue
        expected = {(names[a], names[b]) for b, above in enumerate(inner) for a in above}
        assert expected == edges_in(lines, names)


@given(graphs())
def test_a_reduced_graph_orders_the_same(parents: Parents) -> None:
    """Leaving out implied edges changes no ancestor, and no edge that is left is implied."""

    def ancestors(of: Sequence[Tuple[int, ...]]) -> List[Set[int]]:
        above: List[Set[int]] = []
        for mine in of:
            above.append(set(mine).union(*(above[parent] for parent in mine)))
        return above

    graph = reduced(parents)
    assert ancestors(parents) == ancestors(graph)
    for mine in graph:
        assert not any(a in ancestors(graph)[b] for a in mine for b in mine)


@given(graphs())
def test_components_part_the_graph(parents: Parents) -> None:
    """Every stage is in one part, and no edge leads out of one."""
    parts = components(parents)
    assert list(range(len(parents))) == sorted(step for part in parts for step in part)
    assert all(set(parents[step]) <= set(part) for part in parts for step in part)


def test_a_plan_draws_itself() -> None:
    """``Plan.to_tree`` is the picture, or the list where it would be too wide."""
    registry = Registry()
    registry.add(lambda: None, id="load")
    registry.add(lambda: None, id="total", depends_on="load")
    made = plan(registry=registry)
    assert "load ─▶ total" == made.to_tree()
    assert to_tree(made, columns=10) == made.to_tree(columns=10) != made.to_tree()


def test_what_is_not_drawn_is_told_in_lines_that_fit(graph: Callable[[str], Plan]) -> None:
    """On a narrow terminal the sentence is broken between words."""
    made = graph("a->b->c->d;a->c,d")
    lines = to_tree(made, columns=40).split("\n")
    told = ["(2 edges that longer ways imply are not", "drawn)"]
    assert ["a ─▶ b ─▶ c ─▶ d", *told] == lines
