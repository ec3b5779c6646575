"""R19: a stage that forks, and comes back in both processes."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from textwrap import dedent

import pytest

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="nothing can be forked here")

FORKS = """
    import multiprocessing, os, sys, warnings
    from stagekit import Registry, run

    warnings.simplefilter("ignore", DeprecationWarning)  # of forks beside threads
    registry, kind, executor = Registry(), sys.argv[1], sys.argv[2]
    log = os.open("log", os.O_CREAT | os.O_APPEND | os.O_WRONLY)

    def fork():
        os.write(log, b"fork\\n")
        if kind == "multiprocessing":
            forking = multiprocessing.get_context("fork")
            process = forking.Process(target=os.write, args=(log, b"x\\n"))
            process.start()
            process.join()
            return process.exitcode
        pid = os.fork()
        if not pid and kind == "ends":
            os.write(log, b"x\\n")
            os._exit(3)
        return os.waitpid(pid, 0)[1] >> 8 if pid else -1

    async def on_loop() -> int:
        return fork()

    def code() -> int:
        return fork()

    registry.add(on_loop if executor == "asyncio" else code, id="code", retries=int(sys.argv[3]))
    registry.add(lambda: os.write(log, b"after\\n"), id="after", depends_on="code")
    executor = "threads" if executor == "asyncio" else executor
    print("code", run(registry=registry, executor=executor)["code"])
"""


def forked(
    folder: Path, kind: str, executor: str, retries: int
) -> subprocess.CompletedProcess[str]:
    """Run a script with a stage that forks."""
    return subprocess.run(
        [sys.executable, "-c", dedent(FORKS), kind, executor, str(retries)],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
    )


@pytest.mark.slow
@pytest.mark.parametrize("executor", ["inline", "threads", "asyncio"])
@pytest.mark.parametrize("retries", [0, 1])
def test_the_child_of_a_stage_that_returns_twice_is_ended(
    tmp_path: Path, executor: str, retries: int
) -> None:
    """It calls no other stage, and says why it ended; the run goes on as if nothing had been."""
    done = forked(tmp_path, "returns", executor, retries)
    assert "code 70\n" == done.stdout, done.stderr
    assert "was forked by a stage" in done.stderr
    assert "fork\nafter\n" == (tmp_path / "log").read_text()


@pytest.mark.parametrize(("kind", "code"), [("ends", 3), ("multiprocessing", 0)])
def test_a_child_that_ends_itself_is_left_alone(tmp_path: Path, kind: str, code: int) -> None:
    """It runs its own code to its own end."""
    done = forked(tmp_path, kind, "threads", 0)
    assert (f"code {code}\n", "") == (done.stdout, done.stderr)
    assert "fork\nx\nafter\n" == (tmp_path / "log").read_text()
