"""``Each``: which list its items come from, how deep they are in it, and what the stage provides.

Items of ``T`` come from a provider of ``list[T]``; where there is none, from one of
``list[list[T]]``, and so on: what the stage provides is nested as deeply.
"""

from __future__ import annotations

from typing import Dict, Iterator, List, Optional, Tuple, Union

from stagekit._base.keys import NamedKey, Parametrised, describe
from stagekit._base.problem import Problem
from stagekit._base.refs import From
from stagekit._plan import problems, problems_policy
from stagekit._plan.index import Consumer, Lack, Nesting, ProviderIndex, fits
from stagekit._plan.references import Miss
from stagekit._plan.signature_data import Parameter, Reading
from stagekit._plan.wiring import Chosen, chosen

TYPE_CHECKING = False
if TYPE_CHECKING:
    from stagekit._declare.declaration import Declaration
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


def with_nesting(index: ProviderIndex, takers: Dict[int, Reading]) -> ProviderIndex:
    """Return an index that knows what stages provide which take items, too.

    Args:
        index: of all other stages.
        takers: by place, what was read of the functions that take items.
    """
    found = ProviderIndex(
        index.stages,
        index.given,
        index.constants,
        index.references,
        list(index.readings),
        {key: list(pairs) for key, pairs in index.providers.items()},
        Nesting(),
        {},
    )
    _Builder(found, takers).build()
    return found


class _Builder:
    """Fills an index that nobody has been given yet."""

    def __init__(self, index: ProviderIndex, takers: Dict[int, Reading]) -> None:
        self._index = index
        self._nesting = _nesting(index)
        self._asked = takers
        self._waiting = dict.fromkeys(takers)
        for key in (*index.providers, *index.given):
            self._add(key)

    def _add(self, key: Key) -> None:
        """Take up a key whose values may be lists."""
        for depth, inner in _layers(key):
            self._nesting.lists.setdefault(inner, {}).setdefault(depth, {})[key] = None

    def build(self) -> None:
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
        readings = self._index.readings
        made = {_core(key) for other in others for key, _ in readings[other].provides}
        return any(
            _named(self._index, place, each) in others
            if isinstance(each.marker.source, From)
            else _core(each.key) in made
            for each in _takers(self._asked[place])
        )

    def _publish(self, place: int) -> None:
        index = self._index
        found = [_depth_of(index, place, each) for each in _takers(self._asked[place])]
        depth = next((each for each in found if each is not None), 1)
        self._nesting.depths[place] = depth
        index.readings[place] = reading = lifted(index.readings[place], depth)
        for key, item in reading.provides:
            pairs = [*index.providers.get(key, ()), (place, item)]
            index.providers[key] = sorted(pairs, key=_place)
            self._add(key)


def _place(pair: Tuple[int, Optional[int]]) -> int:
    return pair[0]


def _nesting(index: ProviderIndex) -> Nesting:
    assert index.nesting is not None  # noqa: S101 - made with it
    return index.nesting


def _takers(reading: Reading) -> List[Parameter]:
    """Return the parameters that take one item at a time, but for those that are at fault."""
    return [each for each in reading.parameters or () if each.takes_items and each.fault is None]


def _named(index: ProviderIndex, place: int, parameter: Parameter) -> Optional[int]:
    found = index.references.find(parameter.marker.source.stage, index.stages[place])
    return found if isinstance(found, int) else None


def _depth_of(index: ProviderIndex, place: int, parameter: Parameter) -> Optional[int]:
    """Return how deep the items of a parameter are in what provides them; None: in nothing."""
    if isinstance(parameter.marker.source, From):
        named = _named(index, place, parameter)
        return None if named is None else _depth_in(index.readings[named], parameter.key)
    levels = _nesting(index).lists.get(parameter.key, {})
    for depth in sorted(levels):
        for key in levels[depth]:
            if key in index.given or any(
                other != place for other, _ in index.providers.get(key, ())
            ):
                return depth
    return min(levels, default=None)


def _depth_in(reading: Reading, wanted: Key) -> Optional[int]:
    keys = [key for key, _ in reading.provides]
    if wanted is None or (not keys and reading.returns is None and not reading.returns_none):
        return 1
    for key in (*keys, reading.returns):
        for depth, inner in _layers(key):
            if fits(wanted, inner):
                return depth
    return None


def list_of_items(
    index: ProviderIndex, consumer: Consumer, parameter: Parameter
) -> Union[Source, Problem, Chosen, Lack]:
    """Return what provides the list of the items that a parameter takes."""
    place, stage = consumer.place, consumer.stage
    depth = _depth_of(index, place, parameter)
    if isinstance(parameter.marker.source, From):
        return _list_of_stage(index, consumer, parameter, depth)
    if depth is None:
        return Lack(consumer, as_list(parameter))
    nesting = _nesting(index)
    if depth != nesting.depths.get(place, depth):
        return problems_policy.uneven(stage, parameter, depth, nesting.depths[place])
    keys = tuple(nesting.lists.get(parameter.key, {}).get(depth, ()))
    found, reason = index.candidates(consumer, parameter.name, keys)
    if len(found) == 1:
        return chosen(found[0], reason)
    return Lack(consumer, parameter, tuple(found))


def _list_of_stage(
    index: ProviderIndex, consumer: Consumer, parameter: Parameter, depth: Optional[int]
) -> Union[Source, Problem]:
    stage = consumer.stage
    found = index.references.find(parameter.marker.source.stage, stage)
    if isinstance(found, Miss):
        where = f"From of parameter `{parameter.name}`"
        return problems.from_miss(stage, found, where, parameter.name)
    reading = index.readings[found]
    if depth is None:
        got = "returns nothing" if reading.returns is None else ""
        got = got or f"returns `{describe(reading.returns)}`"
        return problems.type_mismatch(stage, as_list(parameter), index.stages[found], got)
    items = [
        item
        for key, item in reading.provides
        if item is not None and any(fits(parameter.key, inner) for _, inner in _layers(key))
    ]
    return index.source((found, items[0] if len(items) == 1 else None))


def mistake_of(stage: Declaration, reading: Reading) -> Optional[Problem]:
    """Return why a stage that takes items cannot be called once for each, or None."""
    if reading.is_resource:
        return problems_policy.each_of_resource(stage)
    return problems_policy.each_of_tuple(stage) if reading.promise > 1 else None


def as_list(parameter: Parameter) -> Parameter:
    """Return a parameter as if it took the whole list, for what hears of it."""
    found = Parameter(parameter.name, parameter.default, parameter.is_keyword)
    found.key = listed(parameter.key, 1)
    return found
