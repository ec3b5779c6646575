"""What the function that undoes a stage is called with: decided with the stage, over its slots."""

from __future__ import annotations

from typing import AbstractSet, Any, List, Sequence, Tuple, Union

from stagekit._base.keys import UnionOf
from stagekit._base.problem import Problem
from stagekit._base.record import Record
from stagekit._base.refs import From
from stagekit._declare.declaration import Declaration
from stagekit._declare.options import DEFAULTS
from stagekit._plan import problems, problems_policy
from stagekit._plan.index import Consumer, Lack, ProviderIndex
from stagekit._plan.signature import Reader
from stagekit._plan.signature_data import Parameter, Reading
from stagekit._plan.sources import may_repeat, repeated, source_of
from stagekit._plan.wiring import OMIT, Chosen, Unfit, stages_in

TYPE_CHECKING = False
if TYPE_CHECKING:
    from stagekit._plan.select import Ways
    from stagekit._plan.wiring import Source


class Undo(Record):
    """A function that undoes a stage, and what fills its parameters."""

    fn: Any  # Any: whatever was declared
    reading: Reading
    parameters: Tuple[Parameter, ...]
    sources: Tuple[Source, ...]

    def stages(self) -> Tuple[int, ...]:
        """Return the stages whose values it takes, without repeats."""
        return tuple(dict.fromkeys(place for source in self.sources for place in stages_in(source)))


def undo_of(
    index: ProviderIndex, reader: Reader, place: int, fn: Any, order: Tuple[int, ...]
) -> Tuple[Undo, Sequence[Union[Problem, Lack]]]:
    """Return *fn*, which undoes a stage, with what fills its parameters; and what is wrong."""
    declaration = Declaration(fn, index.stages[place].id, (), DEFAULTS, None)
    reading = reader.read(declaration)
    if reading.is_resource or reading.support is not None:
        why = reading.support or "it is a generator function; undo needs one that returns"
        problem = problems.unsupported(declaration, why)
        return Undo(fn, reading, (), ()), [problems_policy.of_undo(problem, declaration)]
    parameters = reader.parameters(declaration, reading)
    consumer = Consumer(place, declaration, order, is_undo=True)
    sources: List[Source] = []
    wrong: List[Union[Problem, Lack]] = []
    for parameter in parameters:
        found = _source(index, consumer, parameter)
        if isinstance(found, Unfit):
            wrong.append(found.problem)
            found = found.source
        elif isinstance(found, (Problem, Lack)):
            wrong.append(found)
            found = OMIT
        sources.append(found)
    if may_repeat(sources):
        wrong += repeated(consumer, parameters, sources)
    undo = Undo(fn, reading, parameters, tuple(sources))
    return undo, [
        each if isinstance(each, Lack) else problems_policy.of_undo(each, declaration)
        for each in wrong
    ]


def _source(
    index: ProviderIndex, consumer: Consumer, parameter: Parameter
) -> Union[Source, Problem, Lack, Unfit]:
    """Return what fills one parameter: what the stage returned, where it takes that, first."""
    marker, place = parameter.marker, consumer.place
    if parameter.fault is None:
        if parameter.takes_items:
            return problems_policy.each_of_undo(consumer.stage, parameter)
        if isinstance(marker, From):
            if index.references.find(marker.stage, consumer.stage) == place:
                return place
        else:
            key, own = parameter.key, dict(index.readings[place].provides)
            for each in (key, *(key.members if isinstance(key, UnionOf) else ())):
                if each in own:
                    pair = index.called(consumer, parameter.name, each) or (place, own[each])
                    return index.source(pair)
    found = source_of(index, consumer, parameter)[0]
    return found.source if isinstance(found, Chosen) else found


def left_out_of(
    index: ProviderIndex, place: int, undo: Undo, inside: AbstractSet[int], ways: Ways
) -> List[Problem]:
    """Return what the undo of a selected stage needs and the selection leaves out."""
    found: List[Problem] = []
    for parameter, source in zip(undo.parameters, undo.sources):
        lost = [
            other
            for other in stages_in(source)
            if other not in inside and other not in index.constants
        ]
        if lost:
            notes, fixes = ways.of(place, lost[0])
            left = problems.Left(
                index.stages[lost[0]], parameter.key, notes, fixes, can_be_given=False
            )
            found.append(problems_policy.undo_left_out(index.stages[place], parameter, left))
    return found
