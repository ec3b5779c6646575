"""What a stream can show: colour, animation, characters; and a stream to which all can be written.

The command line decides by the same rules.
"""

from __future__ import annotations

import os
import sys
from typing import Mapping, Optional, TextIO

__all__ = ["QuietStream", "address", "can_animate", "is_terminal", "shows_links", "wants_color"]

_LINKING = ("iTerm.app", "WezTerm", "vscode", "ghostty", "Hyper", "Tabby", "rio")
_LINKING_TERMS = ("xterm-kitty", "alacritty", "foot", "contour")
_VTE_WITH_LINKS = 5000


def is_terminal(stream: Optional[TextIO]) -> bool:
    """Say whether a person watches the stream."""
    try:
        return stream is not None and stream.isatty()
    except (AttributeError, ValueError):  # closed, or no stream of a file
        return False


class QuietStream:
    """Writes to another stream as long as that can be written to; after that, nowhere.

    Args:
        stream: where to; standard error, as it is at each moment, where None.
    """

    def __init__(self, stream: Optional[TextIO] = None) -> None:
        self._stream = stream
        self._is_over = False

    @property
    def _target(self) -> Optional[TextIO]:
        return self._stream if self._stream is not None else sys.stderr

    @property
    def encoding(self) -> str:
        """The encoding of the stream behind."""
        return getattr(self._target, "encoding", None) or "utf-8"

    def write(self, text: str, /) -> int:
        """Write *text*; what the encoding lacks is shown by its number, escaped."""
        target = self._target
        if self._is_over or target is None:
            return len(text)
        try:
            target.write(text.encode(self.encoding, "backslashreplace").decode(self.encoding))
        except (OSError, ValueError):  # the reader has gone, or the stream is closed
            self._is_over = True
        return len(text)

    def flush(self) -> None:
        """Hand on what is written."""
        target = self._target
        if self._is_over or target is None:
            return
        try:
            target.flush()
        except (OSError, ValueError):
            self._is_over = True

    def isatty(self) -> bool:
        """Say whether a person watches."""
        return is_terminal(self._target)

    def can_show(self, characters: str) -> bool:
        """Say whether the encoding has all of *characters*."""
        try:
            characters.encode(self.encoding)
        except (LookupError, UnicodeError):
            return False
        return True


def wants_color(stream: QuietStream, environ: Mapping[str, str]) -> bool:
    """Say whether to write in colour: NO_COLOR before FORCE_COLOR before what the stream is."""
    if environ.get("NO_COLOR"):
        return False
    if environ.get("FORCE_COLOR"):
        return True
    return stream.isatty() and environ.get("TERM") != "dumb"


def can_animate(stream: QuietStream, environ: Mapping[str, str]) -> bool:
    """Say whether lines may be drawn again in place: on a terminal that is no build server's.

    Not under NO_COLOR: whoever sets it wants no escape sequences, and drawing is made of them.
    """
    is_ci = environ.get("CI", "").lower() not in {"", "0", "false"}
    is_plain = environ.get("TERM") == "dumb" or bool(environ.get("NO_COLOR"))
    return stream.isatty() and not is_ci and not is_plain


def shows_links(stream: QuietStream, environ: Mapping[str, str]) -> bool:
    """Say whether the terminal is known to make OSC 8 links clickable rather than show garbage."""
    if not can_animate(stream, environ):
        return False
    if environ.get("TERM_PROGRAM") in _LINKING or environ.get("TERM") in _LINKING_TERMS:
        return True
    if environ.get("WT_SESSION") or environ.get("KONSOLE_VERSION"):
        return True
    vte = environ.get("VTE_VERSION", "")
    return vte.isdigit() and int(vte) >= _VTE_WITH_LINKS


def address(file: str) -> str:
    """Return where a link to a file leads."""
    import socket
    from urllib.parse import quote

    path = quote(os.path.abspath(file).replace(os.sep, "/"))
    return f"file://{socket.gethostname()}{path if path.startswith('/') else '/' + path}"
