"""Processes: what a trivial call costs, and how well calls that compute share two processors."""

from __future__ import annotations

import multiprocessing
from concurrent.futures import Executor, ProcessPoolExecutor
from dataclasses import replace
from functools import partial
from typing import Any, Callable, Dict, Iterator, List, Mapping

from typing_extensions import Annotated

import stagekit
from benchmarks.measurement import Measurement
from benchmarks.settings import Settings
from benchmarks.timing import Budget, time_warm
from stagekit.executors import ProcessPool

__all__ = ["compute", "item", "measure", "nothing", "numbers", "trivial"]

WORKERS = 2
CALLS = 1_000
HEAVY = 64
BASE = "ProcessPoolExecutor"


def measure(settings: Settings) -> Iterator[Measurement]:
    """Submit calls to warm pools of two workers, ours and that of the standard library.

    A run decides which stage is next when one has ended; while stages are short, it sends some
    ahead. A loop that submits all calls at once has nothing to decide.
    """
    context = multiprocessing.get_context(_method())
    with ProcessPool(WORKERS) as ours, ProcessPoolExecutor(WORKERS, mp_context=context) as theirs:
        pools: Dict[str, Any] = {"stagekit": ours, BASE: theirs}
        cases: Dict[str, Callable[[], object]] = {
            name: partial(_trivial_calls, pool) for name, pool in pools.items()
        }
        yield from _compared("trivial calls", CALLS, cases, settings)
        cases = {
            "a run on stagekit": _run_of_trivial_stages(ours),
            "items of a stage on stagekit": _run_of_trivial_items(ours),
            BASE: cases[BASE],
        }
        yield from _compared("trivial stages, wide,", CALLS, cases, settings)
        turns = _turns_of_10_ms()
        cases = {name: partial(_heavy_calls, pool, turns) for name, pool in pools.items()}
        yield from _compared("calls of 10 ms", HEAVY, cases, settings)
        cases = {"a run on stagekit": _run_of_heavy_stages(ours, turns), BASE: cases[BASE]}
        yield from _compared("stages of 10 ms", HEAVY, cases, settings)


def _compared(
    what: str, count: int, cases: Mapping[str, Callable[[], object]], settings: Settings
) -> Iterator[Measurement]:
    samples = time_warm(cases, replace(settings.budget, seconds=settings.seconds * 4))
    for name, sample in samples.items():
        yield Measurement.of(
            ("processes", f"{count} {what} on {WORKERS}", name),
            sample,
            unit="us/call",
            scale=1e6 / count,
            base=samples[BASE],
            statistic="median",
        )


class Number(int):
    """An item."""


def trivial(number: int) -> int:
    """Do nothing; importable, for it travels by its name."""
    return number


def nothing() -> None:
    """Do nothing, as a stage; importable, as above."""


def numbers() -> List[Number]:
    """Return what another stage is called for, one by one."""
    return list(map(Number, range(CALLS)))


def item(number: Annotated[Number, stagekit.Each()]) -> bool:
    """Do nothing, for one of many; importable, as above."""
    return number >= 0


def compute(turns: int) -> int:
    """Keep a processor busy."""
    total = 0
    for turn in range(turns):
        total += turn & 7
    return total


def _trivial_calls(pool: Executor) -> None:
    futures = [pool.submit(trivial, number) for number in range(CALLS)]
    assert list(range(CALLS)) == [future.result() for future in futures]


def _run_of_trivial_stages(pool: ProcessPool) -> Callable[[], object]:
    registry = stagekit.Registry()
    for number in range(CALLS):
        registry.add(nothing, id=f"s{number}")
    plan = stagekit.plan(registry=registry)
    return lambda: plan.run(executor=pool)


def _run_of_heavy_stages(pool: ProcessPool, turns: int) -> Callable[[], object]:
    registry = stagekit.Registry()
    for number in range(HEAVY):
        registry.add(partial(compute, turns), id=f"s{number}")
    plan = stagekit.plan(registry=registry)
    return lambda: plan.run(executor=pool)


def _run_of_trivial_items(pool: ProcessPool) -> Callable[[], object]:
    registry = stagekit.Registry()
    registry.add(numbers, id="numbers", executor="threads")
    registry.add(item, id="item")
    plan = stagekit.plan(registry=registry)
    return lambda: plan.run(executor=pool)


def _heavy_calls(pool: Executor, turns: int) -> None:
    futures = [pool.submit(compute, turns) for _ in range(HEAVY)]
    assert len({future.result() for future in futures}) == 1


def _turns_of_10_ms() -> int:
    """Return how many turns of the loop take about 10 ms on this machine."""
    turns = 10_000
    sample = time_warm({"turns": partial(compute, turns)}, Budget(0.1))["turns"]
    return max(1, int(turns * 0.010 / sample.best))


def _method() -> str:
    has_server = "forkserver" in multiprocessing.get_all_start_methods()
    return "forkserver" if has_server else "spawn"
