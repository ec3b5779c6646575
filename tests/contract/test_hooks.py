"""What hooks are told, on every executor."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from typing import TYPE_CHECKING, Any, List, Tuple

import pytest

from stagekit import Registry, RunFailedError, plan
from stagekit.errors import StagekitWarning
from stagekit.events import (
    Event,
    Outcome,
    Reason,
    RunFinished,
    RunStarted,
    RunStatus,
    StageCancelled,
    StageFailed,
    StageSkipped,
    StageStarted,
    StageSucceeded,
)
from stagekit.testing import RecordingHook

if TYPE_CHECKING:
    from tests.contract.conftest import Flow


PATIENCE = 30


def fail() -> None:
    """Fail."""
    raise ValueError("no")


def test_events_tell_the_whole_run_in_a_legal_order(flow: Flow) -> None:
    """A run is told from start to finish; no stage starts before those it needs are told ended."""
    for number in range(30):
        before = [f"s{number // 2}", f"s{number // 3}"] if number > 1 else ["s0"][:number]
        flow.add(id=f"s{number}", depends_on=before)(lambda: None)
    hook = RecordingHook()
    result = flow.run(hooks=[hook])
    events = hook.events
    first, last = events[0], events[-1]
    assert isinstance(first, RunStarted)
    assert isinstance(last, RunFinished)
    assert (result.plan.order, result.executor, result.workers) == (
        first.stages,
        first.executor,
        first.workers,
    )
    assert (RunStatus.SUCCEEDED, ((Outcome.SUCCEEDED, 30),)) == (last.status, last.counts)
    assert last.seconds == result.seconds
    assert {result.run_id} == {event.run_id for event in events}
    assert sorted(result.plan.order) == sorted(hook.stage_ids(StageStarted))
    ended: List[str] = []
    started: List[str] = []
    for event in events[1:-1]:
        assert isinstance(event, (StageStarted, StageSucceeded))
        assert 1 == event.attempt
        step = result.plan.step_of(event.stage_id)
        attempt = result.report(event.stage_id).attempts[0]
        assert attempt.worker == event.worker
        if isinstance(event, StageStarted):
            assert {result.plan.order[parent] for parent in result.plan.parents[step]} <= set(ended)
            assert event.time <= attempt.started_at + 1e-5
            if attempt.worker.startswith(("main", "worker", "async", "Thread")):
                assert attempt.started_at <= event.time + 1e-5  # else it may be sent ahead
            started.append(event.stage_id)
        else:
            assert event.stage_id in started
            assert abs(attempt.seconds - event.seconds) < 1e-9
            ended.append(event.stage_id)
    assert len(result.plan) == len(ended)


def test_failures_and_what_follows_are_told(flow: Flow) -> None:
    """Failed, skipped and cancelled stages each have their event, with reason and cause."""
    flow.add(id="a", priority=5)(fail)
    flow.add(id="b", depends_on="a")(lambda: None)
    flow.add(id="soft", critical=False)(fail)
    for number in range(40):
        flow.add(id=f"x{number}", depends_on=[f"x{number - 1}"] if number else ["y"])(lambda: None)
    flow.add(id="y", priority=-5, depends_on="a")(lambda: None)
    hook = RecordingHook()
    result = flow.run(hooks=[hook], check=False, workers=1)
    told = {event.stage_id: event for event in hook.of(StageFailed)}
    event = told["a"]
    assert (Reason.RAISED, True) == (event.reason, event.critical)
    assert isinstance(event.error, ValueError)
    assert event.location == result.report("a").location
    (skipped,) = (event for event in hook.of(StageSkipped) if event.stage_id == "b")
    assert (Reason.UPSTREAM_FAILED, "a") == (skipped.reason, skipped.cause)
    for report in result.reports():
        events = [e for e in hook.events if getattr(e, "stage_id", None) == report.stage_id]
        kinds: Tuple[Any, ...] = {
            Outcome.SUCCEEDED: (StageStarted, StageSucceeded),
            Outcome.FAILED: (StageStarted, StageFailed),
            Outcome.SKIPPED: (StageSkipped,),
            Outcome.CANCELLED: (StageCancelled,),
        }[report.outcome]
        assert kinds == tuple(type(event) for event in events)
    last = hook.events[-1]
    assert isinstance(last, RunFinished)
    assert RunStatus.FAILED is last.status
    assert dict(last.counts) == {Outcome(name): n for name, n in result.counts().items()}


def test_hooks_are_called_on_the_calling_thread(flow: Flow) -> None:
    """A hook needs no lock."""
    threads: List[int] = []
    for number in range(10):
        flow.add(id=f"s{number}")(lambda: None)

    def look(event: object) -> None:
        threads.append(threading.get_ident())

    flow.run(hooks=[look])
    assert 22 == len(threads)
    assert {threading.get_ident()} == set(threads)


@pytest.mark.parametrize("error", [ValueError("bad hook"), SystemExit(3), GeneratorExit()])
def test_a_hook_that_raises_is_dropped_and_named_once(flow: Flow, error: BaseException) -> None:
    """What a hook raises never reaches the run; other hooks are told everything."""
    calls: List[Event] = []

    class Bad:
        def on_event(self, event: Event) -> None:
            calls.append(event)
            if isinstance(event, StageStarted):
                raise error

    for number in range(5):
        flow.add(id=f"s{number}")(lambda: None)
    good = RecordingHook()
    with pytest.warns(StagekitWarning, match="the hook .*Bad raised .* at StageStarted") as caught:
        result = flow.run(hooks=[Bad(), good])
    assert 1 == len([w for w in caught if w.category is StagekitWarning])
    assert result.ok
    assert 1 == len(result.warnings)
    assert 12 == len(good.events)
    assert sum(isinstance(event, StageStarted) for event in calls) == 1


def test_a_hook_that_raises_does_not_hide_a_failure(flow: Flow) -> None:
    """A failed run raises its own error, with the warning in its result."""
    flow.add(id="a")(fail)

    def bad(event: Event) -> None:
        raise RuntimeError("bad hook")

    with pytest.warns(StagekitWarning), pytest.raises(RunFailedError) as caught:
        flow.run(hooks=[bad])
    assert 1 == len(caught.value.result.warnings)


def test_ctrl_c_in_a_hook_cancels_the_run(flow: Flow) -> None:
    """``KeyboardInterrupt`` is never taken for an error of the hook."""
    called: List[int] = flow.list()
    is_told, is_cancelled = flow.event(), flow.event()

    def interrupt(event: Event) -> None:
        if isinstance(event, StageSucceeded) and event.stage_id == "s0":
            is_told.set()  # and until this is raised, one may end and the next one begin
            raise KeyboardInterrupt
        if isinstance(event, StageSucceeded) and event.stage_id == "s1":
            is_cancelled.set()

    for number in range(50):

        def body(number: int = number) -> None:
            called.append(number)
            assert number != 1 or is_told.wait(PATIENCE)
            assert number != 2 or is_cancelled.wait(PATIENCE)

        flow.add(id=f"s{number}", depends_on=[f"s{number - 1}"] if number else [])(body)
    with pytest.raises(KeyboardInterrupt) as caught:
        flow.run(hooks=[interrupt])
    result: Any = vars(caught.value)["result"]
    assert RunStatus.CANCELLED is result.status
    assert called in ([0], [0, 1], [0, 1, 2])
    assert "cancelled" == result.report("s49").outcome.value


def test_without_a_hook_no_event_is_made() -> None:
    """The classes of events are not even loaded, on any engine, whether stages fail or not."""
    source = """
import asyncio, sys
from concurrent.futures import ThreadPoolExecutor
from stagekit import Registry, arun, run
async def wait(): await asyncio.sleep(0)
def fail(): raise ValueError
def work(): pass
for functions in ([work, work], [wait, wait], [work, wait, work], [fail, work]):
    for executor in ("auto", "inline", "threads", ThreadPoolExecutor(1)):
        registry = Registry()
        for number, function in enumerate(functions):
            registry.add(function, id=f"s{number}")
        run(registry=registry, executor=executor, check=False)
        asyncio.run(arun(registry=registry, executor=executor, check=False))
assert "stagekit.events" not in sys.modules
"""
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    done = subprocess.run(
        [sys.executable, "-c", source], env=environment, capture_output=True, check=False, text=True
    )
    assert (0, "") == (done.returncode, done.stderr)


@pytest.mark.parametrize("workers", [1, 2, 6, 12])
@pytest.mark.parametrize("options", [{}, {"retries": 1}])
def test_the_first_one_told_of_is_the_first_by_rank(options: Any, workers: int) -> None:
    """On threads, also where there are workers to spare."""
    registry = Registry()
    for name, priority in (("b", 3), ("f", -1), ("a", 5), ("d", 0), ("c", 2)):
        registry.add(lambda: None, id=name, priority=priority, **options)
    made = plan(registry=registry)
    for _ in range(20):
        hook = RecordingHook()
        made.run(executor="threads", workers=workers, hooks=[hook])
        started = [each.stage_id for each in hook.events if isinstance(each, StageStarted)]
        assert ("a", 5) == (started[0], len(started))
