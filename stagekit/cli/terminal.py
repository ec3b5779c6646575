"""What a stream can show: colour, animation, links, and characters beyond ASCII."""

from __future__ import annotations

import enum
from typing import Mapping, Optional, TextIO

from stagekit.cli.streams import is_terminal

_LINKING = ("iTerm.app", "WezTerm", "vscode", "ghostty", "Hyper", "Tabby", "rio")
_LINKING_TERMS = ("xterm-kitty", "alacritty", "foot", "contour")
_VTE_WITH_LINKS = 5000


class ColorChoice(enum.Enum):
    """The values of ``--color``."""

    AUTO = "auto"
    ALWAYS = "always"
    NEVER = "never"


class ProgressChoice(enum.Enum):
    """The values of ``--progress``."""

    AUTO = "auto"
    PLAIN = "plain"
    RICH = "rich"
    NONE = "none"


def wants_color(stream: TextIO, choice: ColorChoice, environ: Mapping[str, str]) -> bool:
    """Say whether a stream is written in colour: ``--color``, NO_COLOR, FORCE_COLOR, terminal."""
    if choice is not ColorChoice.AUTO:
        return choice is ColorChoice.ALWAYS
    if environ.get("NO_COLOR"):
        return False
    if environ.get("FORCE_COLOR"):
        return True
    return is_terminal(stream) and not _is_dumb(environ)


def may_animate(stream: TextIO, environ: Mapping[str, str]) -> bool:
    """Say whether lines may be drawn again in place.

    Colour has no say in it, but NO_COLOR has: who sets it wants no escape sequences, and drawing is
    made of them.
    """
    has_say = _is_dumb(environ) or is_ci(environ) or environ.get("NO_COLOR")
    return is_terminal(stream) and not has_say


def is_ci(environ: Mapping[str, str]) -> bool:
    """Say whether this is a job of a build server."""
    return environ.get("CI", "").lower() not in {"", "0", "false"}


def _is_dumb(environ: Mapping[str, str]) -> bool:
    return environ.get("TERM", "") == "dumb"


def shows_links(stream: TextIO, environ: Mapping[str, str]) -> bool:
    """Say whether the terminal is known to make OSC 8 links clickable rather than show garbage."""
    if not may_animate(stream, environ):
        return False
    if environ.get("TERM_PROGRAM") in _LINKING or environ.get("TERM") in _LINKING_TERMS:
        return True
    if environ.get("WT_SESSION") or environ.get("KONSOLE_VERSION"):
        return True
    vte = environ.get("VTE_VERSION", "")
    return vte.isdigit() and int(vte) >= _VTE_WITH_LINKS


def can_draw(stream: TextIO, characters: str) -> bool:
    """Say whether the encoding of a stream has all of *characters*."""
    encoding: Optional[str] = getattr(stream, "encoding", None)
    try:
        characters.encode(encoding or "ascii")
    except (LookupError, UnicodeError):
        return False
    return True
