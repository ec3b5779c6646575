"""Blocking and async stages in one run: how long it takes, and how long the loop stood still."""

from __future__ import annotations

import asyncio
import time
from typing import Iterator, Tuple

import stagekit
from benchmarks.measurement import Measurement
from benchmarks.settings import Settings

__all__ = ["measure"]

PAUSE = 0.3
TICK = 0.01
CASE = "2 blocking and 2 async stages of 0.3 s"


def measure(settings: Settings) -> Iterator[Measurement]:
    """Run two stages of each kind beside a ticker in the same loop."""
    rounds = 2 if settings.rounds < 5 else 5
    ends, stalls = zip(*(asyncio.run(_round()) for _ in range(rounds)))
    best_end, best_stall = min(ends), min(stalls)
    yield Measurement("mixed", CASE, "whole run", best_end * 1e3, "ms", rounds=rounds)
    yield Measurement(
        "mixed", CASE, "worst stall of a 10 ms ticker", best_stall * 1e3, "ms", rounds=rounds
    )


async def _round() -> Tuple[float, float]:
    """Return the seconds of the run, and the most seconds that the ticker came late."""
    plan = _plan()
    ticker = asyncio.ensure_future(_tick())
    await asyncio.sleep(TICK * 3)
    start = time.perf_counter()
    result = await plan.arun()
    seconds = time.perf_counter() - start
    ticker.cancel()
    try:
        await ticker
    except _Stopped as stopped:
        assert result.ok
        return seconds, stopped.worst
    raise RuntimeError("the ticker ended by itself")


class _Stopped(Exception):  # noqa: N818 - it carries the answer
    """Carries the worst delay out of the cancelled ticker."""

    def __init__(self, worst: float) -> None:
        super().__init__(worst)
        self.worst = worst


async def _tick() -> None:
    worst = 0.0
    try:
        while True:
            before = time.perf_counter()
            await asyncio.sleep(TICK)
            worst = max(worst, time.perf_counter() - before - TICK)
    except asyncio.CancelledError:
        raise _Stopped(worst) from None


def _plan() -> stagekit.Plan:
    registry = stagekit.Registry()
    for number in range(2):
        registry.add(_block, id=f"blocking{number}")
        registry.add(_wait, id=f"waiting{number}")
    return stagekit.plan(registry=registry)


def _block() -> None:
    time.sleep(PAUSE)


async def _wait() -> None:
    await asyncio.sleep(PAUSE)
