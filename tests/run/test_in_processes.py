"""Retries, time limits and cancels of stages that other processes carry out."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import current_thread
from typing import Any, List

import pytest

from stagekit import CancelToken, Registry, Retry, arun, run
from stagekit.errors import StageTimeoutError, WorkerDiedError
from stagekit.events import Reason, RunStatus, StageFailed, StageRetrying, StageStarted
from tests.run.timed import Timed, when

pytest.importorskip("stagekit.executors.processes")
pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="signals are not sent there")


@pytest.fixture
def timed() -> Timed:
    """Give a run on processes, with a clock."""
    return Timed("processes")


def test_a_process_is_tried_again(timed: Timed, tmp_path: Path) -> None:
    """Errors come back with their attempt, as from a thread."""
    count = tmp_path / "count"

    def flaky() -> int:
        with count.open("a+", encoding="ascii") as file:
            file.write("x")
            calls = file.tell()
        if calls < 3:
            raise OSError(calls)
        return calls

    timed.registry.add(flaky, id="a", retries=Retry(5, on=OSError, wait=30, jitter=False))
    result = timed.run()
    assert 3 == result["a"]
    assert ["OSError(1)", "OSError(2)", "None"] == [
        repr(attempt.error) for attempt in result.report("a").attempts
    ]
    assert 90.0 == timed.clock.seconds


def test_an_async_stage_that_says_so_runs_in_a_process() -> None:
    """On a loop of that process, with retries and time limits; those that say nothing stay here."""

    async def far() -> int:
        await asyncio.sleep(0)
        return os.getpid()

    async def long() -> None:
        await asyncio.sleep(3600)

    async def near() -> int:
        return os.getpid()

    registry = Registry()
    registry.add(far, id="far", executor="processes", retries=1)
    registry.add(long, id="long", executor="processes", timeout=0.05)
    registry.add(near, id="near")
    result = run(registry=registry, on_failure="continue", check=False)
    assert os.getpid() == result["near"]
    assert os.getpid() != result["far"]
    assert "processes-" in result.report("far").attempts[0].worker
    assert isinstance(result.report("long").error, StageTimeoutError)


def test_an_async_stage_may_run_in_any_pool() -> None:
    """Each call has a loop of its own there."""
    registry = Registry()

    async def named() -> str:
        await asyncio.sleep(0)
        return current_thread().name

    with ThreadPoolExecutor(1, thread_name_prefix="mine") as pool:
        registry.add(named, id="a", executor=pool)
        assert "mine_0" == run(registry=registry)["a"]
        assert "mine_0" == asyncio.run(arun(registry=registry))["a"]


@pytest.mark.slow
def test_a_call_that_kills_its_worker_is_tried_three_times_more(timed: Timed) -> None:
    """Crashes have a budget of their own, whatever ``retries`` says; others do not notice."""

    def dies() -> None:
        os._exit(3)

    def lives() -> int:
        return os.getpid()

    timed.registry.add(dies, id="dies", retries=10)
    for name in "abc":
        timed.registry.add(lives, id=name)
    result = timed.run(on_failure="continue")
    report = result.report("dies")
    assert Reason.CRASHED is report.reason
    assert [WorkerDiedError] * 4 == [type(attempt.error) for attempt in report.attempts]
    assert [1, 2, 3] == [event.attempt for event in timed.hook.of(StageRetrying)]
    assert [4] == [event.attempt for event in timed.hook.of(StageFailed)]
    assert {"succeeded": 3, "failed": 1} == result.counts()
    assert os.getpid() not in [result[name] for name in "abc"]


def test_without_retries_a_death_is_a_failure(timed: Timed) -> None:
    """The signal is named."""

    def dies() -> None:
        os.kill(os.getpid(), signal.SIGKILL)

    timed.registry.add(dies, id="dies")
    report = timed.run().report("dies")
    assert 1 == len(report.attempts)
    assert "SIGKILL" in str(report.error)


def test_a_process_that_takes_too_long_is_ended(timed: Timed) -> None:
    """Its worker goes, and it is tried again; nothing is given up on."""

    def hangs() -> None:
        time.sleep(3600)

    timed.registry.add(hangs, id="a", timeout=0.05, retries=1)
    result = timed.run(clock=None)
    report = result.report("a")
    assert Reason.TIMED_OUT is report.reason
    assert [StageTimeoutError] * 2 == [type(attempt.error) for attempt in report.attempts]
    assert () == result.abandoned


@pytest.mark.slow
def test_a_process_that_ignores_its_signal_is_killed(tmp_path: Path) -> None:
    """X6: SIGTERM, and after the grace SIGKILL."""
    registry, token = Registry(), CancelToken()
    fifo = tmp_path / "fifo"
    os.mkfifo(fifo)

    def stubborn() -> None:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        fifo.write_bytes(b"ignores it")
        time.sleep(3600)

    def cancels() -> None:
        fifo.read_bytes()
        token.cancel()

    registry.add(stubborn, id="a", executor="processes", retries=3)
    registry.add(cancels, id="b")
    result = run(registry=registry, executor="threads", cancel=token, grace=0.05, check=False)
    assert RunStatus.CANCELLED is result.status
    assert Reason.INTERRUPTED is result.report("a").reason
    assert 1 == len(result.report("a").attempts)
    assert () == result.abandoned


def test_a_cancel_ends_processes_and_starts_nothing(timed: Timed) -> None:
    """Each is told to end with SIGTERM; what waits for a worker is never called."""
    token = CancelToken()

    def hangs() -> None:
        time.sleep(3600)

    for name in "abcd":
        timed.registry.add(hangs, id=name, retries=3)
    started: List[Any] = []

    def second() -> None:
        started.append(1)
        if len(started) == 2:
            token.cancel("enough")

    result = timed.run(cancel=token, hooks=[when(StageStarted, second)])
    assert {"cancelled": 4} == result.counts()
    assert 2 == len(started)
    assert () == result.abandoned
    assert 0.0 == timed.clock.seconds


def test_after_a_deadline_processes_are_ended(timed: Timed) -> None:
    """They are cancelled, and so is what would have followed."""

    def hangs() -> None:
        time.sleep(3600)

    timed.registry.add(hangs, id="a")
    timed.registry.add(hangs, id="b", depends_on="a")
    late = when(StageStarted, lambda: timed.clock.advance(6))
    result = timed.run(hooks=[late], deadline=5)
    assert RunStatus.CANCELLED is result.status
    assert [Reason.INTERRUPTED, Reason.STOPPED] == [each.reason for each in result.reports()]
