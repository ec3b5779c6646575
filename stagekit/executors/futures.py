"""Pools: anything with ``submit``."""

from __future__ import annotations

import os

__all__ = ["is_pool", "workers_of"]


def is_pool(candidate: object) -> bool:
    """Tell whether calls can be submitted to an object; a class of pools is not a pool."""
    return callable(getattr(candidate, "submit", None)) and not isinstance(candidate, type)


def workers_of(pool: object) -> int:
    """Return how many calls a pool carries out at once: what it tells, else one a processor."""
    told: object = getattr(pool, "_max_workers", None)
    return told if type(told) is int and told > 0 else os.cpu_count() or 1
