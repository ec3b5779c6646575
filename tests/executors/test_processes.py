"""Calls in processes: functions and values on their way there and back, and what goes with them."""

from __future__ import annotations

import asyncio
import contextvars
import importlib
import io
import os
import pickle
import signal
import sys
import threading
from concurrent.futures import as_completed
from pathlib import Path
from typing import Any, Callable, Iterator, List, Tuple

import pytest

from stagekit import CancelToken, Progress, Registry, run
from stagekit._base.sending import by_value
from stagekit._declare.declaration import own_mark
from stagekit.errors import BadValueError, StageCancelledError, UsageError
from stagekit.executors import ProcessPool
from stagekit.executors.futures import submitted
from tests.executors.test_processes_errors import TOO_DEEP

LIMIT = 60  # seconds until a test gives up

SOURCE = """
import contextvars
import os

variable = contextvars.ContextVar("variable", default="unset")

class Pair:
    def __init__(self, left, right):
        self.left, self.right = left, right

def pid():
    return os.getpid()

def get_variable():
    return variable.get()

def set_variable(value):
    variable.set(value)
"""


@pytest.fixture(scope="module")
def module(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """Give a module that workers can import, too."""
    folder = tmp_path_factory.mktemp("functions")
    (folder / "sent_to_processes.py").write_text(SOURCE, encoding="utf-8")
    sys.path.insert(0, str(folder))
    yield importlib.import_module("sent_to_processes")
    sys.path.remove(str(folder))
    del sys.modules["sent_to_processes"]


@pytest.fixture(scope="module")
def pool(module: Any) -> Iterator[ProcessPool]:
    """Give a pool of two."""
    with ProcessPool(2) as pool:
        yield pool


def call(pool: ProcessPool, fn: Callable[..., Any], *args: Any, **options: Any) -> Any:
    """Submit a call as a run does."""
    context = options.pop("context", contextvars.Context())
    kwargs = options.pop("kwargs", {})
    return submitted(pool, fn, args, kwargs, context=context, **options)


def test_a_call_is_made_in_another_process(pool: ProcessPool, module: Any) -> None:
    """Positional and named arguments arrive, and the value comes back."""
    assert os.getpid() != pool.submit(module.pid).result(LIMIT)
    assert 7 == pool.submit(int, "111", base=2).result(LIMIT)


def test_workers_start_when_they_are_needed_and_stay(module: Any) -> None:
    """Calls one after another are made by one worker; an idle pool has none."""
    with ProcessPool(4) as pool:
        assert {} == pool._supervisor._assignment.links
        pids = {pool.submit(module.pid).result(LIMIT) for _ in range(5)}
        assert 1 == len(pids)
        assert 1 == len(pool._supervisor._assignment.links)


def test_a_thousand_trivial_calls_arrive_in_their_places(pool: ProcessPool) -> None:
    """Calls are sent ahead and in portions; each future has its own value."""
    futures = [pool.submit(abs, -number) for number in range(1000)]
    assert list(range(1000)) == [future.result(LIMIT) for future in futures]


def test_a_call_is_not_kept_waiting_by_a_long_one(tmp_path: Path) -> None:
    """What was sent ahead to a busy worker is made by the other one as soon as that is free."""
    gate = str(tmp_path / "gate")
    with ProcessPool(2) as pool:
        os.mkfifo(gate)
        held = pool.submit(lambda: open(gate).close())  # noqa: PTH123
        short = [pool.submit(abs, -number) for number in range(200)]
        assert list(range(200)) == [future.result(LIMIT) for future in short]
        assert not held.done()
        open(gate, "w").close()  # noqa: PTH123
        assert held.result(LIMIT) is None


def test_any_thread_may_submit(pool: ProcessPool) -> None:
    """Eight threads at once: nothing is lost, nothing is mixed up."""
    found: List[List[int]] = [[] for _ in range(8)]

    def work(place: int) -> None:
        futures = [pool.submit(pow, place, 1) for _ in range(50)]
        found[place] = [future.result(LIMIT) for future in futures]

    threads = [threading.Thread(target=work, args=(place,)) for place in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [[place] * 50 for place in range(8)] == found


def test_x1_lambdas_closures_and_coroutines_are_called(pool: ProcessPool) -> None:
    """X1: what has no name to import goes by value; an async function runs to its end there."""
    step = 3

    async def later(number: int) -> int:
        await asyncio.sleep(0)
        return number + step

    assert 5 == pool.submit(lambda: step + 2).result(LIMIT)
    assert 7 == pool.submit(later, 4).result(LIMIT)
    assert "a-b" == pool.submit("-".join, ["a", "b"]).result(LIMIT)


def test_x1_a_closure_goes_with_what_it_holds_now(pool: ProcessPool) -> None:
    """X1: a function is sent again when what it refers to has changed."""
    step = 1

    def add(number: int) -> int:
        return number + step

    first = pool.submit(add, 1).result(LIMIT)
    step = 10
    assert (2, 11) == (first, pool.submit(add, 1).result(LIMIT))


def test_x1_what_a_process_cannot_carry_is_told_beforehand(pool: ProcessPool) -> None:
    """X1: `check` names the value inside a function; submitting it fails with the same words."""
    lock = threading.Lock()

    def locked() -> None:
        lock.acquire()

    reason = pool.check(locked)
    assert reason is not None
    assert reason.startswith("`lock`, which locked takes from around it, cannot be sent")
    with pytest.raises(BadValueError, match="`lock`, which locked takes from around it"):
        pool.submit(locked)
    assert "object that join is a method of" in str(pool.check(threading.Thread().join))
    assert pool.check(lambda: 1) is None
    assert pool.check(int) is None


def test_x2_an_unpicklable_result_is_named(pool: ProcessPool, module: Any) -> None:
    """X2: the call fails with the type of the value; the worker survives."""
    pid = pool.submit(module.pid).result(LIMIT)
    error = pool.submit(threading.Lock).exception(LIMIT)
    assert isinstance(error, BadValueError)
    assert str(error).startswith("returned a lock, which cannot be sent from its process: ")
    error = pool.submit(lambda: (number for number in (1, 2))).exception(LIMIT)
    assert "returned a generator" in str(error)
    assert pid == pool.submit(module.pid).result(LIMIT)


def test_an_unpicklable_argument_is_named(pool: ProcessPool) -> None:
    """The error says which argument it is, and of which type."""
    with pytest.raises(BadValueError, match="argument 2 of max, a lock, cannot be sent"):
        pool.submit(max, 1, threading.Lock())
    with pytest.raises(BadValueError, match="argument 'key' of max, a TextIOWrapper, cannot be"):
        pool.submit(max, 1, 2, key=io.TextIOWrapper(io.BytesIO()))


def test_a_value_that_cannot_be_read_here_fails_the_call(pool: ProcessPool) -> None:
    """The failure names the function; `result` and `exception` agree."""

    class Trap:
        def __reduce__(self) -> Tuple[Any, ...]:
            return (int, ("no number",))

    future = pool.submit(lambda: Trap())
    with pytest.raises(BadValueError, match=r"what .*lambda.* returned cannot be read"):
        future.result(LIMIT)
    assert isinstance(future.exception(), BadValueError)


def test_x4_a_value_is_not_read_before_it_is_asked_for(pool: ProcessPool, tmp_path: Path) -> None:
    """X4: code in a value runs when the value is asked for, once, and not before."""
    made = str(tmp_path / "made")

    class Bomb:
        def __reduce__(self) -> Tuple[Any, ...]:
            return (os.mkdir, (made,))

    future = pool.submit(lambda: Bomb())
    next(as_completed([future], LIMIT))
    assert not os.path.exists(made)  # noqa: PTH110
    assert future.result() is None
    assert os.path.isdir(made)  # noqa: PTH112
    assert future.result() is None


def test_x8_a_large_value_travels_both_ways(pool: ProcessPool) -> None:
    """X8: tens of megabytes, in one piece, while small ones go on."""
    data = os.urandom(1 << 20) * 48
    large = pool.submit(bytes, data)
    small = [pool.submit(abs, -1) for _ in range(20)]
    assert [1] * 20 == [each.result(LIMIT) for each in small]
    assert data == large.result(LIMIT)


@pytest.mark.heavy
def test_x8_a_gigabyte_travels(pool: ProcessPool, is_deep: object) -> None:
    """X8: a value of 256 MB, with --deep of 1 GB, arrives whole."""
    size = 1 << (30 if is_deep else 28)
    value = pool.submit(bytes, size).result(LIMIT)
    assert size == len(value)
    assert 0 == value.count(b"x")


def test_x9_a_value_nested_too_deeply_is_said(pool: ProcessPool) -> None:
    """X9: a list in a list, ever so often: a failure that says so, there and here."""

    def deep() -> List[Any]:
        value: List[Any] = []
        for _ in range(TOO_DEEP):
            value = [value]
        return value

    error = pool.submit(deep).exception(LIMIT)
    assert isinstance(error, BadValueError)
    assert str(error).endswith(
        "a list, which cannot be sent from its process: it is too deeply nested"
    )
    with pytest.raises(BadValueError, match=r"argument 1 of len, a list.*too deeply nested"):
        pool.submit(len, deep())


def test_a_promise_is_checked_where_the_call_is_made(pool: ProcessPool) -> None:
    """What breaks it is a failure as in a thread: without a traceback of ours."""
    error = call(pool, print, promise=1).exception(LIMIT)
    assert isinstance(error, BadValueError)
    assert str(error).startswith("returned None, although")
    assert error.__traceback__ is None
    assert (1, 2) == call(pool, tuple, [1, 2], promise=2).result(LIMIT)


def test_context_variables_travel(pool: ProcessPool, module: Any) -> None:
    """A variable of a module arrives with its value, and no call sees what another has set."""
    context = contextvars.Context()
    context.run(module.variable.set, "here")
    assert "here" == call(pool, module.get_variable, context=context).result(LIMIT)
    for _ in range(4):
        call(pool, module.set_variable, "there").result(LIMIT)
    assert {"unset"} == {call(pool, module.get_variable).result(LIMIT) for _ in range(4)}


def test_context_variables_that_cannot_travel_are_listed_once(module: Any) -> None:
    """Those of no module, and those whose value cannot be pickled."""
    nowhere: contextvars.ContextVar[int] = contextvars.ContextVar("nowhere")
    context = contextvars.Context()
    context.run(nowhere.set, 1)
    context.run(module.variable.set, threading.Lock())
    with ProcessPool(1) as pool:
        for _ in range(2):
            assert 1 == call(pool, abs, -1, context=context).result(LIMIT)
        assert ["nowhere", "variable"] == sorted(pool.left_out)


def test_what_loguru_is_bound_to_travels(pool: ProcessPool) -> None:
    """`logger.contextualize` around a call reaches the records that the call logs."""
    from loguru import logger

    def extra() -> Any:
        from loguru import logger

        records: List[Any] = []
        sink = logger.add(lambda message: records.append(message.record["extra"]), format="")
        logger.info("inside")
        logger.remove(sink)
        return records[0]

    with logger.contextualize(run="r1", stage="load"):
        context = contextvars.copy_context()
    assert {"run": "r1", "stage": "load"} == call(pool, extra, context=context).result(LIMIT)


def test_progress_is_told_while_the_call_runs(pool: ProcessPool, tmp_path: Path) -> None:
    """A `Progress` among the arguments has a twin, which tells before the call has ended."""
    gate = str(tmp_path / "gate")
    os.mkfifo(gate)
    told: List[Any] = []
    is_told = threading.Event()

    def tell(said: Any) -> None:
        told.append(said)
        is_told.set()

    def work(progress: Progress) -> int:
        progress.update(1, 2, "half")
        open(gate).close()  # noqa: PTH123
        progress.update(2)
        return 5

    future = call(pool, work, Progress(), on_progress=tell)
    assert is_told.wait(LIMIT)
    assert [(1, 2, "half")] == told
    open(gate, "w").close()  # noqa: PTH123
    assert 5 == future.result(LIMIT)
    assert (2, 2, "half") == told[-1]


def test_a_token_is_cancelled_with_its_twin(pool: ProcessPool) -> None:
    """A `CancelToken` reaches the call while it runs, before it begins, and by name."""

    def wait(tokens: List[CancelToken], *, other: CancelToken) -> str:
        assert not other.is_cancelled
        tokens[0].wait(LIMIT)
        tokens[0].raise_if_cancelled()
        return "not cancelled"

    token, other = CancelToken(), CancelToken()
    future = call(pool, wait, [token], kwargs={"other": other})
    token.cancel("enough")
    error = future.exception(LIMIT)
    assert isinstance(error, StageCancelledError)
    assert "enough" == error.reason
    error = call(pool, wait, [token], kwargs={"other": other}).exception(LIMIT)
    assert isinstance(error, StageCancelledError)


def test_a_waiting_call_can_be_withdrawn(tmp_path: Path) -> None:
    """Those behind a long call, sent ahead or not, are cancelled; the long one is not."""
    gate = str(tmp_path / "gate")
    os.mkfifo(gate)
    with ProcessPool(1) as pool:
        held = pool.submit(lambda: open(gate).close())  # noqa: PTH123
        started = pool.submit(abs, -1)
        others = [pool.submit(abs, -number) for number in range(100)]
        assert all(other.cancel() for other in others[::2])
        assert all(other.cancelled() for other in others[::2])
        open(gate, "w").close()  # noqa: PTH123
        assert list(range(1, 100, 2)) == [other.result(LIMIT) for other in others[1::2]]
        assert not held.cancel()
        assert 1 == started.result(LIMIT)


def test_a_pool_that_is_shut_takes_no_calls(module: Any) -> None:
    """What it has is still made; shutting it again does nothing."""
    pool = ProcessPool(1)
    future = pool.submit(module.pid)
    pool.shutdown()
    assert future.done()
    with pytest.raises(RuntimeError, match="shut down"):
        pool.submit(module.pid)
    pool.shutdown()
    ProcessPool(1).shutdown()


def test_shutting_can_withdraw_what_waits(tmp_path: Path) -> None:
    """With cancel_futures, only what has begun is made."""
    gate = str(tmp_path / "gate")
    os.mkfifo(gate)
    pool = ProcessPool(1)
    held = pool.submit(lambda: len(open(gate).read()))  # noqa: PTH123, SIM115
    with open(gate, "w"):  # noqa: PTH123 - it has begun
        waiting = [pool.submit(abs, -1) for _ in range(90)]
        pool.shutdown(wait=False, cancel_futures=True)
        assert all(future.cancelled() for future in waiting)
    pool.shutdown()
    assert 0 == held.result(LIMIT)


def test_a_pool_that_nobody_holds_ends(module: Any) -> None:
    """Its last call is made; its thread and processes do not stay."""
    pool = ProcessPool(1)
    io_of = pool._supervisor
    future = pool.submit(module.pid)
    del pool
    assert future.result(LIMIT) > 0
    io_of.join()
    assert {} == io_of._assignment.links


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"workers": 0}, "workers must be a whole number of 1 or more, got 0"),
        ({"workers": True}, "workers must be"),
        ({"method": "fork"}, "method 'fork' is refused"),
        ({"method": "threads"}, "method must be one of 'forkserver', 'spawn', got 'threads'"),
        ({"grace": -1}, "grace must be a number of seconds"),
        ({"grace": float("nan")}, "grace must be a number of seconds"),
    ],
)
def test_x11_a_mistake_is_refused(options: Any, words: str) -> None:
    """X11: fork is never used; other mistakes say what is allowed."""
    with pytest.raises(UsageError, match=words):
        ProcessPool(**options)


def test_a_pool_says_what_it_can() -> None:
    """What a run asks of a pool."""
    pool = ProcessPool(3)
    assert (3, True, True) == (pool.workers, pool.can_stop, pool.returns_handles)
    with pytest.raises(TypeError, match="cannot be sent"):
        pool.__reduce__()


def test_a_worker_is_where_the_pool_was(
    module: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Folder, environment and import path are those of the moment when the worker started."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("SAID_HERE", "yes")
    with ProcessPool(1, method="spawn") as pool:
        assert str(tmp_path) == pool.submit(os.getcwd).result(LIMIT)
        assert "yes" == pool.submit(os.getenv, "SAID_HERE").result(LIMIT)
        assert pool.submit(module.pid).result(LIMIT) > 0


def test_a_worker_leaves_ctrl_c_to_the_pool(pool: ProcessPool) -> None:
    """SIGINT does nothing there, and a program that a call starts can still be interrupted."""

    def interrupted() -> str:
        os.kill(os.getpid(), signal.SIGINT)
        return str(signal.getsignal(signal.SIGINT) is signal.SIG_IGN)

    assert "False" == pool.submit(interrupted).result(LIMIT)


def test_the_declaration_of_a_stage_stays_here(pool: ProcessPool) -> None:
    """What bears one goes without it, a function and a callable object: it may name the pool."""

    class Adds:
        __name__ = "adds"

        def __call__(self, number: int) -> str:
            return str(number + 1)

    registry = Registry()

    @registry.stage(executor=pool)
    def number() -> int:
        return 2

    adds = registry.stage(id="adds", executor=pool)(Adds())
    assert "3" == run(registry=registry)[adds]
    assert "3" == pickle.loads(by_value(adds))(2)  # noqa: S301 - our own
    assert own_mark(number) is not None
    assert own_mark(pickle.loads(by_value(number))) is None  # noqa: S301 - our own


def test_a_run_takes_the_pool(pool: ProcessPool) -> None:
    """Stages are made by its workers; values go from one to the next."""
    registry = Registry()

    @registry.stage
    def load() -> bytes:
        return os.getpid().to_bytes(8, "big")

    @registry.stage
    def total(data: bytes) -> int:
        return int.from_bytes(data, "big")

    result = run(registry=registry, executor=pool)
    assert os.getpid() != result[total]
    assert "ProcessPool" == result.executor
