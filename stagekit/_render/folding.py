"""Which stages one box of a picture stands for. What comes out is a graph without cycles, always.

A *part* is the number of the first of the steps that share a box, by step.
"""

from __future__ import annotations

import re
from heapq import heappop, heappush
from typing import Dict, Hashable, Iterator, List, NamedTuple, Sequence, Tuple

from stagekit._plan.width import levels

MOST_NODES = 60  # that are still a picture
MOST_EDGES = 240  # that can be told apart
FEWEST_EQUAL = 3  # two boxes are read as fast as one that says ×2
_FEWEST = 8  # boxes below which a picture says too little
_ROUNDS = 50
_MOST_WORDS = 4  # of a name that are tried as a prefix
_TOKENS = re.compile(r"[^\W\d_]+|\d+|[\W_]+")
_BETWEEN = " _-.:/#()[]{},"

Graph = Sequence[Sequence[int]]  # the parents of each step, in a topological order


class Stage(NamedTuple):
    """What folding wants to know of a stage.

    Attributes:
        name: what people call it.
        kind: equal for stages that may share a box with others of their structure.
        module: where it was declared.
    """

    name: str
    kind: Hashable
    module: str


class Folded(NamedTuple):
    """Boxes, and which wait for which.

    Attributes:
        members: for each box its steps, ascending.
        parents: for each box the boxes that come before it: a topological order.
        is_coarse: stages share boxes that are not equal, as there are too many.
    """

    members: Tuple[Tuple[int, ...], ...]
    parents: Tuple[Tuple[int, ...], ...]
    is_coarse: bool = False

    @property
    def edges(self) -> int:
        """How many edges there are between boxes."""
        return sum(map(len, self.parents))


def unfolded(parents: Graph) -> Folded:
    """Return a box for each stage."""
    return Folded(tuple((step,) for step in range(len(parents))), tuple(map(tuple, parents)))


def folded(
    parents: Graph,
    stages: Sequence[Stage],
    *,
    most_nodes: int = MOST_NODES,
    most_edges: int = MOST_EDGES,
) -> Folded:
    """Return boxes of equal stages; where these are too many, of stages by name and module.

    Of the ways to fold that give few enough boxes and edges, it is the one with the most boxes.
    Where names and modules say too little, the levels of the graph are taken as well.
    """
    found = _quotient(parents, equal(parents, [stage.kind for stage in stages]))

    def fits(made: Folded) -> bool:
        return len(made.members) <= most_nodes and made.edges <= most_edges

    if fits(found):
        return found
    labels = [
        list(each) for each in dict.fromkeys(tuple(_numbered(one)) for one in _labels(stages))
    ]
    named = [_quotient(parents, grouped(parents, each)) for each in labels]
    best = max(filter(fits, named), key=lambda made: len(made.members))  # the last is one box
    if len(best.members) < _FEWEST:
        leveled = next(filter(fits, _by_levels(parents, labels, most_nodes)), best)
        best = max((best, leveled), key=lambda made: len(made.members))
    return best._replace(is_coarse=True)


def equal(parents: Graph, kinds: Sequence[Hashable]) -> List[int]:
    """Return the parts of stages of one kind whose parents, and children, are in equal parts.

    That is the coarsest stable partition (Paige and Tarjan, SIAM Journal on Computing 16, 1987)
    in the kinds, found by passes down and up the graph. Parts are never of several levels: of two
    stages in one part with levels k < m, the second has a parent of level m - 1, and the first one
    of the same part, below k; and so on down to a stage without parents in a part with one that
    has some. So edges between parts go up, none is within a part, and parts make no cycle. Parts
    that are too small to be worth it are split again, which changes no level.
    """
    children: List[List[int]] = [[] for _ in parents]
    for step, above in enumerate(parents):
        for parent in above:
            children[parent].append(step)
    part = _numbered(kinds)
    for _ in range(_ROUNDS):
        before = len(set(part))
        for order, beside in (
            (reversed(range(len(parents))), children),
            (range(len(parents)), parents),
        ):
            refined: List[int] = [0] * len(parents)
            known: Dict[Hashable, int] = {}
            for step in order:
                key = (part[step], frozenset([refined[other] for other in beside[step]]))
                refined[step] = known.setdefault(key, len(known))
            part = refined
        if len(set(part)) == before:
            break
    count: Dict[int, int] = {}
    for each in part:
        count[each] = count.get(each, 0) + 1
    return _numbered(
        [(each, step if count[each] < FEWEST_EQUAL else -1) for step, each in enumerate(part)]
    )


def grouped(parents: Graph, labels: Sequence[Hashable]) -> List[int]:
    """Return the parts of stages with one label and one depth: how often the label changes.

    The depth of a stage is the most changes of the label on a way that leads to it. An edge between
    two labels is one more change, so every edge between parts goes to a greater depth: they make
    no cycle.
    """
    depth: List[int] = []
    for step, above in enumerate(parents):
        changes = [depth[parent] + (labels[parent] != labels[step]) for parent in above]
        depth.append(max(changes, default=0))
    return _numbered(list(zip(labels, depth)))


def words(name: str) -> List[str]:
    """Return the words and numbers of a name.

    Example:
        >>> words("fit_model[12]")
        ['fit', 'model', '12']
    """
    return [token for token in _TOKENS.findall(name) if token.strip(_BETWEEN)]


def common_name(names: Sequence[str]) -> str:
    """Return what all *names* begin and end with, in whole words; empty where that is nothing.

    Example:
        >>> common_name(["fit[1]", "fit[12]"]), common_name(["load_a_raw", "load_b_raw"])
        ('fit', 'load…raw')
    """
    tokens = [_TOKENS.findall(name) for name in names]
    first = _agreed(tokens)
    last = _agreed([each[first:][::-1] for each in tokens])
    kept = tokens[0]
    sides = ("".join(kept[:first]), "".join(kept[len(kept) - last :]))
    return "…".join(filter(None, (side.strip(_BETWEEN) for side in sides)))


def _agreed(tokens: Sequence[Sequence[str]]) -> int:
    """Return how many tokens, from the first on, are the same in all."""
    count = 0
    for column in zip(*tokens):
        if len(set(column)) > 1:
            break
        count += 1
    return count


def _numbered(keys: Sequence[Hashable]) -> List[int]:
    """Return for each key the place where it stands first."""
    first: Dict[Hashable, int] = {}
    return [first.setdefault(key, place) for place, key in enumerate(keys)]


def _labels(stages: Sequence[Stage]) -> Iterator[List[str]]:
    """Yield what stages are folded by, finest first: names, their prefixes, modules, nothing."""
    of_names = [
        ["#" if token.isdecimal() else token for token in words(stage.name)] or [stage.name]
        for stage in stages
    ]
    for count in range(_MOST_WORDS, 0, -1):
        yield [" ".join(each[:count]) for each in of_names]
    deepest = max((stage.module.count(".") for stage in stages), default=0) + 1
    for count in range(min(deepest, _MOST_WORDS), 0, -1):
        yield [".".join(stage.module.split(".")[:count]) for stage in stages]
    yield [""] * len(stages)


def _by_levels(
    parents: Graph, labels: Sequence[Sequence[Hashable]], most_nodes: int
) -> Iterator[Folded]:
    """Yield foldings by label and level, then by ever more levels together."""
    level = levels(parents)
    together = 1 + max(level, default=0) // most_nodes  # or there would be more boxes
    while together <= 2 * max(level, default=0) + 1:
        for each in labels:
            keys = [(label, number // together) for label, number in zip(each, level)]
            yield _quotient(parents, grouped(parents, keys))
        together += max(1, together // 2)


def _quotient(parents: Graph, part: Sequence[int]) -> Folded:
    """Return the boxes of parts in a topological order: that of their first stages, where free."""
    members: Dict[int, List[int]] = {}
    above: Dict[int, Dict[int, None]] = {}
    below: Dict[int, List[int]] = {}
    for step, mine in enumerate(parents):
        own = part[step]
        members.setdefault(own, []).append(step)
        known = above.setdefault(own, {})
        for parent in mine:
            other = part[parent]
            if other != own and other not in known:
                known[other] = None
                below.setdefault(other, []).append(own)
    missing = {own: len(known) for own, known in above.items()}
    ready = [own for own, count in missing.items() if not count]
    number: Dict[int, int] = {}
    while ready:
        own = heappop(ready)
        number[own] = len(number)
        for other in below.get(own, ()):
            missing[other] -= 1
            if not missing[other]:
                heappush(ready, other)
    return Folded(
        tuple(tuple(members[own]) for own in number),
        tuple(tuple(sorted(number[other] for other in above[own])) for own in number),
    )
