"""Warm and cold overhead a stage, by shape and size, of one thread."""

from __future__ import annotations

import asyncio
import math
from dataclasses import dataclass
from typing import Any, Callable, Dict, Iterator, List, Tuple

from benchmarks import subject
from benchmarks.adapter import Adapter
from benchmarks.baselines import GRAPHLIB, RAW
from benchmarks.checking import WrongResultError, check
from benchmarks.measurement import Measurement
from benchmarks.peers import peer_adapters
from benchmarks.settings import Settings
from benchmarks.shapes import SHAPES
from benchmarks.timing import Sample, time_cold, time_warm
from benchmarks.work import Work, fresh, make_work

__all__ = ["measure_cold", "measure_warm"]

TOO_SLOW = "too slow"
NOT_RUN = "not run"
US = 1e6


@dataclass(frozen=True)
class _Kind:
    """Warm or cold, passing values or order only: a group of its own each."""

    group: str
    is_cold: bool
    passes_values: bool


KINDS = {
    "warm": _Kind("warm", is_cold=False, passes_values=True),
    "warm order": _Kind("warm, order edges only", is_cold=False, passes_values=False),
    "cold": _Kind("cold", is_cold=True, passes_values=True),
    "cold order": _Kind("cold, order edges only", is_cold=True, passes_values=False),
}


def measure_warm(settings: Settings) -> Iterator[Measurement]:
    """Repeated runs of a built graph, as a ratio to calls by hand."""
    yield from _measure(settings, KINDS["warm"])
    yield from _measure(settings, KINDS["warm order"])


def measure_cold(settings: Settings) -> Iterator[Measurement]:
    """Building a graph from functions never seen before, and its first run."""
    yield from _measure(settings, KINDS["cold"])
    yield from _measure(settings, KINDS["cold order"])


def _measure(settings: Settings, kind: _Kind) -> Iterator[Measurement]:
    adapters = _adapters(settings, kind)
    wrong = {adapter.name: error for adapter in adapters for error in _errors(adapter, kind)}
    for shape in SHAPES:
        spent: Dict[str, Tuple[int, float]] = {}
        for size in settings.sizes:
            made = _one_case(settings, kind, shape, size, (adapters, wrong, spent))
            yield from made


def _adapters(settings: Settings, kind: _Kind) -> Tuple[Adapter, ...]:
    ours = subject.adapters(settings.workers)["sync"]
    if not kind.passes_values:
        return (RAW, GRAPHLIB, ours)
    peers = peer_adapters("sync") + peer_adapters("async") if settings.peers else ()
    return (RAW, GRAPHLIB, ours, *peers)


def _errors(adapter: Adapter, kind: _Kind) -> List[str]:
    """Return why an adapter must not be timed: nothing, or that its results are wrong."""
    try:
        check(adapter, passes_values=kind.passes_values)
    except WrongResultError as error:
        return [f"wrong: {error}"]
    return []


def _one_case(
    settings: Settings,
    kind: _Kind,
    shape: str,
    size: int,
    state: Tuple[Tuple[Adapter, ...], Dict[str, str], Dict[str, Tuple[int, float]]],
) -> List[Measurement]:
    """Time all adapters on one graph; skip those that would take too long."""
    adapters, wrong, spent = state
    work = make_work(SHAPES[shape](size), passes_values=kind.passes_values)
    loop = asyncio.new_event_loop()
    skipped: Dict[str, Sample] = {name: Sample(error=error) for name, error in wrong.items()}
    chosen: List[Adapter] = []
    for adapter in adapters:
        is_peer = adapter.name not in ("raw", "graphlib", "stagekit")
        if is_peer and size > settings.peer_limit:
            skipped[adapter.name] = Sample(error=NOT_RUN)
        elif is_peer and _is_slow(spent.get(adapter.name), size, settings.peer_seconds):
            skipped[adapter.name] = Sample(error=TOO_SLOW)
        elif adapter.name not in wrong:
            chosen.append(adapter)
    try:
        samples = _time(settings, kind, work, chosen, loop)
    finally:
        loop.close()
    samples.update(skipped)
    for name, sample in samples.items():
        if sample.error is None:
            spent[name] = (size, sample.best)
    base = samples["graphlib" if kind.is_cold else "raw"]
    scale = US / work.shape.size
    return [
        Measurement.of(
            (kind.group, f"{shape} {size}", adapter.name),
            samples[adapter.name],
            unit="us/stage",
            scale=scale,
            base=base,
        )
        for adapter in adapters
        if not (kind.is_cold and adapter is RAW)
    ]


def _is_slow(before: Tuple[int, float] | None, size: int, longest: float) -> bool:
    """Tell from the last size whether a run would take more than so many seconds."""
    if before is None:
        return False
    smaller, seconds = before
    return seconds * math.pow(size / smaller, 1.2) > longest


def _time(
    settings: Settings,
    kind: _Kind,
    work: Work,
    adapters: List[Adapter],
    loop: asyncio.AbstractEventLoop,
) -> Dict[str, Sample]:
    awaited = make_work(work.shape, is_async=True) if _any_async(adapters) else work
    if kind.is_cold:
        cold = {
            adapter.name: _cold_case(adapter, awaited if adapter.is_async else work, loop)
            for adapter in adapters
            if adapter is not RAW
        }
        return time_cold(cold, settings.budget)
    samples: Dict[str, Sample] = {}
    raw = RAW.build(RAW.prepare(work)).run
    expected = raw()
    cases: Dict[str, Callable[[], object]] = {RAW.name: raw}
    for adapter in adapters:
        if adapter is RAW:
            continue
        try:
            own = awaited if adapter.is_async else work
            cases[adapter.name] = _warm_case(adapter, own, loop, expected)
        except Exception as error:  # noqa: BLE001 - a peer that fails is a result
            samples[adapter.name] = Sample(error=type(error).__name__)
    samples.update(time_warm(cases, settings.budget))
    return samples


def _any_async(adapters: List[Adapter]) -> bool:
    return any(adapter.is_async for adapter in adapters)


def _warm_case(
    adapter: Adapter, work: Work, loop: asyncio.AbstractEventLoop, expected: Tuple[object, ...]
) -> Callable[[], object]:
    built = adapter.build(adapter.prepare(work))
    run = built.run
    if adapter.is_async:
        run = lambda: loop.run_until_complete(built.run())  # noqa: E731
    if built.values(run()) != expected:
        raise WrongResultError(f"{adapter.name}: wrong final values on {work.shape.name}")
    return run


def _cold_case(
    adapter: Adapter, work: Work, loop: asyncio.AbstractEventLoop
) -> Tuple[Callable[[], Any], Callable[[Any], object]]:
    # Any: what an adapter prepares is its own.
    def prepare() -> Any:
        return adapter.prepare(fresh(work))

    def run(prepared: Any) -> object:
        product = adapter.build(prepared).run()
        return loop.run_until_complete(product) if adapter.is_async else product

    return prepare, run
