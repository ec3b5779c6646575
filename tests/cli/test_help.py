"""The help of each command: its exact text at 80 columns, examples at its end."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.cli.conftest import Cli, Write

SNAPSHOTS = Path(__file__).resolve().parent / "help"
COMMANDS = ["", "run", "plan", "list", "graph", "bench", "explain", "completion"]


@pytest.mark.parametrize("option", ["-h", "--help"])
@pytest.mark.parametrize("command", COMMANDS)
def test_the_help_is_this_text(
    command: str, option: str, cli: Cli, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is printed to stdout, fits 80 columns, and ends with two examples."""
    monkeypatch.setenv("COLUMNS", "80")
    done = cli(*([command] if command else []), option)
    assert (0, "") == (done.code, done.err)
    snapshot = SNAPSHOTS / f"{command or 'stagekit'}.txt"
    if os.environ.get("STAGEKIT_ACCEPT"):
        snapshot.write_text(done.out, encoding="utf-8")
    assert snapshot.read_text(encoding="utf-8") == done.out
    assert max(map(len, done.out.split("\n"))) <= 80
    _, _, examples = done.out.partition("\nExamples:\n")
    lines = [each for each in examples.split("\n") if each[2:3].strip()]
    assert [True, True] == ["stagekit " in each for each in lines]


def test_without_a_command_there_is_help(cli: Cli) -> None:
    """Who only writes the name of the program wants to know what it can do."""
    assert cli("-h") == cli()


@pytest.mark.parametrize("command", COMMANDS[1:-2])
def test_a_target_is_asked_for(command: str, cli: Cli, write: Write) -> None:
    """A command without TARGET says so, and which files could be meant."""
    done = cli(command)
    assert (2, "") == (done.code, done.out)
    told = "error: TARGET is missing; name a module or a file"
    assert f"{told}\n\nhelp: stagekit {command} -h\n" == done.err
    write("other.py", "import os\n")
    write("shop.py", "from stagekit import stage\n")
    write("web.py", "import stagekit\n")
    write("folder/__init__.py", "")
    assert f"{told}, such as shop.py, web.py\n\nhelp: stagekit {command} -h\n" == cli(command).err
