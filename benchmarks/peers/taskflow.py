"""taskflow-tr: compiles the source of one function whose lines are the calls."""

from __future__ import annotations

import importlib
import itertools
import linecache
from typing import Any, Callable, Dict, Tuple

from benchmarks.adapter import Adapter, Built
from benchmarks.baselines import by_hand_source
from benchmarks.work import Work

__all__ = ["adapters"]

# Any in this module: the library is imported by name, so that checking needs no peer installed.
_numbers = itertools.count()
KEPT = 64  # sources of earlier repetitions


def adapters(workers: int) -> Dict[str, Adapter]:
    """Return its inline executor, and its thread executor with a kept pool."""
    library = importlib.import_module("task_flow")
    threads = library.ThreadExecutor(thread_num=workers)
    inline = library.InlineExecutor()
    return {
        "sync": Adapter("taskflow-tr", _prepare, lambda made: _build(library, made, inline)),
        "threads": Adapter("taskflow-tr", _prepare, lambda made: _build(library, made, threads)),
    }


def _prepare(work: Work) -> Callable[[], Tuple[object, ...]]:
    """Write the calls by hand to where `inspect.getsource` finds them."""
    number = next(_numbers)
    filename = f"<taskflow {number}>"
    linecache.cache.pop(f"<taskflow {number - KEPT}>", None)
    source = by_hand_source(work)
    linecache.cache[filename] = (len(source), None, source.splitlines(keepends=True), filename)
    namespace: Dict[str, Any] = dict(zip(work.names, work.functions))
    exec(compile(source, filename, "exec"), namespace)  # noqa: S102
    function: Callable[[], Tuple[object, ...]] = namespace["by_hand"]
    return function


def _build(library: Any, function: Callable[[], Tuple[object, ...]], executor: Any) -> Built:
    compiled = library.compile(function)
    return Built(lambda: executor.run(compiled), tuple)
