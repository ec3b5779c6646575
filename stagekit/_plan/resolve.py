"""Which provider fills which parameter: DESIGN's rules, for all stages, all problems kept."""

from __future__ import annotations

from typing import Any, Dict, FrozenSet, List, NamedTuple, Optional, Sequence, Set, Tuple, Union

from stagekit._base.keys import NoneType, Parametrised, UnionOf, is_scalar
from stagekit._base.problem import Code, Problem
from stagekit._base.refs import Collect, From, OneOf, OptionalRef
from stagekit._declare.context import Arguments, Context, RunInfo
from stagekit._declare.stage import Declaration
from stagekit._plan.refer import Miss, References
from stagekit._plan.signature import EMPTY, TRIVIAL, Fault, Parameter, Reader, Reading
from stagekit._plan.slots import Slot

__all__ = ["AnyWiring", "Gather", "Item", "Omit", "Resolver", "Source", "Wiring", "sources_of"]

INJECTABLES: FrozenSet[object] = frozenset((Context, RunInfo, Arguments))
Provider = Tuple[int, Optional[int]]


class Item(NamedTuple):
    """One item of the tuple that a stage returns."""

    stage: int
    item: int


class Gather(NamedTuple):
    """The values of every provider, as a list or a tuple."""

    parts: Tuple[Union[int, Item, Slot], ...]
    kind: str


class Omit(NamedTuple):
    """The parameter falls back on its default."""


OMIT = Omit()
Source = Union[int, Item, Slot, Gather, Omit]


NOTHING_GIVEN: Dict[int, Slot] = {}


class Wiring:
    """What one stage waits for and what fills its parameters; places of stages, not steps."""

    __slots__ = ("instead", "order", "sources", "soft")

    def __init__(self, order: Tuple[int, ...], sources: Tuple[Source, ...], soft: Tuple[int, ...],
                 instead: Dict[int, Slot]) -> None:  # fmt: skip
        self.order = order
        self.sources = sources
        self.soft = soft  # parameters that can do without the value of their stage
        self.instead = (
            instead or NOTHING_GIVEN
        )  # parameter -> given value, should its stage be left out


def sources_of(wiring: AnyWiring) -> Tuple[Source, ...]:
    """Return what fills the parameters of a stage."""
    return wiring.sources if isinstance(wiring, Wiring) else ()


def order_of(wiring: AnyWiring) -> Tuple[int, ...]:
    """Return the stages named in ``depends_on``."""
    return wiring.order if isinstance(wiring, Wiring) else wiring


# a stage without parameters is wired by its order edges alone
AnyWiring = Union[Tuple[int, ...], Wiring]
ALONE: Tuple[int, ...] = ()
UNRESOLVED = Wiring((), (), (), NOTHING_GIVEN)


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
        self.general: List[Problem] = []  # of the request as a whole
        self._read_all(originals or {})
        self._check_constants()

    def _read_all(self, originals: Dict[int, Declaration]) -> None:
        read, readings, providers = self.reader.read, self.readings, self.providers
        for place, stage in enumerate(self.stages):
            cached: Any = stage.cache
            reading = cached if cached is not None else read(stage)
            if place in originals:
                reading = self.reader.read_stand_in(stage, originals[place])
            readings.append(reading)
            if reading is TRIVIAL:
                continue
            for key, item in reading.provides:
                if key in providers:
                    providers[key].append((place, item))
                else:
                    providers[key] = [(place, item)]

    def _check_constants(self) -> None:
        for place, slot in self.constants.items():
            promise = self.readings[place].promise
            if promise > 1 and not _has_items(slot.value, promise):
                from stagekit._plan.problems import bad_override

                self.general.append(bad_override(self.stages[place], slot.value, promise))

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
        if type(wiring) is tuple:
            return wiring
        assert isinstance(wiring, Wiring)  # noqa: S101 - the other kind
        found = dict.fromkeys(wiring.order)
        for source in wiring.sources:
            if isinstance(source, int):
                found[source] = None
            elif isinstance(source, Item):
                found[source.stage] = None
            elif isinstance(source, Gather):
                for part in source.parts:
                    if not isinstance(part, Slot):
                        found[part if isinstance(part, int) else part.stage] = None
        return list(found)

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

    def _order(self, place: int, stage: Declaration) -> Tuple[int, ...]:
        find = self.references.find
        found: List[int] = []
        for ref in stage.depends_on:
            if type(ref) in (OptionalRef, OneOf):
                place_of: Union[int, Miss, None] = self._soft_order(stage, ref)
            else:
                place_of = find(ref, stage.module if type(ref) is str else None)
            if isinstance(place_of, int):
                if place_of not in self.constants:
                    found.append(place_of)
            elif place_of is not None:
                from stagekit._plan.problems import from_miss

                self.report(place, from_miss(stage, place_of, "depends_on", None))
        return tuple(found) if len(found) < 2 else tuple(dict.fromkeys(found))  # noqa: PLR2004

    def _soft_order(self, stage: Declaration, ref: Any) -> Union[int, Miss, None]:
        """Resolve ``optional`` (None where it is absent) and ``one_of`` (the first that exists)."""
        find, module = self.references.find, stage.module
        if isinstance(ref, OptionalRef):
            found = find(ref.stage, module)
            is_absent = isinstance(found, Miss) and found.code is Code.UNKNOWN_STAGE
            return None if is_absent else found
        misses: List[Miss] = []
        for each in ref.stages:
            found = find(each, module)
            if isinstance(found, int):
                return found
            misses.append(found)
        return misses[0]._replace(message="none of one_of exists: " + misses[0].message)

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
                    sources.append(one if is_plain else self._as_source(found[0]))
                    continue
            source, is_soft = self._source(place, stage, parameter, order)
            if is_soft:
                soft.append(number)
            if self.given and not isinstance(source, (Slot, Omit)):
                slot = self._given_for(parameter)
                if slot is not None:
                    instead[number] = slot
            sources.append(source)
        return Wiring(order, tuple(sources), tuple(soft), instead)

    def _given_for(self, parameter: Parameter) -> Optional[Slot]:
        key = parameter.key
        if isinstance(key, UnionOf) and key not in self.given:
            return next((self.given[m] for m in key.members if m in self.given), None)
        return self.given.get(key)

    def _source(
        self, place: int, stage: Declaration, parameter: Parameter, order: Tuple[int, ...]
    ) -> Tuple[Source, bool]:
        """Return what fills one parameter, and whether it can do without."""
        marker = parameter.marker
        if parameter.fault is not None:
            self._report_fault(place, stage, parameter, parameter.fault)
            return OMIT, False
        if isinstance(marker, From):
            return self._from(place, stage, parameter, marker), _has_none(parameter.key)
        if isinstance(marker, Collect):
            return self._gather(place, parameter.key), True
        key = parameter.key
        if key is None:  # no annotation, or one that selects nothing: the default
            return OMIT, False
        if key in INJECTABLES:
            self.used.add(key)
            return Slot("injectable", key), False
        members = _members(key)
        is_soft = _has_none(key)
        if marker is None and parameter.default is not EMPTY and all(map(is_scalar, members)):
            return OMIT, False
        found = self._candidates(place, (key, *members) if key not in members else members, order)
        if len(found) == 1:
            return found[0], is_soft
        return self._none_or_many(place, stage, parameter, found), is_soft

    def _none_or_many(
        self, place: int, stage: Declaration, parameter: Parameter, found: List[Source]
    ) -> Source:
        from stagekit._plan import problems

        if found:
            many = [self.stages[p] for p in _places(found)]
            given = [s.key for s in found if isinstance(s, Slot) and s.kind == "given"]
            self.report(place, problems.ambiguous(stage, parameter, many, given))
            return OMIT
        injectable = [member for member in _members(parameter.key) if member in INJECTABLES]
        if injectable:
            return Slot("injectable", injectable[0])
        if parameter.default is not EMPTY:
            return OMIT
        if _has_none(parameter.key):
            return Slot("none", parameter.key)
        provided = {
            key: [self.stages[p] for p, _ in pairs if p != place]
            for key, pairs in self.providers.items()
        }
        provided = {key: stages for key, stages in provided.items() if stages}
        self.report(place, problems.missing(stage, parameter, provided, tuple(self.given)))
        return OMIT

    def _report_fault(
        self, place: int, stage: Declaration, parameter: Parameter, fault: Fault
    ) -> None:
        from stagekit._plan import problems

        if fault.kind == "bare":
            self.report(place, problems.bare_parameter(stage, parameter))
        else:
            self.report(place, problems.bad_annotation(stage, fault, parameter.name))

    def _candidates(
        self, place: int, keys: Sequence[object], order: Tuple[int, ...]
    ) -> List[Source]:
        """Return the providers of any of *keys*: one where ``depends_on`` picks one."""
        pairs = [pair for key in keys for pair in self.providers.get(key, ())]
        if len(pairs) > 1:
            pairs = [pair for pair in pairs if pair[0] != place] or pairs
        if len(pairs) > 1:
            near = [pair for pair in pairs if pair[0] in order]
            pairs = near if len(near) == 1 else pairs
        sources: List[Source] = [self._as_source(pair) for pair in pairs]
        given = [self.given[key] for key in keys if key in self.given]
        if given and (not pairs or [p for p, _ in pairs] == [place]):
            sources = list(given)
        elif len(keys) > 1:  # a union: a given member beside another that a stage provides
            sources += [self.given[key] for key in keys if self._is_given_only(key)]
        self.used.update(s.key for s in sources if isinstance(s, Slot) and s.kind == "given")
        return sources

    def _is_given_only(self, key: object) -> bool:
        return key in self.given and key not in self.providers

    def _as_source(self, pair: Provider) -> Source:
        stage, item = pair
        constant = self.constants.get(stage)
        if constant is not None:
            is_whole = item is None or not _has_items(constant.value, self.readings[stage].promise)
            return constant if is_whole else Slot("value", constant.key, constant.value[item])
        return stage if item is None else Item(stage, item)

    def _gather(self, place: int, key: object) -> Source:
        assert isinstance(key, Parametrised)  # noqa: S101 - checked when the annotation was read
        element = key.args[0]
        parts: List[Any] = []
        if element in self.given:
            self.used.add(element)
            parts.append(self.given[element])
        parts += [
            self._as_source(pair) for pair in self.providers.get(element, ()) if pair[0] != place
        ]
        return Gather(tuple(parts), "tuple" if key.origin is tuple else "list")

    def _from(self, place: int, stage: Declaration, parameter: Parameter, marker: From) -> Source:
        from stagekit._plan import problems

        found = self.references.find(marker.stage, stage.module)
        if isinstance(found, Miss):
            where = f"From of parameter `{parameter.name}`"
            self.report(place, problems.from_miss(stage, found, where, parameter.name))
            return OMIT
        reading = self.readings[found]
        key = parameter.key
        if key is not None:
            items = [item for got, item in reading.provides if item is not None and _fits(key, got)]
            if len(items) == 1 and not _fits(key, reading.returns):
                return self._as_source((found, items[0]))
            got = reading.returns
            if got is None and reading.provides and reading.provides[0][1] is None:
                got = reading.provides[0][0]
            mismatch = _mismatch(key, got, reading)
            if mismatch is not None and not any(
                _fits(key, k) for k, i in reading.provides if i is None
            ):
                source = self.stages[found]
                self.report(place, problems.type_mismatch(stage, parameter, source, mismatch))
        return self._as_source((found, None))


def _has_items(value: object, promise: int) -> bool:
    """Tell whether a constant can stand in for a stage that returns a tuple of *promise* values."""
    return isinstance(value, tuple) and len(value) == promise  # pyright: ignore[reportUnknownArgumentType]


def _places(found: Sequence[Source]) -> List[int]:
    return [
        source if isinstance(source, int) else source.stage
        for source in found
        if isinstance(source, (int, Item))
    ]


def _members(key: object) -> Tuple[object, ...]:
    if isinstance(key, UnionOf):
        return tuple(member for member in key.members if member is not NoneType)
    return (key,)


def _has_none(key: object) -> bool:
    return isinstance(key, UnionOf) and NoneType in key.members


def _fits(key: object, got: object) -> bool:
    """Tell whether a value of type *got* may stand where *key* is asked for by ``From``."""
    if key == got:
        return True
    if isinstance(key, UnionOf):
        wanted = set(key.members)
        if isinstance(got, UnionOf):
            return all(any(_fits(k, g) for k in wanted) for g in got.members)
        return any(_fits(member, got) for member in wanted)
    if isinstance(key, type):
        base = got.origin if isinstance(got, Parametrised) else got
        return key in getattr(base, "__mro__", ())
    return False


def _mismatch(key: object, got: object, reading: Reading) -> Optional[str]:
    """Return what the stage returns instead of *key*, or None where that cannot be said."""
    from stagekit._base.keys import describe

    if got is None:
        return "returns nothing" if reading.returns_none else None
    return None if _fits(key, got) else f"returns `{describe(got)}`"
