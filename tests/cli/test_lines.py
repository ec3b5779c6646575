"""Lines stay whole, whoever else prints: stages in threads, other streams, a drawn board."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Dict, List

import pytest

from tests.cli.terminals import LIMIT, read_all, read_until

if TYPE_CHECKING:
    from tests.cli.conftest import Write

ROOT = Path(__file__).resolve().parent.parent.parent
SILENT = ("CI", "COLUMNS", "FORCE_COLOR", "NO_COLOR", "PYTHONUNBUFFERED", "TERM")
PROGRESS = re.compile(r"\[ *\d+/\d+\] (start|ok)  +s\d+( +[\d.]+m?s)?")

LOUD = """
from stagekit import Registry

registry = Registry()

def loud() -> None:
    for number in range(30):
        print("printed", number)

for number in range(30):
    registry.add(loud, id=f"s{number}")
"""


def environment(**more: str) -> Dict[str, str]:
    """Return the variables of this process without those that have a say in output."""
    kept = {name: value for name, value in os.environ.items() if name not in SILENT}
    return {**kept, "PYTHONPATH": str(ROOT), "PYTHONDONTWRITEBYTECODE": "1", **more}


def printed(folder: Path, *arguments: str, **more: str) -> List[str]:
    """Return the lines that a command line writes into one pipe, without its summary."""
    process = subprocess.run(
        [sys.executable, "-m", "stagekit", "run", *arguments],
        cwd=folder,
        env=environment(**more),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        encoding="utf-8",
        timeout=LIMIT,
        check=True,
    )
    return [line for line in process.stdout.splitlines() if not line.startswith("summary: ")]


def test_lines_of_an_unbuffered_process_stay_whole(tmp_path: Path, write: Write) -> None:
    """Under PYTHONUNBUFFERED neither progress nor another thread breaks what a stage prints."""
    write("loud.py", LOUD)
    lines = printed(tmp_path, "loud", "--executor", "threads", PYTHONUNBUFFERED="1")
    told = [line for line in lines if PROGRESS.fullmatch(line)]
    assert [] == [
        line for line in lines if not re.fullmatch(r"printed \d+", line) and line not in told
    ]
    assert (60, 960) == (len(told), len(lines))


HALF = """
from stagekit import stage

@stage
def s1() -> None:
    print("half a line", end="", flush=True)

@stage(depends_on=s1)
def s2() -> None:
    print(" and its end")
"""


def test_progress_begins_on_a_line_of_its_own(tmp_path: Path, write: Write) -> None:
    """What a stage has printed without a newline stands alone on its line."""
    write("half.py", HALF)
    masked = [re.sub(r"[\d.]+m?s$", "0s", line) for line in printed(tmp_path, "half", "-v")]
    assert [
        "[ 1/2] start  s1",
        "half a line",
        "[ 1/2] ok     s1  0s",
        "[ 2/2] start  s2",
        "[ 2/2] ok     s2  0s",
        " and its end",
    ] == masked


def test_progress_elsewhere_adds_nothing(tmp_path: Path, write: Write) -> None:
    """Where standard error is another file, an unfinished line of stdout is not its concern."""
    write("half.py", HALF)
    process = subprocess.run(
        [sys.executable, "-m", "stagekit", "run", "half"],
        cwd=tmp_path,
        env=environment(),
        capture_output=True,
        encoding="utf-8",
        timeout=LIMIT,
        check=True,
    )
    assert "half a line and its end\n" == process.stdout
    assert "" not in process.stderr.splitlines()


LOGGING = """
import logging, os
from loguru import logger
from stagekit import stage

logging.basicConfig(format="INFO    %(message)s")

@stage
def talk() -> None:
    while not os.path.exists("go"):
        pass
    for number in range(300):
        logger.info(f"told {number}")
"""
KEPT = LOGGING.replace("logger.info(", "logging.warning(")


@pytest.mark.slow
@pytest.mark.parametrize(
    ("text", "option"),
    [
        pytest.param(LOGGING, "-vv", id="-vv"),
        pytest.param(KEPT, "-v", id="kept", marks=pytest.mark.slow),
    ],
)
def test_the_log_stands_above_the_board(
    text: str, option: str, tmp_path: Path, write: Write
) -> None:
    """On a terminal no line of a log breaks the board, be the handler as old as the module."""
    pty = pytest.importorskip("pty", reason="pseudo-terminals are POSIX only")
    write("talk.py", text)
    master, slave = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-m", "stagekit", "run", "talk", option, "--executor", "threads"],
        cwd=tmp_path,
        env=environment(TERM="xterm", COLUMNS="80", LINES="24"),
        stdin=slave,
        stdout=slave,
        stderr=slave,
    )
    os.close(slave)
    drawn = read_until(master, b"0/1")
    (tmp_path / "go").touch()
    screen = (drawn + read_all(master)).decode()
    os.close(master)
    assert 0 == process.wait(LIMIT)
    # What is drawn ends without a newline: it is taken away right before each line of the log.
    lines = re.sub(r"\x1b\[[\d;]*m", "", screen).split("\r\n")
    logged = [line for line in lines if "told" in line]
    assert 300 == len(logged)
    alone = re.compile(r".*\x1b\[2K\r?INFO    told \d+", re.DOTALL)
    assert [] == [line for line in logged if not alone.fullmatch(line)]
