"""What the function that undoes a stage is called with: decided with the stage, over its slots."""

from __future__ import annotations

from typing import Any, Sequence, Set, Tuple

from stagekit._base.keys import UnionOf
from stagekit._base.problem import Problem
from stagekit._base.record import Record
from stagekit._base.refs import From
from stagekit._declare.declaration import Declaration
from stagekit._declare.options import DEFAULTS
from stagekit._plan import problems, problems_policy
from stagekit._plan.resolve import Resolver
from stagekit._plan.signature_data import Parameter, Reading
from stagekit._plan.wiring import OMIT, Wiring, order_of, stages_in

TYPE_CHECKING = False
if TYPE_CHECKING:
    from stagekit._plan.wiring import Source


class Undo(Record):
    """A function that undoes a stage, and what fills its parameters."""

    __slots__ = ("fn", "reading", "parameters", "sources")

    def __init__(
        self,
        fn: Any,  # Any: whatever was declared
        reading: Reading,
        parameters: Tuple[Parameter, ...],
        sources: Tuple[Source, ...],
    ) -> None:
        self.fn = fn
        self.reading = reading
        self.parameters = parameters
        self.sources = sources


def wire_managed(
    resolver: Resolver, place: int, stage: Declaration, reading: Reading, order: Tuple[int, ...]
) -> None:
    """Resolve what only stages with a policy have."""
    if reading.has_each and (reading.is_resource or reading.promise > 1):
        told = problems_policy.each_of_resource
        if not reading.is_resource:
            told = problems_policy.each_of_tuple
        resolver.report(place, told(stage))
    managed = stage.options.policy
    if managed is None or managed.undo is None:
        return
    resolver.undos[place], needed = wire_undo(resolver, place, managed.undo, order)
    wiring = resolver.wirings[place]
    after = tuple(dict.fromkeys((*order_of(wiring), *needed)))
    if isinstance(wiring, Wiring):
        resolver.wirings[place] = Wiring(after, wiring.sources, wiring.soft, wiring.instead)
    else:
        resolver.wirings[place] = after


def wire_undo(
    resolver: Resolver, place: int, undo: Any, order: Tuple[int, ...]
) -> Tuple[Undo, Tuple[int, ...]]:
    """Resolve the parameters of *undo*; return it, and the stages that it needs besides its own."""
    stage = resolver.stages[place]
    declaration = Declaration(undo, stage.id, (), DEFAULTS, None)
    reading = resolver.reader.read(declaration)
    before = len(resolver.problems.get(place, ()))
    if reading.is_resource or reading.support is not None:
        why = reading.support or "it is a generator function; undo needs one that returns"
        resolver.report(place, _told(problems.unsupported(declaration, why), declaration))
        return Undo(undo, reading, (), ()), ()
    parameters = resolver.reader.parameters(declaration, reading)
    sources = tuple(
        [_source(resolver, place, declaration, parameter, order) for parameter in parameters]
    )
    found = resolver.problems.get(place, [])
    found[before:] = [_told(problem, declaration) for problem in found[before:]]
    needed = dict.fromkeys(other for source in sources for other in stages_in(source))
    needed.pop(place, None)
    return Undo(undo, reading, parameters, sources), tuple(needed)


def _told(problem: Problem, declaration: Declaration) -> Problem:
    return problems_policy.of_undo(problem, declaration)


def _source(
    resolver: Resolver,
    place: int,
    declaration: Declaration,
    parameter: Parameter,
    order: Tuple[int, ...],
) -> Source:
    """Return what fills one parameter: what the stage returned, where it takes that, first."""
    marker = parameter.marker
    if parameter.fault is None:
        if marker is not None and marker.is_each:
            resolver.report(place, problems_policy.each_of_undo(declaration, parameter))
            return OMIT
        if isinstance(marker, From):
            if resolver.references.find(marker.stage, declaration) == place:
                return place
        else:
            key, own = parameter.key, dict(resolver.readings[place].provides)
            for each in (key, *(key.members if isinstance(key, UnionOf) else ())):
                if each in own:
                    return resolver.as_source((place, own[each]))
    return resolver.source(place, declaration, parameter, order)[0]


def cut_undo(resolver: Resolver, place: int, inside: Set[int]) -> None:
    """Report what the undo of a selected stage needs and the selection leaves out."""
    undo: Undo = resolver.undos[place]
    for parameter, source in zip(undo.parameters, undo.sources):
        lost: Sequence[int] = [
            other
            for other in stages_in(source)
            if other not in inside and other not in resolver.constants
        ]
        if lost:
            problem = problems_policy.undo_left_out(
                resolver.stages[place], parameter, resolver.stages[lost[0]]
            )
            resolver.report(place, problem)
