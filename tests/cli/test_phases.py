"""The second and the third Ctrl-C, and grace: real processes on a real terminal."""

from __future__ import annotations

import os
import signal
import threading
import time
from pathlib import Path
from typing import Dict, List, Tuple

import pytest

from stagekit import executors
from stagekit.cli.interruption import Interruption, Phases
from tests.cli.terminals import LIMIT
from tests.cli.test_signals import SIGNALS, Terminal, fixture_started, start

__all__ = ["fixture_started"]

pytest.importorskip("pty", reason="pseudo-terminals are POSIX only")

needs_processes = pytest.mark.skipif(
    not hasattr(executors, "ProcessPool"),
    reason="there is no pool of processes yet",
)

# Stages that say that they are at work, and do not end until a file is there: it never is.
STUBBORN_INLINE = """
import os, time
from stagekit import stage

def ignore_once() -> None:
    try:
        while not os.path.exists("go"):
            time.sleep(600)
    except KeyboardInterrupt:
        print("ignored", flush=True)

@stage
def work() -> bytes:
    print("inside", flush=True)
    while not os.path.exists("go"):
        try:
            ignore_once()
            ignore_once()
        except KeyboardInterrupt:  # it came between the two
            print("ignored", flush=True)

@stage
def after(data: bytes) -> None:
    print("after", flush=True)
"""
STUBBORN = """
import os, threading
from stagekit import stage

@stage
def work() -> bytes:
    print("inside", os.getpid(), flush=True)
    while not os.path.exists("go"):
        threading.Event().wait(600)

@stage
def beside(data: bytes) -> None:
    print("after", flush=True)
"""
STUBBORN_ASYNC = """
import asyncio, os
from stagekit import stage

@stage
async def work() -> bytes:
    print("inside", flush=True)
    while not os.path.exists("go"):
        try:
            await asyncio.sleep(600)
        except asyncio.CancelledError:
            print("ignored", flush=True)

@stage
async def after(data: bytes) -> None:
    print("after", flush=True)
"""
DEAF = """
import os, signal, time
from stagekit import stage

@stage
def work() -> bytes:
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    print(f"inside {os.getpid()} .", flush=True)  # at once: a board is drawn on that terminal
    while True:
        time.sleep(600)

@stage
def after(data: bytes) -> None:
    print("after", flush=True)
"""
KINDS: Dict[str, Tuple[str, List[str]]] = {
    "inline": (STUBBORN_INLINE, ["--executor", "inline", "--grace", "600"]),
    "threads": (STUBBORN, ["--executor", "threads", "--grace", "600"]),
    "asyncio": (STUBBORN_ASYNC, ["--grace", "600"]),
}


def flow(folder: Path, text: str) -> None:
    """Write a pipeline."""
    (folder / "flow.py").write_text(text, encoding="utf-8")


def is_alive(pid: int) -> bool:
    """Tell whether there is a process, zombies aside."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()[0]
    except OSError:
        return False
    return state != "Z"


def test_the_third_signal_ends_the_process(started: List[Terminal], tmp_path: Path) -> None:
    """R23: at once, whoever is at work, with the exit code of the signal."""
    text, options = KINDS["inline"]
    flow(tmp_path, text)
    for _ in SIGNALS:
        start(started, tmp_path, "run", "flow", *options)
    for terminal, (number, code) in zip(started, SIGNALS):
        terminal.read_until(b"inside")
        for _ in range(2):
            os.kill(terminal.process.pid, number)
            terminal.read_until(b"ignored")
        os.kill(terminal.process.pid, number)
        ended, printed = terminal.end()
        assert code == ended, printed
        assert b"summary" not in printed
        assert b"Traceback" not in printed


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["threads", "asyncio"])
def test_the_second_signal_ends_the_wait_and_names_whom_nobody_waits_for(
    kind: str, started: List[Terminal], tmp_path: Path
) -> None:
    """R23: with a summary; a stage that did not end is named."""
    text, options = KINDS[kind]
    flow(tmp_path, text)
    for _ in SIGNALS:
        start(started, tmp_path, "run", "flow", *options)
    for terminal, (number, _) in zip(started, SIGNALS):
        terminal.read_until(b"inside")
        os.kill(terminal.process.pid, number)
    for terminal, (number, code) in zip(started, SIGNALS):
        terminal.read_until(b"interrupted")
        os.kill(terminal.process.pid, number)
        ended, printed = terminal.end()
        assert code == ended, printed
        assert b"abandoned" in printed
        assert b"work did not end, and may run on" in printed
        assert b"Traceback" not in printed


@pytest.mark.slow
@pytest.mark.parametrize(
    "text",
    [
        pytest.param(STUBBORN, id="threads"),
        pytest.param(STUBBORN_ASYNC, id="asyncio", marks=pytest.mark.slow),
    ],
)
def test_the_wait_has_an_end(text: str, started: List[Terminal], tmp_path: Path) -> None:
    """After --grace nobody has to press Ctrl-C again."""
    flow(tmp_path, text)
    options = ("--executor", "threads", "--grace", "0.2")
    terminal = start(started, tmp_path, "run", "flow", *options)
    terminal.read_until(b"inside")
    os.kill(terminal.process.pid, signal.SIGINT)
    ended, printed = terminal.end()
    assert 130 == ended, printed
    assert b"work did not end, and may run on" in printed


def test_a_signal_that_came_just_before_a_wait_is_not_slept_through(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The main thread is woken until it answers, for what wakes it may come just as early."""
    kill = signal.pthread_kill
    woken: List[int] = []

    def lose_some(thread: int, number: int) -> None:
        if number:
            woken.append(number)
        if not number or len(woken) > 3:
            kill(thread, number)

    monkeypatch.setattr("stagekit.cli.interruption.signal.pthread_kill", lose_some)
    is_taken = threading.Event()

    def take(_number: int, _frame: object) -> None:
        is_taken.set()

    handler = signal.signal(signal.SIGINT, take)
    try:
        interruption = Interruption()
        with interruption.listening(), interruption.phases(Phases(lambda: None)):
            os.kill(os.getpid(), signal.SIGINT)
            until = time.monotonic() + LIMIT
            while len(woken) < 4:
                assert time.monotonic() < until, woken
                is_taken.wait(0.01)
    finally:
        signal.signal(signal.SIGINT, handler)
    assert is_taken.is_set()


@pytest.mark.slow
@needs_processes
@pytest.mark.parametrize(
    ("count", "number", "code"),
    [
        (1, *SIGNALS[1]),
        (3, *SIGNALS[0]),
        *[
            pytest.param(*case, marks=pytest.mark.slow)
            for case in ((1, *SIGNALS[0]), (2, *SIGNALS[0]), (2, *SIGNALS[1]), (3, *SIGNALS[1]))
        ],
    ],
)
def test_no_worker_outlives_a_signal(
    count: int, number: int, code: int, started: List[Terminal], tmp_path: Path
) -> None:
    """P8, R23: a worker that ignores SIGTERM is killed after the grace, or with the next signal."""
    flow(tmp_path, DEAF)
    grace = "0.3" if count == 1 else "600"
    terminal = start(started, tmp_path, "run", "flow", "--executor", "processes", "--grace", grace)
    line = terminal.read_until(b"inside ")
    if b" ." not in line.partition(b"inside ")[2]:
        line += terminal.read_until(b" .")
    worker = int(line.partition(b"inside ")[2].split()[0])
    os.kill(terminal.process.pid, number)
    if count > 1:
        terminal.read_until(b"interrupted")
        for _ in range(count - 1):  # the third may come when all is over
            os.kill(terminal.process.pid, number)
    ended, printed = terminal.end()
    assert code == ended, printed
    assert b"after\r\n" not in printed
    assert b"Traceback" not in printed
    until = time.monotonic() + LIMIT
    while is_alive(worker):
        assert time.monotonic() < until, "the worker is still there"
