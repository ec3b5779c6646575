"""Every executor, as one fixture: what a test here promises holds on all of them."""

from __future__ import annotations

import asyncio
import faulthandler
import functools
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Callable, Coroutine, Iterator, TypeVar

import pytest

from stagekit import Registry, Result, arun, run

F = TypeVar("F", bound=Callable[..., Any])

WAYS = (
    "auto",
    "inline",
    "threads",
    "one thread",
    "asyncio",
    "mixed",
    "pool",
    "mixed pool",
    "arun threads",
    "arun asyncio",
    "arun inline",
    "arun pool",
)
PATIENCE = 60  # seconds after which a test hangs: the traces of all threads are shown


class Flow:
    """A registry, and one way to run it.

    ``flow.stage`` declares a stage as this way needs it: where stages are to be asynchronous, an
    ``async def`` around the function.
    """

    def __init__(self, way: str) -> None:
        self.way = way
        self.registry = Registry()
        self.is_async = "asyncio" in way
        self.is_mixed = "mixed" in way
        self._count = 0

    @property
    def has_threads(self) -> bool:
        """Whether plain stages can overlap."""
        return "inline" not in self.way and not self.is_async and self.way != "one thread"

    def stage(self, fn: F) -> F:
        """Declare a plain function as a stage."""
        return self.add()(fn)

    def add(self, **options: Any) -> Callable[[F], F]:  # Any: the options of @stage
        """Declare a plain function as a stage, with options; return what stands for it."""

        def declare(fn: F) -> F:
            self._count += 1
            is_async = self.is_async or (self.is_mixed and self._count % 2 == 0)
            options.setdefault("id", fn.__name__)
            self.registry.stage(**options)(fn if not is_async else as_async(fn))
            return fn

        return declare

    def run(self, target: Any = None, **options: Any) -> Result:
        """Run the registry, or a plan."""
        if not hasattr(target, "by_rank"):
            options.setdefault("registry", self.registry)
        return self.call(lambda executor: (target, {"executor": executor, **options}))

    def call(self, order: Callable[[Any], Any]) -> Result:
        """Run what *order* says, given the executor of this way."""
        if "pool" in self.way:
            with ThreadPoolExecutor(3) as pool:
                return self._call(*order(pool))
        named = {"one thread": "threads", "mixed": "threads"}
        executor = named.get(self.way, self.way.replace("arun ", ""))
        target, options = order("threads" if executor == "asyncio" else executor)
        if self.way == "one thread":
            options["workers"] = 1
        return self._call(target, options)

    def _call(self, target: Any, options: Any) -> Result:
        if self.way.startswith("arun"):
            return asyncio.run(arun(target, **options))
        return run(target, **options)


def as_async(fn: Callable[..., Any]) -> Callable[..., Coroutine[Any, Any, Any]]:
    """Return an ``async def`` around a function, that suspends once."""

    @functools.wraps(fn)
    async def stage(*args: Any, **kwargs: Any) -> Any:
        await asyncio.sleep(0)
        return fn(*args, **kwargs)

    return stage


@pytest.fixture(params=WAYS)
def flow(request: pytest.FixtureRequest) -> Flow:
    """Give a registry and one way to run it."""
    return Flow(request.param)


@pytest.fixture(autouse=True)
def watchdog() -> Iterator[None]:
    """Show where all threads are, and end, when a test hangs; see that it leaves no thread."""
    before = set(threading.enumerate())
    faulthandler.dump_traceback_later(PATIENCE, exit=True)
    yield
    faulthandler.cancel_dump_traceback_later()
    left = [t for t in threading.enumerate() if t not in before and t.name.startswith("stagekit")]
    assert [] == left
