"""Which of the ready steps starts first."""

from __future__ import annotations

from typing import TYPE_CHECKING, List, Mapping, Optional, Sequence, Tuple

from stagekit._plan.order import longest_remaining

if TYPE_CHECKING:
    from stagekit._plan.plan import Plan

__all__ = ["first_ranks", "ranked"]


def first_ranks(priorities: Sequence[int], numbers: Sequence[int]) -> Tuple[int, ...]:
    """Return ranks by priority, then step number, which is by hops to the end."""
    if not any(priorities):
        return tuple(numbers)
    order = sorted(numbers, key=lambda step: -priorities[step])
    return _inverse(order)


def ranked(plan: Plan, durations: Optional[Mapping[str, float]]) -> Tuple[int, ...]:
    """Return ranks by priority, then longest remaining path, then step number."""
    known = {} if durations is None else {i: s for i, s in durations.items() if i in plan}
    if not known:
        return plan.rank
    mean = sum(known.values()) / len(known)
    seconds = [known.get(stage_id, mean) for stage_id in plan.order]
    length = longest_remaining(plan.children, seconds)
    priorities = [stage.priority for stage in plan.stages]
    order = sorted(range(len(plan)), key=lambda step: (-priorities[step], -length[step]))
    return _inverse(order)


def _inverse(order: List[int]) -> Tuple[int, ...]:
    rank = [0] * len(order)
    for place, step in enumerate(order):
        rank[step] = place
    return tuple(rank)
