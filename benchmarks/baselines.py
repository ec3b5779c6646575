"""What the libraries are compared with: calls by hand, and graphlib with a dict.

`raw` is straight-line code, a call a line, as a person would write it; its final values are the
ones that everything else must reproduce. At 100,000 lines the interpreter is slow on so large
a function: ratios to it flatter there, look at the microseconds.
`graphlib` is the shortest correct program that takes the graph as data: an order from
`TopologicalSorter`, then a loop that keeps values in a dict. It records nothing: no times, no
outcomes, no failures.
"""

from __future__ import annotations

from graphlib import TopologicalSorter
from typing import Any, Callable, Dict, List, Tuple

from benchmarks.adapter import Adapter, Built
from benchmarks.work import Work

__all__ = ["GRAPHLIB", "RAW", "by_hand", "by_hand_source"]

Values = Tuple[object, ...]


def by_hand_source(work: Work, name: str = "by_hand") -> str:
    """Write the calls one after another, in an order that respects the edges."""
    lines = [f"def {name}():"]
    for node in _order(work):
        values = ", ".join(f"v_{parent}" for parent in work.before[node])
        arguments = values if work.passes_values else ""
        lines.append(f"    v_{work.names[node]} = {work.names[node]}({arguments})")
    final = "".join(f"v_{name}, " for name in work.final)
    lines.append(f"    return ({final})")
    return "\n".join(lines) + "\n"


def by_hand(work: Work) -> Callable[[], Values]:
    """Compile the calls by hand."""
    namespace: Dict[str, Any] = dict(zip(work.names, work.functions))  # Any: what exec fills
    exec(compile(by_hand_source(work), "<by hand>", "exec"), namespace)  # noqa: S102
    function: Callable[[], Values] = namespace["by_hand"]
    return function


def _order(work: Work) -> List[int]:
    parents = work.shape.parents
    if all(not row or row[-1] < node for node, row in enumerate(parents)):
        return list(range(work.shape.size))
    return list(TopologicalSorter(dict(enumerate(parents))).static_order())


def _build_raw(run: Callable[[], Values]) -> Built:
    return Built(run, lambda product: product)


def _build_graphlib(work: Work) -> Built:
    functions = dict(zip(work.names, work.functions))
    before = dict(zip(work.names, work.before))
    order = tuple(TopologicalSorter(before).static_order())

    def run_passing() -> Dict[str, object]:
        results: Dict[str, object] = {}
        for name in order:
            results[name] = functions[name](*[results[parent] for parent in before[name]])
        return results

    def run_ordered() -> Dict[str, object]:
        return {name: functions[name]() for name in order}

    run = run_passing if work.passes_values else run_ordered
    return Built(run, lambda results: tuple(results[name] for name in work.final))


RAW = Adapter("raw", by_hand, _build_raw)
GRAPHLIB = Adapter("graphlib", lambda work: work, _build_graphlib, takes_order=True)
