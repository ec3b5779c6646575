"""The machine refuses threads, processes, files or memory: a pool says which, and never hangs."""

from __future__ import annotations

import errno
import os
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any, List, Optional

import pytest

from stagekit import Registry, run
from stagekit.errors import MachineLimitError, RunFailedError
from stagekit.executors import ProcessPool, processes
from stagekit.executors._processes.process_exit import REFUSED

LIMIT = 100  # seconds until a test gives up, however busy this machine is


def refuse(*_: object) -> None:
    """Start no thread."""
    raise RuntimeError("can't start new thread")


@pytest.mark.parametrize("method", ["forkserver", "spawn"])
def test_no_thread_to_be_had_is_said_and_the_pool_goes_on_later(
    method: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The call fails, and the next one is made."""
    with ProcessPool(1, method=method) as pool:
        with monkeypatch.context() as patch:
            patch.setattr(threading.Thread, "start", refuse)
            refused = pool.submit(abs, -1)
        error = refused.exception(LIMIT)
        assert isinstance(error, MachineLimitError)
        assert "the machine gives no more threads (can't start new thread)" in str(error)
        assert 1 == pool.submit(abs, -1).result(LIMIT)


class Refusing:
    """Starts no worker, each time for another reason."""

    def __init__(self, ended: Any, why: BaseException, *, later: bool) -> None:
        self.sockets: List[Any] = []
        self._ended = ended
        self._why = why
        self._is_later = later

    def start(self, link: Any) -> None:
        """Refuse, or have it told that it was refused."""
        if not self._is_later:
            raise self._why
        link.has_started()
        self._ended(link.number, REFUSED + getattr(self._why, "errno", 0))

    def signal(self, link: Any, number: int) -> None:
        """There is nobody."""

    def listen(self, sock: Any) -> bool:
        """There is nothing."""
        del sock
        return False

    def kill(self) -> None:
        """There is nobody."""

    def close(self) -> None:
        """There is nothing."""


@pytest.mark.parametrize("later", [False, True], ids=["at once", "by the fork server"])
@pytest.mark.parametrize(
    ("why", "what"),
    [
        (OSError(errno.EAGAIN, "try again"), "processes"),
        (OSError(errno.EMFILE, "too many"), "open files"),
        (OSError(errno.ENOMEM, "no memory"), "memory"),
    ],
    ids=["processes", "files", "memory"],
)
def test_what_is_refused_is_named(
    monkeypatch: pytest.MonkeyPatch, why: BaseException, what: str, *, later: bool
) -> None:
    """All calls that wait fail with that, those of a run, too, and it is no fault of ours."""

    def launcher(method: Optional[str], ended: Any) -> Refusing:
        del method
        return Refusing(ended, why, later=later)

    monkeypatch.setattr(processes, "_launcher", launcher)
    with ProcessPool(2) as pool:
        futures = [pool.submit(abs, -1) for _ in range(3)]
        for future in futures:
            error = future.exception(LIMIT)
            assert isinstance(error, MachineLimitError)
            assert what == error.what
            assert f"the machine gives no more {what} (" in str(error)
        registry = Registry()
        registry.add(lambda: 1, id="one")
        with pytest.raises(RunFailedError, match=f"the machine gives no more {what}"):
            run(registry=registry, executor=pool)


def test_workers_that_are_there_make_all_calls(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where one more is refused beside them."""
    with ProcessPool(3) as pool:
        assert 1 == pool.submit(abs, -1).result(LIMIT)
        launcher: Any = pool._supervisor._launcher

        def start(link: object) -> None:
            raise OSError(errno.EAGAIN, "no more")

        monkeypatch.setattr(launcher, "start", start)
        futures = [pool.submit(os.getpid) for _ in range(20)]
        assert 1 == len({future.result(LIMIT) for future in futures})


FILES = """
import resource, sys
from stagekit.executors import ProcessPool
from stagekit.errors import MachineLimitError
with ProcessPool(1) as pool:
    used = max(map(int, __import__("os").listdir("/proc/self/fd")))
    resource.setrlimit(resource.RLIMIT_NOFILE, (used + 3, used + 3))
    error = pool.submit(abs, -1).exception(60)
    assert isinstance(error, MachineLimitError), error
    print(error.what)
"""


@pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="only Linux lists open files")
def test_a_process_without_files_left_is_told_so() -> None:
    """It is no hang, and no defect."""
    ended = subprocess.run(
        [sys.executable, "-c", FILES],
        capture_output=True,
        encoding="utf-8",
        timeout=LIMIT,
        check=False,
    )
    assert ("open files\n", "") == (ended.stdout, ended.stderr)
