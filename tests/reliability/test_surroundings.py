"""What stages do to the process that runs them, and what that process does then: rows R."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any, Dict, List, Tuple

import pytest

from stagekit import Registry, run
from stagekit.errors import StagekitWarning
from stagekit.events import Event
from stagekit.executors import ProcessPool
from tests.unwatched import unwatched

ROOT = Path(__file__).resolve().parent.parent.parent


def changes(folder: str) -> Any:
    """Return a stage that changes what a process has once."""

    def change() -> int:
        os.chdir(folder)
        os.environ["STAGEKIT_TEST_CHANGED"] = "yes"
        setattr(sys, "stdout", None)  # noqa: B010 - as careless code does
        random.seed(3)
        return os.getpid()

    return change


def restores(folder: str) -> Any:
    """Return a stage that changes back what matters."""

    def restore() -> None:
        os.chdir(folder)
        sys.stdout = sys.__stdout__

    return restore


def test_a_process_keeps_its_changes_to_itself(process_pool: Any, tmp_path: Path) -> None:
    """R15: folder, environment, streams and chance of the runner are what they were."""
    state, stdout, folder = random.getstate(), sys.stdout, Path.cwd()
    registry = Registry()
    registry.add(changes(str(tmp_path)), id="change")
    registry.add(lambda: sys.stderr.write("heard by nobody"), id="write", depends_on="change")
    try:
        result = run(registry=registry, executor=process_pool)
        assert os.getpid() != result["change"]
        assert (state, stdout, folder) == (random.getstate(), sys.stdout, Path.cwd())
        assert "STAGEKIT_TEST_CHANGED" not in os.environ
    finally:  # others use these workers
        back = Registry()
        back.add(restores(str(folder)), id="back")
        for _ in range(4):
            run(registry=back, executor=process_pool)


def handle(number: int, frame: object) -> None:
    """Take no notice of a signal."""


class Silent:
    """A hook that takes no notice."""

    def on_event(self, event: Event) -> None:
        """Take no notice of an event."""


def sets(number: int, handler: Any) -> Any:
    """Return a stage that sets the handler of a signal, and forgets to set it back."""

    def set_handler() -> None:
        signal.signal(number, handler)

    return set_handler


@pytest.mark.parametrize("way", ["fast", "with hooks", "with a deadline", "failing"])
def test_handlers_that_a_stage_sets_are_taken_back_and_named(way: str) -> None:
    """R15: what ends the program before a run ends it afterwards, too."""
    registry = Registry()
    registry.add(sets(signal.SIGTERM, handle), id="first")
    registry.add(sets(signal.SIGINT, signal.SIG_IGN), id="second", depends_on="first")
    if way == "failing":
        registry.add(lambda: 1 / 0, id="third", depends_on="second")
    ways: Dict[str, Dict[str, Any]] = {
        "with hooks": {"hooks": [Silent()]},
        "with a deadline": {"deadline": 60},
        "failing": {"check": False},
    }
    with pytest.warns(StagekitWarning, match="a stage has set"):
        result = run(registry=registry, executor="inline", **ways.get(way, {}))
    assert signal.SIG_DFL == signal.getsignal(signal.SIGTERM)
    assert signal.default_int_handler is signal.getsignal(signal.SIGINT)
    assert "set SIG_IGN for SIGINT, which is taken back" in result.warnings[0]
    assert "set the handler handle (" in result.warnings[1]
    assert "test_surroundings.py:" in result.warnings[1]


def test_a_handler_that_was_there_before_the_run_stays() -> None:
    """R15: a program that handles Ctrl-C itself does so during a run, and after it."""
    registry = Registry()
    registry.add(lambda: signal.getsignal(signal.SIGINT), id="look")
    signal.signal(signal.SIGINT, handle)
    try:
        for deadline in (None, 60):
            result = run(registry=registry, executor="inline", deadline=deadline)
            assert (handle, ()) == (result["look"], result.warnings)
            assert handle is signal.getsignal(signal.SIGINT)
    finally:
        signal.signal(signal.SIGINT, signal.default_int_handler)


def test_a_worker_is_ended_after_a_stage_has_set_a_handler_in_it() -> None:
    """R15: what one call does with SIGTERM there, and with Ctrl-C, is over with it."""

    def found() -> Tuple[Any, Any]:
        handlers = [signal.getsignal(each) for each in (signal.SIGTERM, signal.SIGINT)]
        names = [getattr(each, "__name__", "") for each in handlers]
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, signal.SIG_IGN)
        return os.getpid(), names

    with ProcessPool(1) as pool:
        calls = [pool.submit(found).result() for _ in range(2)]
    assert calls[0] == calls[1]
    assert ["_on_terminate", "ignored"] == calls[0][1]


CLOSING = """
import os, sys
from stagekit import stage

@stage
def close() -> bytes:
    {what}
    return b""

@stage
def after(data: bytes) -> None:
    open("after", "w").close()
"""
CLOSED = ("sys.stdout.close()", "os.close(1); sys.stderr.close()", "os.close(2)")


def command(folder: Path, text: str, *options: str) -> subprocess.CompletedProcess[bytes]:
    """Run a pipeline by the command line."""
    (folder / "flow.py").write_text(text, encoding="utf-8")
    return subprocess.run(
        [sys.executable, "-m", "stagekit", "run", "flow", *options],
        cwd=folder,
        env={**unwatched(), "PYTHONPATH": str(ROOT)},
        capture_output=True,
        timeout=60,
        check=False,
    )


@pytest.mark.slow
def test_a_stage_may_close_what_is_printed_to(tmp_path: Path, side_by_side: Any) -> None:
    """R16: streams or files; the run goes on to its end."""
    cases: List[Any] = []
    for number, what in enumerate(CLOSED):
        folder = tmp_path / str(number)
        folder.mkdir()
        cases.append((folder, CLOSING.format(what=what), "--executor", "inline"))
    done = side_by_side(command, cases)
    for (folder, *_), ended in zip(cases, done):
        assert (folder / "after").exists(), ended
        assert b"Traceback" not in ended.stderr


@pytest.mark.slow
def test_sigterm_to_a_runner_without_terminal_is_a_cancel(tmp_path: Path) -> None:
    """R25: as in a container; the resource is torn down, the exit code says which signal."""
    text = """
import os, signal
from typing import Iterator
from stagekit import stage

class Line(str): ...

@stage
def line() -> Iterator[Line]:
    yield Line("a")
    open("closed", "w").close()

@stage
async def work(line: Line) -> None:
    import asyncio
    os.kill(os.getpid(), signal.SIGTERM)
    await asyncio.sleep(600)
"""
    ended = command(tmp_path, text)
    assert 143 == ended.returncode, ended
    assert (tmp_path / "closed").exists()


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="looks at /proc")
def test_what_stages_print_is_never_held(tmp_path: Path) -> None:
    """R29: a hundred megabytes go through, and the runner does not grow by as much."""
    text = """
import re, sys
from stagekit import stage

def most() -> int:
    return int(re.search(r"VmHWM:\\s+(\\d+)", open("/proc/self/status").read()).group(1))

@stage
def prints() -> None:
    before = most()
    for _ in range(100):
        sys.stderr.write("x" * 1_000_000)
    open("grown", "w").write(str(most() - before))
"""
    ended = command(tmp_path, text, "--executor", "inline")
    assert len(ended.stderr) >= 100_000_000
    assert int((tmp_path / "grown").read_text(encoding="utf-8")) < 50_000  # kilobytes
