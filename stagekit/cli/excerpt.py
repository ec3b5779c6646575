"""A few lines of a file with their numbers, and a caret under what is meant."""

from __future__ import annotations

import linecache
from typing import List, Optional

from stagekit._base.text import escape_control, width
from stagekit.cli.spot import Spot
from stagekit.cli.style import Style
from stagekit.errors import Location

INDENT = "   "
_TAB = 4
_WIDEST = 160


def excerpt(
    location: Location, spot: Optional[Spot], style: Style, label: str = "", role: str = "error"
) -> List[str]:
    """Return the place, the line before, the line, and a caret; the place alone without a source.

    Args:
        location: the place; its line is shown too where the spot is on a later one.
        spot: what the caret stands under, or None.
        style: how it looks.
        label: what stands after the caret.
        role: in which colour the caret is.
    """
    line = spot.line if spot is not None else location.line
    lines = linecache.getlines(location.file)
    shown = [INDENT + style.place(Location(location.file, line))]
    if not 1 <= line <= len(lines):
        return shown
    numbers = sorted({max(1, line - 1), line, min(location.line, len(lines))})
    wide = len(str(numbers[-1]))
    last = numbers[0]
    for number in numbers:
        if number > last + 1:
            shown.append(f"{INDENT}{' ' * wide} {style.paint('frame', style.gap)}")
        bar = style.paint("frame", f"{number:>{wide}} {style.bar}")
        shown.append(f"{INDENT}{bar} {_shown(lines[number - 1])}".rstrip())
        if number == line and spot is not None:
            shown.append(_caret(lines[line - 1], spot, wide, style, label, role))
        last = number
    return shown


def _shown(line: str) -> str:
    text = escape_control(line.rstrip("\r\n").expandtabs(_TAB))
    return text if len(text) <= _WIDEST else text[: _WIDEST - 1] + "…"


def _caret(line: str, spot: Spot, wide: int, style: Style, label: str, role: str) -> str:
    text = line.rstrip("\r\n")
    start = width(escape_control(text[: spot.start].expandtabs(_TAB)))
    end = width(escape_control(text[: spot.end].expandtabs(_TAB)))
    marks = "^" * max(1, end - start) if start < _WIDEST else ""
    told = style.paint(role, f"{marks} {label}".strip())
    return f"{INDENT}{' ' * wide} {style.paint('frame', style.bar)} {' ' * start}{told}".rstrip()
