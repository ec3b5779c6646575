"""Where people feel it: short runs, hooks, policies, failures, pools of their own, many items.

Times are of whole runs, and in each comparison the floor is timed in the same rounds: what no
runner can leave out, for each stage the call, one reading of the clock and one copy of the context.
Runs on one thread are timed by the processor that they had, those on several by the clock on the
wall; ratios to the floor are by processors.
"""

from __future__ import annotations

import asyncio
import contextvars
import statistics
import time
from concurrent.futures import Executor, ThreadPoolExecutor
from functools import partial
from typing import Any, Awaitable, Callable, Dict, Iterator, List, Mapping, Tuple

from typing_extensions import Annotated

import stagekit
from benchmarks.baselines import GRAPHLIB, RAW
from benchmarks.measurement import Measurement
from benchmarks.settings import Settings
from benchmarks.shapes import chain
from benchmarks.timing import Budget, time_beside
from benchmarks.work import make_work

__all__ = ["FAN", "MANY", "Silent", "measure"]

FEW, MANY, FAN = 10, 1_000, 3_000
US = 1e6
FLOOR = "floor"
Cases = Dict[str, Callable[[], object]]


class Silent:
    """A hook that takes every event, and does nothing."""

    def on_event(self, event: object, /) -> None:
        """Do nothing."""


def measure(settings: Settings) -> Iterator[Measurement]:
    """Compare runs with the floor, on the calling thread, on threads, on a loop, on a pool."""
    yield from _short_runs(settings)
    for executor in ("inline", "threads"):
        cases: Cases = {
            "raw": RAW.build(RAW.prepare(make_work(chain(MANY)))).run,
            "plain": _run(MANY, executor=executor, passes_values=True),
            "with a hook": _run(MANY, executor=executor, hooks=[Silent()]),
            "beside a stage with retries": _run(MANY, executor=executor, policies=1),
            "all with retries": _run(MANY, executor=executor, policies=MANY),
            "with a deadline": _run(MANY, executor=executor, deadline=3600.0),
        }
        yield from _compared(f"chain {MANY}, {executor}", MANY, cases, settings)
        cases = {
            "plain": _run(FAN, executor=executor, is_fan=True),
            "with a hook": _run(FAN, executor=executor, is_fan=True, hooks=[Silent()]),
            "beside a stage with retries": _run(FAN, executor=executor, is_fan=True, policies=1),
            "10 % fail, continue": _run_with_failures(FAN, executor),
        }
        yield from _compared(f"fan {FAN}, {executor}", FAN, cases, settings)
    yield from _on_a_loop(settings)
    yield from _on_a_pool(settings)
    yield from _items(settings)


def _compared(
    case: str,
    stages: int,
    cases: Mapping[str, Callable[[], object]],
    settings: Settings,
    baseline: Tuple[str, Callable[[], object]] | None = None,
) -> Iterator[Measurement]:
    """Time cases, each beside the floor of as many stages, or beside another baseline."""
    name, base = baseline or (FLOOR, _floor(stages))
    budget = Budget(settings.seconds * len(cases) * 2 / 3, least=settings.rounds, most=60)
    found = time_beside(base, cases, budget)
    scale = US if case.startswith("a run") else US / stages
    unit = "us/run" if case.startswith("a run") else "us/stage"
    floors = min(second for paired in found.values() for second in paired.base)
    yield Measurement("everyday", case, name, floors * scale, unit, ratio=1.0)
    has_threads = "hread" in case
    for subject, paired in found.items():
        seconds = paired.wall if has_threads or "hread" in subject else paired.cpu
        yield Measurement(
            *("everyday", case, subject),
            value=min(seconds) * scale,
            unit=unit,
            ratio=paired.ratio,
            rounds=len(seconds),
            spread=statistics.median(seconds) / min(seconds),
        )


def _floor(stages: int) -> Callable[[], object]:
    """Compile what no runner can leave out, as straight-line code on a chain."""
    work = make_work(chain(stages))
    lines = ["def floor():"]
    for name, before in zip(work.names, work.before):
        lines += [" copy()", f" v_{name} = {name}({', '.join(f'v_{one}' for one in before)})"]
        lines += [" clock()"]
    namespace: Dict[str, Any] = dict(zip(work.names, work.functions))  # Any: what exec fills
    namespace.update(copy=contextvars.copy_context, clock=time.perf_counter_ns)
    exec(compile("\n".join(lines) + "\n", "<floor>", "exec"), namespace)  # noqa: S102
    function: Callable[[], object] = namespace["floor"]
    return function


def _short_runs(settings: Settings) -> Iterator[Measurement]:
    """Time runs whose stages are few: what is made anew for each run shows."""
    work = make_work(chain(FEW))
    ten: Cases = {
        "raw": RAW.build(RAW.prepare(work)).run,
        "graphlib": GRAPHLIB.build(GRAPHLIB.prepare(work)).run,
        "plain": _run(FEW, executor="inline", passes_values=True),
    }
    yield from _compared(f"a run of {FEW} stages", FEW, ten, settings)
    one: Cases = {
        "plain, inline": _run(1, executor="inline"),
        "with retries, inline": _run(1, executor="inline", policies=1),
        "with retries, threads": _run(1, executor="threads", policies=1),
    }
    yield from _compared("a run of one stage", FEW, one, settings)


def _plan(
    stages: int,
    *,
    policies: int = 0,
    is_fan: bool = False,
    is_async: bool = False,
    passes_values: bool = False,
) -> stagekit.Plan:
    """Plan trivial stages: a chain or a fan, the first ones with a retry that is never needed."""
    registry = stagekit.Registry()
    work = make_work(chain(stages))
    for number, name in enumerate(work.names):
        more: Dict[str, Any] = {"retries": 1} if number < policies else {}  # Any: options
        if passes_values:
            function = work.functions[number]
            function.__annotations__ = {
                "return": int,
                **{one: Annotated[int, stagekit.From(one)] for one in work.before[number]},
            }
        else:
            function = _nothing_async if is_async else _nothing
            if number and not is_fan:
                more["depends_on"] = work.before[number]
        registry.add(function, id=name, **more)
    return stagekit.plan(registry=registry)


def _run(
    stages: int,
    *,
    executor: str,
    policies: int = 0,
    is_fan: bool = False,
    passes_values: bool = False,
    **options: Any,  # Any: forwarded to Plan.run
) -> Callable[[], object]:
    plan = _plan(stages, policies=policies, is_fan=is_fan, passes_values=passes_values)
    return partial(plan.run, executor=executor, workers=4, **options)


def _run_with_failures(stages: int, executor: str) -> Callable[[], object]:
    registry = stagekit.Registry()
    for number in range(stages):
        registry.add(_nothing if number % 10 else _failing, id=f"s{number}")
    plan = stagekit.plan(registry=registry)
    return partial(plan.run, executor=executor, workers=4, on_failure="continue", check=False)


def _on_a_loop(settings: Settings) -> Iterator[Measurement]:
    """Time ``async def`` stages that do not suspend, inside one loop."""
    loop = asyncio.new_event_loop()
    try:
        for is_fan in (False, True):
            plain, policy = (
                _plan(MANY, is_async=True, is_fan=is_fan, policies=count) for count in (0, 1)
            )
            awaited: Dict[str, Callable[[], Awaitable[object]]] = {
                "plain": plain.arun,
                "with a hook": partial(plain.arun, hooks=[Silent()]),
                "beside a stage with retries": policy.arun,
            }
            cases = {name: _until_complete(loop, call) for name, call in awaited.items()}
            shape = "fan" if is_fan else "chain"
            yield from _compared(f"{shape} {MANY}, asyncio", MANY, cases, settings)
    finally:
        loop.close()


def _until_complete(
    loop: asyncio.AbstractEventLoop, call: Callable[[], Awaitable[object]]
) -> Callable[[], object]:
    return lambda: loop.run_until_complete(call())


def _on_a_pool(settings: Settings) -> Iterator[Measurement]:
    """Time a run on a pool of the user's beside the same calls, submitted and waited for."""
    with ThreadPoolExecutor(4) as pool:
        plan = _plan(MANY, is_fan=True)
        cases: Cases = {
            "plain": partial(plan.run, executor=pool),
            "with a hook": partial(plan.run, executor=pool, hooks=[Silent()]),
        }
        case = f"fan {MANY}, ThreadPoolExecutor"
        alone = ("the pool alone", partial(_submit_all, pool, MANY))
        yield from _compared(case, MANY, cases, settings, alone)


def _submit_all(pool: Executor, count: int) -> None:
    for future in [pool.submit(_nothing) for _ in range(count)]:
        future.result()


class Number(int):
    """An item."""


def _items(settings: Settings) -> Iterator[Measurement]:
    """Time one stage that is called for each of many small items."""
    count = settings.many * (1 if settings.is_quick else 10)
    items = list(map(Number, range(min(count, settings.largest))))

    def numbers() -> List[Number]:
        return items

    registry = stagekit.Registry()
    registry.add(numbers, id="numbers")
    registry.add(_item, id="item")
    plan = stagekit.plan(registry=registry)
    cases: Cases = {
        "inline": partial(plan.run, executor="inline"),
        "threads": partial(plan.run, executor="threads", workers=4),
    }
    found = time_beside(
        lambda: [_item(number) for number in items],
        cases,
        Budget(settings.seconds, least=2, most=5),
    )
    for name, paired in found.items():
        seconds = paired.wall if name == "threads" else paired.cpu
        key = ("items", f"{count} items", name)
        value = min(seconds) * US / count
        yield Measurement(*key, value, "us/item", ratio=paired.ratio, rounds=len(seconds))


def _item(number: Annotated[Number, stagekit.Each()]) -> bool:
    return number >= 0


def _nothing() -> None: ...


def _failing() -> None:
    raise ValueError


async def _nothing_async() -> None: ...
