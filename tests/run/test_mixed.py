"""Stages of all kinds in one run, and pools that several runs use."""

from __future__ import annotations

import asyncio
import os
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Dict, Iterator, List, NewType, Set

import pytest

from stagekit import Hook, Registry, Result, arun, run
from stagekit.events import Event, StageStarted
from stagekit.executors import ProcessPool
from stagekit.executors import processes as pools

PATIENCE = 30  # seconds after which a wait in a test has failed
Place = NewType("Place", str)


def here() -> str:
    """Return the process and the thread that ask."""
    return f"{os.getpid()} {threading.current_thread().name}"


@pytest.mark.parametrize("way", ["run", "arun"])
@pytest.mark.parametrize("has_retries", [False, True])
def test_two_plain_and_two_async_stages_overlap(way: str, has_retries: bool) -> None:
    """Each waits until all four have begun."""
    registry, all_begun = Registry(), threading.Event()
    begun: Set[str] = set()

    def begin(name: str) -> None:
        begun.add(name)
        if 4 == len(begun):
            all_begun.set()

    def plain(name: str) -> None:
        begin(name)
        assert all_begun.wait(PATIENCE)

    async def waiting(name: str) -> None:
        begin(name)
        loop = asyncio.get_running_loop()
        assert await loop.run_in_executor(None, all_begun.wait, PATIENCE)

    options: Dict[str, Any] = {"retries": 1} if has_retries else {}
    for name in "ab":

        def one(name: str = name) -> None:
            plain(name)

        async def two(name: str = name) -> None:
            await waiting(f"async_{name}")

        registry.add(one, id=name, **options)
        registry.add(two, id=f"async_{name}", **options)
    if way == "run":
        assert run(registry=registry).ok
    else:
        assert asyncio.run(arun(registry=registry)).ok
    assert {"a", "b", "async_a", "async_b"} == begun


def test_stages_of_all_kinds_mix_in_one_run() -> None:
    """Each runs where it says, and values go from one to the next."""
    registry = Registry()
    closed: List[str] = []

    @registry.stage(id="opened")
    def opened() -> Iterator[Place]:
        yield Place(here())
        closed.append(here())

    def then(text: str) -> str:
        return f"{text}\n{here()}"

    @registry.stage(id="thread", executor="threads")
    def thread(place: Place) -> bytes:
        return then(place).encode()

    @registry.stage(id="process", executor="processes")
    def process(text: bytes) -> bytearray:
        return bytearray(text + b"\n" + f"{os.getpid()} there".encode())

    @registry.stage(id="task")
    async def task(text: bytearray) -> List[str]:
        await asyncio.sleep(0)
        return [*text.decode().splitlines(), here()]

    with ThreadPoolExecutor(1, thread_name_prefix="mine") as pool:

        @registry.stage(id="pooled", executor=pool)
        def pooled(lines: List[str]) -> Dict[str, str]:
            names = ["opened", "thread", "process", "task", "pooled"]
            return dict(zip(names, [*lines, here()]))

        found = run(registry=registry)["pooled"]
    pids = {name: place.split()[0] for name, place in found.items()}
    assert str(os.getpid()) != pids.pop("process")
    assert {str(os.getpid())} == set(pids.values())
    assert found["pooled"].endswith("mine_0")
    assert found["opened"] == closed[0]
    assert 3 == len({place for name, place in found.items() if name != "process"})


def test_workers_stay_warm_between_stages_and_runs() -> None:
    """The processes of a second run are those of the first one."""

    def pid() -> int:
        return os.getpid()

    registry = Registry()
    for number in range(20):
        registry.add(pid, id=f"s{number}")
    with ProcessPool(2) as pool:
        runs: List[Result] = [run(registry=registry, executor=pool) for _ in range(2)]
    first, second = ({each[f"s{number}"] for number in range(20)} for each in runs)
    assert len(first | second) <= 2
    assert os.getpid() not in first


@pytest.mark.slow
def test_spawn_is_what_there_is_elsewhere(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the system has no forkserver, workers are started one by one, without a word."""
    monkeypatch.setattr(pools, "CAN_FORK", False)
    with ProcessPool(1) as pool:
        assert os.getpid() != pool.submit(os.getpid).result(PATIENCE)
        assert "SpawnLauncher" == type(pool._supervisor._launcher).__name__


@pytest.mark.skipif(sys.platform == "win32", reason="no SIGTERM there")
def test_cancelling_arun_from_outside_ends_what_processes_do(tmp_path: Any) -> None:
    """``CancelledError`` comes back, and the worker that did not obey is gone."""
    gate = str(tmp_path / "gate")
    os.mkfifo(gate)

    def stuck() -> None:
        open(gate).close()  # noqa: PTH123 - until it is ended

    async def cancelled(pool: ProcessPool) -> None:
        begun = asyncio.Event()

        class Listening(Hook):
            def on_event(self, event: Event) -> None:
                if isinstance(event, StageStarted):
                    begun.set()

        registry = Registry()
        registry.add(stuck, id="stuck")
        task = asyncio.create_task(arun(registry=registry, executor=pool, hooks=[Listening()]))
        await begun.wait()
        task.cancel()
        await task

    with ProcessPool(1) as pool:
        with pytest.raises(asyncio.CancelledError):
            asyncio.run(cancelled(pool))
        assert 3 == pool.submit(abs, -3).result(PATIENCE)
