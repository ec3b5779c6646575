"""Runners that are ended by a signal, with a pool at work or idle: nobody outlives them."""

from __future__ import annotations

import os
import select
import signal
import subprocess
import sys
import time
import uuid
from pathlib import Path
from typing import Dict, Iterator, List, Tuple

import pytest

pytestmark = pytest.mark.skipif(not Path("/proc/self").exists(), reason="looks at /proc")

ROOT = Path(__file__).resolve().parent.parent.parent
LIMIT = 60  # seconds until a test gives up
SOON = 2  # seconds after which nothing may be left, where that is measured

RUNNER = """
import os, signal, subprocess, sys, time
from stagekit.executors import ProcessPool

def hold(path):
    subprocess.Popen(["sleep", "600"])
    open(path, "w").close()
    time.sleep(600)

if __name__ == "__main__":
    method, state, path = sys.argv[1:]
    with ProcessPool(2, method=method, grace=0.5) as pool:
        for call in [pool.submit(time.sleep, 0) for _ in range(2)]:
            call.result()
        os.mkfifo(path)
        if state == "busy":
            for _ in range(2):
                pool.submit(hold, path)
                open(path).close()
        print("ready", flush=True)
        signal.pause()
"""
SIGNALS = ["SIGINT", "SIGTERM", "SIGHUP", "SIGKILL"]
METHODS = ["forkserver", "spawn"]
STATES = ["idle", "busy"]
DEEP = 30  # times each of 16 combinations: 480
Case = Tuple[str, str, str]


class Runner:
    """A process with a pool, and all that it has started: they bear a mark in their environment."""

    def __init__(self, case: Case, folder: Path) -> None:
        self.case = case
        self.mark = uuid.uuid4().hex
        script = folder / "runner.py"
        script.write_text(RUNNER, encoding="utf-8")
        self.process = subprocess.Popen(
            [sys.executable, str(script), case[1], case[2], str(folder / self.mark)],
            env={**os.environ, "PYTHONPATH": str(ROOT), "STAGEKIT_TEST_MARK": self.mark},
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )

    def family(self) -> List[int]:
        """Return all processes that bear the mark, zombies aside."""
        found: List[int] = []
        for path in Path("/proc").glob("[0-9]*"):
            try:
                if self.mark.encode() in (path / "environ").read_bytes():
                    found.append(int(path.name))
            except OSError:  # it has ended, or is not ours
                continue
        return found

    def end(self) -> float:
        """Send the signal, wait until nobody is left, and return for how long they lived on."""
        assert self.process.stdout is not None
        assert b"ready\n" == self.process.stdout.readline()
        family = self.family()
        assert len(family) >= 3, "the runner and two workers"
        os.kill(self.process.pid, getattr(signal, self.case[0]))
        self.process.wait(LIMIT)
        ended = time.monotonic()
        while family:  # one may have been about to start when they were counted
            for pid in family:
                self._wait(pid)
            family = self.family()
        return time.monotonic() - ended

    def _wait(self, pid: int) -> None:
        if not hasattr(os, "pidfd_open"):  # before Python 3.9
            end = time.monotonic() + LIMIT
            while pid in self.family() and time.monotonic() < end:
                os.sched_yield()
            return
        try:
            fd = os.pidfd_open(pid)
        except ProcessLookupError:
            return
        try:
            assert select.select([fd], [], [], LIMIT)[0], f"{self.case}: {pid} is still there"
        finally:
            os.close(fd)

    def close(self) -> None:
        """Leave nobody behind, whatever happened."""
        for pid in self.family():
            os.kill(pid, signal.SIGKILL)
        self.process.wait(LIMIT)
        if self.process.stdout is not None:
            self.process.stdout.close()


@pytest.fixture
def runners(tmp_path: Path) -> Iterator[Dict[Case, Runner]]:
    """Start a runner for each case, side by side."""
    found: Dict[Case, Runner] = {}
    for number in SIGNALS:
        for method in METHODS:
            for state in STATES:
                folder = tmp_path / f"{number}-{method}-{state}"
                folder.mkdir()
                found[number, method, state] = Runner((number, method, state), folder)
    yield found
    for runner in found.values():
        runner.close()


def test_the_fork_server_hears_of_no_signal_that_it_cannot_pass_on_any_more() -> None:
    """Its sockets close before the last worker has ended: an error on the terminal, else."""
    code = """
import os, signal, socket
from stagekit.executors._processes.forkserver import ForkServer

pool, own = socket.socketpair()
pool.close()
ForkServer(own).run()
os.kill(os.getpid(), signal.SIGCHLD)
"""
    ended = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, check=False, timeout=LIMIT
    )
    assert (0, b"") == (ended.returncode, ended.stderr)


@pytest.mark.heavy
def test_p8_no_worker_outlives_its_runner(runners: Dict[Case, Runner]) -> None:
    """P8: 4 signals x 2 start methods x idle or busy with a grandchild: nobody is left."""
    for runner in runners.values():
        runner.end()


@pytest.mark.heavy
def test_p8_no_worker_is_left_after_two_seconds(is_deep: object, tmp_path: Path) -> None:
    """P8: one after another, so that time can be told; 480 of them with --deep, else 16."""
    late: List[Tuple[Case, float]] = []
    for turn in range(DEEP if is_deep else 1):
        for number in SIGNALS:
            for method in METHODS:
                for state in STATES:
                    folder = tmp_path / f"{turn}-{number}-{method}-{state}"
                    folder.mkdir()
                    runner = Runner((number, method, state), folder)
                    try:
                        seconds = runner.end()
                    finally:
                        runner.close()
                    if seconds > SOON:
                        late.append((runner.case, seconds))
    assert [] == late
