"""Cancelling runs: by token, by Ctrl-C, by the awaiting task, by a failure."""

from __future__ import annotations

import asyncio
import os
import signal
import threading
from contextlib import suppress
from functools import partial
from typing import Any, Iterator, List

import pytest

from stagekit import CancelToken, Registry, Result, Retry, RunCancelledError, run
from stagekit._run.session import Session
from stagekit.events import Reason, RunStatus, StageCancelled, StageStarted, StageSucceeded
from tests.run.timed import PATIENCE, Timed, when

WAITING = ("threads", "auto", "pool", "arun threads", "asyncio", "arun asyncio")


@pytest.fixture(params=WAITING)
def waiting(request: pytest.FixtureRequest) -> Iterator[Timed]:
    """Give one way to run stages that can be told to end while they run."""
    made = Timed(request.param)
    made.registry.add(lambda: None, id="beside", priority=1)  # `auto` has something to run beside
    yield made
    made.close()


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


def until_told(timed: Timed, started: Any = None, log: Any = None) -> Any:
    """Return a stage that says that it has started, and waits until it is told to end."""

    def begin() -> None:
        if started is not None:
            started()

    def told(why: str) -> None:
        if log is not None:
            log.append(why)

    async def on_loop() -> None:
        begin()
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            told("")
            raise

    def in_thread(token: CancelToken) -> None:
        begin()
        assert token.wait(PATIENCE)
        told(token.reason)
        token.raise_if_cancelled()

    return on_loop if timed.is_async else in_thread


def press_ctrl_c() -> None:
    """Send this process what the terminal sends."""
    os.kill(os.getpid(), signal.SIGINT)


def test_a_token_from_another_thread_cancels(waiting: Timed) -> None:
    """What runs is told to end, nothing new starts, and the reason is in the error."""
    token: Any = CancelToken()
    started: Any = threading.Event()
    log: List[str] = []
    waiting.registry.add(until_told(waiting, started.set, log), id="a")
    waiting.registry.add(lambda: log.append("b"), id="b", depends_on="a")

    def cancel() -> None:
        assert started.wait(PATIENCE)
        token.cancel("changed my mind")

    canceller = threading.Thread(target=cancel)
    canceller.start()
    with pytest.raises(RunCancelledError, match=r"cancelled \(changed my mind\)") as caught:
        waiting.run(cancel=token, check=True)
    canceller.join()
    result = caught.value.result
    assert RunStatus.CANCELLED is result.status
    assert Reason.INTERRUPTED is result.report("a").reason
    assert Reason.STOPPED is result.report("b").reason
    assert ["" if waiting.is_async else "changed my mind"] == log
    assert () == result.abandoned
    assert {"a", "b"} == set(waiting.hook.stage_ids(StageCancelled))


def test_a_token_that_is_cancelled_before_starts_nothing(timed: Timed) -> None:
    """Not one stage is called, nor told to have started."""
    token: Any = CancelToken()
    called: List[str] = []
    token.cancel("too late")
    token.cancel("again")
    for name in "abc":
        timed.stage(lambda: called.append("x"), id=name, retries=2)
    result = timed.run(cancel=token)
    assert [] == called
    assert {"cancelled": 3} == result.counts()
    assert () == timed.hook.stage_ids(StageStarted)
    with pytest.raises(RunCancelledError, match="too late"):
        result.raise_for_failures()


def test_what_a_stage_returns_counts_although_it_cancels(timed: Timed) -> None:
    """A value that is there wins over a cancel; cancelling twice is the same as once."""
    token: Any = CancelToken()
    called: List[str] = []

    @timed.declare()
    def a() -> int:
        token.cancel("enough")
        token.cancel("more than enough")
        return 1

    timed.stage(lambda: called.append("b"), id="b", depends_on="a")
    result = timed.run(cancel=token)
    assert 1 == result["a"]
    assert [] == called
    assert RunStatus.CANCELLED is result.status
    with pytest.raises(RunCancelledError, match=r"\(enough\): 1 succeeded, 1 cancelled"):
        result.raise_for_failures()


def test_a_stage_that_is_told_to_end_may_still_fail(timed: Timed) -> None:
    """Its error is kept, and is not tried again."""
    token = CancelToken()

    @timed.declare(retries=5)
    def a() -> int:
        token.cancel()
        raise ValueError("while ending")

    result = timed.run(cancel=token)
    assert RunStatus.CANCELLED is result.status
    assert Reason.RAISED is result.report("a").reason
    assert 1 == len(result.report("a").attempts)


def test_a_token_after_the_run_changes_nothing(timed: Timed) -> None:
    """The run does not listen any more, and its result stays."""
    token = CancelToken()
    timed.stage(lambda: 1, id="a")
    result = timed.run(cancel=token)
    token.cancel()
    assert result.ok
    assert "CancelToken" in repr(token)


def test_tokens_of_stages_do_not_cancel_the_run(timed: Timed) -> None:
    """A stage may cancel what it was given: that is for its own calls."""

    def a(token: CancelToken) -> bool:
        token.cancel("mine")
        return token.is_cancelled

    outer = CancelToken()
    timed.registry.add(a, id="a")
    timed.registry.add(lambda: 1, id="b", depends_on="a")
    result = timed.run(cancel=outer)
    assert result.ok
    assert not outer.is_cancelled


def test_what_does_not_obey_is_given_up_after_the_grace(
    waiting: Timed, interrupted: threading.Event
) -> None:
    """It is cancelled, named in the result and in the error, and the run is over."""
    token = CancelToken()

    async def on_loop() -> None:
        token.cancel()
        while not waiting.released.is_set():
            try:
                await asyncio.Event().wait()
            except asyncio.CancelledError:
                waiting.clock.advance(4)

    def in_thread(mine: CancelToken) -> None:
        token.cancel()
        assert mine.wait(PATIENCE)
        assert interrupted.wait(PATIENCE)
        waiting.clock.advance(11)
        assert waiting.released.wait(PATIENCE)

    waiting.registry.add(on_loop if waiting.is_async else in_thread, id="a")
    waiting.registry.add(lambda: None, id="b", depends_on="a")
    let_go = waiting.released.set if waiting.is_async else lambda: None
    result = waiting.run(cancel=token, grace=10, hooks=[when(StageCancelled, let_go, stage="a")])
    assert ("a",) == result.abandoned
    assert Reason.INTERRUPTED is result.report("a").reason
    assert 1 == len(result.report("a").attempts)
    with pytest.raises(RunCancelledError, match="given up on, may still be running: a"):
        result.raise_for_failures()


def test_without_grace_the_run_is_over_at_once(waiting: Timed) -> None:
    """``grace=0``: what has not ended when the cancel is noticed is given up."""
    token = CancelToken()

    def in_thread() -> None:
        token.cancel()
        assert waiting.released.wait(PATIENCE)

    async def on_loop() -> None:
        token.cancel()
        while not waiting.released.is_set():
            with suppress(asyncio.CancelledError):
                await asyncio.Event().wait()

    waiting.registry.add(on_loop if waiting.is_async else in_thread, id="a")
    let_go = waiting.released.set if waiting.is_async else lambda: None
    result = waiting.run(cancel=token, grace=0, hooks=[when(StageCancelled, let_go)])
    assert ("a",) == result.abandoned
    assert 0.0 == waiting.clock.seconds


def test_on_failure_cancel_tells_what_runs_to_end(waiting: Timed) -> None:
    """It ends as cancelled, is not tried again, and the run has failed."""
    started = threading.Event()

    async def fails_on_loop() -> None:
        while not started.is_set():
            await asyncio.sleep(0)
        raise ValueError("no")

    def fails() -> None:
        assert started.wait(PATIENCE)
        raise ValueError("no")

    log: List[str] = []
    waiting.registry.add(until_told(waiting, started.set, log), id="a", retries=5, priority=1)
    waiting.registry.add(fails_on_loop if waiting.is_async else fails, id="fails")
    result = waiting.run(on_failure="cancel")
    assert RunStatus.FAILED is result.status
    assert Reason.INTERRUPTED is result.report("a").reason
    assert 1 == len(result.report("a").attempts)
    assert ["" if waiting.is_async else "stopped"] == log


@pytest.mark.parametrize("policy", ["stop", "continue"])
def test_other_policies_let_what_runs_end(waiting: Timed, policy: str) -> None:
    """A failure elsewhere is none of its business."""
    begun, failed = threading.Event(), threading.Event()

    def ends(token: CancelToken) -> int:
        begun.set()
        assert failed.wait(PATIENCE)
        return int(token.is_cancelled)

    async def ends_on_loop() -> int:
        begun.set()
        while not failed.is_set():
            await asyncio.sleep(0)
        return 0

    def fails() -> None:
        assert begun.wait(PATIENCE)  # a pool takes back what has not begun
        failed.set()
        raise ValueError("no")

    waiting.registry.add(ends_on_loop if waiting.is_async else ends, id="a", retries=2, priority=1)
    waiting.stage(fails)
    result = waiting.run(on_failure=policy)
    assert RunStatus.FAILED is result.status
    assert 0 == result["a"]


@pytest.mark.parametrize("executor", ["threads", "asyncio", "inline"])
def test_ctrl_c_cancels_a_run_that_is_not_simple(
    executor: str, interrupted: threading.Event
) -> None:
    """What runs is told to end; ``KeyboardInterrupt`` is raised with the result."""
    timed = Timed(executor)
    called: List[str] = []

    def plain(token: CancelToken) -> None:
        press_ctrl_c()
        assert executor == "inline" or token.wait(PATIENCE)
        token.raise_if_cancelled()

    async def on_loop() -> None:
        press_ctrl_c()
        await asyncio.Event().wait()

    timed.registry.add(on_loop if timed.is_async else plain, id="a", retries=3)
    timed.registry.add(lambda: called.append("b"), id="b", depends_on="a")
    with pytest.raises(KeyboardInterrupt) as caught:
        timed.run()
    result = getattr(caught.value, "result", None)
    assert isinstance(result, Result)
    assert interrupted.is_set()
    assert RunStatus.CANCELLED is result.status
    assert Reason.INTERRUPTED is result.report("a").reason
    assert [] == called
    assert signal.default_int_handler is signal.getsignal(signal.SIGINT)


@pytest.mark.parametrize("executor", ["threads", "asyncio"])
def test_a_second_ctrl_c_gives_up_on_what_runs(executor: str, interrupted: threading.Event) -> None:
    """R23: the grace is not waited for; what still runs is named."""
    timed: Timed = Timed(executor)
    again: List[int] = []

    def plain() -> None:
        press_ctrl_c()
        assert interrupted.wait(PATIENCE)
        press_ctrl_c()
        assert timed.released.wait(PATIENCE)

    async def on_loop() -> None:
        press_ctrl_c()
        while not timed.released.is_set():
            try:
                await asyncio.Event().wait()
            except asyncio.CancelledError:
                if not again:
                    again.append(1)
                    press_ctrl_c()

    timed.registry.add(on_loop if timed.is_async else plain, id="a", retries=1)
    hook = when(StageCancelled, timed.released.set if timed.is_async else lambda: None)
    with pytest.raises(KeyboardInterrupt) as caught:
        timed.run(hooks=[hook])
    result = getattr(caught.value, "result", None)
    assert isinstance(result, Result)
    assert ("a",) == result.abandoned
    assert 0.0 == timed.clock.seconds
    timed.close()


@pytest.mark.parametrize("name", ["arun threads", "arun asyncio"])
def test_cancelling_the_awaiting_task_cancels_its_stages(name: str) -> None:
    """They are awaited, nothing new starts, and the error is raised again."""
    timed = Timed(name)
    log: List[str] = []

    async def main() -> None:
        loop, started = asyncio.get_running_loop(), asyncio.Event()
        begin = started.set if timed.is_async else lambda: loop.call_soon_threadsafe(started.set)
        timed.registry.add(until_told(timed, begin, log), id="a", retries=3)
        timed.registry.add(lambda: log.append("b"), id="b", depends_on="a")
        task = asyncio.ensure_future(timed.arun())
        await started.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(main())
    assert ["" if timed.is_async else "the awaiting task was cancelled"] == log
    assert ["a", "b"] == sorted(timed.hook.stage_ids(StageCancelled))


def test_cancelling_the_awaiting_task_again_shortens_no_grace() -> None:
    """Libraries may cancel a task at every turn of the loop: stages have their grace."""
    timed = Timed("arun threads")

    async def main() -> None:
        loop, started = asyncio.get_running_loop(), asyncio.Event()

        def stubborn() -> None:
            loop.call_soon_threadsafe(started.set)
            assert timed.released.wait(PATIENCE)

        timed.registry.add(stubborn, id="a", retries=1)
        task = asyncio.ensure_future(timed.arun())
        await started.wait()
        task.cancel()
        for _ in range(10):
            await asyncio.sleep(0)
        assert not task.done()
        task.cancel()
        for _ in range(10):
            await asyncio.sleep(0)
        assert not task.done()
        timed.released.set()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(main())
    assert () == timed.hook.stage_ids(StageCancelled)


def test_no_cancel_of_the_awaiting_task_is_lost() -> None:
    """At whichever turn of the loop it comes, the task ends as cancelled, or it had ended."""
    turns = 40
    for turn in range(turns):
        timed = Timed("arun asyncio")
        for name in "abcd":
            timed.stage(lambda: 1, id=name, retries=1, resources={"one": 1})

        async def main(timed: Timed = timed, turn: int = turn) -> bool:
            task = asyncio.ensure_future(timed.arun(limits={"one": 1}))
            for _ in range(turn):
                await asyncio.sleep(0)
            was_asked = task.cancel()
            try:
                await task
            except asyncio.CancelledError:
                return True
            return not was_asked

        assert asyncio.run(main()), turn


def test_a_task_that_never_began_is_cancelled_too() -> None:
    """A cancel before the first step of a task is an end like any other."""
    timed, token = Timed("arun asyncio"), CancelToken()
    for name in "abc":
        timed.stage(lambda: 1, id=name, timeout=60)
    calls: List[int] = []

    def third() -> None:
        calls.append(1)
        if len(calls) == 3:
            token.cancel()

    result = timed.run(cancel=token, hooks=[when(StageStarted, third)])
    assert {"cancelled": 3} == result.counts()
    assert () == result.abandoned
    assert 0.0 == timed.clock.seconds


def test_a_call_that_no_thread_has_taken_is_not_made() -> None:
    """What is cancelled between its start and its call is never called."""
    for name in ("threads", "pool"):
        timed: Timed = Timed(name)
        token: Any = CancelToken()
        called: List[str] = []
        for stage in "abc":
            timed.stage(partial(called.append, "x"), id=stage, retries=1)
        result = timed.run(cancel=token, grace=0, hooks=[when(StageStarted, token.cancel)])
        assert RunStatus.CANCELLED is result.status
        assert [] == called
        timed.close()


def test_a_run_in_a_stage_ends_with_the_token_that_it_is_given() -> None:
    """A cancel reaches a run in a stage through the stage's own token."""
    inner, outer, token = Registry(), Registry(), CancelToken()
    started = threading.Event()
    statuses: List[RunStatus] = []

    def waits(mine: CancelToken) -> None:
        started.set()
        assert mine.wait(PATIENCE)
        mine.raise_if_cancelled()

    def nested(mine: CancelToken) -> int:
        result = run(registry=inner, executor="threads", cancel=mine, check=False)
        statuses.append(result.status)
        mine.raise_if_cancelled()
        return 1

    inner.add(waits, id="waits", retries=Retry(3))
    outer.add(nested, id="nested")

    def cancel() -> None:
        assert started.wait(PATIENCE)
        token.cancel("all")

    canceller = threading.Thread(target=cancel)
    canceller.start()
    with pytest.raises(RunCancelledError, match="all"):
        run(registry=outer, executor="threads", cancel=token)
    canceller.join()
    assert [RunStatus.CANCELLED] == statuses


def test_runs_at_once_are_cancelled_one_by_one(waiting: Timed) -> None:
    """A token cancels its own run, and no other of the same plan."""
    if waiting.name.startswith("arun") or waiting.name == "pool":
        pytest.skip("see the same on threads")
    tokens = [CancelToken() for _ in range(3)]
    gate = threading.Barrier(4)
    outcomes: List[Any] = [None] * 3
    waiting.registry.add(until_told(waiting), id="a")

    def one(index: int) -> None:
        started = when(StageStarted, lambda: gate.wait(PATIENCE), stage="a")
        result = waiting.run(cancel=tokens[index], hooks=[started], grace=5)
        outcomes[index] = result.report("a").reason

    threads = [threading.Thread(target=one, args=(index,)) for index in range(3)]
    for thread in threads:
        thread.start()
    gate.wait(PATIENCE)
    tokens[1].cancel()
    threads[1].join(PATIENCE)
    assert [None, Reason.INTERRUPTED, None] == outcomes
    tokens[0].cancel()
    tokens[2].cancel()
    for thread in threads:
        thread.join(PATIENCE)
    assert [Reason.INTERRUPTED] * 3 == outcomes


def test_ctrl_c_in_a_hook_cancels_the_run_before_its_grace_is_over(timed: Timed) -> None:
    """R24: it waits until what is being told is told; what was about to start never does."""
    called: List[str] = []
    is_interrupted = threading.Event()
    for number in range(5):

        def body(number: int = number) -> None:
            called.append(f"s{number}")
            assert not number or is_interrupted.wait(PATIENCE)

        before = [f"s{number - 1}"] if number else []
        timed.declare(id=f"s{number}", depends_on=before, retries=1)(body)

    def interrupt() -> None:
        is_interrupted.set()
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt) as caught:
        timed.run(hooks=[when(StageSucceeded, interrupt, stage="s0")])
    result: Result = vars(caught.value)["result"]
    assert RunStatus.CANCELLED is result.status
    assert called in (["s0"], ["s0", "s1"])
    assert "cancelled" == result.report("s4").outcome.value
    assert () == result.abandoned
    assert 0.0 == timed.clock.seconds
