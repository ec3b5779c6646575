"""stagekit as the benchmarks drive it: `Registry.add` in a loop, `plan`, `Plan.run`."""

from __future__ import annotations

from typing import Any, Dict, Mapping, Tuple

from typing_extensions import Annotated

import stagekit
from benchmarks.adapter import Adapter, Built
from benchmarks.work import Work, fresh

__all__ = ["adapters", "add_all", "annotate"]


def annotate(work: Work) -> Work:
    """Say in the annotations of fresh copies which stage each parameter is from."""
    if not work.passes_values:
        return fresh(work)

    def annotations(node: int) -> Mapping[str, object]:
        asked: Dict[str, object] = {
            name: Annotated[int, stagekit.From(name)] for name in work.before[node]
        }
        return {**asked, "return": int}

    return fresh(work, annotations)


def add_all(work: Work) -> stagekit.Registry:
    """Register each function; edges are its annotations, or `depends_on` where it takes none."""
    registry = stagekit.Registry()
    add = registry.add
    if work.passes_values:
        for name, function in zip(work.names, work.functions):
            add(function, id=name)
    else:
        for name, function, before in zip(work.names, work.functions, work.before):
            add(function, id=name, depends_on=before)
    return registry


def adapters(workers: int) -> Dict[str, Adapter]:
    """Return the three engines, under the same keys as the peers."""
    return {
        "sync": _adapter("stagekit", executor="inline"),
        "threads": _adapter("stagekit", executor="threads", workers=workers),
        "async": Adapter("stagekit", annotate, _build_async, is_async=True, takes_order=True),
    }


def _adapter(name: str, **options: Any) -> Adapter:  # Any: forwarded to Plan.run
    def build(work: Work) -> Built:
        plan = stagekit.plan(registry=add_all(work))
        return Built(lambda: plan.run(**options), lambda result: _values(work, result))

    return Adapter(name, annotate, build, takes_order=True)


def _build_async(work: Work) -> Built:
    plan = stagekit.plan(registry=add_all(work))
    return Built(plan.arun, lambda result: _values(work, result))


def _values(work: Work, result: stagekit.Result) -> Tuple[object, ...]:
    return tuple(result[name] for name in work.final)
