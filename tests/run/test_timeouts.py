"""Time limits of stages and of runs, on a clock that tests move."""

from __future__ import annotations

import asyncio
import threading
from typing import Any, Callable, Iterator, List

import pytest

from stagekit import CancelToken, Registry, Retry, RunCancelledError, RunFailedError, run
from stagekit.errors import StagekitWarning, StageTimeoutError
from stagekit.events import Reason, RunStatus, StageFailed, StageRetrying
from tests.run.timed import PATIENCE, Timed, when

pytestmark = pytest.mark.filterwarnings(
    "ignore:.*bounds the wait for it:", "ignore:.*runs inline; "
)

THREADS = ("threads", "auto", "pool", "arun threads")  # where stages run in threads
LOOPS = ("asyncio", "arun asyncio")
LATE = 6  # seconds


@pytest.fixture(params=THREADS)
def threaded(request: pytest.FixtureRequest) -> Any:
    """Give one way to run stages in threads, with a clock."""
    made = Timed(request.param)
    made.stage(lambda: None, id="beside")  # so that `auto` has something to run beside
    yield made
    made.close()


@pytest.fixture(params=LOOPS)
def looped(request: pytest.FixtureRequest) -> Any:
    """Give one way to run stages on a loop, with a clock."""
    made = Timed(request.param)
    yield made
    made.close()


class Db:
    """A resource."""


def obedient(timed: Timed, then: Callable[[], object] = lambda: None) -> Any:
    """Return a stage that takes too long, and ends when it is told to."""

    async def on_loop() -> None:
        timed.clock.advance(LATE)
        try:
            await asyncio.Event().wait()
        finally:
            then()

    def in_thread(token: CancelToken) -> None:
        timed.clock.advance(LATE)
        assert token.wait(PATIENCE)
        then()
        token.raise_if_cancelled()

    return on_loop if timed.is_async else in_thread


def stubborn(timed: Timed, ended: List[str]) -> Any:
    """Return a stage that takes too long, and does not end when it is told to."""

    async def on_loop() -> int:
        timed.clock.advance(LATE)
        while not timed.released.is_set():
            try:
                await asyncio.Event().wait()
            except asyncio.CancelledError:
                timed.clock.advance(0.1)
        ended.append("late")
        return 7

    def in_thread(token: CancelToken) -> int:
        timed.clock.advance(LATE)
        assert token.wait(PATIENCE)
        timed.clock.advance(1)
        assert timed.released.wait(PATIENCE)
        ended.append("late")
        return 7

    return on_loop if timed.is_async else in_thread


def letting_go(timed: Timed) -> Any:
    """Return a hook that lets a stubborn task end once it was given up on: its loop waits."""
    return when(StageFailed, timed.released.set if timed.is_async else lambda: None)


WAITING = (*THREADS, *LOOPS)


@pytest.fixture(params=WAITING)
def waiting(request: pytest.FixtureRequest) -> Any:
    """Give one way to run stages that can be told to end while they run."""
    made = Timed(request.param)
    made.registry.add(lambda: None, id="beside")
    yield made
    made.close()


def test_an_attempt_that_takes_too_long_is_told_to_end(waiting: Timed) -> None:
    """It has failed with the reason that says so, and with the limit in the text."""
    seen: List[str] = []
    waiting.registry.add(obedient(waiting, lambda: seen.append("told")), id="a", timeout=5)
    waiting.registry.add(lambda: None, id="b", depends_on="a")
    result = waiting.run()
    report = result.report("a")
    assert ["told"] == seen
    assert Reason.TIMED_OUT is report.reason
    assert isinstance(report.error, StageTimeoutError)
    assert "took longer than its time limit of 5 s" == str(report.error)
    assert "a" == result.report("b").cause
    assert () == result.abandoned
    with pytest.raises(RunFailedError, match="time limit of 5 s"):
        result.raise_for_failures()


def test_an_attempt_that_ends_after_its_time_is_followed_by_another(waiting: Timed) -> None:
    """Each attempt has a time limit of its own, and the error that its end means."""
    retry = Retry(3, wait=1, jitter=False)
    waiting.registry.add(obedient(waiting), id="a", timeout=5, retries=retry)
    result = waiting.run()
    assert ["StageTimeoutError"] * 3 == [
        type(attempt.error).__name__ for attempt in result.report("a").attempts
    ]
    assert [1, 2] == [event.attempt for event in waiting.hook.of(StageRetrying)]
    (failed,) = waiting.hook.of(StageFailed)
    assert (3, Reason.TIMED_OUT) == (failed.attempt, failed.reason)
    assert 3 * 6 + 1 + 2 == waiting.clock.seconds


def test_a_retry_may_leave_out_what_took_too_long(waiting: Timed) -> None:
    """``on=`` does not concern time limits: an attempt whose time is up is tried again."""
    waiting.registry.add(obedient(waiting), id="a", timeout=5, retries=Retry(2, on=KeyError))
    result = waiting.run()
    assert 2 == len(result.report("a").attempts)


def test_a_value_after_the_time_limit_does_not_count(waiting: Timed) -> None:
    """The first that happened was that the time was up; what is returned then is let go."""

    async def on_loop() -> int:
        waiting.clock.advance(LATE)
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            return 1
        return 2

    def in_thread(token: CancelToken) -> int:
        waiting.clock.advance(LATE)
        return int(token.wait(PATIENCE))

    waiting.registry.add(on_loop if waiting.is_async else in_thread, id="a", timeout=5)
    report = waiting.run().report("a")
    assert Reason.TIMED_OUT is report.reason
    assert report.attempts[-1].error is report.error


def test_an_error_after_the_time_limit_is_its_cause(waiting: Timed) -> None:
    """What a stage raises while it is being ended is kept."""

    def fails() -> None:
        raise ValueError("while ending")

    waiting.registry.add(obedient(waiting, fails), id="a", timeout=5)
    error = waiting.run().report("a").error
    assert isinstance(error, StageTimeoutError)
    assert isinstance(error.__cause__, ValueError)


def test_what_does_not_end_is_given_up_and_named(waiting: Timed) -> None:
    """R11, R12, R14: no attempt while it runs, dependents are skipped, a late value is nothing."""
    ended: List[str] = []
    waiting.registry.add(stubborn(waiting, ended), id="a", timeout=5, retries=3)
    waiting.registry.add(lambda: None, id="b", depends_on="a")

    result = waiting.run(hooks=[letting_go(waiting)])
    assert ("a",) == result.abandoned
    report = result.report("a")
    assert Reason.TIMED_OUT is report.reason
    assert 1 == len(report.attempts)
    assert isinstance(report.error, StageTimeoutError)
    assert Reason.UPSTREAM_FAILED is result.report("b").reason
    with pytest.raises(RunFailedError, match="given up on, may still be running: a"):
        result.raise_for_failures()
    waiting.close()
    with pytest.raises(LookupError):
        result["a"]
    assert Reason.TIMED_OUT is result.report("a").reason


def test_a_resource_that_may_be_in_use_is_left_open_and_named() -> None:
    """A thread that was given up on may use it; one whose users have obeyed is closed."""
    released = threading.Event()
    closed: List[str] = []
    threads: List[threading.Thread] = []
    registry = Registry()

    @registry.stage(id="kept")
    def kept() -> Iterator[int]:
        yield 1
        closed.append("kept")

    @registry.stage(id="let_go")
    def let_go() -> Iterator[str]:
        yield "a"
        closed.append("let_go")

    @registry.stage(id="stubborn", timeout=0.01)
    def stubborn(number: int) -> None:
        threads.append(threading.current_thread())
        released.wait(PATIENCE)

    @registry.stage(id="obeys", timeout=0.01)
    async def obeys(text: str) -> None:
        await asyncio.sleep(3600)

    result = run(
        registry=registry, executor="threads", on_failure="continue", grace=0.5, check=False
    )
    released.set()
    threads[0].join(PATIENCE)
    assert ["let_go"] == closed
    assert ("stubborn",) == result.abandoned
    assert ("kept",) == result.leaked
    with pytest.raises(RunFailedError, match="left open for that: kept"):
        result.raise_for_failures()


def test_a_late_value_of_a_thread_changes_nothing() -> None:
    """R12: the run is over, and so may be its loop; the thread ends without a word."""
    for name in ("threads", "arun threads"):
        timed: Timed = Timed(name)
        ended: List[str] = []
        threads: List[threading.Thread] = []
        stage = stubborn(timed, ended)

        def a(
            token: CancelToken, stage: Any = stage, threads: List[threading.Thread] = threads
        ) -> int:
            threads.append(threading.current_thread())
            return int(stage(token))

        timed.registry.add(a, id="a", timeout=5)
        result = timed.run()
        timed.close()
        threads[0].join(PATIENCE)
        assert ["late"] == ended
        assert result.report("a").error is not None


def test_a_task_is_told_again_until_it_obeys(looped: Timed) -> None:
    """R14: ``CancelledError`` comes each tenth of a second; who obeys in time is not given up."""
    told: List[float] = []

    async def a() -> None:
        looped.clock.advance(LATE)
        while True:
            try:
                await asyncio.Event().wait()
            except asyncio.CancelledError:
                told.append(round(looped.clock.seconds, 1))
                if len(told) == 3:
                    raise
                looped.clock.advance(0.1)

    looped.registry.add(a, id="a", timeout=5)
    result = looped.run()
    assert [6.0, 6.1, 6.2] == told
    assert () == result.abandoned
    assert Reason.TIMED_OUT is result.report("a").reason


def test_without_grace_nothing_is_waited_for(waiting: Timed) -> None:
    """``grace=0``: told to end and given up at once."""
    ended: List[str] = []
    waiting.registry.add(stubborn(waiting, ended), id="a", timeout=5)
    result = waiting.run(grace=0, hooks=[letting_go(waiting)])
    assert ("a",) == result.abandoned
    assert Reason.TIMED_OUT is result.report("a").reason


def test_a_stage_in_time_is_left_alone(timed: Timed) -> None:
    """Its timer is of no account once it has ended, and later attempts have their own."""
    calls: List[int] = []

    @timed.declare(timeout=5, retries=2)
    def a() -> int:
        timed.clock.advance(4)
        calls.append(1)
        if len(calls) < 3:
            raise OSError
        return 1

    @timed.declare(depends_on="a")
    def b() -> None:
        timed.clock.advance(10)

    result = timed.run()
    assert result.ok
    assert 22.0 == timed.clock.seconds


def test_waiting_for_a_worker_is_not_counted(timed: Timed) -> None:
    """The time limit bounds an attempt, not its way there."""
    for name in "abc":
        timed.stage(
            lambda: timed.clock.advance(4), id=name, timeout=5, resources={"one": 1}, retries=0
        )
    assert timed.run(limits={"one": 1}).ok
    assert 12.0 == timed.clock.seconds


@pytest.mark.parametrize("name", ["inline", "arun inline"])
def test_inline_the_clock_is_asked_afterwards(name: str) -> None:
    """Nobody can end the call, but one that took too long has failed there as elsewhere."""
    timed = Timed(name)
    calls: List[int] = []

    @timed.declare(timeout=5, retries=1)
    def a() -> int:
        calls.append(9 if not calls else 4)
        timed.clock.advance(calls[-1])
        return calls[-1]

    @timed.declare(timeout=5)
    def b() -> int:
        timed.clock.advance(5)
        raise ValueError("at last")

    with pytest.warns(StagekitWarning, match="cannot end a call that runs inline"):
        result = timed.run(on_failure="continue")
    assert 4 == result["a"]
    first = result.report("a").attempts[0]
    assert isinstance(first.error, StageTimeoutError)
    assert Reason.TIMED_OUT is result.report("b").reason
    assert "at last" == str(getattr(result.report("b").error, "__cause__", None))
    assert 18.0 == timed.clock.seconds


def test_a_stage_that_is_inline_among_threads_is_judged_by_the_clock(threaded: Timed) -> None:
    """It says itself that it is called by the thread that owns the run."""

    def a() -> None:
        threaded.clock.advance(LATE)

    threaded.registry.add(a, id="a", timeout=5, executor="inline")
    assert Reason.TIMED_OUT is threaded.run().report("a").reason


def test_inline_a_resource_that_took_too_long_to_open_is_torn_down() -> None:
    """Its tear-down follows at once, and who needs it is skipped."""
    timed = Timed("inline")
    log: List[str] = []

    @timed.declare(timeout=5)
    def db() -> Iterator[Db]:
        timed.clock.advance(LATE)
        yield Db()
        log.append("closed")

    @timed.declare()
    def use(db: Db) -> None:
        log.append("used")

    with pytest.warns(StagekitWarning, match="inline"):
        result = timed.run()
    assert ["closed"] == log
    assert Reason.TIMED_OUT is result.report("db").reason


def test_others_go_on_where_they_may(waiting: Timed) -> None:
    """A time limit is a failure like any other: the policy decides what follows."""
    waiting.registry.add(obedient(waiting), id="a", timeout=5)
    waiting.registry.add(lambda: 1, id="c", depends_on="beside")
    result = waiting.run(on_failure="continue")
    assert RunStatus.FAILED is result.status
    assert 1 == result["c"]


def test_time_limits_hold_on_the_clock_of_the_machine() -> None:
    """Without a clock of its own a run asks that of the machine."""
    registry = Registry()

    async def a() -> None:
        await asyncio.Event().wait()

    def b(token: CancelToken) -> None:
        assert token.wait(PATIENCE)

    registry.add(a, id="a", timeout=0.02)
    registry.add(b, id="b", timeout=0.02)
    result = run(registry=registry, check=False, on_failure="continue")
    assert [Reason.TIMED_OUT] * 2 == [report.reason for report in result.reports()]


def test_after_the_deadline_nothing_starts(timed: Timed) -> None:
    """What has ended counts; the run is cancelled, and says that it was the deadline."""
    called: List[str] = []

    @timed.declare()
    def a() -> int:
        timed.clock.advance(11)
        return 1

    timed.stage(lambda: called.append("b"), id="b", depends_on="a")
    result = timed.run(deadline=10)
    assert RunStatus.CANCELLED is result.status
    assert 1 == result["a"]
    assert Reason.STOPPED is result.report("b").reason
    assert [] == called
    text = r"was cancelled \(deadline\): 1 succeeded"
    with pytest.raises(RunCancelledError, match=text) as caught:
        result.raise_for_failures()
    assert caught.value.result is result


def test_a_deadline_of_nothing_starts_nothing(timed: Timed) -> None:
    """R22: all stages are cancelled."""
    called: List[str] = []
    for name in "abc":
        timed.stage(lambda: called.append("x"), id=name, retries=1)
    result = timed.run(deadline=0)
    assert [] == called
    assert {"cancelled": 3} == result.counts()
    assert [] == [text for text in timed.events() if text.startswith("StageStarted")]
    with pytest.raises(RunCancelledError, match="deadline") as caught:
        timed.run(deadline=0, check=True)
    assert "deadline" == caught.value.reason


def test_the_deadline_ends_what_runs(waiting: Timed) -> None:
    """Stages that run are told to end, and are cancelled, not failed."""
    waiting.registry.add(obedient(waiting), id="a", retries=5)
    result = waiting.run(deadline=5)
    assert RunStatus.CANCELLED is result.status
    assert Reason.INTERRUPTED is result.report("a").reason
    assert 1 == len(result.report("a").attempts)
    assert () == result.abandoned


def test_the_token_of_a_stage_knows_why(threaded: Timed) -> None:
    """A stage may ask whether its own time is up, or that of the run."""
    reasons: List[str] = []

    def a(token: CancelToken) -> None:
        threaded.clock.advance(3 if reasons else LATE)
        assert token.wait(PATIENCE)
        reasons.append(token.reason)

    threaded.registry.add(a, id="a", timeout=5)
    threaded.run()
    threaded.run(deadline=2)
    assert ["timeout", "deadline"] == reasons


def test_a_deadline_on_the_clock_of_the_machine() -> None:
    """It is kept while a stage waits."""
    registry = Registry()

    async def a() -> None:
        await asyncio.Event().wait()

    registry.add(a, id="a")
    with pytest.raises(RunCancelledError, match="deadline"):
        run(registry=registry, deadline=0.02)
