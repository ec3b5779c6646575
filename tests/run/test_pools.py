"""The driver of pools: anything with ``submit``, thread and process pools above all."""

from __future__ import annotations

import contextvars
import importlib
import multiprocessing
import pickle
import sys
import threading
from concurrent.futures import Future, ProcessPoolExecutor, ThreadPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from pathlib import Path
from queue import SimpleQueue
from typing import Any, Callable, Dict, Iterator, List

import pytest

from stagekit import Registry, RunFailedError, run
from stagekit._base.pool_call import PoolCall
from stagekit.events import Outcome, Reason, StageStarted
from stagekit.executors.futures import SentCall
from stagekit.testing import RecordingHook
from tests.executors.third_pool import ThirdPool

SOURCE = '''
"""Stages for another process, which must be able to import them."""

import os
import threading


class Odd(Exception):
    def __init__(self, one, two):
        super().__init__(one)


def load() -> int:
    return 20


def double(number: int) -> float:
    return 2.0 * number


def total(number: int, twice: float, *, start: int = 0) -> str:
    return str(number + twice + start)


def fail() -> None:
    raise ValueError("over there")


def lock() -> object:
    return threading.Lock()


def leave() -> None:
    os._exit(3)


def stop() -> None:
    raise SystemExit(0)


def here() -> bytes:
    return str(os.getpid()).encode()


nameless = lambda: None
'''


@pytest.fixture
def functions(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """Give a module that other processes can import, too."""
    (tmp_path / "stages_elsewhere.py").write_text(SOURCE, encoding="utf-8")
    monkeypatch.setattr(sys, "path", [str(tmp_path), *sys.path])
    yield importlib.import_module("stages_elsewhere")
    del sys.modules["stages_elsewhere"]


@pytest.fixture
def processes() -> Iterator[ProcessPoolExecutor]:
    """Give a pool of two processes."""
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(2, mp_context=context) as pool:
        yield pool


def test_values_travel_through_processes(functions: Any, processes: ProcessPoolExecutor) -> None:
    """Importable functions run in other processes with the values they ask for."""
    registry = Registry()
    for function in (functions.load, functions.double, functions.total, functions.here):
        registry.add(function, id=function.__name__)
    result = run(registry=registry, executor=processes)
    assert "60.0" == result["total"]
    assert result["here"] != str(multiprocessing.current_process().pid).encode()
    assert ("ProcessPoolExecutor", 2) == (result.executor, result.workers)
    worker = result.report("load").attempts[0].worker
    assert worker.startswith("ProcessPoolExecutor-")


def test_what_fails_in_a_process_fails_its_stage_only(
    functions: Any, processes: ProcessPoolExecutor
) -> None:
    """Exceptions arrive; what cannot be pickled, going or coming, fails its stage by name."""
    registry = Registry()
    for function in (functions.load, functions.fail, functions.lock, functions.stop):
        registry.add(function, id=function.__name__)
    registry.add(functions.nameless, id="lambda")
    registry.add(functions.double, id="double")
    result = run(registry=registry, executor=processes, on_failure="continue", check=False)
    assert 40.0 == result["double"]
    failed = {report.stage_id: report.error for report in result.failures}
    assert {"fail", "lock", "stop", "lambda"} == set(failed)
    assert isinstance(failed["fail"], ValueError)
    assert isinstance(failed["stop"], SystemExit)
    assert "lock" in str(failed["lock"])
    assert "lambda" in str(failed["lambda"])
    assert all(report.location for report in result.failures)


def test_a_broken_pool_fails_stages_and_never_hangs(
    functions: Any, processes: ProcessPoolExecutor
) -> None:
    """A worker that dies breaks the pool; every stage that needed it says so."""
    registry = Registry()
    registry.add(functions.leave, id="leave")
    for number in range(5):
        registry.add(functions.here, id=f"s{number}", depends_on="leave")
        registry.add(functions.here, id=f"t{number}")
    result = run(registry=registry, executor=processes, on_failure="continue", check=False)
    assert isinstance(result.report("leave").error, BrokenProcessPool)
    assert Outcome.SKIPPED is result.report("s0").outcome
    assert {Outcome.FAILED, Outcome.SUCCEEDED} >= {
        result.report(f"t{number}").outcome for number in range(5)
    }


def test_a_pool_that_is_shut_down_fails_the_stages() -> None:
    """What ``submit`` raises is the failure of the stage that was to be submitted."""
    pool = ThreadPoolExecutor(1)
    pool.shutdown()
    registry = Registry()
    registry.add(lambda: 1, id="a")
    registry.add(lambda: 2, id="b", depends_on="a")
    with pytest.raises(RunFailedError, match=r"a  .*RuntimeError: cannot schedule new futures"):
        run(registry=registry, executor=pool)


class Pool:
    """A pool in its smallest form: runs each call at once, or when it is told to."""

    def __init__(self, *, is_late: bool = False) -> None:
        self.calls: List[Callable[[], None]] = []
        self.futures: List[Future[Any]] = []
        self.is_late = is_late

    def submit(self, fn: Callable[..., Any], /, *args: Any) -> Future[Any]:
        """Have a call made."""
        future: Future[Any] = Future()
        self.futures.append(future)

        def call() -> None:
            if not future.set_running_or_notify_cancel():
                return
            try:
                future.set_result(fn(*args))
            except BaseException as error:  # noqa: BLE001 - a future takes all
                future.set_exception(error)

        if self.is_late:
            self.calls.append(call)
        else:
            call()
        return future


def chain(count: int) -> Registry:
    """Return a registry of stages, each after the one before it."""
    registry = Registry()
    for number in range(count):
        before = [f"s{number - 1}"] if number else []
        registry.add(number.__int__, id=f"s{number}", depends_on=before)
    return registry


def test_anything_with_submit_is_a_pool() -> None:
    """Futures that are done at once are fine, however many there are."""
    assert sys.getrecursionlimit() < 1_500
    result = run(registry=chain(1_500), executor=Pool())
    assert 1_499 == result["s1499"]
    assert "Pool" == result.executor


def test_no_more_calls_are_under_way_than_there_are_workers() -> None:
    """The rest waits with us, where rank decides."""
    most: List[int] = []
    calls: SimpleQueue[Callable[[], None]] = SimpleQueue()

    def work() -> None:
        for _ in range(10):
            calls.get()()

    worker = threading.Thread(target=work)

    class Full(Pool):
        def submit(self, fn: Callable[..., Any], /, *args: Any) -> Future[Any]:
            future = super().submit(fn, *args)
            most.append(len([each for each in self.futures if not each.done()]))
            calls.put(self.calls.pop())
            if len(self.futures) == 3:
                worker.start()
            return future

    registry = Registry()
    for number in range(10):
        registry.add(lambda: None, id=f"s{number}", priority=number)
    hook = RecordingHook()
    run(registry=registry, executor=Full(is_late=True), workers=3, hooks=[hook])
    worker.join()
    assert 3 == max(most)
    assert tuple(f"s{number}" for number in reversed(range(10))) == hook.stage_ids(StageStarted)


def test_what_a_pool_has_not_begun_is_taken_back_on_a_failure() -> None:
    """After a failure a queued call is cancelled, and its stage with it."""
    pool = Pool(is_late=True)
    called: List[str] = []

    def fails() -> None:
        raise ValueError("no")

    registry = Registry()
    registry.add(fails, id="fails", priority=1)
    registry.add(lambda: called.append("queued"), id="queued")

    class Hook:
        def on_event(self, event: object) -> None:
            if isinstance(event, StageStarted) and event.stage_id == "queued":
                pool.calls[0]()

    result = run(registry=registry, executor=pool, workers=2, hooks=[Hook()], check=False)
    pool.calls[1]()
    assert [] == called
    assert Outcome.FAILED is result.report("fails").outcome
    assert Outcome.CANCELLED is result.report("queued").outcome
    assert Reason.INTERRUPTED is result.report("queued").reason


def test_a_future_cancelled_by_others_fails_its_stage() -> None:
    """Only our own cancelling is a cancelled stage."""

    class Cancels(Pool):
        def submit(self, fn: Callable[..., Any], /, *args: Any) -> Future[Any]:
            future = super().submit(fn, *args)
            threading.Thread(target=future.cancel).start()
            return future

    result = run(registry=chain(2), executor=Cancels(is_late=True), check=False)
    assert ["failed", "skipped"] == [report.outcome.value for report in result.reports()]


def test_a_call_runs_in_the_context_at_hand_and_pickles_without_it() -> None:
    """In this process a call sees context variables; elsewhere it is the function alone."""
    variable: contextvars.ContextVar[int] = contextvars.ContextVar("variable", default=0)
    context = contextvars.copy_context()
    context.run(variable.set, 3)

    def sent(fn: Callable[..., Any], **kwargs: Any) -> SentCall:
        return SentCall(PoolCall(fn, (), kwargs, context=context, on_end=lambda _: None))

    assert 3 == sent(variable.get)()
    call = sent(int, base=2)
    assert 5 == call("101")
    copied = pickle.loads(pickle.dumps(call))  # noqa: S301 - our own bytes
    assert 5 == copied("101")
    assert "functools" == type(copied).__module__
    assert "int" == call.__name__


def test_a_run_that_asks_for_the_pool_it_runs_in_gets_threads() -> None:
    """A nested run cannot wait for a pool that waits for it."""
    inner = chain(3)
    found: Dict[str, Any] = {}
    with ThreadPoolExecutor(1) as pool, ThreadPoolExecutor(1) as other:

        def outer() -> None:
            found["same"] = run(registry=inner, executor=pool).executor
            found["other"] = run(registry=inner, executor=other).executor

        registry = Registry()
        registry.add(outer, id="outer")
        run(registry=registry, executor=pool)
    assert {"same": "threads", "other": "ThreadPoolExecutor"} == found


def test_the_count_of_workers_is_the_pool_s_own() -> None:
    """A pool that does not tell is given as many calls as there are processors."""
    with ThreadPoolExecutor(7) as pool:
        assert 7 == run(registry=chain(1), executor=pool).workers
    assert run(registry=chain(1), executor=Pool()).workers >= 1


class Broken(ThirdPool):
    """A pool that cannot say what it wants once a call has ended."""

    ended = 0

    @property
    def capacity(self) -> int:
        """Raise from the second time on."""
        self.ended += 1
        if self.ended > 1:
            raise OSError("nobody knows")
        return 2


@pytest.mark.parametrize("on_failure", ["stop", "continue"])
def test_a_pool_that_raises_as_a_call_ends_fails_its_stages(on_failure: Any) -> None:
    """On its own thread, where nobody hears of it; nobody waits for ever."""
    registry = Registry()
    for number in range(5):
        registry.add(lambda: 1, id=f"s{number}")
    pool = Broken(2)
    try:
        result = run(registry=registry, executor=pool, check=False, on_failure=on_failure)
    finally:
        pool.shutdown()
    assert not result.ok
    assert any("nobody knows" in str(report.error) for report in result.failures)
