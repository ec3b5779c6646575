"""Text on a page: escaped, and outcomes with a mark and a colour that light and dark pages show."""

from __future__ import annotations

from stagekit._base.outcome import OUTCOME_TABLE, Outcome, RunStatus, Tone
from stagekit._base.text import escape_control

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Union

_COLORS = {Tone.GOOD: "#2a9d5c", Tone.BAD: "#e5484d", Tone.DOUBTFUL: "#b7791f"}
_MARKS = {"succeeded": "✓", "reused": "✓", "failed": "✗", "skipped": "↷", "cancelled": "⊘"}


def escaped(text: str, *, keep: str = "\n") -> str:
    """Return a text so that it is nothing but text on a page; control characters are spelled."""
    import html  # 3 ms

    return html.escape(escape_control(text, keep=keep), quote=True)


def marked(ended: Union[Outcome, RunStatus]) -> str:
    """Return the word of an outcome with its mark: ``✗ failed``."""
    return f"{_MARKS[ended.value]} {ended.value}"


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
