"""``Dag``: the shape of a pipeline and nothing else."""

from __future__ import annotations

from dataclasses import dataclass
from typing import List, Tuple

__all__ = ["Dag"]


@dataclass(frozen=True)
class Dag:
    """A directed graph without cycles, its nodes numbered so that edges go up.

    Attributes:
        parents: for each node the nodes that come before it, ascending, each smaller than it.

    Example:
        >>> diamond = Dag(((), (0,), (0,), (1, 2)))
        >>> diamond.n, diamond.children
        (4, ((1, 2), (3,), (3,), ()))
    """

    parents: Tuple[Tuple[int, ...], ...]

    def __post_init__(self) -> None:
        for node, above in enumerate(self.parents):
            if list(above) != sorted({parent for parent in above if 0 <= parent < node}):
                raise ValueError(
                    f"the parents of node {node} must ascend and be smaller than it, got {above!r}"
                )

    @property
    def n(self) -> int:
        """The number of nodes."""
        return len(self.parents)

    @property
    def children(self) -> Tuple[Tuple[int, ...], ...]:
        """For each node the nodes that come right after it: the inverse of *parents*."""
        found: List[List[int]] = [[] for _ in self.parents]
        for node, above in enumerate(self.parents):
            for parent in above:
                found[parent].append(node)
        return tuple(map(tuple, found))

    @property
    def edges(self) -> Tuple[Tuple[int, int], ...]:
        """Every edge as (before, after)."""
        return tuple((parent, node) for node, above in enumerate(self.parents) for parent in above)
