"""Parameters that not exactly one provider fills: their default, None, or a problem."""

from __future__ import annotations

from typing import Dict, List

from stagekit._base.keys import may_be_none, members_of
from stagekit._declare.declaration import Declaration
from stagekit._plan import problems
from stagekit._plan.resolve import Resolver
from stagekit._plan.signature_data import EMPTY, Fault, Parameter
from stagekit._plan.slots import Slot
from stagekit._plan.wiring import OMIT, places_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from stagekit._plan.wiring import Source


def without(resolver: Resolver, place: int, stage: Declaration, parameter: Parameter) -> Source:
    """Return what fills a parameter without a provider, after reporting where nothing does."""
    for member in members_of(parameter.key):
        if resolver.is_injectable(place, member):
            return resolver.injectable(place, stage, member)
    if parameter.default is not EMPTY:
        return OMIT
    if may_be_none(parameter.key):
        return Slot("none", parameter.key)
    provided, given = providers_but(resolver, place), tuple(resolver.given)
    resolver.report(place, problems.missing(stage, parameter, provided, given))
    return OMIT


def providers_but(resolver: Resolver, place: int) -> Dict[object, List[Declaration]]:
    """Return by key what stages provide, but for one of them."""
    provided = {
        key: [resolver.stages[p] for p, _ in pairs if p != place]
        for key, pairs in resolver.providers.items()
    }
    return {key: stages for key, stages in provided.items() if stages}


def report_many(
    resolver: Resolver, place: int, stage: Declaration, parameter: Parameter, found: List[Source]
) -> Source:
    """Report a parameter that several provide."""
    many = [resolver.stages[p] for p in places_of(found)]
    given = [s.key for s in found if isinstance(s, Slot) and s.kind == "given"]
    resolver.report(place, problems.ambiguous(stage, parameter, many, given))
    return OMIT


def report_fault(
    resolver: Resolver, place: int, stage: Declaration, parameter: Parameter, fault: Fault
) -> Source:
    """Report what is wrong with the annotation of a parameter."""
    if fault.kind == "bare":
        resolver.report(place, problems.bare_parameter(stage, parameter))
    else:
        resolver.report(place, problems.bad_annotation(stage, fault, parameter.name))
    return OMIT
