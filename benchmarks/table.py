"""Tables as text or Markdown."""

from __future__ import annotations

from typing import List, Sequence

__all__ = ["markdown_table", "number", "text_table"]


def number(value: float | None) -> str:
    """Write a number with three significant digits or as a whole number, whichever is longer."""
    if value is None:
        return "-"
    if value == float("inf"):
        return "any"
    if abs(value) >= 100:
        return f"{value:,.0f}"
    if abs(value) >= 10:
        return f"{value:.1f}"
    return f"{value:.2f}" if abs(value) >= 2 or value == 0 else f"{value:.3f}"


def text_table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Align columns with spaces: the first to the left, the others to the right."""
    widths = [max(len(row[i]) for row in (head, *rows)) for i in range(len(head))]
    lines: List[str] = []
    for row in (head, *rows):
        first = row[0].ljust(widths[0])
        rest = [cell.rjust(width) for cell, width in zip(row[1:], widths[1:])]
        lines.append("  ".join([first, *rest]).rstrip())
    lines.insert(1, "-" * max(map(len, lines)))
    return "\n".join(lines)


def markdown_table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Write a Markdown table: the first column to the left, the others to the right."""
    ruler = ["---", *["---:"] * (len(head) - 1)]
    return "\n".join("| " + " | ".join(row) + " |" for row in (head, ruler, *rows))
