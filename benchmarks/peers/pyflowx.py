"""pyflowx: a `TaskSpec` a node; edges are `depends_on`, values arrive by parameter name."""

from __future__ import annotations

import importlib
from typing import Any, Dict

from benchmarks.adapter import Adapter, Built
from benchmarks.work import Work

__all__ = ["adapters"]

# Any in this module: the library is imported by name, so that checking needs no peer installed.


def adapters(workers: int) -> Dict[str, Adapter]:
    """Return its sequential and its thread strategy (the fastest of its concurrent ones)."""
    library = importlib.import_module("pyflowx")

    def sequential(work: Work) -> Built:
        return _build(library, work, {"strategy": "sequential"})

    def threads(work: Work) -> Built:
        return _build(library, work, {"strategy": "thread", "max_workers": workers})

    return {
        "sync": Adapter("pyflowx", lambda work: work, sequential),
        "threads": Adapter("pyflowx", lambda work: work, threads),
    }


def _build(library: Any, work: Work, options: Dict[str, object]) -> Built:
    spec = library.TaskSpec
    graph = library.Graph.from_specs(
        [
            spec(name, function, depends_on=before)
            for name, function, before in zip(work.names, work.functions, work.before)
        ]
    )

    def run() -> Any:
        return library.run(graph, **options)

    return Built(run, lambda report: tuple(report[name] for name in work.final))
