"""Resources: opened by the first who needs them, closed after the last, whatever happens."""

from __future__ import annotations

import asyncio
import contextlib
import sqlite3
import threading
from typing import Any, AsyncGenerator, AsyncIterator, Dict, Generator, Iterator, List

import pytest

from stagekit import Registry, RunFailedError, arun, run
from stagekit.errors import RunCancelledError
from stagekit.events import StageSkipped
from stagekit.testing import RecordingHook
from tests.run.timed import Timed
from tests.run.ways import Way


class Pool:
    """A resource."""


class Session:
    """A resource made with another one."""


class Row:
    """What a stage makes."""


class Report:
    """What another one makes of it."""


def test_a_resource_is_open_from_its_first_user_to_its_last(way: Way) -> None:
    """It is opened when somebody needs it, not before, and closed when nobody does, not later."""
    log: List[str] = []

    @way.stage
    def pool() -> Iterator[Pool]:
        log.append("open")
        yield Pool()
        log.append("close")

    @way.stage
    def first() -> Row:
        log.append("first")
        return Row()

    @way.stage
    def second(row: Row, pool: Pool) -> Report:
        log.append("second")
        return Report()

    @way.stage
    def third(report: Report, pool: Pool) -> None:
        log.append("third")

    @way.stage(depends_on="third")
    def last() -> None:
        log.append("last")

    assert way.run().ok
    assert ["first", "open", "second", "third"] == log[:4]
    assert ["close", "last"] == sorted(log[4:])


def test_resources_are_closed_in_reverse_order(way: Way) -> None:
    """What was opened last is closed first; what a resource needs stays open as long as it does."""
    log: List[str] = []

    @way.stage
    def pool() -> Iterator[Pool]:
        log.append("open pool")
        yield Pool()
        log.append("close pool")

    @way.stage
    def session(pool: Pool) -> Iterator[Session]:
        log.append("open session")
        yield Session()
        log.append("close session")

    @way.stage
    def use(session: Session) -> None:
        log.append("use")

    way.run()
    assert ["open pool", "open session", "use", "close session", "close pool"] == log


@pytest.mark.parametrize("on_failure", ["stop", "continue", "cancel"])
def test_resources_are_closed_after_a_failure(way: Way, on_failure: str) -> None:
    """A user that fails is a user that has ended."""
    log: List[str] = []

    @way.stage
    def pool() -> Iterator[Pool]:
        yield Pool()
        log.append("close")

    @way.stage
    def use(pool: Pool) -> None:
        raise ValueError("no")

    with pytest.raises(RunFailedError) as caught:
        way.run(on_failure=on_failure)
    assert isinstance(caught.value.__cause__, ValueError)
    assert ["close"] == log
    assert "succeeded" == caught.value.result.report("pool").outcome.value


def test_resources_are_closed_after_a_cancel(way: Way) -> None:
    """Who cancels the run gets its resources closed; nothing new starts."""
    from stagekit import CancelToken

    token = CancelToken()
    log: List[str] = []

    @way.stage
    def pool() -> Iterator[Pool]:
        yield Pool()
        log.append("close")

    @way.stage
    def use(pool: Pool) -> Row:
        token.cancel("enough")
        return Row()

    @way.stage
    def after(row: Row, pool: Pool) -> None:
        log.append("after")

    with pytest.raises(RunCancelledError) as caught:
        way.run(cancel=token)
    assert ["close"] == log
    assert "cancelled" == caught.value.result.report("after").outcome.value


def test_a_failing_tear_down_never_stops_the_next(way: Way) -> None:
    """Every resource is torn down; the run has failed, and says all that went wrong."""
    log: List[str] = []

    @way.stage
    def pool() -> Iterator[Pool]:
        yield Pool()
        log.append("close pool")
        raise OSError("pool")

    @way.stage
    def session(pool: Pool) -> Iterator[Session]:
        yield Session()
        log.append("close session")
        raise OSError("session")

    @way.stage
    def use(session: Session) -> Row:
        return Row()

    with pytest.raises(RunFailedError) as caught:
        way.run()
    result = caught.value.result
    assert ["close session", "close pool"] == log
    assert "failed" == result.status.value
    assert isinstance(result["use"], Row)
    assert "pool" == str(result.report("pool").teardown_error)
    assert "session" == str(result.report("session").teardown_error)
    assert "succeeded" == result.report("pool").outcome.value
    assert "2 resources could not be torn down" in str(caught.value)
    assert "pool  could not be torn down: OSError: pool" in str(caught.value)
    assert isinstance(caught.value.__cause__, OSError)


def test_the_failure_of_a_stage_stays_the_first_error(way: Way) -> None:
    """What a tear-down raises is told besides, not instead."""

    @way.stage
    def pool() -> Iterator[Pool]:
        yield Pool()
        raise OSError("pool")

    @way.stage
    def use(pool: Pool) -> None:
        raise ValueError("use")

    with pytest.raises(RunFailedError) as caught:
        way.run()
    assert "use" == str(caught.value.__cause__)
    assert "could not be torn down: OSError: pool" in str(caught.value)
    assert "ValueError: use" in str(caught.value)
    assert "1 stage failed, 1 resource could not be torn down" in str(caught.value)


def test_who_needs_what_could_not_be_opened_is_skipped(way: Way) -> None:
    """A resource that raises before it yields has failed like any stage."""

    @way.stage
    def pool() -> Iterator[Pool]:
        raise OSError("down")
        yield Pool()

    @way.stage
    def use(pool: Pool) -> None:
        pass

    result = way.run(check=False)
    assert "failed" == result.report("pool").outcome.value
    assert "skipped" == result.report("use").outcome.value
    assert "pool" == result.report("use").cause


def test_a_resource_is_opened_again_where_it_may_be(way: Way) -> None:
    """Its retries are attempts to open it."""
    tries: List[int] = []

    @way.stage(retries=2)
    def pool() -> Iterator[Pool]:
        tries.append(1)
        if len(tries) < 3:
            raise OSError("not yet")
        yield Pool()
        tries.append(0)

    @way.stage
    def use(pool: Pool) -> None:
        tries.append(2)

    assert [1, 2, 3] == [each.number for each in way.run().report("pool").attempts]
    assert [1, 1, 1, 2, 0] == tries


def test_a_resource_that_yields_nothing_has_failed(way: Way) -> None:
    """It provides nothing that anybody could use."""

    @way.stage
    def pool() -> Iterator[Pool]:
        if threading.active_count() < 0:
            yield Pool()

    @way.stage
    def use(pool: Pool) -> None:
        pass

    result = way.run(check=False)
    assert "bad_value" == getattr(result.report("pool").reason, "value", None)
    assert "yielded nothing" in str(result.report("pool").error)


def test_a_second_yield_is_a_failure_of_the_tear_down(way: Way) -> None:
    """A resource yields once; what comes after a second ``yield`` is not waited for."""
    log: List[str] = []

    @way.stage
    def pool() -> Iterator[Pool]:
        try:
            yield Pool()
            yield Pool()
            log.append("never")
        finally:
            log.append("finally")

    @way.stage
    def use(pool: Pool) -> None:
        pass

    result = way.run(check=False)
    assert ["finally"] == log
    assert "a second time" in str(result.report("pool").teardown_error)


def test_a_resource_that_breaks_its_promise_is_torn_down(way: Way) -> None:
    """What was set up is torn down, even where what it yielded is of no use."""
    log: List[str] = []

    @way.stage
    def pool() -> Iterator[Pool]:
        yield None  # type: ignore[misc]  # pyright: ignore[reportReturnType]  # broken promise
        log.append("close")

    @way.stage
    def use(pool: Pool) -> None:
        pass

    result = way.run(check=False)
    assert ["close"] == log
    assert "failed" == result.report("pool").outcome.value


def test_what_nobody_needs_in_the_end_is_not_opened(way: Way) -> None:
    """A resource whose users are all skipped is skipped itself; nobody is to blame for that."""
    hook = RecordingHook()

    @way.stage
    def pool() -> Iterator[Pool]:
        raise AssertionError("must not be opened")
        yield Pool()

    @way.stage(critical=False)
    def row() -> Row:
        raise ValueError("no")

    @way.stage
    def use(row: Row, pool: Pool) -> Report:
        return Report()

    result = way.run(hooks=[hook])
    report = result.report("pool")
    assert ("skipped", "not_needed", None) == (
        report.outcome.value,
        getattr(report.reason, "value", None),
        report.cause,
    )
    (event,) = [e for e in hook.events if getattr(e, "stage_id", "") == "pool"]
    assert isinstance(event, StageSkipped)
    assert None is event.cause
    assert '"not_needed"' in result.to_json()
    assert "not_needed" in result._repr_mimebundle_()["text/plain"]
    with pytest.raises(LookupError, match="nobody needed it"):
        result["pool"]


def test_a_resource_that_was_asked_for_is_opened_and_closed(way: Way) -> None:
    """A target, or what no stage takes, is wanted by whoever runs it."""
    log: List[str] = []

    @way.stage
    def pool() -> Iterator[Pool]:
        log.append("open")
        yield Pool()
        log.append("close")

    assert way.run().ok
    assert ["open", "close"] == log


@pytest.mark.parametrize("executor", ["inline", "threads"])
def test_a_connection_is_opened_and_closed_on_one_thread(executor: str) -> None:
    """A SQLite connection refuses to be closed on another thread than its own."""
    registry = Registry()
    threads: List[int] = []

    @registry.stage(id="db")
    def db() -> Iterator[sqlite3.Connection]:
        here = executor == "inline"
        connection = sqlite3.connect(":memory:", check_same_thread=here)
        own = sqlite3.connect(":memory:")  # of this thread alone
        threads.append(threading.get_ident())
        try:
            yield connection
        finally:
            threads.append(threading.get_ident())
            own.execute("select 1")
            own.close()
            connection.close()

    @registry.stage(id="make")
    def make(connection: sqlite3.Connection) -> Row:
        connection.execute("create table t (x)")
        return Row()

    @registry.stage(id="fill")
    def fill(row: Row, connection: sqlite3.Connection) -> Report:
        connection.execute("insert into t values (1)")
        return Report()

    assert run(registry=registry, executor=executor).ok
    assert 1 == len(set(threads))
    assert (threading.get_ident() in threads) is (executor == "inline")


@pytest.mark.parametrize("is_awaited", [True, False])
def test_an_async_resource_lives_in_one_task(*, is_awaited: bool) -> None:
    """What belongs to a task, as cancel scopes do, is set up and torn down in the same one."""
    registry = Registry()
    tasks: List[Any] = []

    @registry.stage(id="pool")
    async def pool() -> AsyncIterator[Pool]:
        tasks.append(asyncio.current_task())
        await asyncio.sleep(0)
        yield Pool()
        await asyncio.sleep(0)
        tasks.append(asyncio.current_task())

    @registry.stage(id="use")
    async def use(pool: Pool) -> Row:
        tasks.append(asyncio.current_task())
        return Row()

    @registry.stage(id="plain")
    def plain(pool: Pool) -> None:
        pass

    if is_awaited:
        asyncio.run(arun(registry=registry))
    else:
        run(registry=registry)
    opened, used, closed = tasks
    assert opened is closed
    assert opened is not used


def test_many_stages_at_once_share_one_resource() -> None:
    """It is opened once, though all its users are ready together."""
    registry = Registry()
    barrier = threading.Barrier(4, timeout=30)
    opened: List[Pool] = []
    seen: List[Pool] = []

    @registry.stage(id="pool")
    def pool() -> Iterator[Pool]:
        opened.append(Pool())
        yield opened[-1]

    def user(pool: Pool) -> None:
        barrier.wait()
        seen.append(pool)

    for number in range(4):
        registry.add(user, id=f"user{number}")
    run(registry=registry, executor="threads", workers=4)
    assert 1 == len(opened)
    assert opened * 4 == seen


@pytest.mark.parametrize("executor", ["inline", "threads", "auto"])
def test_context_managers_are_resources(executor: str) -> None:
    """``@contextmanager`` and ``@asynccontextmanager`` functions are unwrapped."""
    registry = Registry()
    log: List[str] = []

    @registry.stage(id="pool")
    @contextlib.contextmanager
    def pool() -> Generator[Pool, None, None]:
        log.append("open pool")
        yield Pool()
        log.append("close pool")

    @registry.stage(id="session")
    @contextlib.asynccontextmanager
    async def session(pool: Pool) -> AsyncGenerator[Session, None]:
        log.append("open session")
        yield Session()
        log.append("close session")

    @registry.stage(id="use")
    def use(session: Session) -> None:
        log.append(type(session).__name__)

    run(registry=registry, executor=executor)
    assert [
        "open pool",
        "open session",
        "Session",
        "close session",
        "close pool",
    ] == log


def test_a_resource_that_stays_open_in_a_run_of_many(way: Way) -> None:
    """A plan with resources runs again and again, each time with resources of its own."""
    from stagekit import plan

    log: List[str] = []

    @way.stage
    def pool() -> Iterator[Dict[str, int]]:
        log.append("open")
        yield {}
        log.append("close")

    @way.stage
    def use(pool: Dict[str, int]) -> Row:
        pool["used"] = pool.get("used", 0) + 1
        assert 1 == pool["used"]
        return Row()

    made = plan(registry=way.registry)
    for _ in range(3):
        assert way.run(made).ok
    assert ["open", "close"] * 3 == log


def test_an_interrupted_run_closes_its_resources() -> None:
    """Ctrl-C in a stage is raised again, after what was open has been closed."""
    registry = Registry()
    log: List[str] = []

    @registry.stage(id="pool")
    def pool() -> Iterator[Pool]:
        yield Pool()
        log.append("close")

    @registry.stage(id="use")
    def use(pool: Pool) -> None:
        raise KeyboardInterrupt

    for executor in ("inline", "threads"):
        with pytest.raises(KeyboardInterrupt):
            run(registry=registry, executor=executor)
    assert ["close", "close"] == log


@pytest.mark.filterwarnings("ignore:SK224")
def test_a_resource_that_opens_after_its_time_limit_is_torn_down() -> None:
    """It counts as failed, and nothing of it stays behind."""
    registry = Registry()
    log: List[str] = []
    may_go_on = threading.Event()

    @registry.stage(id="pool", timeout=0.001)
    def pool() -> Iterator[Pool]:
        assert may_go_on.wait(30)
        yield Pool()
        log.append("close")
        closed.set()

    @registry.stage(id="use")
    def use(pool: Pool) -> None:
        log.append("use")

    closed = threading.Event()
    result = run(registry=registry, executor="threads", check=False, grace=0)
    assert "timed_out" == getattr(result.report("pool").reason, "value", None)
    may_go_on.set()
    assert closed.wait(30)
    assert ["close"] == log


def test_the_critical_path_goes_through_what_had_a_resource_opened(timed: Timed) -> None:
    """A resource is opened once its first user lacks nothing else: that came before it."""
    clock = timed.clock

    @timed.declare()
    def pool() -> Iterator[Pool]:
        clock.advance(1)
        yield Pool()

    @timed.declare()
    def session(pool: Pool) -> Iterator[Session]:
        clock.advance(1)
        yield Session()

    @timed.declare()
    def first() -> None:
        clock.advance(5)

    @timed.declare(depends_on="first")
    def use(session: Session) -> Row:
        clock.advance(1)
        return Row()

    @timed.declare()
    def report(row: Row, session: Session) -> Report:
        clock.advance(1)
        return Report()

    result = timed.run()
    assert result.ok
    assert ("first", "pool", "session", "use", "report") == result.critical_path()
