"""A small graph drawn with characters: lanes of stages, joined by lines that never cross.

A lane is a row of stages that follow each other; ``draw`` places lanes and joins them.
"""

from __future__ import annotations

from typing import Dict, Iterator, List, NamedTuple, Sequence, Tuple

from stagekit._base.text import width
from stagekit._plan.width import levels

LEFT, RIGHT, UP, DOWN = 1, 2, 4, 8
_LINES = "?───│┘└┴│┐┌┬│┤├┼"  # by the sum of the sides that a character reaches
_MOST_LANES = 24
_MOST_ORDERS = 120
_MOST_SHIFTS = 16
Cell = Tuple[int, int]
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


class CannotDrawError(Exception):
    """A graph has no picture of this kind that could be read."""


def draw(parents: Graph, names: Sequence[str]) -> List[str]:
    """Return the lines of the picture of a graph without implied edges.

    Raises:
        CannotDrawError: lines would cross in every order of rows that was tried.
    """
    lanes = lanes_of(parents)
    if len(lanes) > _MOST_LANES:
        raise CannotDrawError
    for order in _orders(lanes):
        try:
            return _Canvas(parents, names, order).lines()
        except _CollisionError:
            continue
    raise CannotDrawError


def _orders(lanes: List[Lane]) -> Iterator[Sequence[Lane]]:
    """Yield orders of rows, the natural one first."""
    from itertools import islice, permutations

    return islice(permutations(lanes), _MOST_ORDERS)


class _CollisionError(Exception):
    """Two lines, or a line and a stage, want the same place."""


class _Canvas:
    """One attempt at a picture, with its rows in a given order."""

    def __init__(self, parents: Graph, names: Sequence[str], lanes: Sequence[Lane]) -> None:
        self.names = names
        self.cells: Dict[Cell, int] = {}  # sides reached; 0 for a cell that is taken
        self.texts: Dict[Cell, str] = {}
        self.rows = len(lanes)
        self.end = [0] * len(parents)  # the first column after a stage
        self.row: List[int] = [0] * len(parents)
        self.before: List[int] = [-1] * len(
            parents
        )  # the stage before in the lane, or branched from
        self.branches: Dict[int, List[int]] = {}  # stage -> rows that leave it
        self.merges: Dict[int, List[Tuple[int, int]]] = {}  # stage -> (row, last stage before)
        for row, lane in enumerate(lanes):
            self._read(row, lane)
        for step in range(len(parents)):
            self._place(step)

    def _read(self, row: int, lane: Lane) -> None:
        last = lane.starts
        if last >= 0:
            self.branches.setdefault(last, []).append(row)
        for step in lane.steps:
            self.row[step], self.before[step] = row, last
            last = step
        if lane.joins >= 0:
            self.merges.setdefault(lane.joins, []).append((row, last))

    def _line_from(self, step: int) -> int:
        """Return the column from which a line goes on that comes from *step*."""
        return self.end[step] + (2 if step in self.branches else 1)

    def _place(self, step: int) -> None:
        """Put a stage as far left as its lines allow."""
        row, before = self.row[step], self.before[step]
        joining = self.merges.get(step, [])
        first = self._line_from(before) + 3 if before >= 0 else 0
        for _, source in [*joining, (row, before)] if joining else []:
            room = 5 if source in self.branches else 4
            first = max(first, self._line_from(source) + room)
        for column in range(first, first + _MOST_SHIFTS):
            cells = dict(self.cells)
            try:
                self._draw(step, column)
            except _CollisionError:
                self.cells = cells
                continue
            self.texts[row, column] = self.names[step]
            if before >= 0:
                self.texts[row, column - 2] = "▶"
            return
        raise _CollisionError

    def _draw(self, step: int, column: int) -> None:
        row, before = self.row[step], self.before[step]
        size = width(self.names[step])
        for taken in range(max(0, column - 1), column + size + 1):
            self._take(row, taken)
        if before >= 0:
            self._lead_in(step, column)
        self.end[step] = column + size
        if step in self.branches:
            track = column + size + 2
            self._across(row, track - 1, track)
            self._down(track, [row, *self.branches[step]])

    def _lead_in(self, step: int, column: int) -> None:
        """Draw what comes from the stages before: the own lane, and lanes that join it."""
        row, arrow, track = self.row[step], column - 2, column - 3
        joining = self.merges.get(step, [])
        for other, source in [(row, self.before[step]), *joining]:
            start = self._line_from(source)
            end = track if joining else arrow
            self._across(other, start, end, meets=source in self.branches)
        if joining:
            self._across(row, track, arrow, meets=True)
            self._down(track, [row, *(other for other, _ in joining)])

    def _take(self, row: int, column: int) -> None:
        if (row, column) in self.cells:
            raise _CollisionError
        self.cells[row, column] = 0

    def _across(self, row: int, start: int, end: int, *, meets: bool = False) -> None:
        """Draw a line within a row, over free cells; *meets*: its first cell has a line already."""
        if not meets:
            self._take(row, start)
        self.cells[row, start] |= RIGHT
        for column in range(start + 1, end + 1):
            self._take(row, column)
            self.cells[row, column] = LEFT | (RIGHT if column < end else 0)

    def _down(self, column: int, rows: Sequence[int]) -> None:
        """Draw a line within a column from the highest to the lowest of *rows*."""
        top, bottom = min(rows), max(rows)
        for row in range(top, bottom + 1):
            if row not in rows:
                self._take(row, column)
            elif self.cells.get((row, column), 0) & (UP | DOWN):
                raise _CollisionError
            sides = (UP if row > top else 0) | (DOWN if row < bottom else 0)
            self.cells[row, column] = self.cells.get((row, column), 0) | sides

    def lines(self) -> List[str]:
        """Return the picture, row by row."""
        return [self._line(row).rstrip() for row in range(self.rows)]

    def _line(self, row: int) -> str:
        columns = [column for line, column in self.cells if line == row]
        text, column = "", 0
        while column <= max(columns, default=-1):
            written = self.texts.get((row, column))
            sides = self.cells.get((row, column), 0)
            piece = written if written is not None else _LINES[sides] if sides else " "
            text += piece
            column += width(piece)
        return text


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
