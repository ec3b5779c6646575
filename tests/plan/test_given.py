"""Values of the caller, and overrides: what stands in for stages."""

from __future__ import annotations

import warnings
from typing import Any, Callable, Dict, List, NewType, Optional, Protocol, Tuple, Union

import pytest
from typing_extensions import Annotated

from stagekit import (
    Context,
    From,
    Named,
    Plan,
    PlanError,
    Problem,
    Registry,
    StageRef,
    given,
    plan,
    run,
)
from stagekit.errors import Code, StagekitWarning, UsageError

Rate = NewType("Rate", float)


class Orders:
    """A class."""


class Users:
    """Another class."""


class Sized(Protocol):
    """What has a length."""

    def __len__(self) -> int:
        """Return it."""
        ...


def take_orders(orders: Orders) -> Users:
    """Take the one, return the other."""
    assert isinstance(orders, Orders)
    return Users()


def taking(annotation: object, *default: object) -> Any:  # Any: a function made for one test
    """Return a function with one parameter of this annotation, which it returns."""

    def take(x: object) -> object:
        return x

    take.__annotations__ = {"x": annotation}
    take.__defaults__ = default or None
    return take


def taker(annotation: object, *default: object) -> Registry:
    """Return a registry with one stage that returns what it is passed."""
    registry = Registry()
    registry.add(taking(annotation, *default), id="take")
    return registry


def refused(registry: Registry, *arguments: Any, **options: Any) -> Problem:
    """Return the one problem for which a registry cannot be planned."""
    with pytest.raises(PlanError) as caught:
        plan(*arguments, registry=registry, **options)
    (problem,) = caught.value.problems
    return problem


@pytest.mark.parametrize(
    ("values", "annotation"),
    [
        ([3], int),
        ((3,), int),
        ({int: 3}, int),
        ({Rate: 3}, Rate),
        ({"Rate": 3}, None),
        ([given(3, as_=Rate)], Rate),
        ([given(3, as_=Sized)], Sized),
        ([given(3, as_=List[int])], "list[int]"),
        ([given(3, as_=Union[int, str])], Union[str, int]),
        ([given(3, name="n")], Annotated[int, Named("n")]),
        ([given(3, as_=Rate, name="n")], Annotated[Rate, Named("n")]),
        ([given(3, as_=Annotated[int, Named("n")])], None),
        (iter([3]), int),
    ],
    ids=repr,
)
def test_values_serve_the_key_they_are_given_under(values: Any, annotation: object) -> None:
    """An object serves its own type, unless it is given under another key."""
    if annotation is None:  # what cannot be a key
        with pytest.raises((UsageError, PlanError)):
            run(registry=taker(int), values=values, strict=True)
        return
    assert 3 == run(registry=taker(annotation), values=values, executor="inline")["take"]


def test_values_that_cannot_be_keyed_are_all_listed() -> None:
    """None, two of one type, and what is no type are mistakes of the call."""
    with pytest.raises(UsageError) as caught:
        plan(registry=taker(int), values=[None, 1, 2, given(1, as_=3), given(1, as_=Any)])
    text = str(caught.value)
    for part in ("None has no type of its own", "two values for `int`", "3", "`Any`"):
        assert part in text


def test_a_plan_holds_keys_and_a_run_binds_the_objects() -> None:
    """The same plan runs with other objects; one that is missing is told before anything runs."""
    made = plan(registry=taker(Orders), values=[Orders()])
    assert all(slot.value is None for slot in made.slots)
    first, second = Orders(), Orders()
    assert first is run(made, values=[first])["take"]
    assert second is made.run(values=[second])["take"]
    with pytest.raises(PlanError) as caught:
        run(made)
    (problem,) = caught.value.problems
    assert Code.VALUE_NOT_GIVEN is problem.code
    assert "`Orders`" in problem.message


def test_a_value_that_nobody_uses_is_a_warning() -> None:
    """It may be a slip; strict planning makes it an error."""
    registry = taker(Orders)
    made = plan(registry=registry, values=[Orders(), Users()])
    (warning,) = made.warnings
    assert Code.UNUSED_VALUE is warning.code
    assert "`Users`" in warning.message
    with pytest.warns(StagekitWarning, match="`Users`"):
        run(registry=registry, values=[Orders(), Users()])
    problem = refused(registry, values=[Orders(), Users()], strict=True)
    assert Code.UNUSED_VALUE is problem.code
    with pytest.warns(StagekitWarning, match="`Users`"):
        run(plan(registry=registry, values=[Orders()]), values=[Orders(), Users()])


def test_a_context_uses_every_value() -> None:
    """Who takes the context may look at any value, so none is unused."""
    registry = Registry()

    @registry.stage
    def look(context: Context) -> int:
        return len(context)

    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert 2 == run(look, registry=registry, values=[Orders(), Users()])[look]


def test_a_value_whose_key_a_planned_stage_provides_is_an_error() -> None:
    """To stand in for a stage is said in words; the error has them to copy."""
    registry = Registry()
    registry.add(Orders, id="load")
    registry.add(take_orders, id="take")
    problem = refused(registry, values=[Orders()])
    assert Code.VALUE_CONFLICT is problem.code
    assert "`Orders`" in problem.message
    assert "`load`" in problem.message
    assert any("overrides={load: Orders(...)}" in fix for fix in problem.fixes)


def test_a_value_whose_key_only_a_stage_outside_the_plan_provides_is_used() -> None:
    """Where the provider is not planned, the value takes its place."""
    registry = Registry()
    registry.add(Orders, id="load")
    registry.add(take_orders, id="take")
    made = plan(registry=registry, select="take", values=[Orders()])
    assert ("take",) == made.order
    assert isinstance(run(made, values=[Orders()])["take"], Users)


def test_an_override_is_a_constant_that_prunes_what_only_it_needed() -> None:
    """Its ancestors are not run, but for those that others need too."""
    registry = Registry()
    called: List[str] = []

    def source() -> int:
        called.append("source")
        return 1

    def shared() -> str:
        called.append("shared")
        return "s"

    def middle(a: int, b: str) -> float:
        raise AssertionError(a, b)

    def last(m: float, b: str) -> Tuple[float, str]:
        return m, b

    for fn in (source, shared, middle, last):
        registry.add(fn, id=fn.__name__)
    result = run("last", registry=registry, overrides={middle: 2.5}, executor="inline")
    assert ((2.5, "s"), ["shared"]) == (result["last"], called)
    assert 2.5 == result["middle"] == result[middle]
    assert ("shared", "last") == result.plan.order


@pytest.mark.parametrize("value", [None, 0, [], "text", Orders], ids=repr)
def test_any_object_but_a_function_is_a_constant(value: object) -> None:
    """None and what is false are values; a class is a constant as well."""
    registry = Registry()
    registry.add(Orders, id="load")
    registry.add(taking(Orders), id="take")
    found = run("take", registry=registry, overrides={"load": value}, executor="inline")["take"]
    assert found is value


def test_overrides_name_stages_like_everything_else() -> None:
    """By function, id, short name or reference; one that does not exist is told."""
    registry = Registry()
    fn: Callable[[], Orders] = lambda: Orders()  # noqa: E731
    ref = registry.add(fn, id="shop:load", provides=Orders)
    registry.add(take_orders, id="take")
    for key in (fn, ref, "shop:load", "load"):
        assert ("take",) == plan("take", registry=registry, overrides={key: Orders()}).order
    problem = refused(registry, overrides={"laod": 1})
    assert Code.UNKNOWN_STAGE is problem.code
    assert problem.message.startswith("overrides: ")
    assert any("'load'" in note for note in problem.notes)


def test_a_function_stands_in_with_its_own_dependencies() -> None:
    """It is called instead, under the id of the stage it stands in for."""
    registry = Registry()
    registry.add(Users, id="users")
    registry.add(Orders, id="load")
    registry.add(take_orders, id="take", provides=int)

    def other(users: Users) -> Orders:
        assert isinstance(users, Users)
        return Orders()

    made = plan("take", registry=registry, overrides={"load": other})
    assert ("users", "load", "take") == made.order
    assert run(made).ok


def test_a_function_without_annotation_stands_in_for_the_type_of_the_stage() -> None:
    """What does not say what it returns provides what the stage did."""
    registry = Registry()
    registry.add(Orders, id="load")
    registry.add(take_orders, id="take")
    result = run("take", registry=registry, overrides={"load": lambda: Orders()})
    assert isinstance(result["take"], Users)


def test_a_stage_stands_in_with_its_own_dependencies() -> None:
    """A ``StageRef`` names another stage of the registry; a decorated function brings its edges."""
    registry = Registry()
    registry.add(lambda: None, id="first")
    registry.add(Orders, id="load")
    spare = registry.add(Orders, id="spare", depends_on="first", provides=int)
    registry.add(take_orders, id="take")
    made = plan("take", registry=registry, overrides={"load": spare})
    assert ("first", "load", "take") == made.order
    problem = refused(registry, "take", overrides={"load": StageRef("spear")})
    assert Code.UNKNOWN_STAGE is problem.code


def test_an_override_of_several_items_is_a_tuple_of_as_many() -> None:
    """Each item serves its own type; anything else is told, not raised from the depths."""
    registry = Registry()
    registry.add(lambda: (Orders(), Users()), id="both", provides=(Orders, Users))
    registry.add(taking(Users), id="take")
    users = Users()
    stood_in = run("take", registry=registry, overrides={"both": (Orders(), users)})
    assert users is stood_in["take"]
    for wrong in (Orders(), (Orders(),), None):
        with pytest.raises((PlanError, UsageError), match="both"):
            plan("take", registry=registry, overrides={"both": wrong})


def test_an_override_reaches_from_collections_and_optionals() -> None:
    """Wherever the stage's value goes, the constant goes."""
    from stagekit import Collect

    registry = Registry()
    registry.add(Orders, id="load")
    asked: Dict[str, object] = {
        "plain": Orders,
        "from": Annotated[Orders, From("load")],
        "optional": Optional[Orders],
        "collect": Annotated[List[Orders], Collect()],
    }
    for name, annotation in asked.items():
        registry.add(taking(annotation), id=name)
    value = Orders()
    result = run(registry=registry, overrides={"load": value}, executor="inline")
    assert [value, value, value, [value]] == [result[name] for name in asked]


def test_overriding_an_order_dependency_drops_the_edge() -> None:
    """A constant has nothing to wait for."""
    registry = Registry()
    registry.add(lambda: None, id="first")
    registry.add(lambda: None, id="last", depends_on="first")
    made = plan("last", registry=registry, overrides={"first": 1})
    assert (("last",), ()) == (made.order, made.edges)


def test_a_plan_with_overrides_can_be_run_again() -> None:
    """The constants are part of the plan."""
    registry = Registry()
    registry.add(Orders, id="load")
    registry.add(taking(Orders), id="take")
    value = Orders()
    made: Plan = plan(registry=registry, overrides={"load": value})
    assert [value, value] == [run(made)["take"], run(made)["load"]]


def test_a_run_of_a_plan_takes_no_options_of_planning() -> None:
    """What was decided when planning cannot be said again."""
    made = plan(registry=taker(Orders, None))
    with pytest.raises(UsageError, match="pass select, overrides to plan"):
        run(made, select="take", overrides={"take": 1})
