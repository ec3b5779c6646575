"""Executors: what carries the stages of a run out.

``run(executor=...)`` takes a name of ``NAMES`` or a pool: any object whose ``submit(fn, *args)``
returns a future. ``concurrent.futures.Executor``, MPI pools and Dask clients are pools as they are.

Example:
    >>> from concurrent.futures import ThreadPoolExecutor
    >>> from stagekit import Registry, run
    >>> registry = Registry()
    >>> one = registry.add(lambda: 1, id="one")
    >>> with ThreadPoolExecutor(2) as pool:
    ...     result = run(registry=registry, executor=pool)
    >>> result[one], result.executor, result.workers
    (1, 'ThreadPoolExecutor', 2)
"""

from __future__ import annotations

from typing import TYPE_CHECKING, List

from stagekit._base.executor_names import NAMES
from stagekit._base.ports import Future, Pool
from stagekit.executors.futures import is_pool, workers_of

if TYPE_CHECKING:
    from stagekit.executors.processes import ProcessPool

__all__ = ["NAMES", "Future", "Pool", "ProcessPool", "is_pool", "workers_of"]


if not TYPE_CHECKING:  # type checkers tell a name that is not there

    def __getattr__(name: str) -> object:
        """Load a pool on its first use: what it needs costs more than all of this module."""
        if name == "ProcessPool":
            from stagekit.executors.processes import ProcessPool

            return ProcessPool
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> List[str]:
    return sorted({*globals(), "ProcessPool"})
