"""The words and marks for what happens to a stage: another attempt, how far it is, its end."""

from __future__ import annotations

from typing import Optional

from stagekit._base.frames import parser_exit
from stagekit._base.record import Row
from stagekit._base.text import error_line, escape_control, seconds
from stagekit.events import StageEvent, StageFailed, StageProgress, StageRetrying
from stagekit.hooks.terminal import QuietStream

__all__ = ["PARSER_EXIT", "Marks", "how_far", "is_parser_exit", "marks_for", "next_attempt",
           "retry_words"]  # fmt: skip

PARSER_EXIT = "argparse ends the program"

_LONGEST_ERROR = 300


def retry_words(event: StageRetrying) -> str:
    """Return what follows a failed attempt: ``attempt 2 of 3 in 0.5 s: ValueError: no``."""
    error = error_line(event.error, limit=_LONGEST_ERROR, is_first=True)
    return f"{_item(event.item)}{next_attempt(event)} {_delay(event.delay)}: {error}"


def is_parser_exit(event: StageEvent) -> bool:
    """Tell whether a stage has ended as ``argparse`` in it has printed its help, or a mistake."""
    return isinstance(event, StageFailed) and parser_exit(event.error) is not None


def next_attempt(event: StageRetrying) -> str:
    """Return which attempt comes next: ``attempt 2 of 3``."""
    of = "" if event.attempts is None else f" of {event.attempts}"
    return f"attempt {event.attempt + 1}{of}"


def how_far(event: StageProgress) -> str:
    """Return what a stage says of how far it is: ``7/20  reading``; empty where it says nothing."""
    parts = [_counted(event.done, event.total), escape_control(event.note or "")]
    return _item(event.item) + "  ".join(filter(None, parts))


def _item(item: Optional[int]) -> str:
    return "" if item is None else f"item {item}: "


def _delay(delay: float) -> str:
    return f"in {seconds(delay)}" if delay else "now"


def _counted(done: Optional[float], total: Optional[float]) -> str:
    if done is None:
        return "" if total is None else f"of {_number(total)}"
    return _number(done) if total is None else f"{_number(done)}/{_number(total)}"


def _number(number: float) -> str:
    return f"{int(number):,}" if number == int(number) else f"{number:,.1f}"


class Marks(Row):
    """The characters before the lines of stages."""

    ok: str
    failed: str
    skipped: str
    cancelled: str
    again: str
    waiting: str
    between: str
    times: str
    more: str
    frames: str


MARKS = Marks("✓", "✗", "↷", "⊘", "↻", "·", " · ", "×", "…", "⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏")
ASCII_MARKS = Marks("+", "x", "-", "-", "~", ".", ", ", "x", "...", "-\\|/")


def marks_for(stream: QuietStream) -> Marks:
    """Return the marks that the encoding of a stream has."""
    return MARKS if stream.can_show("".join(MARKS) + "━╸╺") else ASCII_MARKS
