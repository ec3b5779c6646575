"""Bad definitions for which the design decides otherwise than the rows first said.

Each test has the number of its row in ``tests/data/reliability_rows.json``.
"""

from __future__ import annotations

import functools
from typing import Any, AsyncIterator, Callable, Dict, Iterator, List, Optional, Tuple, Union

import pytest

from stagekit import PlanError, Problem, Registry, plan, run
from stagekit.errors import Code


class Orders:
    """What one stage provides and another asks for."""


class Late(Orders):
    """A subclass of it."""


class Users:
    """Something else."""


def problems(registry: Registry, **options: Any) -> List[Problem]:
    """Return the problems for which a registry cannot be planned."""
    with pytest.raises(PlanError) as caught:
        plan(registry=registry, **options)
    return list(caught.value.problems)


def taking(annotation: object, *default: object) -> Callable[..., object]:
    """Return a function that returns what it is passed for a parameter of this annotation."""

    def take(x: object) -> object:
        return x

    take.__annotations__ = {"x": annotation}
    take.__defaults__ = default or None
    return take


def returning(value: object) -> Callable[[], object]:
    """Return a function that returns this value."""
    return lambda: value


def value_of(annotation: object, *default: object, **provided: object) -> Any:  # Any: any value
    """Return what a parameter is passed where stages of these names return these values."""
    registry = Registry()
    for name, value in provided.items():
        registry.add(returning(value), id=name, provides=type(value))
    registry.add(taking(annotation, *default), id="take")
    return run(registry=registry, executor="inline")["take"]


def test_d15_two_providers_are_listed_with_the_fixes() -> None:
    """Both are named with their places, and each fix can be copied."""
    registry = Registry()

    def web() -> Orders:
        return Orders()

    def file() -> Orders:
        return Orders()

    registry.add(web, id="web")
    registry.add(file, id="file")
    registry.add(taking(Orders), id="take")
    (problem,) = problems(registry)
    assert Code.AMBIGUOUS_PROVIDER is problem.code
    for fn in (web, file):
        line = f"test_resolution.py:{fn.__code__.co_firstlineno}"
        assert any(fn.__name__ in note and line in note for note in problem.notes)
    assert problem.fixes[0].startswith("say which: x: Annotated[Orders, From(...)]")
    assert "or give the parameter the name of the stage that it takes" in problem.fixes


@pytest.mark.parametrize("kind", [int, str, bytes, float, bool])
def test_d16_a_builtin_is_a_key_that_strict_planning_warns_of(kind: type) -> None:
    """A parameter of ``int`` takes the value of the one stage that returns int."""
    value = kind()
    assert value == value_of(kind, one=value)
    registry = Registry()
    registry.add(lambda: value, id="one", provides=kind)
    (problem,) = problems(registry, strict=True)
    assert (Code.BUILTIN_KEY, "one") == (problem.code, problem.stage_id)


def test_d16_a_dict_without_arguments_is_a_key_like_any_class() -> None:
    """``dict`` is neither ``Any`` nor a scalar."""
    assert {"a": 1} == value_of(dict, one={"a": 1})


@pytest.mark.parametrize("annotation", [Any, object])
def test_d16_any_and_object_select_nothing(annotation: object) -> None:
    """Every value fits them, so they name none; a default is then what there is."""
    registry = Registry()
    registry.add(Orders, id="load")
    registry.add(taking(annotation), id="take")
    (problem,) = problems(registry)
    assert (Code.NO_KEY, "x") == (problem.code, problem.parameter)
    assert 5 == value_of(annotation, 5, load=Orders())


def test_d17_an_optional_without_provider_is_none() -> None:
    """``Optional[T]`` is None where nobody provides T, and T's value where somebody does."""
    assert value_of(Optional[Orders]) is None
    assert isinstance(value_of(Optional[Orders], load=Orders()), Orders)


def test_d17_a_union_takes_the_member_that_is_provided() -> None:
    """One member with a provider: its value. Two: ambiguous. None: missing."""
    assert isinstance(value_of(Union[Orders, Users], users=Users()), Users)
    with pytest.raises(PlanError) as caught:
        value_of(Union[Orders, Users], users=Users(), load=Orders())
    assert Code.AMBIGUOUS_PROVIDER is caught.value.problems[0].code
    with pytest.raises(PlanError) as caught:
        value_of(Union[Orders, Users])
    assert Code.MISSING_PROVIDER is caught.value.problems[0].code


def test_d18_variable_parameters_are_left_empty() -> None:
    """``*args`` and ``**kwargs`` ask for nothing, whatever their annotation."""

    def take(*args: Orders, **kwargs: Users) -> Tuple[Tuple[Orders, ...], Dict[str, Users]]:
        return args, kwargs

    registry = Registry()
    registry.add(Orders, id="load")
    registry.add(take, id="take")
    assert ((), {}) == run(registry=registry, executor="inline")["take"]


def test_d19_a_subclass_is_a_near_miss() -> None:
    """Only one subclass is provided, and still it is not taken silently."""
    registry = Registry()
    registry.add(Late, id="load")
    registry.add(taking(Orders), id="take")
    (problem,) = problems(registry)
    assert Code.MISSING_PROVIDER is problem.code
    assert any("`Late`, a subclass" in note and "provides=Orders" in note for note in problem.notes)
    registry.remove("load")
    registry.add(Late, id="load", provides=Orders)
    assert isinstance(run(registry=registry, executor="inline")["take"], Late)


class Shop:
    """A class with functions of every kind."""

    def total(self) -> int:
        """Return a number."""
        return 1

    @staticmethod
    def count() -> int:
        """Return a number."""
        return 2

    @classmethod
    def size(cls) -> int:
        """Return a number."""
        return 3

    def __call__(self) -> int:
        return 4


@pytest.mark.parametrize(
    ("fn", "expected"),
    [
        (Shop().total, 1),
        (Shop.count, 2),
        (Shop.size, 3),
        (Shop(), 4),
        (functools.partial(Shop.total, Shop()), 1),
        (lambda: 5, 5),
        (Shop, None),
    ],
    ids=["method", "staticmethod", "classmethod", "object", "partial", "lambda", "class"],
)
def test_d20_whatever_can_be_called_can_be_added(fn: Callable[..., object], expected: int) -> None:
    """Methods, partials, objects, lambdas and classes are stages through ``registry.add``."""
    registry = Registry()
    registry.add(fn, id="made")
    value = run(registry=registry, executor="inline")["made"]
    assert isinstance(value, Shop) if expected is None else expected == value


def test_d20_an_unbound_method_asks_for_its_self() -> None:
    """Its first parameter has no annotation, so the error names it."""
    registry = Registry()
    registry.add(Shop.total, id="total")
    (problem,) = problems(registry)
    assert (Code.NO_KEY, "self") == (problem.code, problem.parameter)


@pytest.mark.parametrize("fn", [len, Shop().total, print], ids=["len", "method", "print"])
def test_d20_what_cannot_be_marked_names_what_can_be_done(fn: Callable[..., object]) -> None:
    """The decorator needs to write on its function; where it cannot, ``registry.add`` can."""
    with pytest.raises(TypeError, match=r"registry\.add"):
        Registry().stage(fn)


def rows() -> Iterator[Orders]:
    """Yield something."""
    yield Orders()


async def rows_async() -> AsyncIterator[Orders]:
    """Yield something."""
    yield Orders()


@pytest.mark.parametrize("fn", [rows, rows_async])
def test_d21_a_generator_function_is_a_resource(fn: Callable[..., object]) -> None:
    """What it yields is what it provides, and it is resumed when its users have ended."""
    registry = Registry()
    registry.add(fn, id="rows")

    def use(orders: object) -> bool:
        return isinstance(orders, Orders)

    use.__annotations__["orders"] = Orders
    use.__annotations__["return"] = bool
    registry.add(use, id="use")
    assert run("use", registry=registry)["use"] is True
