"""Which engine carries a run out, and runs in runs."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Callable, Dict, List, Optional, Sequence, Tuple

import pytest
from typing_extensions import Annotated

from stagekit import Each, Registry, RunFailedError, arun, plan, run
from stagekit._run import notify as dispatch
from stagekit.errors import RunningLoopError, TooDeepError
from stagekit.events import RunStarted
from stagekit.testing import RecordingHook


async def waits() -> None:
    """Suspend once."""
    await asyncio.sleep(0)


fails: List[BaseException] = []


def works() -> None:
    """Return at once, or raise what lies ready."""
    if fails:
        raise fails[0]


def registry_of(functions: Sequence[Callable[[], object]], *, is_chain: bool = False) -> Registry:
    """Return a registry of these stages, each after the one before it where they are a chain."""
    registry = Registry()
    for number, function in enumerate(functions):
        before = [f"s{number - 1}"] if number and is_chain else []
        registry.add(function, id=f"s{number}", depends_on=before)
    return registry


@pytest.mark.parametrize(
    ("executor", "options", "expected"),
    [
        ("auto", {}, ("threads", 3, "worker-1")),
        ("auto", {"executor": "inline"}, ("inline", 1, "main")),
        ("inline", {}, ("inline", 1, "main")),
    ],
)
def test_the_info_of_a_run_names_what_calls_items(
    executor: str, options: Dict[str, Any], expected: Tuple[str, int, str]
) -> None:
    """Where no stages overlap, the items of a list do: on threads, unless another place is said."""
    registry = Registry()

    @registry.stage
    def numbers() -> List[int]:
        return [1]

    @registry.stage(**options)
    def twice(number: Annotated[int, Each()]) -> float:
        return number * 2.0

    hook = RecordingHook()
    result = run(registry=registry, executor=executor, workers=3, hooks=[hook])
    (attempt,) = result.report(twice).attempts
    assert expected == (result.executor, result.workers, attempt.worker)
    (started,) = [each for each in hook.events if isinstance(each, RunStarted)]
    assert expected[:2] == (started.executor, started.workers)


@pytest.mark.parametrize(
    ("functions", "is_chain", "workers", "expected", "in_loop"),
    [
        ([works], False, None, "inline", "threads"),
        ([works, works], True, None, "inline", "threads"),
        ([works, works], False, None, "threads", "threads"),
        ([works, works], False, 1, "inline", "threads"),
        ([waits], False, None, "asyncio", "asyncio"),
        ([waits, waits], False, None, "asyncio", "asyncio"),
        ([works, waits], True, None, "inline", "threads"),
        ([works, waits], False, None, "threads", "threads"),
        ([works, waits], False, 1, "threads", "threads"),
        ([], False, None, "inline", "threads"),
    ],
)
def test_auto_is_inline_where_nothing_could_overlap(
    functions: List[Callable[[], object]],
    is_chain: bool,
    workers: Optional[int],
    expected: str,
    in_loop: str,
) -> None:
    """Threads are for what can overlap, and for plain stages beside a running loop."""
    registry = registry_of(functions, is_chain=is_chain)
    for _ in range(2):
        assert expected == run(registry=registry, workers=workers).executor
        assert in_loop == asyncio.run(arun(registry=registry, workers=workers)).executor


def test_an_executor_that_is_asked_for_is_used() -> None:
    """``threads`` uses threads even where nothing overlaps, ``inline`` the calling thread."""
    seen: List[Tuple[str, bool]] = []

    def look() -> None:
        thread = threading.current_thread()
        seen.append((thread.name, thread.daemon))

    registry = registry_of([look])
    run(registry=registry, executor="threads")
    run(registry=registry, executor="inline")
    here = threading.current_thread()
    assert [("stagekit-1", True), (here.name, here.daemon)] == seen


def test_workers_bound_the_threads() -> None:
    """No more plain stages run at once than there are workers, and all workers are used."""
    running, most, lock = [0], [0], threading.Lock()
    gate = threading.Barrier(3)

    def work() -> None:
        with lock:
            running[0] += 1
            most[0] = max(most[0], running[0])
        gate.wait(30)
        with lock:
            running[0] -= 1

    result = run(registry=registry_of([work] * 12), executor="threads", workers=3)
    assert (3, 3) == (most[0], result.workers)
    workers = {report.attempts[0].worker for report in result.reports()}
    assert {"worker-1", "worker-2", "worker-3"} == workers


def test_no_plain_stage_is_called_on_a_loop_unless_inline_was_asked_for() -> None:
    """A plain stage finds no running loop in its thread, however the run was started."""
    found: List[bool] = []

    def look() -> None:
        try:
            asyncio.get_running_loop()
        except RuntimeError:
            found.append(False)
        else:
            found.append(True)

    for functions in ([look], [look, waits], [waits, look, waits]):
        for is_chain in (True, False):
            registry = registry_of(functions, is_chain=is_chain)
            for executor in ("auto", "threads"):
                run(registry=registry, executor=executor)
                asyncio.run(arun(registry=registry, executor=executor))
            run(registry=registry, executor="inline")
    assert found
    assert not any(found)
    asyncio.run(arun(registry=registry_of([look]), executor="inline"))
    assert found[-1]


def test_run_in_a_running_loop_names_what_to_write() -> None:
    """``run()`` would block the loop; the error says ``await arun(...)``."""

    async def main() -> None:
        run(registry=registry_of([works]))

    with pytest.raises(RunningLoopError, match=r"result = await arun\(\.\.\.\)"):
        asyncio.run(main())


def test_run_in_an_async_stage_fails_that_stage() -> None:
    """An async stage awaits ``arun()``; ``run()`` there is its failure."""

    async def outer() -> None:
        run(registry=registry_of([works]))

    with pytest.raises(RunFailedError) as caught:
        run(registry=registry_of([outer]))
    assert isinstance(caught.value.__cause__, RunningLoopError)


@pytest.mark.parametrize("executor", ["auto", "inline", "threads"])
def test_an_async_stage_awaits_a_run_of_its_own(executor: str) -> None:
    """``await arun()`` in a stage runs on the same loop, with the outer run as parent."""
    parents: List[Optional[str]] = []

    async def outer() -> None:
        result = await arun(registry=registry_of([waits, works]), executor=executor)
        parents.append(result.info.parent)

    result = run(registry=registry_of([outer, outer]))
    assert [result.run_id] * 2 == parents


@pytest.mark.parametrize("executor", ["inline", "threads"])
def test_runs_in_runs_end_somewhere(executor: str) -> None:
    """A stage that runs itself is stopped at a depth of eight, with an error that says so."""
    depth: List[int] = []

    def outer() -> None:
        depth.append(1)
        run(registry=registry, executor=executor)

    registry = registry_of([outer])
    with pytest.raises(RunFailedError) as caught:
        run(registry=registry, executor=executor)
    assert 8 == len(depth)
    error: Optional[BaseException] = caught.value
    while isinstance(error, RunFailedError):
        error = error.__cause__
    assert isinstance(error, TooDeepError)


def test_nested_runs_with_one_worker_each_do_not_wait_for_each_other() -> None:
    """Every run has threads of its own."""

    def inner(level: int) -> Callable[[], None]:
        def stage() -> None:
            if level:
                run(registry=registry_of([inner(level - 1)] * 2), executor="threads", workers=1)

        return stage

    assert run(registry=registry_of([inner(4)] * 2), executor="threads", workers=1).ok


def test_a_run_off_the_main_thread_installs_no_handlers(monkeypatch: pytest.MonkeyPatch) -> None:
    """R26: runs work in any thread, and leave signals alone there."""
    found: List[bool] = []
    installed: List[object] = []

    def install(number: int, _: object) -> None:
        installed.append(number)

    monkeypatch.setattr(signal, "signal", install)

    def other() -> None:
        registry = registry_of([works, waits])
        for executor in ("auto", "inline", "threads"):
            found.append(run(registry=registry, executor=executor).ok)
            found.append(run(registry=registry, executor=executor, deadline=600).ok)

    thread = threading.Thread(target=other)
    thread.start()
    thread.join()
    assert [True] * 6 == found
    assert [] == installed


def test_branches_that_never_suspend_give_way_to_the_loop() -> None:
    """Other tasks of the loop get their turn while thousands of stages run."""
    turns: List[int] = []
    is_over: List[bool] = []

    async def busy() -> None:
        total = 0
        for number in range(2_000):
            total += number

    async def beat() -> None:
        while not is_over:
            turns.append(1)
            await asyncio.sleep(0)

    async def main() -> None:
        task = asyncio.ensure_future(beat())
        await arun(registry=registry_of([busy] * 1_000, is_chain=True))
        is_over.append(True)
        await task

    asyncio.run(main())
    assert len(turns) > 5


def test_stages_run_in_real_tasks() -> None:
    """``current_task`` is a task of the loop, and time-outs of asyncio end what they should."""
    found: List[Any] = []

    async def times_out() -> None:
        found.append(asyncio.current_task())
        with pytest.raises(asyncio.TimeoutError):
            await asyncio.wait_for(asyncio.Event().wait(), 0.001)

    run(registry=registry_of([times_out, times_out], is_chain=True))
    assert all(isinstance(task, asyncio.Task) for task in found)


def test_a_task_factory_of_the_loop_is_used() -> None:
    """A loop that makes its own tasks makes ours, too."""
    made: List[str] = []

    def factory(loop: Any, coroutine: Any, **options: Any) -> Any:
        made.append("task")
        return asyncio.Task(coroutine, loop=loop, **options)

    async def main() -> None:
        asyncio.get_running_loop().set_task_factory(factory)
        await arun(registry=registry_of([waits, waits]))

    asyncio.run(main())
    assert made


def test_what_async_stages_leave_behind_is_cleaned_up() -> None:
    """Tasks and async generators left behind are ended with the loop of ``run()``."""
    ended: List[str] = []

    async def numbers() -> Any:
        try:
            while True:
                yield 1
        finally:
            ended.append("generator")

    async def background() -> None:
        try:
            await asyncio.sleep(3600)
        finally:
            for _ in range(5):
                await asyncio.sleep(0)
            ended.append("task")

    kept: List[Any] = []

    async def leaves() -> None:
        kept.append(asyncio.ensure_future(background()))
        kept.append(numbers())
        await kept[-1].__anext__()
        await asyncio.sleep(0)

    run(registry=registry_of([leaves]))
    assert ["generator", "task"] == sorted(ended)


def test_a_slow_hook_is_named_where_stages_wait_for_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """Inline and on a loop a hook delays the run; where it often does, the result says so."""
    ticks = iter(range(10_000))

    class Hook:
        def on_event(self, event: object) -> None:
            if isinstance(event, RunStarted):
                monkeypatch.setattr(dispatch, "perf_counter", lambda: float(next(ticks)))

    slow = r"the hook .*Hook was slow 3 times, and took .* s for \w+; stages wait"
    with pytest.warns(UserWarning, match=slow):
        result = run(registry=registry_of([works]), executor="inline", hooks=[Hook()])
    assert 1 == len(result.warnings)
    fine = run(registry=registry_of([works]), executor="threads", hooks=[Hook()])
    assert () == fine.warnings


def test_a_hook_is_not_named_for_one_slow_call(monkeypatch: pytest.MonkeyPatch) -> None:
    """A busy machine may take its processor away at any time."""
    clock = [0.0]
    monkeypatch.setattr(dispatch, "perf_counter", lambda: clock[0])

    class Hook:
        def on_event(self, event: object) -> None:
            clock[0] += 60.0 if isinstance(event, RunStarted) else 0.0

    assert () == run(registry=registry_of([works]), executor="inline", hooks=[Hook()]).warnings


def test_the_shortest_way_to_a_result_loads_nothing_heavy() -> None:
    """A plain inline run needs no threads, no event loop, no classes made by ``dataclasses``."""
    source = """
import sys
before = set(sys.modules)
from stagekit import run, stage
@stage
def load() -> list: return [1]
@stage
def total(rows: list) -> int: return sum(rows)
assert run(total)[total] == 1
heavy = "asyncio concurrent.futures multiprocessing importlib.metadata logging json pickle argparse"
heavy += " click rich sqlite3 loguru dataclasses inspect threading queue datetime"
print(sorted((set(heavy.split()) & set(sys.modules)) - before))
"""
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    command = [sys.executable, "-S", "-c", source]
    done = subprocess.run(command, env=environment, capture_output=True, check=False, text=True)
    assert ("[]\n", "") == (done.stdout, done.stderr)


@pytest.mark.parametrize("size", [5_000, pytest.param(100_000, marks=pytest.mark.heavy)])
def test_one_hundred_thousand_stages_run_at_the_default_recursion_limit(size: int) -> None:
    """A chain of 100,000 runs on every engine, and fails on them, too."""
    assert size > sys.getrecursionlimit()
    registry = Registry()
    registry.add(works, id="s0")
    for number in range(1, size):
        registry.add(lambda: None, id=f"s{number}", depends_on=f"s{number - 1}")
    made = plan(registry=registry)
    for executor in ("inline", "threads"):
        assert made.run(executor=executor).ok
    fails.clear()
    for executor in ("inline", "threads"):
        fails.append(ValueError())
        counts = made.run(executor=executor, check=False, on_failure="continue").counts()
        assert {"failed": 1, "skipped": size - 1} == counts
        fails.clear()


def test_hooks_and_pools_go_together_with_async_stages() -> None:
    """In a mixed run each kind of stage is told with its own kind of worker."""
    hook = RecordingHook()
    with ThreadPoolExecutor(2) as pool:
        result = run(registry=registry_of([works, waits]), executor=pool, hooks=[hook])
    workers = {report.stage_id: report.attempts[0].worker for report in result.reports()}
    assert {"s0": "ThreadPoolExecutor-1", "s1": "async-1"} == workers
    assert 6 == len(hook.events)
