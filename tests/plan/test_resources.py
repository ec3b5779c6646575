"""Generator functions as resources: what they provide, and where they cannot be used."""

from __future__ import annotations

import functools
from concurrent.futures import Executor, ProcessPoolExecutor, ThreadPoolExecutor
from contextlib import asynccontextmanager, contextmanager
from typing import (
    Any,
    AsyncGenerator,
    AsyncIterable,
    AsyncIterator,
    Callable,
    Generator,
    Iterable,
    Iterator,
    List,
    Optional,
)

import pytest
from typing_extensions import Annotated

from stagekit import Each, From, Named, Plan, PlanError, Problem, Registry, plan
from stagekit._base.keys import describe
from stagekit._plan.policies import beyond_problems
from stagekit.errors import Code


class Db:
    """What is opened and closed."""


class Row:
    """What is read."""


def opened(returned: object) -> Callable[..., Any]:
    """Return a generator function of this annotation."""

    def db() -> Any:
        yield Db()

    db.__annotations__ = {"return": returned}
    return db


def opened_async(returned: object) -> Callable[..., Any]:
    """Return an async generator function of this annotation."""

    async def db() -> Any:
        yield Db()

    db.__annotations__ = {"return": returned}
    return db


def using(db: Db, count: int = 0) -> Row:
    """Take what was opened."""
    raise AssertionError((db, count))


def taking(row: Row, db: Db) -> None:
    """Take what was opened, and what can go anywhere."""
    raise AssertionError((row, db))


def made(*stages: Callable[..., object], **options: Any) -> Plan:
    """Return the plan of functions, which are named s0, s1 and so on."""
    registry = Registry()
    for number, stage in enumerate(stages):
        registry.add(stage, id=f"s{number}")
    return plan(registry=registry, **options)


def problems(*stages: Callable[..., object]) -> List[Problem]:
    """Return the problems for which functions cannot be planned."""
    with pytest.raises(PlanError) as caught:
        made(*stages)
    return list(caught.value.problems)


@pytest.mark.parametrize(
    "returned", [Iterator[Db], Iterable[Db], Generator[Db, None, None], "Iterator[Db]"]
)
def test_a_generator_function_provides_what_it_yields(returned: object) -> None:
    """Not the iterator; its step is a resource."""
    found = made(opened(returned), using)
    assert ((), (0,)) == found.parents
    assert ["resource"] == [policy.kind for policy in found.policies.values()]
    assert (bytes((0, 0)), "Db") == (found.is_async, describe(found.provides[0][0]))


@pytest.mark.parametrize(
    "returned",
    [AsyncIterator[Db], AsyncIterable[Db], AsyncGenerator[Db, None], "AsyncIterator[Db]"],
)
def test_an_async_generator_function_is_a_resource_of_the_loop(returned: object) -> None:
    """Its step is an async one."""
    found = made(opened_async(returned), using)
    assert ((), (0,)) == found.parents
    assert (bytes((1, 0)), "resource") == (found.is_async, found.policies[0].kind)


def test_a_resource_may_provide_a_name_an_option_or_nothing() -> None:
    """The name stands inside or outside; ``Optional`` is a type like any other."""
    named = Annotated[Db, Named("eu")]
    for returned in (Iterator[named], Annotated[Iterator[Db], Named("eu")]):
        assert "Db named 'eu'" == describe(made(opened(returned)).provides[0][0])
    assert "Optional[Db]" == describe(made(opened(Iterator[Optional[Db]])).provides[0][0])
    assert () == made(opened(Iterator[None])).provides[0]


def test_a_resource_without_annotation_can_be_named() -> None:
    """By ``From``, or by who only comes after it."""
    silent = opened(None)
    silent.__annotations__.clear()

    def use(db: Annotated[Db, From("s0")]) -> Row:
        raise AssertionError(db)

    found = made(silent, use)
    assert ((), (0,)) == found.parents
    assert () == found.provides[0]


@pytest.mark.parametrize(
    ("returned", "told"),
    [
        (Db, "a generator function returns an iterator; write `Iterator[T]`"),
        (Iterator, "`Iterator` does not say what is yielded; write `Iterator[T]`"),
        (List[Db], "a generator function returns an iterator; write `Iterator[T]`"),
    ],
)
def test_an_annotation_of_another_kind_is_told(returned: object, told: str) -> None:
    """What is yielded stands in the iterator."""
    (problem,) = problems(opened(returned))
    assert Code.BAD_ANNOTATION is problem.code
    assert told in problem.message


def test_it_may_be_published_as_something_else() -> None:
    """``provides`` says what, as of any other stage."""
    registry = Registry()
    registry.add(opened(Iterator[Db]), id="db", provides=object)
    registry.add(opened(Iterator[Db]), id="other", provides=Row)
    found = plan(registry=registry)
    assert ((), ("Row",)) == (found.provides[0], tuple(map(describe, found.provides[1])))


@contextmanager
def managed_db(size: int = 1) -> Generator[Db, None, None]:
    """Open and close."""
    yield Db()


@asynccontextmanager
async def managed_async() -> AsyncGenerator[Db, None]:
    """Open and close."""
    yield Db()


class Shop:
    """A class with a method that opens."""

    @contextmanager
    def db(self) -> Generator[Db, None, None]:
        """Open and close."""
        yield Db()


@pytest.mark.parametrize(
    ("stage", "is_async"),
    [
        (managed_db, 0),
        (managed_async, 1),
        (functools.partial(managed_db, 3), 0),
        (functools.partial(managed_db, size=3), 0),
        (Shop().db, 0),
    ],
    ids=["function", "async", "partial", "keyword", "method"],
)
def test_a_context_manager_is_its_generator_function(stage: Any, is_async: int) -> None:
    """What is called returns a generator, of partials and methods too."""
    found = made(stage, using)
    assert ((0,), is_async, "resource") == (
        found.parents[1],
        found.is_async[0],
        found.policies[0].kind,
    )
    call = found.calls[0][0]
    opens = call()
    assert hasattr(opens, "__anext__" if is_async else "send")
    assert not hasattr(opens, "__enter__")
    assert not hasattr(opens, "__aenter__")


def test_a_wrapper_of_it_is_a_resource_if_it_yields_itself() -> None:
    """A plain wrapper is a plain stage, whatever it wraps."""

    def noted(fn: Any) -> Any:
        @functools.wraps(fn)
        def wrapper(*args: Any) -> Any:
            yield from fn(*args)

        return wrapper

    stage = noted(opened(Iterator[Db]))
    found = made(stage, using)
    assert (stage, "resource") == (found.calls[0][0], found.policies[0].kind)


def test_a_resource_takes_what_others_provide() -> None:
    """Another resource too."""

    def table(db: Db) -> Iterator[Row]:
        yield Row()
        raise AssertionError(db)

    found = made(opened(Iterator[Db]), table)
    assert ((), (0,)) == found.parents
    assert {0: "resource", 1: "resource"} == {k: v.kind for k, v in found.policies.items()}


def test_a_resource_is_not_opened_for_each_item() -> None:
    """It takes the whole list."""

    def table(row: Annotated[Row, Each()]) -> Iterator[Db]:
        yield Db()
        raise AssertionError(row)

    def rows() -> List[Row]:
        return []

    (problem,) = problems(rows, table)
    assert (Code.BAD_MARKER, "s1") == (problem.code, problem.stage_id)
    assert "is a resource, and `Each()` would open it once for each item" in problem.message


class Cluster(Executor):
    """A pool of ours, beyond this process."""

    is_elsewhere = True
    can_stop = False

    def start_call(self) -> None:
        """Stand for what those have."""


@pytest.mark.parametrize(
    ("executor", "where"),
    [
        ("processes", "worker processes"),
        ("dask", "a Dask cluster"),
        (Cluster(), "`Cluster`"),
        (ProcessPoolExecutor.__new__(ProcessPoolExecutor), "`ProcessPoolExecutor`"),
    ],
    ids=["processes", "dask", "ours", "futures"],
)
def test_a_resource_does_not_leave_its_process(executor: Any, where: str) -> None:
    """Neither to who uses it elsewhere, nor to be opened there; both are told at once."""
    registry = Registry()
    registry.add(opened(Iterator[Db]), id="db", executor=executor)
    registry.add(lambda: Row(), id="row", provides=Row)
    registry.add(taking, id="use", executor=executor)
    with pytest.raises(PlanError) as caught:
        plan(registry=registry)
    first, second = caught.value.problems
    assert {Code.RESOURCE_BEYOND} == {first.code, second.code}
    assert {
        f"the resource `db` cannot run in {where}: it is opened and closed in this process",
        (
            f"stage `use` runs in {where}, where the resource `db` cannot be used: "
            f"it is opened and closed in this process"
        ),
    } == {first.message, second.message}
    assert {None, "db"} == {first.parameter, second.parameter}


def test_in_this_process_a_resource_can_be_used_anywhere() -> None:
    """In threads, and in pools of threads."""
    with ThreadPoolExecutor(1) as pool:
        for executor in (None, "threads", "inline", "auto", pool):
            registry = Registry()
            registry.add(opened(Iterator[Db]), id="db", executor=executor)
            registry.add(using, id="use", executor=executor)
            assert ((), (0,)) == plan(registry=registry).parents


def test_a_run_elsewhere_is_asked_for_its_plan() -> None:
    """Who prepares a run is told of resources that it would take elsewhere."""
    registry = Registry()
    registry.add(opened(Iterator[Db]), id="db")
    registry.add(using, id="here", executor="threads")
    registry.add(using, id="there")
    found = plan(registry=registry)
    (problem,) = beyond_problems(found, "processes", {})
    assert ("there", Code.RESOURCE_BEYOND, "db") == (
        problem.stage_id,
        problem.code,
        problem.parameter,
    )
    assert not [*beyond_problems(found, "threads", {})]
    assert not [*beyond_problems(plan("db", registry=registry), "dask", {})]
    assert not [*beyond_problems(made(lambda: 1), "dask", {})]
