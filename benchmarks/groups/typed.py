"""Cold overhead of typed parameters: objects, bare names, subscripts; and one type for all."""

from __future__ import annotations

from typing import Callable, Dict, Iterator, List, Mapping, Tuple

import stagekit
from benchmarks.baselines import GRAPHLIB
from benchmarks.measurement import Measurement
from benchmarks.settings import Settings
from benchmarks.shapes import chain
from benchmarks.timing import time_cold
from benchmarks.work import Work, fresh, make_work

__all__ = ["measure"]

STAGES = 1_000
BASE = "no types"  # graphlib and a dict loop, the measure of the machine's day


def measure(settings: Settings) -> Iterator[Measurement]:
    """A chain of stages, each asking for a type of its own, by three ways to write the type.

    In the last case all return one type, and the names of parameters choose: what that costs beside
    types that one stage returns, where names are not looked at.
    """
    work = make_work(chain(STAGES))
    namespace = work.functions[0].__globals__
    types = [type(f"T{node}", (), {}) for node in range(STAGES)]
    namespace.update({kind.__name__: kind for kind in types}, List=List)
    spell: Mapping[str, Callable[[int], object]] = {
        "objects": lambda node: types[node],
        "strings, bare names": lambda node: f"T{node}",
        "strings with subscripts": lambda node: f"List[T{node}]",
        "one type, by name": lambda _: types[0],
    }
    cases: Dict[str, Tuple[Callable[[], Work], Callable[[Work], object]]] = {
        name: (_prepare(work, spelled), _run) for name, spelled in spell.items()
    }
    cases[BASE] = (lambda: fresh(work), lambda made: GRAPHLIB.build(made).run())
    samples = time_cold(cases, settings.budget)
    for name, sample in samples.items():
        yield Measurement.of(
            ("typed", name, "graphlib" if name == BASE else "stagekit"),
            sample,
            unit="us/stage",
            scale=1e6 / STAGES,
            base=samples[BASE],
        )
    for kind in types:
        del namespace[kind.__name__]


def _prepare(work: Work, spelled: Callable[[int], object]) -> Callable[[], Work]:
    def annotations(node: int) -> Dict[str, object]:
        asked = {name: spelled(node - 1) for name in work.before[node]}
        return {**asked, "return": spelled(node)}

    return lambda: fresh(work, annotations)


def _run(work: Work) -> stagekit.Result:
    registry = stagekit.Registry()
    for name, function in zip(work.names, work.functions):
        registry.add(function, id=name)
    return stagekit.plan(registry=registry).run(executor="inline")
