"""Overrides: what stands in for stages, as constants or as other functions."""

from __future__ import annotations

from types import FunctionType, MethodType
from typing import Any, Dict, List, Optional, Sequence, Tuple

from stagekit._base.problem import Problem
from stagekit._base.record import Record
from stagekit._base.refs import StageRef
from stagekit._declare.declaration import Declaration, own_mark
from stagekit._plan.problems import bad_override
from stagekit._plan.references import Miss, References
from stagekit._plan.signature_data import Reading
from stagekit._plan.slots import VALUE, Slot


class Overrides(Record):
    """What stands in for stages.

    Attributes:
        stages: the declarations, those that stand in for others in their places.
        constants: by place, the slot of the value that stands in for a stage.
        originals: by place, the declaration that another one stands in for.
        problems: references that lead nowhere.
    """

    stages: Tuple[Declaration, ...]
    constants: Dict[int, Slot]
    originals: Dict[int, Declaration]
    problems: Tuple[Problem, ...]


def overridden(
    stages: Tuple[Declaration, ...],
    overrides: Sequence[Tuple[Any, Any]],  # Any: stages, and what stands in for them
) -> Overrides:
    """Return *stages* with overrides in place."""
    references = References(stages)
    changed = list(stages)
    problems: List[Problem] = []
    constants: Dict[int, Slot] = {}
    originals: Dict[int, Declaration] = {}
    for ref, value in overrides:
        place = references.find(ref)
        if isinstance(place, Miss):
            text = f"overrides: {place.message}"
            problems.append(Problem(place.code, text, notes=place.notes, fixes=place.fixes))
            continue
        old = stages[place]
        if isinstance(value, StageRef):
            other = references.find(value)
            if isinstance(other, Miss):
                problems.append(
                    Problem(other.code, f"overrides: {other.message}", notes=other.notes)
                )
                continue
            changed[place] = _stand_in(old, stages[other].fn, stages[other].depends_on)
        elif _is_function(value):
            mark = own_mark(value)
            changed[place] = _stand_in(old, value, mark.depends_on if mark else ())
        else:
            constants[place] = Slot(VALUE, None, value)
        if changed[place] is not old:
            originals[place] = old
    return Overrides(tuple(changed), constants, originals, tuple(problems))


def _is_function(value: object) -> bool:
    return isinstance(value, (FunctionType, MethodType))


def _stand_in(old: Declaration, fn: Any, depends_on: Tuple[object, ...]) -> Declaration:
    return Declaration(fn, old.id, depends_on, old.options, None)


def unfit_constants(
    stages: Sequence[Declaration], readings: Sequence[Reading], constants: Dict[int, Slot]
) -> List[Problem]:
    """Return the constants that cannot stand in for a stage that returns several values."""
    found: List[Problem] = []
    for place, slot in constants.items():
        promise = readings[place].promise
        if promise > 1 and not _has_items(slot.value, promise):
            found.append(bad_override(stages[place], slot.value, promise))
    return found


def part_of(constant: Slot, item: Optional[int], promise: int) -> Slot:
    """Return a constant, or the one of its items that is asked for."""
    if item is None or not _has_items(constant.value, promise):
        return constant
    return Slot(VALUE, constant.key, constant.value[item])


def _has_items(value: object, promise: int) -> bool:
    """Say whether a constant can stand in for a stage that returns a tuple of *promise* values."""
    return isinstance(value, tuple) and len(value) == promise  # pyright: ignore[reportUnknownArgumentType]
