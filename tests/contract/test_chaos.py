"""Pipelines in trouble: every executor meets the same, and makes the same of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Dict, List, NewType, Optional, Tuple

import pytest
from typing_extensions import Annotated

from stagekit import Each, Retry, plan
from stagekit.events import RunFinished, StageFailed, StageRetrying, StageStarted
from stagekit.testing import Chaos, RecordingHook

if TYPE_CHECKING:
    from stagekit import Result
    from tests.contract.conftest import Flow

Number = NewType("Number", int)
Square = NewType("Square", int)
Total = NewType("Total", int)
ITEMS = 8
ENDS = {"raise": "ChaosError", "kill": "WorkerDiedError"}


def declare(flow: Flow) -> None:
    """Declare a pipeline of which every stage is tried up to five times."""
    retry = Retry(5, wait=0)

    @flow.add(retries=retry)
    def numbers() -> List[Number]:
        return [Number(number) for number in range(ITEMS)]

    @flow.add(retries=retry)
    def square(number: Annotated[Number, Each()]) -> Square:
        return Square(number * number)

    @flow.add(retries=retry)
    def total(squares: List[Square]) -> Total:
        return Total(sum(squares))

    @flow.add(retries=retry, depends_on="numbers")
    def beside() -> int:
        return 1


def attempts(result: Result, stage: str) -> List[Tuple[int, int, str]]:
    """Return item, number and end of each attempt of a stage."""
    return sorted(
        (-1 if each.item is None else each.item, each.number, type(each.error).__name__)
        for each in result.report(stage).attempts
    )


def expected(chaos: Chaos) -> Dict[str, Any]:
    """Return the attempts that must be made of each stage."""
    found: Dict[str, Any] = {}
    for stage, items in (("numbers", 1), ("square", ITEMS), ("total", 1), ("beside", 1)):
        indices: List[Optional[int]] = [None] if items == 1 else [*range(items)]
        found[stage] = [each for index in indices for each in tries(chaos, stage, index)]
    return found


def tries(chaos: Chaos, stage: str, item: Optional[int]) -> List[Tuple[int, int, str]]:
    """Return the attempts that must be made of one call, until one ends well."""
    found: List[Tuple[int, int, str]] = []
    for number in range(1, 6):
        ends = [ENDS[each] for each in chaos.troubles(stage, number, item) if each in ENDS]
        found.append((-1 if item is None else item, number, ends[0] if ends else "NoneType"))
        if not ends:
            break
    return found


@pytest.mark.parametrize("seed", [0, *(pytest.param(n, marks=pytest.mark.slow) for n in (1, 2))])
def test_every_executor_makes_the_same_of_trouble(flow: Flow, seed: int) -> None:
    """Attempts, values and events are what the seed decides, whoever carries stages out."""
    chaos = Chaos(
        f"well {seed}",
        raise_=0.15,
        kill=0.1,
        slow=0.2,
        seconds=0.001,
    )
    declare(flow)
    hook = RecordingHook()
    foreseen = expected(chaos)
    assert all("NoneType" == ends[-1][2] for ends in foreseen.values()), "choose another seed"
    result = flow.run(chaos.wrap(plan(registry=flow.registry)), hooks=[hook])
    assert foreseen == {stage: attempts(result, stage) for stage in foreseen}
    assert sum(number * number for number in range(ITEMS)) == result["total"]
    tried_again = sum(number > 1 for stage in foreseen for _, number, _ in foreseen[stage])
    assert tried_again == len(hook.of(StageRetrying))
    assert () == hook.of(StageFailed)
    assert isinstance(hook.events[-1], RunFinished)
    assert set(foreseen) == set(hook.stage_ids(StageStarted))


def test_a_value_that_is_bad_on_purpose_fails_its_stage_everywhere(flow: Flow) -> None:
    """It is not tried again, and what needs it is skipped."""
    declare(flow)
    chaos = Chaos("bad", bad_value=1)
    result = flow.run(chaos.wrap(plan(registry=flow.registry)), on_failure="continue", check=False)
    assert ["bad_value", "upstream_failed", "upstream_failed", "upstream_failed"] == [
        report.reason.value for report in result.reports() if report.reason is not None
    ]
    assert 1 == len(result.report("numbers").attempts)
