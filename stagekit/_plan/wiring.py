"""What one stage waits for, and what fills its parameters: places of stages, not steps yet."""

from __future__ import annotations

from stagekit._base.record import Record
from stagekit._plan.slots import BY_TYPE, Slot

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import List, Mapping, Optional, Sequence, Tuple, Union

    from stagekit._base.problem import Problem
    from stagekit._plan.signature_data import Reading

    Source = Union[int, "Item", Slot, "Gather", "Omit"]
    AnyWiring = Union[Tuple[int, ...], "Wiring"]


class Item(Record):
    """One item of the tuple that a stage returns."""

    stage: int
    item: int


class Gather(Record):
    """The values of every provider, as a list or a tuple."""

    parts: Tuple[Union[int, Item, Slot], ...]
    kind: str


class Omit(Record):
    """The parameter falls back on its default."""

    __slots__ = ()


OMIT = Omit()


class Chosen(Record):
    """One of several sources of a type, and by what it was chosen: the reason of the binding."""

    source: Source
    reason: str


def chosen(source: Source, reason: str) -> Union[Source, Chosen]:
    """Return a source, with the reason where it is not the only one of its type."""
    return source if reason == BY_TYPE else Chosen(source, reason)


class Unfit(Record):
    """A source that does not fit: planning goes on with it, to find what else is wrong."""

    source: Source
    problem: Problem


NOTHING_GIVEN: Mapping[int, Slot] = {}
ALL_BY_TYPE: Mapping[int, str] = {}


class Wiring:
    """What one stage waits for and what fills its parameters; places of stages, not steps."""

    __slots__ = ("instead", "order", "reasons", "sources", "soft")

    def __init__(
        self,
        order: Tuple[int, ...],
        sources: Tuple[Source, ...],
        soft: Tuple[int, ...],
        instead: Mapping[int, Slot] = NOTHING_GIVEN,
        reasons: Mapping[int, str] = ALL_BY_TYPE,
    ) -> None:
        self.order = order
        self.sources = sources
        self.soft = soft  # parameters that can do without the value of their stage
        self.instead = instead  # parameter -> given value, should its stage be left out
        self.reasons = reasons  # parameter -> reason, where several had its type

    def filled(
        self, number: int, source: Source, reason: str, instead: Optional[Slot] = None
    ) -> Wiring:
        """Return the same wiring with another source for one parameter.

        Args:
            number: which parameter.
            source: fills it.
            reason: why this one.
            instead: fills it, should the stage of *source* be left out.
        """
        sources = (*self.sources[:number], source, *self.sources[number + 1 :])
        reasons = {each: said for each, said in self.reasons.items() if each != number}
        if reason != BY_TYPE:
            reasons[number] = reason
        stand_ins = {each: slot for each, slot in self.instead.items() if each != number}
        if instead is not None:
            stand_ins[number] = instead
        return Wiring(self.order, sources, self.soft, stand_ins, reasons)

    def after(self, order: Tuple[int, ...]) -> Wiring:
        """Return the same wiring of a stage that waits for *order* besides its sources."""
        return Wiring(order, self.sources, self.soft, self.instead, self.reasons)


def sources_of(wiring: AnyWiring) -> Tuple[Source, ...]:
    """Return what fills the parameters of a stage."""
    return wiring.sources if isinstance(wiring, Wiring) else ()


def order_of(wiring: AnyWiring) -> Tuple[int, ...]:
    """Return the stages named in ``depends_on``."""
    return wiring.order if isinstance(wiring, Wiring) else wiring


def reasons_of(wiring: AnyWiring) -> Mapping[int, str]:
    """Return by parameter why it has its source, where several had its type."""
    return wiring.reasons if isinstance(wiring, Wiring) else ALL_BY_TYPE


def stages_in(source: Source) -> Tuple[int, ...]:
    """Return the stages that a source takes values from."""
    if isinstance(source, Gather):
        return tuple(place for part in source.parts for place in stages_in(part))
    if isinstance(source, Item):
        return (source.stage,)
    return (source,) if isinstance(source, int) else ()


def waited_for(wiring: AnyWiring) -> Sequence[int]:
    """Return the stages that a stage waits for, without repeats."""
    sources = sources_of(wiring)
    if len(sources) == 1 and isinstance(sources[0], int) and not order_of(wiring):
        return (sources[0],)
    found = dict.fromkeys(order_of(wiring))
    for source in sources_of(wiring):
        if isinstance(source, int):
            found[source] = None
        elif isinstance(source, Item):
            found[source.stage] = None
        elif isinstance(source, Gather):
            for part in source.parts:
                if not isinstance(part, Slot):
                    found[part if isinstance(part, int) else part.stage] = None
    return list(found)


def places_of(found: Sequence[Source]) -> List[int]:
    """Return the stages among the candidates for a parameter."""
    return [
        source if isinstance(source, int) else source.stage
        for source in found
        if isinstance(source, (int, Item))
    ]


class Provenance(Record):
    """What a plan was made from, by step; all empty where no stage of it has parameters."""

    places: Tuple[int, ...] = ()
    readings: Tuple[Reading, ...] = ()
    wirings: Tuple[AnyWiring, ...] = ()
