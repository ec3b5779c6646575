"""Which of the stages that are ready comes first, where chance decides that."""

from __future__ import annotations

from random import Random
from typing import Tuple


def drawn_rank(count: int, seed: int) -> Tuple[int, ...]:
    """Return a rank for each of so many steps, as a seed decides: the same on every Python."""
    chance = Random(seed).random  # noqa: S311 - an order, no secret
    drawn = [chance() for _ in range(count)]  # of what Random has, this alone never changes
    rank = [0] * count
    for place, step in enumerate(sorted(range(count), key=drawn.__getitem__)):
        rank[step] = place
    return tuple(rank)
