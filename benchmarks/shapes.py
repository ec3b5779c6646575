"""The graphs that are measured: plain parent lists, independent of any library."""

from __future__ import annotations

import random
from dataclasses import dataclass
from typing import Callable, Dict, List, Mapping, Tuple

__all__ = ["SHAPES", "Shape", "chain", "debian", "layered", "wide"]

DEBIAN_NODES = 63_000
DEBIAN_EDGES = 256_000


@dataclass(frozen=True)
class Shape:
    """A directed acyclic graph: node `i` comes after every node in `parents[i]`."""

    name: str
    parents: Tuple[Tuple[int, ...], ...]

    @property
    def size(self) -> int:
        """How many nodes the graph has."""
        return len(self.parents)

    @property
    def edges(self) -> int:
        """How many edges the graph has."""
        return sum(map(len, self.parents))

    def sinks(self) -> Tuple[int, ...]:
        """Return the nodes that nothing depends on, ascending."""
        used = {parent for parents in self.parents for parent in parents}
        return tuple(node for node in range(self.size) if node not in used)

    def generations(self) -> Tuple[Tuple[int, ...], ...]:
        """Group the nodes by their longest distance from a root; needs ascending parents."""
        depth: List[int] = []
        for parents in self.parents:
            depth.append(max((depth[parent] + 1 for parent in parents), default=0))
        groups: List[List[int]] = [[] for _ in range(max(depth, default=-1) + 1)]
        for node, level in enumerate(depth):
            groups[level].append(node)
        return tuple(map(tuple, groups))


def chain(n: int) -> Shape:
    """Each node after the one before it."""
    return Shape("chain", tuple((i - 1,) if i else () for i in range(n)))


def wide(n: int) -> Shape:
    """One root, `n - 2` nodes that depend on it, and one sink that takes them all."""
    middle = tuple((0,) for _ in range(n - 2))
    return Shape("wide", ((), *middle, tuple(range(1, n - 1))))


def layered(n: int) -> Shape:
    """`k` layers of `k` nodes (`k` the square root of `n`), each with two random parents."""
    k = max(round(n**0.5), 2)
    rng = random.Random(k)
    parents: List[Tuple[int, ...]] = [() for _ in range(k)]
    for layer in range(1, k):
        before = range((layer - 1) * k, layer * k)
        parents.extend(tuple(sorted(rng.sample(before, 2))) for _ in range(k))
    return Shape("layered", tuple(parents))


def debian(nodes: int = DEBIAN_NODES, edges: int = DEBIAN_EDGES, *, seed: int = 12) -> Shape:
    """A random graph of the size of Debian's package index, declared in random order.

    Modelled on packages: few libraries are needed by very many, most packages by few (targets
    are drawn in proportion to the dependents they have, one in five uniformly), and the number of
    dependencies is skewed, four on average. Parents may be declared after their dependents.
    """
    rng = random.Random(seed)
    wanted = _skewed_counts(nodes, edges, rng)
    label = list(range(nodes))
    rng.shuffle(label)
    parents: List[Tuple[int, ...]] = [()] * nodes
    urn: List[int] = []
    for node, count in enumerate(wanted):
        chosen: Dict[int, None] = {}
        while len(chosen) < count:
            uniform = not urn or rng.random() < 0.2
            chosen[rng.randrange(node) if uniform else urn[rng.randrange(len(urn))]] = None
        urn.extend(chosen)
        parents[label[node]] = tuple(sorted(label[parent] for parent in chosen))
    return Shape("debian", tuple(parents))


def _skewed_counts(nodes: int, edges: int, rng: random.Random) -> List[int]:
    """Draw how many parents each node has: log-normal, capped at 60, `edges` in total."""
    drawn = [rng.lognormvariate(0.0, 0.9) for _ in range(nodes)]
    scale = edges / sum(drawn)
    counts = [min(int(value * scale), 60, node) for node, value in enumerate(drawn)]
    missing = edges - sum(counts)
    while missing:
        node = rng.randrange(nodes)
        if missing > 0 and counts[node] < min(60, node):
            counts[node] += 1
            missing -= 1
        elif missing < 0 and counts[node] > 0:
            counts[node] -= 1
            missing += 1
    return counts


SHAPES: Mapping[str, Callable[[int], Shape]] = {"chain": chain, "wide": wide, "layered": layered}
