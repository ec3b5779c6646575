"""async-dag: a node an `async def` function, its parents given as nodes."""

from __future__ import annotations

import importlib
from typing import Any, Dict, List

from benchmarks.adapter import Adapter, Built
from benchmarks.work import Work

__all__ = ["adapters"]

# Any in this module: the library is imported by name, so that checking needs no peer installed.


def adapters(workers: int) -> Dict[str, Adapter]:
    """Return its only way to run."""
    del workers
    library = importlib.import_module("async_dag")
    return {
        "async": Adapter(
            "async-dag", lambda work: work, lambda work: _build(library, work), is_async=True
        )
    }


def _build(library: Any, work: Work) -> Built:
    nodes: List[Any] = []
    with library.build_dag() as manager:
        for function, parents in zip(work.functions, work.shape.parents):
            nodes.append(manager.add_node(function, *[nodes[parent] for parent in parents]))
    final = [nodes[node] for node in work.shape.sinks()]
    return Built(
        lambda: manager.invoke(None),
        lambda result: tuple(node.extract_result(result) for node in final),
    )
