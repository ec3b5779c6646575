"""Parameters that a later stage could fill: of ``load(path: str)`` before ``report() -> str``.

A stage cannot take what comes of its own value. Types such as ``str`` and ``Path`` are returned all
over a pipeline, so that is no mistake: the parameter falls back on its default, or is set. Only
planning that has met a cycle, or several providers, loads this.
"""

from __future__ import annotations

from stagekit._base.conversion import is_simple
from stagekit._base.keys import is_scalar
from stagekit._declare.callables import last_name
from stagekit._plan.index import Lack
from stagekit._plan.slots import BY_ORDER, Slot
from stagekit._plan.wiring import order_of, places_of, sources_of, stages_in

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Collection, Dict, Iterator, List, Sequence, Set, Tuple

    from stagekit._plan.resolve import Resolver
    from stagekit._plan.signature_data import Parameter
    from stagekit._plan.wiring import Source

    Asking = Tuple[int, int, Parameter, Sequence[Source]]  # place, number, what could fill it


def release(resolver: Resolver, held: Sequence[int]) -> bool:
    """Release the parameters that only later stages could fill; return whether there were any.

    Later are stages that wait for the one that asks. Of a cycle, the edges of parameters of simple
    types do not count for that, unless the parameter is called after the stage that fills it: where
    they alone make a cycle, nothing says which of them is meant, and each can be released by
    setting it (``resolver.breakable``).

    Where a single stage of several is not a later one, it fills the parameter.

    Args:
        resolver: has resolved the stages.
        held: the places of stages that cycles hold up.
    """
    resolver.resolve_all()
    filled = list(_filled(resolver, set(held)))
    every = Ancestors(resolver)
    loose = [
        each for each in filled if any(each[0] in every.of(other) for other in places_of(each[3]))
    ]
    firm = Ancestors(resolver, [(place, number) for place, number, _, _ in loose])
    decided: Set[Tuple[int, int]] = set()
    for place, number, parameter, sources in (*loose, *_undecided(resolver)):
        rest = [
            each
            for each in sources
            if not all(place in firm.of(other) for other in places_of([each]))
        ]
        if not rest:
            resolver.release(place, number, parameter)
        elif len(rest) == 1 < len(sources):
            resolver.fill(place, number, rest[0], BY_ORDER)
        else:
            continue
        decided.add((place, number))
    resolver.breakable = {(place, number) for place, number, _, _ in loose} - decided
    return bool(decided)


class Ancestors:
    """All that a stage waits for, some parameters aside; what was asked for once is kept.

    It is asked for providers, which are few, and never for those that ask, which may be very many.
    """

    def __init__(self, resolver: Resolver, aside: Collection[Tuple[int, int]] = ()) -> None:
        self._resolver = resolver
        self._aside = set(aside)
        self._known: Dict[int, Set[int]] = {}

    def of(self, place: int) -> Set[int]:
        """Return a stage and all that it waits for."""
        if place not in self._known:
            seen, stack = {place}, [place]
            while stack:
                for above in self._above(stack.pop()):
                    if above not in seen:
                        seen.add(above)
                        stack.append(above)
            self._known[place] = seen
        return self._known[place]

    def _above(self, place: int) -> Iterator[int]:
        wiring = self._resolver.wirings[place]
        yield from order_of(wiring)
        for number, source in enumerate(sources_of(wiring)):
            if (place, number) not in self._aside:
                yield from stages_in(source)


def _filled(resolver: Resolver, held: Set[int]) -> Iterator[Asking]:
    """Yield the parameters of simple types that stages fill, of stages that cycles hold up."""
    for place in held:
        parameters = resolver.read_parameters(place)
        for number, source in enumerate(sources_of(resolver.wirings[place])):
            above, parameter = stages_in(source), parameters[number]
            if above and is_loose(parameter) and not is_called_after(resolver, parameter, above):
                yield place, number, parameter, (source,)


def is_called_after(resolver: Resolver, parameter: Parameter, above: Sequence[int]) -> bool:
    """Return whether a parameter has the name of one of the stages that fill it."""
    return parameter.name in [last_name(resolver.index.stages[each].id) for each in above]


def _undecided(resolver: Resolver) -> Iterator[Asking]:
    """Yield the parameters of simple types that several stages could fill."""
    for place in resolver.problems:
        parameters = resolver.read_parameters(place)
        for lack in ambiguous(resolver, place):
            is_given = any(isinstance(each, Slot) for each in lack.found)
            if is_loose(lack.parameter) and not is_given:
                yield place, parameters.index(lack.parameter), lack.parameter, lack.found


def ambiguous(resolver: Resolver, place: int) -> List[Lack]:
    """Return which parameters of a stage several providers could fill; not those of its undo."""
    lacks = [each for each in resolver.problems.get(place, ()) if isinstance(each, Lack)]
    return [each for each in lacks if each.found and not (each.filled or each.consumer.is_undo)]


def is_loose(parameter: Parameter) -> bool:
    """Return whether a parameter may as well be meant to come from outside: by its type."""
    key = parameter.key
    return parameter.marker is None and (is_scalar(key) or is_simple(key))
