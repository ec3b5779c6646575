"""The pages of ``stagekit explain``: each code has one, and what it shows is what is printed.

A page shows a wrong module with the error that it gets, as it is rendered, and right ones. With
``STAGEKIT_ACCEPT=1`` in the environment what is printed is written into the pages instead.
"""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Dict, List, NamedTuple

import pytest

from stagekit.cli.commands.explain import handbook, page
from stagekit.errors import Code

if TYPE_CHECKING:
    from tests.cli.conftest import Cli

ROOT = Path(__file__).resolve().parent.parent.parent
PAGES = ROOT / "stagekit" / "cli" / "explanations"
FENCE = re.compile(r"^```(?P<kind>\w*)\n(?P<code>.*?)^```$", re.DOTALL | re.MULTILINE)
# tests/cli/test_complaint.py renders these, and a stage is gone in tests/notebook.
NOT_PROVOKED = {Code.MISSING_EXTRA, Code.INTERNAL, Code.GONE_STAGE}
SECTIONS = ("## Wrong", "## Right")
IS_ACCEPTED = bool(os.environ.get("STAGEKIT_ACCEPT"))


class Printed(NamedTuple):
    """What a command printed, and its exit code."""

    code: int
    text: str


def section(text: str, heading: str) -> str:
    """Return the part of a page below a heading."""
    _, _, rest = text.partition(f"\n{heading}\n")
    return rest.partition("\n## ")[0]


def files(text: str) -> Dict[str, str]:
    """Return the Python blocks of a section by the file name that they begin with."""
    found: Dict[str, str] = {}
    for match in FENCE.finditer(text):
        if match["kind"] == "python":
            name = re.match(r"# (\w+\.py)\n", match["code"])
            assert name, f"a block does not begin with its file name:\n{match['code']}"
            found[name[1]] = match["code"]
    return found


def commands(text: str) -> List[str]:
    """Return the command lines that a section shows."""
    consoles = [match["code"] for match in FENCE.finditer(text) if match["kind"] == "console"]
    return [line[2:] for code in consoles for line in code.split("\n") if line.startswith("$ ")]


def masked(text: str) -> str:
    """Return what was printed without what differs between runs and Pythons."""
    text = re.sub(r"in [\d.]+m?s \(run \w{8}\)", "in 0.1ms (run 4k2m8r1t)", text)
    text = re.sub(r"^ +[~^]+\n", "", text, flags=re.MULTILINE)  # below lines of a traceback
    return re.sub(r'File "[^"]*/(\w+\.py)"', r'File "\1"', text)


def run_command(command: str, cli: Cli, folder: Path) -> Printed:
    """Carry out a command line of a page: ``stagekit`` in this process, ``python`` in its own."""
    program, *arguments = shlex.split(command)
    if program == "stagekit":
        done = cli(*arguments)
        return Printed(done.code, masked(done.both))
    started = subprocess.run(
        [sys.executable, *arguments],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(ROOT), "PYTHONDONTWRITEBYTECODE": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        encoding="utf-8",
        timeout=60,
        check=False,
    )
    return Printed(started.returncode, masked(started.stdout))


def shown(text: str, command: str) -> str:
    """Return what a section shows below a command."""
    found = re.search(rf"^\$ {re.escape(command)}\n(.*?)^```$", text, re.DOTALL | re.MULTILINE)
    assert found, command
    return found[1]


def expected(text: str, printed: str) -> bool:
    """Say whether what is shown is what was printed; ``...`` on a line stands for any lines."""
    parts = [re.escape(part) for part in text.split("  ...\n")]
    return re.fullmatch("(?s:.*)".join(parts), printed) is not None


def lay_out(blocks: Dict[str, str], folder: Path) -> None:
    """Write the files of a section."""
    for name, code in blocks.items():
        (folder / name).write_text(code, encoding="utf-8")


@pytest.mark.parametrize("code", [each for each in Code if each not in NOT_PROVOKED])
def test_the_wrong_code_of_a_page_gets_the_error_that_it_shows(
    code: Code, cli: Cli, tmp_path: Path
) -> None:
    """A real module is refused, or warned of, with the very text of the page."""
    text = page(code).text
    wrong = section(text, "## Wrong")
    lay_out(files(wrong), tmp_path)
    assert commands(wrong)
    for command in commands(wrong):
        printed = run_command(command, cli, tmp_path)
        assert code.value in printed.text or "DuplicateStageError" in printed.text
        if IS_ACCEPTED and not expected(shown(wrong, command), printed.text):
            before = f"$ {command}\n{shown(wrong, command)}"
            text = text.replace(before, f"$ {command}\n{printed.text}")
            (PAGES / f"{code.value}.md").write_text(text, encoding="utf-8")
        elif not IS_ACCEPTED:
            assert expected(shown(wrong, command), printed.text), printed.text


@pytest.mark.parametrize("code", Code)
def test_the_right_code_of_a_page_is_accepted(code: Code, cli: Cli, tmp_path: Path) -> None:
    """What a page recommends gets through, with the command that was refused or one of its own."""
    text = page(code).text
    wrong, right = (section(text, heading) for heading in SECTIONS)
    lay_out(files(wrong), tmp_path)
    lay_out(files(right), tmp_path)
    again = commands(wrong) if files(right) else []
    for command in commands(right) or again:
        printed = run_command(command, cli, tmp_path)
        assert 0 == printed.code, printed.text
        assert code.value not in printed.text


@pytest.mark.parametrize("code", Code)
def test_every_code_has_a_page_with_cures(code: Code) -> None:
    """A page has a title, prose, and a part that says what is right."""
    found = page(code)
    assert found.text.startswith(f"# {code.value}: {found.title}\n")
    assert section(found.text, "## Right").strip()
    assert code in NOT_PROVOKED or "## Wrong" in found.text


def test_there_are_no_pages_of_other_codes() -> None:
    """A code that is taken away takes its page along."""
    assert {f"{code.value}.md" for code in Code} == {path.name for path in PAGES.glob("*.md")}


def test_the_handbook_is_made_of_the_pages() -> None:
    """docs/errors.md is what ``python -m stagekit.cli.commands.explain`` prints."""
    assert handbook() == (ROOT / "docs" / "errors.md").read_text(encoding="utf-8")
