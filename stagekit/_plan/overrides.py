"""Overrides: what stands in for stages, as constants or as other functions."""

from __future__ import annotations

from types import FunctionType, MethodType
from typing import Any, Dict, List, Optional, Sequence, Tuple

from stagekit._base.problem import Problem
from stagekit._base.refs import StageRef
from stagekit._declare.declaration import Declaration, own_mark
from stagekit._plan.problems import bad_override
from stagekit._plan.references import Miss, References
from stagekit._plan.resolve import Resolver
from stagekit._plan.slots import Slot


def put_in_place(
    stages: Tuple[Declaration, ...],
    overrides: Sequence[Tuple[Any, Any]],  # Any: stages, and what stands in for them
    general: List[Problem],
) -> Tuple[Tuple[Declaration, ...], Dict[int, Slot], Dict[int, Declaration]]:
    """Put overrides in place: constants, or other stages and the ones they stand in for."""
    references = References(stages)
    changed = list(stages)
    constants: Dict[int, Slot] = {}
    originals: Dict[int, Declaration] = {}
    for ref, value in overrides:
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
    return isinstance(value, (FunctionType, MethodType))


def _stand_in(old: Declaration, fn: Any, depends_on: Tuple[object, ...]) -> Declaration:
    return Declaration(fn, old.id, depends_on, old.options, None)


def check_constants(resolver: Resolver) -> List[Problem]:
    """Return the constants that cannot stand in for a stage that returns several values."""
    found: List[Problem] = []
    for place, slot in resolver.constants.items():
        promise = resolver.readings[place].promise
        if promise > 1 and not _has_items(slot.value, promise):
            found.append(bad_override(resolver.stages[place], slot.value, promise))
    return found


def part_of(constant: Slot, item: Optional[int], promise: int) -> Slot:
    """Return a constant, or the one of its items that is asked for."""
    if item is None or not _has_items(constant.value, promise):
        return constant
    return Slot("value", constant.key, constant.value[item])


def _has_items(value: object, promise: int) -> bool:
    """Tell whether a constant can stand in for a stage that returns a tuple of *promise* values."""
    return isinstance(value, tuple) and len(value) == promise  # pyright: ignore[reportUnknownArgumentType]
