"""Plain stages that processes carry out: they follow one another, and are sent ahead if short."""

from __future__ import annotations

import contextvars
import os
import sys
import time
from pathlib import Path
from queue import SimpleQueue
from threading import Thread
from typing import Any, Callable, Dict, List, Set, cast

import pytest

from stagekit import CancelToken, Hook, Registry, Result, run
from stagekit._base.pool_call import PoolCall
from stagekit._run.backends.job import CHAINED, Job
from stagekit._run.backends.pool import PoolBackend
from stagekit._run.coordinator import Coordinator
from stagekit._run.state.actions import Start, WithdrawnError
from stagekit.errors import BadValueError, RunCancelledError, WorkerDiedError
from stagekit.events import (
    Event,
    Outcome,
    Reason,
    StageFailed,
    StageStarted,
    StageSucceeded,
)
from stagekit.executors.futures import SubmitPool, submitted
from stagekit.testing import RecordingHook
from tests.run import faraway
from tests.run.faraway import (
    Makes,
    MakesStuck,
    Notes,
    Stuck,
    Waits,
    dies,
    fails,
    nothing,
    number_set,
    takes,
)

pytest.importorskip("stagekit.executors.processes")
pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="signals are not sent there")

COUNT = 300  # stages: more than it takes until calls are sent ahead
MANY = 1500  # stages: more than there can be under way until the owner hears of an end
DEEP = 5  # stages that follow one another


def layered(registry: Registry, **at: Callable[[], Any]) -> Dict[str, List[str]]:
    """Add stages in short chains, some of them with a function of their own; return the parents."""
    parents: Dict[str, List[str]] = {}
    for number in range(COUNT):
        name = f"s{number}"
        parents[name] = [f"s{number - 1}"] if number % DEEP else []
        registry.add(at.get(name, nothing), id=name, depends_on=parents[name])
    return parents


def test_each_is_called_once_after_its_parents(process_pool: Any) -> None:
    """Events, times and outcomes are those of stages that were called one by one."""
    registry, hook = Registry(), RecordingHook()
    parents = layered(registry)
    registry.add(nothing, id="again", retries=1)
    result = run(registry=registry, executor=process_pool, hooks=[hook])
    assert {"succeeded": COUNT + 1} == result.counts()
    ends: Set[str] = set()
    started: List[str] = []
    for event in hook.events:
        if isinstance(event, StageStarted):
            assert all(parent in ends for parent in parents.get(event.stage_id, ()))
            started.append(event.stage_id)
        elif isinstance(event, StageSucceeded):
            assert event.stage_id in started
            ends.add(event.stage_id)
    assert COUNT + 1 == len(started) == len(set(started)) == len(ends)
    for name, before in parents.items():
        (attempt,) = result.report(name).attempts
        assert 0 <= attempt.start <= attempt.end
        assert all(attempt.start >= result.report(each).attempts[-1].end for each in before)
        assert attempt.worker in {f"{result.executor}-1", f"{result.executor}-2"}


def test_the_owner_is_not_asked_for_each(
    process_pool: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """But for the first ones, and the places in which calls are sent ahead."""
    started: List[int] = []
    original = Coordinator._start

    def counted(self: Coordinator, start: Start) -> None:
        started.append(start.step)
        original(self, start)

    monkeypatch.setattr(Coordinator, "_start", counted)
    registry = Registry()
    layered(registry)
    run(registry=registry, executor=process_pool)
    assert len(started) < COUNT // 2


@pytest.mark.parametrize("at", [0, 7, 250])
def test_a_death_is_that_of_one_stage(process_pool: Any, at: int) -> None:
    """Whatever its worker had before it is carried out by others."""
    registry = Registry()
    layered(registry, **{f"s{at}": dies})
    result = run(registry=registry, executor=process_pool, on_failure="continue", check=False)
    after = (DEEP - 1) - at % DEEP
    assert {"failed": 1, "skipped": after, "succeeded": COUNT - 1 - after} == {
        outcome: count for outcome, count in result.counts().items() if count
    }
    report = result.report(f"s{at}")
    assert Reason.CRASHED is report.reason
    assert isinstance(report.error, WorkerDiedError)


def test_what_raises_is_the_stage_that_failed(process_pool: Any) -> None:
    """Although it is called in the place of another."""
    registry = Registry()
    layered(registry, s203=fails)
    result = run(registry=registry, executor=process_pool, on_failure="continue", check=False)
    assert isinstance(result.report("s203").error, ZeroDivisionError)
    assert {"failed": 1, "skipped": 1, "succeeded": COUNT - 2} == {
        outcome: count for outcome, count in result.counts().items() if count
    }


def test_what_cannot_be_sent_is_the_stage_that_failed(process_pool: Any) -> None:
    """It is found out on the thread of the pool, which goes on."""
    registry = Registry()
    layered(registry)
    makes = MakesStuck(os.getpid())
    registry.add(makes, id="makes", depends_on="s203", provides=Stuck, executor="threads")
    registry.add(takes, id="user")
    result = run(registry=registry, executor=process_pool, on_failure="continue", check=False)
    assert {"failed": 1, "succeeded": COUNT + 1} == {
        outcome: count for outcome, count in result.counts().items() if count
    }
    assert isinstance(result.report("user").error, BadValueError)
    assert "argument 1 of takes, a Stuck, cannot be sent" in str(result.report("user").error)


@pytest.mark.parametrize("options", [{}, pytest.param({"retries": 1}, marks=pytest.mark.slow)])
def test_a_cancel_takes_back_what_was_sent_ahead(
    process_pool: Any, tmp_path: Path, options: Dict[str, Any]
) -> None:
    """When ``cancel()`` has returned, nothing begins any more; what had begun is two calls."""
    registry, token, log = Registry(), CancelToken(), tmp_path / "log"
    for number in range(MANY):
        registry.add(Notes(str(log), number), id=f"s{number}", **options)
    counts: List[int] = []

    class Cancelling(Hook):
        def on_event(self, event: Event) -> None:
            if isinstance(event, StageSucceeded) and event.stage_id == "s200":
                token.cancel()
                counts.append(len(log.read_bytes().split()))

    with pytest.raises(RunCancelledError) as caught:
        run(registry=registry, executor=process_pool, cancel=token, hooks=[Cancelling()])
    called = log.read_text("ascii").split()
    assert len(called) == len(set(called))
    assert len(called) - counts[0] <= 2
    judge(caught.value.result, called)
    process_pool.submit(os.getpid).result()
    assert called == log.read_text("ascii").split()


@pytest.mark.parametrize("on_failure", ["stop", pytest.param("cancel", marks=pytest.mark.slow)])
def test_a_failure_takes_back_what_was_sent_ahead(
    process_pool: Any, tmp_path: Path, on_failure: Any
) -> None:
    """When the failure is told that stops the run, nothing begins any more."""
    registry, log = Registry(), tmp_path / "log"
    for number in range(MANY):
        registry.add(Notes(str(log), number), id=f"s{number}")
    registry.add(fails, id="fails", depends_on="s150", priority=5)
    counts: List[int] = []

    class Looking(Hook):
        def on_event(self, event: Event) -> None:
            if isinstance(event, StageFailed):
                counts.append(len(log.read_bytes().split()))

    result = run(
        registry=registry,
        executor=process_pool,
        hooks=[Looking()],
        on_failure=on_failure,
        check=False,
    )
    called = log.read_text("ascii").split()
    assert len(called) == len(set(called))
    assert len(called) - counts[0] <= 1  # of the other worker
    judge(result, called)
    process_pool.submit(os.getpid).result()
    assert called == log.read_text("ascii").split()


def judge(result: Result, called: List[str]) -> None:
    """Check that the reports tell of what was called, and of nothing else."""
    began = {f"s{number}" for number in called}
    for report in result.reports():
        if report.stage_id != "fails":
            assert report.outcome in {Outcome.SUCCEEDED, Outcome.CANCELLED}
            assert (report.outcome is Outcome.SUCCEEDED) <= (report.stage_id in began)
            is_killed = isinstance(report.error, WorkerDiedError)  # perhaps before it could note
            assert is_killed or bool(report.attempts) == (report.stage_id in began)
    assert Outcome.CANCELLED is result.report(f"s{MANY - 1}").outcome


def test_a_recall_leaves_the_calls_of_others(process_pool: Any, tmp_path: Path) -> None:
    """Two runs share a pool; one is cancelled, all stages of the other are called once."""
    token, log = CancelToken(), tmp_path / "log"
    results: SimpleQueue[Result] = SimpleQueue()

    def other() -> None:
        registry = Registry()
        for number in range(2 * COUNT):
            registry.add(Notes(str(log), number), id=f"s{number}")
        results.put(run(registry=registry, executor=process_pool))

    registry = Registry()
    for number in range(10 * COUNT):
        registry.add(nothing, id=f"s{number}")

    class Cancelling(Hook):
        def on_event(self, event: Event) -> None:
            if isinstance(event, StageSucceeded) and event.stage_id == "s300":
                token.cancel()

    thread = Thread(target=other)
    thread.start()
    with pytest.raises(RunCancelledError):
        run(registry=registry, executor=process_pool, cancel=token, hooks=[Cancelling()])
    thread.join()
    assert {"succeeded": 2 * COUNT} == results.get().counts()
    assert sorted(map(str, range(2 * COUNT))) == sorted(log.read_text("ascii").split())


def test_an_idle_worker_makes_what_waits_behind_a_long_call(
    process_pool: Any, tmp_path: Path
) -> None:
    """A stage that was sent ahead to a busy worker does not wait for it."""
    registry, there = Registry(), str(tmp_path / "there")
    for number in range(COUNT):
        registry.add(nothing, id=f"s{number}")
    registry.add(Waits(there), id="waits", depends_on="s150", priority=5)
    registry.add(Makes(there), id="makes", depends_on=["s151"], priority=-5)
    result = run(registry=registry, executor=process_pool)
    assert {"succeeded": COUNT + 2} == result.counts()


@pytest.mark.parametrize("options", [{}, pytest.param({"retries": 1}, marks=pytest.mark.slow)])
def test_the_wait_of_what_was_sent_ahead_is_not_counted(
    process_pool: Any, options: Dict[str, Any]
) -> None:
    """Two workers cannot be busy for much longer than twice the time that the run took."""
    registry = Registry()
    for number in range(COUNT):
        registry.add(nothing, id=f"s{number}", **options)
    result = run(registry=registry, executor=process_pool)
    busy = sum(report.attempts[0].seconds for report in result.reports())
    assert 0 < busy < 8 * result.seconds


def test_what_goes_on_after_it_was_asked_to_end_is_ended() -> None:
    """It was asked between two calls: the one that it has become is told of it."""
    made: List[PoolCall] = []
    posted: List[Any] = []

    class Pool(SubmitPool):
        def start_call(self, call: PoolCall, /) -> None:
            made.append(call)
            if len(made) > 1:
                token.cancel()

        def stop(self, call: PoolCall, /, *, force: bool = False) -> None:
            del force
            call.withdrawn()

    class Walking(Job):
        def returned(self, value: Any, ahead: int) -> Any:
            del value, ahead
            return CHAINED

    token, context, pool = CancelToken(), contextvars.Context(), Pool(cast("Any", None), 1)

    def post(*how: Any) -> None:
        posted.append(how)

    carrier = PoolBackend(post, pool, "pool", 1, stays=b"")
    job = Walking(
        1, nothing, (), {}, promise=0, context=context, token=token, tell=nothing, name="w"
    )
    carrier.start(job)
    made[0].returned(None)
    assert [False, True] == [each.is_withdrawn for each in made]
    ((ticket, value, error),) = posted
    assert (1, None, WithdrawnError) == (ticket, value, type(error))


def test_what_is_set_in_a_context_travels_as_it_is(process_pool: Any) -> None:
    """Although calls have the same context, one after another."""
    context = contextvars.Context()
    found = [submitted(process_pool, number_set, (), {}, context=context).result()]
    for value in (1, 2):
        context.run(faraway.NUMBER.set, value)
        found.append(submitted(process_pool, number_set, (), {}, context=context).result())
    assert [0, 1, 2] == found


def test_a_worker_says_how_long_it_has_had_a_call(process_pool: Any) -> None:
    """Neither the way there nor what it did before is in it."""
    before = time.perf_counter_ns()
    first = process_pool.submit(time.sleep, 0.01)
    rest = [process_pool.submit(abs, -1) for _ in range(20)]
    first.result()
    assert [1] * 20 == [each.result() for each in rest]
    elapsed = time.perf_counter_ns() - before
    assert 10_000_000 <= first.took <= elapsed
    assert all(0 < each.took for each in rest)
    assert sum(each.took for each in (first, *rest)) <= 2 * elapsed
