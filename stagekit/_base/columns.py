"""Tables and lines for a terminal: in its width, broken at words; painted where it has colours."""

from __future__ import annotations

import re
from typing import Callable, List, Optional, Sequence

from stagekit._base.text import width

Paint = Callable[[str, str], str]  # a role and a text; returns it painted

_CODES = re.compile(r"\x1b\[[0-9;]*m|\x1b\]8;;.*?\x1b\\")
_PAINTED = re.compile(f"({_CODES.pattern})")
_CARETS = re.compile(r"\^{2,}")
_GAP = "  "
_HANG = 2
_WIDE_GAP = " " * 5
_TALLEST = 4  # lines of a cell; a table that needs more is folded


def unpainted(_role: str, text: str) -> str:
    """Return a text as it is."""
    return text


def seen_width(text: str) -> int:
    """Return how many columns a text takes that may be painted, or a link."""
    return width(_CODES.sub("", text) if "\x1b" in text else text)


def terminal_columns(otherwise: int = 80) -> int:
    """Return how wide the terminal is; *otherwise* where it does not say."""
    import shutil  # 3 ms

    # Before Python 3.11 a terminal without a size has 0 columns.
    return shutil.get_terminal_size((otherwise, 24)).columns or otherwise


def wrapped(text: str, columns: int, *, hang: Optional[int] = None) -> List[str]:
    """Return a line as lines of at most *columns* columns, broken at spaces.

    A word that is longer than a line stays whole.

    Args:
        text: one line; it may be painted.
        columns: how much room there is.
        hang: by how much all lines but the first begin further in; by default 2 more than it.
    """
    if seen_width(text) <= columns:
        return [text]
    if hang is None:
        hang = min(len(text) - len(text.lstrip(" ")) + _HANG, columns // 2)
    line, *words = text.split(" ")
    lines: List[str] = []
    is_bare = not line  # no word yet
    for word in words:
        if is_bare or seen_width(f"{line} {word}") <= columns:
            line = f"{line} {word}"
            is_bare = is_bare and not word
        else:
            lines.append(line.rstrip(" "))
            line = " " * hang + word
            is_bare = not word
    return [*lines, line] if line.strip(" ") else lines


def fold(text: str, columns: Optional[int]) -> str:
    """Return a text whose lines are not wider than *columns*; as it is where that is None.

    Lines of an excerpt are cut, as the caret is below a place in one; of carets there are fewer.
    """
    if columns is None:
        return text
    lines = text.split("\n")
    return "\n".join(
        part
        for line in lines
        for part in ([_cut(line, columns)] if "│" in line else _split(line, columns))
    )


def _split(line: str, columns: int) -> List[str]:
    """Return a line as lines that fit; where there is a wide gap in it, it breaks there first."""
    text, _, rest = line.rstrip().rpartition(_WIDE_GAP)
    if seen_width(line) <= columns or not text.strip():
        return wrapped(line, columns)
    indent = " " * (len(text) - len(text.lstrip(" ")) + _HANG)
    return [*wrapped(text.rstrip(), columns), *wrapped(indent + rest, columns)]


def _cut(line: str, columns: int) -> str:
    """Return a line of an excerpt as far as there is room; it may be painted."""
    over = seen_width(line) - columns
    carets = _CARETS.search(line)
    if over > 0 and carets is not None and len(carets[0]) > over:
        return line[: carets.start()] + line[carets.start() + over :]
    if over <= 0:
        return line
    room, kept = columns - 1, ""
    for place, part in enumerate(_PAINTED.split(line)):  # every other part is a code
        for character in part if place % 2 == 0 else ():
            if width(character) <= room:
                kept += character
            elif room >= 0:
                kept += "…"
                room = 0
            room -= width(character)
        kept += part if place % 2 else ""
    return kept


def table(
    rows: Sequence[Sequence[str]],
    roles: Sequence[str],
    columns: Optional[int] = None,
    paint: Paint = unpainted,
    *,
    has_head: bool = True,
) -> List[str]:
    """Return rows of cells as lines: side by side where there is room, else below each other.

    Args:
        rows: cells of equal number; the first row is the head, if there is one.
        roles: of each column, the colour; empty for none.
        columns: how wide a line may be; None for any width.
        paint: colours a text.
        has_head: whether the first row is the head.
    """
    widths = [max(map(seen_width, column)) for column in zip(*rows)]
    if columns is not None:
        fitting = _narrowed(rows, widths, columns)
        if fitting is None:
            return _blocks(rows, roles, columns, paint, has_head=has_head)
        widths = fitting
    lines: List[str] = []
    for number, row in enumerate(rows):
        shown = ["dim"] * len(row) if has_head and not number else roles
        cells = [wrapped(cell, room, hang=0) for cell, room in zip(row, widths)]
        for place in range(max(map(len, cells))):
            parts = [cell[place] if place < len(cell) else "" for cell in cells]
            line = [_cell(*each, paint) for each in zip(parts, shown, widths)]
            lines.append(_GAP.join(line).rstrip(" "))
    return lines


def _cell(text: str, role: str, room: int, paint: Paint) -> str:
    painted = paint(role, text) if role and text else text
    return painted + " " * (room - seen_width(text))


def _narrowed(
    rows: Sequence[Sequence[str]], widths: Sequence[int], columns: int
) -> Optional[List[int]]:
    """Return widths that fit, words whole; None where cells would get too tall for a table."""
    room = columns - len(_GAP) * (len(widths) - 1)
    least = [
        max(seen_width(word) for cell in column for word in cell.split(" "))
        for column in zip(*rows)
    ]
    if sum(least) > room:
        return None
    most = max(widths)
    while sum(max(low, min(wide, most)) for low, wide in zip(least, widths)) > room:
        most -= 1
    found = [max(low, min(wide, most)) for low, wide in zip(least, widths)]
    tallest = max(
        len(wrapped(cell, wide, hang=0)) for row in rows for cell, wide in zip(row, found)
    )
    return found if tallest <= _TALLEST else None


def _blocks(
    rows: Sequence[Sequence[str]],
    roles: Sequence[str],
    columns: int,
    paint: Paint,
    *,
    has_head: bool,
) -> List[str]:
    """Return each row up to its name on one line, and each other cell below that."""
    first = roles.index("strong") + 1
    body = rows[has_head:]
    wide = [max(seen_width(row[place]) for row in body) for place in range(first)]
    wide[-1] = 0  # nothing is beside a name
    head = rows[0][first:] if has_head else [""] * (len(rows[0]) - first)
    label = max(map(width, head), default=0)
    indent = " " * (sum(wide) + len(_GAP) * first)
    lines: List[str] = []
    for row in body:
        cells = zip(row[:first], roles, wide)
        lines.append(_GAP.join(_cell(*each, paint) for each in cells).rstrip(" "))
        for name, cell, role in zip(head, row[first:], roles[first:]):
            begin = f"{indent}{_cell(name, 'dim', label, paint)}{_GAP}" if label else indent
            room = columns - seen_width(begin)
            for part in wrapped(cell, room, hang=0) if cell else ():
                lines.append(begin + (paint(role, part) if role else part))
                begin = " " * seen_width(begin)
    return lines
