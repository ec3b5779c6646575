"""Which provider fills which parameter: injectables, one of several, unions, defaults."""

from __future__ import annotations

from typing import Optional, Tuple, Union

import pytest
from typing_extensions import Annotated

from stagekit import (
    Arguments,
    Context,
    From,
    Registry,
    RunInfo,
    one_of,
    optional,
    plan,
    run,
)
from stagekit.errors import Code
from tests.plan.orders import Orders, Users, refused, registry_of, returning, taken, taking


def test_injectables_are_passed_whatever_else_there_is() -> None:
    """Context, run info and arguments need no provider, and make no edge."""
    registry = Registry()

    @registry.stage(id="look")
    def look(context: Context, info: RunInfo, arguments: Arguments) -> Tuple[object, ...]:
        return context[Orders], info.executor, arguments

    made = plan(registry=registry, values=[Orders("x")])
    assert () == made.edges
    result = run(registry=registry, values=[Orders("x")], arguments=["a"], executor="inline")
    assert (Orders("x"), "inline", ("a",)) == result["look"]


def test_an_injectable_may_be_optional() -> None:
    """``Optional[Context]`` is a context, with or without a default."""
    registry = Registry()
    assert isinstance(taken(registry, Optional[Context]), Context)
    registry.remove("take")
    assert isinstance(taken(registry, Optional[Context], None), Context)


def test_the_one_in_depends_on_is_taken_of_several() -> None:
    """If exactly one of the providers stands in ``depends_on``, however it is written there."""
    fn = returning(Orders("fn"))
    for reference in ("file", optional("file"), one_of("nobody", "file")):
        registry = registry_of(web=Orders("web"), file=Orders("file"))
        registry.add(fn, id="fn")
        assert Orders("file") == taken(registry, Orders, depends_on=reference)
        registry.remove("take")
        assert Orders("fn") == taken(registry, Orders, depends_on=[fn])


def test_several_in_depends_on_are_ambiguous() -> None:
    """Neither the order of declaration nor that of ``depends_on`` decides."""
    registry = registry_of(web=Orders("web"), file=Orders("file"), other=Users())
    registry.add(taking(Orders), id="take", depends_on=["web", "file", "other"])
    problem = refused(registry)
    assert (Code.AMBIGUOUS_PROVIDER, "take") == (problem.code, problem.stage_id)
    registry = registry_of(web=Orders("web"), file=Orders("file"), other=Users())
    registry.add(taking(Orders), id="take", depends_on="other")
    assert Code.AMBIGUOUS_PROVIDER is refused(registry).code


def test_an_ambiguity_is_no_reason_for_the_default() -> None:
    """Two providers are a problem, even where the parameter could do without."""
    for default in [(Orders(),), ()]:
        registry = registry_of(y=Orders("y"), z=Orders("z"))
        registry.add(taking(Optional[Orders], *default), id="take")
        assert Code.AMBIGUOUS_PROVIDER is refused(registry).code


def test_a_stage_is_not_its_own_provider_where_another_exists() -> None:
    """A step that improves on a value takes it from who makes it."""
    registry = registry_of(make=Orders("raw"))

    def improve(orders: Orders) -> Orders:
        return Orders(orders.name + "+")

    registry.add(improve, id="improve")
    assert Orders("raw+") == run(registry=registry, executor="inline")["improve"]


def test_a_stage_that_is_its_own_only_provider_is_a_cycle() -> None:
    """Nothing else makes what it takes, whether or not it could do without."""
    for annotation in (Orders, Optional[Orders]):
        registry = Registry()
        fn = taking(annotation)
        fn.__annotations__["return"] = Orders
        registry.add(fn, id="improve")
        problem = refused(registry)
        assert (Code.CYCLE, ("improve", "improve")) == (problem.code, problem.path)
        assert "improve waits for improve: parameter `x: " in problem.notes[0]


def test_a_union_takes_the_member_that_has_a_provider() -> None:
    """Given or made by a stage; the order of the members does not count."""
    assert Orders("x") == taken(registry_of(make=Orders("x")), Union[Users, Orders])
    registry = Registry()
    registry.add(taking(Union[Users, Orders]), id="take")
    assert Orders("y") == run(registry=registry, values=[Orders("y")], executor="inline")["take"]


def test_a_union_with_two_providers_is_ambiguous() -> None:
    """Two stages, two given values, or one of each."""
    registry = registry_of(orders=Orders(), users=Users())
    registry.add(taking(Union[Users, Orders]), id="take")
    problem = refused(registry)
    assert Code.AMBIGUOUS_PROVIDER is problem.code
    assert "`orders`, `users`" in problem.message or "`users`, `orders`" in problem.message

    registry = Registry()
    registry.add(taking(Union[Users, Orders]), id="take")
    problem = refused(registry, values=[Orders(), Users()])
    assert Code.AMBIGUOUS_PROVIDER is problem.code
    assert "Orders" in str(problem)
    assert "Users" in str(problem)

    registry = registry_of(orders=Orders())
    registry.add(taking(Union[Users, Orders]), id="take")
    problem = refused(registry, values=[Users()])
    assert Code.AMBIGUOUS_PROVIDER is problem.code


def test_depends_on_picks_among_the_members_of_a_union() -> None:
    """As it does among the providers of one type."""
    registry = registry_of(orders=Orders("o"), users=Users())
    assert Orders("o") == taken(registry, Union[Users, Orders], depends_on="orders")


def test_a_union_without_provider_is_the_default_or_none_or_missing() -> None:
    """The default first, then None where it is a member."""
    assert 5 == taken(Registry(), Union[Users, Orders], 5)
    assert 5 == taken(Registry(), Optional[Orders], 5)
    assert taken(Registry(), Union[Users, Orders, None]) is None
    registry = Registry()
    registry.add(taking(Union[Users, Orders]), id="take")
    assert Code.MISSING_PROVIDER is refused(registry).code


def test_a_default_gives_way_to_a_provider() -> None:
    """The default is for where nobody provides the type."""
    assert Orders("made") == taken(registry_of(make=Orders("made")), Orders, Orders("default"))
    assert Orders("default") == taken(Registry(), Orders, Orders("default"))


@pytest.mark.parametrize("value", [True, 5, 1.5, 2j, "a", b"a"], ids=repr)
def test_a_scalar_with_a_default_is_not_captured(value: object) -> None:
    """A new stage that returns a builtin scalar does not change a parameter with a default."""
    kind = type(value)
    assert "mine" == taken(registry_of(make=value), kind, "mine")
    assert "mine" == taken(registry_of(make=value), Optional[kind], "mine")
    assert value == taken(registry_of(make=value), kind)
    registry = Registry()
    registry.add(taking(kind, "mine"), id="take")
    with pytest.warns(UserWarning, match="not use"):
        result = run(registry=registry, values=[value], executor="inline")
    assert "mine" == result["take"]


def test_a_default_that_is_passed_over_keeps_its_place() -> None:
    """Parameters after one that falls back on its default still get their own values."""

    def take(a: Orders, b: int = 5, c: Optional[Users] = None, d: float = 0) -> object:
        return a, b, c, d

    take.__annotations__["d"] = Annotated[float, From("half")]
    registry = registry_of(make=Orders("x"), half=0.5)
    registry.add(take, id="take")
    assert (Orders("x"), 5, None, 0.5) == run(registry=registry, executor="inline")["take"]
