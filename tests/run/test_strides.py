"""Plain stages beside policies: they follow one another, and are what they are in simple runs."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
import threading
from contextvars import ContextVar
from typing import Any, Dict, List, Optional, Sequence, Set, Tuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stagekit import CancelToken, Hook, Registry, arun, run
from stagekit._run.backends import loop as loop_backend
from stagekit._run.coordinator import Coordinator
from stagekit._run.state.actions import Start
from stagekit.errors import RunCancelledError, RunFailedError
from stagekit.events import (
    Event,
    Outcome,
    StageFailed,
    StageProgress,
    StageStarted,
    StageSucceeded,
)
from stagekit.executors._prefetch import Prefetch
from stagekit.testing import Dag, RecordingHook, dags
from tests.run import faraway

EXECUTORS = ["inline", "threads"]


class Sums:
    """Stages that add up what their parents have returned; some of them have a policy."""

    def __init__(self, edges: Dict[int, Tuple[int, ...]], special: Dict[int, str]) -> None:
        self.registry = Registry()
        self.values: Dict[int, int] = {}
        self.lock = threading.Lock()
        for node, parents in edges.items():
            options: Dict[str, Any] = {}
            kind = special.get(node, "")
            if kind == "retries":
                options["retries"] = 2
            elif kind == "slot":
                options["resources"] = {"db": 1}
            elif kind == "timeout":
                options["timeout"] = 600.0
            before = [f"s{parent}" for parent in parents]
            self.registry.add(
                self.stage(node, parents, fails=kind == "retries"),
                id=f"s{node}",
                depends_on=before,
                **options,
            )

    def stage(self, node: int, parents: Tuple[int, ...], *, fails: bool) -> Any:
        """Return the function of a stage; one with retries fails once."""
        failures = [OSError("once")] if fails else []

        def add() -> None:
            if failures:
                raise failures.pop()
            with self.lock:
                self.values[node] = node + sum(self.values[parent] for parent in parents)

        return add


@pytest.mark.filterwarnings("ignore:SK224")  # a thread cannot be stopped
@pytest.mark.parametrize("executor", EXECUTORS)
@given(
    dag=dags(max_size=12),
    kinds=st.lists(st.sampled_from(["", "", "", "retries", "slot", "timeout"]), max_size=12),
)
def test_any_mix_gives_the_values_of_calls_by_hand(
    executor: str, dag: Dag, kinds: List[str]
) -> None:
    """With whatever policies among them, each stage has run once after its parents."""
    edges = dict(enumerate(dag.parents))
    sums = Sums(edges, dict(enumerate(kinds)))
    hook = RecordingHook()
    run(
        registry=sums.registry,
        executor=executor,
        workers=3,
        limits={"db": 1} if "slot" in kinds[: dag.n] else {},
        hooks=[hook],
    )
    wanted: Dict[int, int] = {}
    for node in sorted(edges):
        wanted[node] = node + sum(wanted[parent] for parent in edges[node])
    assert wanted == sums.values
    _in_order(hook.events, edges)


def _in_order(events: Sequence[Event], edges: Dict[int, Tuple[int, ...]]) -> None:
    """See that each stage has started after its parents, and ended once after that."""
    started: Set[str] = set()
    ended: Set[str] = set()
    for event in events:
        if isinstance(event, StageStarted):
            parents = edges[int(event.stage_id[1:])]
            assert {f"s{parent}" for parent in parents} <= ended
            started.add(event.stage_id)
        elif isinstance(event, StageSucceeded):
            assert event.stage_id in started - ended
            ended.add(event.stage_id)
    assert {f"s{node}" for node in edges} == ended


@pytest.mark.parametrize("executor", EXECUTORS)
@pytest.mark.parametrize("shape", ["chain", "wide"])
def test_the_owner_is_not_asked_for_each_plain_stage(
    executor: str, shape: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Ten times the plain stages beside one with a policy do not mean ten times the messages."""

    def starts(count: int) -> int:
        started: List[int] = []
        original = Coordinator._start

        def counted(self: Coordinator, start: Start) -> None:
            started.append(start.step)
            original(self, start)

        with monkeypatch.context() as patched:
            patched.setattr(Coordinator, "_start", counted)
            registry = Registry()
            for node in range(count):
                before = [f"s{node - 1}"] if shape == "chain" and node else []
                retries = 1 if node == count // 2 else 0
                registry.add(_nothing, id=f"s{node}", depends_on=before, retries=retries)
            result = run(registry=registry, executor=executor, workers=2)
            assert {Outcome.SUCCEEDED} == {each.outcome for each in result.reports()}
        return len(started)

    assert starts(100) < 30
    assert starts(1_000) < 100


@pytest.mark.parametrize("executor", EXECUTORS)
def test_a_plain_stage_that_fails_is_the_one_that_failed(executor: str) -> None:
    """Although it is called in the place of another; with its own time and worker."""
    registry = Registry()
    registry.add(_nothing, id="first", retries=1)
    registry.add(_nothing, id="second", depends_on=["first"])
    registry.add(_nothing, id="third", depends_on=["second"])
    registry.add(_fails, id="fourth", depends_on=["third"])
    registry.add(_nothing, id="fifth", depends_on=["fourth"])
    hook = RecordingHook()
    with pytest.raises(RunFailedError, match="fourth") as caught:
        run(registry=registry, executor=executor, workers=2, hooks=[hook])
    result = caught.value.result
    outcomes = {each.stage_id: each.outcome for each in result.reports()}
    assert Outcome.FAILED is outcomes["fourth"]
    assert Outcome.SKIPPED is outcomes["fifth"]
    (attempt,) = result.report("fourth").attempts
    assert isinstance(attempt.error, ZeroDivisionError)
    assert attempt.start >= result.report("third").attempts[0].end
    told = [
        type(each).__name__ for each in hook.events if getattr(each, "stage_id", "") == "fourth"
    ]
    assert ["StageStarted", "StageFailed"] == told
    assert ["fourth"] == [each.stage_id for each in hook.events if isinstance(each, StageFailed)]


@pytest.mark.parametrize("executor", EXECUTORS)
def test_a_plain_stage_that_breaks_its_promise_fails(executor: str) -> None:
    """A promise is checked between two calls, too."""
    registry = Registry()
    registry.add(_nothing, id="first", retries=1)
    registry.add(_nothing, id="second", depends_on=["first"])

    @registry.stage(id="third", depends_on=["second"])
    def third() -> int:
        return None  # type: ignore[return-value]  # pyright: ignore[reportReturnType]  # on purpose

    with pytest.raises(RunFailedError, match="returned None, although"):
        run(registry=registry, executor=executor, workers=2)


@pytest.mark.parametrize("executor", EXECUTORS)
def test_nothing_follows_after_a_cancel(executor: str) -> None:
    """A plain stage that cancels the run is the last one that is called."""
    registry, token = Registry(), CancelToken()
    called: List[str] = []
    for node in range(5):
        before = [f"s{node - 1}"] if node else []
        registry.add(_calls(called, node, token), id=f"s{node}", depends_on=before)
    with pytest.raises(RunCancelledError):
        run(registry=registry, executor=executor, cancel=token)
    assert ["s0", "s1", "s2"] == called


@pytest.mark.skipif(os.name != "posix", reason="os.kill ends processes elsewhere")
@pytest.mark.parametrize("at", [StageStarted, StageSucceeded])
@pytest.mark.parametrize("retries", [0, 1])
def test_ctrl_c_between_two_stages_is_not_lost(at: Any, retries: int) -> None:
    """It comes while a hook is told: nothing more is called, and the run has been interrupted."""
    registry = Registry()
    called: List[str] = []
    for node in range(6):
        before = [f"s{node - 1}"] if node else []
        registry.add(_calls(called, node), id=f"s{node}", depends_on=before, retries=retries)

    class Interrupting(Hook):
        def on_event(self, event: Event) -> None:
            if isinstance(event, at) and getattr(event, "stage_id", "") == "s3":
                os.kill(os.getpid(), signal.SIGINT)

    with pytest.raises(KeyboardInterrupt) as caught:
        run(registry=registry, executor="inline", hooks=[Interrupting()])
    result: Any = getattr(caught.value, "result")  # noqa: B009 - not known to type checkers
    assert called in (["s0", "s1", "s2"], ["s0", "s1", "s2", "s3"])
    outcomes = [result.report(f"s{node}").outcome for node in range(6)]
    assert Outcome.CANCELLED in outcomes
    assert not result.abandoned
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


@pytest.mark.skipif(os.name != "posix", reason="os.kill ends processes elsewhere")
@pytest.mark.parametrize("retries", [0, 1])
def test_ctrl_c_after_the_last_stage_is_not_lost(retries: int) -> None:
    """It comes while a hook is told of the end of that stage, which keeps its value."""
    registry = Registry()
    registry.add(lambda: 7, id="only", retries=retries)

    class Interrupting(Hook):
        def on_event(self, event: Event) -> None:
            if isinstance(event, StageSucceeded):
                os.kill(os.getpid(), signal.SIGINT)

    with pytest.raises(KeyboardInterrupt) as caught:
        run(registry=registry, executor="inline", hooks=[Interrupting()])
    result: Any = getattr(caught.value, "result")  # noqa: B009 - not known to type checkers
    assert 7 == result["only"]
    assert "interrupted" == result.cancel_reason
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


@pytest.mark.parametrize("executor", EXECUTORS)
@pytest.mark.parametrize("is_async", [False, True])
def test_hooks_need_no_coordinator(
    executor: str, is_async: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where a run is simple but for them, they are told by who carries it out."""
    monkeypatch.setattr(Coordinator, "__init__", None)
    hook, registry = RecordingHook(), Registry()

    async def works() -> None: ...

    async def fails() -> None:
        raise ZeroDivisionError

    for node, parents in {0: [], 1: [0], 2: [0], 3: [1, 2], 4: [3], 5: [2]}.items():
        plain = _fails if node == 3 else _nothing
        function: Any = (fails if node == 3 else works) if is_async else plain
        before = [f"s{parent}" for parent in parents]
        registry.add(function, id=f"s{node}", depends_on=before, critical=node != 3)
    registry.add(works if is_async else _nothing, id="needs", depends_on=["s3"])
    how = "auto" if is_async else executor
    result = run(registry=registry, executor=how, workers=2, hooks=[hook], on_failure="continue")
    told: Dict[str, List[str]] = {}
    for event in hook.events[1:-1]:
        told.setdefault(getattr(event, "stage_id", ""), []).append(type(event).__name__)
    for report in result.reports():
        end = f"Stage{report.outcome.value.capitalize()}"
        assert ["StageStarted", end][report.outcome is Outcome.SKIPPED :] == told[report.stage_id]


def _chain_of_tasks(*functions: Any) -> Registry:
    """Return a chain of async stages, the first of which has a policy."""
    registry = Registry()
    for node, function in enumerate(functions):
        before = [f"s{node - 1}"] if node else []
        registry.add(function, id=f"s{node}", depends_on=before, retries=0 if node else 1)
    return registry


def test_async_stages_follow_one_another_in_one_task(monkeypatch: pytest.MonkeyPatch) -> None:
    """Beside a stage with a policy, too: the owner is asked for the first one only."""
    started: List[int] = []
    tasks: Set[Any] = set()
    original = Coordinator._start

    def counted(self: Coordinator, start: Start) -> None:
        started.append(start.step)
        original(self, start)

    async def notes() -> None:
        tasks.add(asyncio.current_task())

    monkeypatch.setattr(Coordinator, "_start", counted)
    monkeypatch.setattr(loop_backend, "SLICE", 10**12)
    monkeypatch.delitem(sys.modules, "loguru", raising=False)  # it has something bound for each
    assert run(registry=_chain_of_tasks(*[notes] * 50)).ok
    assert [0] == started
    assert 1 == len(tasks)


@pytest.mark.parametrize("deadline", [None, 600.0])
def test_async_stages_that_never_suspend_are_not_all_asked_for(
    deadline: Optional[float], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A thousand that are ready at once follow one another, in a few tasks."""
    started: List[int] = []
    original = Coordinator._start

    def counted(self: Coordinator, start: Start) -> None:
        started.append(start.step)
        original(self, start)

    async def works() -> None: ...

    monkeypatch.setattr(Coordinator, "_start", counted)
    monkeypatch.setattr(loop_backend, "SLICE", 10**12)
    monkeypatch.delitem(sys.modules, "loguru", raising=False)  # it has something bound for each
    registry = Registry()
    for node in range(1_000):
        registry.add(works, id=f"s{node}", retries=0 if node else 1)
    assert run(registry=registry, deadline=deadline).ok
    assert len(started) < 100


@pytest.mark.parametrize("deadline", [None, 600.0])
@pytest.mark.parametrize("limits", [None, {"async": 150}])
def test_all_async_stages_that_wait_for_one_another_are_begun(
    deadline: Optional[float], limits: Optional[Dict[str, int]]
) -> None:
    """However many wait already when others become ready, with a time limit or without."""
    begun: List[int] = []

    async def waits() -> None:
        begun.append(1)
        while len(begun) < 150:
            await asyncio.sleep(0)

    registry = Registry()

    async def first() -> None: ...

    registry.add(first, id="first", retries=1)
    for node in range(150):
        options: Dict[str, Any] = {"timeout": 600.0} if node % 3 == 0 else {}
        before = ["first"] if node % 2 else []
        registry.add(waits, id=f"s{node}", depends_on=before, **options)
    assert run(registry=registry, deadline=deadline, limits=limits).ok


variable: ContextVar[str] = ContextVar("variable", default="as it was")


def test_an_async_stage_starts_from_the_context_of_the_run() -> None:
    """What one that it follows has set there is not seen, and it is in a task of its own."""
    seen: List[str] = []

    async def sets() -> None:
        seen.append(variable.get())
        variable.set("changed")

    assert run(registry=_chain_of_tasks(*[sets] * 5)).ok
    assert ["as it was"] * 5 == seen


def test_a_task_that_was_asked_to_end_serves_no_other_stage() -> None:
    """A stage that cancels its own task as its last act is not known to the next one."""
    ended: List[int] = []

    async def cancels() -> None:
        task = asyncio.current_task()
        assert task is not None
        task.cancel()

    async def waits() -> None:
        await asyncio.sleep(0)
        ended.append(1)

    assert run(registry=_chain_of_tasks(cancels, waits, waits)).ok
    assert [1, 1] == ended


def test_an_async_stage_that_keeps_its_loop_is_followed_in_another_task(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """So others have their turn, and the owner of the run is heard."""
    tasks: List[Any] = []

    async def notes() -> None:
        tasks.append(asyncio.current_task())

    monkeypatch.setattr(loop_backend, "SLICE", -1)
    assert run(registry=_chain_of_tasks(*[notes] * 5)).ok
    assert 5 == len(set(tasks))


@pytest.mark.parametrize("deadline", [None, 600.0])
def test_an_async_stage_that_fails_is_the_one_that_failed(deadline: Optional[float]) -> None:
    """Although it is awaited in the task of another; on the run's loop, and on one in a thread."""

    async def works() -> None: ...

    async def fails() -> None:
        raise ZeroDivisionError

    with pytest.raises(RunFailedError, match="s3") as caught:
        run(registry=_chain_of_tasks(works, works, works, fails, works), deadline=deadline)
    result = caught.value.result
    assert isinstance(result.report("s3").error, ZeroDivisionError)
    assert Outcome.SKIPPED is result.report("s4").outcome
    assert result.report("s3").attempts[0].start >= result.report("s2").attempts[0].end


def test_no_async_stage_follows_once_another_has_failed() -> None:
    """Though the owner of the run, whose turn it is after them, has not heard of it yet."""
    called: List[str] = []
    begun: List[str] = []

    async def fails() -> None:
        begun.append("fails")
        raise ZeroDivisionError

    async def works() -> None:
        while not begun:
            await asyncio.sleep(0)

    async def follows() -> None:
        called.append("follows")

    registry = Registry()
    registry.add(works, id="works", priority=3)
    registry.add(fails, id="fails", priority=2)
    registry.add(follows, id="follows", depends_on=["works"])
    registry.add(works, id="beside", retries=1, priority=1)
    result = asyncio.run(arun(registry=registry, check=False))
    assert "succeeded" == result.report("works").outcome.value
    assert "cancelled" == result.report("follows").outcome.value
    assert not called


def _calls(called: List[str], node: int, token: Optional[CancelToken] = None) -> Any:
    def call() -> None:
        called.append(f"s{node}")
        if token is not None and node == 2:
            token.cancel()

    return call


def _nothing() -> None:
    """Do nothing."""


def _fails() -> None:
    raise ZeroDivisionError


def _fan(count: int, **options: Any) -> Registry:
    registry = Registry()
    registry.add(faraway.up_to(count), id="numbers", executor="threads")
    registry.add(faraway.twice, id="twice", **options)
    registry.add(faraway.nothing, id="beside", retries=1)
    return registry


def _not_noticed(prefetch: Prefetch, took: int, workers: int) -> None:
    """Take no notice of a call."""


@pytest.mark.parametrize("executor", ["inline", "threads", "processes"])
def test_the_owner_is_not_asked_for_each_item(
    executor: str, process_pool: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A thousand plain items mean no thousand messages; with slots each of them is asked for."""
    started: List[int] = []
    original = Coordinator._start

    def counted(self: Coordinator, start: Start) -> None:
        started.append(start.step)
        original(self, start)

    monkeypatch.setattr(Coordinator, "_start", counted)
    monkeypatch.setattr(Prefetch, "ended", _not_noticed)  # else more are asked for: short ones
    monkeypatch.setattr(process_pool._prefetch, "ahead", 0)  # what tests before have made of it
    pool = process_pool if executor == "processes" else executor
    result = run(registry=_fan(1_000), executor=pool, workers=2)
    assert [str(2 * number) for number in range(1_000)] == result["twice"]
    assert len(started) < 20
    started.clear()
    run(registry=_fan(1_000, resources={"db": 1}), executor=pool, workers=2, limits={"db": 2})
    assert len(started) >= 1_000


@pytest.mark.parametrize("executor", ["inline", "threads", "processes"])
def test_each_item_that_follows_has_a_report_of_its_own(executor: str, process_pool: Any) -> None:
    """One attempt, with its index, its worker, and times within those of the stage."""
    hook = RecordingHook()
    pool = process_pool if executor == "processes" else executor
    result = run(registry=_fan(50), executor=pool, workers=2, hooks=[hook])
    report, (before,) = result.report("twice"), result.report("numbers").attempts
    assert list(range(50)) == sorted(each.item or 0 for each in report.attempts)
    assert len(report.attempts) == 50
    kinds = {"inline": "main", "threads": "worker", "processes": "ProcessPool"}
    for attempt in report.attempts:
        assert (1, None) == (attempt.number, attempt.error)
        assert before.end <= attempt.start <= attempt.end <= result.seconds
        assert attempt.worker.startswith(kinds[executor])
    told = [each for each in hook.events if getattr(each, "stage_id", "") == "twice"]
    counts = [each.done or 0 for each in told if isinstance(each, StageProgress)]
    assert counts == sorted(set(counts))
    assert counts[-1:] == [50]
    assert ["StageStarted", "StageSucceeded"] == [
        type(each).__name__ for each in told if not isinstance(each, StageProgress)
    ]


@pytest.mark.parametrize("on_failure", ["stop", "continue", "cancel"])
@pytest.mark.parametrize("executor", ["inline", "threads", "processes"])
def test_an_item_that_fails_is_named_although_it_follows_others(
    executor: str, on_failure: Any, process_pool: Any
) -> None:
    """Its index is told, and what a failure means for those after it is as it is said."""
    registry = Registry()

    registry.add(faraway.up_to(40), id="numbers", executor="threads")
    registry.add(faraway.checked, id="checked")
    pool = process_pool if executor == "processes" else executor
    result = run(registry=registry, executor=pool, workers=2, on_failure=on_failure, check=False)
    report = result.report("checked")
    assert Outcome.FAILED is report.outcome
    # Item 7 begins first; where the other fails first, it is waited for unless it is cancelled.
    is_either = on_failure == "cancel" and executor != "inline"
    assert report.item in ({7, 11} if is_either else {7})
    failed = [attempt.item for attempt in report.attempts if attempt.error is not None]
    ended = [attempt.item or 0 for attempt in report.attempts]
    assert len(ended) == len(set(ended))
    if on_failure == "continue":
        assert list(range(40)) == sorted(ended)
        assert {7, 11} == set(failed)
    elif executor == "inline":
        assert list(range(8)) == ended


def test_an_owner_that_has_others_to_listen_to_makes_its_calls_one_by_one(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Stages on the calling thread in a run on threads: messages are heard between any two."""
    started: List[int] = []
    original = Coordinator._start

    def counted(self: Coordinator, start: Start) -> None:
        started.append(start.step)
        original(self, start)

    monkeypatch.setattr(Coordinator, "_start", counted)
    registry = Registry()

    def where() -> int:
        return threading.get_ident()

    for number in range(10):
        before = [f"s{number - 1}"] if number else []
        registry.add(where, id=f"s{number}", depends_on=before, executor="inline")
    result = run(registry=registry, executor="threads")
    assert list(range(10)) == started
    assert {threading.get_ident()} == {result[f"s{number}"] for number in range(10)}


def test_hooks_are_told_by_the_owner_of_what_others_do_for_an_inline_run() -> None:
    """A stage that names threads is told of on the thread that owns the run, like all others."""
    told: Set[int] = set()

    class Where(Hook):
        def on_event(self, event: Event) -> None:
            told.add(threading.get_ident())

    registry = Registry()

    def where() -> int:
        return threading.get_ident()

    for number in range(10):
        before = [f"s{number - 1}"] if number else []
        executor = "threads" if number % 4 else None
        registry.add(where, id=f"s{number}", depends_on=before, executor=executor)
    result = run(registry=registry, executor="inline", hooks=[Where()])
    assert {threading.get_ident()} == told
    assert [number % 4 == 0 for number in range(10)] == [
        result[f"s{number}"] == threading.get_ident() for number in range(10)
    ]
