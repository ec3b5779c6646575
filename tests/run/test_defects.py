"""A defect of ours ends the run with ``InternalError``: it never hangs, and leaves no worker."""

from __future__ import annotations

import asyncio
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any, List

import pytest

from stagekit import Registry, arun, run
from stagekit._run import branch_task
from stagekit._run.backends.pool import PoolBackend
from stagekit._run.coordinator import Coordinator
from stagekit._run.fast import inline, threads
from stagekit._run.fast import loop as aio
from stagekit._run.fast.direct import Direct
from stagekit._run.fast.loop import FastLoop
from stagekit._run.fast.threads import FastThreads
from stagekit._run.notify import Notifier
from stagekit._run.state.run_state import RunState
from stagekit._run.state.scheduler import Scheduler
from stagekit.errors import InternalError, MachineLimitError


class Defect(Exception):
    """What is pretended to be wrong with us."""


def breaks(*_: object, **__: object) -> Any:
    """Stand in for a part of ours that fails."""
    raise Defect("pretended")


def ignore(_event: object) -> None:
    """Be told, and do nothing."""


def wide(*, is_async: bool = False, fails: bool = False) -> Registry:
    """Return a registry of a stage before and after twenty others."""

    async def waits() -> None:
        await asyncio.sleep(0)

    def works() -> None:
        if fails:
            raise ValueError

    registry = Registry()
    function = waits if is_async else works
    registry.add(function, id="first")
    for number in range(20):
        registry.add(function, id=f"s{number}", depends_on="first")
    registry.add(function, id="last", depends_on=[f"s{number}" for number in range(20)])
    return registry


PLACES = [
    (FastThreads, "_rest", "threads"),
    (FastThreads, "_work", "threads"),
    (FastThreads, "_start", "threads"),
    (FastThreads, "wake", "threads"),
    (Direct, "leaf_ended", "threads"),
    (threads, "Thread", "threads"),
    (PoolBackend, "start", "pool"),
    (Coordinator, "_ended", "pool"),
    (RunState, "go_on", "pool"),
    (RunState, "ended", "pool fails"),
    (Scheduler, "succeed", "pool"),
    (FastLoop, "_pump", "asyncio"),
    (FastLoop, "_take", "asyncio"),
    (aio, "what_cancels", "asyncio"),
    (branch_task, "variables_of", "asyncio"),
    (inline, "run_order", "inline"),
    (Coordinator, "_start", "inline deadline"),
    (RunState, "go_on", "inline deadline"),
    (Scheduler, "start", "inline deadline"),
    (Scheduler, "succeed", "inline hooks"),
    (Direct, "notify", "threads hooks"),
    (Notifier, "tell", "inline hooks"),
    (Notifier, "tell", "threads hooks"),
    (Notifier, "tell", "pool hooks"),
    (Notifier, "tell", "asyncio hooks"),
    (Direct, "raised", "threads fails"),
    (RunState, "_fail", "pool fails"),
    (Scheduler, "fail", "inline fails"),
    (Scheduler, "finish", "inline fails"),
]


@pytest.mark.parametrize("in_loop", [False, True])
@pytest.mark.parametrize(("owner", "name", "way"), PLACES)
def test_a_defect_ends_the_run(
    owner: Any,
    name: str,
    way: str,
    in_loop: bool,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Wherever an engine breaks, the run ends with the defect as the cause."""
    if name == "run_order" and in_loop:
        pytest.skip("the fast loop is for run()")
    registry = wide(is_async="asyncio" in way, fails="fails" in way)
    monkeypatch.setattr(owner, name, breaks)
    hooks: List[Any] = [ignore] if "hooks" in way else []
    with ThreadPoolExecutor(2) as pool:
        options: Any = {
            "executor": pool if "pool" in way else "inline" if "inline" in way else "threads",
            "hooks": hooks,
            "deadline": 600.0 if "deadline" in way else None,
            "registry": registry,
        }
        before = set(threading.enumerate())
        with pytest.raises(InternalError, match="stagekit itself failed, not a stage: Defect") as e:
            asyncio.run(arun(**options)) if in_loop else run(**options)
    assert isinstance(e.value.__cause__, Defect)
    assert {t for t in threading.enumerate() if t.name.startswith("stagekit")} <= before


def test_a_run_goes_on_with_the_threads_it_can_get(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the system gives no more threads, those that are there do the work."""

    class Scarce(threading.Thread):
        made = 0

        def start(self) -> None:
            Scarce.made += 1
            if Scarce.made > 2:
                raise RuntimeError("can't start new thread")
            super().start()

    monkeypatch.setattr(threads, "Thread", Scarce)
    gate = threading.Barrier(2)
    registry = Registry()
    for number in range(20):
        registry.add(lambda: gate.wait(30), id=f"s{number}")
    assert run(registry=registry, executor="threads", workers=8).ok
    assert Scarce.made > 2


def test_a_run_that_gets_no_thread_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a single thread there is nothing to go on with."""

    class NoThread(threading.Thread):
        def start(self) -> None:
            raise RuntimeError("can't start new thread")

    monkeypatch.setattr(threads, "Thread", NoThread)
    with pytest.raises(
        MachineLimitError, match=r"no more threads .*can't start new thread.*ulimit"
    ):
        run(registry=wide(), executor="threads")
