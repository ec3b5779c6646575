"""The README: its code runs, its output is real, its links lead somewhere."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path
from typing import List, Tuple

import pytest

ROOT = Path(__file__).resolve().parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")
FILE = re.compile(r"# (\w+\.py)\n")  # the first line of a block that is a file
Block = Tuple[str, str]


def blocks() -> List[Block]:
    """Return the fenced blocks in order: language and text; not those that need a package."""
    text = re.sub(r"<!-- not run: .+? -->\n```.*?^```$", "", README, flags=re.DOTALL | re.MULTILINE)
    return re.findall(r"^```(\w*)\n(.*?)^```$", text, re.DOTALL | re.MULTILINE)


def masked(text: str) -> List[str]:
    """Return the lines, sorted, without what differs from run to run.

    Stages that run side by side end in any order: so lines are sorted, and the counters at their
    beginning hidden, as are times and the ids of runs.
    """
    text = re.sub(r"\(run [0-9a-z]{8}\)", "(run ID)", text)  # first: an id may end in "3s"
    text = re.sub(r"\b\d+(\.\d+)? ?(ms|s)\b", "T", text)
    text = re.sub(r"^\[ *\d+/", "[N/", text, flags=re.MULTILINE)
    return sorted(re.sub(r" +", " ", text).splitlines())


def sessions() -> List[Block]:
    """Return each command that the README shows with its output, and that output."""
    shown: List[Block] = []
    for language, text in blocks():
        if language == "console":
            for part in re.split(r"^\$ ", text, flags=re.MULTILINE)[1:]:
                command, _, output = part.partition("\n")
                shown.append((command, output))
    return shown


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return a folder with the files that the README shows."""
    for language, text in blocks():
        named = FILE.match(text)
        if language == "python" and named is not None:
            (tmp_path / named.group(1)).write_text(text, encoding="utf-8")
    return tmp_path


def ran(command: str, folder: Path) -> str:
    """Return what a command prints on both streams."""
    words = [sys.executable if word == "python" else word for word in shlex.split(command)]
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "PYTHONIOENCODING": "utf-8"}
    environment.pop("PYTHONUNBUFFERED", None)  # with it a line of progress can split a print
    return subprocess.run(
        words,
        cwd=str(folder),
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        encoding="utf-8",
        timeout=60,
        check=False,
    ).stdout


@pytest.mark.parametrize(("command", "output"), sessions(), ids=[c for c, _ in sessions()])
def test_every_session_is_what_the_command_prints(command: str, output: str, folder: Path) -> None:
    """A command shown after ``$`` prints, times masked, what stands below it."""
    assert masked(output) == masked(ran(command, folder))


def test_the_calls_that_it_replaces_print_the_same(folder: Path) -> None:
    """The script without stagekit: the functions are plain, and its calls give what it shows."""
    (calls, *_) = [text for language, text in blocks() if language == "python"]
    pipeline = (folder / "shop.py").read_text(encoding="utf-8").split("if __name__")[0]
    plain = pipeline.replace("@stage\n", "").replace("from stagekit import main, stage\n", "")
    assert "stage" not in plain
    (folder / "before.py").write_text(f"{plain}\n{calls}", encoding="utf-8")
    printed = ran("python before.py", folder)
    assert printed
    assert printed in ran("python shop.py --show", folder)


def test_the_commands_of_the_first_minute_are_there() -> None:
    """The two commands stand as promised, and none installs the namesake from the index."""
    python = ".venv/bin/python -m"
    for extra, then in ((".", "stagekit run examples.quickstart"), ("'.[test]'", "pytest -q")):
        line = f"python3 -m venv .venv && {python} pip install -q {extra} && {python} {then}"
        assert f"\n{line}\n" in README
    assert "pip install stagekit" not in README


def test_the_picture_is_what_quickstart_draws(tmp_path: Path) -> None:
    """The chart in the README is the one that the example writes, byte for byte."""
    subprocess.run(
        [sys.executable, str(ROOT / "examples" / "quickstart.py")],
        cwd=str(tmp_path),
        stdout=subprocess.DEVNULL,
        timeout=60,
        check=True,
    )
    drawn = (tmp_path / "out" / "penguins.svg").read_text(encoding="utf-8")
    assert drawn == (ROOT / "docs" / "penguins.svg").read_text(encoding="utf-8")


def test_every_link_leads_to_a_file() -> None:
    """Links that are not to the web name files of the checkout."""
    links = re.findall(r"\]\(([^)#]+)(#[^)]*)?\)", README)
    assert links
    assert [] == [link for link, _ in links if "://" not in link and not (ROOT / link).exists()]


def test_every_anchor_is_a_heading() -> None:
    """Links into a page of the manual lead to one of its headings."""
    pages = {
        page: [
            re.sub(r"[^\w\- ]", "", line.lstrip("#").strip().lower()).replace(" ", "-")
            for line in (ROOT / page).read_text(encoding="utf-8").splitlines()
            if line.startswith("#")
        ]
        for page in ("docs/manual.md", "docs/errors.md")
    }
    anchors = re.findall(r"\]\((docs/\w+\.md)#([^)]+)\)", README)
    assert anchors
    assert [] == [(page, anchor) for page, anchor in anchors if anchor not in pages[page]]
