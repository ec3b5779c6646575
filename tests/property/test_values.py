"""Every executor gives the values that plain calls give."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Callable, Dict

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stagekit import Plan, Registry, Result, arun, plan, run
from stagekit.events import Outcome
from stagekit.testing import registries

# Any: a stage may return whatever it likes
Values = Dict[str, Any]
Way = Callable[[Plan], Result]


def reference(registry: Registry) -> Values:
    """Call every stage by hand: each parameter gets the value of the stage returning its type."""
    returning = {stage.fn.__annotations__["return"]: stage for stage in registry}
    values: Values = {}
    while len(values) < len(registry):
        for stage in registry:
            asked = [t for name, t in stage.fn.__annotations__.items() if name != "return"]
            if stage.id not in values and all(returning[t].id in values for t in asked):
                value = stage.fn(*[values[returning[t].id] for t in asked])
                values[stage.id] = asyncio.run(value) if asyncio.iscoroutine(value) else value
    return values


def in_a_loop(made: Plan) -> Result:
    """Run in an event loop of the caller's."""
    return asyncio.run(arun(made, check=False, on_failure="continue"))


def in_a_pool(made: Plan) -> Result:
    """Run in an executor of the caller's."""
    with ThreadPoolExecutor(2) as pool:
        return run(made, executor=pool, check=False, on_failure="continue")


def by(executor: str, workers: int) -> Way:
    """Run by one of our own executors."""
    return lambda made: run(
        made, executor=executor, workers=workers, check=False, on_failure="continue"
    )


def with_a_deadline(executor: str) -> Way:
    """Run by one of our own executors, with something to be watched over."""
    return lambda made: run(
        made, executor=executor, workers=3, check=False, on_failure="continue", deadline=600.0
    )


WAYS: Dict[str, Way] = {
    "inline": by("inline", 1),
    "threads of one": by("threads", 1),
    "threads": by("threads", 3),
    "auto": by("auto", 2),
    "arun": in_a_loop,
    "pool": in_a_pool,
    "inline with a deadline": with_a_deadline("inline"),
    "threads with a deadline": with_a_deadline("threads"),
}
OTHERS = sorted(set(WAYS) - {"inline"})
SHARE = settings().max_examples // 3  # for each way, of the examples that others get


@pytest.mark.parametrize("way", WAYS)
@settings(max_examples=SHARE)
@given(registry=registries())
def test_values_are_those_of_plain_calls(way: str, registry: Registry) -> None:
    """However it is carried out, a run gives each stage the value of calling it by hand."""
    result = WAYS[way](plan(registry=registry))
    assert result.ok
    assert reference(registry) == {stage.id: result[stage.id] for stage in registry}


@pytest.mark.parametrize("way", OTHERS)
@settings(max_examples=SHARE)
@given(registry=registries(may_fail=True))
def test_outcomes_do_not_depend_on_the_executor_if_branches_go_on(
    way: str, registry: Registry
) -> None:
    """With ``on_failure="continue"`` executors agree on outcomes, reasons, causes and values."""
    made = plan(registry=registry)
    expected, result = WAYS["inline"](made), WAYS[way](made)
    assert expected.status is result.status
    for stage in registry:
        one, other = expected.report(stage.id), result.report(stage.id)
        assert (one.outcome, one.reason, one.cause) == (other.outcome, other.reason, other.cause)
        if one.outcome is Outcome.SUCCEEDED:
            assert expected[stage.id] == result[stage.id]


@given(st.data(), registries())
def test_a_target_gives_the_values_that_it_has_in_the_whole(
    data: st.DataObject, registry: Registry
) -> None:
    """A stage's value does not depend on what else is run."""
    target = data.draw(st.sampled_from([stage.id for stage in registry]))
    assert reference(registry)[target] == run(target, registry=registry, executor="inline")[target]


@given(st.data(), registries())
def test_a_stand_in_is_used_everywhere_and_prunes_what_only_it_needed(
    data: st.DataObject, registry: Registry
) -> None:
    """With ``overrides`` the rest has the values of plain calls with the stand-in's value."""
    whole = plan(registry=registry)
    replaced = data.draw(st.sampled_from(whole.order))
    result = run(registry=registry, overrides={replaced: 7}, executor="inline")
    assert 7 == result[replaced]
    stand_in = next(stage for stage in registry if stage.id == replaced)
    fresh = Registry()
    for stage in registry:
        if stage is not stand_in:
            fresh.register(stage)
    constant: Callable[[], int] = lambda: 7  # noqa: E731 - its annotations are written below
    constant.__annotations__ = {"return": stand_in.fn.__annotations__["return"]}
    fresh.add(constant, id=replaced)
    expected = reference(fresh)
    assert expected == {stage_id: result[stage_id] for stage_id in expected}
