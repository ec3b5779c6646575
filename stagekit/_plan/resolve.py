"""Which provider fills which parameter: DESIGN's rules, for all stages, all problems kept."""

from __future__ import annotations

from stagekit._base.keys import UnionOf
from stagekit._base.problem import Problem
from stagekit._base.refs import OneOf, OptionalRef
from stagekit._plan.index import Consumer, Lack, ProviderIndex, is_per_attempt
from stagekit._plan.references import Miss, References
from stagekit._plan.signature import Reader
from stagekit._plan.signature_data import EMPTY, TRIVIAL
from stagekit._plan.slots import BY_TYPE, INJECTABLE, Slot
from stagekit._plan.sources import may_repeat, repeated, source_of, without_provider
from stagekit._plan.wiring import (
    ALL_BY_TYPE,
    NOTHING_GIVEN,
    OMIT,
    Chosen,
    Gather,
    Item,
    Omit,
    Unfit,
    Wiring,
    order_of,
    stages_in,
    waited_for,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import AbstractSet, Any, Dict, List, Optional, Sequence, Set, Tuple, Union

    from stagekit._declare.declaration import Declaration
    from stagekit._plan.compensation import Undo
    from stagekit._plan.index import Provider
    from stagekit._plan.problems import Left
    from stagekit._plan.select import Ways
    from stagekit._plan.signature_data import Parameter, Reading
    from stagekit._plan.wiring import AnyWiring, Source

# a stage without parameters is wired by its order edges alone
ALONE: Tuple[int, ...] = ()
UNRESOLVED = Wiring((), (), ())


def index_of(
    reader: Reader,
    stages: Sequence[Declaration],
    given: Dict[object, Slot],
    constants: Dict[int, Slot],
    originals: Dict[int, Declaration],
) -> ProviderIndex:
    """Return who provides what among *stages*.

    Args:
        reader: reads their functions.
        stages: the declarations, those that stand in for others in their places.
        given: by key, the slot of a value that the caller gives.
        constants: by place, the slot of the value that stands in for a stage.
        originals: by place, the declaration that another one stands in for.
    """
    read = reader.read
    readings: List[Reading] = []
    providers: Dict[object, Sequence[Provider]] = {}
    takers: Dict[int, Reading] = {}  # stages that take items, by what tells of which
    for place, stage in enumerate(stages):
        cached: Any = stage.cache
        reading = cached if cached is not None else read(stage)
        if place in originals:
            reading = reader.read_stand_in(stage, originals[place])
        readings.append(reading)
        if reading is TRIVIAL:
            continue
        if reading.has_each or (place in originals and read(originals[place]).has_each):
            takers[place] = reading if reading.has_each else read(originals[place])
            continue
        for key, item in reading.provides:
            known = providers.get(key)
            if known is None:
                providers[key] = ((place, item),)  # most have one, and numbers cost no collection
            elif isinstance(known, list):
                known.append((place, item))
            else:
                providers[key] = [*known, (place, item)]
    named = References(stages)
    index = ProviderIndex(stages, given, constants, named, readings, providers, None, {})
    if takers:
        from stagekit._plan.map_inputs import with_nesting

        return with_nesting(index, takers)
    return index


class Resolver:
    """Resolves the stages of one registry snapshot, each once, when asked for.

    Attributes:
        index: who provides what.
        wirings: by place, what a stage waits for, and what fills its parameters.
        problems: by place, what is wrong with a stage.
        undos: by place, what undoes a stage.
        with_policy: the places of stages that a policy tells something of.
        empty: collections of nothing: the place of the stage, and its parameter.
        breakable: place and number of parameters that take part in a cycle, and can be set.
    """

    def __init__(self, index: ProviderIndex, reader: Reader) -> None:
        self.index = index
        self._reader = reader
        self.wirings: List[AnyWiring] = [UNRESOLVED] * len(index.stages)
        self.problems: Dict[int, List[Union[Problem, Lack]]] = {}
        self.undos: Dict[int, Undo] = {}
        self.with_policy: Set[int] = set()
        self.empty: List[Tuple[int, Parameter]] = []
        self.breakable: Set[Tuple[int, int]] = set()

    def close(self, targets: Optional[Sequence[int]]) -> List[int]:
        """Resolve the targets (None: all) and what they need; return all places, ascending."""
        constants = self.index.constants
        if targets is None:
            self.resolve_all()
            everything = range(len(self.wirings))
            return [place for place in everything if place not in constants]
        seen = dict.fromkeys(place for place in targets if place not in constants)
        stack = list(seen)
        while stack:
            place = stack.pop()
            self._resolve(place)
            for above in self.stages_of(place):
                if above not in seen and above not in constants:
                    seen[above] = None
                    stack.append(above)
        return sorted(seen)

    def keep(self, places: AbstractSet[int], ways: Ways) -> None:
        """Take all other stages from the wirings of these; report what they need of the others."""
        for place in sorted(places):
            self._cut(place, places, ways)

    def read_parameters(self, place: int) -> Sequence[Parameter]:
        """Return the parameters of a stage, whether it is resolved or not."""
        reading = self.index.readings[place]
        if reading.parameters is None and reading.support is None:
            return self._reader.parameters(self.index.stages[place], reading)
        return reading.parameters or ()

    def stages_of(self, place: int) -> Sequence[int]:
        """Return the stages that a resolved stage waits for, without repeats."""
        wiring = self.wirings[place]
        return wiring if type(wiring) is tuple else waited_for(wiring)

    def resolve_all(self) -> None:
        """Resolve every stage; stages without parameters that name others plainly in the loop."""
        index = self.index
        wirings, find, constants = self.wirings, index.references.find_plain, index.constants
        for place, (stage, reading) in enumerate(zip(index.stages, index.readings)):
            if reading is TRIVIAL and not constants:
                needed = stage.depends_on
                found = find(needed) if needed else ALONE
                if found is not None:
                    wirings[place] = found
                    continue
            self._resolve(place)

    def release(self, place: int, number: int, parameter: Parameter) -> None:
        """Have a parameter do without a stage: it takes its default, None, or has to be set."""
        stage, wiring = self.index.stages[place], self.wirings[place]
        found = without_provider(Consumer(place, stage, order_of(wiring)), parameter)
        self.fill(place, number, OMIT if isinstance(found, Lack) else found)
        if isinstance(found, Lack):
            self._report(place, found)

    def fill(self, place: int, number: int, source: Any, reason: str = BY_TYPE) -> None:
        """Have something else fill a parameter, of which nothing is lacking any more."""
        parameters, wiring = self.read_parameters(place), self.wirings[place]
        parameter = parameters[number]
        assert isinstance(wiring, Wiring)  # noqa: S101 - it has parameters
        instead = self._given_for(place, parameter) if isinstance(source, (int, Item)) else None
        filled = self.wirings[place] = wiring.filled(number, source, reason, instead)
        told = self.problems.get(place, [])
        told[:] = [
            each
            for each in told
            if not isinstance(each, Lack)
            or each.consumer.is_undo
            or not (each.parameter is parameter or each.filled)
        ]
        consumer = Consumer(place, self.index.stages[place], order_of(wiring))
        for lack in repeated(consumer, parameters, filled.sources):
            self._report(place, lack)

    def _report(self, place: int, problem: Union[Problem, Lack]) -> None:
        self.problems.setdefault(place, []).append(problem)

    def _resolve(self, place: int) -> None:
        index = self.index
        if self.wirings[place] is not UNRESOLVED or place in index.constants:
            return
        stage, reading = index.stages[place], index.readings[place]
        order = self._order(place, stage) if stage.depends_on else ()
        if reading.support is not None:
            from stagekit._plan.problems import unsupported

            self._report(place, unsupported(stage, reading.support))
            reading.parameters = reading.parameters or ()
        if reading.fault is not None:
            from stagekit._plan.problems import bad_annotation

            self._report(place, bad_annotation(stage, reading.fault, None))
        parameters = reading.parameters
        if parameters is None:
            parameters = self._reader.parameters(stage, reading)
        if parameters:
            self.wirings[place] = self._wire(place, stage, order, parameters)
        else:
            self.wirings[place] = order
        if reading.has_policy:
            self._resolve_policy(place, stage, reading, order)

    def _order(self, place: int, stage: Declaration) -> Tuple[int, ...]:
        references, constants = self.index.references, self.index.constants
        found: List[int] = []
        for ref in stage.depends_on:
            if type(ref) in (OptionalRef, OneOf):
                place_of: Union[int, Miss, None] = references.find_soft(ref, stage)
            else:
                place_of = references.find(ref, stage)
            if isinstance(place_of, int):
                if place_of not in constants:
                    found.append(place_of)
            elif place_of is not None:
                from stagekit._plan.problems import from_miss

                self._report(place, from_miss(stage, place_of, "depends_on", None))
        return tuple(found) if len(found) < 2 else tuple(dict.fromkeys(found))  # noqa: PLR2004

    def _wire(
        self,
        place: int,
        stage: Declaration,
        order: Tuple[int, ...],
        parameters: Sequence[Parameter],
    ) -> Wiring:
        index = self.index
        providers, given = index.providers, index.given
        sources: List[Source] = []
        soft: Tuple[int, ...] = ()
        instead: Optional[Dict[int, Slot]] = None
        reasons: Optional[Dict[int, str]] = None
        consumer: Optional[Consumer] = None
        for number, parameter in enumerate(parameters):
            key = parameter.key
            if parameter.marker is None and parameter.default is EMPTY and key in providers:
                found = providers[key]
                if len(found) == 1 and found[0][0] != place and key not in given:
                    one, item = found[0]
                    is_plain = item is None and not index.constants
                    sources.append(one if is_plain else index.source(found[0]))
                    continue
            consumer = consumer or Consumer(place, stage, order)
            source, is_soft = self._source(consumer, parameter)
            if isinstance(source, Chosen):
                reasons = {} if reasons is None else reasons
                reasons[number] = source.reason
                source = source.source
            if is_soft:
                soft += (number,)
            if given and not isinstance(source, (Slot, Omit)):
                slot = self._given_for(place, parameter)
                if slot is not None:
                    instead = {} if instead is None else instead
                    instead[number] = slot
            sources.append(source)
        if len(sources) > 1 and may_repeat(sources):
            consumer = consumer or Consumer(place, stage, order)
            for lack in repeated(consumer, parameters, sources):
                self._report(place, lack)
        rest = (instead or NOTHING_GIVEN, reasons or ALL_BY_TYPE)
        return Wiring(order, tuple(sources), soft, *rest)

    def _source(
        self, consumer: Consumer, parameter: Parameter
    ) -> Tuple[Union[Source, Chosen], bool]:
        """Return what fills a parameter, and whether it can do without; keep what is wrong."""
        place = consumer.place
        found, is_soft = source_of(self.index, consumer, parameter)
        if isinstance(found, Unfit):
            self._report(place, found.problem)
            return found.source, is_soft
        if isinstance(found, (Problem, Lack)):
            self._report(place, found)
            return OMIT, is_soft
        if isinstance(found, Gather) and not found.parts:
            self.empty.append((place, parameter))
        elif isinstance(found, Slot) and found.kind == INJECTABLE and is_per_attempt(found.key):
            self.with_policy.add(place)
        return found, is_soft

    def _given_for(self, place: int, parameter: Parameter) -> Optional[Slot]:
        """Return the given value that stands in, should a selection leave out the stage."""
        key, given, nesting = parameter.key, self.index.given, self.index.nesting
        if nesting is not None and parameter.takes_items:
            lists = nesting.keys(place, parameter)
            return next((given[each] for each in lists if each in given), None)
        if isinstance(key, UnionOf) and key not in given:
            return next((given[m] for m in key.members if m in given), None)
        return given.get(key)

    def _resolve_policy(
        self, place: int, stage: Declaration, reading: Reading, order: Tuple[int, ...]
    ) -> None:
        """Resolve what only stages with a policy have."""
        self.with_policy.add(place)
        if reading.has_each:
            from stagekit._plan.map_inputs import mistake_of

            mistake = mistake_of(stage, reading)
            if mistake is not None:
                self._report(place, mistake)
        policy = stage.options.policy
        if policy is None or policy.undo is None:
            return
        from stagekit._plan.compensation import undo_of

        undo, wrong = undo_of(self.index, self._reader, place, policy.undo, order)
        self.undos[place] = undo
        for problem in wrong:
            self._report(place, problem)
        wiring = self.wirings[place]
        needed = [other for other in undo.stages() if other != place]
        after = tuple(dict.fromkeys((*order_of(wiring), *needed)))
        self.wirings[place] = wiring.after(after) if isinstance(wiring, Wiring) else after

    def _left(
        self, place: int, parameter: Parameter, lost: int, inside: AbstractSet[int], ways: Ways
    ) -> Left:
        """Return what hears of a stage that a selection parts from one that needs it."""
        from stagekit._plan.problems import Left

        index, key = self.index, parameter.key
        if index.nesting is not None and parameter.takes_items:
            own = [each for each, _ in index.readings[lost].provides]
            key = next((each for each in index.nesting.keys(place, parameter) if each in own), None)
        keys = key.members if isinstance(key, UnionOf) else (key,)
        planned = [each for k in keys for each, _ in index.providers.get(k, ()) if each in inside]
        notes, fixes = ways.of(place, lost)
        undo = self.undos.get(place)  # it takes no given value
        can_be_given = key is not None and not (planned or (undo and lost in undo.stages()))
        return Left(index.stages[lost], key, notes, fixes, can_be_given=can_be_given)

    def _cut(self, place: int, inside: AbstractSet[int], ways: Ways) -> None:
        index, wiring, undo = self.index, self.wirings[place], self.undos.get(place)
        order = tuple(p for p in order_of(wiring) if p in inside)
        if undo is not None:
            from stagekit._plan.compensation import left_out_of

            for problem in left_out_of(index, place, undo, inside, ways):
                self._report(place, problem)
        if not isinstance(wiring, Wiring):
            self.wirings[place] = order
            return
        parameters = index.readings[place].parameters or ()
        sources: List[Source] = []
        for number, source in enumerate(wiring.sources):
            lost = [p for p in stages_in(source) if p not in inside and p not in index.constants]
            if lost and number in wiring.instead:
                source = wiring.instead[number]  # noqa: PLW2901
            elif lost:
                from stagekit._plan.problems import left_out

                left = self._left(place, parameters[number], lost[0], inside, ways)
                self._report(place, left_out(index.stages[place], parameters[number], left))
            sources.append(source)
        soft, instead, reasons = wiring.soft, wiring.instead, wiring.reasons
        self.wirings[place] = Wiring(order, tuple(sources), soft, instead, reasons)
