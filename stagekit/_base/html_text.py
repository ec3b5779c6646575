"""Text on a page: escaped, and outcomes with a mark and a colour that light and dark pages show."""

from __future__ import annotations

from stagekit._base.outcome import OUTCOME_TABLE, Outcome, RunStatus, Tone
from stagekit._base.text import escape_control

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Iterable, Sequence, Union

_COLORS = {Tone.GOOD: "#2a9d5c", Tone.BAD: "#e5484d", Tone.DOUBTFUL: "#b7791f"}
_MARKS = {"succeeded": "✓", "reused": "✓", "failed": "✗", "skipped": "↷", "cancelled": "⊘"}

_STYLE = (
    ".stagekit th,.stagekit td"
    "{text-align:left;white-space:nowrap;padding:.2em 1em .2em 0;vertical-align:top}"
    ".stagekit .prose{white-space:normal}"
)


def escaped(text: str, *, keep: str = "\n") -> str:
    """Return a text so that it is nothing but text on a page; control characters are spelled."""
    import html  # 3 ms

    return html.escape(escape_control(text, keep=keep), quote=True)


def table(
    head: Sequence[str],
    rows: Iterable[Iterable[str]],
    *,
    wraps: Sequence[str] = (),
    titles: Sequence[str] = (),
) -> str:
    """Return a table that scrolls where it is wider than the page, without empty columns.

    Args:
        head: the names of the columns.
        rows: their cells, as HTML.
        wraps: the columns whose lines may be broken: prose, never a number and its unit.
        titles: by row, what it says where somebody points at it.
    """
    cells = [tuple(row) for row in rows]
    shown = [number for number in range(len(head)) if any(row[number] for row in cells)]
    starts = ['<td class="prose">' if name in wraps else "<td>" for name in head]
    body = [
        ("<tr>" if not titles else f'<tr title="{escaped(titles[at])}">')
        + "".join(f"{starts[number]}{row[number]}</td>" for number in shown)
        + "</tr>"
        for at, row in enumerate(cells)
    ]
    names = "".join(f"<th>{head[number]}</th>" for number in shown)
    return scrolling(
        f"<style>{_STYLE}</style>"
        f"<table><thead><tr>{names}</tr></thead><tbody>{''.join(body)}</tbody></table>"
    )


def scrolling(content: str) -> str:
    """Return a box that scrolls sideways where its content is wider than the page."""
    return f'<div class="stagekit" style="overflow-x:auto">{content}</div>'


def mark_of(ended: Union[Outcome, RunStatus]) -> str:
    """Return the mark of an outcome: ``✗``."""
    return _MARKS[ended.value]


def marked(ended: Union[Outcome, RunStatus]) -> str:
    """Return the word of an outcome with its mark: ``✗ failed``."""
    return f"{mark_of(ended)} {ended.value}"


def colored(ended: Union[Outcome, RunStatus], text: str) -> str:
    """Return a text that is escaped already in the colour of an outcome."""
    bold = "" if tone_of(ended) is Tone.GOOD else ";font-weight:bold"
    return f'<span style="color:{color_of(ended)}{bold}">{text}</span>'


def color_of(ended: Union[Outcome, RunStatus]) -> str:
    """Return the colour of an outcome: it can be read on white and on black."""
    return _COLORS[tone_of(ended)]


def tone_of(ended: Union[Outcome, RunStatus]) -> Tone:
    """Return how good it is that a stage, or a run, ended so."""
    return OUTCOME_TABLE[Outcome(ended.value)].tone
