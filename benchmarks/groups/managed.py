"""What a policy costs, and what it costs the stages beside it that have none: information."""

from __future__ import annotations

from typing import Any, Callable, Dict, Iterator, List

from typing_extensions import Annotated

import stagekit
from benchmarks.measurement import Measurement
from benchmarks.settings import Settings
from benchmarks.timing import time_warm

__all__ = ["measure"]

FEW, MANY = 100, 1_000
US = 1e6


def measure(settings: Settings) -> Iterator[Measurement]:
    """Run stages with policies on none, on one, on all; and with a deadline."""
    yield from _compared(
        f"chain {FEW}, inline",
        FEW,
        {
            "no policy": _run(FEW, "chain", 0),
            "one stage with retries": _run(FEW, "chain", 1),
            "all stages with retries": _run(FEW, "chain", FEW),
            "no policy, a deadline": _run(FEW, "chain", 0, deadline=3600.0),
        },
        settings,
    )
    for executor in ("inline", "threads"):
        for shape in ("chain", "wide"):
            runs = {
                "no policy": _run(MANY, shape, 0, executor=executor),
                "one stage with retries": _run(MANY, shape, 1, executor=executor),
            }
            if shape == "wide":
                runs["items of one stage"] = _run_of_items(MANY, executor)
            yield from _compared(f"{shape} {MANY}, {executor}", MANY, runs, settings)


def _compared(
    case: str, stages: int, subjects: Dict[str, Callable[[], object]], settings: Settings
) -> Iterator[Measurement]:
    samples = time_warm(subjects, settings.budget)
    for name, sample in samples.items():
        scale, base = US / stages, samples["no policy"]
        key = ("managed", case, name)
        yield Measurement.of(key, sample, unit="us/stage", scale=scale, base=base)


def _run(
    stages: int,
    shape: str,
    policies: int,
    *,
    executor: str = "inline",
    **options: Any,  # Any: forwarded to Plan.run
) -> Callable[[], object]:
    registry = stagekit.Registry()
    for number in range(stages):
        before = [f"s{number - 1}"] if number and shape == "chain" else []
        retries = 1 if number < policies else 0
        registry.add(_nothing, id=f"s{number}", depends_on=before, retries=retries)
    plan = stagekit.plan(registry=registry)
    return lambda: plan.run(executor=executor, workers=4, **options)


def _run_of_items(count: int, executor: str) -> Callable[[], object]:
    registry = stagekit.Registry()
    registry.add(_numbers(count), id="numbers")
    registry.add(_item, id="item")
    plan = stagekit.plan(registry=registry)
    return lambda: plan.run(executor=executor, workers=4)


class Number(int):
    """An item."""


def _numbers(count: int) -> Callable[[], List[Number]]:
    items = list(map(Number, range(count)))

    def numbers() -> List[Number]:
        return items

    return numbers


def _item(number: Annotated[Number, stagekit.Each()]) -> bool:
    return number >= 0


def _nothing() -> None: ...
