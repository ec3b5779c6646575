"""Each way to carry out a run that is not simple: a registry, its stages, and how it is run."""

from __future__ import annotations

import asyncio
import functools
import inspect
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Callable, List, Optional, TypeVar, overload

from stagekit import Registry, Result, arun, run

F = TypeVar("F", bound=Callable[..., Any])

WAYS = (
    "inline",
    "threads",
    "auto",
    "asyncio",
    "pool",
    "processes",
    "arun threads",
    "arun asyncio",
    "arun inline",
)
HERE = tuple(way for way in WAYS if way != "processes")  # stages share the memory of the test


class Way:
    """A registry, and one way to run it.

    ``way.stage`` declares a function as this way needs it: where stages are to be asynchronous, an
    ``async def`` around the function, or an async generator around the generator.
    """

    def __init__(self, name: str) -> None:
        self.name = name
        self.registry = Registry()
        self.is_async = "asyncio" in name
        self.is_inline = "inline" in name
        self.log: List[str] = []

    @property
    def has_threads(self) -> bool:
        """Whether stages overlap and may wait for each other."""
        return not self.is_inline and not self.is_async

    @overload
    def stage(self, fn: F, /, **options: Any) -> F: ...
    @overload
    def stage(self, fn: None = None, /, **options: Any) -> Callable[[F], F]: ...
    def stage(self, fn: Optional[F] = None, /, **options: Any) -> Any:  # Any: options of @stage
        """Declare a plain function or a generator function as a stage."""

        def declare(found: F) -> F:
            options.setdefault("id", getattr(found, "__name__", None))
            self.registry.stage(**options)(as_async(found) if self.is_async else found)
            return found

        return declare if fn is None else declare(fn)

    def run(self, target: Any = None, **options: Any) -> Result:
        """Run the registry, or a plan."""
        if not hasattr(target, "by_rank"):
            options.setdefault("registry", self.registry)
        if "pool" in self.name:
            with ThreadPoolExecutor(4) as pool:
                return run(target, executor=pool, **options)
        if "processes" in self.name:
            return run(target, executor="processes", workers=2, **options)
        named = {"asyncio": "threads"}
        executor = self.name.replace("arun ", "")
        executor = named.get(executor, executor)
        options.setdefault("workers", None if executor in {"inline", "auto"} else 4)
        if self.name.startswith("arun"):
            return asyncio.run(arun(target, executor=executor, **options))
        return run(target, executor=executor, **options)


def as_async(fn: Callable[..., Any]) -> Any:  # Any: a coroutine or async generator function
    """Return an ``async def`` around a function, that suspends once."""
    if inspect.isgeneratorfunction(fn):

        @functools.wraps(fn)
        async def resource(*args: Any, **kwargs: Any) -> Any:
            await asyncio.sleep(0)
            for value in fn(*args, **kwargs):
                yield value
                await asyncio.sleep(0)

        return resource

    @functools.wraps(fn)
    async def stage(*args: Any, **kwargs: Any) -> Any:
        await asyncio.sleep(0)
        return fn(*args, **kwargs)

    return stage
