"""How the parts of a message look: roles to colours, places to links, frames to characters."""

from __future__ import annotations

import os
from typing import Mapping, NamedTuple, TextIO

from stagekit._base.text import escape_control
from stagekit.cli.terminal import ColorChoice, can_draw, shows_links, wants_color
from stagekit.errors import Location

_COLORS = {
    "error": "1;31",
    "warning": "1;33",
    "help": "1;36",
    "good": "32",
    "strong": "1",
    "frame": "34",
    "dim": "2",
}
_DRAWN = "│⋮…×→─▶"


class Style(NamedTuple):
    """What one stream can show. A colour never carries a meaning that the text does not."""

    has_color: bool = False
    has_links: bool = False
    has_unicode: bool = True

    def paint(self, role: str, text: str) -> str:
        """Return *text* in the colour of a role."""
        return f"\x1b[{_COLORS[role]}m{text}\x1b[0m" if self.has_color and text else text

    def place(self, location: Location) -> str:
        """Return ``path:line``, to be clicked where the terminal can."""
        text = escape_control(str(location))
        if not self.has_links:
            return text
        return f"\x1b]8;;{_address(location.file)}\x1b\\{text}\x1b]8;;\x1b\\"

    @property
    def bar(self) -> str:
        """What stands between a line number and its line."""
        return "│" if self.has_unicode else "|"

    @property
    def gap(self) -> str:
        """What stands for lines that are left out."""
        return "⋮" if self.has_unicode else ":"


PLAIN = Style()


def style_of(stream: TextIO, choice: ColorChoice, environ: Mapping[str, str]) -> Style:
    """Return what a stream can show."""
    has_color = wants_color(stream, choice, environ)
    has_links = has_color and shows_links(stream, environ)
    return Style(has_color, has_links, can_draw(stream, _DRAWN))


def _address(file: str) -> str:
    import socket
    from urllib.parse import quote

    path = quote(os.path.abspath(file).replace(os.sep, "/"))
    return f"file://{socket.gethostname()}{path if path.startswith('/') else '/' + path}"
