"""Tests of the selection language."""

from __future__ import annotations

from typing import List, Sequence, Set, Tuple, Union, overload

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stagekit._base.problem import Code
from stagekit._plan import select as module
from stagekit._plan.select import Graph, select

#  load ──▶ clean ─┐
#                  ├▶ enrich ─▶ score ─▶ report
#  customers ──────┘              audit (alone)      other:load (alone)
SHOP = (
    ("shop:load", ("source", "big"), ()),
    ("shop:customers", ("source",), ()),
    ("shop:clean", (), (0,)),
    ("shop:enrich", ("slow",), (1, 2)),
    ("shop:score", ("slow", "ml.fit"), (3,)),
    ("shop:report", (), (4,)),
    ("audit", (), ()),
    ("other:load", (), ()),
)


def graph_of(stages: Sequence[Tuple[str, Tuple[str, ...], Tuple[int, ...]]]) -> Graph:
    """Return the graph of stages given as (id, tags, parents)."""
    children: List[List[int]] = [[] for _ in stages]
    for step, (_, _, parents) in enumerate(stages):
        for parent in parents:
            children[parent].append(step)
    ids, tags, parents_of = zip(*stages)
    return Graph(ids, tags, parents_of, tuple(map(tuple, children)))


GRAPH = graph_of(SHOP)


def chosen(*include: str, exclude: Sequence[str] = ()) -> str:
    """Return the short names that a selection means, and check that nothing is wrong with it."""
    steps, problems = select(GRAPH, include, exclude)
    assert () == problems
    return " ".join(GRAPH.ids[step].replace("shop:", "") for step in steps)


def wrong(*include: str, exclude: Sequence[str] = ()) -> List[str]:
    """Return what is wrong with a selection, as text, and check that it means no step."""
    steps, problems = select(GRAPH, include, exclude)
    assert () == steps
    return [str(problem) for problem in problems]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("shop:clean", "clean"),
        ("clean", "clean"),
        ("audit", "audit"),
        ("other:load", "other:load"),
        ("*:load", "load other:load"),
        ("shop:*[eo]r*", "customers score report"),
        ("c*", "customers clean"),
        ("[cs]????", "clean score"),
        ("?lean", "clean"),
        ("tag:source", "load customers"),
        ("tag:s*", "load customers enrich score"),
        ("tag:none", ""),
        ("+clean", "load clean"),
        ("clean+", "clean enrich score report"),
        ("+clean+", "load clean enrich score report"),
        ("1+enrich", "customers clean enrich"),
        ("2+enrich", "load customers clean enrich"),
        ("0+enrich", "enrich"),
        ("99999999999+report", "load customers clean enrich score report"),
        ("clean+1", "clean enrich"),
        ("customers+2", "customers enrich score"),
        ("1+enrich+1", "customers clean enrich score"),
        ("@clean", "load customers clean enrich score report"),
        ("@audit", "audit"),
        ("+tag:slow", "load customers clean enrich score"),
        ("tag:source+1", "load customers clean enrich"),
        ("*:load+1", "load clean other:load"),
        ("tag:slow,tag:ml.*", "score"),
        ("+score,clean+", "clean enrich score"),
        ("+score,clean+,tag:slow", "enrich score"),
        ("audit,report", ""),
        ("audit report", "report audit"),
        ("audit  clean+,+enrich\treport", "clean enrich report audit"),
    ],
)
def test_a_text_means_the_stages_of_dbts_words(text: str, expected: str) -> None:
    """Names, patterns, tags, hops up and down, intersection and union mean what dbt's do."""
    assert expected == chosen(text)


def test_without_a_text_every_stage_is_meant() -> None:
    """No selection leaves nothing out, and an exclusion takes from all."""
    assert tuple(range(8)) == select(GRAPH, (), ())[0]
    assert "load customers clean audit" == chosen(exclude=["enrich+", "other:load"])


def test_several_texts_are_a_union_and_exclusions_take_from_it() -> None:
    """What an exclusion means is not selected, whatever else says so."""
    assert "clean audit" == chosen("clean", "audit")
    assert "load clean" == chosen("+enrich", exclude=["enrich customers"])
    assert "" == chosen("clean", exclude=["+clean"])


def test_a_misspelt_name_suggests_the_right_one() -> None:
    """An unknown name is a problem with near misses, spelt with the operators that stood there."""
    expected = [
        "SK204: the selection `2+claen+1` names no stage of this target",
        "    did you mean `clean`?",
        "    fix: 2+clean+1",
    ]
    assert ["\n".join(expected)] == wrong("2+claen+1")
    expected = [
        "SK204: the selection `zebra` names no stage of this target",
        "    there is: `shop:load`, `customers`, `clean`, `enrich`, `score` and 3 more",
    ]
    assert ["\n".join(expected)] == wrong(exclude=["zebra"])


def test_an_ambiguous_short_name_names_the_stages() -> None:
    """A short name of several stages is a problem; the fixes are their ids, and all of them."""
    expected = [
        "SK210: the selection `load+` may mean 2 stages: `shop:load`, `other:load`",
        "    fix: shop:load+",
        "    fix: other:load+",
        "    fix: *:load+",
    ]
    assert ["\n".join(expected)] == wrong("load+")


def test_of_very_many_ambiguous_stages_a_few_are_shown() -> None:
    """A problem stays short where a name fits many stages."""
    many = graph_of([(f"m{number}:load", (), ()) for number in range(1_000)])
    text = str(select(many, ["load"])[1][0])
    assert "may mean 1,000 stages: `m0:load`, `m1:load`" in text
    assert "`m4:load` and 995 more\n" in text
    assert 7 == len(text.splitlines())


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "it is empty"),
        (" ", "it is empty"),
        ("+", "a name is missing"),
        ("++", "a name is missing"),
        ("@", "a name is missing"),
        ("tag:", "a name is missing"),
        ("a,,clean", "a name is missing"),
        (",clean", "a name is missing"),
        ("++clean", "write `+` before or after a name, alone or with a number of hops"),
        ("clean+x", "write `+` before or after a name, alone or with a number of hops"),
        ("²+clean", "write `+` before or after a name, alone or with a number of hops"),
        ("clean@", "write `@` before a name, and nothing before `@`"),
        ("+@clean", "write `@` before a name, and nothing before `@`"),
        ("@clean+", "`@` takes all that needs the stage already, and goes with no `+`"),
    ],
)
def test_a_malformed_text_is_a_problem_that_says_why(text: str, why: str) -> None:
    """What is not in the language is refused, with the rule it breaks."""
    expected = f"SK213: the selection `{text}` cannot be read: {why}\n"
    words = "    write a name, a pattern such as `shop:*` or `tag:x`, and `+` before or after it"
    assert [expected + words] == wrong(text)


def test_selection_by_state_says_that_it_comes_with_the_store() -> None:
    """``state:`` is known to the language, and refused until there is a store."""
    why = "`state:` compares with earlier runs, and comes with the store"
    expected = [f"SK213: the selection `state:failed+` cannot be read: {why}"]
    assert expected == wrong("state:failed+")


def test_all_that_is_wrong_is_found_at_once() -> None:
    """Problems of all texts come together, in their order, each once."""
    _, problems = select(GRAPH, ["nothing a+b", "clean", "nothing"], ["", "load"])
    expected = [Code.UNKNOWN_STAGE, Code.BAD_SELECTION, Code.BAD_SELECTION, Code.AMBIGUOUS_NAME]
    assert expected == [problem.code for problem in problems]


def test_control_characters_of_a_text_are_shown_escaped() -> None:
    """A text given by a machine cannot write to the terminal."""
    assert wrong("\x1b2J")[0].startswith("SK204: the selection `\\x1b2J` names")
    assert "\\x07" in wrong("+\x07@")[0]


class CountedColumn(Sequence[Tuple[int, ...]]):
    """A column that counts how often it is looked at."""

    def __init__(self, column: Sequence[Tuple[int, ...]]) -> None:
        self.column = column
        self.looks = 0

    def __len__(self) -> int:
        return len(self.column)

    @overload
    def __getitem__(self, step: int) -> Tuple[int, ...]: ...
    @overload
    def __getitem__(self, step: slice) -> Sequence[Tuple[int, ...]]: ...
    def __getitem__(
        self, step: Union[int, slice]
    ) -> Union[Tuple[int, ...], Sequence[Tuple[int, ...]]]:
        self.looks += 1
        return self.column[step]


def looks_at(stages: int) -> int:
    """Return how often edges are looked at to select in a chain with a text for each stage."""
    parents = tuple((n - 1,) if n else () for n in range(stages))
    children = tuple((n + 1,) if n + 1 < stages else () for n in range(stages))
    ids = tuple(f"m:s{n}" for n in range(stages))
    up, down = CountedColumn(parents), CountedColumn(children)
    graph = Graph(ids, ((),) * stages, up, down)
    steps, problems = select(graph, [f"+s{n}" for n in range(stages)] + ["@m:*"], ["s0+"])
    assert ((), ()) == (steps, problems)
    return up.looks + down.looks


def test_work_grows_with_the_graph_not_with_its_square() -> None:
    """Twice the stages and twice the texts look at twice the edges."""
    assert 2 * looks_at(500) == looks_at(1_000)


def test_a_long_chain_is_followed_without_recursion() -> None:
    """A chain of 100,000 stages is selected whole from its end."""
    count = 100_000
    parents = ((), *((n,) for n in range(count - 1)))
    children = (*((n + 1,) for n in range(count - 1)), ())
    graph = Graph(tuple(f"s{n}" for n in range(count)), ((),) * count, parents, children)
    assert count == len(select(graph, [f"+s{count - 1}"])[0])


NAMES = [f"{'ab'[step % 2]}:s{step}" for step in range(9)]


@st.composite
def graphs(draw: st.DrawFn) -> Graph:
    """Draw a small graph with ids of two modules, and tags."""
    count = draw(st.integers(1, len(NAMES)))
    stages: List[Tuple[str, Tuple[str, ...], Tuple[int, ...]]] = []
    for step in range(count):
        parents: Set[int] = draw(st.sets(st.integers(0, step - 1), max_size=3)) if step else set()
        tags = draw(st.sets(st.sampled_from(["x", "y"])))
        stages.append((NAMES[step], tuple(sorted(tags)), tuple(sorted(parents))))
    return graph_of(stages)


ATOMS = st.sampled_from([*NAMES, "tag:x", "tag:y", "tag:?", "a:*", "*", "s[0-3]"])


@st.composite
def texts_of_atoms(draw: st.DrawFn) -> str:
    """Draw an atom with or without operators."""
    operators = draw(st.sampled_from(["{}", "+{}", "{}+", "+{}+", "1+{}", "{}+2", "@{}"]))
    return operators.format(draw(ATOMS))


TEXTS = texts_of_atoms()


def meant(graph: Graph, *include: str, exclude: Sequence[str] = ()) -> Set[int]:
    """Return the steps that a selection means; names of stages that are not there mean none."""
    texts = [text for text in include if not select(graph, [text])[1]]
    without = [text for text in exclude if not select(graph, [text])[1]]
    return set(select(graph, texts, without)[0]) if texts else set()


def reached(columns: Sequence[Tuple[int, ...]], start: Set[int]) -> Set[int]:
    """Return *start* and what is reached from it, by the definition: until nothing is added."""
    found = set(start)
    while True:
        more = found | {far for step in found for far in columns[step]}
        if more == found:
            return found
        found = more


@given(graphs(), ATOMS)
def test_operators_close_over_the_graph(graph: Graph, atom: str) -> None:
    """``+a`` holds all ancestors, ``a+`` all descendants, ``@a`` all ancestors of those."""
    named = meant(graph, atom)
    up, down = meant(graph, f"+{atom}"), meant(graph, f"{atom}+")
    assert reached(graph.parents, named) == up
    assert reached(graph.children, named) == down
    assert up | down == meant(graph, f"+{atom}+")
    assert reached(graph.parents, down) == meant(graph, f"@{atom}")


@given(graphs(), ATOMS)
def test_hops_add_up_to_the_whole_way(graph: Graph, atom: str) -> None:
    """``n+a`` grows by one hop with n, and reaches ``+a`` with as many hops as there are stages."""
    found = meant(graph, atom)
    for hops in range(len(graph.ids) + 1):
        assert found == meant(graph, f"{hops}+{atom}")
        found = found | {parent for step in found for parent in graph.parents[step]}
    assert found == meant(graph, f"+{atom}")


@given(graphs(), st.lists(TEXTS, min_size=1, max_size=4), st.lists(TEXTS, max_size=2))
def test_texts_obey_the_laws_of_sets(graph: Graph, texts: List[str], without: List[str]) -> None:
    """Spaces and several texts unite, commas intersect, exclusions subtract; order is no matter."""
    each = [meant(graph, text) for text in texts]
    united = each[0].union(*each)
    assert united == meant(graph, *texts) == meant(graph, *texts[::-1])
    left = united.difference(*(meant(graph, text) for text in without))
    assert left == meant(graph, *texts, exclude=without)
    if not select(graph, texts)[1]:
        assert united == meant(graph, " ".join(texts))
        assert each[0].intersection(*each) == meant(graph, ",".join(texts))


@given(graphs(), st.text(st.sampled_from("ab:s012+@,*[]tagx ?"), max_size=12))
def test_any_text_is_answered(graph: Graph, text: str) -> None:
    """Whatever is written, there are steps of the graph, ascending, or problems; nothing raises."""
    steps, problems = select(graph, [text])
    assert not (steps and problems)
    assert sorted(set(steps)) == list(steps)
    assert set(steps) <= set(range(len(graph.ids)))


def test_the_language_is_documented_where_it_is_read() -> None:
    """Every operator of the language stands in the module's text."""
    for word in ("tag:x", "+a", "2+a", "a+", "a+2", "@a", "a,b", "a b"):
        assert f"``{word}``" in str(module.__doc__)
