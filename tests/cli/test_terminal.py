"""A terminal that is the command's own: Ctrl-C is a key on it, and closing it is a signal."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any, Tuple

import pytest

from tests.cli.terminals import LIMIT, read, read_all
from tests.unwatched import unwatched

pty = pytest.importorskip("pty", reason="pseudo-terminals are POSIX only")

ROOT = Path(__file__).resolve().parent.parent.parent
CTRL_C = b"\x03"

# A resource is open while one stage waits for what never comes, and says so first.
FLOW = """
import asyncio, os
from typing import Iterator
from stagekit import CancelToken, stage

class Line(str): ...

@stage
def line() -> Iterator[Line]:
    yield Line("a")
    open("closed", "w").close()

@stage
def opened(line: Line) -> None:
    pass

@stage(depends_on="work")
def after(line: Line) -> None:
    open("after", "w").close()

"""
BODIES = {
    "threads": """
@stage(depends_on=opened)
def work(token: CancelToken) -> None:
    print(f"inside {os.getpid()} .", flush=True)
    token.wait(600)
    token.raise_if_cancelled()
""",
    "asyncio": """
@stage(depends_on=opened)
async def work() -> None:
    print(f"inside {os.getpid()} .", flush=True)
    await asyncio.sleep(600)
""",
    "processes": """
@stage(depends_on=opened, executor="processes")
def work() -> None:
    import time
    print(f"inside {os.getpid()} .", flush=True)
    time.sleep(600)
""",
}
BODIES["inline"] = BODIES["processes"].replace('"processes"', '"inline"')


# Takes the terminal for its own, and becomes the command: a session leader does both.
LAUNCH = """
import fcntl, os, sys, termios
fcntl.ioctl(0, termios.TIOCSCTTY, 0)
os.execv(sys.executable, [sys.executable, *sys.argv[1:]])
"""


def started(folder: Path, kind: str) -> Tuple[subprocess.Popen[bytes], int]:
    """Run the pipeline as the foreground of a terminal of its own; return process and terminal."""
    (folder / "flow.py").write_text(FLOW + BODIES[kind], encoding="utf-8")
    master, slave = pty.openpty()
    command = subprocess.Popen(
        [sys.executable, "-c", LAUNCH, "-m", "stagekit", "run", "flow", "--grace", "5"],
        cwd=folder,
        env={**unwatched(), "PYTHONPATH": str(ROOT), "TERM": "xterm"},
        stdin=slave,
        stdout=slave,
        stderr=slave,
        start_new_session=True,
    )
    os.close(slave)
    return command, master


def is_inside(seen: bytes) -> bool:
    """Tell whether a process has said that it is inside, and which one."""
    return b" ." in seen.partition(b"inside ")[2]


def worker_in(seen: bytes) -> int:
    """Return the process that has said that it is inside."""
    return int(seen.split(b"inside ")[1].split()[0])


def is_there(pid: int) -> bool:
    """Tell whether a process is."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def slow(kind: str) -> Any:  # Any: what pytest.param gives has no public type
    """Leave a kind to the long suite."""
    return pytest.param(kind, marks=pytest.mark.slow)


@pytest.mark.parametrize("kind", ["processes", *map(slow, ("asyncio", "inline", "threads"))])
def test_the_key_ctrl_c_ends_the_run(kind: str, tmp_path: Path) -> None:
    """It goes to all that is in the foreground: the run is cancelled, and nothing is left open."""
    command, master = started(tmp_path, kind)
    try:
        seen = read(master, is_inside)
        os.write(master, CTRL_C)
        rest = read_all(master)
    finally:
        os.close(master)
    assert 130 == command.wait(LIMIT), rest
    assert b"interrupted" in rest
    assert b"cancelled" in rest
    assert b"Traceback" not in rest
    assert not (tmp_path / "after").exists()
    assert (tmp_path / "closed").exists()
    assert not is_there(worker_in(seen))


@pytest.mark.parametrize("kind", ["threads", *map(slow, ("asyncio", "processes"))])
def test_r25_closing_the_terminal_is_a_cancel(kind: str, tmp_path: Path) -> None:
    """R25: as with Ctrl-C, stages are told to end and resources are torn down; 128 + SIGHUP."""
    command, master = started(tmp_path, kind)
    try:
        seen = read(master, is_inside)
    finally:
        os.close(master)
    assert 129 == command.wait(LIMIT)
    assert (tmp_path / "closed").exists()
    assert not (tmp_path / "after").exists()
    assert not is_there(worker_in(seen))


@pytest.mark.slow
def test_r25_what_is_to_outlive_its_terminal_does(tmp_path: Path) -> None:
    """R25: SIGHUP is ignored where it was, as by ``nohup``."""
    body = """
@stage(depends_on=opened)
def work(token: CancelToken) -> None:
    import signal
    os.kill(os.getpid(), signal.SIGHUP)
    assert not token.wait(0.01)
"""
    (tmp_path / "flow.py").write_text(FLOW + body, encoding="utf-8")
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        done = subprocess.run(
            [sys.executable, "-m", "stagekit", "run", "-q", "flow.py"],
            cwd=tmp_path,
            env={**unwatched(), "PYTHONPATH": str(ROOT)},
            timeout=LIMIT,
            check=False,
        )
    finally:
        signal.signal(signal.SIGHUP, before)
    assert 0 == done.returncode
    assert (tmp_path / "after").exists()
