"""What a measured run counts, whom it counts it for, and what it leaves unknown."""

from __future__ import annotations

import asyncio
import json
import mmap
import subprocess
import sys
import threading
import time
import tracemalloc
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any, AsyncIterator, List

import psutil
import pytest

from stagekit import CancelToken, Registry, bench, run
from stagekit.errors import MissingExtraError, UsageError
from tests.run.faraway import MUCH, nothing, take, take_of_the_system

WAYS: Any = [
    "tracemalloc",
    pytest.param(True, marks=pytest.mark.skipif(sys.platform != "linux", reason="Linux tells it")),
]


def burn(seconds: float) -> None:
    """Use the processor in this thread."""
    end = time.thread_time() + seconds
    while time.thread_time() < end:
        pass


@pytest.mark.parametrize("measure", WAYS)
@pytest.mark.parametrize("executor", ["inline", "processes"])
def test_memory_is_that_of_the_stage_that_took_it(executor: Any, measure: Any) -> None:
    """What was let go of before a stage began is not its own."""
    registry = Registry()
    registry.add(take if measure == "tracemalloc" else take_of_the_system, id="much")
    registry.add(nothing, id="little", depends_on="much")
    result = run(registry=registry, executor=executor, measure=measure, workers=1)
    much, little = (result.report(name).peak_memory_bytes for name in ("much", "little"))
    assert much is not None
    assert little is not None
    assert MUCH * 0.9 < much < MUCH * 1.5
    assert little < MUCH / 4


@pytest.fixture
def no_peak(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Let the system keep no peak of the memory, as systems other than Linux."""
    monkeypatch.setattr("stagekit._base.usage._SET_BACK", str(tmp_path / "none" / "here"))


@pytest.mark.usefixtures("no_peak")
def test_psutil_watches_memory_where_the_system_keeps_no_peak(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Its thread ends with the stage."""
    looks: List[object] = []

    class Process(psutil.Process):
        def memory_info(self) -> Any:
            looks.append(None)
            return super().memory_info()

    def much() -> None:
        with mmap.mmap(-1, MUCH) as block:
            block.write(bytes(MUCH))
            known, end = len(looks), time.monotonic() + 60
            while len(looks) < known + 2 and time.monotonic() < end:
                time.sleep(0.001)

    monkeypatch.setattr(psutil, "Process", Process)
    registry = Registry()
    registry.add(much, id="much")
    registry.add(lambda: None, id="little", depends_on="much")
    result = run(registry=registry, executor="inline", measure=True)
    rose, little = (result.report(name).peak_memory_bytes or 0 for name in ("much", "little"))
    assert rose > 0.9 * MUCH
    assert little < MUCH / 4
    assert not [each for each in threading.enumerate() if each.name == "stagekit-memory"]


@pytest.mark.usefixtures("no_peak")
def test_memory_is_unknown_where_nothing_can_tell_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """A benchmark that was to measure it says what to install, and runs nothing."""
    monkeypatch.setitem(sys.modules, "psutil", None)
    registry = Registry()
    called: List[None] = []
    registry.add(lambda: called.append(None), id="one")
    report = run(registry=registry, measure=True).report("one")
    assert report.peak_memory_bytes is None
    assert report.cpu_seconds is not None
    assert len(called) == 1
    with pytest.raises(MissingExtraError, match="'resources' extra"):
        bench(registry=registry, memory="rss")
    assert len(called) == 1


def test_tracemalloc_stays_on_where_it_was_on() -> None:
    """And off where it was off."""
    registry = Registry()
    registry.add(take, id="much")
    assert not tracemalloc.is_tracing()
    run(registry=registry, measure="tracemalloc")
    assert not tracemalloc.is_tracing()
    tracemalloc.start()
    try:
        result = run(registry=registry, measure="tracemalloc")
        assert tracemalloc.is_tracing()
    finally:
        tracemalloc.stop()
    assert (result.report("much").peak_memory_bytes or 0) > 0.9 * MUCH


def test_stages_that_overlap_have_no_memory_and_only_their_own_cpu_time() -> None:
    """Two threads of one process: nobody can tell whose memory rose."""
    registry, both = Registry(), threading.Barrier(2, timeout=60)

    def idle() -> None:
        both.wait()
        both.wait()

    def busy() -> None:
        both.wait()
        burn(0.05)
        both.wait()

    registry.add(idle, id="idle")
    registry.add(busy, id="busy")
    result = run(registry=registry, executor="threads", workers=2, measure=True)
    idle_, busy_ = result.report("idle"), result.report("busy")
    assert (None, None) == (idle_.peak_memory_bytes, busy_.peak_memory_bytes)
    assert idle_.cpu_seconds is not None
    assert idle_.cpu_seconds < 0.045 < (busy_.cpu_seconds or 0)


def test_async_stages_that_overlap_have_the_time_between_their_waits() -> None:
    """Though one thread carries them all out."""
    registry, turns = Registry(), [asyncio.sleep]

    async def idle() -> int:
        for _ in range(20):
            await turns[0](0)
        return 1

    async def busy() -> int:
        for _ in range(20):
            burn(0.003)
            await turns[0](0)
        return 2

    registry.add(idle, id="idle")
    registry.add(busy, id="busy")
    result = run(registry=registry, measure=True)
    assert (1, 2) == (result["idle"], result["busy"])
    idle_, busy_ = (result.report(name).cpu_seconds or 0 for name in ("idle", "busy"))
    assert idle_ < 0.05 < busy_


def test_what_is_thrown_into_an_async_stage_arrives() -> None:
    """A failed wait, a cancelled one, and the value of one that succeeds."""
    registry = Registry()
    seen: List[object] = []

    async def fails() -> None:
        await asyncio.sleep(0)
        raise KeyError("inner")

    async def stage() -> str:
        try:
            await fails()
        except KeyError as error:
            seen.append(error.args[0])
        try:
            await asyncio.wait_for(asyncio.Event().wait(), 0.001)
        except asyncio.TimeoutError:
            seen.append("late")
        return str(await asyncio.sleep(0, "value"))

    registry.add(stage, id="stage")
    assert "value" == run(registry=registry, measure=True)["stage"]
    assert ["inner", "late"] == seen


def test_an_async_stage_can_be_cancelled() -> None:
    """A measured one, too, and its attempt is counted."""
    registry, token = Registry(), CancelToken()

    async def stage() -> None:
        token.cancel("enough")
        await asyncio.Event().wait()

    registry.add(stage, id="stage")
    result = run(registry=registry, measure=True, cancel=token, check=False)
    assert "cancelled" == result.report("stage").outcome.value
    assert result.report("stage").cpu_seconds is not None


def test_a_child_process_counts_for_the_stage_that_waited_for_it() -> None:
    """Where the stage was alone."""
    registry = Registry()
    code = "import time\nwhile time.process_time() < 0.1: pass"
    registry.add(lambda: subprocess.run([sys.executable, "-c", code], check=True), id="child")
    cpu = run(registry=registry, measure=True).report("child").cpu_seconds
    if sys.platform == "win32":
        assert cpu is not None
    else:
        assert (cpu or 0) > 0.09


def test_a_pool_that_cannot_tell_leaves_it_unknown() -> None:
    """A ``ProcessPoolExecutor`` calls the function alone."""
    registry = Registry()
    registry.add(take, id="far")
    with ProcessPoolExecutor(1) as pool:
        result = run(registry=registry, executor=pool, measure=True)
    report = result.report("far")
    assert (1, None, None) == (
        len(report.attempts),
        report.cpu_seconds,
        report.peak_memory_bytes,
    )


def test_a_failure_shows_no_frame_of_the_measuring() -> None:
    """The traceback begins at the user's function."""
    registry = Registry()

    def bad() -> None:
        raise ValueError("bad")

    registry.add(bad, id="bad")
    error = run(registry=registry, measure=True, check=False).failures[0].error
    assert error is not None
    assert error.__traceback__ is not None
    assert "bad" == error.__traceback__.tb_frame.f_code.co_name


def test_json_has_what_was_measured() -> None:
    """And is as before where nothing was."""
    registry = Registry()
    registry.add(lambda: None, id="one")
    plain, measured = (
        json.loads(run(registry=registry, measure=each).to_json())["stages"][0]["attempts"][0]
        for each in (False, True)
    )
    assert {"cpu_seconds", "peak_memory_bytes"} == set(measured) - set(plain)


def test_async_resources_are_measured_when_they_open() -> None:
    """Their end is awaited as ever."""
    registry = Registry()
    seen: List[object] = []

    async def opened() -> AsyncIterator[int]:
        burn(0.01)
        yield 3
        seen.append("closed")

    registry.stage(id="opened")(opened)

    async def user(number: int) -> None:
        seen.append(number)

    registry.stage(id="user")(user)
    result = run(registry=registry, measure=True)
    assert [3, "closed"] == seen
    assert (result.report("opened").cpu_seconds or 0) > 0.009


def test_nothing_of_it_is_loaded_unless_asked() -> None:
    """Neither in a short run nor in one that the coordinator carries out."""
    code = (
        "import sys\nfrom stagekit import Registry, run\nr = Registry()\n"
        "r.add(lambda: 1, id='a', retries=1, timeout=5)\nr.add(lambda: 1, id='b')\n"
        "run(registry=r, executor='threads', limits={'async': 1})\nrun(registry=r)\n"
        "print([n for n in sys.modules if n.endswith(('.usage', '.measuring'))])"
    )
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", code], capture_output=True, text=True, check=True
    )
    assert "[]\n" == done.stdout


@pytest.mark.parametrize("measure", ["memory", None, 1.5])
def test_a_wrong_value_is_refused(measure: Any) -> None:
    """With what is allowed."""
    with pytest.raises(UsageError, match="measure takes True, False or 'tracemalloc', got"):
        run(registry=Registry(), measure=measure)
