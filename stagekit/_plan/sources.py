"""What fills a parameter: one rule for each marker, and the rule of parameters without one.

A rule finds a source, or a problem that says why there is none. All that planning knows of a
marker is its line in ``RULES``.
"""

from __future__ import annotations

from stagekit._base.keys import BadTypeError, describe, is_scalar, may_be_none, members_of, named
from stagekit._base.problem import Problem
from stagekit._base.record import Record
from stagekit._plan.index import Lack, fits, is_injectable
from stagekit._plan.references import Miss
from stagekit._plan.signature_data import AS_DEFAULT, BARE, EMPTY, NO_KEY
from stagekit._plan.slots import GIVEN, LIST, NONE, TUPLE, VALUE, Slot
from stagekit._plan.wiring import (
    OMIT,
    Chosen,
    Gather,
    Item,
    Omit,
    Unfit,
    chosen,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Callable, Dict, List, Optional, Sequence, Tuple, Union

    from stagekit._plan.index import Consumer, ProviderIndex
    from stagekit._plan.signature_data import Parameter, Reading
    from stagekit._plan.wiring import Source

    Found = Union[Source, Chosen, Lack, Problem, Unfit]

_LISTS = {"list", "Sequence", "Collection", "Iterable"}


def _same(_marker: Any, key: object) -> object:
    return key


class Rule(Record):
    """What a marker means.

    Attributes:
        find: returns what fills a parameter, or why nothing does.
        is_soft: tells whether a parameter of a key can do without the values of its stages.
        key: returns the key that is asked for, given the marker and the key of the type beside it;
            raises ``BadTypeError`` where it cannot stand beside such a type.
        needs_type: whether the type beside it must select something; else ``Any`` will do.
        names_value: whether it may stand on a return annotation.
        goes_with_each: whether it may stand beside ``Each()``, to say where the list comes from.
    """

    find: Callable[[ProviderIndex, Consumer, Parameter], Found]
    is_soft: Callable[[object], bool] = may_be_none
    key: Callable[[Any, object], object] = _same
    needs_type: bool = True
    names_value: bool = False
    goes_with_each: bool = False


def rule_of(marker: Any) -> Optional[Rule]:
    """Return the rule of a marker, or of none; None where the marker is not known."""
    return BY_TYPE if marker is None else RULES.get(name_of(marker))


def name_of(marker: Any) -> str:
    """Return by which name planning knows a marker: of its class, or of one that it inherits."""
    names = [kind.__name__ for kind in type(marker).__mro__]
    return next((name for name in names if name in RULES), names[0])


def source_of(index: ProviderIndex, consumer: Consumer, parameter: Parameter) -> Tuple[Found, bool]:
    """Return what fills a parameter, or why nothing does; and whether it can do without."""
    if parameter.fault is not None:
        if parameter.fault.kind in {BARE, NO_KEY}:
            return Lack(consumer, parameter), False
        if parameter.fault.kind == AS_DEFAULT:
            from stagekit._plan.problems import marker_as_default

            return marker_as_default(consumer.stage, parameter), False
        from stagekit._plan.problems import bad_annotation

        return bad_annotation(consumer.stage, parameter.fault, parameter.name), False
    rule = rule_of(parameter.marker)
    if rule is None:
        from stagekit._plan.problems import unknown_marker

        return unknown_marker(consumer.stage, parameter), False
    return rule.find(index, consumer, parameter), rule.is_soft(parameter.key)


def by_type(index: ProviderIndex, consumer: Consumer, parameter: Parameter) -> Found:
    """Return the one provider of the type and name that a parameter asks for, or its default."""
    key = parameter.key
    if key is None:  # no annotation, or one that selects nothing: the default
        return OMIT
    if is_injectable(key):
        return consumer.injectable(key)
    members = members_of(key)
    if parameter.marker is None and parameter.default is not EMPTY and all(map(is_scalar, members)):
        return OMIT
    keys = (key, *members) if key not in members else members
    found, reason = index.candidates(consumer, parameter.name, keys)
    if len(found) == 1:
        return chosen(found[0], reason)
    if found:
        return Lack(consumer, parameter, tuple(found))
    return without_provider(consumer, parameter)


def may_repeat(sources: Sequence[Source]) -> bool:
    """Tell, fast, whether one value may fill several parameters: those to look at closely."""
    return len({*map(id, sources)}) < len(sources) or Item in map(type, sources)


def repeated(
    consumer: Consumer, parameters: Sequence[Parameter], sources: Sequence[Source]
) -> List[Lack]:
    """Report each value that fills several parameters which do not name it."""
    fillers: Dict[object, List[Tuple[Parameter, Source]]] = {}
    for parameter, source in zip(parameters, sources):
        marker = parameter.marker
        beside = marker.source if marker is not None and marker.is_each else marker
        if beside is not None or isinstance(source, (Gather, Omit)):
            continue
        value: object = id(source) if isinstance(source, Slot) else source
        if not isinstance(source, Slot) or source.kind in {GIVEN, VALUE}:
            fillers.setdefault(value, []).append((parameter, source))
    return [
        Lack(consumer, filled[-1][0], (filled[0][1],), tuple([each for each, _ in filled]))
        for filled in fillers.values()
        if len(filled) > 1
    ]


def without_provider(consumer: Consumer, parameter: Parameter) -> Found:
    """Return what fills a parameter that nothing provides: its default, None, or a problem."""
    for member in members_of(parameter.key):
        if is_injectable(member):
            return consumer.injectable(member)
    if parameter.default is not EMPTY:
        return OMIT
    if may_be_none(parameter.key):
        return Slot(NONE, parameter.key)
    return Lack(consumer, parameter)


def from_stage(index: ProviderIndex, consumer: Consumer, parameter: Parameter) -> Found:
    """Return the stage that ``From`` names, or the one item of its tuple that fits."""
    found = index.references.find(parameter.marker.stage, consumer.stage)
    if isinstance(found, Miss):
        from stagekit._plan.problems import from_miss

        where = f"From of parameter `{parameter.name}`"
        return from_miss(consumer.stage, found, where, parameter.name)
    reading, key = index.readings[found], parameter.key
    source = index.source((found, None))
    if key is None:  # any type will do
        return source
    items = [item for got, item in reading.provides if item is not None and fits(key, got)]
    if len(items) == 1 and not fits(key, reading.returns):
        return index.source((found, items[0]))
    mismatch = _mismatch(key, reading)
    if mismatch is None:
        return source
    from stagekit._plan.notebook import redefined
    from stagekit._plan.problems import type_mismatch

    problem = type_mismatch(consumer.stage, parameter, index.stages[found], mismatch)
    text, cure = redefined(key, reading.returns, consumer.stage, index.stages[found])
    if text:
        problem.notes, problem.fixes = (text,), (cure,)
    return Unfit(source, problem)


def _mismatch(key: object, reading: Reading) -> Optional[str]:
    """Return what a stage returns instead of *key*, or None where that cannot be said."""
    whole = [got for got, item in reading.provides if item is None]
    got = reading.returns
    if got is None and whole:
        got = whole[0]
    if got is None:
        return "returns nothing" if reading.returns_none else None
    if fits(key, got) or any(fits(key, each) for each in whole):
        return None
    return f"returns `{describe(got)}`"


def collected(index: ProviderIndex, consumer: Consumer, parameter: Parameter) -> Found:
    """Return every provider of the items of a list: given values first, then stages."""
    key: Any = parameter.key  # a Parametrised, as was checked when the annotation was read
    element = key.args[0]
    parts: List[Any] = []  # Any: sources but for those that hold others
    if element in index.given:
        parts.append(index.given[element])
    parts += [
        index.source(pair) for pair in index.providers.get(element, ()) if pair[0] != consumer.place
    ]
    return Gather(tuple(parts), TUPLE if key.origin is tuple else LIST)


def one_item(index: ProviderIndex, consumer: Consumer, parameter: Parameter) -> Found:
    """Return the list whose items ``Each`` takes one at a time."""
    from stagekit._plan.map_inputs import list_of_items

    return list_of_items(index, consumer, parameter)


def _key_with_name(marker: Any, key: object) -> object:
    return named(key, marker.name)


def _key_of_list(_marker: Any, key: object) -> object:
    """Check that the type beside ``Collect`` is a list, tuple or sequence of something."""
    origin = getattr(key, "origin", None)
    args: Tuple[object, ...] = getattr(key, "args", ())
    name = getattr(origin, "__name__", "")
    is_tuple = origin is tuple and len(args) == 2 and args[1] is ...  # noqa: PLR2004
    if is_tuple or (name in _LISTS and len(args) == 1):
        return key
    raise BadTypeError("`Collect()` needs a list: Annotated[list[T], Collect()]")


def _always(_key: object) -> bool:
    return True


def _never(_key: object) -> bool:
    return False


BY_TYPE = Rule(by_type)
RULES: Dict[str, Rule] = {  # by the name of the marker's class: `Each` is loaded where it is used
    "Named": Rule(by_type, key=_key_with_name, names_value=True, goes_with_each=True),
    "From": Rule(from_stage, needs_type=False, goes_with_each=True),
    "Collect": Rule(collected, key=_key_of_list, is_soft=_always),
    "Each": Rule(one_item, is_soft=_never),
}
