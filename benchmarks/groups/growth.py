"""How time grows with the number of stages: ten times as many, timed in turn with the fewer."""

from __future__ import annotations

from typing import Any, Callable, Dict, Iterator, Tuple

from benchmarks import subject
from benchmarks.adapter import Adapter
from benchmarks.baselines import RAW
from benchmarks.measurement import Measurement
from benchmarks.settings import Settings
from benchmarks.shapes import SHAPES
from benchmarks.timing import Budget, Sample, time_cold, time_warm
from benchmarks.work import Work, fresh, make_work

__all__ = ["measure"]

SMALL, MIDDLE, LARGE = 100, 1_000, 10_000


def measure(settings: Settings) -> Iterator[Measurement]:
    """Time 10,000 stages over 1,000, warm and cold, and the ratio to raw over that of 100."""
    ours = subject.adapters(settings.workers)["sync"]
    for shape in SHAPES:
        yield from _warm(shape, ours, settings.budget)
    for shape in SHAPES:
        for group, passes_values in (("cold", True), ("cold, order edges only", False)):
            if not (settings.is_quick and passes_values):
                yield from _cold(group, shape, ours, settings, passes_values=passes_values)


def _warm(shape: str, ours: Adapter, budget: Budget) -> Iterator[Measurement]:
    cases: Dict[str, Callable[[], object]] = {}
    for size in (SMALL, MIDDLE, LARGE):
        work = make_work(SHAPES[shape](size))
        for adapter in (RAW, ours):
            cases[f"{adapter.name} {size}"] = adapter.build(adapter.prepare(work)).run
    samples = time_warm(cases, budget)
    yield _growth("warm", shape, samples)
    over_raw = {
        size: samples[f"stagekit {size}"].best / samples[f"raw {size}"].best
        for size in (SMALL, LARGE)
    }
    yield Measurement(
        "growth, warm",
        f"{shape} ratio 10000/100",
        "stagekit",
        over_raw[LARGE] / over_raw[SMALL],
        "x",
    )


def _cold(
    group: str, shape: str, ours: Adapter, settings: Settings, *, passes_values: bool
) -> Iterator[Measurement]:
    cases: Dict[str, Tuple[Callable[[], Any], Callable[[Any], object]]] = {}
    for size in (MIDDLE, LARGE):
        work = make_work(SHAPES[shape](size), passes_values=passes_values)
        cases[f"stagekit {size}"] = (_preparing(ours, work), lambda made: ours.build(made).run())
    yield _growth(group, shape, time_cold(cases, settings.budget))


def _preparing(adapter: Adapter, work: Work) -> Callable[[], Any]:  # Any: the adapter's own
    return lambda: adapter.prepare(fresh(work))


def _growth(group: str, shape: str, samples: Dict[str, Sample]) -> Measurement:
    """Return time over time; a layered graph of 1,000 has 32 x 32 stages, which is allowed for."""
    times = samples[f"stagekit {LARGE}"].best / samples[f"stagekit {MIDDLE}"].best
    stages = SHAPES[shape](LARGE).size / SHAPES[shape](MIDDLE).size
    value = times * (LARGE / MIDDLE) / stages
    rounds = len(samples[f"stagekit {LARGE}"].seconds)
    return Measurement(
        f"growth, {group}", f"{shape} 10000/1000", "stagekit", value, "x", rounds=rounds
    )
