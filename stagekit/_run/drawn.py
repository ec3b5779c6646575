"""Random numbers of a run: the seeded rank of steps, and the jitter of retries."""

from __future__ import annotations

from typing import Callable, List, Optional, Tuple


def drawn_rank(count: int, seed: int) -> Tuple[int, ...]:
    """Return a rank for each of so many steps, as a seed decides: the same on every Python."""
    from random import Random

    chance = Random(seed).random  # noqa: S311 - an order, no secret
    drawn = [chance() for _ in range(count)]  # of what Random has, this alone never changes
    rank = [0] * count
    for place, step in enumerate(sorted(range(count), key=drawn.__getitem__)):
        rank[step] = place
    return tuple(rank)


def jitter(seed: Optional[int]) -> Callable[[], float]:
    """Return what draws numbers from 0 up to 1: equal ones for a seed, others in each run for None.

    The generator is made when the first number is drawn: few runs retry.
    """
    made: List[Callable[[], float]] = []

    def draw() -> float:
        if not made:
            from random import Random

            made.append(Random(seed).random)  # noqa: S311 - waits, no secret
        return made[0]()

    return draw
