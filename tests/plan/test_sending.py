"""What cannot travel to where a stage runs is a problem of the plan, as far as it can be known."""

from __future__ import annotations

import threading
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from functools import partial
from typing import Any, Callable, List, Optional, Tuple

import pytest

from stagekit import CancelToken, Registry, plan, run
from stagekit._base.problem import Code, Problem
from stagekit.errors import PlanError

LOCK = threading.Lock()


class Held:
    """A value that cannot be sent."""

    def __init__(self) -> None:
        self.lock = LOCK


def closing_over(value: object) -> Callable[[], str]:
    """Return a function that goes with a value."""

    def close() -> str:
        return str(value)

    return close


def holding() -> str:
    """Need a global that could not be sent; but the function goes by its name."""
    return str(LOCK)


def take(held: Held) -> int:
    """Need what cannot be sent."""
    return len(str(held))


def maybe(held: Optional[Held] = None) -> int:
    """Do without."""
    return len(str(held))


async def later() -> int:
    """Be async."""
    return 1


def problems(call: Callable[[], object]) -> Tuple[Problem, ...]:
    """Return what a call is refused for."""
    with pytest.raises(PlanError) as caught:
        call()
    return caught.value.problems


def test_x1_a_stage_that_cannot_be_sent_is_a_problem_of_the_plan() -> None:
    """X1: where it says itself where it runs: by trying, and all of them at once."""
    registry = Registry()
    registry.add(closing_over(LOCK), id="one", executor="processes")
    registry.add(closing_over([LOCK]), id="two", executor="dask")
    registry.add(closing_over("no lock"), id="three", executor="processes")
    registry.add(closing_over(LOCK), id="four", executor="threads")
    registry.add(holding, id="five", executor="processes")
    one, two = problems(lambda: plan(registry=registry))
    assert {Code.CANNOT_BE_SENT} == {one.code, two.code}
    assert ("one", "two") == (one.stage_id, two.stage_id)
    assert (
        "stage `one` runs in worker processes, and `value`, which close takes from around it, "
        "cannot be sent to another process: "
    ) in one.message
    assert "stage `two` runs in a Dask cluster, and `value`" in two.message
    assert '@stage(executor="threads") above one' in one.fixes[0]


def test_x1_a_run_is_refused_before_it_begins() -> None:
    """X1: where all stages run in processes, but those that stay here."""
    called: List[str] = []
    registry = Registry()
    registry.add(lambda: called.append("first"), id="first", executor="inline")
    registry.add(closing_over(LOCK), id="locked", depends_on="first")
    registry.add(closing_over(LOCK), id="near", executor="threads")
    with ProcessPoolExecutor(1) as pool:
        for executor in ("processes", pool):
            (problem,) = problems(partial(run, registry=registry, executor=executor))
            assert ("locked", Code.CANNOT_BE_SENT) == (problem.stage_id, problem.code)
    assert not called
    assert run(registry=registry, executor="threads").ok


@pytest.mark.parametrize("own", [False, True])
def test_x1_a_given_value_that_cannot_be_sent_refuses_the_run(own: bool) -> None:
    """X1: for each stage that needs it there, and for nobody else."""
    registry = Registry()
    options: Any = {"executor": "processes"} if own else {}
    registry.add(take, id="take", **options)
    registry.add(maybe, id="maybe", **options)
    registry.add(take, id="near", executor="threads")
    registry.add(later, id="later")
    made = plan(registry=registry, values=[Held()])
    found = problems(lambda: made.run(values=[Held()], executor="threads" if own else "processes"))
    assert ["take", "maybe"] == [each.stage_id for each in found]
    assert ["held", "held"] == [each.parameter for each in found]
    assert "where the value given for `Held` cannot be sent: " in found[0].message
    with ThreadPoolExecutor(1) as pool:
        assert own or made.run(values=[Held()], executor=pool).ok


def test_x1_what_has_a_twin_over_there_can_be_sent() -> None:
    """X1: a token around a function is no reason to refuse it."""
    registry = Registry()
    registry.add(closing_over(CancelToken()), id="token", executor="processes")
    assert run(registry=registry).ok
