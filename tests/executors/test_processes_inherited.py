"""What workers inherit from their pool's process, and what they do not."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any, Callable, Dict, List, Optional

import pytest

from stagekit.errors import WorkerDiedError
from stagekit.executors import ProcessPool
from stagekit.executors._processes import supervisor

pytestmark = [
    pytest.mark.slow,  # each starts processes of its own
    pytest.mark.skipif(os.name != "posix", reason="signals and masks are POSIX"),
]

LIMIT = 100  # seconds until a test gives up, however busy this machine is
METHODS = ("forkserver", "spawn")


def surroundings() -> Dict[str, Any]:
    """Return what a call finds: blocked and ignored signals, the umask, and how a child ends."""
    ignored = [
        signal.Signals(each).name
        for each in (signal.SIGCHLD, signal.SIGUSR1, signal.SIGALRM, signal.SIGTERM, signal.SIGINT)
        if signal.getsignal(each) is signal.SIG_IGN
    ]
    mask = os.umask(0)
    os.umask(mask)
    ended = subprocess.run([sys.executable, "-c", "raise SystemExit(3)"], check=False)
    return {
        "blocked": sorted(signal.pthread_sigmask(signal.SIG_BLOCK, ())),
        "ignored": ignored,
        "umask": mask,
        "ended": ended.returncode,
    }


def within_limit(work: Callable[[], Any]) -> Any:
    """Return what a function returns on a thread of its own, which must end."""
    found: List[Any] = []
    thread = threading.Thread(target=lambda: found.append(work()), daemon=True)
    thread.start()
    thread.join(LIMIT)
    assert found, "it does not end"
    return found[0]


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize(
    "blocked",
    [{signal.SIGCHLD}, {signal.SIGTERM, signal.SIGINT}, set(signal.Signals)],
    ids=["SIGCHLD", "those that end", "all"],
)
def test_signals_that_a_thread_has_blocked_come_to_workers(method: str, blocked: Any) -> None:
    """A pool works and closes, and its calls have nothing blocked."""

    def work() -> Any:
        signal.pthread_sigmask(signal.SIG_BLOCK, blocked)
        with ProcessPool(1, method=method, grace=LIMIT) as pool:
            return pool.submit(surroundings).result(LIMIT)

    found = within_limit(work)
    assert [] == found["blocked"]
    assert 3 == found["ended"]


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("name", ["SIGCHLD", "SIGUSR1", "SIGALRM"])
def test_signals_that_the_process_ignores_are_not_ignored_in_workers(
    method: str, name: str
) -> None:
    """A call that waits for a child of its own learns how that has ended."""
    script = (
        f"import signal; signal.signal(signal.{name}, signal.SIG_IGN)\n"
        "from stagekit.executors import ProcessPool\n"
        "from tests.executors.test_processes_inherited import surroundings\n"
        f"with ProcessPool(1, method={method!r}) as pool:\n"
        "    print(pool.submit(surroundings).result())\n"
    )
    ended = subprocess.run(
        [sys.executable, "-c", script],
        cwd=Path(__file__).resolve().parent.parent.parent,
        capture_output=True,
        encoding="utf-8",
        timeout=LIMIT,
        check=False,
    )
    assert "" == ended.stderr
    assert "'ignored': []" in ended.stdout
    assert "'ended': 3" in ended.stdout


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="only Linux tells the umask")
@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("mask", [0o077, 0o002, 0o027])
def test_files_of_calls_have_the_permissions_of_the_pools_process(method: str, mask: int) -> None:
    """As they are when the worker starts, not when the first one did."""
    before = os.umask(mask)
    try:
        with ProcessPool(1, method=method) as pool:
            assert mask == pool.submit(surroundings).result(LIMIT)["umask"]
            os.umask(mask ^ 0o200)
            with pytest.raises(WorkerDiedError):
                pool.submit(os._exit, 1).result(LIMIT)
            assert mask ^ 0o200 == pool.submit(surroundings).result(LIMIT)["umask"]
    finally:
        os.umask(before)


def fork_server_of(pool: ProcessPool) -> int:
    """Return the process that a pool's workers are forked from."""
    launcher: Any = pool._supervisor._launcher
    pid: int = launcher._process.pid
    return pid


@pytest.mark.parametrize("number", [signal.SIGSTOP, signal.SIGKILL, signal.SIGTERM])
def test_a_fork_server_that_does_nothing_more_bounds_closing(
    number: signal.Signals, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Stopped or dead: the pool closes."""
    monkeypatch.setattr(supervisor, "END_PATIENCE", 1.0)
    pool = ProcessPool(2, grace=1)
    assert 1 == pool.submit(abs, -1).result(LIMIT)
    os.kill(fork_server_of(pool), number)

    def close() -> Optional[bool]:
        pool.shutdown()
        return True

    assert within_limit(close)


def test_a_worker_that_dies_under_a_stopped_fork_server_is_noticed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Its call fails, and the next one is made by a worker of another fork server."""
    monkeypatch.setattr(supervisor, "END_PATIENCE", 1.0)
    with ProcessPool(1, grace=1) as pool:
        pid = pool.submit(os.getpid).result(LIMIT)
        os.kill(fork_server_of(pool), signal.SIGSTOP)
        dying = pool.submit(os.kill, pid, signal.SIGKILL)
        with pytest.raises(WorkerDiedError):
            dying.result(LIMIT)
        assert pid != pool.submit(os.getpid).result(LIMIT)
