"""What a resource is told of the failure of a stage that used it."""

from __future__ import annotations

import contextlib
import sqlite3
import traceback
from typing import Any, AsyncGenerator, Dict, Generator, Iterator, List, Optional

import pytest
from typing_extensions import Annotated

from stagekit import Each, Registry, Result, run
from stagekit.errors import RunFailedError


class Pool:
    """What the first one yields."""


class Session:
    """What the second one yields, made of the first."""


class Flow:
    """A registry, and what its resources have been told."""

    def __init__(self, executor: str) -> None:
        self.executor = executor
        self.registry = Registry()
        self.told: List[Any] = []

    def run(self, **options: Any) -> Result:
        """Run it."""
        return run(registry=self.registry, executor=self.executor, check=False, **options)


@pytest.fixture(params=["inline", "threads"])
def flow(request: pytest.FixtureRequest) -> Flow:
    """Give resources on the calling thread, and on one of their own."""
    return Flow(request.param)


def plain(flow: Flow) -> None:
    """Add a resource whose ``yield`` returns what has failed."""

    @flow.registry.stage(id="pool")
    def pool() -> Generator[Pool, Optional[BaseException], None]:
        failure = yield Pool()
        flow.told.append(failure)


def plain_async(flow: Flow) -> None:
    """Add an async one."""

    @flow.registry.stage(id="pool")
    async def pool() -> AsyncGenerator[Pool, Optional[BaseException]]:
        failure = yield Pool()
        flow.told.append(failure)


def managed(flow: Flow) -> None:
    """Add one at whose ``yield`` the failure is raised; it lets that through."""

    @flow.registry.stage(id="pool")
    @contextlib.contextmanager
    def pool() -> Generator[Pool, None, None]:
        try:
            yield Pool()
        except BaseException as error:
            flow.told.append(error)
            raise
        else:
            flow.told.append(None)


def managed_async(flow: Flow) -> None:
    """Add an async one."""

    @flow.registry.stage(id="pool")
    @contextlib.asynccontextmanager
    async def pool() -> AsyncGenerator[Pool, None]:
        try:
            yield Pool()
        except BaseException as error:
            flow.told.append(error)
            raise
        else:
            flow.told.append(None)


KINDS = [plain, plain_async, managed, managed_async]


@pytest.mark.parametrize("kind", KINDS)
def test_a_resource_is_told_of_the_failure_of_its_user(flow: Flow, kind: Any) -> None:
    """Its own tear-down has not failed, though the same exception comes out of it again."""
    kind(flow)

    @flow.registry.stage(id="use")
    def use(pool: Pool) -> None:
        raise ValueError("torn")

    result = flow.run()
    (error,) = flow.told
    assert error is result.report("use").error
    assert None is result.report("pool").teardown_error
    names = [frame.name for frame in traceback.extract_tb(getattr(error, "__traceback__", None))]
    assert ["use"] == names  # that of the stage, whoever has raised it again
    with pytest.raises(RunFailedError, match=r"1 stage failed\n.*ValueError: torn"):
        result.raise_for_failures()


@pytest.mark.parametrize("kind", KINDS)
def test_without_a_failure_of_a_user_there_is_nothing_to_tell(flow: Flow, kind: Any) -> None:
    """Nor of a stage that does not use it; an attempt that another one followed is no failure."""
    kind(flow)
    tries: List[int] = []

    @flow.registry.stage(id="use", retries=1)
    def use(pool: Pool) -> int:
        tries.append(1)
        return 1 // (len(tries) - 1)

    @flow.registry.stage(id="fails", depends_on="use")
    def fails() -> None:
        raise ValueError("torn")

    assert "failed" == flow.run(on_failure="continue").status.value
    assert [None] == flow.told


def test_the_first_failure_is_told_and_that_of_a_stage_that_is_not_critical(flow: Flow) -> None:
    """Whatever the run makes of it; each resource is told, the last one opened first."""
    plain(flow)

    @flow.registry.stage(id="session")
    @contextlib.contextmanager
    def session(pool: Pool) -> Generator[Session, None, None]:
        try:
            yield Session()
        except ValueError as error:
            flow.told.append(str(error))

    @flow.registry.stage(id="first", critical=False, priority=1)
    def first(session: Session) -> None:
        raise ValueError("first")

    @flow.registry.stage(id="second", critical=False, depends_on="first")
    def second(session: Session) -> None:
        raise ValueError("second")

    result = flow.run()
    assert ["first", "first"] == list(map(str, flow.told))
    assert result.ok


def test_what_a_tear_down_raises_itself_is_its_error(flow: Flow) -> None:
    """Another exception, or a second ``yield``; one below is told of the first failure."""
    plain(flow)

    @flow.registry.stage(id="session")
    @contextlib.contextmanager
    def session(pool: Pool) -> Generator[Session, None, None]:
        try:
            yield Session()
        except ValueError:
            raise OSError("rollback failed") from None

    @flow.registry.stage(id="use")
    def use(session: Session) -> None:
        raise ValueError("torn")

    result = flow.run()
    assert "rollback failed" == str(result.report("session").teardown_error)
    assert [result.report("use").error] == flow.told

    twice = Flow(flow.executor)

    @twice.registry.stage(id="pool")
    @contextlib.contextmanager
    def pool() -> Generator[Pool, None, None]:
        with contextlib.suppress(ValueError):
            yield Pool()
        yield Pool()

    @twice.registry.stage(id="use")
    def use_it(pool: Pool) -> None:
        raise ValueError("torn")

    assert "a second time" in str(twice.run().report("pool").teardown_error)


def test_the_failed_tear_down_of_a_resource_is_told_to_the_one_below(flow: Flow) -> None:
    """As ``with`` in ``with`` would."""
    plain(flow)

    @flow.registry.stage(id="session")
    def session(pool: Pool) -> Iterator[Session]:
        yield Session()
        raise OSError("not closed")

    @flow.registry.stage(id="use")
    def use(session: Session) -> int:
        return 1

    result = flow.run()
    assert [result.report("session").teardown_error] == flow.told


@pytest.mark.parametrize("kind", [StopIteration, StopAsyncIteration])
def test_a_failure_that_generators_cannot_let_through_is_known(flow: Flow, kind: Any) -> None:
    """Python makes a RuntimeError of it."""
    (managed if kind is StopIteration else managed_async)(flow)
    error = kind("torn")

    @flow.registry.stage(id="use")
    def use(pool: Pool) -> None:
        raise error

    assert None is flow.run().report("pool").teardown_error
    assert [error] == flow.told


def test_a_transaction_rolls_back() -> None:
    """The reason of it all: a connection is its own context manager."""
    registry = Registry()
    seen: Dict[str, int] = {}

    @registry.stage(id="database")
    def database() -> Generator[sqlite3.Connection, Optional[BaseException], None]:
        connection = sqlite3.connect(":memory:")
        connection.execute("create table orders (amount)")
        failure = yield connection
        (connection.commit if failure is None else connection.rollback)()
        seen["rows"] = connection.execute("select count(*) from orders").fetchone()[0]
        connection.close()

    @registry.stage(id="fill")
    def fill(db: sqlite3.Connection) -> str:
        db.execute("insert into orders values (1)")
        return "filled"

    @registry.stage(id="check", depends_on="fill")
    def check(db: sqlite3.Connection) -> int:
        raise ValueError("torn")

    run(registry=registry, executor="inline", check=False)
    assert {"rows": 0} == seen


def test_an_item_that_is_left_out_is_no_failure(flow: Flow) -> None:
    """Its stage has succeeded."""
    plain(flow)

    @flow.registry.stage(id="load")
    def load() -> List[int]:
        return [1, 0]

    @flow.registry.stage(id="use")
    def use(pool: Pool, number: Annotated[int, Each(on_error="skip")]) -> float:
        return 1 / number

    assert [1.0] == flow.run()["use"]
    assert [None] == flow.told
