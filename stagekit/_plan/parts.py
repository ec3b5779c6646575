"""What only people ask of a plan: bindings and edges with their reasons, made when asked for."""

from __future__ import annotations

from typing import TYPE_CHECKING, Dict, List, Sequence, Tuple

from stagekit._base.keys import describe
from stagekit._plan.resolve import AnyWiring, Gather, Item, Source, order_of, sources_of
from stagekit._plan.slots import Binding, Edge, Slot

if TYPE_CHECKING:
    from stagekit._declare.stage import Declaration
    from stagekit._plan.plan import Plan
    from stagekit._plan.signature import Parameter, Reading

__all__ = ["Parts", "binding_of", "stages_in"]

_KINDS = {"given": "given", "value": "value", "injectable": "injectable", "none": "none"}


def stages_in(source: Source) -> Tuple[int, ...]:
    """Return the stages that a source takes values from."""
    if isinstance(source, Gather):
        return tuple(place for part in source.parts for place in stages_in(part))
    if isinstance(source, Item):
        return (source.stage,)
    return (source,) if isinstance(source, int) else ()


def binding_of(
    parameter: Parameter, source: Source, step_of: Dict[int, int]
) -> Binding:
    """Return one binding, its providers as step numbers."""
    providers = tuple(step_of[place] for place in stages_in(source))
    if isinstance(source, Gather):
        kind = "collect"
    elif isinstance(source, Slot):
        kind = _KINDS[source.kind]
    else:
        kind = "stage" if providers else "default"
    return Binding(parameter.name, parameter.key, kind, providers)


class Parts:
    """The wirings a plan was made from."""

    __slots__ = ("places", "readings", "wirings")

    def __init__(
        self, places: Sequence[int], readings: Sequence[Reading], wirings: Sequence[AnyWiring]
    ) -> None:
        self.places = tuple(places)
        self.readings = tuple(readings)
        self.wirings = tuple(wirings)

    def bindings(self, plan: Plan) -> Tuple[Tuple[Binding, ...], ...]:
        """Return for each step what fills each parameter."""
        step_of = {place: step for step, place in enumerate(self.places)}
        return tuple(
            tuple(
                binding_of(parameter, source, step_of)
                for parameter, source in zip(reading.parameters or (), sources_of(wiring))
            )
            for reading, wiring in zip(self.readings, self.wirings)
        )

    def edges(self, plan: Plan) -> Tuple[Edge, ...]:
        """Return each edge once: a data edge where a value is passed, else an order edge."""
        step_of = {place: step for step, place in enumerate(self.places)}
        found: List[Edge] = []
        for after, bindings in enumerate(self.bindings(plan)):
            reasons: Dict[int, str] = {}
            for binding in bindings:
                for before in binding.providers:
                    reasons.setdefault(before, data_reason(plan.stages[before], binding))
            for before in sorted(reasons):
                found.append(Edge(before, after, "data", reasons[before]))
            for place in order_of(self.wirings[after]):
                before = step_of.get(place, -1)
                if before >= 0 and before not in reasons:
                    reasons[before] = ""
                    found.append(Edge(before, after, "order", "depends_on"))
        return tuple(sorted(found))


def data_reason(before: Declaration, binding: Binding) -> str:
    """Return why there is a data edge."""
    key = "" if binding.key is None else f": {describe(binding.key)}"
    return f"parameter `{binding.parameter}{key}`"
