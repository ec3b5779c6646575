"""What is promised: for each number a goal, and a gate that holds on any day, noise included.

What is judged is what was measured, on this machine and this day. Bounds in seconds were stated on
one machine, so that a slow or busy one breaks some of them; ratios hold anywhere, and `budgets`
compares nothing else.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Iterator, List, Optional, Tuple

from benchmarks.measurement import Record
from benchmarks.shapes import SHAPES

__all__ = ["LIMITS", "NOT_YET", "Limit", "Verdict", "judge"]

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


@dataclass(frozen=True)
class Verdict:
    """A limit and what was measured of it; `measured` is `None` where it could not be."""

    limit: Limit
    measured: Optional[float]
    error: Optional[str] = None

    def holds(self, bound: Optional[float]) -> Optional[bool]:
        """Tell whether what was measured keeps a bound; `None` where there is no bound."""
        if bound is None:
            return None
        if self.measured is None:
            return False
        return self.measured >= bound if self.limit.at_least else self.measured <= bound

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
    yield Verdict(limit, value)


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
            yield Limit(f"cold, order edges, {shape} {size}", key, 6.0, 12.0, "us/stage")
    for name, goal, gate in (
        ("objects", 12.0, 30.0),
        ("strings, bare names", 15.0, 40.0),
        ("strings with subscripts", 40.0, 100.0),
        ("one type, by name", 15.0, 40.0),
    ):
        key = ("typed", name, "stagekit")
        yield Limit(f"cold, typed, {name}", key, goal, gate, "us/stage")
    yield Limit(
        "plan Debian-sized, to graphlib", ("debian", "*", "plan"), 5.0, 10.0, "x", uses_ratio=True
    )


def _footprint() -> Iterator[Limit]:
    key = ("import", "over bare python", "stagekit")
    yield Limit("import and one inline run, over bare", key, 15.0, 25.0, "ms")
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
            yield Limit(f"threads, {shape} {size}", key, goal, gate, "us/stage")
            what = f"threads, {shape} {size}, to dask.threaded"
            yield Limit(what, key, 0.2, 0.2, "x", over="dask.threaded")
    key = ("thread efficiency", "*", "stagekit")
    what = "64 sleeps of 10 ms on 16 threads"
    yield Limit(what, key, 0.95, 0.90, "of ideal", at_least=True)
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


def _everyday() -> Iterator[Limit]:
    """Yield the rows of the second table: where people feel it."""
    chain, group = "chain 1000", "everyday"
    key = (group, f"{chain}, inline", "plain")
    yield Limit("warm, chain 1000, to the floor", key, 1.3, 2.0, "x", uses_ratio=True)
    key = (group, "a run of 10 stages", "plain")
    yield Limit("a run of ten stages", key, 4.0, 6.0, "us")
    for executor in ("inline", "threads"):
        key = (group, "a run of one stage", f"with retries, {executor}")
        yield Limit(f"fixed cost of a run with a policy, {executor}", key, 40.0, 60.0, "us")
    for executor, goal, gate, gate_hook in (
        ("inline", 3.0, 4.0, 5.0),
        ("threads", 4.0, 6.0, 6.0),
    ):
        key = (group, f"{chain}, {executor}", "beside a stage with retries")
        yield Limit(f"plain stage beside a policy, {executor}", key, goal, gate, "us/stage")
        key = (group, f"{chain}, {executor}", "with a hook")
        yield Limit(f"plain stage with a hook, {executor}", key, goal, gate_hook, "us/stage")
    key = ("walk", "a stage more, threads, all with retries that are not needed", "calls")
    yield Limit("a retry that is not needed, threads", key, 30.0, 40.0, "calls")
    for shape in ("chain", "fan"):
        key = (group, f"{shape} 1000, asyncio", "beside a stage with retries")
        yield Limit(f"asyncio, {shape}, beside a policy", key, 8.0, 12.0, "us/stage")
    for kind, goal, gate in (("order", 6.0, 10.0), ("typed", 15.0, 22.0)):
        key = ("fresh process", f"{kind}, chain 10000", "stagekit")
        yield Limit(f"cold in a fresh process, {kind}, 10,000", key, goal, gate, "us/stage")
        key = ("fresh process", f"{kind}, a stage of 100000 / of 1000", "stagekit")
        yield Limit(f"cold in a fresh process, {kind}, growth to 100,000", key, 1.3, 1.6, "x")
    for name, goal, gate in (("run", 1.3, 1.6), ("list", 1.1, 1.3)):
        key = ("command", "three stages", name)
        what = f"stagekit {name} of three stages, to import click"
        yield Limit(what, key, goal, gate, "x", uses_ratio=True)
    key = ("thread efficiency", "*", "stagekit, second run")
    yield Limit("64 sleeps of 10 ms on 16 threads, second run", key, 1.04, 1.08, "x ideal")
    for executor, goal, gate in (("inline", 2.0, 4.0), ("threads", 6.0, 12.0)):
        key = ("items", "100000 items", executor)
        yield Limit(f"Each, 100,000 items, {executor}", key, goal, gate, "us/item")
    key = ("processes", "64 stages*", "a run on stagekit")
    what = "processes, 64 stages of 10 ms, to ProcessPoolExecutor"
    yield Limit(what, key, 1.0, 1.05, "x", uses_ratio=True)


# Rows of the second table that are not measured here yet.
NOT_YET = (
    "a 100 MB array through three stages in processes, to ProcessPoolExecutor",
    "one 100 MB array to 16 stages in processes, to ProcessPoolExecutor",
    "examples/flights.py on two processes, to by hand",
    "Each, 100,000 items, processes",
    "peak memory of a chain of big values with keep='targets'",
)

LIMITS: List[Limit] = [
    *_one_thread(),
    *_footprint(),
    *_parallel(),
    *_processes(),
    *_schedule(),
    *_everyday(),
]
