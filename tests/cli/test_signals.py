"""Ctrl-C and SIGTERM, sent to real processes on a real terminal while a stage is at work."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Iterator, List, NamedTuple, Tuple

import pytest

from stagekit.cli import ExitCode
from stagekit.cli.command_runner import CommandOptions, run_command
from stagekit.cli.interruption import Interruption
from stagekit.cli.output import Output
from tests.cli.terminals import LIMIT, read_all, read_until
from tests.unwatched import unwatched

pty = pytest.importorskip("pty", reason="pseudo-terminals are POSIX only")

ROOT = Path(__file__).resolve().parent.parent.parent

# Each pipeline prints a line from inside a stage, and then waits for what only a signal can end.
INLINE = """
from stagekit import stage
import time

@stage
def work() -> bytes:
    print("inside", flush=True)
    time.sleep(600)

@stage
def after(data: bytes) -> None:
    print("after", flush=True)
"""
THREADS = """
import os
from stagekit import stage

@stage
def one() -> None:
    print("inside", flush=True)
    while not os.path.exists("go"):
        pass

@stage(depends_on=one)
def after() -> None:
    print("after", flush=True)

@stage
def two() -> None:
    while not os.path.exists("go"):
        pass
"""
ASYNC = """
import asyncio
from stagekit import stage

@stage
async def work() -> bytes:
    print("inside", flush=True)
    try:
        await asyncio.sleep(600)
    except asyncio.CancelledError:
        print("cancelled", flush=True)
        raise

@stage
async def after(data: bytes) -> None:
    print("after", flush=True)
"""
PIPELINES = {"inline": INLINE, "threads": THREADS, "asyncio": ASYNC}
EXECUTORS = {"inline": "inline", "threads": "threads", "asyncio": "auto"}
SIGNALS = [(signal.SIGINT, 130), (signal.SIGTERM, 143)]


class Terminal(NamedTuple):
    """A process on a terminal of its own."""

    process: subprocess.Popen[bytes]
    master: int

    def read_until(self, word: bytes) -> bytes:
        """Read what is printed, until a word is in it or nothing more comes."""
        return read_until(self.master, word)

    def end(self) -> Tuple[int, bytes]:
        """Wait for the end; return the exit code and what was printed until then."""
        rest = read_all(self.master)
        return self.process.wait(LIMIT), rest


@pytest.fixture(name="started")
def fixture_started(tmp_path: Path) -> Iterator[List[Terminal]]:
    """Return a list of terminals, to be closed with all that runs on them."""
    terminals: List[Terminal] = []
    yield terminals
    for terminal in terminals:
        if terminal.process.poll() is None:
            os.killpg(terminal.process.pid, signal.SIGKILL)
            terminal.process.wait(LIMIT)
        os.close(terminal.master)


def start(started: List[Terminal], folder: Path, *arguments: str) -> Terminal:
    """Start a command line on a terminal, in a session of its own."""
    master, slave = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-m", "stagekit", *arguments],
        cwd=folder,
        env={**unwatched(), "PYTHONPATH": str(ROOT), "TERM": "xterm"},
        stdin=slave,
        stdout=slave,
        stderr=slave,
        start_new_session=True,
    )
    os.close(slave)
    started.append(Terminal(process, master))
    return started[-1]


def interrupted_twice(terminal: Terminal) -> Tuple[int, bytes]:
    """Send Ctrl-C once a stage runs, and once more; return exit code and what was printed."""
    terminal.read_until(b"inside")
    os.kill(terminal.process.pid, signal.SIGINT)
    terminal.read_until(b"interrupted")
    os.kill(terminal.process.pid, signal.SIGINT)
    return terminal.end()


@pytest.mark.parametrize(
    "kind",
    ["threads", *(pytest.param(kind, marks=pytest.mark.slow) for kind in ("inline", "asyncio"))],
)
def test_a_signal_ends_the_run_with_a_summary(
    kind: str, started: List[Terminal], tmp_path: Path
) -> None:
    """Nothing new starts, async stages are cancelled, there is a summary and the exit code."""
    (tmp_path / "flow.py").write_text(PIPELINES[kind], encoding="utf-8")
    for _ in SIGNALS:
        start(started, tmp_path, "run", "flow", "--executor", EXECUTORS[kind])
    for terminal, (number, _) in zip(started, SIGNALS):
        terminal.read_until(b"inside")
        os.kill(terminal.process.pid, number)
    if kind == "threads":
        for terminal in started:
            terminal.read_until(b"interrupted")
        (tmp_path / "go").touch()
    for terminal, (_, code) in zip(started, SIGNALS):
        ended, printed = terminal.end()
        assert code == ended, printed
        assert b"after\r\n" not in printed
        assert b"cancelled" in printed
        assert b"Traceback" not in printed


@pytest.mark.parametrize(
    ("number", "code"), [SIGNALS[0], pytest.param(*SIGNALS[1], marks=pytest.mark.slow)]
)
def test_a_signal_during_the_import_ends_the_command(
    number: int, code: int, started: List[Terminal], tmp_path: Path
) -> None:
    """A module that takes long to import is left, and says that nothing was run."""
    # Short sleeps: CPython looks for a signal that comes just before a call when the call returns.
    text = "import time\nprint('inside', flush=True)\nwhile True:\n    time.sleep(0.01)\n"
    (tmp_path / "flow.py").write_text(text, encoding="utf-8")
    terminal = start(started, tmp_path, "run", "flow")
    terminal.read_until(b"inside")
    os.kill(terminal.process.pid, number)
    ended, printed = terminal.end()
    assert code == ended
    assert b"interrupted; no stage was run" in printed
    assert b"Traceback" not in printed


@pytest.mark.slow
def test_the_second_ctrl_c_ends_the_wait(started: List[Terminal], tmp_path: Path) -> None:
    """Stages in threads cannot be stopped, but they need not be waited for."""
    (tmp_path / "flow.py").write_text(THREADS, encoding="utf-8")
    terminal = start(started, tmp_path, "run", "flow", "--executor", "threads")
    ended, printed = interrupted_twice(terminal)
    assert 130 == ended
    assert b"cancelled" in printed


DEAF = """
import hashlib, threading, time
from stagekit import stage

@stage
def work() -> None:
    threading.Timer(0.5, print, ("inside",), {"flush": True}).start()
    try:  # one long call, which looks for no signal
        hashlib.pbkdf2_hmac("sha256", b"word", b"salt", 12_000_000)
        time.sleep(600)
    except KeyboardInterrupt:
        time.sleep(600)
"""


@pytest.mark.slow
def test_two_signals_are_not_taken_for_one(started: List[Terminal], tmp_path: Path) -> None:
    """Both come before the main thread has seen the first: it is told of the second, too."""
    (tmp_path / "flow.py").write_text(DEAF, encoding="utf-8")
    terminal = start(started, tmp_path, "run", "flow", "--executor", "inline")
    ended, printed = interrupted_twice(terminal)
    assert 130 == ended
    assert b"1 cancelled" in printed


def test_an_interrupted_run_still_gives_its_document(tmp_path: Path) -> None:
    """With --json, what became of every stage is told after Ctrl-C, too."""
    (tmp_path / "flow.py").write_text(INLINE, encoding="utf-8")
    process = subprocess.Popen(
        [sys.executable, "-m", "stagekit", "run", "flow", "--json", "-q"],
        cwd=tmp_path,
        env={**unwatched(), "PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stderr is not None
    assert "inside\n" == process.stderr.readline()  # prints of stages go there
    process.send_signal(signal.SIGINT)
    out, _ = process.communicate(timeout=LIMIT)
    assert 130 == process.returncode
    document = json.loads(out)
    assert ("cancelled", 130) == (document["status"], document["exit_code"])
    assert ["cancelled", "cancelled"] == [each["outcome"] for each in document["stages"]]


@pytest.mark.parametrize(
    ("has_run", "told"),
    [
        (False, "interrupted; no stage was run\n"),
        (True, "interrupted; before it was told how the run went\n"),
    ],
)
def test_a_command_that_is_interrupted_says_what_it_has_done(
    has_run: bool, told: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """Whether stages were run is not guessed from where Ctrl-C came."""
    interruption = Interruption()

    def work(_: Output) -> ExitCode:
        interruption.has_run = has_run
        raise KeyboardInterrupt

    assert ExitCode.INTERRUPTED is run_command(CommandOptions(), interruption, work)
    assert ("", told) == capsys.readouterr()
