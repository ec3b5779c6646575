"""Which of the ready steps starts first."""

from __future__ import annotations

from stagekit._plan.order import longest_remaining

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Mapping, Sequence, Tuple


def turns_of(priorities: Sequence[int], numbers: Sequence[int]) -> Tuple[int, ...]:
    """Return ranks by priority, then step number, which is by hops to the end."""
    return inverse(sorted(numbers, key=lambda step: -priorities[step]))


def ranks_by_hops(
    parents: Sequence[Sequence[int]],
    children: Sequence[Sequence[int]],
    priorities: Sequence[int],
) -> Tuple[Tuple[int, ...], Tuple[int, ...]]:
    """Return for each step its rank, and the steps by rank, where no durations are known.

    By priority, then most hops to the end, then by what follows: the hops of all children, summed.
    Against declaration order as the tie-break this shortens schedules of the Standard Task Graph
    Set by 0.3 to 0.4 %; see tests/workloads.
    """
    count = len(children)
    hops = [0] * count
    follows = [0] * count
    for step in range(count - 1, -1, -1):
        below = [hops[child] + 1 for child in children[step]]
        if below:
            hops[step] = max(below)
            follows[step] = sum(below)
    order = sorted(
        range(count),
        key=lambda s: (-priorities[s], -hops[s], -follows[s], -len(parents[s]), s),
    )
    return inverse(order), tuple(order)


def ranks_by_seconds(
    children: Sequence[Sequence[int]], priorities: Sequence[int], known: Mapping[int, float]
) -> Tuple[int, ...]:
    """Return ranks by priority, then longest remaining path in seconds, then step number.

    A step whose seconds are not known counts with the mean of the known ones.
    """
    count = len(children)
    mean = sum(known.values()) / len(known)
    length = longest_remaining(children, [known.get(step, mean) for step in range(count)])
    return inverse(sorted(range(count), key=lambda step: (-priorities[step], -length[step])))


def inverse(order: Sequence[int]) -> Tuple[int, ...]:
    """Return the inverse of a permutation."""
    rank = [0] * len(order)
    for place, step in enumerate(order):
        rank[step] = place
    return tuple(rank)
