"""A small graph as lanes: rows of stages that follow each other, and what joins the rows."""

from __future__ import annotations

from typing import Dict, List, NamedTuple, Sequence, Tuple

from stagekit._plan.width import levels

Graph = Sequence[Tuple[int, ...]]  # the parents of each step, in a topological order


class Lane(NamedTuple):
    """A row of the picture.

    Attributes:
        steps: the stages in it, each waiting for the one before; empty for a mere line.
        starts: the step that it branches off from, or -1.
        joins: the step that its end leads into, or -1.
    """

    steps: Tuple[int, ...]
    starts: int
    joins: int


def reduced(parents: Graph) -> List[Tuple[int, ...]]:
    """Return the graph without edges that others imply."""
    above: List[int] = []  # the ancestors of each step, as the bits of a number
    found: List[Tuple[int, ...]] = []
    for step, mine in enumerate(parents):
        implied = 0
        for parent in mine:
            implied |= above[parent]
        found.append(tuple(parent for parent in mine if not implied >> parent & 1))
        above.append(implied | sum(1 << parent for parent in found[step]))
    return found


def components(parents: Graph) -> List[List[int]]:
    """Return the parts of a graph that no edge joins, each ascending, ordered by their first."""
    part = list(range(len(parents)))

    def first(step: int) -> int:
        while part[step] != step:
            part[step] = part[part[step]]
            step = part[step]
        return step

    for step, mine in enumerate(parents):
        for parent in mine:
            one, other = sorted((first(step), first(parent)))
            part[other] = one
    found: Dict[int, List[int]] = {}
    for step in range(len(parents)):
        found.setdefault(first(step), []).append(step)
    return list(found.values())


def lanes_of(parents: Graph) -> List[Lane]:
    """Cover a graph with lanes. Every edge is within a lane, or the start or the end of one."""
    level = levels(parents)
    rows: List[List[int]] = []
    starts: List[int] = []
    row_of: List[int] = []
    merges: List[Tuple[int, int]] = []
    for step, mine in enumerate(parents):
        near = sorted(mine, key=lambda parent: (-level[parent], parent))
        free = [parent for parent in near if rows[row_of[parent]][-1] == parent]
        home = free[0] if free else near[0] if near else -1
        if free:
            row_of.append(row_of[home])
            rows[row_of[home]].append(step)
        else:
            row_of.append(len(rows))
            rows.append([step])
            starts.append(home)
        merges += [(parent, step) for parent in mine if parent != home]
    return _joined(rows, starts, row_of, merges)


def _joined(
    rows: List[List[int]], starts: List[int], row_of: List[int], merges: List[Tuple[int, int]]
) -> List[Lane]:
    """Lead the end of a row into the step it merges with; other merges get a line of their own."""
    joins = [-1] * len(rows)
    lines: List[Lane] = []
    for parent, step in merges:
        row = row_of[parent]
        if rows[row][-1] == parent and joins[row] < 0:
            joins[row] = step
        else:
            lines.append(Lane((), parent, step))
    lanes = [Lane(tuple(row), start, join) for row, start, join in zip(rows, starts, joins)]
    return _below_each_other(lanes + lines)


def _below_each_other(lanes: List[Lane]) -> List[Lane]:
    """Order lanes so that a branch comes right after the lane that it leaves, the last first."""
    holder = {step: number for number, lane in enumerate(lanes) for step in lane.steps}
    branches: Dict[int, List[int]] = {}
    for number, lane in enumerate(lanes):
        branches.setdefault(holder.get(lane.starts, -1), []).append(number)
    ordered: List[Lane] = []
    stack = branches.get(-1, [])[::-1]
    while stack:
        number = stack.pop()
        ordered.append(lanes[number])
        place = {step: n for n, step in enumerate(lanes[number].steps)}
        stack += sorted(branches.get(number, []), key=lambda n: (place[lanes[n].starts], -n))
    return ordered
