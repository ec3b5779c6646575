"""Every executor, as one fixture: what a test here promises holds on all of them."""

from __future__ import annotations

import asyncio
import functools
import importlib.util
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Callable, Coroutine, Iterator, List, Optional, TypeVar

import pytest

from stagekit import Registry, Result, arun, run
from tests.contract.shared import SharedEvent, SharedList
from tests.executors.third_pool import ThirdPool

F = TypeVar("F", bound=Callable[..., Any])

HERE = (
    "auto",
    "inline",
    "threads",
    pytest.param("one thread", marks=pytest.mark.slow),
    "asyncio",
    pytest.param("mixed", marks=pytest.mark.slow),
    "pool",
    pytest.param("mixed pool", marks=pytest.mark.slow),
    pytest.param("third pool", marks=pytest.mark.slow),
    pytest.param("arun threads", marks=pytest.mark.slow),
    "arun asyncio",
    pytest.param("arun inline", marks=pytest.mark.slow),
    pytest.param("arun pool", marks=pytest.mark.slow),
)
# A pool of processes and a cluster, each one for the whole session; what stages of a test share
# with the test goes through files there.
BEYOND = {"processes": "process_pool", "arun processes": "process_pool", "dask": "dask_pool"}
FAR = (
    "processes",
    pytest.param("arun processes", marks=pytest.mark.slow),
    pytest.param(
        "dask",
        marks=[
            pytest.mark.slow,
            pytest.mark.skipif(
                importlib.util.find_spec("distributed") is None,
                reason="distributed is not installed: python -m pip install '.[dask]'",
            ),
        ],
    ),
)


class Flow:
    """A registry, and one way to run it.

    ``flow.stage`` declares a stage as this way needs it: where stages are to be asynchronous, an
    ``async def`` around the function.

    Args:
        way: its name.
        pool: what it runs on, where that is beyond this process.
        folder: for what stages there share with the test.
    """

    def __init__(self, way: str, pool: Any = None, folder: Optional[Path] = None) -> None:
        self.way = way
        self._pool = pool
        self._folder = folder
        self._shared: List[SharedEvent] = []
        self.registry = Registry()
        self.is_async = "asyncio" in way
        self.is_mixed = "mixed" in way
        self._count = 0

    @property
    def has_threads(self) -> bool:
        """Whether plain stages can overlap."""
        return "inline" not in self.way and not self.is_async and self.way != "one thread"

    @property
    def is_beyond(self) -> bool:
        """Whether plain stages run in other processes."""
        return self._pool is not None

    def list(self) -> Any:  # Any: a list, or what is like one
        """Return a list that stages can append to."""
        if self._folder is None:
            return []
        self._count += 1
        return SharedList(str(self._folder / f"list{self._count}"))

    def event(self) -> threading.Event:
        """Return an event that stages can set and wait for."""
        if self._folder is None:
            return threading.Event()
        self._count += 1
        self._shared.append(SharedEvent(str(self._folder / f"event{self._count}")))
        return self._shared[-1]

    def close(self) -> None:
        """Let go of events."""
        for event in self._shared:
            event.close()

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
        if self.is_beyond:
            return self._call(*order(self._pool))
        if self.way == "third pool":
            third = ThirdPool(3)
            try:
                return self._call(*order(third))
            finally:
                third.shutdown()
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


def flow_of(request: pytest.FixtureRequest) -> Iterator[Flow]:
    """Give a registry and one way to run it, until the test is over."""
    way: str = request.param
    if way in BEYOND:
        pool = request.getfixturevalue(BEYOND[way])
        made = Flow(way, pool, request.getfixturevalue("tmp_path"))
    else:
        made = Flow(way)
    yield made
    made.close()


@pytest.fixture(params=(*HERE, *FAR))
def flow(request: pytest.FixtureRequest) -> Iterator[Flow]:
    """Give a registry and one way to run it."""
    yield from flow_of(request)


@pytest.fixture(params=FAR)
def far_flow(request: pytest.FixtureRequest) -> Iterator[Flow]:
    """Give a registry and one way to run it in other processes."""
    yield from flow_of(request)


@pytest.fixture(autouse=True)
def clean(request: pytest.FixtureRequest) -> None:
    """Have no thread left behind by a test of this folder; pools of the session are no test's."""
    for name in {"flow", "far_flow", "process_pool", "dask_pool"} & {*request.fixturenames}:
        request.getfixturevalue(name)
    request.getfixturevalue("no_thread_is_left")
