"""What the benchmarks need of a library: build a graph of given functions, run it, give values."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Callable, Tuple

from benchmarks.work import Work

__all__ = ["Adapter", "Built"]

# Any in this module: what a library makes of the work, and what its runs return, are its own.


@dataclass(frozen=True)
class Built:
    """A built graph: `run()` runs it once, `values(what run gave)` are its final values."""

    run: Callable[[], Any]
    values: Callable[[Any], Tuple[object, ...]]


@dataclass(frozen=True)
class Adapter:
    """How one library is driven.

    `prepare` makes of the work what a user would have written down (source text, a module,
    annotations) and is never timed. `build` makes and validates the graph, and `Built.run` runs
    it: cold is both once, warm is the run alone. With `is_async` the run returns an awaitable.
    """

    name: str
    prepare: Callable[[Work], Any]
    build: Callable[[Any], Built]
    is_async: bool = False
    takes_order: bool = False
