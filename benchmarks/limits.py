"""What is promised: for each number a goal, and a gate that holds on any day, noise included.

Bounds in seconds were stated on one machine. Where a limit names a pace, what is judged is the
measured number at the pace of that machine: see `pace`. Both numbers are printed.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Iterator, List, Optional, Tuple

from benchmarks.measurement import Record
from benchmarks.pace import COLD, DATACLASSES, THREADS_STARTED, TYPED, Pace, handing_over
from benchmarks.shapes import SHAPES

__all__ = ["LIMITS", "Limit", "Verdict", "judge"]

Key = Tuple[str, str, str]


@dataclass(frozen=True)
class Limit:
    """A bound on one measurement: on its value, its ratio, or its value over another's.

    `case` may end in `*`: the only measured case that begins so. At most the goal and the gate,
    or at least, where `at_least`.
    """

    what: str
    key: Key
    goal: Optional[float]
    gate: Optional[float]
    unit: str
    uses_ratio: bool = False
    over: Optional[str] = None
    at_least: bool = False
    pace: Optional[Pace] = None


@dataclass(frozen=True)
class Verdict:
    """A limit and what was measured of it; `measured` is `None` where it could not be.

    `pace` is how many times as long as on the reference machine the baseline of the limit took
    here; `None` where the limit has none, or its baseline was not measured.
    """

    limit: Limit
    measured: Optional[float]
    error: Optional[str] = None
    pace: Optional[float] = None

    @property
    def at_reference(self) -> Optional[float]:
        """What was measured, at the pace of the reference machine: the number that is judged."""
        if self.measured is None or self.pace is None:
            return self.measured
        return self.measured / self.pace

    def holds(self, bound: Optional[float]) -> Optional[bool]:
        """Tell whether what is judged keeps a bound; `None` where there is no bound."""
        if bound is None:
            return None
        judged = self.at_reference
        if judged is None:
            return False
        return judged >= bound if self.limit.at_least else judged <= bound

    @property
    def is_passed(self) -> bool:
        """True unless the gate is not kept, or what it bounds ended with an error."""
        return self.error is None and self.holds(self.limit.gate) is not False

    @property
    def word(self) -> str:
        """The verdict in a word."""
        if not self.is_passed:
            return "FAIL"
        if self.holds(self.limit.goal):
            return "goal"
        return "above goal" if self.limit.gate is None else "pass"


def judge(record: Record) -> Tuple[Verdict, ...]:
    """Compare what a run measured with the limits; limits of groups not run are left out."""
    return tuple(verdict for limit in LIMITS for verdict in _judge_one(limit, record))


def _judge_one(limit: Limit, record: Record) -> Iterator[Verdict]:
    one = record.first(*limit.key)
    if one is None:
        return
    if one.error is not None:
        yield Verdict(limit, None, one.error)
        return
    value = one.ratio if limit.uses_ratio else one.value
    if limit.over is not None:
        other = record.find(one.group, one.case, limit.over)
        if other is None or not other.value or value is None:
            return
        value = value / other.value
    pace = None if limit.pace is None else limit.pace.of(record)
    yield Verdict(limit, value, pace=pace)


def _one_thread() -> Iterator[Limit]:
    for shape in SHAPES:
        key = ("warm", f"{shape} 1000", "stagekit")
        yield Limit(f"warm, {shape} 1000, to raw", key, 4.5, 8.0, "x", uses_ratio=True)
        what = f"warm, {shape} 1000, to graphlib and a dict"
        yield Limit(what, key, 1.0, 1.0, "x", over="graphlib")
    for group in ("warm", "cold", "cold, order edges only"):
        for shape in SHAPES:
            key = (f"growth, {group}", f"{shape} 10000/1000", "stagekit")
            yield Limit(f"growth, {group}, {shape}, 10,000 / 1,000", key, None, 15.0, "x")
    for shape in SHAPES:
        key = ("growth, warm", f"{shape} ratio 10000/100", "stagekit")
        what = f"growth, warm, {shape}, ratio to raw 10,000 / 100"
        yield Limit(what, key, 1.0, None, "x")
    for shape, goal in (("chain", 8.0), ("wide", None)):
        key = ("deep", "*", shape)
        yield Limit(f"{shape} of 100,000, cold", key, goal, float("inf"), "us/stage")
    for shape in SHAPES:
        for size in (1_000, 10_000):
            key = ("cold, order edges only", f"{shape} {size}", "stagekit")
            what, pace = f"cold, order edges, {shape} {size}", COLD[shape, size]
            yield Limit(what, key, 6.0, 12.0, "us/stage", pace=pace)
    for name, goal, gate in (
        ("objects", 12.0, 30.0),
        ("strings, bare names", 15.0, 40.0),
        ("strings with subscripts", 40.0, 100.0),
    ):
        key = ("typed", name, "stagekit")
        yield Limit(f"cold, typed, {name}", key, goal, gate, "us/stage", pace=TYPED)
    yield Limit(
        "plan Debian-sized, to graphlib", ("debian", "*", "plan"), 5.0, 10.0, "x", uses_ratio=True
    )


def _footprint() -> Iterator[Limit]:
    key = ("import", "over bare python", "stagekit")
    yield Limit("import and one inline run, over bare", key, 15.0, 25.0, "ms", pace=DATACLASSES)
    key = ("import", "modules that must not load", "stagekit")
    yield Limit("modules loaded that must not be", key, 0.0, 0.0, "modules")
    yield Limit("stagekit --version", ("version", "--version", "stagekit"), 80.0, 120.0, "ms")
    for shape in SHAPES:
        case = f"{shape} 10000, order edges only"
        parts = (("registry and plan", 500.0, None), ("one run", 150.0, None))
        for part, goal, gate in (*parts, ("together", 650.0, 1_000.0)):
            yield Limit(f"memory, {shape}, {part}", ("memory", case, part), goal, gate, "B/stage")


def _parallel() -> Iterator[Limit]:
    for size, gate in ((1_000, 6.0), (10_000, 10.0)):
        for shape in SHAPES:
            goal = 1.5 if shape == "chain" else 2.5
            key = ("threads", f"{shape} {size}", "stagekit")
            what, pace = f"threads, {shape} {size}", handing_over(shape, size)
            yield Limit(what, key, goal, gate, "us/stage", pace=pace)
            what = f"threads, {shape} {size}, to dask.threaded"
            yield Limit(what, key, 0.2, 0.2, "x", over="dask.threaded")
    key = ("thread efficiency", "*", "stagekit")
    what = "64 sleeps of 10 ms on 16 threads"
    yield Limit(what, key, 0.95, 0.90, "of ideal", at_least=True, pace=THREADS_STARTED)
    for shape in SHAPES:
        key = ("asyncio", f"{shape} 1000", "stagekit")
        goal = 1.0 if shape == "chain" else 2.0
        yield Limit(f"asyncio, {shape} 1000", key, goal, 6.0, "us/stage")
    key = ("asyncio sleeps", "*", "stagekit")
    yield Limit("1000 x asyncio.sleep(0.01)", key, 18.0, None, "ms")
    what = "1000 x asyncio.sleep(0.01), to gather by level"
    yield Limit(what, key, 1.0, 1.0, "x", uses_ratio=True)
    yield Limit("mixed run of 4 x 0.3 s", ("mixed", "*", "whole run"), 350.0, 500.0, "ms")
    key = ("mixed", "*", "worst stall of a 10 ms ticker")
    yield Limit("worst stall of the loop", key, 10.0, 50.0, "ms")
    for way in ("threads", "asyncio", "processes"):  # 200 ms of grace, and a second
        key = ("cancel", "*", way)
        yield Limit(f"cancel to return, {way}", key, 300.0, 1_200.0, "ms")


def _processes() -> Iterator[Limit]:
    key = ("processes", "1000 *", "stagekit")
    yield Limit("processes, trivial calls", key, 30.0, None, "us/call")
    what = "processes, trivial calls, to ProcessPoolExecutor"
    yield Limit(what, key, 0.25, 0.25, "x", uses_ratio=True)
    what = "processes, trivial stages of a run, to ProcessPoolExecutor"
    key = ("processes", "1000 trivial stages*", "a run on stagekit")
    yield Limit(what, key, 0.25, 0.25, "x", uses_ratio=True)
    key = ("processes", "64 *", "stagekit")
    what = "processes, 64 calls of 10 ms on 2, to ProcessPoolExecutor"
    yield Limit(what, key, 1.0, 1.05, "x", uses_ratio=True)


def _schedule() -> Iterator[Limit]:
    for workers, bound in ((2, 1.005), (4, 1.010), (8, 1.008), (16, 1.000)):
        key = ("schedule", f"STG of 50, W={workers}", "stagekit")
        yield Limit(f"schedule, STG of 50, W={workers}", key, bound, bound, "x optimum")
    for workers, bound in ((4, 1.04), (8, 1.035)):
        key = ("schedule", f"STG of 50, W={workers}", "stagekit, no durations")
        what = f"schedule, STG of 50, W={workers}, no durations"
        yield Limit(what, key, bound, bound, "x optimum")
    for subject, bound in (("stagekit", 1.01), ("stagekit, no durations", 1.035)):
        key = ("schedule", "STG, all, W=4", subject)
        what = "schedule, all STG, W=4" + subject[len("stagekit") :]
        yield Limit(what, key, bound, bound, "x optimum")


LIMITS: List[Limit] = [*_one_thread(), *_footprint(), *_parallel(), *_processes(), *_schedule()]
