"""The README: its code runs, its output is real, its links lead somewhere."""

from __future__ import annotations

import contextlib
import io
import os
import re
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Dict, List, Tuple

import pytest

from stagekit import Registry, use_registry

ROOT = Path(__file__).resolve().parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")
Block = Tuple[str, str]


def blocks() -> List[Block]:
    """Return the fenced blocks in order: language and text."""
    return re.findall(r"^```(\w*)\n(.*?)^```$", README, re.DOTALL | re.MULTILINE)


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


@pytest.mark.parametrize(("command", "output"), sessions(), ids=[c for c, _ in sessions()])
def test_every_session_is_what_the_command_prints(
    command: str, output: str, tmp_path: Path
) -> None:
    """A command shown after ``$`` prints, times masked, what stands below it."""
    words = [sys.executable if word == "python" else word for word in shlex.split(command)]
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "PYTHONIOENCODING": "utf-8"}
    environment.pop("PYTHONUNBUFFERED", None)  # with it a line of progress can split a print
    done = subprocess.run(
        words,
        cwd=str(tmp_path),
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        encoding="utf-8",
        timeout=60,
        check=False,
    )
    assert masked(output) == masked(done.stdout)


def test_the_python_blocks_run_as_they_stand() -> None:
    """In one namespace, and each prints the text block that follows it, if one does."""
    namespace: Dict[str, object] = {"__name__": "__main__"}  # as a script has it
    found = blocks()
    with use_registry(Registry()):
        for (language, code), (following, text) in zip(found, [*found[1:], ("", "")]):
            if language == "python":
                with contextlib.redirect_stdout(io.StringIO()) as printed:
                    exec(compile(code, "README.md", "exec"), namespace)  # noqa: S102 - our own text
                if following == "text":
                    assert text == printed.getvalue()


def test_the_first_program_is_a_target_of_the_command(tmp_path: Path) -> None:
    """Saved as a file it is a script, and what ``stagekit run`` can run."""
    (code, *_) = [text for language, text in blocks() if language == "python"]
    (tmp_path / "words.py").write_text(code, encoding="utf-8")
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    for words in (["words.py"], ["-m", "stagekit", "run", "words.py", "--show"]):
        done = subprocess.run(
            [sys.executable, *words],
            cwd=tmp_path,
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            check=True,
            timeout=60,
        )
        assert "22 letters, 13 of them different\n" == done.stdout


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
    links = re.findall(r"\]\(([^)#]+)[^)]*\)", README)
    assert links
    assert [] == [link for link in links if "://" not in link and not (ROOT / link).exists()]
