"""Where the boxes of a graph stand, and which ways its edges take: layers from left to right.

The method is that of Sugiyama, Tagawa and Toda (IEEE Transactions on Systems, Man, and Cybernetics
11, 1981): edges that pass a layer get a place there, layers are ordered by barycentres in turn,
and the order with the fewest crossings is kept. Heights come from layer to layer by least squares
(see ``_spread``), as often as it takes to settle.
"""

from __future__ import annotations

from bisect import bisect_right, insort
from typing import Dict, List, NamedTuple, Sequence, Tuple

from stagekit._plan.width import levels
from stagekit._render.drawing import components

Graph = Sequence[Sequence[int]]  # the parents of each box, in a topological order
Point = Tuple[float, float]

LOW, PORT = 28.0, 8.0  # px: the height of a box, and between edges that end at it
_TALLEST = 176.0  # of which edges make use; more of them are closer together
_ROOM, _TIGHT = 16.0, 10.0  # between boxes, between edges that pass
_BESIDE, _FARTHEST = 44.0, 130.0  # between layers, as steep as edges are
_APART = 28.0  # between parts of the graph that no edge joins
_LEAST_ROW = 480.0  # how wide rows of boxes without edges may be
_MOST_APART = (
    400  # places where edges pass; beyond, those of one box have one way as far as they can
)
_MOST_PASSING = 20_000  # beyond, edges pass anywhere
_SWEEPS = 16  # to order layers
_TURNS = 12  # to settle heights
_STEEP = 0.3


class Box(NamedTuple):
    """Where a box stands."""

    left: float
    top: float
    width: float
    height: float


class Layout(NamedTuple):
    """A graph with places, from 0, 0 on.

    Attributes:
        boxes: where each box stands.
        routes: for each edge, by the box it ends at and then by that it begins at, the points
            where it is level: the right side of a box, both sides of each layer that it passes,
            the left side of a box.
    """

    boxes: Tuple[Box, ...]
    routes: Dict[Tuple[int, int], List[Point]]
    width: float
    height: float


def layered(parents: Graph, widths: Sequence[float]) -> Layout:
    """Return the places of boxes of these widths; equal graphs get equal ones.

    Parts that no edge joins stand below each other, and boxes without edges in rows below them.
    """
    boxes: List[Box] = [Box(0, 0, 0, 0)] * len(parents)
    routes: Dict[Tuple[int, int], List[Point]] = {}
    right = bottom = 0.0
    alone: List[int] = []
    for part in components([tuple(above) for above in parents]):
        if len(part) == 1:
            alone += part
            continue
        number = {step: place for place, step in enumerate(part)}
        inner = [[number[parent] for parent in parents[step]] for step in part]
        made = _Part(inner, [widths[step] for step in part])
        top = bottom + _APART if bottom else 0.0
        for step, (left, above, wide, high) in zip(part, made.boxes):
            boxes[step] = Box(left, above + top, wide, high)
        for (before, after), way in made.routes.items():
            routes[part[before], part[after]] = [(x, y + top) for x, y in way]
        right, bottom = max(right, made.width), top + made.height
    left, top, limit = 0.0, bottom + _APART if bottom else 0.0, max(right, _LEAST_ROW)
    for step in alone:
        if left and left + widths[step] > limit:
            left, top = 0.0, top + LOW + _ROOM
        boxes[step] = Box(left, top, widths[step], LOW)
        right, bottom = max(right, left + widths[step]), top + LOW
        left += widths[step] + _ROOM
    return Layout(tuple(boxes), routes, right, bottom)


class _Part:
    """The places of a graph that hangs together.

    A *spot* is a box, or where an edge passes a layer: these are numbered after the boxes.
    """

    def __init__(self, parents: Graph, widths: Sequence[float]) -> None:
        self.count = len(parents)
        self.level = _drawn_level(parents)
        self.before: List[List[int]] = [[] for _ in parents]  # spots of the layer before
        self.after: List[List[int]] = [[] for _ in parents]
        self.layers: List[List[int]] = [[] for _ in range(max(self.level) + 1)]
        for step, number in enumerate(self.level):
            self.layers[number].append(step)
        self.ways: Dict[Tuple[int, int], List[int]] = {}  # the spots of each edge
        self._join(parents)
        self._order()
        self.place = [0] * len(self.before)  # within its layer
        for layer in self.layers:
            for number, spot in enumerate(layer):
                self.place[spot] = number
        self.ports: Dict[Tuple[int, int], float] = {}  # (spot, spot it is joined with) -> height
        self.heights = [self._height(step) for step in range(self.count)]
        self.heights += [0.0] * (len(self.before) - self.count)
        self.y = [0.0] * len(self.before)
        self._settle()
        self._measure(widths)

    def _join(self, parents: Graph) -> None:
        spans = sum(
            self.level[step] - self.level[parent] - 1
            for step, above in enumerate(parents)
            for parent in above
        )
        shared: Dict[Tuple[int, int], int] = {}  # (box, layer) -> where all its edges pass
        for step, above in enumerate(parents):
            for parent in above:
                way = [parent]
                between = range(self.level[parent] + 1, self.level[step])
                for number in between if spans <= _MOST_PASSING else ():
                    spot = shared.get((parent, number))
                    if spot is None:
                        spot = self._passing(number)
                    if spans > _MOST_APART:
                        shared[parent, number] = spot
                    way.append(spot)
                way.append(step)
                self.ways[parent, step] = way
                for one, other in zip(way, way[1:]):
                    if other not in self.after[one]:
                        self.after[one].append(other)
                        self.before[other].append(one)

    def _passing(self, number: int) -> int:
        """Make a spot where an edge passes a layer."""
        spot = len(self.before)
        self.before.append([])
        self.after.append([])
        self.layers[number].append(spot)
        return spot

    def _order(self) -> None:
        """Sort each layer by what its spots are joined with, in turn with either neighbour."""
        best, fewest = self.layers, self._crossings()
        worse = 0
        for sweep in range(_SWEEPS):
            if not fewest or worse > 4:  # noqa: PLR2004 - sweeps that were of no use
                break
            beside = self.after if sweep % 2 else self.before
            layers = [list(layer) for layer in self.layers]
            place = {spot: n for layer in layers for n, spot in enumerate(layer)}
            for layer in reversed(layers) if sweep % 2 else layers:
                wanted = {
                    spot: _mean([place[other] for other in beside[spot]])
                    if beside[spot]
                    else float(place[spot])
                    for spot in layer
                }
                layer.sort(key=wanted.__getitem__)
                place.update((spot, n) for n, spot in enumerate(layer))
            self.layers = layers
            crossings = self._crossings()
            worse += 1
            if crossings < fewest:
                best, fewest, worse = layers, crossings, 0
        self.layers = best

    def _crossings(self) -> int:
        """Return how many pairs of edges cross between layers: inversions of their ends."""
        place = {spot: n for layer in self.layers for n, spot in enumerate(layer)}
        found = 0
        for layer in self.layers:
            ends: List[int] = []
            for spot in layer:
                mine = sorted(place[other] for other in self.after[spot])
                found += sum(len(ends) - bisect_right(ends, end) for end in mine)
                for end in mine:
                    insort(ends, end)
        return found

    def _height(self, step: int) -> float:
        """Give each edge of a box a place of its own at its side; return how high that makes it."""
        most = 0.0
        for joined in (self.before[step], self.after[step]):
            apart = min(PORT, _TALLEST / len(joined)) if joined else 0.0
            for number, other in enumerate(sorted(joined, key=self.place.__getitem__)):
                self.ports[step, other] = (number - (len(joined) - 1) / 2) * apart
            most = max(most, len(joined) * apart)
        return max(LOW, most + PORT)

    def _settle(self) -> None:
        """Let each layer take the heights of its neighbours: of those before, after, and both."""
        for layer in self.layers:
            wanted = [(0.0, 1.0)] * len(layer)
            self._place_layer(layer, wanted)
        forth = self.layers
        back = self.layers[::-1]
        for turn in range(_TURNS):
            for layers, sides in ((forth, (self.before,)), (back, (self.after,))):
                both = (self.before, self.after) if turn >= _TURNS // 2 else sides
                for layer in layers:
                    self._place_layer(layer, [self._wanted(spot, both) for spot in layer])

    def _wanted(self, spot: int, sides: Sequence[List[List[int]]]) -> Tuple[float, float]:
        """Return where a spot would have the shortest edges, and how much that counts."""
        total = weight = 0.0
        for side in sides:
            for other in side[spot]:
                passing = (spot >= self.count) + (other >= self.count)
                much = (1.0, 2.0, 8.0)[passing]
                here, there = self.ports.get((spot, other), 0.0), self.ports.get((other, spot), 0.0)
                total += much * (self.y[other] + there - here)
                weight += much
        return (total / weight, weight) if weight else (self.y[spot], 0.01)

    def _place_layer(self, layer: List[int], wanted: Sequence[Tuple[float, float]]) -> None:
        apart = [self._between(one, other) for one, other in zip(layer, layer[1:])]
        for spot, y in zip(layer, _spread(wanted, apart)):
            self.y[spot] = y

    def _between(self, one: int, other: int) -> float:
        """Return how far apart the middles of two spots are at least."""
        passing = (one >= self.count) + (other >= self.count)
        room = (_ROOM, (_ROOM + _TIGHT) / 2, _TIGHT)[passing]
        return (self.heights[one] + self.heights[other]) / 2 + room

    def _measure(self, widths: Sequence[float]) -> None:
        """Give layers their left and right sides, and boxes and edges their places."""
        high = min(y - height / 2 for y, height in zip(self.y, self.heights))
        self.y = [y - high for y in self.y]
        steep = [0.0] * (len(self.layers) + 1)
        for way in self.ways.values():
            for one, other in zip(way, way[1:]):
                number = self.level[way[0]] + way.index(one)
                steep[number] = max(
                    steep[number], abs(self._end(one, other) - self._end(other, one))
                )
        lefts: List[float] = []
        broad: List[float] = []
        left = 0.0
        for number, layer in enumerate(self.layers):
            broad.append(max([widths[spot] for spot in layer if spot < self.count], default=0.0))
            lefts.append(left)
            left += broad[-1] + min(_FARTHEST, _BESIDE + _STEEP * steep[number])
        self.width = lefts[-1] + broad[-1]
        self.height = max(y + height / 2 for y, height in zip(self.y, self.heights))
        self.boxes = [
            Box(
                lefts[number],
                self.y[step] - self.heights[step] / 2,
                broad[number],
                self.heights[step],
            )
            for step, number in enumerate(self.level)
        ]
        self.routes: Dict[Tuple[int, int], List[Point]] = {}
        for (before, after), way in self.ways.items():
            first, last = self.level[before], self.level[after]
            points = [(lefts[first] + broad[first], self._end(before, way[1]))]
            for number, spot in enumerate(way[1:-1], first + 1):
                points += [
                    (lefts[number], self.y[spot]),
                    (lefts[number] + broad[number], self.y[spot]),
                ]
            self.routes[before, after] = [*points, (lefts[last], self._end(after, way[-2]))]

    def _end(self, spot: int, other: int) -> float:
        """Return the height at which the edge to another spot leaves this one."""
        return self.y[spot] + self.ports.get((spot, other), 0.0)


def _drawn_level(parents: Graph) -> List[int]:
    """Return the layer of each box: as late as its children allow where it has more of these.

    So the edges that grow longer are fewer than those that grow shorter.
    """
    level = levels(parents)
    children: List[List[int]] = [[] for _ in parents]
    for step, above in enumerate(parents):
        for parent in above:
            children[parent].append(step)
    for step in range(len(parents) - 1, -1, -1):
        if len(children[step]) > len(parents[step]):
            level[step] = min(level[child] for child in children[step]) - 1
    lowest = min(level)
    return [each - lowest for each in level]


def _spread(wanted: Sequence[Tuple[float, float]], apart: Sequence[float]) -> List[float]:
    """Return the heights nearest to those wanted that keep the order and the distances.

    Nearest by weighted least squares: isotonic regression, found by pooling adjacent violators
    (Ayer et al., Annals of Mathematical Statistics 26, 1955).

    Args:
        wanted: a height and its weight for each, from top to bottom.
        apart: how far each is below the one before at least, but for the first.
    """
    shift = [0.0]
    for each in apart:
        shift.append(shift[-1] + each)
    pools: List[Tuple[float, float, int]] = []  # mean, weight, how many
    for (height, weight), down in zip(wanted, shift):
        mean, total, count = height - down, weight, 1
        while pools and pools[-1][0] >= mean:
            other, heavy, many = pools.pop()
            mean = (mean * total + other * heavy) / (total + heavy)
            total, count = total + heavy, count + many
        pools.append((mean, total, count))
    flat = [mean for mean, _, count in pools for _ in range(count)]
    return [mean + down for mean, down in zip(flat, shift)]


def _mean(numbers: Sequence[int]) -> float:
    return sum(numbers) / len(numbers)
