"""Dask: a real cluster of two processes on loopback; what stays there, and what a death costs."""

from __future__ import annotations

import asyncio
import contextlib
import contextvars
import importlib
import importlib.util
import os
import signal
import sys
import threading
import time
from concurrent.futures import CancelledError, wait
from functools import partial
from pathlib import Path
from typing import Any, Callable, Iterator, List, Tuple

import pytest

from stagekit import Collect, Each, From, Hook, Registry, arun, run
from stagekit._base.cancel import CancelToken
from stagekit._base.compat import Annotated
from stagekit._base.handles import fetched
from stagekit._base.packed import PackedValue
from stagekit._base.ports import Handle
from stagekit._base.progress import Progress
from stagekit.errors import (
    BadValueError,
    MissingExtraError,
    RemoteError,
    UsageError,
    WorkerDiedError,
)
from stagekit.events import Event, StageProgress
from stagekit.executors.dask import DaskPool
from stagekit.executors.futures import submitted

needs_dask = pytest.mark.skipif(
    importlib.util.find_spec("distributed") is None,
    reason="distributed is not installed: python -m pip install '.[dask]'",
)

LIMIT = 100  # seconds until a test gives up, however busy this machine is

SOURCE = '''
"""Functions for a worker, which must be able to import them."""

import contextvars
import os
import signal
import threading
import time
from typing import List

from typing_extensions import Annotated

from stagekit import CancelToken, From, Progress

variable = contextvars.ContextVar("variable", default="unset")


class Traveller:
    """Notes in which processes it was unpickled."""

    def __init__(self):
        self.born, self.landed = os.getpid(), []

    def __setstate__(self, state):
        self.__dict__.update(state)
        self.landed = [*self.landed, os.getpid()]


class Odd(Exception):
    def __init__(self, one, two):
        super().__init__(one)


def leave() -> Traveller:
    return Traveller()


def leaves() -> Traveller:
    return Traveller()


def both(one: Traveller) -> List[Traveller]:
    return [one, Traveller()]


def path(travellers: Annotated[List[Traveller], From("both")]) -> str:
    return " ".join(str(pid) for each in travellers for pid in (each.born, *each.landed))


def pair():
    return 1, Traveller()


def landings(*travellers):
    return [(each.born, each.landed) for each in travellers]


def landings_of(listed, *, named):
    return landings(*listed, *named)


def noted(path, value):
    """Return a value, and leave a line with our process."""
    with open(path, "a") as file:
        file.write(f"{os.getpid()}\\n")
    return value


def flaky(path):
    """Return our process, the third time."""
    noted(path, None)
    with open(path) as file:
        if len(file.readlines()) < 3:
            raise OSError
    return os.getpid()


def fail(text):
    try:
        {}["missing"]
    except KeyError as error:
        raise ValueError(text) from error


def odd():
    raise Odd(1, 2)


def kill_me(path):
    noted(path, None)
    os.kill(os.getpid(), signal.SIGKILL)


def read():
    return variable.get()


def lock():
    return threading.Lock()


def one() -> int:
    return 1


def next_of(number: int) -> str:
    return str(number + 1)


def hold(progress: Progress, token: CancelToken):
    """Say that we run, and wait until we are to end."""
    progress.update(1, 2, "holding")
    return token.wait(100) and token.reason


def total(*numbers):
    return sum(numbers)
'''


@pytest.fixture(scope="module")
def functions(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """Give a module that workers can import, too."""
    folder = tmp_path_factory.mktemp("functions")
    (folder / "stages_on_dask.py").write_text(SOURCE, encoding="utf-8")
    sys.path.insert(0, str(folder))
    yield importlib.import_module("stages_on_dask")
    sys.path.remove(str(folder))
    del sys.modules["stages_on_dask"]


@pytest.fixture(scope="module")
def pool(functions: Any) -> Iterator[DaskPool]:
    """Give a pool with a cluster of two processes of its own, to which no value is small."""
    with DaskPool(workers=2, security=False) as pool:
        pool.small = 0
        yield pool


@pytest.fixture(scope="module")
def mortals(functions: Any) -> Iterator[List[DaskPool]]:
    """Give a list for the pool of tests that end its workers."""
    pools: List[DaskPool] = []
    yield pools
    for pool in pools:
        pool.shutdown(wait=False, cancel_futures=True)


@pytest.fixture
def mortal(mortals: List[DaskPool]) -> DaskPool:
    """Give a pool whose two workers are both there, whatever a test has done to those before.

    No value is small to it.
    """
    if mortals:
        try:
            mortals[-1]._client.wait_for_workers(2, timeout=LIMIT / 4)
        except TimeoutError:  # the cluster has not come to itself
            mortals.pop().shutdown(wait=False, cancel_futures=True)
    if not mortals:
        mortals.append(DaskPool(workers=2))
    mortals[-1].small = 0
    return mortals[-1]


def wait_until(is_so: Callable[[], object]) -> None:
    """Look again and again, for as long as a test has patience."""
    until = time.monotonic() + LIMIT
    while not is_so():
        assert time.monotonic() < until
        threading.Event().wait(0.01)


def call(pool: DaskPool, fn: Callable[..., Any], *args: Any, **options: Any) -> Any:
    """Submit a call as a run does; its result is a handle."""
    context = options.pop("context", contextvars.Context())
    kwargs = options.pop("kwargs", {})
    return submitted(pool, fn, args, kwargs, context=context, fetches=False, **options)


class Holding:
    """A call that runs until it is told to end."""

    def __init__(self, pool: DaskPool, functions: Any) -> None:
        self.token = CancelToken()
        self.told: List[Tuple[Any, ...]] = []
        self._has_begun = threading.Event()
        self.future = call(pool, functions.hold, Progress(), self.token, on_progress=self._tell)
        assert self._has_begun.wait(LIMIT)

    def _tell(self, told: Tuple[Any, ...]) -> None:
        self.told.append(told)
        self._has_begun.set()

    def end(self) -> None:
        """Let it end, and wait for that."""
        self.token.cancel("enough")
        assert "enough" == self.future.result(LIMIT).fetch()


def lines(path: Path) -> List[int]:
    """Return the processes in which ``noted`` was called."""
    return [int(line) for line in path.read_text().splitlines()] if path.exists() else []


@needs_dask
def test_a_pool_is_used_as_any_executor(pool: DaskPool) -> None:
    """Futures are those of concurrent.futures, functions may be closures, results are values."""
    base = 40
    futures = [pool.submit(base.__add__, number) for number in range(5)]
    assert 5 == len(wait(futures, timeout=LIMIT).done)
    assert [40, 41, 42, 43, 44] == [future.result() for future in futures]
    assert 5 == pool.submit(int, "101", base=2).result()
    assert 41 == pool.submit(lambda: base + 1).result()
    assert 2 == pool.workers
    assert os.getpid() != pool.submit(os.getpid).result()


@needs_dask
def test_values_stay_on_the_cluster_between_calls(pool: DaskPool, functions: Any) -> None:
    """A value goes from worker to worker, alone and in collections, and never through here."""
    handles = [call(pool, functions.leave).result(LIMIT) for _ in range(4)]
    assert all(isinstance(handle, Handle) for handle in handles)
    one, two, three, four = handles
    seen = [
        *call(pool, functions.landings, one).result(LIMIT).fetch(),
        *call(pool, functions.landings_of, [two], kwargs={"named": (three, four)}).result().fetch(),
    ]
    assert 4 == len(seen)
    assert all(os.getpid() not in (born, *landed) for born, landed in seen)


@needs_dask
def test_a_handle_fetches_its_value_once(pool: DaskPool, functions: Any) -> None:
    """Who asks for a value gets it, the same each time, unpickled here once."""
    handle = call(pool, functions.leave).result(LIMIT)
    value = handle.fetch()
    assert value is handle.fetch()
    assert 1 == value.landed.count(os.getpid())


@needs_dask
def test_an_item_of_a_tuple_has_a_handle(pool: DaskPool, functions: Any) -> None:
    """A call is given the item, taken from the tuple over there."""
    first, second = (call(pool, functions.pair).result(LIMIT)[item] for item in (0, 1))
    ((born, landed),) = call(pool, functions.landings, second).result(LIMIT).fetch()
    assert os.getpid() not in (born, *landed)
    assert 1 == first.fetch()
    with pytest.raises(TypeError, match="item of an item"):
        _ = first[0]


@needs_dask
def test_none_is_none_and_needs_no_handle(pool: DaskPool) -> None:
    """What returns nothing leaves nothing on the cluster."""
    assert call(pool, id, None).result(LIMIT) is not None
    assert call(pool, print).result(LIMIT) is None


@needs_dask
def test_a_handle_inside_another_value_is_refused(pool: DaskPool) -> None:
    """Only arguments, and lists and tuples of them, are looked through."""
    handle = call(pool, int, "3").result(LIMIT)
    with pytest.raises(TypeError, match=r"fetch\(\) returns"):
        call(pool, len, {"inside": handle})
    assert 6 == call(pool, sum, [1, 2, handle]).result(LIMIT).fetch()


@needs_dask
def test_exceptions_arrive_as_objects_with_their_place(pool: DaskPool, functions: Any) -> None:
    """The exception, its cause, and a traceback that begins in the user's function."""
    with pytest.raises(ValueError, match="no such luck") as caught:
        pool.submit(functions.fail, "no such luck").result(LIMIT)
    assert "KeyError('missing')" == repr(caught.value.__cause__)
    names = [entry.name for entry in caught.traceback]
    assert "fail" == names[-1]
    assert "carry" not in names
    with pytest.raises(SystemExit):
        pool.submit(sys.exit, 3).result(LIMIT)


@pytest.mark.slow
@needs_dask
def test_exceptions_that_cannot_travel_arrive_as_text(pool: DaskPool, functions: Any) -> None:
    """A class that cannot be made again from its arguments is told by name, place and message."""
    error = pool.submit(functions.odd).exception(LIMIT)
    assert isinstance(error, RemoteError)
    assert ("Odd", "1") == (error.type_name, error.message)
    assert "raise Odd(1, 2)" in error.traceback


@needs_dask
def test_a_promise_is_checked_on_the_worker(pool: DaskPool) -> None:
    """What breaks it fails as it does in this process, without a frame of ours."""
    error = call(pool, print, promise=1).exception(LIMIT)
    assert isinstance(error, BadValueError)
    assert error.__traceback__ is None
    assert isinstance(call(pool, tuple, [1, None], promise=2).exception(LIMIT), BadValueError)


@needs_dask
def test_a_value_that_cannot_leave_its_process_fails_who_asks(
    pool: DaskPool, functions: Any
) -> None:
    """A lock stays where it is; asking for it here is an error, not a hang."""
    handle = call(pool, functions.lock).result(LIMIT)
    with pytest.raises(TypeError, match="lock"):
        handle.fetch()


@needs_dask
def test_many_values_are_fetched_in_one_go(
    pool: DaskPool, functions: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One that cannot leave its process does not keep the others there."""
    handles = [call(pool, abs, -number).result(LIMIT) for number in range(1, 6)]
    lock = call(pool, functions.lock).result(LIMIT)
    with pytest.raises(TypeError, match="lock"):
        fetched([lock, *handles])
    future: Any = handles[0].task.__class__
    monkeypatch.setattr(future, "result", None)
    pool.fetch_together([*handles, handles[0]])
    assert [1, 2, 3, 4, 5] == fetched(handles)


@needs_dask
def test_context_variables_travel(pool: DaskPool, functions: Any) -> None:
    """Those of modules arrive; what cannot be pickled stays behind and is named."""
    context = contextvars.Context()
    context.run(functions.variable.set, "here")
    assert "here" == call(pool, functions.read, context=context).result(LIMIT).fetch()
    assert "unset" == call(pool, functions.read).result(LIMIT).fetch()
    context.run(functions.variable.set, threading.Lock())
    context.run(contextvars.ContextVar[int]("nobody's").set, 1)
    assert "unset" == call(pool, functions.read, context=context).result(LIMIT).fetch()
    assert {"variable", "nobody's"} <= set(pool.left_out)


@needs_dask
def test_a_running_call_tells_its_progress_and_hears_its_token(
    pool: DaskPool, functions: Any
) -> None:
    """Both have a twin on the worker; a call that runs cannot be withdrawn."""
    holding = Holding(pool, functions)
    assert (1, 2, "holding") == holding.told[0]
    assert not holding.future.cancel()
    pool.stop(holding.future, force=True)
    assert not pool.can_stop
    holding.end()


@needs_dask
def test_a_call_that_has_not_begun_can_be_withdrawn(
    pool: DaskPool, functions: Any, tmp_path: Path
) -> None:
    """It is cancelled at once, and never made."""
    holding = [Holding(pool, functions) for _ in range(2)]
    queued = call(pool, functions.noted, str(tmp_path / "log"), 1)
    assert queued.cancel()
    assert queued.cancel()
    assert queued.cancelled()
    with pytest.raises(CancelledError):
        queued.result(0)
    for each in holding:
        each.end()
    for each in [Holding(pool, functions) for _ in range(2)]:  # side by side: both serve
        each.end()
    assert [] == lines(tmp_path / "log")


@needs_dask
@pytest.mark.slow
def test_a_worker_that_dies_fails_its_call_once(
    mortal: DaskPool, functions: Any, tmp_path: Path
) -> None:
    """The call is made once, and says the signal; others go on, and so does the pool."""
    died = call(mortal, functions.kill_me, str(tmp_path / "log"))
    others = [mortal.submit(int, str(number)) for number in range(8)]
    error = died.exception(LIMIT)
    assert isinstance(error, WorkerDiedError)
    assert -signal.SIGKILL == error.exitcode
    assert str(error).startswith("worker died: SIGKILL (possibly out of memory), ")
    assert list(range(8)) == [other.result(LIMIT) for other in others]
    assert 1 == len(lines(tmp_path / "log"))


@needs_dask
@pytest.mark.slow
def test_workers_that_dask_gives_up_are_started_again() -> None:
    """A cluster of our own that has lost all is whole again, and a call that waits is made."""
    importlib.import_module("distributed")  # its settings, first
    dask = importlib.import_module("dask")
    setting = {"distributed.deploy.lost-worker-timeout": "1ms"}
    with dask.config.set(setting), DaskPool(workers=2) as pool:
        cluster = pool._connection._cluster
        forsaken = set(cluster.workers.values())
        wait_until(lambda: len(cluster.scheduler_info["workers"]) == 2)  # what it gives up by
        for nanny in forsaken:
            os.kill(nanny.pid, signal.SIGKILL)
        wait_until(lambda: all(nanny.status.name == "closed" for nanny in forsaken))
        assert 3 == pool.submit(int, "3").result(LIMIT)
        wait_until(lambda: len(cluster.scheduler.workers) == 2)
        assert not forsaken & set(cluster.workers.values())


@needs_dask
@pytest.mark.slow
def test_a_call_does_not_wait_for_ever_for_a_worker() -> None:
    """It is told that the cluster has none; the next call finds one again."""
    with DaskPool(workers=1) as pool:
        cluster = pool._connection._cluster
        if not hasattr(cluster.scheduler, "_check_no_workers"):
            pytest.skip("this Dask lets calls wait for ever")
        assert 0.0 < cluster.scheduler.no_workers_timeout
        cluster.scheduler.no_workers_timeout = 0.05
        cluster.scale(0)
        wait_until(lambda: not cluster.scheduler.workers)
        with pytest.raises(WorkerDiedError, match=r"the cluster has none left, for 0\.05 s now"):
            pool.submit(int, "3").result(LIMIT)
        cluster.scheduler.no_workers_timeout = LIMIT
        cluster.scale(1)
        assert 3 == pool.submit(int, "3").result(LIMIT)


@needs_dask
@pytest.mark.slow
def test_a_death_is_told_while_all_others_are_busy(
    mortal: DaskPool, functions: Any, tmp_path: Path
) -> None:
    """Nobody waits for a free worker to learn it."""
    holding = Holding(mortal, functions)
    error = call(mortal, functions.kill_me, str(tmp_path / "log")).exception(LIMIT)
    assert isinstance(error, WorkerDiedError)
    assert not holding.future.done()
    holding.end()


@needs_dask
@pytest.mark.slow
def test_a_lost_value_is_made_again_where_it_is_needed(
    mortal: DaskPool, functions: Any, tmp_path: Path
) -> None:
    """Killing the worker that holds it costs one more call of its function, and no more."""
    log = tmp_path / "log"
    handle = call(mortal, functions.noted, str(log), 20, may_repeat=True).result(LIMIT)
    os.kill(lines(log)[0], signal.SIGKILL)
    assert 22 == call(mortal, functions.total, handle, 2).result(LIMIT).fetch()
    assert 2 == len(lines(log))
    assert lines(log)[0] != lines(log)[1]


@needs_dask
@pytest.mark.slow
def test_a_lost_value_is_not_made_again_where_that_was_forbidden(
    mortal: DaskPool, functions: Any, tmp_path: Path
) -> None:
    """Its function is called once; who needs the value is told whose it was."""
    log = tmp_path / "log"
    handle = call(mortal, functions.noted, str(log), 20).result(LIMIT)
    os.kill(lines(log)[0], signal.SIGKILL)
    error = call(mortal, functions.total, handle, 2).exception(LIMIT)
    assert isinstance(error, WorkerDiedError)
    assert "the value of noted was lost with its worker" in str(error)
    with pytest.raises(WorkerDiedError, match="value of noted"):
        handle.fetch()
    assert 1 == len(lines(log))


@needs_dask
def test_a_small_value_comes_with_the_end_of_its_call(pool: DaskPool, functions: Any) -> None:
    """Plain data needs no handle; None and what is large, or cannot be pickled, is as before."""
    pool.small = 1000
    try:
        assert [1, 2] == call(pool, list, [1, 2]).result(LIMIT)
        assert call(pool, print).result(LIMIT) is None
        for fn, args in ((bytes, (2000,)), (range, (10,)), (functions.lock, ())):
            found = call(pool, fn, *args).result(LIMIT)
            assert isinstance(found, Handle)
            assert (fn is range) == isinstance(found, PackedValue)  # it is here, not read
    finally:
        pool.small = 0


@needs_dask
@pytest.mark.slow
def test_a_dead_worker_costs_one_item(mortal: DaskPool, functions: Any, tmp_path: Path) -> None:
    """All others are called once: what they returned is safe here."""
    mortal.small = 1000
    folder, count = str(tmp_path), 200

    def numbers() -> List[int]:
        return list(range(count))

    def item(number: Annotated[int, Each()]) -> int:
        functions.noted(f"{folder}/{number}", None)
        if number == 120:
            os.kill(os.getpid(), signal.SIGKILL)
        return number

    registry = Registry()
    registry.add(numbers, id="numbers")
    registry.add(item, id="item")
    result = run(registry=registry, executor=mortal, check=False, on_failure="continue")
    report = result.report("item")
    assert isinstance(report.error, WorkerDiedError)
    assert 120 == report.item
    assert [1] * count == [len(lines(tmp_path / str(number))) for number in range(count)]


@needs_dask
@pytest.mark.slow
def test_large_values_stay_on_the_cluster_through_a_run(pool: DaskPool, functions: Any) -> None:
    """From stage to stage, into a list, and out of it item by item; small ones come here."""
    registry = Registry()
    registry.add(functions.leaves, id="leaves")
    registry.add(functions.both, id="both")
    registry.add(functions.path, id="path")
    result = run(registry=registry, executor=pool)
    here, far = os.getpid(), [result["leaves"], *result["both"]]
    assert here not in [each.born for each in far]
    assert [1, 1, 1] == [each.landed.count(here) for each in far]  # now that they are asked for
    assert str(here) not in result["path"]


@pytest.mark.slow
@needs_dask
def test_small_values_outlive_a_cluster_of_the_run(functions: Any) -> None:
    """Of any stage, not only of those that nobody took."""
    registry = Registry()
    registry.add(functions.one, id="one")
    registry.add(functions.next_of, id="two")
    result = run(registry=registry, executor="dask", workers=1)
    assert (1, "2") == (result["one"], result["two"])


@needs_dask
@pytest.mark.slow
def test_a_run_may_name_a_cluster(pool: DaskPool, functions: Any, tmp_path: Path) -> None:
    """By its client or address: retries call again, and equal stages are called each for itself."""
    distributed = importlib.import_module("distributed")
    address = pool._client.scheduler.address
    with distributed.Client(address, set_as_default=False) as client:
        for number, executor in enumerate((client, address)):
            log, tries = str(tmp_path / f"log{number}"), str(tmp_path / f"tries{number}")
            flaky = partial(functions.flaky, tries)
            registry = Registry()
            registry.add(flaky, id="flaky", retries=4, executor=executor)
            for name in "ab":
                registry.add(partial(functions.noted, log, 1), id=name)
            result = run(registry=registry, executor=executor)
            assert result["flaky"] != os.getpid()
            assert 3 == len(result.report("flaky").attempts) == len(lines(Path(tries)))
            assert 2 == len(lines(Path(log)))
        assert 3 == client.submit(int, "3").result(LIMIT)


@needs_dask
@pytest.mark.parametrize("executor", ["gopher://127.0.0.1:9", "tcp://127.0.0.1:x"])
def test_a_run_is_told_that_no_cluster_is_there(executor: str, functions: Any) -> None:
    """As a mistake of who asked for it, not of ours."""
    registry = Registry()
    registry.add(functions.one, id="a")
    with pytest.raises(UsageError, match="no Dask scheduler answers at"):
        run(registry=registry, executor=executor)


@needs_dask
@pytest.mark.slow
def test_cancelling_arun_from_outside_withdraws_and_asks(pool: DaskPool, functions: Any) -> None:
    """``CancelledError`` comes back, what waited is not called, and what runs hears of it."""

    async def cancelled() -> None:
        begun = asyncio.Event()

        class Listening(Hook):
            def on_event(self, event: Event) -> None:
                if isinstance(event, StageProgress):
                    begun.set()

        registry = Registry()
        for number in range(6):
            registry.add(functions.hold, id=f"hold{number}")
        task = asyncio.create_task(arun(registry=registry, executor=pool, hooks=[Listening()]))
        await begun.wait()
        task.cancel()
        await task

    with pytest.raises(asyncio.CancelledError):
        asyncio.run(cancelled())
    assert 3 == pool.submit(int, "3").result(LIMIT)  # nobody holds the workers


@needs_dask
@pytest.mark.slow
@pytest.mark.parametrize("retries", [0, 1])
def test_a_run_says_whether_a_lost_value_may_be_made_again(
    mortal: DaskPool, functions: Any, tmp_path: Path, retries: int
) -> None:
    """A stage without retries is called once; who needs its value fails, and is told what to do."""
    log, killed = tmp_path / "log", tmp_path / "killed"

    def made() -> int:
        return int(functions.noted(str(log), 20))

    def kills(value: Annotated[int, From("made")]) -> str:
        with contextlib.suppress(FileExistsError):
            killed.mkdir()
            os.kill(lines(log)[0], signal.SIGKILL)
        return str(value)

    registry = Registry()
    registry.add(made, id="made", retries=retries)
    registry.add(kills, id="kills", retries=3)
    result = run(registry=registry, executor=mortal, check=False)
    assert 1 + retries == len(lines(log))
    error = result.report("kills").error
    if retries:
        assert error is None
    else:
        assert isinstance(error, WorkerDiedError)
        assert "the value of made was lost with its worker" in str(error)
        assert "with `retries` its stage would be called again for it" in str(error)


@needs_dask
@pytest.mark.slow
def test_a_run_loses_only_the_stage_whose_worker_died(
    mortal: DaskPool, functions: Any, tmp_path: Path
) -> None:
    """The same result as anywhere else, but for the stage that killed its worker."""
    mortal.small = 1000
    registry = Registry()
    log = str(tmp_path / "log")

    def numbered(number: int) -> Callable[[], int]:
        def give() -> int:
            return number

        return give

    for number in range(6):
        registry.add(numbered(number), id=f"number{number}")

    def add(numbers: Annotated[List[int], Collect()]) -> str:
        return str(sum(numbers))

    def dies() -> None:
        importlib.import_module("stages_on_dask").kill_me(log)

    registry.add(add, id="add")
    registry.add(dies, id="dies")
    result = run(registry=registry, executor=mortal, on_failure="continue", check=False)
    assert ["dies"] == [report.stage_id for report in result.failures]
    assert isinstance(result.report("dies").error, WorkerDiedError)
    assert [*range(6)] == [result[f"number{number}"] for number in range(6)]
    assert "15" == result["add"]
    assert ("DaskPool", 2) == (result.executor, result.workers)


@needs_dask
def test_what_a_function_cannot_take_along_is_named(pool: DaskPool) -> None:
    """The value is called what it is called in the source."""
    guard = threading.Lock()

    def guarded() -> bool:
        return guard.locked()

    told = pool.check(guarded)
    assert told is not None
    assert told.startswith("`guard`, which guarded takes from around it, cannot be sent")
    assert pool.check(len) is None


@needs_dask
def test_a_pool_joins_a_cluster_and_leaves_it_as_it_was(pool: DaskPool) -> None:
    """By address or by client; both are still there afterwards."""
    distributed = importlib.import_module("distributed")
    address = pool._client.scheduler.address
    with DaskPool(address) as joined:
        joined.small = 0
        assert 3 == joined.submit(int, "3").result(LIMIT)
        value = call(joined, int, "4").result(LIMIT)
        assert 5 == call(pool, int.__add__, value, 1).result(LIMIT).fetch()
    with pytest.raises(RuntimeError, match="shut down"):
        joined.submit(int)
    with distributed.Client(address, set_as_default=False) as client:
        with DaskPool(client) as joined:
            assert 3 == joined.submit(int, "3").result(LIMIT)
        assert 3 == client.submit(int, "3").result(LIMIT)


@needs_dask
@pytest.mark.slow
def test_shutdown_leaves_no_process(functions: Any) -> None:
    """With calls that run given up, or all of them awaited, the workers are gone afterwards."""
    with DaskPool(workers=1) as pool:
        pool.small = 0
        process = pool.submit(os.getpid).result(LIMIT)
        value = call(pool, functions.leave).result(LIMIT)
        holding = Holding(pool, functions)
        pool.shutdown(wait=False, cancel_futures=True)
        with pytest.raises(RuntimeError, match="shut down before"):
            holding.future.result(LIMIT)
    with pytest.raises(ProcessLookupError):
        os.kill(process, 0)
    with pytest.raises(WorkerDiedError, match=r"^the value of leave is gone with the Dask cluster"):
        value.fetch()


@needs_dask
@pytest.mark.parametrize(
    ("target", "workers", "told"),
    [
        (3, None, "takes an address .* or a Client, got 3"),
        ("", None, "takes an address"),
        ("tcp://127.0.0.1:9", 2, "has its own"),
        (None, 0, "whole number of 1 or more, got 0"),
        ("gopher://127.0.0.1:9", None, "no Dask scheduler answers at 'gopher:"),
    ],
)
def test_a_target_that_cannot_be_used_is_told(target: Any, workers: Any, told: str) -> None:
    """What is wrong, and what can be given."""
    with pytest.raises(UsageError, match=told):
        DaskPool(target, workers=workers)


def test_without_dask_the_command_that_installs_it_is_named(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """One line, with the extra."""
    monkeypatch.setitem(sys.modules, "distributed", None)
    with pytest.raises(MissingExtraError) as caught:
        DaskPool()
    assert str(caught.value).endswith(
        "the executor 'dask' needs the 'dask' extra: pip install '.[dask]'"
    )
