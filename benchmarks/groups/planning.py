"""Planning of a graph as large as Debian's, and a chain and a fan of 100,000 stages."""

from __future__ import annotations

import functools
import sys
import time
from graphlib import TopologicalSorter
from typing import Any, Callable, Dict, Iterator, Mapping, Tuple

import stagekit
from benchmarks.measurement import Measurement
from benchmarks.settings import Settings
from benchmarks.shapes import SHAPES, Shape, debian
from benchmarks.subject import add_all
from benchmarks.timing import Budget, Sample, time_cold
from benchmarks.work import Work, fresh, make_work

__all__ = ["measure_debian", "measure_deep"]


def measure_debian(settings: Settings) -> Iterator[Measurement]:
    """Plan a large irregular graph: `plan()` alone, and registering, beside graphlib's sort."""
    shape = debian(*settings.debian)
    work = make_work(shape, passes_values=False)
    graph = dict(zip(work.names, work.before))
    # Any: what each case prepares is its own.
    cases: Dict[str, Tuple[Callable[[], Any], Callable[[Any], object]]] = {
        "graphlib": (lambda: graph, _graphlib_order),
        "register": (lambda: fresh(work), add_all),
        "plan": (lambda: add_all(fresh(work)), _plan_order),
    }
    samples = time_cold(cases, Budget(settings.seconds * 2, least=3, most=10))
    case = f"{shape.size} nodes, {shape.edges} edges"
    for name, sample in samples.items():
        yield Measurement.of(
            ("debian", case, name), sample, unit="s", scale=1.0, base=samples["graphlib"]
        )
    yield _order_is_legal(shape, work, case)


def _graphlib_order(graph: Mapping[str, Tuple[str, ...]]) -> Tuple[str, ...]:
    return tuple(TopologicalSorter(graph).static_order())


def _plan_order(registry: stagekit.Registry) -> Tuple[str, ...]:
    return stagekit.plan(registry=registry).order


def _order_is_legal(shape: Shape, work: Work, case: str) -> Measurement:
    place = {name: i for i, name in enumerate(_plan_order(add_all(fresh(work))))}
    legal = len(place) == shape.size and all(
        place[parent] < place[name]
        for name, before in zip(work.names, work.before)
        for parent in before
    )
    error = None if legal else "the order breaks an edge"
    return Measurement("debian", case, "order is legal", float(legal), "yes/no", error=error)


def measure_deep(settings: Settings) -> Iterator[Measurement]:
    """Register, plan and run once, at the interpreter's own recursion limit."""
    case = f"{settings.deep} stages, recursion limit {sys.getrecursionlimit()}"
    for name in ("chain", "wide"):
        work = make_work(SHAPES[name](settings.deep), passes_values=False)
        sample = _once(functools.partial(_cold_run, work))
        yield Measurement.of(
            ("deep", case, name), sample, unit="us/stage", scale=1e6 / settings.deep
        )


def _cold_run(work: Work) -> bool:
    result = stagekit.plan(registry=add_all(work)).run(executor="inline")
    return bool(result.ok)


def _once(call: Callable[[], bool]) -> Sample:
    start = time.perf_counter()
    try:
        succeeded = call()
    except Exception as error:  # noqa: BLE001 - a failure is a result
        return Sample(error=type(error).__name__)
    seconds = time.perf_counter() - start
    return Sample((seconds,)) if succeeded else Sample(error="the run failed")
