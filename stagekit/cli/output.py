"""All printing of the command line: where it goes, and how the parts of a message look."""

from __future__ import annotations

import enum
import os
import sys
from typing import Mapping, Optional, Sequence, TextIO, Union

from stagekit._base.record import Record
from stagekit._base.text import escape_control
from stagekit.cli.streams import StandardError, results_to
from stagekit.errors import Location
from stagekit.hooks.terminal import QuietStream, address, is_terminal, shows_links, wants_color

_COLORS = {
    "error": "1;31",
    "warning": "1;33",
    "help": "1;36",
    "good": "32",
    "strong": "1",
    "frame": "94",
    "dim": "2",
}
_LEAST_COLUMNS = 20
_DRAWN = "│⋮…×→─▶"


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


class PrintsChoice(enum.Enum):
    """The values of ``--prints``."""

    AUTO = "auto"
    GROUPED = "grouped"
    PREFIXED = "prefixed"
    RAW = "raw"


class Style(Record):
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
        return f"\x1b]8;;{address(location.file)}\x1b\\{text}\x1b]8;;\x1b\\"

    @property
    def bar(self) -> str:
        """The character between a line number and its line."""
        return "│" if self.has_unicode else "|"

    @property
    def gap(self) -> str:
        """The character in place of lines that are left out."""
        return "⋮" if self.has_unicode else ":"


PLAIN = Style()


def style_of(stream: TextIO, choice: ColorChoice, environ: Mapping[str, str]) -> Style:
    """Return what a stream can show: ``--color`` comes before the environment and the terminal."""
    quiet = QuietStream(stream)
    if choice is ColorChoice.AUTO:
        has_color = wants_color(quiet, environ)
    else:
        has_color = choice is ColorChoice.ALWAYS
    return Style(has_color, has_color and shows_links(quiet, environ), quiet.can_show(_DRAWN))


class Output:
    """The two streams of one command, with what each can show.

    Attributes:
        out: the stream for results: standard output, unless a command has claimed that.
        style: what *out* can show.
        error_style: what standard error can show.
        annotates: whether problems are printed for GitHub Actions, too.
    """

    annotates = False

    def __init__(self, color: ColorChoice = ColorChoice.AUTO) -> None:
        self.out: TextIO = sys.stdout
        self.style: Style = style_of(sys.stdout, color, os.environ)
        self.error_style: Style = style_of(sys.stderr, color, os.environ)

    @property
    def columns(self) -> Optional[int]:
        """How wide the terminal is that results are printed to; None where it is none."""
        return _columns(self.out)

    def print_text(self, text: str) -> None:
        """Print what was asked for, and is for people: lines fit a terminal. Raises as below."""
        self.print_result(_folded(text, self.columns))

    def print_result(self, text: str) -> None:
        """Print what was asked for.

        Raises:
            NotWrittenError: standard output cannot be written.
        """
        with results_to(self.out):
            _write(self.out, text)

    def print_message(self, text: str) -> None:
        """Print to standard error: what went wrong, how far it is, how it ended."""
        _write(StandardError(), _folded(text, _columns(sys.stderr)))

    def print_error(self, text: str) -> None:
        """Print what ends the command, where it is no problem with a code."""
        self.print_message(f"{self.error_style.paint('error', 'error')}: {_visible(text)}")

    def warn(self, text: str) -> None:
        """Print a warning that is no problem of a plan."""
        self.print_message(f"{self.error_style.paint('warning', 'warning')}: {_visible(text)}")

    def note(self, text: str) -> None:
        """Print something that is good to know, and no fault."""
        self.print_message(f"{self.error_style.paint('strong', 'note')}: {_visible(text)}")

    def note_environment(self, variables: Sequence[str]) -> None:
        """Print which variables have set options of a command that cannot do what it is asked."""
        if variables:
            self.note(f"set in the environment: {', '.join(variables)}")


def _visible(text: str) -> str:
    """Return a text with what is in it of users made harmless for a terminal."""
    return escape_control(text, keep="\n")


def _columns(stream: Optional[TextIO]) -> Optional[int]:
    if not is_terminal(stream):
        return None
    from stagekit._base.columns import terminal_columns

    return max(_LEAST_COLUMNS, terminal_columns())


def _folded(text: str, columns: Optional[int]) -> str:
    if columns is None:
        return text
    from stagekit._base.columns import fold

    return fold(text, columns)


def _write(stream: Union[TextIO, StandardError], text: str) -> None:
    line = text if text.endswith("\n") else text + "\n"
    try:
        stream.write(line)
    except UnicodeEncodeError:
        encoding = getattr(stream, "encoding", None) or "ascii"
        stream.write(line.encode(encoding, "backslashreplace").decode(encoding))
    stream.flush()
