"""Hamilton: a module of functions, a `Driver` from `Builder` (which returns plain dicts)."""

from __future__ import annotations

import importlib
import itertools
import logging
import sys
import types
from typing import Any, Dict, List, Tuple

from benchmarks.adapter import Adapter, Built
from benchmarks.work import Work, fresh

__all__ = ["adapters"]

# Any in this module: the library is imported by name, so that checking needs no peer installed.
_numbers = itertools.count()
KEPT = 64  # modules of earlier repetitions


def adapters(workers: int) -> Dict[str, Adapter]:
    """Return the default driver; its threads are only for blocks that fan out at run time."""
    del workers
    logging.getLogger("hamilton").setLevel(logging.CRITICAL)  # its failures are in the table
    return {"sync": Adapter("hamilton", _prepare, _build)}


def _prepare(work: Work) -> Tuple[Any, List[str]]:
    """Write the module: edges are parameter names, and every parameter needs a type."""
    number = next(_numbers)
    name = f"benchmarks_hamilton_{number}"
    sys.modules.pop(f"benchmarks_hamilton_{number - KEPT}", None)
    module = types.ModuleType(name)
    annotated = fresh(work, lambda node: {**dict.fromkeys(work.before[node], int), "return": int})
    for function in annotated.functions:
        function.__module__ = name
        setattr(module, function.__name__, function)
    sys.modules[name] = module
    return module, list(work.final)


def _build(prepared: Tuple[Any, List[str]]) -> Built:
    module, final = prepared
    driver = importlib.import_module("hamilton.driver").Builder().with_modules(module).build()

    def values(results: Dict[str, object]) -> Tuple[object, ...]:
        return tuple(results[name] for name in final)

    return Built(lambda: driver.execute(final), values)
