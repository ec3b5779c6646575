"""Order and cycles. Integers and Kahn's algorithm; graphlib names the cycles of what is left."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Dict, List, Optional, Sequence, Tuple

MAX_CYCLES = 20


def heights(parents: Sequence[Sequence[int]]) -> Tuple[List[int], List[int]]:
    """Return for each node the most hops to the end, and the nodes held up by cycles.

    Kahn's algorithm (Comm. ACM 5, 1962) from the leaves: a node's height is final once all its
    children have been seen. Time and space are linear in nodes and edges.
    """
    count = len(parents)
    height = [0] * count
    waiting = [0] * count
    for above in parents:
        for parent in above:
            waiting[parent] += 1
    ready = [node for node in range(count) if not waiting[node]]
    pop, push = ready.pop, ready.append
    seen = 0
    while ready:
        node = pop()
        seen += 1
        above = parents[node]
        if above:
            up = height[node] + 1
            for parent in above:
                if height[parent] < up:
                    height[parent] = up
                left = waiting[parent] - 1
                waiting[parent] = left
                if not left:
                    push(parent)
    held = [node for node in range(count) if waiting[node]] if seen < count else []
    return height, held


def longest_remaining(children: Sequence[Sequence[int]], durations: Sequence[float]) -> List[float]:
    """Return for each step the length of the longest path from its start to the end.

    Steps are numbered in a topological order, so one pass backwards is enough. This is the
    bottom level of critical path scheduling (Hu, Operations Research 9, 1961).
    """
    length = [0.0] * len(children)
    for step in range(len(children) - 1, -1, -1):
        below = children[step]
        longest = max([length[child] for child in below]) if below else 0.0
        length[step] = longest + durations[step]
    return length


def find_cycles(parents: Sequence[Sequence[int]], held: Sequence[int]) -> List[Tuple[int, ...]]:
    """Return one true cycle for each knot of nodes that can reach each other, first ones first.

    A cycle is a path along the edges, its first node repeated at the end. *held* are the nodes
    that ``heights`` could not finish.
    """
    left: Dict[int, List[int]] = {node: [] for node in held}
    for node in held:
        left[node] = [parent for parent in dict.fromkeys(parents[node]) if parent in left]
    found: List[Tuple[int, ...]] = []
    while left and len(found) < MAX_CYCLES:
        cycle = _one_cycle(left)
        if cycle is None:
            break
        found.append(cycle)
        for node in _knot(left, cycle[0]):
            del left[node]
        left = {n: [p for p in above if p in left] for n, above in left.items()}
    return sorted(found, key=min)


def _one_cycle(parents: Dict[int, List[int]]) -> Optional[Tuple[int, ...]]:
    import graphlib  # the package graphlib-backport on Python 3.8

    try:
        graphlib.TopologicalSorter(parents).prepare()
    except graphlib.CycleError as error:
        path: List[int] = error.args[1]
        return _shortened(parents, tuple(path))
    return None


def _shortened(parents: Dict[int, List[int]], path: Tuple[int, ...]) -> Tuple[int, ...]:
    """Return a shortest cycle through the first node of a cycle, starting at its smallest node."""
    start = path[0]
    came: Dict[int, int] = {}
    level = [start]
    while level and start not in came:
        following: List[int] = []
        for node in level:
            for parent in parents[node]:
                if parent not in came:
                    came[parent] = node
                    following.append(parent)
        level = following
    ring = [start]
    node = came[start]
    while node != start:
        ring.append(node)
        node = came[node]
    first = ring.index(min(ring))
    ring = ring[first:] + ring[:first]
    return (*ring, ring[0])


def _knot(parents: Dict[int, List[int]], start: int) -> List[int]:
    """Return the nodes that both reach *start* and are reached from it."""
    children: Dict[int, List[int]] = {node: [] for node in parents}
    for node, above in parents.items():
        for parent in above:
            children[parent].append(node)
    up, down = _reach(parents, start), _reach(children, start)
    return [node for node in up if node in down]


def _reach(edges: Dict[int, List[int]], start: int) -> Dict[int, None]:
    seen = {start: None}
    stack = [start]
    while stack:
        for node in edges[stack.pop()]:
            if node not in seen:
                seen[node] = None
                stack.append(node)
    return seen
