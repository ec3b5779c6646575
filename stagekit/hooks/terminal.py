"""What a stream can show, where the caller does not say: colour, animation, marks."""

from __future__ import annotations

from typing import Mapping, NamedTuple

from stagekit.hooks.quiet import QuietStream

__all__ = ["ASCII_MARKS", "MARKS", "Marks", "can_animate", "marks_for", "wants_color"]


class Marks(NamedTuple):
    """The characters that stand before the lines of stages."""

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


def wants_color(stream: QuietStream, environ: Mapping[str, str]) -> bool:
    """Say whether to write in colour: NO_COLOR before FORCE_COLOR before what the stream is."""
    if environ.get("NO_COLOR"):
        return False
    if environ.get("FORCE_COLOR"):
        return True
    return stream.isatty() and environ.get("TERM") != "dumb"


def can_animate(stream: QuietStream, environ: Mapping[str, str]) -> bool:
    """Say whether lines may be drawn again in place.

    Not under NO_COLOR: who sets it wants no escape sequences, and drawing is made of them.
    """
    is_ci = environ.get("CI", "").lower() not in {"", "0", "false"}
    is_plain = environ.get("TERM") == "dumb" or bool(environ.get("NO_COLOR"))
    return stream.isatty() and not is_ci and not is_plain


def marks_for(stream: QuietStream) -> Marks:
    """Return the marks that the encoding of a stream has."""
    return MARKS if stream.can_show("".join(MARKS) + "━╸╺") else ASCII_MARKS
