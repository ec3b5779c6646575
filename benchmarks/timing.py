"""Interleaved timing: every round times every case once, in turn, in one process.

On a shared machine the clock speed and the neighbours change within seconds, by more than the
differences of interest. What is timed in turn meets the same conditions, so that ratios of one
run hold where microseconds do not. `best` (the least disturbed round) is reported for work of
one thread; `median` for what depends on the operating system: threads, sleeps, processes.

`time_beside` goes further, for cases that take very different times: just before each round of a
case it times the baseline, and both by the time that the process had a processor, all its threads
together. On a busy machine no long run is undisturbed, and a short one now and then is; the ratio
of the two of one instant holds.

pyperf, which we would otherwise use, gives each benchmark its own worker processes, one after
another: a ratio of two of its results compares two different minutes of the machine.

The garbage collector stays on, as it does for users; what existed before is frozen out of it.
"""

from __future__ import annotations

import asyncio
import gc
import statistics
import time
from dataclasses import dataclass
from typing import Any, Awaitable, Callable, Dict, List, Mapping, Tuple

__all__ = ["Budget", "Paired", "Sample", "time_async", "time_beside", "time_cold", "time_warm"]

SHORTEST = 0.002  # seconds: a round repeats a call until it takes about so long
LONG = 0.5  # seconds: a call that is not made twice to learn how long it takes
_clock = time.perf_counter


@dataclass(frozen=True)
class Sample:
    """The seconds that one call took in each round, or the error that it ended with."""

    seconds: Tuple[float, ...] = ()
    error: str | None = None

    @property
    def best(self) -> float:
        """The least seconds of a round."""
        return min(self.seconds)

    @property
    def median(self) -> float:
        """The median seconds of the rounds."""
        return statistics.median(self.seconds)


@dataclass(frozen=True)
class Paired:
    """Rounds of a case, each with one of the baseline just before it.

    `wall` are the seconds of one call, `cpu` those of processors, `base` the same of the baseline.
    """

    wall: Tuple[float, ...]
    cpu: Tuple[float, ...]
    base: Tuple[float, ...]

    @property
    def ratio(self) -> float:
        """The median of the ratios of the rounds, by processors."""
        return statistics.median(ours / floor for ours, floor in zip(self.cpu, self.base))


@dataclass(frozen=True)
class Budget:
    """How long to time the cases of a group: seconds together, within bounds of rounds.

    A case that is much slower than the others takes part in fewer rounds, spread evenly.
    """

    seconds: float = 1.0
    least: int = 5
    most: int = 40

    def rounds(self, one_round: float, cases: int) -> int:
        """Return how many rounds a case takes part in, by what a round of it takes."""
        affordable = int(2 * self.seconds / max(one_round, 1e-9))  # of one case, alone
        least = min(self.least, max(2, affordable))
        fitting = int(self.seconds / cases / max(one_round, 1e-9))
        return max(least, min(self.most, fitting))


def time_warm(cases: Mapping[str, Callable[[], object]], budget: Budget) -> Dict[str, Sample]:
    """Time repeated calls."""
    return _interleave({name: _warm_timer(call) for name, call in cases.items()}, budget)


def time_beside(
    baseline: Callable[[], object], cases: Mapping[str, Callable[[], object]], budget: Budget
) -> Dict[str, Paired]:
    """Time repeated calls, each round of a case right after one of the baseline."""
    gc.collect()
    gc.freeze()
    try:
        timers = {name: _warm_timer(call) for name, call in cases.items()}
        return _measure_beside(_warm_timer(baseline), timers, budget)
    finally:
        gc.unfreeze()


def time_cold(
    cases: Mapping[str, Tuple[Callable[[], Any], Callable[[Any], object]]], budget: Budget
) -> Dict[str, Sample]:
    """Time `run(prepare())` without `prepare`; each call gets a preparation of its own."""
    timers = {name: _cold_timer(prepare, run) for name, (prepare, run) in cases.items()}
    return _interleave(timers, budget)


def time_async(
    cases: Mapping[str, Callable[[], Awaitable[object]]], budget: Budget
) -> Dict[str, Sample]:
    """Time awaits, all inside one running loop."""
    loop = asyncio.new_event_loop()
    try:
        timers = {name: _async_timer(loop, call) for name, call in cases.items()}
        return _interleave(timers, budget)
    finally:
        loop.close()


# A timer repeats a call so many times and returns the seconds of all of them.
_Timer = Callable[[int], float]


def _warm_timer(call: Callable[[], object]) -> _Timer:
    def timer(loops: int) -> float:
        repeats = range(loops)
        start = _clock()
        for _ in repeats:
            call()
        return _clock() - start

    return timer


def _cold_timer(prepare: Callable[[], Any], run: Callable[[Any], object]) -> _Timer:
    def timer(loops: int) -> float:
        prepared = [prepare() for _ in range(loops)]
        gc.collect()
        start = _clock()
        for item in prepared:
            run(item)
        return _clock() - start

    return timer


def _async_timer(loop: asyncio.AbstractEventLoop, call: Callable[[], Awaitable[object]]) -> _Timer:
    async def repeat(loops: int) -> float:
        repeats = range(loops)
        start = _clock()
        for _ in repeats:
            await call()
        return _clock() - start

    return lambda loops: loop.run_until_complete(repeat(loops))


def _interleave(timers: Mapping[str, _Timer], budget: Budget) -> Dict[str, Sample]:
    gc.collect()
    gc.freeze()
    try:
        return _measure(timers, budget)
    finally:
        gc.unfreeze()


def _measure(timers: Mapping[str, _Timer], budget: Budget) -> Dict[str, Sample]:
    loops: Dict[str, int] = {}
    rounds: Dict[str, int] = {}
    samples: Dict[str, Sample] = {}
    for name, timer in timers.items():
        try:
            once = timer(1)
            if once < LONG:
                once = timer(1)  # the first call may have filled caches
        except Exception as error:  # noqa: BLE001 - a peer that fails is a result
            samples[name] = Sample(error=type(error).__name__)
            continue
        loops[name] = max(1, min(10_000, int(SHORTEST / max(once, 1e-9))))
        rounds[name] = budget.rounds(once * loops[name], len(timers))
    seconds: Dict[str, List[float]] = {name: [] for name in loops}
    total = max(rounds.values(), default=0)
    for number in range(total):
        for name, count in loops.items():
            if (number + 1) * rounds[name] // total > number * rounds[name] // total:
                seconds[name].append(timers[name](count) / count)
    samples.update({name: Sample(tuple(values)) for name, values in seconds.items()})
    return {name: samples[name] for name in timers}


def _measure_beside(
    baseline: _Timer, timers: Mapping[str, _Timer], budget: Budget
) -> Dict[str, Paired]:
    of_base = _loops(baseline)
    loops = {name: _loops(timer) for name, timer in timers.items()}
    rounds: Dict[str, List[Tuple[float, float, float]]] = {name: [] for name in timers}
    for name, timer in timers.items():
        share, number = budget.seconds / len(timers), 0
        began = _clock()
        while number < budget.least or (number < budget.most and _clock() < began + share):
            _, base = _on_processors(baseline, of_base)
            wall, cpu = _on_processors(timer, loops[name])
            rounds[name].append((wall, cpu, base))
            number += 1
    return {name: Paired(*zip(*found)) for name, found in rounds.items()}


def _loops(timer: _Timer) -> int:
    """Return how often to repeat a call for a round; the first call only fills caches."""
    timer(1)
    return max(1, min(10_000, int(SHORTEST / max(timer(1), 1e-9))))


def _on_processors(timer: _Timer, loops: int) -> Tuple[float, float]:
    """Return the seconds of a call on the wall, and those that it had processors."""
    had = time.process_time()
    wall = timer(loops)
    return wall / loops, (time.process_time() - had) / loops
