"""The last step of planning: wirings become index arrays."""

from __future__ import annotations

from types import MappingProxyType

from stagekit._base.problem import Problem
from stagekit._plan.plan import Plan
from stagekit._plan.resolve import Resolver
from stagekit._plan.signature_data import EMPTY, Parameter, Reading
from stagekit._plan.slots import (
    INJECTABLE,
    ITEM,
    NONE,
    PACKED,
    SET,
    SLOT,
    VALUE,
    PackedCall,
    Slot,
    Take,
)
from stagekit._plan.wiring import Gather, Item, Omit, Provenance, Wiring, stages_in

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Callable, Dict, List, Mapping, Sequence, Tuple, Type, TypeVar, Union

    from stagekit._plan.slots import Call
    from stagekit._plan.wiring import AnyWiring, Source

    P = TypeVar("P", bound=Plan)

NOTHING: Mapping[int, Any] = MappingProxyType({})  # of every plan without policies


def assemble(  # noqa: PLR0913, PLR0917 - the results of all steps of planning meet here
    cls: Type[P],
    resolver: Resolver,
    places: Sequence[int],
    above: Sequence[Sequence[int]],
    height: Sequence[int],
    warnings: Tuple[Problem, ...],
    target: str,
    targets: Sequence[int],
) -> P:
    """Return the plan of these stages. *above* and *height* are indexed like *places*."""
    index, count = resolver.index, len(places)
    order = sorted(range(count), key=height.__getitem__, reverse=True)
    numbers = list(range(count))  # every column shares these ints
    step_of = [0] * count
    for step, number in zip(numbers, order):
        step_of[number] = step
    by_place = {places[number]: step for step, number in zip(numbers, order)}
    stages = tuple([index.stages[places[number]] for number in order])
    readings = [index.readings[places[number]] for number in order]
    wirings = [resolver.wirings[places[number]] for number in order]
    parents = _parents(above, order, step_of)
    calls = _Calls(by_place)
    overridden = {
        index.stages[place].id: calls.slot(slot) for place, slot in index.constants.items()
    }
    undos = {
        by_place[place]: resolver.undos[place] for place in resolver.undos if place in by_place
    }
    made = calls.make(stages, readings, wirings, undos)
    policies, per_attempt = NOTHING, NOTHING
    if resolver.with_policy:
        from stagekit._plan.policies import fresh_of, policies_of

        nesting = index.nesting
        depths: Dict[int, int] = {} if nesting is None else nesting.depths
        fanout = {by_place[place]: depth for place, depth in depths.items() if place in by_place}
        policies = MappingProxyType(policies_of(stages, readings, wirings, calls.undos, fanout))
        per_attempt = MappingProxyType(fresh_of(readings, wirings))
    priorities = [stage.options.priority for stage in stages]
    turns = tuple(numbers)
    if any(priorities):
        from stagekit._plan.rank import turns_of

        turns = turns_of(priorities, numbers)
    columns: Dict[str, Any] = {
        "order": tuple([stage.id for stage in stages]),
        "stages": stages,
        "calls": made,
        "is_async": bytes([reading.is_async for reading in readings]),
        "critical": bytes([stage.options.critical for stage in stages]),
        "parents": parents,
        "children": _children(parents, numbers),
        "needs": _needs(wirings, by_place, parents),
        "indegree": tuple(map(len, parents)),
        "turns": turns,
        "has_priorities": any(priorities),
        "has_tuples": max([call[4] for call in made], default=0) > 1,
        "slots": tuple(calls.slots),
        "policies": policies,
        "per_attempt": per_attempt,
        "constants": len(calls.slots),
        "warnings": warnings,
        "overridden": overridden,
        "replaced": tuple([index.stages[place] for place in index.constants]),
        "target": target,
        "targets": tuple(sorted([by_place[place] for place in targets if place in by_place])),
        "total": len(index.stages),
    }
    provenance = Provenance()
    if any(isinstance(wiring, Wiring) for wiring in wirings):
        places = tuple([places[number] for number in order])
        provenance = Provenance(places, tuple(readings), tuple(wirings))
    return cls(columns, provenance)


def _parents(
    above: Sequence[Sequence[int]], order: Sequence[int], step_of: Sequence[int]
) -> Tuple[Tuple[int, ...], ...]:
    found: List[Tuple[int, ...]] = []
    for number in order:
        before = above[number]
        if not before:
            found.append(())
        elif len(before) == 1:
            found.append((step_of[before[0]],))
        else:
            found.append(tuple(sorted([step_of[each] for each in before])))
    return tuple(found)


def _children(
    parents: Sequence[Sequence[int]], numbers: Sequence[int]
) -> Tuple[Tuple[int, ...], ...]:
    found: List[Union[Tuple[int, ...], List[int]]] = [()] * len(parents)
    for step, above in zip(numbers, parents):
        for parent in above:
            known = found[parent]
            if not known:
                found[parent] = (step,)
            elif isinstance(known, list):
                known.append(step)
            else:
                found[parent] = [*known, step]
    return tuple(map(tuple, found))  # a tuple is that very tuple


def _needs(
    wirings: Sequence[AnyWiring], by_place: Mapping[int, int], parents: Sequence[Tuple[int, ...]]
) -> Tuple[Tuple[int, ...], ...]:
    found: List[Tuple[int, ...]] = []
    for wiring, above in zip(wirings, parents):
        if not isinstance(wiring, Wiring):
            found.append(())
            continue
        if not wiring.order and not wiring.soft:
            found.append(above)  # it waits for what it takes, and for nothing else
            continue
        steps = [
            by_place[place]
            for number, source in enumerate(wiring.sources)
            if number not in wiring.soft
            for place in stages_in(source)
        ]
        found.append(tuple(sorted(set(steps))))
    return tuple(found)


class _Calls:
    """Makes calls and gives out constant slots; slots of steps follow the constant ones."""

    def __init__(self, by_place: Mapping[int, int]) -> None:
        self.by_place = by_place
        self.slots: List[Slot] = []
        self.undos: Mapping[int, Tuple[Call, bool]] = NOTHING
        self._shared: Dict[object, int] = {}

    def slot(self, slot: Slot) -> int:
        """Return the number of a constant slot.

        Given values have one each, and so have injectables, but for those that know who asks.
        """
        if slot.kind in {VALUE, NONE, SET}:
            self.slots.append(slot if slot.kind == VALUE else Slot(VALUE, slot.key, slot.value))
            return len(self.slots) - 1
        key = (slot.kind, slot.key, slot.value if slot.kind == INJECTABLE else None)
        if key not in self._shared:
            self._shared[key] = len(self.slots)
            self.slots.append(slot)
        return self._shared[key]

    def make(
        self,
        stages: Sequence[Any],
        readings: Sequence[Reading],
        wirings: Sequence[AnyWiring],
        undos: Mapping[int, Any],  # Any: each an Undo
    ) -> Tuple[Call, ...]:
        """Return the call of each step. Constants are numbered first, as steps follow them."""
        drafts: List[Any] = []
        for reading, wiring in zip(readings, wirings):
            if not isinstance(wiring, Wiring):
                drafts.append(None)
            elif _is_plain(reading, wiring):
                drafts.append(wiring)
            else:
                drafts.append(self._draft(reading.parameters or (), wiring.sources))
        again = {step: self._draft(each.parameters, each.sources) for step, each in undos.items()}
        base = len(self.slots)
        if again:
            self.undos = {
                step: (
                    (*self._call(undos[step].fn, undos[step].reading, draft, base)[:4], 0),
                    undos[step].reading.is_async,
                )
                for step, draft in again.items()
            }
        return tuple(
            [
                (stage.fn, -1, -1, None, reading.promise)
                if draft is None and reading.call is None
                else self._plain_call(stage.fn, draft.sources, base, reading.promise)
                if type(draft) is Wiring
                else self._call(stage.fn, reading, draft or ([], []), base)
                for stage, reading, draft in zip(stages, readings, drafts)
            ]
        )

    def _plain_call(
        self, fn: Callable[..., Any], sources: Sequence[Any], base: int, promise: int
    ) -> Call:
        """Return the call of a stage whose parameters take whole values of stages, by position."""
        by_place = self.by_place
        first = base + by_place.get(sources[0], 0)
        if len(sources) == 1:
            return (fn, first, -1, None, promise)
        if len(sources) == 2:  # noqa: PLR2004 - two slots stand in the call itself
            return (fn, first, base + by_place.get(sources[1], 0), None, promise)
        return (fn, -1, -1, tuple([base + by_place.get(each, 0) for each in sources]), promise)

    def _draft(
        self, parameters: Sequence[Parameter], sources: Sequence[Source]
    ) -> Tuple[List[Any], List[Tuple[str, Any]]]:
        """Return positional and keyword arguments: steps as ints, constants as negative ints."""
        positional: List[Any] = []
        keywords: List[Tuple[str, Any]] = []
        waiting: List[Parameter] = []  # defaults that matter only if something follows
        for parameter, source in zip(parameters, sources):
            if isinstance(source, Omit):
                if not parameter.is_keyword:
                    waiting.append(parameter)
                continue
            argument = self._argument(source)
            if parameter.is_keyword:
                keywords.append((parameter.name, argument))
                continue
            for each in waiting:
                default = None if each.default is EMPTY else each.default
                positional.append(-1 - self.slot(Slot(VALUE, None, default)))
            waiting.clear()
            positional.append(argument)
        return positional, keywords

    def _argument(self, source: Source) -> Any:
        if isinstance(source, int):
            return self.by_place.get(source, 0)
        if isinstance(source, Slot):
            return -1 - self.slot(source)
        if isinstance(source, Item):
            return Item(self.by_place.get(source.stage, 0), source.item)
        assert isinstance(source, Gather)  # noqa: S101 - the last kind there is
        return Gather(tuple([self._argument(part) for part in source.parts]), source.kind)

    def _call(self, fn: Any, reading: Reading, draft: Tuple[List[Any], Any], base: int) -> Call:
        positional, keywords = draft
        if reading.call is not None:
            fn = reading.call
        if not keywords and all(type(argument) is int for argument in positional):
            slots = [base + each if each >= 0 else -1 - each for each in positional]
            if len(slots) > 2:  # noqa: PLR2004 - two slots stand in the call itself
                return (fn, -1, -1, tuple(slots), reading.promise)
            first = slots[0] if slots else -1
            second = slots[1] if len(slots) > 1 else -1
            return (fn, first, second, None, reading.promise)
        packed = PackedCall(
            fn,
            tuple([_take(each, base) for each in positional]),
            tuple([(name, _take(each, base)) for name, each in keywords]),
            base,
        )
        return (packed, -1, -1, PACKED, reading.promise)


def _is_plain(reading: Reading, wiring: Wiring) -> bool:
    """Return whether a stage takes whole values of stages, all by position."""
    if reading.call is not None:
        return False
    for parameter, source in zip(reading.parameters or (), wiring.sources):
        if type(source) is not int or parameter.is_keyword:
            return False
    return True


def _take(argument: Any, base: int) -> Take:
    if isinstance(argument, Gather):
        return Take(argument.kind, parts=tuple([_take(part, base) for part in argument.parts]))
    if isinstance(argument, Item):
        return Take(ITEM, base + argument.stage, argument.item)
    return Take(SLOT, base + argument if argument >= 0 else -1 - argument)
