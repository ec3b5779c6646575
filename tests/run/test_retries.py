"""Retries: how often, after what, how long between, and what is told of them."""

from __future__ import annotations

import contextvars
import os
import subprocess
import sys
import threading
import time
import traceback
from typing import Any, Callable, List, Optional, Tuple

import pytest

from stagekit import CancelToken, Registry, Result, Retry, run
from stagekit._run import run_loop
from stagekit._run.coordinator import Coordinator
from stagekit._run.fast import inline
from stagekit._run.state.actions import Start
from stagekit.events import (
    Reason,
    RunStatus,
    StageFailed,
    StageRetrying,
    StageStarted,
    StageSucceeded,
)
from stagekit.testing import RecordingHook, VirtualClock
from tests.run.timed import PATIENCE, Timed, when


def failing(times: int, error: Callable[[int], BaseException] = OSError) -> Any:
    """Return a stage that raises some errors, and then returns how often it was called."""
    calls: List[int] = []

    def stage() -> int:
        calls.append(1)
        if len(calls) <= times:
            raise error(len(calls))
        return len(calls)

    return stage


def test_a_stage_is_called_until_it_succeeds(timed: Timed) -> None:
    """Each attempt is in the report, with its error, and its times on the clock of the run."""
    timed.stage(failing(2), id="a", retries=Retry(4, wait=1, jitter=False))
    result = timed.run()
    report = result.report("a")
    assert 3 == result["a"]
    assert [1, 2, 3] == [attempt.number for attempt in report.attempts]
    assert ["OSError(1)", "OSError(2)", "None"] == [repr(each.error) for each in report.attempts]
    assert [0.0, 1.0, 3.0] == [attempt.start for attempt in report.attempts]
    assert all(attempt.worker for attempt in report.attempts)
    assert report.error is None
    assert 3.0 == timed.clock.seconds == result.seconds


def test_after_the_last_attempt_nobody_waits(timed: Timed) -> None:
    """The stage has failed with its last error, once all attempts are used up."""
    timed.stage(failing(9), id="a", retries=Retry(3, wait=1, jitter=False))
    result = timed.run()
    report = result.report("a")
    assert Reason.RAISED is report.reason
    assert 3 == len(report.attempts)
    assert "OSError(3)" == repr(report.error)
    assert 3.0 == timed.clock.seconds


def test_a_number_of_retries_is_of_attempts_more(timed: Timed) -> None:
    """``retries=2`` is three attempts, with no time between."""
    timed.stage(failing(9), id="a", retries=2)
    assert 3 == len(timed.run().report("a").attempts)
    assert 0.0 == timed.clock.seconds


def is_busy(error: Exception) -> bool:
    """Ask an error for what it does not have."""
    return bool(getattr(error, "status") == 503)  # noqa: B009


def test_a_function_that_raises_when_it_is_asked_is_named(timed: Timed) -> None:
    """The stage is not tried again; why, stands beside its own error."""
    timed.stage(failing(9), id="a", retries=Retry(3, on=is_busy))
    report = timed.run().report("a")
    assert 1 == len(report.attempts)
    assert "OSError(1)" == repr(report.error)
    if sys.version_info >= (3, 11):
        text = "\n".join(getattr(report.error, "__notes__", ()))
        assert "not tried again, as Retry(on=is_busy) raised AttributeError: " in text


def test_only_errors_that_are_named_are_tried_again(timed: Timed) -> None:
    """``on=`` is asked for each error."""
    timed.stage(failing(9, ValueError), id="other", retries=Retry(5, on=OSError))
    kinds = [OSError, ConnectionError, ValueError, OSError]
    timed.stage(
        failing(9, lambda n: kinds[n - 1](n)), id="mixed", retries=Retry(5, on=(OSError, KeyError))
    )
    result = timed.run(on_failure="continue")
    assert 1 == len(result.report("other").attempts)
    assert ["OSError", "ConnectionError", "ValueError"] == [
        type(attempt.error).__name__ for attempt in result.report("mixed").attempts
    ]


@pytest.mark.parametrize(("jitter", "least"), [(0.5, 5.0), (True, 0.0), (False, 10.0)])
def test_jitter_takes_a_part_of_the_wait_off(timed: Timed, jitter: Any, least: float) -> None:
    """The wait is between the part that is certain and the whole."""
    timed.stage(failing(1), id="a", retries=Retry(2, wait=10, jitter=jitter))
    assert timed.run().ok
    (delay,) = [event.delay for event in timed.hook.of(StageRetrying)]
    assert least <= delay <= 10.0


WAITS = """
from stagekit import Registry, Retry, run
from stagekit.events import StageRetrying
from stagekit.testing import RecordingHook, VirtualClock

def fail():
    raise OSError

registry, hook = Registry(), RecordingHook()
registry.add(fail, id="a", retries=Retry(4, wait=10))
run(registry=registry, hooks=[hook], clock=VirtualClock(), check=False)
print([event.delay for event in hook.of(StageRetrying)])
"""


def test_waits_differ_from_run_to_run_and_are_equal_for_a_seed(timed: Timed) -> None:
    """Runs of one plan do not retry in step, unless a seed says how they jitter."""

    def waits(**options: Any) -> List[float]:
        timed.hook = RecordingHook()
        timed.registry = type(timed.registry)()
        timed.stage(failing(3), id="a", retries=Retry(4, wait=10))
        assert timed.run(**options).ok
        return [event.delay for event in timed.hook.of(StageRetrying)]

    assert waits() != waits()
    assert waits(seed=7) == waits(seed=7)
    assert waits(seed=7) != waits(seed=8)


@pytest.mark.slow
def test_waits_differ_from_process_to_process() -> None:
    """Replicas that start the same script do not retry in step, whatever the seed of hashing."""
    environment = {**os.environ, "PYTHONHASHSEED": "0"}
    waits = [
        subprocess.run(
            [sys.executable, "-c", WAITS],
            env=environment,
            stdout=subprocess.PIPE,
            text=True,
            check=True,
        ).stdout
        for _ in range(2)
    ]
    assert waits[0] != waits[1]


def test_a_wait_is_never_longer_than_its_bound(timed: Timed) -> None:
    """``max_wait`` ends the growth."""
    timed.stage(failing(4), id="a", retries=Retry(9, wait=1, backoff=10, max_wait=50, jitter=False))
    assert timed.run().ok
    assert [1.0, 10.0, 50.0, 50.0] == [event.delay for event in timed.hook.of(StageRetrying)]


def test_a_broken_promise_is_not_tried_again(timed: Timed) -> None:
    """A stage that returns something else than it says would do so again."""

    @timed.declare(retries=5)
    def a() -> int:
        nothing: Any = None
        return int(nothing) if nothing else nothing  # the point

    report = timed.run().report("a")
    assert Reason.BAD_VALUE is report.reason
    assert 1 == len(report.attempts)


@pytest.mark.parametrize("error", [SystemExit, GeneratorExit])
def test_what_is_no_exception_is_not_tried_again(timed: Timed, error: Any) -> None:
    """R3, R5: the stage has failed, the runner survives."""
    timed.stage(failing(9, error), id="a", retries=5)
    timed.stage(lambda: 1, id="b")
    result = timed.run(on_failure="continue")
    assert 1 == len(result.report("a").attempts)
    assert Reason.RAISED is result.report("a").reason
    assert 1 == result["b"]


def test_keyboard_interrupt_is_not_tried_again(timed: Timed) -> None:
    """R4: the run is cancelled; nothing starts after it, not even what was ready."""
    called: List[str] = []
    timed.stage(failing(9, KeyboardInterrupt), id="a", retries=5, priority=1)
    for name in "bcdef":
        timed.stage(lambda: called.append("x"), id=name, resources={"one": 1}, depends_on="a")
    if not timed.has_threads:
        timed.stage(lambda: called.append("x"), id="ready")
    with pytest.raises(KeyboardInterrupt) as caught:
        timed.run(limits={"one": 1}, **({} if timed.name == "pool" else {"workers": 1}))
    result: Any = getattr(caught.value, "result", None)
    assert isinstance(result, Result)
    assert RunStatus.CANCELLED is result.status
    assert 1 == len(result.report("a").attempts)
    assert Reason.INTERRUPTED is result.report("a").reason
    assert len(called) <= timed.is_async


def test_a_wait_that_would_pass_the_deadline_is_not_begun(timed: Timed) -> None:
    """The stage has failed with its own error, rather than wait to be cancelled."""
    timed.stage(failing(9), id="a", retries=Retry(9, wait=10, jitter=False))
    result = timed.run(deadline=15)
    assert RunStatus.FAILED is result.status
    assert "OSError(2)" == repr(result.report("a").error)
    assert 10.0 == timed.clock.seconds


def test_what_waits_for_another_attempt_is_cancelled_with_the_run(timed: Timed) -> None:
    """There is no attempt after a cancel; the error of the last one stays in the report."""
    token = CancelToken()
    timed.stage(failing(9), id="a", retries=Retry(9, wait=10, jitter=False))
    result = timed.run(cancel=token, hooks=[when(StageRetrying, token.cancel)])
    report = result.report("a")
    assert RunStatus.CANCELLED is result.status
    assert Reason.INTERRUPTED is report.reason
    assert ["OSError(1)"] == [repr(attempt.error) for attempt in report.attempts]
    assert 0.0 == timed.clock.seconds


@pytest.mark.parametrize("policy", ["stop", "continue", "cancel"])
def test_a_failure_elsewhere_ends_the_waiting_only_if_it_cancels(timed: Timed, policy: str) -> None:
    """Under ``stop`` a stage that has begun uses up its attempts, under ``cancel`` it does not."""
    timed.stage(failing(2), id="waits", retries=Retry(3, wait=10, jitter=False), priority=2)
    timed.stage(
        failing(1, ValueError), id="fails", retries=Retry(2, wait=3, jitter=False, on=OSError)
    )
    result = timed.run(on_failure=policy)
    assert RunStatus.FAILED is result.status
    if policy == "cancel":
        assert Reason.INTERRUPTED is result.report("waits").reason
        assert len(result.report("waits").attempts) < 3
    else:
        assert 3 == result["waits"]


def test_every_attempt_is_told(timed: Timed) -> None:
    """An attempt starts, is to be followed by another, and the last one ends the stage."""
    timed.stage(failing(2), id="a", retries=2)
    timed.stage(failing(9), id="b", retries=1, depends_on="a")
    timed.run()
    assert [
        "StageStarted a 1",
        "StageRetrying a 1",
        "StageStarted a 2",
        "StageRetrying a 2",
        "StageStarted a 3",
        "StageSucceeded a 3",
        "StageStarted b 1",
        "StageRetrying b 1",
        "StageStarted b 2",
        "StageFailed b 2",
    ] == timed.events()
    assert ["OSError(1)", "OSError(2)", "OSError(1)"] == [
        repr(event.error) for event in timed.hook.of(StageRetrying)
    ]
    assert ["OSError(2)"] == [repr(event.error) for event in timed.hook.of(StageFailed)]
    times = [event.time for event in timed.hook.of(StageStarted)]
    assert times == sorted(times)


def test_others_run_while_a_stage_waits(timed: Timed) -> None:
    """A wait takes no worker: what is ready goes on, and the clock is not skipped before."""
    log: List[str] = []
    calls: List[int] = []

    @timed.declare(retries=Retry(2, wait=10, jitter=False), priority=1)
    def a() -> None:
        log.append("a")
        calls.append(1)
        if len(calls) == 1:
            raise OSError

    for name in ("b", "c"):
        timed.stage(lambda: log.append("other"), id=name, resources={"one": 1})
    options = {} if timed.name == "pool" else {"workers": 1}
    assert timed.run(limits={"one": 1}, **options).ok
    assert "a" == log[-1]
    assert 4 == len(log)


def test_every_attempt_starts_from_the_context_of_the_caller(timed: Timed) -> None:
    """What an attempt sets is not seen by the next one, nor by the caller."""
    name: contextvars.ContextVar[str] = contextvars.ContextVar("name", default="nobody")
    seen: List[str] = []

    @timed.declare(retries=2)
    def a() -> None:
        seen.append(name.get())
        name.set("the stage")
        if len(seen) < 3:
            raise OSError

    reset = name.set("the caller")
    try:
        assert timed.run().ok
        assert ["the caller"] * 3 == seen
        assert "the caller" == name.get()
    finally:
        name.reset(reset)


def test_a_run_in_a_stage_has_retries_of_its_own(timed: Timed) -> None:
    """Each run waits on the clock that it is given, and has its own attempts."""
    if timed.is_async or timed.name.startswith("arun"):
        pytest.skip("a run in a loop is awaited")
    inner = Registry()
    inner.add(failing(3), id="inner", retries=Retry(2, wait=5, jitter=False))
    clock = VirtualClock()

    @timed.declare(retries=Retry(3, wait=1, jitter=False))
    def outer() -> int:
        return int(run(registry=inner, clock=clock)["inner"])

    result = timed.run()
    assert 4 == result["outer"]
    assert 2 == len(result.report("outer").attempts)
    assert (1.0, 10.0) == (timed.clock.seconds, clock.seconds)


def test_runs_at_once_do_not_share_attempts(timed: Timed) -> None:
    """One plan, run by many threads: each run has its own clock, attempts and outcome."""
    if timed.name.startswith("arun"):
        pytest.skip("see the same on threads")
    local = threading.local()

    def stage() -> int:
        return 1

    timed.stage(stage, id="a", retries=3)
    outcomes: List[Optional[int]] = []

    def one() -> None:
        outcomes.append(timed.run(clock=VirtualClock())["a"])

    threads = [threading.Thread(target=one) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(PATIENCE)
    assert [1] * 6 == outcomes
    assert not vars(local)


def test_time_passes_on_the_clock_of_the_machine_too() -> None:
    """Without a clock of its own a run waits as long as it says."""
    registry = Registry()
    registry.add(failing(2), id="a", retries=Retry(3, wait=0.01, backoff=1, jitter=False))
    result = run(registry=registry)
    first, second, third = result.report("a").attempts
    assert second.start - first.end >= 0.01
    assert third.start - second.end >= 0.01
    assert result.seconds >= 0.02


def test_an_attempt_that_succeeds_is_told_with_its_number(timed: Timed) -> None:
    """The end of a stage names the attempt that decided it."""
    timed.stage(failing(1), id="a", retries=1)
    timed.run()
    assert [2] == [event.attempt for event in timed.hook.of(StageSucceeded)]


def chain_that_fails_once(
    *, priorities: bool, note: Optional[Callable[[], int]] = None
) -> Registry:
    """Return a chain of five stages with a retry, of which the third one fails once."""
    registry = Registry()
    functions: List[Any] = [failing(0), note or (lambda: 0), failing(1), failing(0), failing(0)]
    for number, function in enumerate(functions):
        before = [f"s{number - 1}"] if number else []
        options: Any = {"priority": number} if priorities else {}
        registry.add(function, id=f"s{number}", depends_on=before, retries=1, **options)
    return registry


@pytest.mark.parametrize("priorities", [False, True])
@pytest.mark.parametrize("on_failure", ["stop", "continue"])
def test_a_stage_that_may_be_tried_again_costs_nothing_until_it_raises(
    priorities: bool, on_failure: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An inline run has a coordinator from its first failure on; what was called stays so."""
    started: List[Tuple[int, int]] = []
    original = Coordinator._start

    def counted(self: Coordinator, start: Start) -> None:
        started.append((start.step, start.attempt))
        original(self, start)

    monkeypatch.setattr(Coordinator, "_start", counted)
    registry = chain_that_fails_once(priorities=priorities)
    result = run(registry=registry, executor="inline", on_failure=on_failure)
    assert [(2, 1), (2, 2), (3, 1)] == started
    assert [1, 0, 2, 1, 1] == [result[f"s{number}"] for number in range(5)]
    assert [1, 1, 2, 1, 1] == [len(report.attempts) for report in result.reports()]
    ends = [0.0]
    for report in result.reports():
        for attempt in report.attempts:
            assert ends[-1] <= attempt.start <= attempt.end
            assert "main" == attempt.worker
            ends.append(attempt.end)
    started.clear()
    assert run(registry=registry, executor="inline").ok
    assert not started


def test_the_attempt_that_raised_first_has_the_times_that_it_had(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """It ended when it raised, not when somebody had been found to judge it."""
    times: List[float] = []
    resume = inline.resume

    def late(*args: Any) -> int:
        times.append(time.perf_counter())
        time.sleep(0.05)
        return resume(*args)

    def note() -> int:
        times.append(time.perf_counter())
        return 0

    monkeypatch.setattr(run_loop, "resume", late)
    result = run(registry=chain_that_fails_once(priorities=False, note=note), executor="inline")
    first, second = result.report("s2").attempts
    assert first.end - first.start <= times[1] - times[0]
    assert first.start == result.report("s1").attempts[0].end
    assert second.start >= first.end


def test_an_inline_run_that_fails_for_good_says_so_with_its_last_error() -> None:
    """Also where the coordinator came in for the last attempt only."""
    registry = Registry()
    registry.add(failing(0), id="a", retries=1)
    registry.add(failing(3, lambda number: OSError(number)), id="b", depends_on="a", retries=1)
    registry.add(failing(0), id="c", depends_on="b")
    result = run(registry=registry, executor="inline", check=False)
    report = result.report("b")
    assert "OSError(2)" == repr(report.error)
    assert ["OSError(1)", "OSError(2)"] == [repr(each.error) for each in report.attempts]
    assert ["succeeded", "failed", "skipped"] == [each.outcome.value for each in result.reports()]
    frames = traceback.extract_tb(report.error.__traceback__ if report.error else None)
    assert ["stage"] == [frame.name for frame in frames]
