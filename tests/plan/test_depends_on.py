"""``depends_on``: order without values; and all problems at once."""

from __future__ import annotations

from typing import Any, Callable, List

import pytest
from typing_extensions import Annotated

from stagekit import (
    From,
    PlanError,
    Registry,
    one_of,
    optional,
    plan,
    run,
)
from stagekit.errors import Code
from tests.plan.orders import Orders, Users, refused, registry_of, returning, taking


def test_depends_on_orders_and_passes_nothing() -> None:
    """By function, id, short name, reference, or several of them; strings may point forward."""
    registry = Registry()
    fn = returning(Orders())
    registry.add(lambda: None, id="last", depends_on=["shop:later", fn, "other"])
    ref = registry.add(fn, id="make")
    registry.add(lambda: None, id="shop:later", depends_on=ref)
    registry.add(lambda: None, id="shop:other")
    made = plan("last", registry=registry)
    assert ("make", "later", "other", "last") == tuple(i.rpartition(":")[2] for i in made.order)
    assert {"order"} == {edge.kind for edge in made.edges}
    assert {"depends_on"} == {edge.reason for edge in made.edges}


def annotated() -> Callable[[], None]:
    """Return a fresh function that says what it returns."""

    def stage() -> None: ...

    return stage


def bare() -> Callable[[], None]:
    """Return a fresh function that says nothing."""
    return lambda: None


@pytest.mark.parametrize("make", [annotated, bare])
def test_a_function_may_be_named_itself(make: Callable[[], Callable[[], None]]) -> None:
    """``depends_on=load`` and a list of functions mean the same as their ids do."""
    load, join, total = make(), make(), make()
    orders: List[Any] = [(load, [load, join]), ("load", ["load", "join"]), (load, ["load", join])]
    plans: List[str] = []
    for one, several in orders:
        registry = Registry()
        registry.add(load, id="load")
        registry.add(join, id="join", depends_on=one)
        registry.add(total, id="total", depends_on=several)
        plans.append(plan(registry=registry).to_json())
    assert [plans[0]] * 3 == plans


def test_a_function_may_be_named_itself_beside_one_with_several_ids() -> None:
    """What serves two stages is ambiguous, and nothing else is."""
    load, many, total = bare(), bare(), bare()
    registry = Registry()
    registry.add(total, id="total", depends_on=load)
    registry.add(many, id="one")
    registry.add(many, id="two")
    registry.add(load, id="load")
    assert ("load", "total") == plan("total", registry=registry).order
    registry.add(bare(), id="last", depends_on=[load, many])
    with pytest.raises(PlanError, match=r"one.*two"):
        plan(registry=registry)


def test_an_optional_dependency_counts_where_it_exists() -> None:
    """``optional("audit")`` is an order edge if there is such a stage."""
    registry = Registry()
    registry.add(lambda: None, id="take", depends_on=[optional("audit")])
    assert ("take",) == plan(registry=registry).order
    registry.add(lambda: None, id="audit")
    assert ("audit", "take") == plan("take", registry=registry).order


def test_one_of_is_the_first_that_exists() -> None:
    """In the order of its arguments; where none does, they are told."""
    registry = Registry()
    registry.add(lambda: None, id="take", depends_on=one_of("fast", "slow"))
    problem = refused(registry)
    assert (Code.UNKNOWN_STAGE, "take") == (problem.code, problem.stage_id)
    assert "'fast'" in problem.message
    registry.add(lambda: None, id="slow")
    assert ("slow", "take") == plan("take", registry=registry).order
    registry.add(lambda: None, id="fast")
    assert ("fast", "take") == plan("take", registry=registry).order
    with pytest.raises(TypeError, match="at least one"):
        one_of()


def test_a_stage_that_is_needed_twice_is_one_edge() -> None:
    """By type and by ``depends_on``, by two parameters: one parent, one data edge."""
    registry = registry_of(make=Orders("x"))

    def take(a: Orders, b: Annotated[Orders, From("make")]) -> bool:
        return a is b

    registry.add(take, id="take", depends_on=["make", "make"])
    made = plan(registry=registry)
    assert (((), (0,)), ("data",)) == (made.parents, tuple(e.kind for e in made.edges))
    assert run(made)["take"]


def test_short_names_of_the_same_module_come_first() -> None:
    """``depends_on="load"`` means the stage of the own module, where there are several."""
    registry = Registry()
    registry.add(returning(Orders("far")), id="far:load")
    here = taking.__module__
    registry.add(returning(Orders("here")), id=f"{here}:load")
    registry.add(taking(Annotated[Orders, From("load")]), id="take", depends_on="load")
    made = plan("take", registry=registry)
    assert (f"{here}:load", "take") == made.order


def test_every_problem_of_every_stage_is_told_at_once() -> None:
    """Missing, ambiguous, unknown, cyclic and unreadable: one error, ordered by place."""
    registry = registry_of(a=Orders("a"), b=Orders("b"))

    def many(missing: Users, ambiguous: Orders, bad: object) -> None:
        raise AssertionError(missing, ambiguous, bad)

    many.__annotations__["bad"] = "Nowhere"

    registry.add(many, id="many", depends_on=["nobody", "stranger"])
    registry.add(lambda: None, id="loop", depends_on="loop")
    with pytest.raises(PlanError) as caught:
        plan(registry=registry)
    problems = caught.value.problems
    codes = sorted(problem.code.name for problem in problems)
    assert [
        *("AMBIGUOUS_PROVIDER", "BAD_ANNOTATION", "CYCLE"),
        *("MISSING_PROVIDER", "UNKNOWN_STAGE", "UNKNOWN_STAGE"),
    ] == codes
    lines = [problem.location.line for problem in problems if problem.location]
    assert sorted(lines) == lines
    assert len(lines) == len(problems)
    assert str(caught.value).startswith("6 problems in the plan:\n")
    assert all(problem.fixes for problem in problems)
