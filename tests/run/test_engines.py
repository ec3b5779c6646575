"""What the engines do in places that few runs come to."""

from __future__ import annotations

import asyncio
import os
import signal
import threading
import time
from typing import Any, Callable, List, Tuple

import pytest

from stagekit import Registry, Result, RunFailedError, StageRef, arun, plan, run
from stagekit._run.fast import direct as ledger_module
from stagekit._run.fast.direct import Direct
from stagekit._run.fast.inline import go_on, run_fast
from stagekit._run.fast.threads import FastThreads
from stagekit._run.guards.nesting import enter
from stagekit._run.session import Session
from stagekit._run.settings import RunSettings
from stagekit._run.state.columns import Columns
from stagekit.errors import NoValueError
from stagekit.events import StageStarted
from stagekit.testing import RecordingHook

PATIENCE = 30


def shapes(registry: Registry, *, priority: int = 0) -> Tuple[StageRef[Any], ...]:
    """Add stages whose calls have every shape there is: none to three values, and keywords."""

    def none() -> int:
        return 1

    def one(a: int) -> float:
        return a + 1.0

    def two(a: int, b: float) -> str:
        return f"{a}{b}"

    def three(a: int, b: float, c: str) -> bytes:
        return f"{a}{b}{c}".encode()

    def packed(*, a: int, d: bytes) -> complex:
        return complex(a, len(d))

    functions: List[Callable[..., Any]] = [none, one, two, three, packed]
    return tuple(registry.add(f, id=f.__name__, priority=priority) for f in functions)


def alone() -> None:
    """Be ready at once, and first."""


def test_priorities_change_the_order_of_an_inline_run_and_nothing_else() -> None:
    """Values and times are those of the order in which the stages were called."""
    registry = Registry()
    refs = shapes(registry)
    registry.add(alone, id="alone", priority=1)
    result = run(registry=registry, executor="inline")
    assert [1, 2.0, "12.0", b"12.012.0", 1 + 8j] == [result[ref] for ref in refs]
    assert result.plan.order[0] != "alone"
    called = sorted(result.reports(), key=lambda report: report.attempts[0].start)
    assert "alone" == called[0].stage_id
    spans = [report.attempts[0] for report in called]
    assert all(one.end == two.start for one, two in zip(spans, spans[1:]))
    assert result.critical_path()[0] == "none"


def test_an_inline_run_with_priorities_goes_on_after_a_failure() -> None:
    """What ran before the failure keeps its values and times."""
    registry = Registry()
    refs = shapes(registry)
    registry.add(alone, id="alone", priority=2)

    def breaks(b: float) -> None:
        raise ValueError(b)

    registry.add(breaks, id="breaks", priority=1)
    result = run(registry=registry, executor="inline", on_failure="continue", check=False)
    assert [1, 2.0, "12.0", b"12.012.0", 1 + 8j] == [result[ref] for ref in refs]
    called = sorted(result.reports(), key=lambda report: report.attempts[0].start)
    assert ["alone", "none", "one", "breaks", "two"] == [r.stage_id for r in called[:5]]


def test_a_promise_is_kept_in_every_order() -> None:
    """A broken promise is found in an inline run with priorities, too."""
    nothing: Any = None

    def breaks() -> int:
        found: int = nothing
        return found

    registry = Registry()
    registry.add(alone, id="alone", priority=2)
    registry.add(breaks, id="breaks")
    with pytest.raises(RunFailedError, match=r"breaks .* BadValueError: returned None"):
        run(registry=registry, executor="inline")


def resumed(error: BaseException) -> Session:
    """Return the session of an inline run in which *error* came after the last stage."""
    registry = Registry()
    registry.add(alone, id="alone")
    made, settings = settings_of(registry)
    context, settings = enter(settings)
    record, _ = run_fast(made, settings, context)
    session = Session(made, settings, context, "inline")
    go_on(session, record, error)
    return session


def settings_of(registry: Registry) -> Tuple[Any, RunSettings]:
    """Return the plan of a registry, and settings for it."""
    from stagekit._settings import settings_for

    made = plan(registry=registry)
    options = {**(run.__kwdefaults__ or {}), "executor": "inline"}
    return made, settings_for(made, options, {})


def test_ctrl_c_after_the_last_stage_cancels_nothing_that_has_ended() -> None:
    """An interruption that belongs to no stage leaves all of them as they are."""
    error = KeyboardInterrupt()
    session = resumed(error)
    assert error is session.interruption
    columns: Columns = session.columns
    assert [2] == list(columns.status or b"")
    with pytest.raises(MemoryError):
        resumed(MemoryError())


def test_a_cancelled_stage_has_no_value_and_says_so() -> None:
    """A stage that never started because the run stopped is told apart from a skipped one."""

    def fails() -> None:
        raise ValueError("no")

    registry = Registry()
    registry.add(fails, id="fails", priority=1)
    registry.add(alone, id="alone")
    result = run(registry=registry, executor="inline", check=False)
    with pytest.raises(NoValueError, match="'alone' has no value: it was cancelled, as the run"):
        result["alone"]


def test_without_a_lock_of_the_interpreter_heaps_are_locked(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Where an operation on a heap is not atomic, it is made under the lock of the run."""
    used: List[str] = []
    make = ledger_module._locked

    def locked(lock: Any, operation: Any) -> Any:
        def recorded(*args: Any) -> Any:
            used.append(operation.__name__)
            return inner(*args)

        inner = make(lock, operation)
        return recorded

    monkeypatch.setattr(ledger_module, "has_gil", lambda: False)
    monkeypatch.setattr(ledger_module, "_locked", locked)

    registry = Registry()
    for number in range(60):
        before = [f"s{number // 2}", f"s{number // 3}"] if number > 1 else ["s0"][:number]
        registry.add(lambda: None, id=f"s{number}", depends_on=before)
    assert {"succeeded": 60} == run(registry=registry, executor="threads", workers=4).counts()
    assert {"heappush", "heappop", "heappushpop"} == set(used)


def test_the_lock_of_the_interpreter_is_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    """A Python that can do without its lock says whether it does."""
    monkeypatch.setattr("sys._is_gil_enabled", lambda: False, raising=False)
    assert not ledger_module.has_gil()
    monkeypatch.setattr("sys._is_gil_enabled", lambda: True, raising=False)
    assert ledger_module.has_gil()
    monkeypatch.delattr("sys._is_gil_enabled")
    assert ledger_module.has_gil()


def test_ctrl_c_while_ctrl_c_is_obeyed_gives_up(monkeypatch: pytest.MonkeyPatch) -> None:
    """A second interruption counts as one, even if it comes in the midst of the first."""
    released = threading.Event()
    interrupt = Session.interrupt
    count: List[int] = []

    def twice(self: Session, error: Any = None) -> None:
        count.append(1)
        if len(count) == 1:
            raise KeyboardInterrupt
        interrupt(self, error)

    monkeypatch.setattr(Session, "interrupt", twice)
    started: List[threading.Thread] = []

    def stubborn() -> None:
        started.append(threading.current_thread())
        os.kill(os.getpid(), signal.SIGINT)
        assert released.wait(PATIENCE)

    registry = Registry()
    registry.add(stubborn, id="stubborn")
    registry.add(alone, id="alone")
    try:
        with pytest.raises(KeyboardInterrupt) as caught:
            run(registry=registry, executor="threads", check=False)
        result: Result = vars(caught.value)["result"]
        assert "cancelled" == result.report("stubborn").outcome.value
    finally:
        released.set()
        started[0].join(PATIENCE)


def test_ctrl_c_is_obeyed_where_another_handler_raises_it() -> None:
    """A program's own handler may raise ``KeyboardInterrupt`` anywhere, once and again."""
    came: List[int] = []

    def handler(number: int, _frame: object) -> None:
        came.append(number)
        raise KeyboardInterrupt

    async def stubborn() -> None:
        loop = asyncio.get_running_loop()
        loop.call_soon(os.kill, os.getpid(), signal.SIGINT)
        while len(came) < 2:
            try:
                await asyncio.sleep(3600)
            except asyncio.CancelledError:
                if len(came) < 2:
                    loop.call_soon(os.kill, os.getpid(), signal.SIGINT)

    registry = Registry()
    registry.add(stubborn, id="stubborn")
    before = signal.signal(signal.SIGINT, handler)
    try:
        with pytest.raises(KeyboardInterrupt):
            run(registry=registry)
    finally:
        signal.signal(signal.SIGINT, before)
    assert 2 == len(came)


def test_a_stage_that_cancels_every_task_of_its_loop_fails() -> None:
    """The run ends in order: what the stage has cancelled has failed, itself included."""

    async def everything() -> None:
        for task in asyncio.all_tasks():
            task.cancel()
        await asyncio.sleep(3600)

    registry = Registry()
    registry.add(everything, id="everything")
    registry.add(alone, id="after", depends_on="everything")
    result = run(registry=registry, executor="threads", check=False)
    assert {"failed": 1, "skipped": 1} == result.counts()


def test_a_branch_that_has_not_begun_is_cancelled_with_the_run() -> None:
    """On loops that start tasks in the next turn a cancelled branch leaves nothing behind."""
    called: List[str] = []

    async def fails() -> None:
        await asyncio.sleep(0)  # others are about to begin
        raise ValueError("no")

    async def late() -> None:
        called.append("late")

    def factory(loop: Any, coroutine: Any, **options: Any) -> Any:
        return asyncio.Task(coroutine, loop=loop, **options)

    async def main() -> None:
        asyncio.get_running_loop().set_task_factory(factory)
        registry = Registry()
        registry.add(fails, id="fails", priority=1)
        for number in range(3):
            registry.add(late, id=f"late{number}")
        result = await arun(registry=registry, on_failure="cancel", check=False)
        assert {"failed": 1, "cancelled": 3} == result.counts()

    asyncio.run(main())
    assert [] == called


def test_an_interrupted_thread_start_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    """Ctrl-C in the very moment in which a worker is started ends the run like any other."""
    from stagekit._run.fast import threads

    class Interrupted(threading.Thread):
        def start(self) -> None:
            raise KeyboardInterrupt

    monkeypatch.setattr(threads, "Thread", Interrupted)
    registry = Registry()
    registry.add(alone, id="alone")
    with pytest.raises(KeyboardInterrupt) as caught:
        run(registry=registry, executor="threads")
    result: Any = vars(caught.value)["result"]
    assert {"cancelled": 1} == result.counts()


def test_a_worker_that_goes_to_rest_sees_what_came_in_the_meantime() -> None:
    """Between a look at the heap and the wait no work is lost, nor is a call."""
    registry = Registry()
    registry.add(alone, id="alone")
    made, settings = settings_of(registry)
    context, settings = enter(settings)
    session = Session(made, settings, context, "threads")
    crew = FastThreads(session, lambda _message: None)
    assert [0] == crew.heap
    assert crew._rest()
    assert [] == crew._idle

    class Called(List[int]):
        """A heap that gets work, and a call for it, in the moment in which it is looked at."""

        def __len__(self) -> int:
            crew.wake()
            return 1

    crew.heap = Called()
    crew._is_waking = False
    assert crew._rest()
    crew.heap = []
    crew._is_waking = True
    crew._wake.put(1)
    assert crew._rest()
    assert not crew._is_waking
    crew.close()
    assert not crew._rest()
    assert not crew._rest()


def test_a_given_up_run_takes_no_more_notes() -> None:
    """What ends after a run was given up changes nothing of it."""
    registry = Registry()
    registry.add(alone, id="alone")
    made, settings = settings_of(registry)
    context, settings = enter(settings)
    session = Session(made, settings, context, "threads")
    ledger = Direct(session, lambda _message: None)
    session.scheduler.take()
    ledger.abandon()
    ledger.returned(0, None)
    ledger.raised(0, ValueError())
    ledger.cancelled(0, None)
    assert [1] == list(session.scheduler.status)


def test_sleeping_stages_overlap() -> None:
    """Async stages that wait do so all at once, in one thread."""
    waiting: List[int] = []

    async def waits() -> None:
        waiting.append(1)
        while len(waiting) < 200:
            await asyncio.sleep(0)

    registry = Registry()
    for number in range(200):
        registry.add(waits, id=f"s{number}")
    assert run(registry=registry).ok


def test_events_of_an_asyncio_run_are_told_while_it_runs() -> None:
    """A hook is told of a stage before that stage's successor ends, if the loop turns."""
    hook = RecordingHook()
    told: List[Tuple[str, ...]] = []

    async def stage() -> None:
        for _ in range(3):
            await asyncio.sleep(0)
        told.append(hook.stage_ids(StageStarted))

    registry = Registry()
    registry.add(stage, id="a")
    registry.add(stage, id="b", depends_on="a")
    before = time.time()
    result = run(registry=registry, hooks=[hook])
    assert [("a",), ("a", "b")] == told
    assert before <= hook.events[0].time <= hook.events[-1].time <= before + result.seconds + 60
