"""Ctrl-C, and defects, in the moments between two stages: nothing hangs, nothing is lost."""

from __future__ import annotations

import asyncio
import os
import signal
import threading
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, Callable, Iterator, List

import pytest

from stagekit import Registry, Result, run
from stagekit._run.backends import threads as backend_threads
from stagekit._run.fast import inline, threads
from stagekit._run.fast import loop as aio
from stagekit._run.notify import Notifier
from stagekit._run.session import Session
from stagekit.errors import InternalError, MachineLimitError
from stagekit.testing import RecordingHook

PATIENCE = 30


def press_ctrl_c(*_: object, **__: object) -> Any:
    """Stand in for a part of ours at which Ctrl-C comes."""
    raise KeyboardInterrupt


def interrupted(registry: Registry, **options: Any) -> Result:
    """Run a registry that is interrupted; return the result that the exception carries."""
    with pytest.raises(KeyboardInterrupt) as caught:
        run(registry=registry, **options)
    result: object = vars(caught.value)["result"]
    assert isinstance(result, Result)
    return result


def outcomes(result: Result) -> List[str]:
    """Return the outcomes in plan order."""
    return [report.outcome.value for report in result.reports()]


def alone() -> None:
    """Be ready at once."""


async def waits() -> None:
    """Suspend once."""
    await asyncio.sleep(0)


def fails() -> None:
    """Raise."""
    raise ValueError("no")


def registry_of(*functions: Callable[[], object]) -> Registry:
    """Return a registry of these stages, the first of which is the first to start."""
    registry = Registry()
    for number, function in enumerate(functions):
        registry.add(function, id=f"s{number}", priority=-number)
    return registry


@pytest.fixture
def own_handler() -> Iterator[List[int]]:
    """Have a program's own handler raise ``KeyboardInterrupt``; give the signals that came."""
    came: List[int] = []

    def handler(number: int, _frame: object) -> None:
        came.append(number)
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGINT, handler)
    yield came
    signal.signal(signal.SIGINT, before)


def test_ctrl_c_between_two_stages_after_a_failure_cancels_the_rest(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """An inline run that goes on after a failure can be interrupted like any."""
    monkeypatch.setattr(inline, "invoke", press_ctrl_c)
    result = interrupted(registry_of(alone, fails, alone), executor="inline", on_failure="continue")
    assert ["succeeded", "failed", "cancelled"] == outcomes(result)


def test_ctrl_c_between_two_async_stages_cancels_the_rest(monkeypatch: pytest.MonkeyPatch) -> None:
    """What has ended keeps its outcome, wherever in the branch Ctrl-C comes."""
    monkeypatch.setattr(aio, "what_cancels", press_ctrl_c)
    registry = Registry()
    for number in range(3):
        registry.add(waits, id=f"s{number}", depends_on=[f"s{number - 1}"][:number])
    result = interrupted(registry)
    assert ["succeeded", "cancelled", "cancelled"] == outcomes(result)


def test_ctrl_c_before_the_loop_has_begun_cancels_all(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where not even the branches have been made, every stage is cancelled."""
    monkeypatch.setattr(aio, "FastLoop", press_ctrl_c)
    assert ["cancelled", "cancelled"] == outcomes(interrupted(registry_of(waits, waits)))


def test_ctrl_c_while_a_call_is_given_to_a_pool_cancels_the_run() -> None:
    """What a pool's ``submit`` was at is cancelled; what it has not begun is taken back."""

    class Pool:
        futures: List[Future[Any]] = []  # noqa: RUF012 - of one test

        def submit(self, *_: Any) -> Future[Any]:
            if self.futures:
                raise KeyboardInterrupt
            self.futures.append(Future())
            return self.futures[0]

    result = interrupted(registry_of(alone, alone, alone), executor=Pool(), workers=3)
    assert ["cancelled"] * 3 == outcomes(result)
    assert Pool.futures[0].cancelled()


def test_an_async_stage_that_ends_after_the_second_ctrl_c_changes_nothing(
    own_handler: List[int],
) -> None:
    """A stage that was given up may still raise: the run has ended without it."""
    ended: List[int] = []

    async def stubborn() -> None:
        asyncio.get_running_loop().call_soon(os.kill, os.getpid(), signal.SIGINT)
        while len(own_handler) < 2:
            try:
                await asyncio.sleep(3600)
            except asyncio.CancelledError:
                if not own_handler[1:]:
                    asyncio.get_running_loop().call_soon(os.kill, os.getpid(), signal.SIGINT)
        ended.append(len(own_handler))
        raise ValueError("late")

    result = interrupted(registry_of(stubborn))
    assert [2] == ended
    assert ["cancelled"] == outcomes(result)
    assert not isinstance(result.report("s0").error, ValueError)


def test_a_worker_whose_start_was_interrupted_is_not_missed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A thread that begins although Ctrl-C came while it was started finds nothing to do."""
    late: List[threading.Thread] = []
    is_interrupted = threading.Event()
    interrupt = Session.interrupt

    class Late(threading.Thread):
        def start(self) -> None:
            if self.name == "stagekit-1":
                super().start()
            else:
                late.append(self)
                raise KeyboardInterrupt

    def noticed(self: Session, error: Any = None) -> None:
        interrupt(self, error)
        is_interrupted.set()

    def blocks() -> None:
        assert is_interrupted.wait(PATIENCE)
        threading.Thread.start(late[0])
        late[0].join(PATIENCE)

    monkeypatch.setattr(threads, "Thread", Late)
    monkeypatch.setattr(Session, "interrupt", noticed)
    result = interrupted(registry_of(blocks, alone), executor="threads", workers=2)
    assert ["succeeded", "cancelled"] == outcomes(result)
    assert not late[0].is_alive()


def test_a_worker_that_cannot_be_started_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever keeps the first thread from starting is what the run ends with."""

    class Broken(threading.Thread):
        def start(self) -> None:
            raise MemoryError("no room for a stack")

    monkeypatch.setattr(backend_threads, "Thread", Broken)
    with pytest.raises(MachineLimitError, match="no room for a stack"):
        run(registry=registry_of(alone), executor="threads", deadline=600.0)


def test_a_defect_is_told_once_what_a_pool_runs_has_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    """The calls of a pool are waited for, and what they raise is not in the way."""
    released, ended = threading.Event(), threading.Event()

    def slow() -> None:
        assert released.wait(PATIENCE)
        ended.set()
        raise ValueError("no")

    tell = Notifier.tell

    def breaks(self: Notifier) -> None:
        if ~1 in self.decided:
            released.set()
            raise LookupError("pretended")
        tell(self)

    monkeypatch.setattr(Notifier, "tell", breaks)
    with ThreadPoolExecutor(2) as pool, pytest.raises(InternalError, match="pretended"):
        run(registry=registry_of(slow, alone), executor=pool, hooks=[RecordingHook()])
    assert ended.is_set()
