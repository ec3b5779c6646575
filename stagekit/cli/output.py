"""All printing of the command line: what was asked for to stdout, all else to stderr."""

from __future__ import annotations

import os
import sys
from typing import TextIO, Union

from stagekit.cli.streams import StandardError
from stagekit.cli.style import Style, style_of
from stagekit.cli.terminal import ColorChoice


class Output:
    """The two streams of one command, with what each can show.

    Attributes:
        color: the value of ``--color``.
        out: where goes what was asked for; see ``answer``.
        style: what *out* can show.
        error_style: what standard error can show.
    """

    def __init__(self, color: ColorChoice = ColorChoice.AUTO) -> None:
        self.color = color
        self.out: TextIO = sys.stdout
        self.style: Style = style_of(sys.stdout, color, os.environ)
        self.error_style: Style = style_of(sys.stderr, color, os.environ)

    def answer(self, text: str) -> None:
        """Print what was asked for."""
        _write(self.out, text)

    def tell(self, text: str) -> None:
        """Print to standard error: what went wrong, how far it is, how it ended."""
        _write(StandardError(), text)

    def warn(self, text: str) -> None:
        """Print a warning that no problem of a plan stands for."""
        self.tell(f"{self.error_style.paint('warning', 'warning')}: {text}")

    def note(self, text: str) -> None:
        """Print something that is good to know, and no fault."""
        self.tell(f"{self.error_style.paint('strong', 'note')}: {text}")


def _write(stream: Union[TextIO, StandardError], text: str) -> None:
    line = text if text.endswith("\n") else text + "\n"
    try:
        stream.write(line)
    except UnicodeEncodeError:
        encoding = getattr(stream, "encoding", None) or "ascii"
        stream.write(line.encode(encoding, "backslashreplace").decode(encoding))
    stream.flush()
