"""``From`` and ``Named``: a parameter that says which value it takes."""

from __future__ import annotations

from typing import Any, List, Optional, Tuple, Union

import pytest
from typing_extensions import Annotated

from stagekit import (
    Collect,
    From,
    Named,
    PlanError,
    Registry,
    given,
    plan,
    run,
)
from stagekit._base.refs import Marker
from stagekit._plan import sources
from stagekit.errors import Code
from tests.plan.orders import Late, Orders, Users, refused, registry_of, returning, taken, taking


def test_from_takes_the_value_of_that_very_stage() -> None:
    """By id, short name, function or reference, and where the type alone would be ambiguous."""
    registry = registry_of(web=Orders("web"), file=Orders("file"))
    fn = returning(Orders("fn"))
    ref = registry.add(fn, id="shop:other")
    ways: List[Tuple[Any, str]] = [  # Any: what can stand for a stage
        *(("web", "web"), ("file", "file"), ("shop:other", "fn")),
        *(("other", "fn"), (ref, "fn"), (fn, "fn")),
    ]
    for number, (stage, name) in enumerate(ways):
        registry.add(taking(Annotated[Orders, From(stage)]), id=f"take{number}")
        found = run(f"take{number}", registry=registry, executor="inline")[f"take{number}"]
        assert Orders(name) == found


@pytest.mark.parametrize(
    "wanted", [Orders, Optional[Orders], Union[Users, Orders], Any, object], ids=repr
)
@pytest.mark.parametrize("returned", [Late, Orders, "absent"])
def test_from_takes_a_stage_that_returns_the_type_or_a_subclass_or_does_not_say(
    wanted: object, returned: object
) -> None:
    """The type of the parameter is checked against what the stage says it returns."""
    registry = Registry()
    make = returning(Late("x"), returned)
    if returned == "absent":
        make.__annotations__ = {}
    registry.add(make, id="make")
    assert Late("x") == taken(registry, Annotated[wanted, From("make")])


@pytest.mark.parametrize("wanted", [Late, Users, Optional[Users], List[Orders], int])
def test_from_refuses_a_stage_that_returns_another_type(wanted: object) -> None:
    """The error names both stages, what is asked for and what is returned."""
    registry = registry_of(make=Orders())
    registry.add(taking(Annotated[wanted, From("make")]), id="take")
    problem = refused(registry)
    assert (Code.TYPE_MISMATCH, "take", "x") == (problem.code, problem.stage_id, problem.parameter)
    assert "`make`, which returns `Orders`" in problem.message


def test_from_refuses_a_stage_that_returns_nothing() -> None:
    """A stage annotated with ``-> None`` has no value to take."""
    registry = Registry()
    registry.add(returning(None, "None"), id="make")
    registry.add(taking(Annotated[Orders, From("make")]), id="take")
    problem = refused(registry)
    assert Code.TYPE_MISMATCH is problem.code
    assert "returns nothing" in problem.message


def test_from_refuses_a_stage_that_is_not_there() -> None:
    """With the near miss, and whatever default the parameter has."""
    registry = registry_of(make_orders=Orders())
    registry.add(taking(Annotated[Orders, From("make_order")], Orders()), id="take")
    problem = refused(registry)
    assert (Code.UNKNOWN_STAGE, "take", "x") == (problem.code, problem.stage_id, problem.parameter)
    assert any("'make_orders'" in note for note in problem.notes)


def test_from_takes_one_item_where_the_stage_provides_several() -> None:
    """The item whose type is asked for; the whole tuple where that is."""
    registry = Registry()
    both = (Orders("a"), Users())
    registry.add(lambda: both, id="both", provides=(Orders, Users))
    assert both[1] is taken(registry, Annotated[Users, From("both")])
    registry.remove("take")
    registry.add(returning(both, Tuple[Orders, Users]), id="typed", provides=(Orders, Users))
    assert both is taken(registry, Annotated[Tuple[Orders, Users], From("typed")])


def test_from_beats_the_shield_of_scalars_and_defaults() -> None:
    """``folds: int = 5`` is bound by ``From`` where it says so."""
    registry = registry_of(three=3)
    assert 5 == taken(registry, int, 5)
    registry.remove("take")
    assert 3 == taken(registry, Annotated[int, From("three")], 5)


def test_named_takes_the_value_of_that_name_and_type() -> None:
    """Two values of one type are told apart by their names."""
    registry = Registry()
    registry.add(returning(1, Annotated[int, Named("left")]), id="one")
    registry.add(returning(2, Annotated[int, Named("right")]), id="two")
    registry.add(returning("3", Annotated[str, Named("left")]), id="three")
    assert 1 == taken(registry, Annotated[int, Named("left")], 9)
    registry.remove("take")
    assert 2 == taken(registry, Annotated[int, Named("right")])
    registry.remove("take")
    assert "3" == taken(registry, "Annotated[str, Named('left')]")


def test_a_name_is_part_of_the_key() -> None:
    """Without it, or with another one, nothing is found; the near miss is told."""
    registry = Registry()
    registry.add(returning(1, Annotated[int, Named("left")]), id="one")
    for annotation in (int, Annotated[int, Named("right")]):
        registry.add(taking(annotation), id="take")
        problem = refused(registry)
        assert (Code.MISSING_PROVIDER, "x") == (problem.code, problem.parameter)
        assert any("`int named 'left'`" in note for note in problem.notes)
        registry.remove("take")


def test_a_named_value_may_be_given() -> None:
    """``given(value, name=...)`` serves it, beside one without a name."""
    registry = Registry()
    registry.add(taking(Annotated[int, Named("left")]), id="left")
    registry.add(taking(int), id="plain")
    result = run(registry=registry, values=[given(1, name="left"), 2], executor="inline")
    assert (1, 2) == (result["left"], result["plain"])


def test_a_named_value_may_be_optional() -> None:
    """``Annotated[Optional[T], Named(n)]`` takes a ``T`` of that name, or None."""
    registry = Registry()
    assert taken(registry, Annotated[Optional[int], Named("left")]) is None
    registry.remove("take")
    registry.add(returning(1, Annotated[int, Named("left")]), id="one")
    assert 1 == taken(registry, Annotated[Optional[int], Named("left")])


@pytest.mark.parametrize("name", ["", 3, None])
def test_a_name_is_a_text_that_is_not_empty(name: Any) -> None:
    """Anything else is refused where it is written."""
    with pytest.raises(TypeError, match="Named takes a text"):
        Named(name)


@pytest.mark.parametrize("marker", [Collect, From, Named])
def test_a_marker_without_its_parentheses_is_told(marker: Any) -> None:
    """``Annotated[T, Collect]`` is most likely a slip."""
    registry = registry_of(make=Orders())
    registry.add(taking(Annotated[List[Orders], marker]), id="take")
    problem = refused(registry)
    assert (Code.BAD_MARKER, "x") == (problem.code, problem.parameter)
    assert f"`{marker.__name__}` is in `Annotated` without parentheses" in problem.message
    assert problem.fixes[0].startswith(f"write {marker.__name__}(")


@pytest.mark.parametrize(
    "annotation",
    [
        Annotated[Orders, From("other")],
        Annotated[List[Orders], Collect()],
        Annotated[Orders, Named],
        Annotated[Orders, Named("a"), Named("b")],
    ],
    ids=["from", "collect", "bare", "two"],
)
def test_a_marker_that_means_nothing_on_a_return_annotation_is_told(annotation: object) -> None:
    """Only one ``Named`` has a meaning there; nothing is ignored silently."""
    registry = Registry()
    registry.add(returning(Orders(), annotation), id="make")
    problem = refused(registry)
    assert (Code.BAD_ANNOTATION, "make", None) == (
        problem.code,
        problem.stage_id,
        problem.parameter,
    )
    assert "the return annotation of stage `make`" in problem.message


def test_two_markers_in_one_annotation_are_told() -> None:
    """A value cannot come from two places."""
    registry = registry_of(make=Orders())
    registry.add(taking(Annotated[Orders, From("make"), Named("x")]), id="take")
    problem = refused(registry)
    assert Code.BAD_MARKER is problem.code
    assert "only one of From and Named" in problem.message


@pytest.mark.parametrize(
    "annotation",
    [
        Optional[Annotated[Orders, Named("left")]],
        Union[Users, Annotated[Orders, From("other")]],
        Optional[Annotated[List[Orders], Collect()]],
    ],
    ids=["named", "from", "collect"],
)
def test_a_marker_inside_a_union_is_not_ignored(annotation: object) -> None:
    """It is obeyed or refused; the value of the type without it is never taken silently."""
    registry = registry_of(make=Orders("unnamed"), other=Orders("other"))
    registry.add(returning([], List[Orders]), id="list")
    registry.add(taking(annotation), id="take")
    try:
        value = run("take", registry=registry, executor="inline")["take"]
    except PlanError as error:
        if Code.BAD_MARKER is not error.problems[0].code:
            raise
    else:
        assert value in (None, Orders("other"), [Orders("unnamed"), Orders("other")])


class Lucky(Marker):
    """A marker that planning has no rule for."""

    __slots__ = ()


class Ours(Named):
    """A marker of a user's that is one of ours."""

    __slots__ = ()


def test_a_marker_without_a_rule_is_a_problem() -> None:
    """It is refused by its name, and not taken for one of ours."""
    registry = registry_of(make=Orders())
    registry.add(taking(Annotated[Orders, Lucky()]), id="take")
    with pytest.raises(PlanError) as caught:
        plan("take", registry=registry)
    (problem,) = caught.value.problems
    assert Code.BAD_MARKER is problem.code
    assert "nothing says where a value marked `Lucky` comes from" in problem.message


def test_a_marker_may_be_subclassed() -> None:
    """A class of a user's that derives from a marker follows its rule."""
    registry = Registry()
    registry.add(taking(Annotated[Orders, Ours("left")]), id="take")
    left = Orders("left")
    value = given(left, as_=Orders, name="left")
    assert left is run("take", registry=registry, values=[value], executor="inline")["take"]


def first_declared(index: Any, consumer: Any, parameter: Any) -> Any:
    """Return the provider that was declared first."""
    pairs = [each for each in index.providers[parameter.key] if each[0] != consumer.place]
    return index.source(min(pairs))


def test_all_that_planning_knows_of_a_marker_is_its_rule(monkeypatch: pytest.MonkeyPatch) -> None:
    """One that gets a rule fills parameters, and is shown as the reason, by its name."""
    monkeypatch.setitem(sources.RULES, "Lucky", sources.Rule(first_declared))
    registry = registry_of(one=Orders("one"), two=Orders("two"))
    registry.add(taking(Annotated[Orders, Lucky()]), id="take")
    made = plan("take", registry=registry)
    assert Orders("one") == run(made, executor="inline")["take"]
    (binding,) = made.bindings[made.step_of("take")]
    assert "Lucky" == binding.reason
