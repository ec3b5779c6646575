"""Which provider fills which parameter: DESIGN's rules, for all stages, all problems kept."""

from __future__ import annotations

from stagekit._base.keys import UnionOf, is_scalar, may_be_none, members_of
from stagekit._base.problem import Problem
from stagekit._base.refs import Named, OneOf, OptionalRef
from stagekit._declare.context import Arguments, Context, RunInfo
from stagekit._declare.declaration import Declaration
from stagekit._plan.references import Miss, References
from stagekit._plan.signature import Reader
from stagekit._plan.signature_data import EMPTY, TRIVIAL, Parameter, Reading
from stagekit._plan.slots import Slot
from stagekit._plan.wiring import OMIT, Item, Omit, Wiring, waited_for

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Dict, FrozenSet, List, Optional, Sequence, Set, Tuple, Union

    from stagekit._plan.wiring import AnyWiring, Source

    Provider = Tuple[int, Optional[int]]

INJECTABLES: FrozenSet[object] = frozenset((Context, RunInfo, Arguments))
_PER_ATTEMPT = {
    ("stagekit._base.cancel", "CancelToken"),
    ("stagekit._base.progress", "Progress"),
}


def is_per_attempt(key: Any) -> bool:  # Any: a key, which may be a class
    """Tell whether a key is that of an object that every attempt has its own of."""
    return type(key) is type and (key.__module__, key.__name__) in _PER_ATTEMPT


# a stage without parameters is wired by its order edges alone
ALONE: Tuple[int, ...] = ()
UNRESOLVED = Wiring((), (), (), {})


class Resolver:
    """Resolves the stages of one registry snapshot, each once, when asked for."""

    def __init__(
        self,
        stages: Sequence[Declaration],
        given: Dict[object, Slot],
        constants: Dict[int, Slot],
        originals: Optional[Dict[int, Declaration]] = None,
    ) -> None:
        self.stages = stages
        self.given = given
        self.constants = constants  # overridden stages
        self.references = References(stages)
        self.reader = Reader()
        self.readings: List[Reading] = []
        self.providers: Dict[object, List[Provider]] = {}
        self.problems: Dict[int, List[Problem]] = {}
        self.wirings: List[AnyWiring] = [UNRESOLVED] * len(stages)
        self.used: Set[object] = set()
        self.empty: List[Tuple[int, Parameter]] = []  # collections of nothing
        self.managed: Set[int] = set()  # stages that a policy tells something of
        self.undos: Dict[int, Any] = {}  # Any: each an Undo, of a module that plain plans spare
        self.fanout: Any = None  # a Fanout, for the same reason, where a stage takes items
        self._read_all(originals or {})

    def _read_all(self, originals: Dict[int, Declaration]) -> None:
        read, readings, providers = self.reader.read, self.readings, self.providers
        takers: Dict[int, Reading] = {}  # stages that take items, by what tells of which
        for place, stage in enumerate(self.stages):
            cached: Any = stage.cache
            reading = cached if cached is not None else read(stage)
            if place in originals:
                reading = self.reader.read_stand_in(stage, originals[place])
            readings.append(reading)
            if reading is TRIVIAL:
                continue
            if reading.has_each or (place in originals and self._takes_items(originals[place])):
                takers[place] = reading if reading.has_each else read(originals[place])
                continue
            for key, item in reading.provides:
                if key in providers:
                    providers[key].append((place, item))
                else:
                    providers[key] = [(place, item)]
        if takers:
            from stagekit._plan.map_inputs import Fanout

            self.fanout = Fanout(self, takers)

    def _takes_items(self, stage: Declaration) -> bool:
        return self.reader.read(stage).has_each

    def close(self, targets: Optional[Sequence[int]]) -> List[int]:
        """Resolve the targets (None: all) and what they need; return all places, ascending."""
        if targets is None:
            self._resolve_all()
            everything = range(len(self.stages))
            return [place for place in everything if place not in self.constants]
        seen = dict.fromkeys(place for place in targets if place not in self.constants)
        stack = list(seen)
        while stack:
            place = stack.pop()
            self._resolve(place)
            for above in self.stages_of(place):
                if above not in seen and above not in self.constants:
                    seen[above] = None
                    stack.append(above)
        return sorted(seen)

    def _resolve_all(self) -> None:
        """Resolve every stage; stages without parameters that name others plainly in the loop."""
        wirings, find = self.wirings, self.references.find_plain
        for place, (stage, reading) in enumerate(zip(self.stages, self.readings)):
            if reading is TRIVIAL and not self.constants:
                needed = stage.depends_on
                found = find(needed) if needed else ALONE
                if found is not None:
                    wirings[place] = found
                    continue
            self._resolve(place)

    def stages_of(self, place: int) -> Sequence[int]:
        """Return the stages that a resolved stage waits for, without repeats."""
        wiring = self.wirings[place]
        return wiring if type(wiring) is tuple else waited_for(wiring)

    def report(self, place: int, problem: Problem) -> None:
        """Keep a problem of a stage."""
        self.problems.setdefault(place, []).append(problem)

    def _resolve(self, place: int) -> None:
        if self.wirings[place] is not UNRESOLVED or place in self.constants:
            return
        stage, reading = self.stages[place], self.readings[place]
        order = self._order(place, stage) if stage.depends_on else ()
        if reading.support is not None:
            from stagekit._plan.problems import unsupported

            self.report(place, unsupported(stage, reading.support))
            reading.parameters = reading.parameters or ()
        if reading.fault is not None:
            from stagekit._plan.problems import bad_annotation

            self.report(place, bad_annotation(stage, reading.fault, None))
        parameters = reading.parameters
        if parameters is None:
            parameters = self.reader.parameters(stage, reading)
        if parameters:
            self.wirings[place] = self._wire(place, stage, parameters, order)
        else:
            self.wirings[place] = order
        if reading.is_managed:
            self.managed.add(place)
            from stagekit._plan.compensation import wire_managed

            wire_managed(self, place, stage, reading, order)

    def _order(self, place: int, stage: Declaration) -> Tuple[int, ...]:
        find = self.references.find
        found: List[int] = []
        for ref in stage.depends_on:
            if type(ref) in (OptionalRef, OneOf):
                place_of: Union[int, Miss, None] = self.references.find_soft(ref, stage)
            else:
                place_of = find(ref, stage)
            if isinstance(place_of, int):
                if place_of not in self.constants:
                    found.append(place_of)
            elif place_of is not None:
                from stagekit._plan.problems import from_miss

                self.report(place, from_miss(stage, place_of, "depends_on", None))
        return tuple(found) if len(found) < 2 else tuple(dict.fromkeys(found))  # noqa: PLR2004

    def _wire(
        self,
        place: int,
        stage: Declaration,
        parameters: Sequence[Parameter],
        order: Tuple[int, ...],
    ) -> Wiring:
        sources: List[Source] = []
        soft: List[int] = []
        instead: Dict[int, Slot] = {}
        providers = self.providers
        for number, parameter in enumerate(parameters):
            key = parameter.key
            if parameter.marker is None and parameter.default is EMPTY and key in providers:
                found = providers[key]
                if len(found) == 1 and found[0][0] != place and key not in self.given:
                    one, item = found[0]
                    is_plain = item is None and not self.constants
                    sources.append(one if is_plain else self.as_source(found[0]))
                    continue
            source, is_soft = self.source(place, stage, parameter, order)
            if is_soft:
                soft.append(number)
            if self.given and not isinstance(source, (Slot, Omit)):
                slot = self._given_for(place, parameter)
                if slot is not None:
                    instead[number] = slot
            sources.append(source)
        return Wiring(order, tuple(sources), tuple(soft), instead)

    def _given_for(self, place: int, parameter: Parameter) -> Optional[Slot]:
        key = parameter.key
        if parameter.marker is not None and parameter.marker.is_each:
            depth = self.fanout.depths.get(place, 1)
            lists = self.fanout.keys(parameter, depth)
            return next((self.given[each] for each in lists if each in self.given), None)
        if isinstance(key, UnionOf) and key not in self.given:
            return next((self.given[m] for m in key.members if m in self.given), None)
        return self.given.get(key)

    def source(
        self, place: int, stage: Declaration, parameter: Parameter, order: Tuple[int, ...]
    ) -> Tuple[Source, bool]:
        """Return what fills one parameter, and whether it can do without."""
        marker = parameter.marker
        if parameter.fault is not None:
            from stagekit._plan.unmet import report_fault

            return report_fault(self, place, stage, parameter, parameter.fault), False
        if marker is not None and not isinstance(marker, Named):
            from stagekit._plan.marked import source_of

            return source_of(self, place, stage, parameter, order)
        key = parameter.key
        if key is None:  # no annotation, or one that selects nothing: the default
            return OMIT, False
        if self.is_injectable(place, key):
            return self.injectable(place, stage, key), False
        members = members_of(key)
        is_soft = may_be_none(key)
        if marker is None and parameter.default is not EMPTY and all(map(is_scalar, members)):
            return OMIT, False
        keys = (key, *members) if key not in members else members
        candidates = self.candidates(place, keys, order)
        if len(candidates) == 1:
            return candidates[0], is_soft
        from stagekit._plan.unmet import report_many, without

        if candidates:
            return report_many(self, place, stage, parameter, candidates), is_soft
        return without(self, place, stage, parameter), is_soft

    def injectable(self, place: int, stage: Declaration, key: object) -> Slot:
        """Return the slot of a key that runs provide themselves; a ``Context`` knows who asks."""
        if key is not Context:
            return Slot("injectable", key)
        is_stage = stage is self.stages[place]  # else it is what undoes it
        return Slot("injectable", key, (stage.id,) if is_stage else (stage.id, "undo"))

    def is_injectable(self, place: int, key: object) -> bool:
        """Tell whether runs provide a key themselves, and take down that this one is used."""
        if key in INJECTABLES:
            self.used.add(key)
            return True
        if not is_per_attempt(key):
            return False
        self.managed.add(place)
        return True

    def candidates(
        self, place: int, keys: Sequence[object], order: Tuple[int, ...]
    ) -> List[Source]:
        """Return the providers of any of *keys*: one where ``depends_on`` picks one."""
        pairs = [pair for key in keys for pair in self.providers.get(key, ())]
        if len(pairs) > 1:
            pairs = [pair for pair in pairs if pair[0] != place] or pairs
        if len(pairs) > 1:
            near = [pair for pair in pairs if pair[0] in order]
            pairs = near if len(near) == 1 else pairs
        sources: List[Source] = [self.as_source(pair) for pair in pairs]
        given = [self.given[key] for key in keys if key in self.given]
        if given and (not pairs or [p for p, _ in pairs] == [place]):
            sources = list(given)
        elif len(keys) > 1:  # a union: a given member beside another that a stage provides
            sources += [self.given[key] for key in keys if self._is_given_only(key)]
        self.used.update(s.key for s in sources if isinstance(s, Slot) and s.kind == "given")
        return sources

    def _is_given_only(self, key: object) -> bool:
        return key in self.given and key not in self.providers

    def as_source(self, pair: Provider) -> Source:
        """Return a provider as a source: a stage, an item of its tuple, or what stands in."""
        stage, item = pair
        constant = self.constants.get(stage)
        if constant is not None:
            from stagekit._plan.overrides import part_of

            return part_of(constant, item, self.readings[stage].promise)
        return stage if item is None else Item(stage, item)
