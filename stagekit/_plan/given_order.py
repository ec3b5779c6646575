"""``run(order=...)``: the order that a caller has all stages of a plan run in."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Dict, List, Optional, Sequence, Tuple

from stagekit._base.text import error_line, listed, safe_repr
from stagekit.errors import UsageError

if TYPE_CHECKING:
    from stagekit._plan.plan import Plan

MOST = 5  # mistakes that are told


def rank_of(
    plan: Plan, order: Sequence[Any], *, executor: object, seed: Optional[int]
) -> Tuple[int, ...]:
    """Return a rank for each step by which one worker takes the steps in an order.

    Args:
        plan: what is run.
        order: functions, ids or references of all its stages.
        executor: of the run.
        seed: of the run.

    Raises:
        UsageError: a stage is unknown, missing, there twice, or before one that it waits for; or
            the run says otherwise where or in which order stages run. All of it is told.
    """
    mistakes: List[str] = []
    if executor not in ("auto", "inline"):
        mistakes.append(f"order runs stages inline; leave out executor={executor!r}")
    if seed is not None:
        mistakes.append("order and seed both say which stage comes first; give one")
    places: Dict[int, int] = {}
    for place, stage in enumerate(order):
        try:
            step = plan.step_of(stage)
        except LookupError as error:
            mistakes.append(f"order names {safe_repr(stage)}: {error}")
            continue
        except Exception as error:  # noqa: BLE001 - of the object, whose methods are the user's
            mistakes.append(
                f"order names {safe_repr(stage)}, which is no stage: {error_line(error)}"
            )
            continue
        if places.setdefault(step, place) != place:
            mistakes.append(f"order names {plan.order[step]!r} twice")
    missing = [name for step, name in enumerate(plan.order) if step not in places]
    if missing:
        mistakes.append(f"order lacks {listed(list(map(repr, missing)), MOST)}")
    for step, place in places.items():
        late = [parent for parent in plan.parents[step] if places.get(parent, -1) > place]
        mistakes += [
            f"order has {plan.order[step]!r} before {plan.order[parent]!r}, which it waits for"
            for parent in late
        ]
    if mistakes:
        raise UsageError(listed(mistakes, MOST, joiner="; "))
    return tuple([places[step] for step in range(len(plan))])
