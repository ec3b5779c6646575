"""Among several providers of one type, the name of the parameter chooses."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from types import FrameType
from typing import Any, Callable, List, Tuple, Union

import pytest
from typing_extensions import Annotated

import stagekit
from stagekit import Each, From, Named, PlanError, Registry, given, plan, run
from stagekit.errors import Code

OURS = str(Path(stagekit.__file__).parent)


class Frame(str):
    """A type that many stages return."""

    __slots__ = ()


class Other(str):
    """Another one."""

    __slots__ = ()


def returning(value: object) -> Callable[[], object]:
    """Return a function that returns this value."""
    return lambda: value


def frames(*names: str) -> Registry:
    """Return a registry of stages that return a ``Frame`` with their own name."""
    registry = Registry()
    for name in names:
        registry.add(returning(Frame(name)), id=name, provides=Frame)
    return registry


def both(orders: Frame, products: Frame) -> Tuple[str, str]:
    """Return what it was passed."""
    return str(orders), str(products)


def refused(registry: Registry, *arguments: Any, **options: Any) -> List[Code]:
    """Return the codes of the problems for which a registry cannot be planned."""
    with pytest.raises(PlanError) as caught:
        plan(*arguments, registry=registry, **options)
    return [problem.code for problem in caught.value.problems]


def reasons(registry: Registry, stage: str, **options: Any) -> List[str]:
    """Return why the parameters of a stage have their providers."""
    made = plan(stage, registry=registry, **options)
    return [binding.reason for binding in made.bindings[made.step_of(stage)]]


def test_the_name_of_the_parameter_chooses_among_equals() -> None:
    """A table of frames is wired as people write it."""
    registry = frames("products", "stores", "orders")
    registry.add(both, id="both")
    assert ("orders", "products") == run("both", registry=registry)["both"]
    assert ["by name", "by name"] == reasons(registry, "both")


def test_a_name_is_the_last_segment_of_an_id() -> None:
    """The function's own name, or what stands behind the last dot or colon of an id."""
    registry = frames("etl.orders", "shop:products", "orders-2")
    registry.add(both, id="both")
    assert ("etl.orders", "shop:products") == run("both", registry=registry)["both"]


def test_a_stage_of_the_same_module_comes_first() -> None:
    """Of two stages with the name, the one beside the asker; two elsewhere are no choice."""
    registry = frames("here.orders", "products")
    far: Any = {"__name__": "far", "Frame": Frame}
    exec("def make() -> Frame:\n    return Frame('far')", far)  # noqa: S102
    registry.add(far["make"], id="far.orders")
    registry.add(both, id="both")
    assert "here.orders" == run("both", registry=registry)["both"][0]
    registry = frames("products")
    registry.add(far["make"], id="far.orders")
    registry.add(far["make"], id="away.orders")
    registry.add(both, id="both")
    assert [Code.AMBIGUOUS_PROVIDER] == refused(registry)


def test_a_name_never_chooses_among_types() -> None:
    """A union of two types that are both provided stays ambiguous."""
    registry = frames("orders")
    registry.add(lambda: Other(), id="other", provides=Other)

    def take(orders: Union[Frame, Other]) -> int:
        return len(orders)

    registry.add(take, id="take")
    assert [Code.AMBIGUOUS_PROVIDER] == refused(registry)


def test_a_name_chooses_among_the_providers_of_one_member() -> None:
    """Of a union only one member is provided, by several stages."""
    registry = frames("orders", "products")

    def take(orders: Union[Frame, Other]) -> str:
        return str(orders)

    registry.add(take, id="take")
    assert "orders" == run("take", registry=registry)["take"]


def test_a_type_that_one_stage_returns_needs_no_name() -> None:
    """The name of another stage, of another type, plays no role."""
    registry = frames("products")
    registry.add(lambda: Other(), id="orders", provides=Other)

    def take(orders: Frame) -> str:
        return str(orders)

    registry.add(take, id="take")
    assert "products" == run("take", registry=registry)["take"]
    assert ["by type"] == reasons(registry, "take")


def test_a_stage_is_not_chosen_for_its_own_parameter() -> None:
    """A stage that improves on a value, and has its parameter's name, takes another's."""
    registry = frames("raw", "spare")

    def orders(orders: Frame) -> Frame:
        return orders

    registry.add(orders, id="orders", depends_on="raw")
    assert "raw" == run("orders", registry=registry)["orders"]
    assert ["by depends_on"] == reasons(registry, "orders")


def test_the_name_is_stronger_than_depends_on() -> None:
    """``depends_on`` chooses only where no provider has the name."""
    registry = frames("orders", "products")
    registry.add(both, id="both", depends_on="orders")
    assert ("orders", "products") == run("both", registry=registry)["both"]


def test_a_named_key_is_no_equal() -> None:
    """What has a name of its own is another key, whatever the parameter is called."""
    registry = frames("products", "stores")
    registry.add(lambda: Frame("x"), id="orders", provides=Annotated[Frame, Named("eu")])
    registry.add(both, id="both")
    assert [Code.AMBIGUOUS_PROVIDER] == refused(registry)


def test_a_name_chooses_the_list_that_each_item_is_of() -> None:
    """``Each`` takes the items of the list that its parameter is called after."""
    registry = Registry()
    for name in ("orders", "products"):
        registry.add(returning([Frame(name)]), id=name, provides=List[Frame])

    def one(orders: Annotated[Frame, Each()]) -> str:
        return str(orders)

    registry.add(one, id="one")
    assert ["orders"] == run("one", registry=registry)["one"]
    assert ["by name"] == reasons(registry, "one")


def test_what_stands_in_for_a_stage_is_chosen_like_it() -> None:
    """A constant has the place of the stage that it overrides."""
    registry = frames("orders", "products")
    registry.add(both, id="both")
    result = run("both", registry=registry, overrides={"orders": Frame("o")})
    assert ("o", "products") == result["both"]
    made = plan("both", registry=registry, overrides={"orders": Frame("o")})
    assert "takes what stands in for a stage, products by name" in made.explain()


def test_a_given_value_beside_equals_stays_a_conflict() -> None:
    """A value whose type planned stages provide is refused, whatever the names."""
    registry = frames("orders", "products")
    registry.add(both, id="both")
    codes = refused(registry, "both", values=[Frame("x")])
    assert {Code.VALUE_CONFLICT} == set(codes)


def test_an_undo_takes_the_stage_that_its_parameter_is_called_after() -> None:
    """Only then what the undone stage itself has returned."""
    taken: List[str] = []

    def take_back(orders: Frame, made: Frame) -> None:
        taken.extend([str(orders), str(made)])

    def fail(made: Frame) -> None:
        raise ValueError(made)

    registry = frames("orders", "products")
    registry.add(lambda: Frame("made"), id="made", provides=Frame, undo=take_back)
    registry.add(fail, id="fail")
    run("fail", registry=registry, rollback=True, check=False)
    assert ["orders", "made"] == taken


def test_an_undo_is_not_filled_twice_with_one_value() -> None:
    """As with the parameters of a stage."""
    registry = frames("products")

    def take_back(one: Frame, other: Frame) -> None:
        raise AssertionError(one, other)

    registry.add(lambda: Frame("made"), id="made", provides=Frame, undo=take_back)
    assert [Code.SAME_VALUE] == refused(registry)


@pytest.mark.parametrize("depends_on", [(), "orders"])
def test_one_value_in_two_parameters_is_a_problem(depends_on: Any) -> None:
    """It is nearly always a mistake that runs green."""
    registry = frames("orders")

    def joined(left: Frame, right: Frame) -> None:
        raise AssertionError(left, right)

    registry.add(joined, id="joined", depends_on=depends_on)
    with pytest.raises(PlanError, match="one value of `orders` fills 2 parameters") as caught:
        plan(registry=registry)
    (problem,) = caught.value.problems
    assert (Code.SAME_VALUE, "joined", "right") == (
        problem.code,
        problem.stage_id,
        problem.parameter,
    )


def test_one_value_in_two_parameters_is_right_where_one_names_it() -> None:
    """``From`` and ``Named`` say that it is meant."""
    registry = frames("orders")

    def joined(left: Frame, right: Annotated[Frame, From("orders")]) -> bool:
        return left is right

    registry.add(joined, id="joined")
    assert run("joined", registry=registry)["joined"]
    assert ["by type", "From"] == reasons(registry, "joined")


def test_a_given_value_and_an_item_fill_one_parameter_each() -> None:
    """The same goes for values of the caller, and for items of a returned tuple."""

    def joined(left: Frame, right: Frame) -> bool:
        return left is right

    registry = Registry()
    registry.add(joined, id="joined")
    assert [Code.SAME_VALUE] == refused(registry, values=[Frame("x")])
    registry.add(lambda: (Frame("x"), Other()), id="pair", provides=(Frame, Other))
    assert [Code.SAME_VALUE] == refused(registry)
    named = given(Frame("y"), name="right")
    registry = Registry()

    def fit(left: Frame, right: Annotated[Frame, Named("right")]) -> str:
        return left + right

    registry.add(fit, id="fit")
    assert "xy" == run("fit", registry=registry, values=[Frame("x"), named])["fit"]
    assert ["by type", "Named"] == reasons(registry, "fit", values=[Frame("x"), named])


def test_defaults_and_injectables_are_not_one_value() -> None:
    """Two parameters may both fall back on their defaults."""
    registry = Registry()

    def free(a: Frame = Frame("a"), b: Frame = Frame("a")) -> bool:  # noqa: B008
        return a is not b

    registry.add(free, id="free")
    assert run("free", registry=registry)["free"]
    assert ["", ""] == reasons(registry, "free")


def test_the_reason_is_visible() -> None:
    """In the table, in the document, and on the edges."""
    registry = frames("orders", "products", "stores")
    registry.add(both, id="both", provides=bytes)
    made = plan("both", registry=registry)
    text = made.explain()
    assert "Frame of orders, products" in text
    assert "chosen among several\n    both takes orders, products by name" in text
    document = json.loads(made.to_json())
    assert ["by name", "by name"] == [
        each["reason"] for each in document["stages"][-1]["parameters"]
    ]
    assert "parameter `orders: Frame`, by name" == document["edges"][0]["reason"]


def test_a_cycle_that_a_name_makes_says_so() -> None:
    """The reason of its edges is the name."""
    registry = frames("other")

    def a(b: Frame) -> Frame:
        return b

    def b(a: Frame) -> Frame:
        return a

    registry.add(a, id="a")
    registry.add(b, id="b")
    with pytest.raises(PlanError, match="parameter `a: Frame`, by name"):
        plan(registry=registry)


def calls_to_plan(*, are_names_those_of_stages: bool) -> int:
    """Return how many functions planning calls for a chain of stages with types of their own."""
    registry = Registry()
    types: List[Any] = [type(f"Own{number}", (), {}) for number in range(30)]
    registry.add(types[0], id="s0", provides=types[0])
    for number in range(1, 30):
        name = f"s{number - 1}" if are_names_those_of_stages else f"x{number}"
        names = {"Before": types[number - 1], "Own": types[number]}
        exec(f"def taking({name}: Before) -> Own: ...", names)  # noqa: S102
        registry.add(names["taking"], id=f"s{number}")
    count = 0

    def note(frame: FrameType, event: str, _: object) -> None:
        nonlocal count
        count += event == "call" and frame.f_code.co_filename.startswith(OURS)

    before = sys.getprofile()
    sys.setprofile(note)
    try:
        plan(registry=registry)
    finally:
        sys.setprofile(before)
    return count


def test_names_cost_nothing_where_types_are_unique() -> None:
    """They are not looked at: planning calls as many functions, whatever parameters are called."""
    ways = (False, True, False, True)
    first, _, *counts = [calls_to_plan(are_names_those_of_stages=each) for each in ways]
    assert first >= counts[0] == counts[1]  # the first time modules are imported
