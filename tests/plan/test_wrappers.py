"""What wraps a function: it is a stage as its own code says, not as what it wraps."""

from __future__ import annotations

import asyncio
import contextvars
import functools
import inspect
import sys
import threading
from typing import Any, Callable, Iterator, List, TypeVar

import pytest
from typing_extensions import Concatenate, ParamSpec

from stagekit import CancelToken, PlanError, Registry, arun, plan, run
from stagekit._plan import signature_inspect

EXECUTORS = ["auto", "inline", "threads"]
R = TypeVar("R")
P = ParamSpec("P")


class Page:
    """What is fetched."""


async def fetch() -> Page:
    """Wait, and return a page."""
    await asyncio.sleep(0)
    return Page()


def kind(page: Page) -> str:
    """Take what was fetched, never a coroutine."""
    return type(page).__name__


def wrapped(fn: Any, call: Callable[[], object], **said: object) -> Any:
    """Return a plain wrapper of *fn* that makes *call* in its place."""

    @functools.wraps(fn)
    def wrapper(*args: Any, **kwargs: Any) -> Any:
        return call(*args, **kwargs)

    if said:
        wrapper.__annotations__ = {**fn.__annotations__, **said}
    return wrapper


WAYS: List[Any] = [
    pytest.param(lambda: asyncio.run(fetch()), id="runs-a-loop-of-its-own"),
    pytest.param(fetch, id="hands-the-coroutine-on"),
    pytest.param(Page, id="makes-the-value-itself"),
]


@pytest.mark.parametrize("executor", EXECUTORS)
@pytest.mark.parametrize("call", WAYS)
def test_a_plain_wrapper_of_an_async_function_is_called_off_the_loop(
    call: Callable[[], object], executor: str
) -> None:
    """What it returns is awaited if it can be."""
    registry = Registry()
    registry.add(wrapped(fetch, call), id="fetch")
    stage = registry.add(kind)
    assert "Page" == run(registry=registry, executor=executor)[stage]


def test_in_a_loop_that_the_caller_runs_too() -> None:
    """``arun`` waits without holding the loop."""
    registry = Registry()
    registry.add(wrapped(fetch, lambda: asyncio.run(fetch())), id="fetch")
    stage = registry.add(kind)
    assert "Page" == asyncio.run(arun(registry=registry))[stage]


SEEN: contextvars.ContextVar[str] = contextvars.ContextVar("SEEN", default="nothing")


def test_the_wrapper_sees_the_variables_of_the_run() -> None:
    """As any other stage does."""
    registry = Registry()
    stage = registry.add(wrapped(fetch, SEEN.get), id="fetch")
    token = SEEN.set("the caller's")
    try:
        assert "the caller's" == run(registry=registry)[stage]
    finally:
        SEEN.reset(token)


def test_what_the_wrapper_raises_fails_the_stage() -> None:
    """With the very error."""

    def refuse() -> None:
        raise LookupError("no page")

    registry = Registry()
    registry.add(wrapped(fetch, refuse), id="fetch")
    (failure,) = run(registry=registry, check=False).failures
    assert "LookupError('no page')" == repr(failure.error)


def test_the_coroutine_of_a_cancelled_wrapper_is_closed() -> None:
    """Whether the cancel comes before or after the wrapper returns it."""
    inside, goes_on = threading.Event(), threading.Event()
    made: List[Any] = []

    def slow() -> object:
        inside.set()
        assert goes_on.wait(60)
        made.append(fetch())
        return made[0]

    def cancel() -> None:
        assert inside.wait(60)
        token.cancel()
        goes_on.set()

    token = CancelToken()
    registry = Registry()
    registry.add(wrapped(fetch, slow), id="fetch")
    thread = threading.Thread(target=cancel)
    thread.start()
    run(registry=registry, cancel=token, grace=60, check=False)
    thread.join(60)
    assert inspect.CORO_CLOSED == inspect.getcoroutinestate(made[0])


def numbers() -> Iterator[int]:
    """Yield two numbers."""
    yield 1
    yield 2


def total(values: List[int]) -> int:
    """Add up."""
    return sum(values)


@pytest.mark.parametrize("executor", EXECUTORS)
def test_a_plain_wrapper_of_a_generator_function_is_no_resource(executor: str) -> None:
    """It returns what it returns; what it says of that itself counts."""
    registry = Registry()
    registry.add(wrapped(numbers, lambda: list(numbers()), **{"return": List[int]}), id="numbers")
    stage = registry.add(total)
    made = plan(registry=registry)
    assert {} == dict(made.policies)
    assert 3 == run(made, executor=executor)[stage]


def test_a_wrapper_that_says_nothing_of_its_own_has_the_types_of_what_it_wraps() -> None:
    """Neither ``Any`` nor an open type variable replaces them."""

    def traced(fn: Callable[..., R]) -> Callable[..., R]:
        @functools.wraps(fn, assigned=("__name__", "__qualname__", "__module__"))
        def wrapper(*args: Any, **kwargs: Any) -> R:
            return fn(*args, **kwargs)

        return wrapper

    registry = Registry()
    registry.add(lambda: [1, 2], id="given", provides=List[int])
    stage = registry.add(traced(total))
    assert 3 == run(registry=registry)[stage]
    assert (int,) == plan(registry=registry).provides[1]


class Db:
    """What a decorator fills."""


class Request:
    """What a wrapper takes."""


def with_db(fn: Callable[Concatenate[Db, P], R]) -> Callable[P, R]:
    """Fill the first parameter."""

    @functools.wraps(fn)
    def wrapper(*args: P.args, **kwargs: P.kwargs) -> R:
        return fn(Db(), *args, **kwargs)

    return wrapper


def with_request(fn: Callable[P, R]) -> Callable[Concatenate[Request, P], R]:
    """Take a request besides."""

    @functools.wraps(fn)
    def wrapper(request: Request, *args: P.args, **kwargs: P.kwargs) -> R:
        assert isinstance(request, Request)
        return fn(*args, **kwargs)

    return wrapper  # type: ignore[return-value]  # mypy tells the name of the first one from none


def counted(db: Db, values: List[int]) -> int:
    """Take what the decorator fills, and what the pipeline does."""
    assert isinstance(db, Db)
    return len(values)


@pytest.mark.skipif(sys.version_info < (3, 10), reason="there Callable takes no Concatenate")
def test_a_decorator_that_fills_a_parameter_says_so_by_its_types() -> None:
    """``Concatenate`` in what it takes; what its wrapper asks for stands in what it returns."""
    registry = Registry()
    registry.add(lambda: [1, 2], id="given", provides=List[int])
    registry.add(Request)
    one, two = registry.add(with_db(counted), id="one"), registry.add(with_request(total), id="two")
    result = run(registry=registry)
    assert (2, 3) == (result[one], result[two])


def run_with_callable() -> Any:
    """Return what no stage can ask for."""
    raise AssertionError


run_with_callable.__annotations__["return"] = "Callable[P, int]"


def test_open_parameters_are_a_problem() -> None:
    """Before Python 3.10 a ``ParamSpec`` is a list that contains itself."""
    registry = Registry()
    registry.add(run_with_callable)
    with pytest.raises(PlanError, match="the parameters `P` are open"):
        plan(registry=registry)


def unread(fn: Callable[..., R]) -> Callable[..., R]:
    """Have types that cannot be read."""

    @functools.wraps(fn)
    def wrapper(*args: Any, **kwargs: Any) -> R:
        return fn(*args, **kwargs)

    return wrapper


unread.__annotations__["fn"] = "Callable[Concatenate[Nowhere, P], R]"


def test_a_decorator_whose_types_cannot_be_read_fills_nothing() -> None:
    """What it wraps is asked for as it stands."""
    registry = Registry()
    registry.add(lambda: [1, 2], id="given", provides=List[int])
    stage = registry.add(unread(total))
    assert 3 == run(registry=registry)[stage]


def seven() -> int:
    """Take nothing."""
    return 7


@pytest.mark.skipif(sys.version_info < (3, 10), reason="there Callable takes no Concatenate")
def test_a_wrapper_may_be_the_only_one_that_takes_something() -> None:
    """What it wraps takes nothing."""
    registry = Registry()
    registry.add(Request)
    stage: Any = registry.add(with_request(seven), id="seven")
    assert (7, ("Request", "seven")) == (
        run(registry=registry)[stage],
        tuple(each.rpartition(":")[2] for each in plan(registry=registry).order),
    )


def test_the_decorator_of_many_stages_is_looked_for_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """A module may have thousands of functions that one decorator has wrapped."""
    looked: List[object] = []
    find = signature_inspect._defining

    def counted(code: Any, names: Any) -> Any:
        looked.append(code)
        return find(code, names)

    monkeypatch.setattr(signature_inspect, "_decorators", {})
    monkeypatch.setattr(signature_inspect, "_defining", counted)
    registry = Registry()
    for number in range(50):
        registry.add(wrapped(total, list), id=f"s{number}", provides=Page)
    registry.add(lambda: [1], id="given", provides=List[int])
    assert 51 == len(plan(registry=registry))
    assert 1 == len(looked)
