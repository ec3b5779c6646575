"""How long a cancelled run takes to return, where stages do not end when they are told to.

The promise is: at most the time of grace and a second.
"""

from __future__ import annotations

import asyncio
import signal
import threading
import time
from typing import Any, Callable, Dict, Iterator, List

import stagekit
from benchmarks.measurement import Measurement
from benchmarks.settings import Settings
from stagekit.executors import ProcessPool

__all__ = ["measure"]

GRACE = 0.2
CASE = "stubborn stages, 0.2 s of grace"
LONG = 30.0  # seconds that no stage gets
UNDER_WAY = 0.7  # seconds until all have begun, in new processes, too


def measure(settings: Settings) -> Iterator[Measurement]:
    """Cancel runs that are under way, and wait; the worst of all rounds counts."""
    rounds = 2 if settings.rounds < 5 else 5
    with ProcessPool(2) as pool:
        pool.submit(abs, 1).result()
        ways: Dict[str, Any] = {"threads": "threads", "asyncio": "threads", "processes": pool}
        for name, executor in ways.items():
            run = _run(STAGES[name], executor)
            worst = max(run() for _ in range(rounds))
            yield Measurement("cancel", CASE, name, worst * 1e3, "ms", rounds=rounds)


def _run(stage: Callable[..., object], executor: Any) -> Callable[[], float]:
    registry = stagekit.Registry()
    for number in range(2):
        registry.add(stage, id=f"stubborn{number}")
    plan = stagekit.plan(registry=registry)

    def seconds() -> float:
        token = stagekit.CancelToken()
        cancelled: List[float] = []

        def cancel() -> None:
            time.sleep(UNDER_WAY)
            cancelled.append(time.perf_counter())
            token.cancel()

        canceller = threading.Thread(target=cancel)
        canceller.start()
        plan.run(executor=executor, cancel=token, grace=GRACE, check=False)
        ended = time.perf_counter()
        canceller.join()
        return ended - cancelled[0]

    return seconds


def _in_thread() -> None:
    threading.Event().wait(LONG)


async def _on_loop() -> None:
    until = time.monotonic() + LONG
    while time.monotonic() < until:
        try:
            await asyncio.sleep(until - time.monotonic())
        except asyncio.CancelledError:
            continue


def _in_process() -> None:
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    time.sleep(LONG)


STAGES: Dict[str, Callable[..., object]] = {
    "threads": _in_thread,
    "asyncio": _on_loop,
    "processes": _in_process,
}
