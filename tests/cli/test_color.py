"""Colour, animation and links: who decides, and what a terminal gets to see."""

from __future__ import annotations

import io
import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Callable, Dict, List, Tuple

import pytest

from stagekit.cli.output import ColorChoice, Style, style_of
from stagekit.errors import Location
from stagekit.hooks.terminal import QuietStream, can_animate, shows_links

if TYPE_CHECKING:
    from tests.cli.conftest import Cli, Write

ROOT = Path(__file__).resolve().parent.parent.parent
LIMIT = 60
FAILS = """
from stagekit import stage

@stage
def load() -> None:
    raise ValueError("\\x1b[31mred\\x1b[0m \\u202e")
"""


class Terminal(io.StringIO):
    """A stream that a person watches."""

    def isatty(self) -> bool:
        """Say so."""
        return True


PIPE, TERMINAL = io.StringIO(), Terminal()
XTERM = {"TERM": "xterm"}


@pytest.mark.parametrize(
    ("choice", "environ", "on_terminal", "in_pipe"),
    [
        ("auto", XTERM, True, False),
        ("auto", {}, True, False),
        ("auto", {"TERM": "dumb"}, False, False),
        ("auto", {"NO_COLOR": "1"}, False, False),
        ("auto", {"NO_COLOR": ""}, True, False),
        ("auto", {"FORCE_COLOR": "1"}, True, True),
        ("auto", {"FORCE_COLOR": ""}, True, False),
        ("auto", {"FORCE_COLOR": "1", "TERM": "dumb"}, True, True),
        ("auto", {"NO_COLOR": "1", "FORCE_COLOR": "1"}, False, False),
        ("always", {"NO_COLOR": "1"}, True, True),
        ("always", {"TERM": "dumb"}, True, True),
        ("never", {"FORCE_COLOR": "1"}, False, False),
    ],
)
def test_color_is_decided_in_this_order(
    choice: str, environ: Dict[str, str], on_terminal: object, in_pipe: object
) -> None:
    """--color, then NO_COLOR, then FORCE_COLOR, then what the stream is."""
    decided = [style_of(s, ColorChoice(choice), environ).has_color for s in (TERMINAL, PIPE)]
    assert [on_terminal, in_pipe] == decided


@pytest.mark.parametrize(
    ("environ", "expected"),
    [
        (XTERM, True),
        ({"TERM": "dumb"}, False),
        ({"CI": "true"}, False),
        ({"CI": "1"}, False),
        ({"CI": "false"}, True),
        ({"CI": ""}, True),
        ({"NO_COLOR": "1"}, False),
        ({"FORCE_COLOR": "1", "TERM": "dumb"}, False),
    ],
)
def test_only_a_terminal_is_drawn_on(environ: Dict[str, str], expected: object) -> None:
    """Animation needs a terminal that can, and a person; FORCE_COLOR has no say in it."""
    assert expected == can_animate(QuietStream(TERMINAL), environ)
    assert not can_animate(QuietStream(PIPE), environ)


@pytest.mark.parametrize(
    ("environ", "expected"),
    [
        ({"TERM_PROGRAM": "vscode"}, True),
        ({"TERM": "xterm-kitty"}, True),
        ({"VTE_VERSION": "7200"}, True),
        ({"VTE_VERSION": "4900"}, False),
        ({"WT_SESSION": "x"}, True),
        (XTERM, False),
        ({"TERM_PROGRAM": "vscode", "CI": "1"}, False),
    ],
)
def test_links_are_for_terminals_that_know_them(environ: Dict[str, str], expected: object) -> None:
    """Others would show the address as garbage."""
    assert expected == shows_links(QuietStream(TERMINAL), environ)
    assert not shows_links(QuietStream(PIPE), environ)


def test_a_place_is_a_link_or_plain(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Plain it is relative to the current folder; the link has the whole path, escaped."""
    monkeypatch.chdir(tmp_path)
    place = Location(str(tmp_path / "a b" / "shop.py"), 7)
    plain = f"a b{os.sep}shop.py:7"
    assert plain == Style().place(place)
    linked = Style(has_color=True, has_links=True).place(place)
    assert linked.startswith("\x1b]8;;file://")
    assert "/a%20b/shop.py\x1b\\" in linked
    assert linked.endswith(f"{plain}\x1b]8;;\x1b\\")


def test_colour_carries_no_meaning(cli: Cli, write: Write) -> None:
    """Without its escape sequences, coloured output is the same text."""
    write("bad.py", "from stagekit import stage\n@stage\ndef load(x: bytes) -> None: ...\n")
    import re

    colored, plain = cli("plan", "bad", "--color", "always"), cli("plan", "bad", "--color", "never")
    assert "\x1b[" in colored.err
    assert plain.err == re.sub(r"\x1b\[[\d;]*m", "", colored.err)


MATRIX: List[Tuple[Dict[str, str], List[str], object, object]] = [
    # variables, options, whether there is any ESC byte, whether something is drawn
    (XTERM, [], True, True),
    ({**XTERM, "NO_COLOR": "1"}, [], False, False),
    ({**XTERM, "NO_COLOR": "1", "FORCE_COLOR": "1"}, [], False, False),
    ({"TERM": "dumb"}, [], False, False),
    ({**XTERM, "CI": "true"}, [], True, False),
    ({**XTERM, "CI": "true"}, ["--color", "never"], False, False),
    (XTERM, ["--color", "never", "--progress", "plain"], False, False),
    (XTERM, ["--progress", "none"], True, False),
    ({"TERM": "dumb"}, ["--color", "always"], True, False),
]


@pytest.fixture(scope="module")
def all_printed(
    side_by_side: Callable[..., List[bytes]], tmp_path_factory: pytest.TempPathFactory
) -> List[bytes]:
    """Give what a terminal is sent in each case of the matrix."""
    pty = pytest.importorskip("pty", reason="pseudo-terminals are POSIX only")
    folder = tmp_path_factory.mktemp("terminals")
    (folder / "fails.py").write_text(FAILS, encoding="utf-8")
    cases = [(variables, ["run", "fails", *options]) for variables, options, _, _ in MATRIX]
    return side_by_side(printed_on, [(pty.openpty(), folder, *case) for case in cases])


@pytest.mark.slow
@pytest.mark.parametrize(
    ("variables", "options", "has_escapes", "is_drawn"),
    MATRIX,
    ids=[" ".join([*(f"{n}={v}" for n, v in e.items()), *o]) for e, o, _, _ in MATRIX],
)
def test_a_terminal_gets_what_it_is_meant_to(
    variables: Dict[str, str],
    options: List[str],
    has_escapes: object,
    is_drawn: object,
    all_printed: List[bytes],
) -> None:
    """NO_COLOR leaves no ESC byte at all; what stages raise never sends one."""
    printed = all_printed[MATRIX.index((variables, options, has_escapes, is_drawn))]
    assert b"SK301" in printed
    assert b"\\x1b[31mred\\x1b[0m \\u202e" in printed
    assert b"\x1b[31mred" not in printed
    assert has_escapes == (b"\x1b" in printed)
    assert is_drawn == (b"\x1b[?25l" in printed)


def printed_on(
    ends: Tuple[int, int], folder: Path, variables: Dict[str, str], arguments: List[str]
) -> bytes:
    """Carry out a command line on a terminal; return all that it was sent."""
    master, slave = ends
    silent = ("CI", "COLUMNS", "FORCE_COLOR", "NO_COLOR", "TERM", "TERM_PROGRAM", "VTE_VERSION")
    kept = {name: value for name, value in os.environ.items() if name not in silent}
    process = subprocess.Popen(
        [sys.executable, "-m", "stagekit", *arguments],
        cwd=folder,
        env={**kept, "PYTHONPATH": str(ROOT), "PYTHONDONTWRITEBYTECODE": "1", **variables},
        stdin=slave,
        stdout=slave,
        stderr=slave,
    )
    os.close(slave)
    printed = b""
    while True:
        try:
            part = os.read(master, 65536)
        except OSError:  # what Linux says when the other end is closed
            break
        if not part:
            break
        printed += part
    os.close(master)
    assert 1 == process.wait(LIMIT)
    return printed
