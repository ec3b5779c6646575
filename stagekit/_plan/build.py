"""From declarations and a request to a plan, or to every problem in the way."""

from __future__ import annotations

from typing import Any, Dict, List, NamedTuple, Sequence, Set, Tuple, Type, TypeVar

from stagekit._base.keys import UnionOf, is_scalar
from stagekit._base.problem import Code, Problem
from stagekit._base.refs import StageRef
from stagekit._declare.stage import Declaration, own_mark
from stagekit._plan.assemble import assemble
from stagekit._plan.order import find_cycles, heights
from stagekit._plan.parts import stages_in
from stagekit._plan.plan import Plan
from stagekit._plan.refer import Miss, References, targets_of
from stagekit._plan.resolve import Gather, Resolver, Source, Wiring, order_of, sources_of
from stagekit._plan.slots import Slot

__all__ = ["Request", "make_plan"]

P = TypeVar("P", bound=Plan)


class Request(NamedTuple):
    """What is to be planned."""

    stages: Tuple[Declaration, ...]
    target: object = None
    include: Tuple[str, ...] = ()
    exclude: Tuple[str, ...] = ()
    given: Tuple[object, ...] = ()
    overrides: Tuple[Tuple[Any, Any], ...] = ()
    is_strict: bool = False


def make_plan(cls: Type[P], request: Request) -> P:
    """Plan what a request asks for.

    Raises:
        PlanError: with every problem found, ordered by file and line. No stage was called.
    """
    general: List[Problem] = []
    stages, constants, originals = _overridden(request, general)
    given = {key: Slot("given", key) for key in request.given}
    resolver = Resolver(stages, given, constants, originals)
    general += resolver.general
    targets, misses, target = targets_of(request.target, resolver.references)
    general += [Problem(m.code, m.message, notes=m.notes, fixes=m.fixes) for m in misses]
    places = resolver.close(targets)
    if request.include or request.exclude:
        places = _selected(resolver, places, request, general)
    for place in places:
        general += resolver.problems.get(place, ())
    general += _conflicts(resolver, places)
    above = _parents(resolver, places)
    height, held = heights(above)
    if held:
        general += _cycles(resolver, places, above, held)
    warnings = _warnings(resolver, places, request)
    if request.is_strict:
        general += [*warnings, *_builtin_keys(resolver, places)]
    if general:
        _refuse(general)
    return assemble(cls, resolver, places, above, height, tuple(warnings), target)


def _refuse(problems: Sequence[Problem]) -> None:
    from stagekit.errors import PlanError

    def place(problem: Problem) -> Tuple[str, int, str, str]:
        location = problem.location
        file, line = (location.file, location.line) if location else ("", 0)
        return file, line, problem.code.value, problem.message

    raise PlanError(tuple(sorted(dict.fromkeys(problems), key=place)))


def _overridden(
    request: Request, general: List[Problem]
) -> Tuple[Tuple[Declaration, ...], Dict[int, Slot], Dict[int, Declaration]]:
    """Put overrides in place: constants, or other stages and the ones they stand in for."""
    stages = request.stages
    if not request.overrides:
        return stages, {}, {}
    references = References(stages)
    changed = list(stages)
    constants: Dict[int, Slot] = {}
    originals: Dict[int, Declaration] = {}
    for ref, value in request.overrides:
        place = references.find(ref)
        if isinstance(place, Miss):
            text = f"overrides: {place.message}"
            general.append(Problem(place.code, text, notes=place.notes, fixes=place.fixes))
            continue
        old = stages[place]
        if isinstance(value, StageRef):
            other = references.find(value)
            if isinstance(other, Miss):
                general.append(
                    Problem(other.code, f"overrides: {other.message}", notes=other.notes)
                )
                continue
            changed[place] = _stand_in(old, stages[other].fn, stages[other].depends_on)
        elif _is_function(value):
            mark = own_mark(value)
            changed[place] = _stand_in(old, value, mark.depends_on if mark else ())
        else:
            constants[place] = Slot("value", None, value)
        if changed[place] is not old:
            originals[place] = old
    return tuple(changed), constants, originals


def _is_function(value: object) -> bool:
    import types

    return isinstance(value, (types.FunctionType, types.MethodType))


def _stand_in(old: Declaration, fn: Any, depends_on: Tuple[object, ...]) -> Declaration:
    return Declaration(fn, old.id, depends_on, old.options, None)


def _selected(
    resolver: Resolver, places: List[int], request: Request, general: List[Problem]
) -> List[int]:
    from stagekit._plan.select import Graph, select

    number = {place: n for n, place in enumerate(places)}
    parents = [
        tuple(sorted(number[p] for p in resolver.stages_of(place) if p in number))
        for place in places
    ]
    children: List[List[int]] = [[] for _ in places]
    for child, above in enumerate(parents):
        for parent in above:
            children[parent].append(child)
    stages = [resolver.stages[place] for place in places]
    graph = Graph(
        tuple(stage.id for stage in stages),
        tuple(stage.tags for stage in stages),
        tuple(parents),
        tuple(map(tuple, children)),
    )
    chosen, wrong = select(graph, request.include, request.exclude)
    general += wrong
    kept = [places[n] for n in chosen]
    inside = set(kept)
    for place in kept:
        _cut(resolver, place, inside)
    return kept


def _cut(resolver: Resolver, place: int, inside: set[int]) -> None:
    """Take what a selection leaves out from the wiring of one stage; report needed values."""
    from stagekit._plan.problems import left_out

    wiring, stage = resolver.wirings[place], resolver.stages[place]
    order = tuple(p for p in order_of(wiring) if p in inside)
    if not isinstance(wiring, Wiring):
        resolver.wirings[place] = order
        return
    parameters = resolver.readings[place].parameters or ()
    sources: List[Source] = []
    for number, source in enumerate(wiring.sources):
        lost = [p for p in stages_in(source) if p not in inside and p not in resolver.constants]
        if lost and number in wiring.instead:
            slot = wiring.instead[number]
            resolver.used.add(slot.key)
            source = slot  # noqa: PLW2901
        elif lost:
            problem = left_out(stage, parameters[number], resolver.stages[lost[0]])
            resolver.report(place, problem)
        sources.append(source)
    resolver.wirings[place] = Wiring(order, tuple(sources), wiring.soft, wiring.instead)


def _parents(resolver: Resolver, places: Sequence[int]) -> List[Sequence[int]]:
    """Return for each planned stage the numbers of those it waits for."""
    stages_of = resolver.stages_of
    if len(places) == len(resolver.stages):
        return [stages_of(place) for place in places]
    number = {place: n for n, place in enumerate(places)}
    return [[number[p] for p in stages_of(place) if p in number] for place in places]


def _conflicts(resolver: Resolver, places: Sequence[int]) -> List[Problem]:
    """Report given values whose key a planned stage provides, unless they are only collected."""
    if not resolver.given:
        return []
    from stagekit._plan.problems import value_conflict

    collected = set(_used(resolver, places)) - _asked_for(resolver, places)
    return [
        value_conflict(resolver.stages[place], key)
        for place in places
        for key, _ in resolver.readings[place].provides
        if key in resolver.given and key not in collected
    ]


def _asked_for(resolver: Resolver, places: Sequence[int]) -> Set[object]:
    """Return the keys that parameters ask for one value of."""
    found: Set[object] = set()
    for place in places:
        for parameter in resolver.readings[place].parameters or ():
            found.add(parameter.key)
            if isinstance(parameter.key, UnionOf):
                found.update(parameter.key.members)
    return found


def _cycles(
    resolver: Resolver, places: Sequence[int], above: Sequence[Sequence[int]], held: Sequence[int]
) -> List[Problem]:
    from stagekit._plan.problems import cycle

    def reason(before: Declaration, after: Declaration) -> str:
        return _reason(resolver, place_of[before.id], place_of[after.id])

    place_of = {resolver.stages[place].id: place for place in places}
    return [
        cycle([resolver.stages[places[n]] for n in path], reason)
        for path in find_cycles(above, held)
    ]


def _reason(resolver: Resolver, before: int, after: int) -> str:
    from stagekit._base.keys import describe

    wiring = resolver.wirings[after]
    for parameter, source in zip(resolver.readings[after].parameters or (), sources_of(wiring)):
        if before in stages_in(source):
            key = "" if parameter.key is None else f": {describe(parameter.key)}"
            return f"parameter `{parameter.name}{key}`"
    return "depends_on"


def _warnings(resolver: Resolver, places: Sequence[int], request: Request) -> List[Problem]:
    found: List[Problem] = []
    if resolver.given:
        from stagekit._base.keys import describe
        from stagekit._declare.context import Context

        if Context not in resolver.used:
            found += [
                Problem(Code.UNUSED_VALUE, f"the value given for `{describe(key)}` is not used")
                for key in resolver.given
                if key not in _used(resolver, places)
            ]
    if request.target is None and not (request.include or request.exclude):
        tops = _top_modules(resolver.stages)
        if len(tops) > 1:
            found.append(
                Problem(
                    Code.SEVERAL_MODULES,
                    f"the registry holds stages of {len(tops)} top-level modules: "
                    f"{', '.join(tops[:5])}; all of them are planned",
                    fixes=(f"name what to run: run({tops[0]})",),
                )
            )
    return found


def _used(resolver: Resolver, places: Sequence[int]) -> Dict[object, None]:
    found: Dict[object, None] = {}
    for place in places:
        for source in sources_of(resolver.wirings[place]):
            for part in source.parts if isinstance(source, Gather) else (source,):
                if isinstance(part, Slot) and part.kind == "given":
                    found[part.key] = None
    return found


def _top_modules(stages: Sequence[Declaration]) -> List[str]:
    modules: Dict[str, None] = {}
    tops: Dict[str, None] = {}
    for stage in stages:
        module = getattr(stage.fn, "__module__", None) or stage.module
        if module not in modules:
            modules[module] = None
            tops[stage.module.partition(".")[0]] = None
    return list(tops)


def _builtin_keys(resolver: Resolver, places: Sequence[int]) -> List[Problem]:
    from stagekit._base.keys import describe

    return [
        Problem(
            Code.BUILTIN_KEY,
            f"stage `{resolver.stages[place].id}` provides the builtin `{describe(key)}`, "
            f"which any other stage may come to provide",
            stage_id=resolver.stages[place].id,
            location=resolver.stages[place].location,
            fixes=('give it a type of its own: Total = NewType("Total", int)',),
        )
        for place in places
        for key, _ in resolver.readings[place].provides
        if is_scalar(key)
    ]
