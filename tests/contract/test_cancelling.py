"""How runs are cancelled: by a stage, by Ctrl-C, by the task that awaits them, by a failure."""

from __future__ import annotations

import asyncio
import os
import signal
import threading
from typing import TYPE_CHECKING, Any, List

import pytest

from stagekit import Registry, Result, RunCancelledError, arun, run
from stagekit._run.session import Session
from stagekit.events import Reason, RunStatus
from stagekit.testing import RecordingHook

if TYPE_CHECKING:
    from tests.contract.conftest import Flow

PATIENCE = 30


@pytest.fixture
def interrupted(monkeypatch: pytest.MonkeyPatch) -> threading.Event:
    """Give an event that is set once a run has taken notice of an interruption."""
    event = threading.Event()
    interrupt = Session.interrupt

    def noticed(self: Session, error: Any = None) -> None:
        interrupt(self, error)
        event.set()

    monkeypatch.setattr(Session, "interrupt", noticed)
    return event


def press_ctrl_c() -> None:
    """Send this process what the terminal sends."""
    os.kill(os.getpid(), signal.SIGINT)


def result_of(error: BaseException) -> Result:
    """Return the result that a ``KeyboardInterrupt`` carries."""
    result: object = getattr(error, "result", None)
    assert isinstance(result, Result)
    return result


def test_a_stage_that_raises_keyboard_interrupt_cancels_the_run(flow: Flow) -> None:
    """R4: nothing new starts, and the very exception is raised again, with the result."""
    raised: List[KeyboardInterrupt] = flow.list()

    @flow.stage
    def a() -> None:
        error = KeyboardInterrupt("by a stage")
        raised.append(error)
        raise error

    called: List[str] = flow.list()
    flow.add(id="b", depends_on="a")(lambda: called.append("b"))
    flow.add(id="c", priority=-1, depends_on="b")(lambda: called.append("c"))
    for check in (True, False):
        hook = RecordingHook()
        with pytest.raises(KeyboardInterrupt) as caught:
            flow.run(on_failure="continue", check=check, hooks=[hook] if check else [])
        (error,) = raised
        assert flow.is_beyond or caught.value is error
        assert ("by a stage",) == caught.value.args
        result = result_of(caught.value)
        assert RunStatus.CANCELLED is result.status
        assert not result.ok
        assert [Reason.INTERRUPTED, Reason.STOPPED, Reason.STOPPED] == [
            report.reason for report in result.reports()
        ]
        assert result.report("a").error is caught.value
        with pytest.raises(RunCancelledError, match="was cancelled: 3 cancelled"):
            result.raise_for_failures()
        raised.clear()
    assert [] == called


@pytest.mark.parametrize("executor", ["inline", "threads"])
def test_ctrl_c_lets_plain_stages_end_and_starts_nothing_new(
    executor: str, interrupted: threading.Event
) -> None:
    """Ctrl-C in the calling thread: what runs is waited for, what waits is cancelled."""
    registry = Registry()
    called: List[str] = []

    def a() -> None:
        press_ctrl_c()
        called.append("a")
        assert executor == "inline" or interrupted.wait(PATIENCE)

    registry.add(a, id="a")
    registry.add(lambda: called.append("b"), id="b", depends_on="a")
    with pytest.raises(KeyboardInterrupt) as caught:
        run(registry=registry, executor=executor)
    result = result_of(caught.value)
    assert RunStatus.CANCELLED is result.status
    assert "b" not in called
    expected = "cancelled" if executor == "inline" else "succeeded"
    assert expected == result.report("a").outcome.value
    assert Reason.STOPPED is result.report("b").reason
    assert signal.default_int_handler is signal.getsignal(signal.SIGINT)


def test_a_second_ctrl_c_ends_the_wait_for_threads(interrupted: threading.Event) -> None:
    """R23: the run returns at once; what still runs cannot change the result any more."""
    registry = Registry()
    released, ended = threading.Event(), threading.Event()
    threads: List[threading.Thread] = []

    def stubborn() -> int:
        threads.append(threading.current_thread())
        press_ctrl_c()
        assert interrupted.wait(PATIENCE)
        press_ctrl_c()
        assert released.wait(PATIENCE)
        ended.set()
        return 1

    registry.add(stubborn, id="a")
    registry.add(lambda: None, id="b", depends_on="a")
    registry.add(lambda: None, id="c")
    with pytest.raises(KeyboardInterrupt) as caught:
        run(registry=registry, executor="threads")
    result = result_of(caught.value)
    assert not ended.is_set()
    released.set()
    threads[0].join(PATIENCE)
    assert ended.is_set()
    assert "cancelled" == result.report("a").outcome.value
    assert Reason.INTERRUPTED is result.report("a").reason
    assert Reason.STOPPED is result.report("b").reason


@pytest.mark.parametrize("mixed", [False, True])
def test_ctrl_c_cancels_async_stages(mixed: bool, interrupted: threading.Event) -> None:  # noqa: PLR0915
    """Async stages get ``CancelledError`` at their next await; a value in time counts."""
    registry = Registry()
    seen: List[str] = []

    started: List[str] = []

    async def a() -> None:
        while len(started) < 2:
            await asyncio.sleep(0)
        press_ctrl_c()
        try:
            await asyncio.sleep(3600)
        except asyncio.CancelledError:
            seen.append("a")
            raise

    async def in_time() -> int:
        started.append("in_time")
        try:
            await asyncio.sleep(3600)
        except asyncio.CancelledError:
            seen.append("in_time")
        return 1

    async def cleans_up_badly() -> int:
        started.append("cleans_up_badly")
        try:
            await asyncio.sleep(3600)
        finally:
            raise ValueError("while cleaning up")

    for stage in (in_time, cleans_up_badly, a):
        registry.add(stage, id=stage.__name__)
    registry.add(lambda: None, id="b", depends_on="a")
    if mixed:
        registry.add(lambda: interrupted.wait(PATIENCE), id="plain")
    with pytest.raises(KeyboardInterrupt) as caught:
        run(registry=registry, executor="threads")
    result = result_of(caught.value)
    assert RunStatus.CANCELLED is result.status
    assert Reason.INTERRUPTED is result.report("a").reason
    assert isinstance(result.report("a").error, asyncio.CancelledError)
    assert 1 == result["in_time"]
    assert Reason.RAISED is result.report("cleans_up_badly").reason
    assert ["a", "in_time"] == sorted(seen)
    if mixed:
        assert "succeeded" == result.report("plain").outcome.value
    assert signal.default_int_handler is signal.getsignal(signal.SIGINT)


def test_a_second_ctrl_c_ends_the_wait_for_async_stages(interrupted: threading.Event) -> None:
    """A stage that does not obey is given up; the loop is closed without a word."""
    registry = Registry()

    async def stubborn() -> None:
        press_ctrl_c()
        while True:
            try:
                await asyncio.sleep(3600)
            except asyncio.CancelledError:
                if interrupted.is_set():
                    press_ctrl_c()
                    interrupted.clear()

    registry.add(stubborn, id="a")
    with pytest.raises(KeyboardInterrupt) as caught:
        run(registry=registry)
    assert RunStatus.CANCELLED is result_of(caught.value).status


def test_ctrl_c_is_left_to_a_program_that_handles_it(interrupted: threading.Event) -> None:
    """Where a program has its own handler, no other is installed, and an async run goes on."""
    came: List[int] = []
    before = signal.signal(signal.SIGINT, lambda number, _frame: came.append(number))
    try:
        registry = Registry()

        async def a() -> None:
            press_ctrl_c()
            await asyncio.sleep(0)

        registry.add(a, id="a")
        assert run(registry=registry).ok
    finally:
        signal.signal(signal.SIGINT, before)
    assert [signal.SIGINT] == came
    assert not interrupted.is_set()


@pytest.mark.parametrize("executor", ["threads", "inline"])
def test_ctrl_c_between_stages_of_an_inline_loop_cancels(
    executor: str, interrupted: threading.Event
) -> None:
    """An async stage carried out inline is cancelled by Ctrl-C while it waits."""
    registry = Registry()

    async def a() -> None:
        asyncio.get_running_loop().call_soon(press_ctrl_c)
        await asyncio.sleep(3600)

    registry.add(a, id="a")
    registry.add(lambda: None, id="b", depends_on="a")
    with pytest.raises(KeyboardInterrupt) as caught:
        run(registry=registry, executor=executor)
    assert interrupted.is_set()
    result = result_of(caught.value)
    assert ["cancelled", "cancelled"] == [r.outcome.value for r in result.reports()]


@pytest.mark.parametrize("executor", ["threads", "inline", "auto"])
def test_cancelling_arun_cancels_what_it_awaits(executor: str) -> None:
    """Nothing new starts, async stages are cancelled and awaited, and the error is raised again."""
    registry = Registry()
    seen: List[str] = []

    async def a() -> None:
        try:
            await asyncio.sleep(3600)
        finally:
            await asyncio.sleep(0)
            seen.append("a cleaned up")

    async def main() -> None:
        started = asyncio.Event()

        async def starts() -> None:
            started.set()

        registry.add(starts, id="starts", priority=1)
        registry.add(a, id="a", depends_on="starts")
        registry.add(lambda: seen.append("b"), id="b", depends_on="a")
        task = asyncio.ensure_future(arun(registry=registry, executor=executor))
        await started.wait()
        for _ in range(10):
            await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(main())
    assert ["a cleaned up"] == seen


def test_cancelling_arun_awaits_plain_stages() -> None:
    """A thread cannot be stopped: its stage is awaited, even if the task is cancelled again."""
    registry = Registry()
    seen: List[str] = []
    running, released = threading.Event(), threading.Event()

    def plain() -> None:
        running.set()
        assert released.wait(PATIENCE)
        seen.append("plain")

    registry.add(plain, id="plain")
    registry.add(lambda: seen.append("next"), id="next", depends_on="plain")

    async def main() -> None:
        loop = asyncio.get_running_loop()
        task = asyncio.ensure_future(arun(registry=registry, executor="threads"))
        await loop.run_in_executor(None, running.wait)
        task.cancel()
        await asyncio.sleep(0)
        task.cancel()
        for _ in range(10):
            await asyncio.sleep(0)
        assert not task.done()
        released.set()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(main())
    assert ["plain"] == seen


def test_on_failure_cancel_cancels_running_async_stages(flow: Flow) -> None:
    """``cancel`` ends async stages that run, ``stop`` lets them finish."""
    if "inline" in flow.way:
        pytest.skip("nothing else runs while a stage fails")
    begun, failing = flow.event(), flow.event()

    async def waits() -> int:
        begun.set()
        while cancels or not failing.is_set():
            await asyncio.sleep(0)
        return 1

    async def fails_async() -> None:
        while not begun.is_set():
            await asyncio.sleep(0)
        failing.set()
        raise ValueError("no")

    def fails_plainly() -> None:
        assert begun.wait(PATIENCE)
        failing.set()
        raise ValueError("no")

    flow.registry.add(waits, id="waits", priority=1)
    flow.registry.add(fails_async if flow.is_async else fails_plainly, id="fails")
    for cancels in (True, False):
        begun.clear()
        failing.clear()
        result = flow.run(on_failure="cancel" if cancels else "stop", check=False)
        assert RunStatus.FAILED is result.status
        assert "no" == str(result.report("fails").error)
        reason = result.report("waits").reason
        assert reason is (Reason.INTERRUPTED if cancels else None)


def test_a_stage_that_cancels_itself_has_failed(flow: Flow) -> None:
    """``CancelledError`` without a cancelled run is a failure like any other."""

    async def a() -> None:
        task = asyncio.current_task()
        assert task is not None
        task.cancel()
        await asyncio.sleep(3600)

    async def b() -> str:
        await asyncio.sleep(0)
        return "well"

    flow.registry.add(a, id="a")
    flow.registry.add(b, id="b")
    result = flow.run(on_failure="continue", check=False)
    assert isinstance(result.report("a").error, asyncio.CancelledError)
    assert "failed" == result.report("a").outcome.value
    assert "well" == result["b"]


def test_a_cancel_that_a_stage_leaves_behind_does_not_hit_the_next_one(flow: Flow) -> None:
    """A stage that asks its own task to end, and returns, harms nobody else."""

    async def a() -> None:
        task = asyncio.current_task()
        assert task is not None
        task.cancel()

    async def b() -> str:
        await asyncio.sleep(0)
        return "well"

    flow.registry.add(a, id="a")
    flow.registry.add(b, id="b", depends_on="a")
    assert "well" == flow.run()["b"]
