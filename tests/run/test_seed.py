"""``seed``: chance decides which of the ready stages comes first, the same way each time."""

from __future__ import annotations

import asyncio
import pickle
from typing import Any, Dict, List, Set, Tuple

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stagekit import Plan, Registry, Result, arun, plan, run
from stagekit.errors import UsageError
from stagekit.events import StageStarted
from stagekit.testing import RecordingHook, plans

EXECUTORS: Dict[str, Dict[str, Any]] = {
    "inline": {"executor": "inline"},
    "one thread": {"executor": "threads", "workers": 1},
    "with a deadline": {"executor": "inline", "deadline": 600},
    "one thread with a deadline": {"executor": "threads", "workers": 1, "deadline": 600},
}


def order_of(made: Plan, **options: Any) -> Tuple[str, ...]:
    """Run a plan; return its stages as they started."""
    hook = RecordingHook()
    made.run(hooks=[hook], **options)
    return tuple([event.stage_id for event in hook.of(StageStarted)])


def wide(count: int, *, is_async: bool = False) -> Plan:
    """Return a plan of stages that could all start at once; the first has priority."""
    registry = Registry()

    async def nothing() -> None: ...

    for number in range(count):
        fn: Any = nothing if is_async else lambda: None
        registry.add(fn, id=f"s{number}", priority=-number)
    return plan(registry=registry)


@pytest.mark.parametrize("way", EXECUTORS)
def test_one_seed_is_one_order_and_another_is_another(way: str) -> None:
    """Priorities have no say; the order is the same in each run, and each way to run."""
    made = wide(20)
    orders = [order_of(made, seed=seed, **EXECUTORS[way]) for seed in (1, 1, 2)]
    assert orders[0] == orders[1]
    assert orders[0] != orders[2]
    assert orders[0] == order_of(made, seed=1, **EXECUTORS["inline"])
    assert tuple(made.order) == order_of(made, **EXECUTORS[way])


def test_async_stages_start_as_the_seed_has_it() -> None:
    """One at a time they follow one another in its order."""
    made = wide(20, is_async=True)
    options: Dict[str, Any] = {"executor": "threads", "limits": {"async": 1}}
    assert order_of(made, seed=1, **options) == order_of(wide(20), seed=1, executor="inline")
    result = asyncio.run(arun(made, seed=1, **options))
    assert result.ok


@given(st.data())
@settings(max_examples=30)
def test_every_order_is_legal_and_every_value_the_same(data: st.DataObject) -> None:
    """P16: a seed decides nothing that the graph forbids, and nothing that pure stages see."""
    made = data.draw(plans())
    seed = data.draw(st.integers())
    order = order_of(made, seed=seed, executor="inline", on_failure="continue", check=False)
    place = {stage: number for number, stage in enumerate(order)}
    for step, parents in enumerate(made.parents):
        for parent in parents:
            assert place[made.order[parent]] < place[made.order[step]]
    results: List[Result] = [
        made.run(executor="inline", check=False, seed=each) for each in (None, seed)
    ]
    first, second = [
        pickle.dumps([(report.stage_id, report.outcome.value) for report in result.reports()])
        for result in results
    ]
    assert first == second


def test_seeds_find_an_order_that_the_graph_does_not_have() -> None:
    """A stage that changes what another one reads is found among a few seeds."""
    registry = Registry()

    @registry.stage(id="load")
    def load() -> List[int]:
        return [3, 1, 2]

    @registry.stage(id="sort")
    def sort(numbers: List[int]) -> None:
        numbers.sort()

    @registry.stage(id="first")
    def first(numbers: List[int]) -> str:
        return str(numbers[0])

    seen: Set[str] = set()
    for seed in range(10):
        seen.add(run(registry=registry, seed=seed, executor="inline")["first"])
    assert {"1", "3"} == seen


@pytest.mark.parametrize("seed", [True, "7", 1.5])
def test_a_seed_is_a_whole_number(seed: Any) -> None:
    """It is refused before anything runs."""
    with pytest.raises(UsageError, match="seed takes a whole number, got"):
        run(registry=Registry(), seed=seed)
