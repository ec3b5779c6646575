"""Corner cases of resources: opened before their users, closed after the last, whatever happens.

Each test has the id of its case in ``tests/data/resolution_cases.json``.
"""

from __future__ import annotations

import asyncio
import contextlib
from typing import AsyncIterator, Callable, Generator, Iterator, List

import pytest

from stagekit import Registry, Result, RunFailedError, arun, run


class Db:
    """What is opened first."""


class Table:
    """What is opened in it."""


class Row:
    """What is read."""


def opening(said: List[str], *, fails: bool) -> Registry:
    """Return db → table → read → show, which tell what they do; one more comes after all."""
    registry = Registry()

    @registry.stage(id="db")
    def db() -> Iterator[Db]:
        said.append("open db")
        yield Db()
        said.append("close db")

    @registry.stage(id="table")
    def table(db: Db) -> Iterator[Table]:
        assert isinstance(db, Db)
        said.append("open table")
        yield Table()
        said.append("close table")

    @registry.stage(id="read")
    def read(table: Table) -> Row:
        assert isinstance(table, Table)
        said.append("read")
        if fails:
            raise ValueError("no rows")
        return Row()

    @registry.stage(id="show")
    def show(row: Row, db: Db) -> None:
        assert isinstance(row, Row)
        assert isinstance(db, Db)
        said.append("show")

    return registry


@pytest.mark.parametrize("executor", ["inline", "threads", "auto"])
def test_case_generator_resource(executor: str) -> None:
    """Set up before its users, closed after the last one, in reverse order, on failure too."""
    said: List[str] = []
    run(registry=opening(said, fails=False), executor=executor)
    assert ["open db", "open table", "read"] == said[:3]
    assert {"close table", "show", "close db"} == set(said[3:])
    assert said.index("show") < said.index("close db")
    assert said.index("close table") < said.index("close db")
    said.clear()
    with pytest.raises(RunFailedError, match="no rows"):
        run(registry=opening(said, fails=True), executor=executor)
    assert ["open db", "open table", "read", "close table", "close db"] == said


def by_run(registry: Registry) -> Result:
    """Run without a loop of one's own."""
    return run(registry=registry, check=False)


def by_arun(registry: Registry) -> Result:
    """Run in a loop."""
    return asyncio.run(arun(registry=registry, check=False))


@pytest.mark.parametrize("carry_out", [by_run, by_arun])
@pytest.mark.parametrize("fails", [False, True])
def test_case_async_generator(carry_out: Callable[[Registry], Result], fails: bool) -> None:
    """The same, on a loop: that of ``arun``, or one that ``run`` starts."""
    registry = Registry()
    said: List[str] = []

    @registry.stage(id="db")
    async def db() -> AsyncIterator[Db]:
        await asyncio.sleep(0)
        said.append("open")
        yield Db()
        await asyncio.sleep(0)
        said.append("close")

    @registry.stage(id="read")
    async def read(db: Db) -> Row:
        assert isinstance(db, Db)
        said.append("read")
        if fails:
            raise ValueError("no rows")
        return Row()

    @registry.stage(id="show")
    def show(row: Row, db: Db) -> None:
        assert isinstance(row, Row)
        assert isinstance(db, Db)
        said.append("show")

    result = carry_out(registry)
    assert fails is not result.ok
    assert ["open", "read", *([] if fails else ["show"]), "close"] == said


def test_case_cleanup_suppress() -> None:
    """A resource that swallows errors where it closes does not swallow that of a stage."""
    registry = Registry()

    @registry.stage(id="db")
    @contextlib.contextmanager
    def db() -> Generator[Db, None, None]:
        with contextlib.suppress(BaseException):
            yield Db()

    @registry.stage(id="read")
    def read(db: Db) -> None:
        raise ValueError(type(db).__name__)

    with pytest.raises(RunFailedError, match="ValueError: Db") as caught:
        run(registry=registry)
    assert isinstance(caught.value.__cause__, ValueError)


def test_case_generator_no_yield() -> None:
    """Who never yields fails; who yields twice fails where it is closed; both are told plainly."""

    def never() -> Iterator[Db]:
        yield from ()

    def twice() -> Iterator[Db]:
        yield Db()
        yield Db()

    messages: List[str] = []
    for stage in (never, twice):
        registry = Registry()
        registry.add(stage, id="db")
        with pytest.raises(RunFailedError) as caught:
            run(registry=registry)
        messages.append(str(caught.value))
    assert "yielded nothing; a resource yields its value once" in messages[0]
    assert "yielded a second time; a resource yields its value once" in messages[1]
