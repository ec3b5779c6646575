"""``ProviderIndex``: which stages and given values provide which key. Read-only once it is made."""

from __future__ import annotations

from stagekit._base.keys import NamedKey, Parametrised, UnionOf
from stagekit._base.record import Record
from stagekit._declare.callables import last_name
from stagekit._declare.context import Arguments, Context, RunInfo
from stagekit._plan.slots import BY_DEPENDS_ON, BY_NAME, BY_TYPE, INJECTABLE, Slot
from stagekit._plan.wiring import Item

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Dict, FrozenSet, List, Optional, Sequence, Tuple

    from stagekit._declare.declaration import Declaration
    from stagekit._plan.references import References
    from stagekit._plan.signature_data import Parameter, Reading
    from stagekit._plan.wiring import Source

    Provider = Tuple[int, Optional[int]]

INJECTABLES: FrozenSet[object] = frozenset((Context, RunInfo, Arguments))
_PER_ATTEMPT = {
    ("stagekit._base.cancel", "CancelToken"),
    ("stagekit._base.logger", "Logger"),
    ("stagekit._base.progress", "Progress"),
}


def is_per_attempt(key: Any) -> bool:  # Any: a key, which may be a class
    """Return whether a key is that of an object that every attempt has its own of."""
    return type(key) is type and (key.__module__, key.__name__) in _PER_ATTEMPT


def is_injectable(key: object) -> bool:
    """Return whether runs provide a key themselves."""
    return key in INJECTABLES or is_per_attempt(key)


class Consumer(Record):
    """A stage whose parameters are to be filled, or the function that undoes it.

    Attributes:
        place: the place of the stage.
        stage: its declaration; for a function that undoes it, one of that function.
        order: the places that ``depends_on`` of the stage names.
        is_undo: whether it is the function that undoes the stage.
    """

    place: int
    stage: Declaration
    order: Tuple[int, ...]
    is_undo: bool = False

    def injectable(self, key: object) -> Slot:
        """Return the slot of a key that runs provide themselves; a ``Context`` knows who asks."""
        if key is not Context:
            return Slot(INJECTABLE, key)
        return Slot(INJECTABLE, key, (self.stage.id, "undo") if self.is_undo else (self.stage.id,))


class Lack(Record):
    """What a parameter lacks: a provider, the choice of one, a type, or a value of its own.

    What hears of it is made when all is known: see ``advice``.

    Attributes:
        consumer: whose parameter it is.
        parameter: the parameter.
        found: its providers where there are several; what fills it, where that fills others too.
        filled: the parameters that one value fills, where it fills several.
    """

    consumer: Consumer
    parameter: Parameter
    found: Tuple[Source, ...] = ()
    filled: Tuple[Parameter, ...] = ()

    @property
    def is_empty(self) -> bool:
        """Whether nothing can fill it."""
        return not self.found


class Nesting:
    """How deep in lists stages find the items that they take, of stages that take any.

    Attributes:
        depths: by place of a stage that takes items, 1 for those of a list.
        lists: by key of an item and how deep it is, the keys of the lists that hold it.
    """

    __slots__ = ("depths", "lists")

    def __init__(self) -> None:
        self.depths: Dict[int, int] = {}
        self.lists: Dict[object, Dict[int, Dict[object, None]]] = {}

    def keys(self, place: int, parameter: Parameter) -> Sequence[object]:
        """Return the keys of the lists that a parameter of a stage takes its items from."""
        return tuple(self.lists.get(parameter.key, {}).get(self.depths.get(place, 1), ()))


class ProviderIndex(Record):
    """Who provides what. A *place* is the position of a stage in the snapshot of its registry.

    Attributes:
        stages: the declarations, those that stand in for others in their places.
        given: by key, the slot of a value that the caller of the run gives.
        constants: by place, the slot of the value that stands in for a stage.
        references: the ways to name these stages.
        readings: by place, what was read.
        providers: by key, the stages that provide it, ascending: place, and item of a tuple.
        nesting: how deep stages find the items that they take in lists; None where none takes any.
        by_name: by key that was looked up, its providers by the last part of their ids.
    """

    stages: Sequence[Declaration]
    given: Dict[object, Slot]
    constants: Dict[int, Slot]
    references: References
    readings: List[Reading]
    providers: Dict[object, Sequence[Provider]]
    nesting: Optional[Nesting]
    by_name: Dict[object, Dict[str, List[Provider]]]

    def candidates(
        self, consumer: Consumer, name: str, keys: Sequence[object]
    ) -> Tuple[List[Source], str]:
        """Return the providers of any of *keys*, and why if it is one.

        Among several providers of one type, the parameter's *name* chooses; else ``depends_on``.
        """
        place, providers = consumer.place, self.providers
        known = [key for key in keys if key in providers]
        values = [self.given[key] for key in keys if self._is_given_only(key)]
        if len(known) == 1 and not values and self._others(place, known[0]) > 1:
            called = self.called(consumer, name, known[0])
            if called is not None:
                return [self.source(called)], BY_NAME
        pairs = [pair for key in known for pair in providers[key]]
        reason = BY_TYPE
        if len(pairs) > 1:
            pairs = [pair for pair in pairs if pair[0] != place] or pairs
        if len(pairs) > 1:
            near = [pair for pair in pairs if pair[0] in consumer.order]
            if len(near) == 1:
                pairs, reason = near, BY_DEPENDS_ON
        sources: List[Source] = [self.source(pair) for pair in pairs]
        if [p for p, _ in pairs] in ([], [place]):
            given = [self.given[key] for key in keys if key in self.given]
            return list(given or sources), BY_TYPE
        return [*sources, *values], reason  # a given member of a union beside one of a stage

    def _others(self, place: int, key: object) -> int:
        """Return how many providers of a type there are beside the stage that asks."""
        own = [each for each, _ in self.readings[place].provides if each == key]
        return len(self.providers[key]) - len(own)

    def called(self, consumer: Consumer, name: str, key: object) -> Optional[Provider]:
        """Return the provider of a type, but the consumer, that a parameter is called after."""
        names = self.by_name.get(key)
        if names is None:
            names = self.by_name[key] = {}
            for pair in self.providers[key]:
                names.setdefault(last_name(self.stages[pair[0]].id), []).append(pair)
        found = [pair for pair in names.get(name, ()) if pair[0] != consumer.place]
        if len(found) > 1:
            module = consumer.stage.module
            found = [pair for pair in found if self.stages[pair[0]].module == module]
        return found[0] if len(found) == 1 else None

    def _is_given_only(self, key: object) -> bool:
        return key in self.given and key not in self.providers

    def source(self, pair: Provider) -> Source:
        """Return a provider as a source: a stage, an item of its tuple, or what stands in."""
        stage, item = pair
        constant = self.constants.get(stage)
        if constant is not None:
            from stagekit._plan.overrides import part_of

            return part_of(constant, item, self.readings[stage].promise)
        return stage if item is None else Item(stage, item)


def fits(key: object, got: object) -> bool:
    """Return whether a value of type *got* may stand where *key* is asked for by ``From``."""
    if key == got:
        return True
    if isinstance(got, NamedKey):  # who names the stage need not repeat the name of its value
        return fits(key, got.type)
    if isinstance(key, UnionOf):
        wanted = set(key.members)
        if isinstance(got, UnionOf):
            return all(any(fits(k, g) for k in wanted) for g in got.members)
        return any(fits(member, got) for member in wanted)
    if isinstance(key, type):
        base = got.origin if isinstance(got, Parametrised) else got
        return key in getattr(base, "__mro__", ())
    return False
