"""Parameters whose marker says where their value comes from: ``From``, ``Collect``, ``Each``."""

from __future__ import annotations

from typing import Any, List, Optional, Tuple

from stagekit._base.keys import Parametrised, UnionOf, describe, may_be_none
from stagekit._base.refs import Collect, From
from stagekit._declare.declaration import Declaration
from stagekit._plan import problems
from stagekit._plan.references import Miss
from stagekit._plan.resolve import Resolver
from stagekit._plan.signature_data import Parameter, Reading
from stagekit._plan.wiring import OMIT, Gather

TYPE_CHECKING = False
if TYPE_CHECKING:
    from stagekit._plan.wiring import Source


def source_of(
    resolver: Resolver,
    place: int,
    stage: Declaration,
    parameter: Parameter,
    order: Tuple[int, ...],
) -> Tuple[Source, bool]:
    """Return what fills a parameter, and whether it can do without."""
    marker = parameter.marker
    if isinstance(marker, From):
        found = _from(resolver, place, stage, parameter, marker)
        return found, may_be_none(parameter.key)
    if isinstance(marker, Collect):
        return _gathered(resolver, place, parameter), True
    items = resolver.fanout.source(place, parameter, order)  # of `Each`
    return (OMIT if items is None else items), False


def _from(
    resolver: Resolver, place: int, stage: Declaration, parameter: Parameter, marker: From
) -> Source:
    """Return the stage that a parameter names, or the one item of its tuple that fits."""
    found = resolver.references.find(marker.stage, stage)
    if isinstance(found, Miss):
        where = f"From of parameter `{parameter.name}`"
        resolver.report(place, problems.from_miss(stage, found, where, parameter.name))
        return OMIT
    reading = resolver.readings[found]
    key = parameter.key
    if key is not None:
        items = [item for got, item in reading.provides if item is not None and fits(key, got)]
        if len(items) == 1 and not fits(key, reading.returns):
            return resolver.as_source((found, items[0]))
        got = reading.returns
        if got is None and reading.provides and reading.provides[0][1] is None:
            got = reading.provides[0][0]
        mismatch = _mismatch(key, got, reading)
        if mismatch is not None and not any(fits(key, k) for k, i in reading.provides if i is None):
            source = resolver.stages[found]
            resolver.report(place, problems.type_mismatch(stage, parameter, source, mismatch))
    return resolver.as_source((found, None))


def _gathered(resolver: Resolver, place: int, parameter: Parameter) -> Source:
    """Return every provider of the items of a list: given values first, then stages."""
    key = parameter.key
    assert isinstance(key, Parametrised)  # noqa: S101 - checked when the annotation was read
    element = key.args[0]
    parts: List[Any] = []  # Any: sources but for those that hold others
    if element in resolver.given:
        resolver.used.add(element)
        parts.append(resolver.given[element])
    parts += [
        resolver.as_source(pair) for pair in resolver.providers.get(element, ()) if pair[0] != place
    ]
    if not parts:
        resolver.empty.append((place, parameter))
    return Gather(tuple(parts), "tuple" if key.origin is tuple else "list")


def fits(key: object, got: object) -> bool:
    """Tell whether a value of type *got* may stand where *key* is asked for by ``From``."""
    if key == got:
        return True
    if isinstance(key, UnionOf):
        wanted = set(key.members)
        if isinstance(got, UnionOf):
            return all(any(fits(k, g) for k in wanted) for g in got.members)
        return any(fits(member, got) for member in wanted)
    if isinstance(key, type):
        base = got.origin if isinstance(got, Parametrised) else got
        return key in getattr(base, "__mro__", ())
    return False


def _mismatch(key: object, got: object, reading: Reading) -> Optional[str]:
    """Return what the stage returns instead of *key*, or None where that cannot be said."""
    if got is None:
        return "returns nothing" if reading.returns_none else None
    return None if fits(key, got) else f"returns `{describe(got)}`"
