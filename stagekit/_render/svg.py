"""A plan as an SVG picture: levels from left to right, arrows from what is needed."""

from __future__ import annotations

from typing import Dict, List, Mapping, NamedTuple, Sequence, Tuple

from stagekit._base.html_text import escaped
from stagekit._base.text import width
from stagekit._plan.plan import Plan
from stagekit._plan.slots import ORDER
from stagekit._plan.width import levels
from stagekit._render.facts import called, data_labels

_Spot = Tuple[int, int]  # a step, and the level where it stands or where its arrows pass
_MOST_PASSING = 20_000

_LETTER, _PAD, _HEIGHT = 7.5, 12.0, 28.0  # px: a letter, beside a name, of a box
_BELOW, _BESIDE, _MARGIN = 14.0, 56.0, 10.0  # px: between boxes of a level, between levels, around
_HEAD = 7.0  # px: of an arrow
# For this picture alone, as the page of a notebook has others; in the colour of the text around it.
_STYLE = (
    ".stagekit text{font:13px ui-monospace,monospace;fill:currentColor}"
    ".stagekit rect{fill:#8882;stroke:#888}.stagekit .optional{stroke-dasharray:4 3}"
    ".stagekit path{fill:none;stroke:#888}.stagekit .order{stroke-dasharray:2 3}"
    ".stagekit polygon{fill:#888}"
)
_ALONE = ".stagekit{color:#222}@media(prefers-color-scheme:dark){.stagekit{color:#ddd}}"


class _Box(NamedTuple):
    """Where a stage stands."""

    left: float
    top: float
    width: float

    @property
    def middle(self) -> float:
        """Where its arrows begin and end."""
        return self.top + _HEIGHT / 2


def to_svg(plan: Plan, *, is_inline: bool = False) -> str:
    """Return the graph as one SVG document, in which data stays text; equal plans equal bytes.

    Args:
        plan: what is drawn.
        is_inline: it stands in a page, and has the colour of the text there.
    """
    names = called(plan)
    boxes = _boxes(plan, names)
    level = levels(plan.parents)
    right = max((box.left + box.width for box in boxes.values()), default=0.0) + _MARGIN
    bottom = max((box.top + _HEIGHT for box in boxes.values()), default=0.0) + _MARGIN
    size = f'width="{right:g}" height="{bottom:g}" viewBox="0 0 {right:g} {bottom:g}"'
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" class="stagekit" {size} role="img">',
        f"<title>{_escaped(plan.target or 'all stages')}</title>",
        f"<style>{_STYLE}{'' if is_inline else _ALONE}</style>",
        *_arrows(plan, boxes),
        *(_drawn(plan, step, boxes[step, level[step]], name) for step, name in enumerate(names)),
        "</svg>",
    ]
    return "\n".join(lines)


def _boxes(plan: Plan, names: Sequence[str]) -> Dict[_Spot, _Box]:
    """Return where each step stands, and where arrows pass the levels between its and another.

    What stands in a level is sorted by what it comes from, so that arrows are short.
    """
    level = levels(plan.parents)
    columns: List[List[_Spot]] = [[] for _ in range(max(level, default=-1) + 1)]
    for step, number in enumerate(level):
        columns[number].append((step, number))
    for step, number in _passing(plan, level):
        columns[number].append((step, number))
    row: Dict[_Spot, float] = {}
    found: Dict[_Spot, _Box] = {}
    left = _MARGIN
    for number, column in enumerate(columns):
        wanted: Dict[_Spot, float] = {}
        for spot in column:
            step = spot[0]
            before = plan.parents[step] if level[step] == number else (step,)
            rows = [row.get((one, number - 1), row[one, level[one]]) for one in before]
            wanted[spot] = sum(rows) / len(rows) if rows else 0.0
        here = [width(names[step]) for step, _ in column if level[step] == number]
        widest = max(here) * _LETTER + 2 * _PAD
        for place, spot in enumerate(sorted(column, key=wanted.__getitem__)):
            row[spot] = place
            found[spot] = _Box(left, _MARGIN + place * (_HEIGHT + _BELOW), widest)
        left += widest + _BESIDE
    return found


def _passing(plan: Plan, level: Sequence[int]) -> List[_Spot]:
    """Return the levels that arrows of each step pass; none where they are too many to tell."""
    farthest = [0] * len(plan)
    for step, above in enumerate(plan.parents):
        for parent in above:
            farthest[parent] = max(farthest[parent], level[step])
    spans = [range(level[step] + 1, last) for step, last in enumerate(farthest)]
    if sum(map(len, spans)) > _MOST_PASSING:
        return []
    return [(step, number) for step, span in enumerate(spans) for number in span]


def _arrows(plan: Plan, boxes: Mapping[_Spot, _Box]) -> List[str]:
    labels: Dict[Tuple[int, int], str] = data_labels(plan)
    level = levels(plan.parents)
    found: List[str] = []
    for edge in plan.edges:
        first, last = level[edge.before], level[edge.after]
        stops = [boxes.get((edge.before, number)) for number in range(first + 1, last)]
        way = _way([boxes[edge.before, first], *filter(None, stops), boxes[edge.after, last]])
        kind = ' class="order"' if edge.kind == ORDER else ""
        told = labels.get((edge.before, edge.after)) or edge.reason
        end = boxes[edge.after, last]
        found.append(
            f'<path{kind} d="{way}"><title>{_escaped(told)}</title></path>'
            f'<polygon points="{_head(end.left, end.middle)}"/>'
        )
    return found


def _way(boxes: Sequence[_Box]) -> str:
    """Return the way of an arrow from the first box to the last, straight through the others."""
    here = boxes[0]
    parts: List[str] = [f"M{here.left + here.width:g},{here.middle:g}"]
    for number, box in enumerate(boxes[1:], 2):
        begin = here.left + here.width
        half = min(_BESIDE, box.left - begin) / 2
        parts.append(
            f"C{begin + half:g},{here.middle:g} {box.left - half:g},{box.middle:g} "
            f"{box.left:g},{box.middle:g}"
        )
        if number < len(boxes):
            parts.append(f"H{box.left + box.width:g}")
        here = box
    return "".join(parts)


def _head(left: float, middle: float) -> str:
    """Return the head of an arrow: drawn each time, as one of a ``marker`` is another picture's."""
    back, half = left - _HEAD, _HEAD / 2
    return f"{back:g},{middle - half:g} {left:g},{middle:g} {back:g},{middle + half:g}"


def _drawn(plan: Plan, step: int, box: _Box, name: str) -> str:
    stage = plan.stages[step]
    said = " · ".join(filter(None, [stage.id, stage.description]))
    kind = "" if stage.critical else ' class="optional"'
    return (
        f"<g><title>{_escaped(said)}</title>"
        f'<rect{kind} x="{box.left:g}" y="{box.top:g}" width="{box.width:g}" height="{_HEIGHT:g}" '
        f'rx="4"/><text x="{box.left + _PAD:g}" y="{box.middle + 4.5:g}">{_escaped(name)}</text>'
        "</g>"
    )


def _escaped(text: str) -> str:
    return escaped(text, keep="")
