"""What a run expects of a pool, whichever it is: the contract of ``CallPool``."""

from __future__ import annotations

import contextvars
import importlib.util
import multiprocessing
import os
import threading
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from pathlib import Path
from typing import Any, Callable, Iterator, List

import pytest

from stagekit._base.cancel import CancelToken
from stagekit._base.handles import fetched
from stagekit._base.packed import PackedValue
from stagekit._base.pool_call import Batch, PoolCall
from stagekit._base.ports import CallPool, is_call_pool
from stagekit._base.progress import Progress
from stagekit.errors import BadValueError
from stagekit.executors import ProcessPool
from stagekit.executors.futures import call_pool
from tests.executors.third_pool import ThirdPool, ThirdProcessPool

LIMIT = 100  # seconds until a test gives up, however busy this machine is

DASK = pytest.param(
    "dask",
    marks=[
        pytest.mark.slow,
        pytest.mark.skipif(
            importlib.util.find_spec("distributed") is None,
            reason="distributed is not installed: python -m pip install '.[dask]'",
        ),
    ],
)
POOLS = ("processes", "third", "third processes", "futures threads", "futures processes", DASK)


@pytest.fixture(scope="module", params=POOLS)
def pool(request: pytest.FixtureRequest) -> Iterator[CallPool]:
    """A pool of each kind, of two workers."""
    kind: str = request.param
    made, shut = pool_of(kind)
    yield made
    shut()


def pool_of(kind: str) -> Any:
    """Return a pool, and what ends it."""
    if kind == "dask":
        from stagekit.executors.dask import DaskPool

        dask = DaskPool(workers=2)
        return dask, dask.shutdown
    if kind == "processes":
        processes = ProcessPool(2)
        return processes, processes.shutdown
    if kind.startswith("third"):
        third = ThirdPool(2) if kind == "third" else ThirdProcessPool(2)
        return third, third.shutdown
    inner: Any = ThreadPoolExecutor(2)
    if kind == "futures processes":
        inner = ProcessPoolExecutor(2, mp_context=multiprocessing.get_context("spawn"))
    return call_pool(inner), inner.shutdown


class Ends:
    """Takes in how calls end."""

    def __init__(self) -> None:
        self.calls: List[PoolCall] = []
        self._changed = threading.Condition()

    def __call__(self, call: PoolCall) -> None:
        """Take in how a call has ended."""
        with self._changed:
            self.calls.append(call)
            self._changed.notify_all()

    def wait_for(self, *calls: PoolCall) -> None:
        """Wait until calls have ended."""
        with self._changed:
            assert self._changed.wait_for(
                lambda: all(call in self.calls for call in calls), timeout=LIMIT
            )


def start(pool: CallPool, ends: Ends, fn: Callable[..., Any], *args: Any, **options: Any) -> Any:
    """Have a call made as a run does."""
    kwargs = options.pop("kwargs", {})
    call = PoolCall(fn, args, kwargs, context=contextvars.Context(), on_end=ends, **options)
    pool.start_call(call)
    return call


def value_of(pool: CallPool, fn: Callable[..., Any], *args: Any, **options: Any) -> Any:
    """Have a call made, and return what it returns."""
    ends = Ends()
    call = start(pool, ends, fn, *args, **options)
    ends.wait_for(call)
    return fetched(call.result())


def divide(one: int, by: int) -> float:
    """Return a fraction."""
    return one / by


def nothing() -> None:
    """Return nothing."""


def hold(begun: str, gate: str) -> str:
    """Tell that it runs, and wait for a file."""
    Path(begun).touch()
    until = threading.Event()
    while not Path(gate).exists():
        until.wait(0.01)
    return "held"


class Point:
    """Something of a class of the user."""

    def __init__(self, x: int) -> None:
        self.x = x


def x_of(point: Point) -> int:
    """Return a part."""
    return point.x


def second(pair: Any) -> Any:
    """Return the second of two."""
    return pair[1]


class Held:
    """A pool whose workers are all busy, until ``release``."""

    def __init__(self, pool: CallPool, folder: Path) -> None:
        self.ends = Ends()
        self._gate = folder / "gate"
        begun = [folder / f"begun-{number}" for number in range(pool.workers)]
        self.calls = [start(pool, self.ends, hold, str(each), str(self._gate)) for each in begun]
        until = threading.Event()
        for _ in range(LIMIT * 100):
            if all(each.exists() for each in begun):
                return
            until.wait(0.01)
        raise AssertionError("not all workers have begun a call")

    def release(self) -> None:
        """Have them end."""
        self._gate.touch()
        self.ends.wait_for(*self.calls)


@pytest.fixture
def held(pool: CallPool, tmp_path: Path) -> Iterator[Held]:
    """All workers of the pool, at work."""
    found = Held(pool, tmp_path)
    yield found
    found.release()


def test_a_pool_is_known_as_one(pool: CallPool) -> None:
    """Its numbers are whole, and it wants at least a call for each worker."""
    assert is_call_pool(pool)
    assert call_pool(pool) is pool  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]  # it needs no ``submit``
    assert 2 == pool.workers
    assert pool.capacity >= pool.workers


def test_what_has_submit_alone_is_no_call_pool() -> None:
    """Nor is a class, or a name."""
    with ThreadPoolExecutor(1) as threads:
        assert not is_call_pool(threads)
    assert not is_call_pool(ProcessPool)
    assert not is_call_pool("processes")


def test_a_call_ends_once_with_its_value(pool: CallPool) -> None:
    """Arguments arrive by place and by name."""
    ends = Ends()
    calls = [start(pool, ends, divide, number, kwargs={"by": 2}) for number in range(20)]
    ends.wait_for(*calls)
    assert [number / 2 for number in range(20)] == [fetched(call.result()) for call in calls]
    assert len(calls) == len(ends.calls)
    assert all(call.is_done and not call.is_withdrawn for call in calls)


def test_a_call_that_raises_ends_with_that(pool: CallPool) -> None:
    """The exception is of its own class."""
    with pytest.raises(ZeroDivisionError):
        value_of(pool, divide, 1, 0)


def test_a_call_is_held_to_its_promise(pool: CallPool) -> None:
    """What returns nothing although a value was promised has failed."""
    with pytest.raises(BadValueError, match="returned None"):
        value_of(pool, nothing, promise=1)
    assert value_of(pool, nothing) is None


def test_a_call_tells_when_it_begins(pool: CallPool) -> None:
    """Once, before it has ended."""
    begun: List[int] = []
    assert 0.5 == value_of(pool, divide, 1, 2, on_begin=lambda: begun.append(1))
    assert [1] == begun


def test_a_handle_stands_for_its_value(pool: CallPool) -> None:
    """As the argument of another call, alone and in lists, where the pool takes it."""
    ends = Ends()
    call = start(pool, ends, Point, 7)
    ends.wait_for(call)
    value = call.result()
    if not pool.returns_handles:
        assert 7 == value.x
        assert not pool.takes(PackedValue(b"", "point"))
        return
    assert pool.takes(value)
    assert 7 == value_of(pool, x_of, value)
    assert 7 == fetched(value_of(pool, second, [1, value])).x
    assert 7 == value.fetch().x
    pair = start(pool, ends, divmod, 15, 2, promise=2)
    ends.wait_for(pair)
    assert (7, 1) == fetched(pair.result())
    pool.fetch_together([value])


def test_what_waits_is_withdrawn(pool: CallPool, held: Held) -> None:
    """It is never made; what runs cannot be withdrawn."""
    ends = Ends()
    waiting = [start(pool, ends, divide, 1, 1) for _ in range(4)]
    last = waiting[-1]
    if pool.withdraw(last):  # a pool of others may have taken it already
        assert last.is_withdrawn
        ends.wait_for(last)
    assert not pool.withdraw(held.calls[0])
    assert not held.calls[0].is_done
    held.release()
    ends.wait_for(*waiting)
    assert 4 == len(ends.calls)
    for call in waiting:
        if not call.is_withdrawn:
            assert 1 == fetched(call.result())


def test_a_batch_is_withdrawn_together(pool: CallPool, held: Held) -> None:
    """Nothing of it begins any more, not even what is started later; other calls are made."""
    ends, batch = Ends(), Batch()
    waiting = [start(pool, ends, divide, 1, 1, batch=batch) for _ in range(4)]
    other = start(pool, ends, divide, 1, 1)
    pool.recall(batch)
    late = start(pool, ends, divide, 1, 1, batch=batch)
    ends.wait_for(late, waiting[-1])
    assert batch.is_recalled
    assert late.is_withdrawn
    assert waiting[-1].is_withdrawn
    held.release()
    ends.wait_for(*waiting, other)
    assert 1 == fetched(other.result())


def test_stopping_a_call_ends_it_where_the_pool_can(pool: CallPool, held: Held) -> None:
    """Elsewhere it goes on to its own end; what waits is withdrawn."""
    ends = Ends()
    waiting = start(pool, ends, divide, 1, 1)
    pool.stop(waiting)
    if pool.can_stop:
        pool.stop(held.calls[0], force=True)
        held.ends.wait_for(held.calls[0])
        with pytest.raises(RuntimeError, match="worker died"):
            held.calls[0].result()
    else:
        pool.stop(held.calls[0], force=True)
        held.release()
        assert "held" == fetched(held.calls[0].result())
    held.release()
    ends.wait_for(waiting)


def test_what_cannot_be_sent_is_refused(pool: CallPool) -> None:
    """A pool that is elsewhere says so before the call, and ``start_call`` raises it."""
    lock = threading.Lock()

    def locked() -> bool:
        return lock.locked()

    if pool.check(locked) is None:
        pytest.skip("it can be sent, or only the pool can tell")
    assert "lock" in str(pool.check(locked))
    with pytest.raises((BadValueError, TypeError), match="lock"):
        start(pool, Ends(), locked)
    assert pool.check(divide) is None


def report(progress: Progress, token: CancelToken) -> bool:
    """Tell of progress, and whether the token is cancelled."""
    progress.update(1, 2, "half")
    return token.is_cancelled


@pytest.mark.parametrize("kind", ["processes", DASK])
def test_progress_and_tokens_have_twins_over_there(kind: str) -> None:
    """What a call says arrives, and a token that is cancelled is so there."""
    made, shut = pool_of(kind)
    told: List[Any] = []
    token = CancelToken()
    token.cancel("now")
    try:
        value_of(made, report, Progress(), token, on_progress=told.append)
    finally:
        shut()
    assert (1, 2, "half") in [tuple(each) for each in told]


@pytest.mark.parametrize("kind", POOLS)
def test_a_pool_that_is_shut_takes_no_calls(kind: str) -> None:
    """What it has is made, and more is refused."""
    made, shut = pool_of(kind)
    ends = Ends()
    call = start(made, ends, os.getpid)
    shut()
    ends.wait_for(call)
    assert isinstance(fetched(call.result()), int)
    with pytest.raises(RuntimeError):
        start(made, ends, os.getpid)
