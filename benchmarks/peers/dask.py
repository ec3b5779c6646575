"""dask: a graph of `Task` objects (tuples before they existed) for `dask.get` and threads."""

from __future__ import annotations

import functools
import importlib
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Callable, Dict

from benchmarks.adapter import Adapter, Built
from benchmarks.work import Work

__all__ = ["adapters"]

# Any in this module: the library is imported by name, so that checking needs no peer installed.


def adapters(workers: int) -> Dict[str, Adapter]:
    """Return `dask.get` in the calling thread, and `dask.threaded.get` on a kept pool."""
    get = importlib.import_module("dask").get
    threaded = importlib.import_module("dask.threaded").get
    pool = ThreadPoolExecutor(workers)
    return {
        "sync": _adapter("dask.get", get),
        "threads": _adapter("dask.threaded", functools.partial(threaded, pool=pool)),
    }


def _adapter(name: str, get: Callable[..., Any]) -> Adapter:
    try:
        spec = importlib.import_module("dask.task_spec")
    except ImportError:
        return Adapter(name, lambda work: work, lambda work: _build(work, _tuples(work), get))
    return Adapter(name, lambda work: work, lambda work: _build(work, _tasks(work, spec), get))


def _tasks(work: Work, spec: Any) -> Dict[str, Any]:
    task, reference = spec.Task, spec.TaskRef
    return {
        name: task(name, function, *[reference(parent) for parent in before])
        for name, function, before in zip(work.names, work.functions, work.before)
    }


def _tuples(work: Work) -> Dict[str, Any]:
    return {
        name: (function, *before)
        for name, function, before in zip(work.names, work.functions, work.before)
    }


def _build(work: Work, graph: Dict[str, Any], get: Callable[..., Any]) -> Built:
    keys = list(work.final)
    return Built(lambda: get(graph, keys), tuple)
