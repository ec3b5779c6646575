"""How many stages of a graph can run at once."""

from __future__ import annotations

from typing import List, Sequence


def levels(parents: Sequence[Sequence[int]]) -> List[int]:
    """Return the level of each step: 0 without parents, else one more than its parents' highest.

    Steps are numbered in a topological order.
    """
    level: List[int] = []
    for above in parents:
        level.append(1 + max([level[parent] for parent in above]) if above else 0)
    return level


def widest(parents: Sequence[Sequence[int]]) -> int:
    """Return the most steps of which none must wait for another.

    By Dilworth's theorem (Annals of Mathematics 51, 1950) that is the fewest chains that cover
    the graph, which is the number of steps less a maximum matching of steps to descendants.
    Space is quadratic in bits and time cubic at worst, so it is for graphs that people look at.
    """
    below = _descendants(parents)
    before: List[int] = [-1] * len(parents)  # the step that comes before this one in its chain
    chains = len(parents)
    for step in range(len(parents)):
        chains -= _extend(below, before, step)
    return chains


def _descendants(parents: Sequence[Sequence[int]]) -> List[int]:
    """Return the descendants of each step, as the bits of a number."""
    below = [0] * len(parents)
    for step in range(len(parents) - 1, -1, -1):
        mine = below[step] | 1 << step
        for parent in parents[step]:
            below[parent] |= mine
    return below


def _extend(below: Sequence[int], before: List[int], start: int) -> int:
    """Give *start* a step that follows it, moving others where needed; return how many more.

    One phase of Kuhn's algorithm (Naval Research Logistics Quarterly 2, 1955), breadth first.
    """
    came: dict[int, int] = {}  # a step to follow -> the step that would be followed by it
    unseen = (1 << len(before)) - 1
    queue = [start]
    for step in queue:
        fresh = below[step] & unseen
        unseen &= ~fresh
        while fresh:
            after = (fresh & -fresh).bit_length() - 1
            fresh &= fresh - 1
            came[after] = step
            if before[after] < 0:
                _match(before, came, after, start)
                return 1
            queue.append(before[after])
    return 0


def _match(before: List[int], came: dict[int, int], after: int, start: int) -> None:
    """Write the chain of changes that ends with *after* becoming a follower."""
    follows = {step: after for after, step in enumerate(before) if step >= 0}
    while True:
        step = came[after]
        before[after] = step
        if step == start:
            return
        after = follows[step]
