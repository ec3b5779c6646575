"""From declarations and a request to a plan, or to every problem in the way."""

from __future__ import annotations

import sys
from types import FunctionType, ModuleType

from stagekit._base.keys import NamedKey, UnionOf, is_scalar
from stagekit._base.problem import Code, Problem
from stagekit._base.record import Record
from stagekit._declare.callables import last_name
from stagekit._declare.declaration import Adopted, Declaration
from stagekit._plan.assemble import assemble
from stagekit._plan.index import Lack
from stagekit._plan.order import find_cycles, heights
from stagekit._plan.plan import Plan
from stagekit._plan.references import targets_of
from stagekit._plan.resolve import Resolver, index_of
from stagekit._plan.signature import Reader
from stagekit._plan.slots import BY_TYPE, GIVEN, INJECTABLE, Slot
from stagekit._plan.wiring import Gather, Wiring, reasons_of, sources_of, stages_in

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Dict, Iterator, List, Optional, Sequence, Set, Tuple, Type, TypeVar

    from stagekit._base.parameters import Setting
    from stagekit._plan.index import ProviderIndex
    from stagekit._plan.parameters import PlanParameter
    from stagekit._plan.signature_data import Parameter
    from stagekit._plan.wiring import Source

    P = TypeVar("P", bound=Plan)
    LeftOut = Tuple[Declaration, Sequence[Parameter]]  # and those that nothing fills


class Request(Record):
    """What is to be planned."""

    stages: Tuple[Declaration, ...]
    target: object = None
    include: Tuple[str, ...] = ()
    exclude: Tuple[str, ...] = ()
    given: Tuple[object, ...] = ()
    overrides: Tuple[Tuple[Any, Any], ...] = ()
    is_strict: bool = False
    left_out: Tuple[LeftOut, ...] = ()  # adopted functions that cannot be stages
    params: Tuple[Setting, ...] = ()


def make_plan(cls: Type[P], request: Request) -> P:
    """Plan what a request asks for.

    Raises:
        PlanError: with every problem found, ordered by file and line. No stage was called.
    """
    general: List[Any] = []  # problems, and what makes some
    made = _resolved(request, general)
    resolver, places, targets, target = made.resolver, made.places, made.targets, made.target
    told: List[Problem] = []
    if request.include or request.exclude:
        places = _selected(resolver, places, request, general, told)
    if request.params:
        from stagekit._plan.parameters import apply

        wrong, unused, is_changed = apply(resolver, places, request.params)
        general += wrong
        told += unused
        if is_changed:
            needed = {*resolver.close(targets)}
            places = [place for place in places if place in needed]
    for place in places:
        general += resolver.problems.get(place, ())
    general += _conflicts(resolver, places)
    if resolver.with_policy:
        from stagekit._plan.policies import crossings

        general += crossings(resolver, places)
    above, height, held = made.above, made.height, made.held
    if places is not made.places:
        above = _parents(resolver, places)
        height, held = heights(above)
    if held:
        general += _cycles(resolver, places, above, held)
    warnings = [*told, *_warnings(resolver, places, request)]
    if request.is_strict:
        general += [*warnings, *_builtin_keys(resolver, places)]
    if general:
        useless = _useless(resolver, places, targets, request)
        if useless:
            return make_plan(cls, _without(request, useless))
        from stagekit._plan.advice import with_advice

        _refuse(with_advice(resolver, targets, general))
    named = () if _is_of_modules(request.target, resolver.index) else targets or ()
    return assemble(cls, resolver, places, above, height, tuple(warnings), target, named)


def _is_of_modules(target: object, index: ProviderIndex) -> bool:
    """Return whether a target names a module, whose stages nobody has asked for one by one."""
    is_name = isinstance(target, str) and not isinstance(index.references.find(target), int)
    return is_name or isinstance(target, ModuleType)


def parameters_of(request: Request) -> Tuple[PlanParameter, ...]:
    """Return the parameters that can be set of what a request asks for, whatever is wrong with it.

    Not only of what can be planned: of a required one, one wants to know before.
    """
    from stagekit._plan.parameters import apply, described, found_in, taken, taken_in

    made = _resolved(request, [])
    resolver, places = made.resolver, made.places
    if request.include or request.exclude:
        places = _selected(resolver, places, request, [], []) or places
    apply(resolver, places, request.params)
    wirings, index = resolver.wirings, resolver.index
    found = [
        (each.row, each.number, described(each, wirings[places[each.row]]))
        for each in found_in(resolver, places)
    ]
    for each in taken_in(resolver, places):
        above = stages_in(each.source)
        if above:
            found.append((each.row, each.number, taken(each, [index.stages[one] for one in above])))
    return tuple([each for _, _, each in sorted(found, key=lambda row: row[:2])])


class _Resolved(Record):
    """The stages of a target and all that they need, resolved.

    Attributes:
        resolver: has resolved them.
        places: theirs, ascending.
        targets: the places of the target; None for all.
        target: its text.
        above: by number of a stage, those that it waits for.
        height: by number, the most hops to the end.
        held: the numbers of those that cycles hold up.
    """

    resolver: Resolver
    places: List[int]
    targets: Optional[List[int]]
    target: str
    above: List[Sequence[int]]
    height: List[int]
    held: List[int]


def _resolved(request: Request, general: List[Any]) -> _Resolved:  # Any: as of ``make_plan``
    reader = Reader()
    index = _index(request, reader, general)
    resolver = Resolver(index, reader)
    targets, misses, target = targets_of(request.target, index.references)
    general += [Problem(m.code, m.message, notes=m.notes, fixes=m.fixes) for m in misses]
    places = resolver.close(targets)
    above = _parents(resolver, places)
    height, held = heights(above)
    if held or _has_several(resolver):
        from stagekit._plan.late_providers import release

        if release(resolver, [places[number] for number in held]):
            places = resolver.close(targets)
            above = _parents(resolver, places)
            height, held = heights(above)
    return _Resolved(resolver, places, targets, target, above, height, held)


def _has_several(resolver: Resolver) -> bool:
    """Return whether a parameter has several providers, none of which is the one."""
    wrong = resolver.problems.values()
    return any(isinstance(each, Lack) and each.found for found in wrong for each in found)


def _useless(
    resolver: Resolver,
    places: Sequence[int],
    targets: Optional[Sequence[int]],
    request: Request,
) -> List[LeftOut]:
    """Return adopted functions that nobody needs, and their parameters that nothing fills."""
    named: Set[int] = set()
    if targets is not None and not isinstance(request.target, ModuleType):
        named = set(targets)
    waits = {place: resolver.stages_of(place) for place in places}
    needed = named.union(*({*above} - {place} for place, above in waits.items()))
    stages, wrong = resolver.index.stages, resolver.problems
    found: List[LeftOut] = []
    for place in places:
        if isinstance(stages[place], Adopted) and place not in needed:
            lacks = [each for each in wrong.get(place, ()) if isinstance(each, Lack)]
            lacking = [each.parameter for each in lacks if each.is_empty]
            if lacking or place in waits[place]:  # only it provides what it takes
                found.append((stages[place], lacking))
    return found


def _without(request: Request, useless: Sequence[LeftOut]) -> Request:
    """Return a request for all other stages."""
    gone = [stage for stage, _ in useless]
    return Request(
        tuple([stage for stage in request.stages if stage not in gone]),
        request.target,
        request.include,
        request.exclude,
        request.given,
        request.overrides,
        request.is_strict,
        (*request.left_out, *useless),
        request.params,
    )


def _index(request: Request, reader: Reader, general: List[Problem]) -> ProviderIndex:
    """Return who provides what; add to *general* what is wrong with overrides."""
    given = {key: Slot(GIVEN, key) for key in request.given}
    if not request.overrides:
        return index_of(reader, request.stages, given, {}, {})
    from stagekit._plan.overrides import overridden, unfit_constants

    made = overridden(request.stages, request.overrides)
    index = index_of(reader, made.stages, given, made.constants, made.originals)
    general += made.problems
    general += unfit_constants(index.stages, index.readings, index.constants)
    return index


def _selected(
    resolver: Resolver,
    places: Sequence[int],
    request: Request,
    general: List[Problem],
    told: List[Problem],
) -> List[int]:
    """Return which of the resolved stages are meant; *told* gets warnings."""
    from stagekit._plan.select import Graph, Ways, select, unknown_tags

    parents = [tuple(sorted(above)) for above in _parents(resolver, places)]
    children: List[List[int]] = [[] for _ in places]
    for child, above in enumerate(parents):
        for parent in above:
            children[parent].append(child)
    stages = [resolver.index.stages[place] for place in places]
    graph = Graph(
        tuple([stage.id for stage in stages]),
        tuple([stage.tags for stage in stages]),
        tuple(parents),
        tuple(map(tuple, children)),
    )
    chosen, wrong = select(graph, request.include, request.exclude)
    general += wrong
    kept = [places[n] for n in chosen]
    ways = Ways(graph, places, request.include, request.exclude)
    resolver.keep(dict.fromkeys(kept).keys(), ways)
    told += unknown_tags(graph, request.include, request.exclude)
    return kept


def _refuse(problems: Sequence[Problem]) -> None:
    from stagekit.errors import PlanError

    def place(problem: Problem) -> Tuple[str, int, str, str]:
        location = problem.location
        file, line = (location.file, location.line) if location else ("", 0)
        text = problem.message if problem.parameter is None else ""  # parameters: as they stand
        return file, line, problem.code.value, text

    raise PlanError(tuple(sorted(dict.fromkeys(problems), key=place)))


def _parents(resolver: Resolver, places: Sequence[int]) -> List[Sequence[int]]:
    """Return for each planned stage the numbers of those it waits for."""
    stages_of = resolver.stages_of
    if len(places) == len(resolver.index.stages):
        return [stages_of(place) for place in places]
    number = {place: n for n, place in enumerate(places)}
    return [[number[p] for p in stages_of(place) if p in number] for place in places]


def _conflicts(resolver: Resolver, places: Sequence[int]) -> List[Problem]:
    """Report given values whose key a planned stage provides, unless they are only collected."""
    if not resolver.index.given:
        return []
    from stagekit._plan.problems import value_conflict

    collected = set(_used(resolver, places)) - _asked_for(resolver, places)
    return [
        value_conflict(resolver.index.stages[place], key)
        for place in places
        for key, _ in resolver.index.readings[place].provides
        if key in resolver.index.given and key not in collected
    ]


def _asked_for(resolver: Resolver, places: Sequence[int]) -> Set[object]:
    """Return the keys that parameters ask for one value of."""
    found: Set[object] = set()
    for place in places:
        for parameter in resolver.index.readings[place].parameters or ():
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

    place_of = {resolver.index.stages[place].id: place for place in places}
    found: List[Problem] = []
    for path in find_cycles(above, held):
        around = [places[number] for number in path]
        problem = cycle([resolver.index.stages[place] for place in around], reason)
        problem.fixes = (*_ways_out(resolver, around), *problem.fixes)
        found.append(problem)
    return found


def _ways_out(resolver: Resolver, around: Sequence[int]) -> Tuple[str, ...]:
    """Return which parameters of a cycle can be set, so that it is none any more."""
    if not resolver.breakable:
        return ()
    from stagekit._plan.parameters import setting_fixes
    from stagekit._plan.suggestions import short

    typed = [
        setting_fixes(f"{short(resolver.index.stages[place])}.{parameter.name}")[0]
        for place in around[1:]
        for number, parameter in enumerate(resolver.read_parameters(place))
        if (place, number) in resolver.breakable
    ]
    return (f"set one that is meant to come from outside: {', or '.join(typed)}",) if typed else ()


def _reason(resolver: Resolver, before: int, after: int) -> str:
    from stagekit._plan.provenance import data_reason

    wiring = resolver.wirings[after]
    for number, (parameter, source) in enumerate(
        zip(resolver.index.readings[after].parameters or (), sources_of(wiring))
    ):
        if before in stages_in(source):
            chosen = reasons_of(wiring).get(number, BY_TYPE)
            return data_reason(parameter.name, parameter.key, chosen)
    undo = resolver.undos.get(after)
    if undo is not None and any(before in stages_in(source) for source in undo.sources):
        return "what its undo needs"
    return "depends_on"


def _warnings(resolver: Resolver, places: Sequence[int], request: Request) -> List[Problem]:
    found: List[Problem] = []
    if "IPython" in sys.modules:
        from stagekit._plan.notebook import gone_stages

        found += gone_stages([resolver.index.stages[place] for place in places])
    found += _passed_over(resolver, places)
    if request.left_out:
        from stagekit._plan.problems import not_adopted

        found += [not_adopted(stage, lacking) for stage, lacking in request.left_out]
    if resolver.index.given:
        from stagekit._base.keys import describe

        if not _takes_context(resolver, places):
            found += [
                Problem(Code.UNUSED_VALUE, f"the value given for `{describe(key)}` is not used")
                for key in resolver.index.given
                if key not in _used(resolver, places)
            ]
    if resolver.with_policy:
        from stagekit._plan.policies import guessed_limits, soft_timeouts

        found += soft_timeouts(resolver, places)
        found += guessed_limits(resolver, places)
    if resolver.empty:
        found += _empty_collections(resolver, set(places))
    if request.target is None and not (request.include or request.exclude):
        tops = _top_modules(resolver.index.stages)
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


def _passed_over(resolver: Resolver, places: Sequence[int]) -> List[Problem]:
    """Warn of parameters that are called after a function, and take the value of another one."""
    index = resolver.index
    silent: Optional[Dict[str, int]] = None
    asking: List[Tuple[int, Parameter, Source]] = []
    for place in places:
        wiring = resolver.wirings[place]
        if type(wiring) is not Wiring:
            continue
        if silent is None:
            silent = _silent(index)
        names = getattr(index.stages[place].fn, "__globals__", silent)
        for parameter, source in zip(index.readings[place].parameters or (), wiring.sources):
            name = parameter.name
            if name in silent:
                asking.append((place, parameter, source))
            elif name in names and type(names[name]) is FunctionType:
                fn = index.stages[source].fn if type(source) is int else None
                if fn is not names[name]:
                    asking.append((place, parameter, source))
    if not asking:
        return []
    from stagekit._plan.namesakes import passed_over

    return passed_over(resolver, asking, silent or {})


def _silent(index: ProviderIndex) -> Dict[str, int]:
    """Return the stages without a return annotation, by the last part of their ids."""
    return {
        last_name(stage.id): number
        for number, (stage, each) in enumerate(zip(index.stages, index.readings))
        if each.is_silent
    }


def _empty_collections(resolver: Resolver, places: Set[int]) -> List[Problem]:
    """Warn of what is collected from nothing while there are values of that type with a name."""
    from stagekit._plan.problems import empty_collection

    index = resolver.index
    found: List[Problem] = []
    for place, parameter in resolver.empty:
        key: Any = parameter.key  # a Parametrised
        named = {
            other: [index.stages[number] for number, _ in index.providers.get(other, ())]
            for other in (*index.providers, *index.given)
            if isinstance(other, NamedKey) and other.type == key.args[0]
        }
        if place in places and named:
            found.append(empty_collection(index.stages[place], parameter, key.args[0], named))
    return found


def _takes_context(resolver: Resolver, places: Sequence[int]) -> bool:
    """Return whether a stage takes the ``Context``, and may look into it for any given value."""
    from stagekit._declare.context import Context

    return any(
        isinstance(source, Slot) and source.kind == INJECTABLE and source.key is Context
        for source in _sources(resolver, places)
    )


def _sources(resolver: Resolver, places: Sequence[int]) -> Iterator[Source]:
    """Yield what fills the parameters of stages and of what undoes them."""
    for place in places:
        yield from sources_of(resolver.wirings[place])
        if place in resolver.undos:
            yield from resolver.undos[place].sources


def _used(resolver: Resolver, places: Sequence[int]) -> Dict[object, None]:
    """Return the keys of the given values that stages take."""
    found: Dict[object, None] = {}
    for source in _sources(resolver, places):
        for part in source.parts if isinstance(source, Gather) else (source,):
            if isinstance(part, Slot) and part.kind == GIVEN:
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
            f"stage `{resolver.index.stages[place].id}` provides the builtin `{describe(key)}`, "
            f"which any other stage may come to provide",
            stage_id=resolver.index.stages[place].id,
            location=resolver.index.stages[place].location,
            fixes=(f"give it a type of its own: {_own_type(resolver.index.stages[place], key)}",),
        )
        for place in places
        for key, _ in resolver.index.readings[place].provides
        if is_scalar(key)
    ]


def _own_type(stage: Declaration, key: object) -> str:
    """Return the definition of a type for what a stage returns, called after the stage."""
    from stagekit._base.keys import describe

    words = last_name(stage.id).replace("-", "_").split("_")
    name = "".join(word[:1].upper() + word[1:] for word in words)
    name = name if name.isidentifier() else "Total"
    return f'{name} = NewType("{name}", {describe(key)})'
