"""Threads and asyncio: overhead of stages that do nothing, efficiency of stages that wait."""

from __future__ import annotations

import asyncio
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import partial
from threading import Thread
from typing import Any, Awaitable, Callable, Coroutine, Dict, Iterator, List, Sequence, Tuple

from benchmarks import subject
from benchmarks.adapter import Adapter, Built
from benchmarks.baselines import RAW
from benchmarks.checking import WrongResultError, check
from benchmarks.measurement import Measurement
from benchmarks.peers import peer_adapters
from benchmarks.settings import Settings
from benchmarks.shapes import SHAPES, Shape
from benchmarks.timing import Sample, time_async, time_warm
from benchmarks.work import Work, make_work

__all__ = ["measure_asyncio", "measure_threads"]

NAP = 0.01
PLAIN_THREADS = "plain threads"
_Straight = Callable[[], Coroutine[object, None, Tuple[object, ...]]]
LARGE = ("stagekit", "pool by level", "dask.threaded")  # the others take seconds a run at 10,000


def measure_threads(settings: Settings) -> Iterator[Measurement]:
    """Warm runs of trivial stages on 16 threads, then 64 sleeps."""
    peers = peer_adapters("threads", workers=settings.workers) if settings.peers else ()
    if settings.is_quick:
        peers = tuple(one for one in peers if one.name in LARGE)
    adapters = (
        subject.adapters(settings.workers)["threads"],
        _level_by_level(settings.workers),
        *peers,
    )
    for adapter in adapters:
        check(adapter)
    large = adapters[:1] if settings.is_quick else [one for one in adapters if one.name in LARGE]
    for size, chosen in ((1_000, adapters), (settings.many, large)):
        for shape in SHAPES:
            work = make_work(SHAPES[shape](size))
            samples = time_warm(_warm_cases(chosen, work), settings.budget)
            for name, sample in samples.items():
                yield Measurement.of(
                    ("threads", f"{shape} {size}", name),
                    sample,
                    unit="us/stage",
                    scale=1e6 / work.shape.size,
                    base=samples.get("dask.threaded"),
                    statistic="median",
                )
    yield from _thread_efficiency(settings, adapters)


def _thread_efficiency(settings: Settings, adapters: Tuple[Adapter, ...]) -> Iterator[Measurement]:
    naps = 64
    work = _napping(naps, is_async=False)
    ideal = NAP * -(-naps // settings.workers)
    cases = _warm_cases(adapters, work)
    cases[PLAIN_THREADS] = partial(_nap_on_threads, naps, settings.workers)
    samples = time_warm(cases, replace(settings.budget, seconds=settings.seconds * 2))
    case = f"{naps} x sleep {NAP * 1000:.0f} ms on {settings.workers}"
    for name, sample in samples.items():
        yield _efficiency(("thread efficiency", case, name), sample, ideal)
    ours = samples["stagekit"]  # the plan has run before
    key = ("thread efficiency", case, "stagekit, second run")
    yield Measurement(*key, ours.median / ideal, "x ideal", rounds=len(ours.seconds))


def _nap_on_threads(naps: int, workers: int) -> None:
    """Sleep as often on threads that are started, sleep their share, and are joined: no queue.

    Nothing that starts its threads for the run can be faster on this machine.
    """

    def share() -> None:
        for _ in range(-(-naps // workers)):
            time.sleep(NAP)

    threads = [Thread(target=share) for _ in range(workers)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def _efficiency(key: Tuple[str, str, str], sample: Sample, ideal: float) -> Measurement:
    if sample.error is not None:
        return Measurement(*key, value=None, unit="ideal/actual", error=sample.error)
    spread = sample.median / sample.best
    rounds = len(sample.seconds)
    return Measurement(
        *key, value=ideal / sample.median, unit="ideal/actual", rounds=rounds, spread=spread
    )


def measure_asyncio(settings: Settings) -> Iterator[Measurement]:
    """Warm runs of `async def` stages inside one running loop."""
    adapters: Tuple[Adapter, ...] = (
        Adapter("straight awaits", _straight_source, lambda run: Built(run, tuple), is_async=True),
        Adapter("gather by level", lambda work: work, _gather, is_async=True),
        subject.adapters(settings.workers)["async"],
        *(peer_adapters("async") if settings.peers else ()),
    )
    for adapter in adapters:
        check(adapter)
    for shape in SHAPES:
        work = make_work(SHAPES[shape](1_000), is_async=True)
        samples = time_async(_async_cases(adapters, work), settings.budget)
        for name, sample in samples.items():
            yield Measurement.of(
                ("asyncio", f"{shape} 1000", name),
                sample,
                unit="us/stage",
                scale=1e6 / work.shape.size,
                base=samples["gather by level"],
            )
    work = _napping(1_000, is_async=True)
    cases = _async_cases(adapters[1:], work)
    samples = time_async(cases, replace(settings.budget, seconds=settings.seconds * 2))
    for name, sample in samples.items():
        yield Measurement.of(
            ("asyncio sleeps", "1000 x sleep(0.01)", name),
            sample,
            unit="ms",
            scale=1e3,
            base=samples["gather by level"],
            statistic="median",
        )


def _warm_cases(adapters: Sequence[Adapter], work: Work) -> Dict[str, Callable[[], object]]:
    expected = RAW.build(RAW.prepare(work)).run()
    cases: Dict[str, Callable[[], object]] = {}
    for adapter in adapters:
        built = adapter.build(adapter.prepare(work))
        if built.values(built.run()) != expected:
            raise WrongResultError(f"{adapter.name}: wrong final values on {work.shape.name}")
        cases[adapter.name] = built.run
    return cases


def _async_cases(
    adapters: Tuple[Adapter, ...], work: Work
) -> Dict[str, Callable[[], Awaitable[object]]]:
    reference = _gather(work)
    expected = reference.values(asyncio.run(_await(reference.run)))
    cases: Dict[str, Callable[[], Awaitable[object]]] = {}
    for adapter in adapters:
        built = adapter.build(adapter.prepare(work))
        if built.values(asyncio.run(_await(built.run))) != expected:
            raise WrongResultError(f"{adapter.name}: wrong final values on {work.shape.name}")
        cases[adapter.name] = built.run
    return cases


async def _await(run: Callable[[], Any]) -> Any:  # Any: what a library's run gives
    return await run()


def _napping(count: int, *, is_async: bool) -> Work:
    """Independent nodes that sleep and return their number."""
    work = make_work(Shape("naps", ((),) * count), is_async=is_async)

    def nap(node: int) -> Callable[[], Any]:  # Any: int, or an awaitable of it
        def blocking() -> int:
            time.sleep(NAP)
            return node

        async def waiting() -> int:
            await asyncio.sleep(NAP)
            return node

        return waiting if is_async else blocking

    return replace(work, functions=tuple(map(nap, range(count))))


def _level_by_level(workers: int) -> Adapter:
    """Return what people write by hand: a pool that maps each generation and waits for it."""
    pool = ThreadPoolExecutor(workers)

    def build(work: Work) -> Built:
        generations = work.shape.generations()
        functions, parents = work.functions, work.shape.parents

        def run() -> List[object]:
            values: List[object] = [None] * work.shape.size

            def one(node: int) -> None:
                values[node] = functions[node](*[values[parent] for parent in parents[node]])

            for generation in generations:
                list(pool.map(one, generation))
            return values

        return Built(run, lambda values: tuple(values[node] for node in work.shape.sinks()))

    return Adapter("pool by level", lambda work: work, build)


def _gather(work: Work) -> Built:
    generations = work.shape.generations()
    functions, parents = work.functions, work.shape.parents

    async def run() -> List[object]:
        values: List[object] = [None] * work.shape.size
        for generation in generations:
            calls = [functions[n](*[values[p] for p in parents[n]]) for n in generation]
            for node, value in zip(generation, await asyncio.gather(*calls)):
                values[node] = value
        return values

    return Built(run, lambda values: tuple(values[node] for node in work.shape.sinks()))


def _straight_source(work: Work) -> _Straight:
    lines = ["async def by_hand():"]
    for node, name in enumerate(work.names):
        values = ", ".join(f"v_{parent}" for parent in work.before[node])
        lines.append(f"    v_{name} = await {name}({values})")
    lines.append(f"    return ({''.join(f'v_{name}, ' for name in work.final)})")
    namespace: Dict[str, Any] = dict(zip(work.names, work.functions))  # Any: what exec fills
    exec(compile("\n".join(lines) + "\n", "<by hand>", "exec"), namespace)  # noqa: S102
    function: _Straight = namespace["by_hand"]
    return function
