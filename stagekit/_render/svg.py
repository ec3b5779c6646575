"""A plan, or a run, as an SVG picture: layers from left to right, arrows from what is needed."""

from __future__ import annotations

from typing import List, Mapping, Optional, Sequence, Tuple

from stagekit._base.html_text import escaped, mark_of, tone_of
from stagekit._base.text import escape_control
from stagekit._plan.plan import Plan
from stagekit._render.facts import headline
from stagekit._render.layers import Box, Point, layered
from stagekit._render.picture import Ended, Link, Node, Picture, picture

_MARGIN, _PAD, _HEAD, _LINE = 12.0, 12.0, 6.0, 20.0  # px: around, beside a name, an arrow, a text
_LONGEST, _LAST = 36, 14  # letters of a name that are drawn, and of its end; all in the title
_SIZE = 13  # px: of letters
_FONT = "system-ui,-apple-system,Segoe UI,Roboto,Helvetica,Arial,sans-serif"
# For this picture alone, as the page of a notebook has others; in the colour of the text around it.
_STYLE = (
    f".stagekit text{{font-family:{_FONT};font-size:{_SIZE}px;fill:currentColor}}"
    ".stagekit .name{text-anchor:middle}.stagekit .title{font-weight:600}"
    ".stagekit .facts{font-weight:400;opacity:.7}"
    ".stagekit .box,.stagekit .more{fill:#8881;stroke:#888}"
    ".stagekit .optional .box,.stagekit .optional .more{stroke-dasharray:4 3}"
    ".stagekit .edge{fill:none;stroke:#888}.stagekit .order .edge{stroke-dasharray:5 3}"
    ".stagekit .head{fill:#888}.stagekit g:hover>.edge{stroke:#06c;stroke-width:2.5}"
    ".stagekit g:hover>.head{fill:#06c}"
    ".stagekit .good .box,.stagekit .good .more{fill:#2a9d5c22;stroke:#2a9d5c}"
    ".stagekit .bad .box,.stagekit .bad .more{fill:#e5484d33;stroke:#e5484d;stroke-width:2}"
    ".stagekit .doubtful .box,.stagekit .doubtful .more{fill:#b7791f22;stroke:#b7791f}"
)
_ALONE = (
    ".stagekit{color:#1f2328;background:#fff}"
    "@media(prefers-color-scheme:dark){.stagekit{color:#e6edf3;background:#0d1117}}"
)
_NARROW, _BROAD = frozenset("iljtfrI.,:;'|![]()/ "), frozenset("mwMW@%—…")
_LATIN = "\u1100"  # from there on letters are as wide as they are high


def to_svg(
    plan: Plan,
    *,
    fold: bool = True,
    is_inline: bool = False,
    ended: Optional[Mapping[int, Ended]] = None,
    status: str = "",
) -> str:
    """Return the graph as one SVG document, in which data stays text; equal plans equal bytes.

    Args:
        plan: what is drawn.
        fold: stages share boxes, see ``picture``.
        is_inline: it stands in a page, and has the colour of the text there, and no title.
        ended: by step, what became of it, which its colour and mark say.
        status: how the run went, for the title.
    """
    shown = picture(plan, fold=fold, ended=ended)
    texts = [_text(node) for node in shown.nodes]
    layout = layered(shown.parents, [_width(text) + 2 * _PAD for text in texts])
    title, facts = escape_control(plan.target) or "all stages", status
    if not (status or is_inline):
        title, facts = headline(plan)
    head = [] if is_inline else [_titled(title, facts)]
    top = _MARGIN if is_inline else _MARGIN + _LINE + _MARGIN
    right = layout.width + 2 * _MARGIN + 4  # of the boxes behind a box
    bottom = top + layout.height + _MARGIN + 4
    if shown.note:
        head.append(
            f'<text class="facts" x="{_MARGIN:g}" y="{bottom + 8:g}">{_escaped(shown.note)}</text>'
        )
        bottom += _LINE
        right = max(right, _width(shown.note) + 2 * _MARGIN)
    if not is_inline:
        right = max(right, _width(f"{title}   {facts}") + 2 * _MARGIN)
    size = f'width="{_px(right)}" height="{_px(bottom)}" viewBox="0 0 {_px(right)} {_px(bottom)}"'
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" class="stagekit" {size} role="img">',
        f"<title>{_escaped(': '.join(filter(None, (title, facts))))}</title>",
        f"<style>{_STYLE}{'' if is_inline else _ALONE}</style>",
        *head,
        *_arrows(shown, layout.routes, top),
        *(_box(node, box, text, top) for node, box, text in zip(shown.nodes, layout.boxes, texts)),
        "</svg>",
    ]
    return ("" if is_inline else "\n").join(lines)


def _titled(title: str, facts: str) -> str:
    return (
        f'<text class="title" x="{_MARGIN:g}" y="{_MARGIN + 14:g}">{_escaped(title)}'
        f'<tspan class="facts" dx="10">{_escaped(facts)}</tspan></text>'
    )


def _text(node: Node) -> str:
    name = node.name
    if len(name) > _LONGEST:
        name = f"{name[: _LONGEST - _LAST - 1]}…{name[-_LAST:]}"
    return name if node.outcome is None else f"{mark_of(node.outcome)} {name}"


def _width(text: str) -> float:
    """Return about how wide a text is, rather too wide than too narrow: fonts differ."""
    return sum(map(_letter, text))


def _letter(character: str) -> float:
    if character in _NARROW:
        return 4.8
    if character in _BROAD or character > _LATIN:
        return 12.5
    return 9.2 if character.isupper() else 7.9


def _arrows(
    shown: Picture, routes: Mapping[Tuple[int, int], Sequence[Point]], top: float
) -> List[str]:
    return [
        _arrow(link, [(x + _MARGIN, y + top) for x, y in routes[link.before, link.after]])
        for link in shown.links
    ]


def _arrow(link: Link, points: Sequence[Point]) -> str:
    """Return an arrow with a head of its own: one of a ``marker`` is another picture's."""
    x, y = points[-1]
    kind = ' class="order"' if link.is_order else ""
    half = _HEAD / 2
    head = f"{_px(x - _HEAD)},{_px(y - half)} {_px(x)},{_px(y)} {_px(x - _HEAD)},{_px(y + half)}"
    return (
        f'<g{kind}><title>{_escaped(link.title)}</title><path class="edge" d="{_way(points)}"/>'
        f'<polygon class="head" points="{head}"/></g>'
    )


def _way(points: Sequence[Point]) -> str:
    """Return the way of an arrow: level where it passes a layer, a curve between two."""
    parts = [f"M{_px(points[0][0])},{_px(points[0][1])}"]
    for number in range(0, len(points), 2):
        (x, y), (to, down) = points[number : number + 2]
        half = (x + to) / 2
        level = f"H{_px(x)}" if number else ""
        parts.append(f"{level}C{_px(half)},{_px(y)} {_px(half)},{_px(down)} {_px(to)},{_px(down)}")
    return "".join(parts)


def _box(node: Node, box: Box, text: str, top: float) -> str:
    x, y = box.left + _MARGIN, box.top + top
    kinds = ["optional"] if node.is_optional else []
    kinds += [tone_of(node.outcome).value] if node.outcome is not None else []
    kind = f' class="{" ".join(kinds)}"' if kinds else ""
    right, bottom = x + box.width, y + box.height
    behind = ""
    if node.steps[1:]:
        around = f"v4H{_px(right + 4)}V{_px(y + 4)}h-4V{_px(bottom)}z"
        behind = f'<path class="more" d="M{_px(x + 4)},{_px(bottom)}{around}"/>'
    return (
        f"<g{kind}><title>{_escaped(node.title)}</title>{behind}"
        f'<rect class="box" x="{_px(x)}" y="{_px(y)}" width="{_px(box.width)}" '
        f'height="{_px(box.height)}" rx="4"/><text class="name" x="{_px(x + box.width / 2)}" '
        f'y="{_px(y + box.height / 2 + 4.5)}">{_escaped(text)}</text></g>'
    )


def _px(number: float) -> str:
    return f"{round(number, 1):g}" if number < 1e5 else f"{number:.0f}"  # noqa: PLR2004 - digits of :g


def _escaped(text: str) -> str:
    return escaped(text).replace("\n", "&#10;")
