"""``Each``: which list its items come from, how deep, and what the stage provides."""

from __future__ import annotations

from typing import Dict, Iterator, List, Optional, Sequence, Tuple

from stagekit._base.keys import NamedKey, Parametrised, describe
from stagekit._base.refs import From
from stagekit._plan import problems, problems_policy
from stagekit._plan.marked import fits
from stagekit._plan.resolve import Resolver
from stagekit._plan.signature_data import Parameter, Reading
from stagekit._plan.slots import Slot
from stagekit._plan.unmet import providers_but
from stagekit._plan.wiring import places_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from stagekit._plan.wiring import Source

Key = object
_LISTS = {"list", "Sequence", "MutableSequence", "Collection", "Iterable"}


def peeled(key: Key) -> Optional[Key]:
    """Return the key of the items of a list; None where *key* is none. A name stays outside."""
    if isinstance(key, NamedKey):
        inner = peeled(key.type)
        return None if inner is None else NamedKey(inner, key.name)
    if not isinstance(key, Parametrised):
        return None
    name, args = getattr(key.origin, "__name__", ""), key.args
    is_tuple = key.origin is tuple and len(args) == 2 and args[1] is ...  # noqa: PLR2004
    return args[0] if is_tuple or (name in _LISTS and len(args) == 1) else None


def listed(key: Key, depth: int) -> Key:
    """Return the key of lists of lists, *depth* of them, of *key*. A name stays outside."""
    if isinstance(key, NamedKey):
        return NamedKey(listed(key.type, depth), key.name)
    for _ in range(depth):
        key = Parametrised(list, (key,))
    return key


def lifted(reading: Reading, depth: int) -> Reading:
    """Return what is read of a stage that is called once for each item."""
    found = Reading()
    for name in Reading.__slots__:
        setattr(found, name, getattr(reading, name))
    found.provides = tuple([(listed(key, depth), item) for key, item in reading.provides])
    found.returns = None if reading.returns is None else listed(reading.returns, depth)
    return found


def _layers(key: Key) -> Iterator[Tuple[int, Key]]:
    """Yield how deep items are in a value of this key, and their keys."""
    inner, depth = peeled(key), 1
    while inner is not None:
        yield depth, inner
        inner, depth = peeled(inner), depth + 1


def _core(key: Key) -> Key:
    """Return what is in the innermost list."""
    return next((inner for _, inner in reversed(list(_layers(key)))), key)


class Fanout:
    """The depths of the stages of one resolver that take items, and where lists of a type are.

    Items of ``T`` come from a provider of ``list[T]``; where there is none, from one of
    ``list[list[T]]``, and so on: what the stage provides is nested as deeply.
    """

    def __init__(self, resolver: Resolver, asked: Dict[int, Reading]) -> None:
        self.resolver = resolver
        self.depths: Dict[int, int] = {}
        self._lists: Dict[Key, Dict[int, Dict[Key, None]]] = {}
        for key in (*resolver.providers, *resolver.given):
            self._index(key)
        self._asked = asked
        self._waiting = dict.fromkeys(asked)
        self._settle()

    def _index(self, key: Key) -> None:
        for depth, inner in _layers(key):
            self._lists.setdefault(inner, {}).setdefault(depth, {})[key] = None

    def _settle(self) -> None:
        """Find the depth of each stage once those are known that may provide what it takes."""
        while self._waiting:
            ready = [place for place in self._waiting if not self._is_blocked(place)]
            for place in ready or list(self._waiting):
                del self._waiting[place]
                self._publish(place)

    def _is_blocked(self, place: int) -> bool:
        others = [other for other in self._waiting if other != place]
        if not others:
            return False
        made = {_core(key) for other in others for key, _ in self.resolver.readings[other].provides}
        return any(
            self._named(place, each) in others
            if isinstance(each.marker.source, From)
            else _core(each.key) in made
            for each in _takers(self._asked[place])
        )

    def _publish(self, place: int) -> None:
        resolver = self.resolver
        found = [self.depth_of(place, each) for each in _takers(self._asked[place])]
        depth = next((each for each in found if each is not None), 1)
        self.depths[place] = depth
        resolver.readings[place] = reading = lifted(resolver.readings[place], depth)
        for key, item in reading.provides:
            pairs = resolver.providers.setdefault(key, [])
            pairs.append((place, item))
            pairs.sort(key=_place)
            self._index(key)

    def _named(self, place: int, parameter: Parameter) -> Optional[int]:
        stage = self.resolver.stages[place]
        found = self.resolver.references.find(parameter.marker.source.stage, stage)
        return found if isinstance(found, int) else None

    def depth_of(self, place: int, parameter: Parameter) -> Optional[int]:
        """Return how deep the items of a parameter are in what provides them; None: in nothing."""
        if isinstance(parameter.marker.source, From):
            named = self._named(place, parameter)
            return None if named is None else self._depth_in(named, parameter.key)
        levels = self._lists.get(parameter.key, {})
        resolver = self.resolver
        for depth in sorted(levels):
            for key in levels[depth]:
                if key in resolver.given or any(
                    other != place for other, _ in resolver.providers.get(key, ())
                ):
                    return depth
        return min(levels, default=None)

    def _depth_in(self, named: int, wanted: Key) -> Optional[int]:
        reading = self.resolver.readings[named]
        keys = [key for key, _ in reading.provides]
        if wanted is None or (not keys and reading.returns is None and not reading.returns_none):
            return 1
        for key in (*keys, reading.returns):
            for depth, inner in _layers(key):
                if fits(wanted, inner):
                    return depth
        return None

    def keys(self, parameter: Parameter, depth: int) -> Sequence[Key]:
        """Return the keys of lists whose items, so deep in them, a parameter takes."""
        return tuple(self._lists.get(parameter.key, {}).get(depth, ()))

    def source(self, place: int, parameter: Parameter, order: Tuple[int, ...]) -> Optional[Source]:
        """Return what provides the list, after reporting what is wrong; None: nothing can."""
        resolver = self.resolver
        stage, depth = resolver.stages[place], self.depth_of(place, parameter)
        if isinstance(parameter.marker.source, From):
            return self._source_named(place, parameter, depth)
        if depth is None:
            provided, given = providers_but(resolver, place), tuple(resolver.given)
            missing = problems.missing(stage, as_list(parameter), provided, given)
            resolver.report(place, missing)
            return None
        if depth != self.depths.get(place, depth):
            deeper = problems_policy.uneven(stage, parameter, depth, self.depths[place])
            resolver.report(place, deeper)
            return None
        found = resolver.candidates(place, self.keys(parameter, depth), order)
        if len(found) == 1:
            return found[0]
        many = [resolver.stages[each] for each in places_of(found)]
        values = [each.key for each in found if isinstance(each, Slot) and each.kind == "given"]
        resolver.report(place, problems_policy.ambiguous_items(stage, parameter, many, values))
        return None

    def _source_named(
        self, place: int, parameter: Parameter, depth: Optional[int]
    ) -> Optional[Source]:
        resolver = self.resolver
        stage = resolver.stages[place]
        found = resolver.references.find(parameter.marker.source.stage, stage)
        if not isinstance(found, int):
            where = f"From of parameter `{parameter.name}`"
            resolver.report(place, problems.from_miss(stage, found, where, parameter.name))
            return None
        reading = resolver.readings[found]
        if depth is None:
            got = "returns nothing" if reading.returns is None else ""
            got = got or f"returns `{describe(reading.returns)}`"
            whole = as_list(parameter)
            resolver.report(
                place, problems.type_mismatch(stage, whole, resolver.stages[found], got)
            )
            return None
        items = [
            item
            for key, item in reading.provides
            if item is not None and any(fits(parameter.key, inner) for _, inner in _layers(key))
        ]
        return resolver.as_source((found, items[0] if len(items) == 1 else None))


def _place(pair: Tuple[int, Optional[int]]) -> int:
    return pair[0]


def _takers(reading: Reading) -> List[Parameter]:
    """Return the parameters that take one item at a time, but for those that are at fault."""
    return [
        each
        for each in reading.parameters or ()
        if each.marker is not None and each.marker.is_each and each.fault is None
    ]


def as_list(parameter: Parameter) -> Parameter:
    """Return a parameter as if it took the whole list, for what is told of it."""
    found = Parameter(parameter.name, parameter.default, parameter.is_keyword)
    found.key = listed(parameter.key, 1)
    return found
