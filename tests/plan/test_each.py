"""``Each``: which list its items come from, and what the stage provides."""

from __future__ import annotations

import functools
import re
from typing import (
    Any,
    Callable,
    Collection,
    Dict,
    Iterable,
    Iterator,
    List,
    Optional,
    Sequence,
    Set,
    Tuple,
    Union,
)

import pytest
from hypothesis import given as drawn
from hypothesis import strategies as st
from typing_extensions import Annotated

from stagekit import (
    Collect,
    Each,
    From,
    Named,
    Plan,
    PlanError,
    Problem,
    Registry,
    given,
    plan,
)
from stagekit._base.each import each_of
from stagekit._base.keys import NamedKey, Parametrised, describe
from stagekit._plan.map_inputs import listed, peeled
from stagekit.errors import Code


class Row:
    """What lists are made of."""


class Short(Row):
    """A subclass."""


class Clean:
    """What becomes of a row."""


class Users:
    """Something else."""


def taking(returned: object, *annotations: object, **keywords: object) -> Callable[..., object]:
    """Return a function that takes these and returns that."""
    names = "abcdef"[: len(annotations)]
    parameters = [*names, *(["*", *keywords] if keywords else [])]
    space: Dict[str, Any] = {}
    exec(f"def take({', '.join(parameters)}): ...", space)  # noqa: S102 - made for one test
    found = space["take"]
    found.__annotations__ = {**dict(zip(names, annotations)), **keywords, "return": returned}
    return found  # type: ignore[no-any-return]


def made(*stages: Callable[..., object], **options: Any) -> Plan:
    """Return the plan of functions, which are named s0, s1 and so on."""
    registry = Registry()
    for number, stage in enumerate(stages):
        registry.add(stage, id=f"s{number}")
    return plan(registry=registry, **options)


def problems(*stages: Callable[..., object], **options: Any) -> List[Problem]:
    """Return the problems for which functions cannot be planned."""
    with pytest.raises(PlanError) as caught:
        made(*stages, **options)
    return list(caught.value.problems)


EACH_ROW = Annotated[Row, Each()]


@pytest.mark.parametrize(
    "rows", [List[Row], Sequence[Row], Iterable[Row], Collection[Row], Tuple[Row, ...]]
)
def test_items_come_from_a_list_of_them(rows: object) -> None:
    """Or from what else has items in an order; the stage provides the list of its values."""
    found = made(taking(rows), taking(Clean, EACH_ROW), taking(None, List[Clean]))
    assert (((), (0,), (1,))) == found.parents
    assert [(0,)] == [policy.each for policy in found.policies.values()]
    assert ("list[Clean]",) == tuple(map(describe, found.provides[1]))
    assert 1 == found.policies[1].depth


@pytest.mark.parametrize("rows", [Row, Set[Row], Dict[Row, Row], Iterator[Row], Tuple[Row, Row]])
def test_what_has_no_items_in_an_order_is_no_list(rows: object) -> None:
    """The list that is missing is named, with what came near."""
    (problem,) = problems(taking(rows), taking(Clean, EACH_ROW))
    assert (Code.MISSING_PROVIDER, "a") == (problem.code, problem.parameter)
    assert "nothing provides `list[Row]` for parameter `a` of stage `s1`" == problem.message
    assert any("list[Row]" in fix for fix in problem.fixes)


def test_a_single_one_is_a_near_miss() -> None:
    """Who returns one item is told as what may have been meant."""
    (problem,) = problems(taking(Row), taking(Clean, EACH_ROW))
    assert "`s0` returns `Row`; did you mean to annotate it `-> list[Row]`?" in problem.notes[0]


def test_stages_one_after_another_nest() -> None:
    """A list for each item makes a list of lists, and items may come from deep in it."""
    found = made(
        taking(List[Row]),
        taking(List[Clean], EACH_ROW),
        taking(Users, Annotated[Clean, Each()]),
        taking(bytes, Annotated[List[Clean], Each()]),
    )
    step = {name: found.step_of(name) for name in ("s1", "s2", "s3")}
    provided = {name: describe(found.provides[each][0]) for name, each in step.items()}
    assert {"s1": "list[list[Clean]]", "s2": "list[list[Users]]", "s3": "list[bytes]"} == provided
    assert [1, 2, 1] == [found.policies[step[name]].depth for name in ("s1", "s2", "s3")]


def test_the_shallowest_list_is_taken() -> None:
    """A list of lists is no rival of a list."""
    found = made(taking(List[List[Row]]), taking(List[Row]), taking(Clean, EACH_ROW))
    assert ("s1",) == tuple(found.order[p] for p in found.parents[found.step_of("s2")])


def test_the_order_of_declaration_does_not_count() -> None:
    """A chain of such stages is resolved whichever way round it was declared."""
    chain = [
        taking(List[Row]),
        taking(Clean, EACH_ROW),
        taking(Users, Annotated[Clean, Each()]),
        taking(bytes, Annotated[Users, Each()]),
    ]
    for stages in (chain, chain[::-1], [chain[2], chain[0], chain[3], chain[1]]):
        found = made(*stages)
        assert [0, 1, 1, 1] == list(map(len, found.parents))
        assert "list[bytes]" == describe(found.provides[3][0])


def test_several_take_their_items_side_by_side() -> None:
    """By position and by name; what takes no items is passed whole."""
    found = made(
        taking(List[Row]),
        taking(List[Users]),
        taking(int),
        taking(Clean, int, EACH_ROW, users=Annotated[Users, Each()]),
    )
    (policy,) = found.policies.values()
    assert (1, "users") == policy.each
    assert (0, 1, 2) == tuple(sorted(found.parents[3]))


def test_items_taken_side_by_side_are_equally_deep() -> None:
    """A list and a list of lists cannot go side by side."""
    (problem,) = problems(
        taking(List[Row]),
        taking(List[List[Users]]),
        taking(Clean, EACH_ROW, Annotated[Users, Each()]),
    )
    assert (Code.BAD_MARKER, "b") == (problem.code, problem.parameter)
    assert "takes items 2 deep in lists, where another takes them 1 deep" in problem.message


def test_two_lists_are_ambiguous() -> None:
    """Both are named, and each of the cures cures."""
    (problem,) = problems(taking(List[Row]), taking(Sequence[Row]), taking(Clean, EACH_ROW))
    assert Code.AMBIGUOUS_PROVIDER is problem.code
    assert "2 lists have items `Row` for parameter `a` of stage `s2`: `s0`, `s1`" == problem.message
    assert "say which: a: Annotated[Row, From(...), Each()]" == problem.fixes[0]
    chosen = taking(Clean, Annotated[Row, From("s0"), Each()])
    found = made(taking(List[Row]), taking(Sequence[Row]), chosen)
    assert ["s0"] == [found.order[p] for p in found.parents[found.step_of("s2")]]
    registry = Registry()
    registry.add(taking(List[Row]), id="s0")
    registry.add(taking(Sequence[Row]), id="s1")
    registry.add(taking(Clean, EACH_ROW), id="s2", depends_on="s1")
    found = plan(registry=registry)
    assert ["s1"] == [found.order[p] for p in found.parents[found.step_of("s2")]]


@pytest.mark.parametrize("beside", [(From("s1"), Each()), (Each(), From("s1"))])
@pytest.mark.parametrize("rows", [List[Row], List[Short], Tuple[Row, ...], List[Users]])
def test_the_stage_that_makes_the_list_can_be_named(beside: Any, rows: object) -> None:
    """``From`` beside ``Each``, in any order; its items may be of a subclass."""
    parts = (Union[Row, Users], *beside)
    take = taking(Clean, Annotated[parts])
    found = made(taking(List[Row]), taking(rows), take)
    assert ["s1"] == [found.order[p] for p in found.parents[found.step_of("s2")]]
    assert "list[Clean]" == describe(found.provides[found.step_of("s2")][0])


@pytest.mark.parametrize(
    ("rows", "told"),
    [(List[Users], "returns `list[Users]`"), (None, "returns nothing"), (Row, "returns `Row`")],
)
def test_the_stage_that_is_named_must_make_a_list(rows: object, told: str) -> None:
    """What it returns instead is told."""
    (problem,) = problems(taking(rows), taking(Clean, Annotated[Row, From("s0"), Each()]))
    assert Code.TYPE_MISMATCH is problem.code
    assert f"takes `list[Row]` from `s0`, which {told}" in problem.message


def test_a_stage_that_is_named_may_say_nothing() -> None:
    """Without a return annotation anything may come, and any type takes it."""
    silent = taking(List[Row])
    del silent.__annotations__["return"]
    for kind in (Row, Any):
        parts = (kind, From("s0"), Each())
        found = made(silent, taking(Clean, Annotated[parts]))
        assert (0,) == found.parents[1]
    (problem,) = problems(taking(Clean, Annotated[Row, From("s7"), Each()]))
    assert (Code.UNKNOWN_STAGE, "a") == (problem.code, problem.parameter)


def test_lists_may_have_names() -> None:
    """The name is that of the list; what the stage provides keeps the name it gives."""
    found = made(
        taking(List[Row]),
        taking(Annotated[List[Row], Named("eu")]),
        taking(Annotated[Clean, Named("eu")], Annotated[Row, Named("eu"), Each()]),
        taking(None, Annotated[List[Clean], Named("eu")]),
    )
    assert ["s1"] == [found.order[p] for p in found.parents[found.step_of("s2")]]
    assert ["s2"] == [found.order[p] for p in found.parents[found.step_of("s3")]]


def test_items_may_be_of_several_types() -> None:
    """A union is a type of items like any other; ``Optional`` is one."""
    found = made(taking(List[Optional[Row]]), taking(Clean, Annotated[Optional[Row], Each()]))
    assert (0,) == found.parents[1]


def test_the_list_may_be_given() -> None:
    """By the caller, for a run and for a selection that leaves the stage out."""
    found = made(taking(Clean, EACH_ROW), values=[given([], as_=List[Row])])
    assert ["given"] == [slot.kind for slot in found.slots]
    both = (taking(List[Row]), taking(Clean, EACH_ROW))
    (problem,) = problems(*both, values=[given([], as_=List[Row])])
    assert Code.VALUE_CONFLICT is problem.code
    found = made(*both, values=[given([], as_=List[Row])], select="s1")
    assert ["given"] == [slot.kind for slot in found.slots]
    (problem,) = problems(*both, select="s1")
    assert Code.LEFT_OUT is problem.code


def test_a_constant_may_stand_in_for_the_list() -> None:
    """And for what becomes of it."""
    stages = (taking(List[Row]), taking(Clean, EACH_ROW), taking(None, List[Clean]))
    found = made(*stages, overrides={"s0": [Row()]})
    assert ((0,), ("s1", "s2")) == (found.policies[0].each, found.order)
    assert {"value"} == {slot.kind for slot in found.slots}
    found = made(*stages, overrides={"s1": [Clean()]})
    assert ("s0", "s2") == found.order
    assert {} == found.policies


def test_another_stage_may_stand_in() -> None:
    """It provides the list that the first one did, whether it takes items or not."""
    stages = (taking(List[Row]), taking(Clean, EACH_ROW), taking(None, List[Clean]))

    def silent() -> Any: ...

    del silent.__annotations__["return"]
    found = made(*stages, overrides={"s1": silent})
    assert ["list[Clean]"] == list(map(describe, found.provides[found.step_of("s1")]))
    assert {} == found.policies
    found = made(*stages, overrides={"s1": taking(Clean, EACH_ROW)})
    assert ["list[Clean]"] == list(map(describe, found.provides[found.step_of("s1")]))
    assert [(0,)] == [policy.each for policy in found.policies.values()]


def test_what_has_become_of_items_can_be_collected() -> None:
    """Lists that stages return and lists that are made, in the order of declaration."""
    found = made(
        taking(Clean, EACH_ROW),
        taking(List[Clean]),
        taking(List[Row]),
        taking(None, Annotated[List[List[Clean]], Collect()]),
    )
    (bindings,) = [each for each in found.bindings if each and each[0].kind == "collect"]
    assert ["s0", "s1"] == [found.order[step] for step in bindings[0].providers]


def test_a_stage_that_takes_what_it_makes_waits_for_itself() -> None:
    """Where nothing else makes it; else the other is taken."""
    again = taking(Row, EACH_ROW)
    (problem,) = problems(again)
    assert (Code.CYCLE, ("s0", "s0")) == (problem.code, problem.path)
    assert (0,) == made(again, taking(List[Row])).parents[1]


def test_stages_that_wait_for_each_other_are_a_cycle() -> None:
    """Items make no difference to that."""
    (problem,) = problems(taking(Clean, EACH_ROW), taking(Row, Annotated[Clean, Each()]))
    assert Code.CYCLE is problem.code
    assert "list" in str(problem) or "Row" in str(problem)


def test_text_is_understood(monkeypatch: pytest.MonkeyPatch) -> None:
    """``Each`` may stand in a text, also where nothing has loaded it, and behind an alias."""
    space: Dict[str, Any] = {"Annotated": Annotated, "Row": Row, "Clean": Clean, "List": List}
    exec("import stagekit as sk\nItem = Annotated[Row, sk.Each()]", space)  # noqa: S102 - ours
    for text in ("Annotated[Row, sk.Each()]", "Item"):
        exec("def take(a): ...", space)  # noqa: S102 - ours
        take = space["take"]
        take.__annotations__ = {"a": text, "return": "Clean"}
        found = made(taking(List[Row]), take)
        assert "list[Clean]" == describe(found.provides[1][0])
    monkeypatch.delitem(__import__("sys").modules, "stagekit._base.each")
    exec("def take(a): ...", space)  # noqa: S102 - ours
    space["take"].__annotations__ = {"a": "Annotated[Row, sk.Each()]", "return": "Clean"}
    assert "list[Clean]" == describe(made(taking(List[Row]), space["take"]).provides[1][0])


def test_text_is_understood_of_what_is_no_plain_function(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of a partial, whose annotations are found another way, and of one that has no such text."""
    space: Dict[str, Any] = {"Annotated": Annotated, "Row": Row}
    exec("import stagekit as sk\ndef take(more, a): ...", space)  # noqa: S102 - ours
    take = space["take"]
    for text, kind in (("Annotated[Row, sk.Each()]", "list[Clean]"), ("Row", "Clean")):
        monkeypatch.delitem(__import__("sys").modules, "stagekit._base.each", raising=False)
        take.__annotations__ = {"a": text, "return": Clean}
        registry = Registry()
        registry.add(taking(List[Row]), id="rows")
        registry.add(taking(Row), id="row")
        registry.add(functools.partial(take, 1), id="take")
        found = plan(registry=registry)
        assert kind == describe(found.provides[found.step_of("take")][0])


def test_lists_that_are_given_can_be_ambiguous() -> None:
    """As those of stages are."""
    values = [given([], as_=List[Row]), given((), as_=Sequence[Row])]
    (problem,) = problems(taking(Clean, EACH_ROW), values=values)
    assert Code.AMBIGUOUS_PROVIDER is problem.code
    assert (
        "2 lists have items `Row` for parameter `a` of stage `s0`: "
        "the value given for `list[Row]`, the value given for `Sequence[Row]`"
    ) == problem.message


@pytest.mark.parametrize(
    ("annotation", "told"),
    [
        (Annotated[Row, Each], "`Each` is in `Annotated` without parentheses"),
        (Annotated[Row, Each(), Each()], "Each and Each cannot be in one `Annotated`"),
        (Annotated[List[Row], Each(), Collect()], "Each and Collect cannot be in one"),
        (Optional[Annotated[Row, Each()]], "a marker inside a union is not seen"),
    ],
)
def test_a_marker_that_stands_wrong_is_told(annotation: object, told: str) -> None:
    """With what is wrong about it."""
    (problem,) = problems(taking(List[Row]), taking(Clean, annotation))
    assert Code.BAD_MARKER is problem.code
    assert told in problem.message


def test_items_have_no_default() -> None:
    """One item would be no list."""

    def take(row: Annotated[Row, Each()] = Row()) -> Clean:  # noqa: B008 - what is refused
        raise AssertionError(row)

    (problem,) = problems(taking(List[Row]), take)
    assert (Code.BAD_MARKER, "row") == (problem.code, problem.parameter)
    assert "`Each()` and a default exclude each other" in problem.message


def test_a_returned_value_is_not_marked() -> None:
    """``Each`` is for parameters."""
    (problem,) = problems(taking(Annotated[Row, Each()]))
    assert Code.BAD_ANNOTATION is problem.code
    assert "`Each` is for parameters" in problem.message


def test_a_stage_for_each_item_provides_one_value() -> None:
    """Several values of each call would be lists of tuples, or tuples of lists."""
    registry = Registry()
    registry.add(taking(List[Row]), id="s0")
    registry.add(taking(None, EACH_ROW), id="s1", provides=(Clean, Users))
    with pytest.raises(PlanError) as caught:
        plan(registry=registry)
    (problem,) = caught.value.problems
    assert Code.BAD_MARKER is problem.code
    assert "`provides` promises several values of each call" in problem.message


def test_the_marker_is_data() -> None:
    """Equal, hashed and shown by what stands beside it."""
    assert (Each(), hash(Each()), "Each()") == (Each(), hash(Each()), repr(Each()))
    beside = each_of(From("a"), Each())
    assert beside != Each()
    assert "Each() of From('a')" == repr(beside)


def test_a_plan_is_the_same_each_time() -> None:
    """What is read of a function is kept, and what its list is nested in is not."""
    clean = taking(Clean, EACH_ROW)
    registry = Registry()
    registry.add(taking(List[Row]), id="rows")
    registry.add(clean, id="clean")
    assert plan(registry=registry).to_json() == plan(registry=registry).to_json()
    registry.remove("rows")
    registry.add(taking(List[List[Row]]), id="rows")
    found = plan(registry=registry)
    assert "list[list[Clean]]" == describe(found.provides[found.step_of("clean")][0])


@drawn(st.integers(0, 6), st.sampled_from([None, "eu"]))
def test_lists_are_put_around_items_and_taken_off(depth: int, name: Optional[str]) -> None:
    """One is the inverse of the other, and a name stays outside."""
    key: object = Row if name is None else NamedKey(Row, name)
    found = listed(key, depth)
    for _ in range(depth):
        assert found is not None
        assert re.fullmatch(r"(list\[)*Row\]*( named 'eu')?", describe(found))
        found = peeled(found)
    assert key == found
    assert peeled(key) is None
    assert peeled(Parametrised(dict, (Row, Row))) is None


@drawn(st.lists(st.integers(0, 2), min_size=1, max_size=6), st.randoms(use_true_random=False))
def test_a_chain_nests_as_deeply_as_its_lists(extra: List[int], random: Any) -> None:
    """Each stage of a chain adds the lists that it returns itself, in whatever order declared."""
    kinds = [type(f"T{number}", (), {}) for number in range(len(extra) + 1)]

    def nested(kind: Any, depth: int) -> Any:
        for _ in range(depth):
            kind = List[kind]
        return kind

    registry = Registry()
    chain: List[Tuple[str, Callable[..., object]]] = [("s0", taking(nested(kinds[0], 1)))]
    for number, more in enumerate(extra):
        parts = (kinds[number], Each())
        taken = taking(nested(kinds[number + 1], more), Annotated[parts])
        chain.append((f"s{number + 1}", taken))
    random.shuffle(chain)
    for name, stage in chain:
        registry.add(stage, id=name)
    found = plan(registry=registry)
    depth = 1
    for number, more in enumerate(extra):
        step = found.step_of(f"s{number + 1}")
        assert depth == found.policies[step].depth
        depth += more
        assert "list[" * depth + f"T{number + 1}" + "]" * depth == describe(
            found.provides[step][0]
        ).replace("test_a_chain_nests_as_deeply_as_its_lists.", "")
