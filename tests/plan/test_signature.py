"""What is read from functions of every kind."""

from __future__ import annotations

import functools
from typing import Any, Awaitable, Callable, List, Tuple, TypeVar

import pytest

from stagekit import PlanError, Registry, plan, run
from stagekit.errors import Code

F = TypeVar("F", bound=Callable[..., Any])


class Orders:
    """A class."""


async def load() -> Orders:
    """Return orders, waiting."""
    return Orders()


async def total(orders: Orders) -> int:
    """Return a number, waiting."""
    assert isinstance(orders, Orders)
    return 7


def noted(fn: F) -> F:
    """Wrap a function as decorators do that know nothing of ``async``."""

    @functools.wraps(fn)
    def wrapper(*args: object, **kwargs: object) -> object:
        return fn(*args, **kwargs)

    return wrapper  # type: ignore[return-value]  # pyright: ignore[reportReturnType]


class Waiter:
    """An object whose call waits."""

    async def __call__(self, orders: Orders) -> int:
        assert isinstance(orders, Orders)
        return 8

    async def method(self, orders: Orders) -> int:
        """Wait."""
        assert isinstance(orders, Orders)
        return 9


WAYS = [
    *("plain", "wrapped", "twice", "partial", "of-wrapped"),
    *("of-partial", "object", "method", "bound"),
]


@pytest.mark.parametrize("executor", ["inline", "threads"])
@pytest.mark.parametrize(
    ("fn", "expected"),
    [
        (total, 7),
        (noted(total), 7),
        (noted(noted(total)), 7),
        (functools.partial(total), 7),
        (functools.partial(noted(total)), 7),
        (noted(functools.partial(total)), 7),
        (Waiter(), 8),
        (Waiter().method, 9),
        (functools.partial(Waiter().method), 9),
    ],
    ids=WAYS,
)
def test_an_async_function_is_awaited_however_it_is_wrapped(
    fn: Callable[..., Awaitable[int]], expected: int, executor: str
) -> None:
    """The value is what it returns in the end, never a coroutine."""
    registry = Registry()
    registry.add(noted(load), id="load")
    registry.add(fn, id="total")
    made = plan(registry=registry)
    assert b"\1\1" == made.is_async
    assert expected == run(made, executor=executor)["total"]


def test_a_wrapper_that_awaits_for_itself_returns_a_plain_value() -> None:
    """What wraps an ``async def`` and returns a value is passed on as it is."""

    @functools.wraps(total)
    def known(orders: Orders) -> int:
        assert isinstance(orders, Orders)
        return 3

    registry = Registry()
    registry.add(load, id="load")
    registry.add(known, id="known")
    assert 3 == run(registry=registry)["known"]


UNREADABLE: List[Any] = [iter, int.from_bytes, "".join]


@pytest.mark.parametrize("fn", UNREADABLE, ids=["iter", "class", "bound"])
def test_what_cannot_be_read_is_told(fn: Callable[..., object]) -> None:
    """Some builtins have no signature, others parameters without annotations."""
    registry = Registry()
    registry.add(fn, id="builtin")
    with pytest.raises(PlanError) as caught:
        plan(registry=registry)
    assert {problem.code for problem in caught.value.problems} <= {
        Code.UNSUPPORTED_FUNCTION,
        Code.NO_KEY,
    }
    assert {"builtin"} == {problem.stage_id for problem in caught.value.problems}


BOUND: List[Tuple[Any, object]] = [
    (functools.partial(max, 1, 2), 2),
    (functools.partial(functools.partial(getattr, Orders), "__name__"), "Orders"),
    (functools.partial(dict, a=1), {"a": 1}),
]


@pytest.mark.parametrize(("fn", "value"), BOUND, ids=["positional", "nested", "keyword"])
def test_a_partial_of_a_builtin_without_a_signature_is_a_stage(
    fn: Callable[..., object], value: object
) -> None:
    """What a partial binds is all that is passed, as nothing tells what else there is."""
    registry = Registry()
    registry.add(fn, id="bound")
    assert value == run(registry=registry)["bound"]


def nothing() -> None:
    """Take nothing."""


partial: Any = functools.partial  # types would refuse the calls below


@pytest.mark.parametrize(
    "fn",
    [partial(max), partial(len, (), ()), partial(nothing, 1)],
    ids=["unbound", "too many of a builtin", "too many of a function"],
)
def test_a_partial_that_cannot_be_called_is_refused(fn: Callable[..., object]) -> None:
    """Nothing is bound, or more than the function takes."""
    registry = Registry()
    registry.add(fn, id="partial")
    with pytest.raises(PlanError) as caught:
        plan(registry=registry)
    assert [Code.UNSUPPORTED_FUNCTION] == [each.code for each in caught.value.problems]


def test_a_builtin_without_parameters_is_a_stage() -> None:
    """What can be read is run."""
    registry = Registry()
    registry.add([1, 2].copy, id="copied")
    assert [1, 2] == run(registry=registry)["copied"]


def test_keyword_only_parameters_and_defaults_are_passed_by_name() -> None:
    """Those with a default may be left out, in any mixture."""

    def stage(a: int = 1, *, b: Orders, c: List[int] = [], d: int = 4) -> object:  # noqa: B006
        return a, type(b), c, d

    registry = Registry()
    registry.add(Orders, id="orders")
    registry.add(stage, id="stage")
    assert (1, Orders, [], 4) == run(registry=registry)["stage"]


def test_a_signature_changed_between_plans_is_the_one_that_was_read() -> None:
    """A function is read once; who changes its annotations declares it anew."""

    def stage(x: int = 1) -> int:
        return x

    registry = Registry()
    registry.add(stage, id="stage")
    assert 1 == run(registry=registry)["stage"]
    stage.__annotations__["x"] = Orders
    assert 1 == run(registry=registry)["stage"]
