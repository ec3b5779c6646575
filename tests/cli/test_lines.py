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
    lines = printed(
        tmp_path, "loud", "--executor", "threads", "--prints", "raw", PYTHONUNBUFFERED="1"
    )
    told = [line for line in lines if PROGRESS.fullmatch(line)]
    assert [] == [
        line for line in lines if not re.fullmatch(r"printed \d+", line) and line not in told
    ]
    assert (60, 960) == (len(told), len(lines))


MEETING = """
import logging, sys, threading
from stagekit import Registry

registry = Registry()
logging.basicConfig(format="%(message)s", stream=sys.stdout)

class Pause:
    \"""In the middle of a line its thread lets the other one write a whole line.\"""

    def __init__(self):
        self.barrier = threading.Barrier(2, timeout=60)

    def __str__(self):
        self.barrier.wait()
        self.barrier.wait()
        return "then"

def while_paused(pause, write):
    pause.barrier.wait()
    write()
    pause.barrier.wait()

def pair(name, first, second, pause):
    registry.add(first, id=f"{name}.first")
    registry.add(lambda: while_paused(pause, second), id=f"{name}.second")

def several(pause=Pause()):
    pair(
        "several",
        lambda: print("several", pause, 1),
        lambda: print("several", "whole", 2),
        pause,
    )

def parts(pause=Pause()):
    def first():
        print("parts", "of", sep="-", end="")
        print("", pause, "a", "line", sep="-", end="!\\n")

    pair("parts", first, lambda: print("parts", "whole", sep="+", end=".\\n"), pause)

def logged(pause=Pause()):
    pair(
        "logged",
        lambda: print("logged", pause, "printed"),
        lambda: logging.warning("logged whole"),
        pause,
    )

def awaited(pause=Pause()):
    async def first():
        print("awaited", pause, "printed")

    async def third():
        print("awaited", "too")

    registry.add(third, id="third")
    pair("awaited", first, lambda: print("awaited", "whole"), pause)

def left(pause=Pause()):
    pair("left", lambda: print("left", pause, end=" "), lambda: print("left", "whole"), pause)

for each in (several, parts, logged, awaited, left):
    each()
"""


WIDE = ("--executor", "threads", "--workers", "16", "--prints", "raw")


@pytest.fixture(scope="module")
def met(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Return what stages print while other threads are in the middle of a line."""
    folder = tmp_path_factory.mktemp("met")
    (folder / "meeting.py").write_text(MEETING, encoding="utf-8")
    return "\n".join(printed(folder, "meeting", *WIDE, "-q"))


@pytest.mark.parametrize(
    "lines",
    [
        pytest.param(["several then 1", "several whole 2"], id="several-arguments"),
        pytest.param(["parts+whole.", "parts-of-then-a-line!"], id="sep-and-end"),
        pytest.param(["logged then printed", "logged whole"], id="logging"),
        pytest.param(["awaited then printed", "awaited too", "awaited whole"], id="async"),
    ],
)
def test_a_line_of_a_thread_is_whole(lines: List[str], met: str) -> None:
    """A line that a stage has begun is not mixed with what other threads write meanwhile."""
    word = re.split(r"\W", lines[0])[0]
    assert lines == sorted(line for line in met.splitlines() if line.startswith(word))


def test_what_a_thread_leaves_is_written_in_the_end(met: str) -> None:
    """A line without its end appears, after the whole lines of others."""
    assert met.index("left whole\n") < met.index("left then ")


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


@pytest.mark.slow
def test_lines_of_threads_are_whole_above_the_board(tmp_path: Path, write: Write) -> None:
    """On a terminal the board is handed whole lines, whichever threads print them."""
    pty = pytest.importorskip("pty", reason="pseudo-terminals are POSIX only")
    write("meeting.py", MEETING)
    master, slave = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-m", "stagekit", "run", "meeting", *WIDE],
        cwd=tmp_path,
        env=environment(TERM="xterm", COLUMNS="80", LINES="24"),
        stdin=slave,
        stdout=slave,
        stderr=slave,
    )
    os.close(slave)
    screen = read_all(master).decode()
    os.close(master)
    assert 0 == process.wait(LIMIT)
    parts = re.split(r"\n|\x1b\[2K", screen)  # what is drawn is taken away before each line
    lines = [re.sub(r"\x1b\[[\d;?]*[a-zA-Z]|\r", "", part) for part in parts]
    words = ("several", "parts", "logged", "awaited", "left")
    assert [
        "awaited then printed",
        "awaited too",
        "awaited whole",
        "left then",
        "left whole",
        "logged then printed",
        "logged whole",
        "parts+whole.",
        "parts-of-then-a-line!",
        "several then 1",
        "several whole 2",
    ] == sorted(line.rstrip() for line in lines if line.startswith(words))
