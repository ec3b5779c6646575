"""The graph as a picture made of characters, where it is small enough to be read as one."""

from __future__ import annotations

import re
from functools import partial
from typing import Iterator, List, Match, Optional, Sequence, Tuple

from stagekit._base.columns import Paint, table, unpainted, wrapped
from stagekit._base.text import plural, width
from stagekit._plan.plan import Plan
from stagekit._plan.width import levels
from stagekit._render.drawing import CannotDrawError, Graph, components, draw, reduced
from stagekit._render.facts import names_of, several
from stagekit._render.picture import UNFOLD, picture

MOST_STAGES = 40
MOST_EDGES = 80
_WIDEST_LIST = 88
_LINES = re.compile("[─│┌┐└┘├┤┬┴┼▶◀]+")
_ROLES = ("dim", "strong", "")
_ASCII = {"─": "-", "│": "|", "▶": ">", "◀": "<", **dict.fromkeys("┌┐└┘├┤┬┴┼", "+")}


def to_tree(
    plan: Plan,
    *,
    columns: int = 100,
    ascii_only: bool = False,
    paint: Optional[Paint] = None,
    fold: bool = True,
) -> str:
    """Return the order of stages as a picture, or as a list by level where that reads better.

    In the picture an edge that others imply is left out, and its last line says how many are. The
    list has all stages and all edges.

    Args:
        plan: what to draw.
        columns: how wide the picture may be; a graph that needs more becomes a list.
        fold: equal stages share a place, where the picture of all of them would be too large.
        ascii_only: use no characters beyond ASCII, for streams that cannot show others.
        paint: colours a text by its role, and has the list fit, for a terminal.
    """
    shown = partial(_shown, ascii_only=ascii_only)
    names = shown(names_of(plan))
    lines = _picture(plan.parents, names, columns)
    if not lines and fold:
        folded = picture(plan)
        parents = [tuple(each) for each in folded.parents]
        lines = _picture(parents, shown([node.name for node in folded.nodes]), columns)
        if lines:
            note = folded.note or f"{plural(len(plan), 'stage')}; {UNFOLD}"
            lines += wrapped(f"({note})", columns, hang=0)
    if not lines:
        lines = _list(plan, names, None if paint is None else columns, paint or unpainted)
    if paint is not None:
        lines = [_LINES.sub(partial(_painted, paint), line) for line in lines]
    text = "\n".join(lines)
    return text.translate({ord(c): plain for c, plain in _ASCII.items()}) if ascii_only else text


def _shown(names: Sequence[str], *, ascii_only: bool) -> List[str]:
    if not ascii_only:
        return list(names)
    return [name.encode("ascii", "backslashreplace").decode() for name in names]


def _picture(parents: Graph, names: Sequence[str], columns: int) -> List[str]:
    """Draw each part of the graph that hangs together below the others.

    Return nothing where a part has too many stages, lines that cross, or is too wide.
    """
    edges = sum(map(len, parents))
    if len(parents) > MOST_STAGES or edges > MOST_EDGES:
        return []
    graph = reduced(parents)
    try:
        lines = [line for part in components(graph) for line in _part(graph, part, names)]
    except CannotDrawError:
        return []
    if any(width(line) > columns for line in lines):
        return []
    implied = edges - sum(map(len, graph))
    if implied:
        one, several = "edge that a longer way implies is", "edges that longer ways imply are"
        lines += wrapped(f"({plural(implied, one, several)} not drawn)", columns, hang=0)
    return lines


def _part(graph: Graph, part: Sequence[int], names: Sequence[str]) -> List[str]:
    number = {step: n for n, step in enumerate(part)}
    inner = tuple(tuple(number[parent] for parent in graph[step]) for step in part)
    return draw(inner, [names[step] for step in part])


def _painted(paint: Paint, found: Match[str]) -> str:
    return paint("frame", found[0])


def _list(plan: Plan, names: Sequence[str], columns: Optional[int], paint: Paint) -> List[str]:
    room = None if columns is None else columns - 2
    rows = list(_lines(plan, names))
    return [f"  {line}" for line in table(rows, _ROLES, room, paint, has_head=False)]


def _lines(plan: Plan, names: Sequence[str]) -> Iterator[Tuple[str, ...]]:
    """Yield for each stage its level, its name, and what it waits for."""
    level = levels(plan.parents)
    before = -1
    for step in sorted(range(len(plan)), key=level.__getitem__):
        number = str(level[step] + 1) if level[step] != before else ""
        before = level[step]
        waits = several([names[parent] for parent in plan.parents[step]], _WIDEST_LIST)
        yield number, names[step], f"◀─ {waits}" if waits else ""
