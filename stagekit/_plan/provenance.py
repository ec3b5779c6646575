"""What only people ask of a plan: bindings and edges with their reasons, made when asked for."""

from __future__ import annotations

from stagekit._base.keys import describe
from stagekit._plan.signature import Reader
from stagekit._plan.slots import (
    AMONG_SEVERAL,
    BY_TYPE,
    COLLECT,
    DATA,
    DEFAULT,
    GIVEN,
    ORDER,
    SET,
    STAGE,
    VALUE,
    Binding,
    Edge,
    Slot,
)
from stagekit._plan.sources import name_of
from stagekit._plan.wiring import Gather, Provenance, reasons_of, sources_of, stages_in

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Dict, List, Sequence, Tuple

    from stagekit._declare.declaration import Declaration
    from stagekit._plan.signature_data import Parameter
    from stagekit._plan.wiring import Source


_PROVIDED = (STAGE, COLLECT, GIVEN, VALUE, SET)


def binding_of(
    parameter: Parameter, source: Source, chosen: str, step_of: Dict[int, int]
) -> Binding:
    """Return one binding, its providers as step numbers.

    Args:
        parameter: what is filled.
        source: what fills it.
        chosen: why it was chosen among several of its type; ``BY_TYPE`` where it is the only one.
        step_of: step number by place.
    """
    providers = tuple(step_of[place] for place in stages_in(source))
    others: Tuple[str, ...] = ()
    if isinstance(source, Gather):
        kind = COLLECT
        others = tuple(part.kind for part in source.parts if isinstance(part, Slot))
    elif isinstance(source, Slot):
        kind = source.kind
    else:
        kind = STAGE if providers else DEFAULT
    reason = _reason(parameter, chosen) if kind in _PROVIDED else ""
    return Binding(parameter.name, parameter.key, kind, providers, others, reason)


def _reason(parameter: Parameter, chosen: str) -> str:
    """Return why a parameter has this provider: its marker decides, or *chosen* says it."""
    marker = parameter.marker
    beside = marker.source if marker is not None and marker.is_each else marker
    return chosen if beside is None or chosen != BY_TYPE else name_of(beside)


def bindings_of(made: Provenance, count: int) -> Tuple[Tuple[Binding, ...], ...]:
    """Return for each step what fills each parameter."""
    if not made.wirings:
        return ((),) * count
    step_of = {place: step for step, place in enumerate(made.places)}
    return tuple(
        tuple(
            binding_of(parameter, source, reasons_of(wiring).get(number, BY_TYPE), step_of)
            for number, (parameter, source) in enumerate(
                zip(reading.parameters or (), sources_of(wiring))
            )
        )
        for reading, wiring in zip(made.readings, made.wirings)
    )


def provided_by(made: Provenance, stages: Sequence[Declaration]) -> Tuple[Tuple[object, ...], ...]:
    """Return for each step the keys that it provides."""
    if made.readings:
        return tuple(tuple(key for key, _ in reading.provides) for reading in made.readings)
    read = Reader().read
    return tuple(tuple(key for key, _ in read(stage).provides) for stage in stages)


def edges_of(made: Provenance, parents: Sequence[Sequence[int]]) -> Tuple[Edge, ...]:
    """Return each edge once: a data edge where a value is passed, else an order edge."""
    found: List[Edge] = []
    for after, bindings in enumerate(bindings_of(made, len(parents))):
        reasons: Dict[int, str] = {}
        for binding in bindings:
            for before in binding.providers:
                reason = data_reason(binding.parameter, binding.key, binding.reason)
                reasons.setdefault(before, reason)
        for before in parents[after]:
            if before in reasons:
                found.append(Edge(before, after, DATA, reasons[before]))
            else:
                found.append(Edge(before, after, ORDER, "depends_on"))
    return tuple(sorted(found, key=lambda edge: (edge.before, edge.after)))


def data_reason(parameter: str, key: object, chosen: str) -> str:
    """Return why there is a data edge."""
    text = "" if key is None else f": {describe(key)}"
    why = f", {chosen}" if chosen in AMONG_SEVERAL else ""
    return f"parameter `{parameter}{text}`{why}"
