"""What every test gets: a hypothesis profile, and no network but loopback."""

from __future__ import annotations

import faulthandler
import ipaddress
import os
import signal
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from random import Random
from typing import Any, Callable, Iterable, Iterator, List, Set, Tuple

import pytest
from _pytest.faulthandler import fault_handler_stderr_fd_key
from hypothesis import settings

settings.register_profile("dev", max_examples=20, deadline=None)
settings.register_profile("ci", max_examples=200, deadline=None, derandomize=True)
settings.register_profile("deep", max_examples=5000, deadline=None)
settings.load_profile("dev")
QUICK = "not slow and not heavy"  # the tests that are run where nobody says which


def pytest_configure(config: pytest.Config) -> None:
    """Search as deep as is said; with CI set deeper, unless only the quick tests are run."""
    said = os.environ.get("HYPOTHESIS_PROFILE")
    is_deeper = os.environ.get("CI") and config.option.markexpr != QUICK
    settings.load_profile(said or ("ci" if is_deeper else "dev"))


# A shell starts what runs beside it with Ctrl-C ignored, and nohup with SIGHUP: that is inherited.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)
if os.name == "posix" and signal.getsignal(signal.SIGHUP) is signal.SIG_IGN:
    signal.signal(signal.SIGHUP, signal.SIG_DFL)

# In a step of GitHub Actions the command line says more, to the page of that very step.
for _name in ("GITHUB_ACTIONS", "GITHUB_STEP_SUMMARY"):
    os.environ.pop(_name, None)

# Where an audit event names the host: position of the address (or host) among its arguments.
_HOST_ARGUMENT = {
    "socket.connect": 1,
    "socket.sendto": 1,
    "socket.sendmsg": 1,
    "socket.getaddrinfo": 0,
    "socket.gethostbyname": 0,
}


class NetworkRefusedError(RuntimeError):
    """A test tried to reach a host other than this one."""

    def __init__(self, event: str, host: str) -> None:
        super().__init__(event, host)
        self.event = event
        self.host = host

    def __str__(self) -> str:
        return f"{self.event} to {self.host!r}: tests reach loopback addresses only"


def _is_this_host(host: str) -> bool:
    try:
        return ipaddress.ip_address(host.split("%", maxsplit=1)[0]).is_loopback
    except ValueError:
        return host in {"", "localhost"}


def _refuse_network(event: str, arguments: Tuple[object, ...]) -> None:
    position = _HOST_ARGUMENT.get(event)
    if position is None:
        return
    host: object = arguments[position]
    if isinstance(host, tuple) and host:
        host = host[0]  # pyright: ignore[reportUnknownVariableType]  # an address: (host, port, ...)
    elif position == 1:
        return  # the path of a socket in the file system
    if isinstance(host, (bytes, bytearray)):
        host = host.decode("ascii", "replace")
    if isinstance(host, str) and not _is_this_host(host):
        raise NetworkRefusedError(event, host)


# An audit hook sees every thread and every library, and needs nothing to be patched.
sys.addaudithook(_refuse_network)


def _side_by_side(function: Callable[..., Any], cases: Iterable[Tuple[Any, ...]]) -> List[Any]:
    with ThreadPoolExecutor(max(2, os.cpu_count() or 1)) as pool:
        return [each.result() for each in [pool.submit(function, *case) for case in cases]]


@pytest.fixture(scope="session")
def side_by_side() -> Callable[..., List[Any]]:
    """Give a function that calls another for each case, several at once: for what waits.

    Tests of one process each start all of them together, once, in a fixture of their module.
    """
    return _side_by_side


ENDING = 5.0  # seconds in which a thread ends that has nothing left to do
WARM: Set[threading.Thread] = set()  # that outlive a test, as the pool that they belong to does


@pytest.fixture(scope="session")
def process_pool() -> Iterator[Any]:
    """Give two warm workers, for tests that leave them as they are."""
    from stagekit.executors import ProcessPool

    before = set(threading.enumerate())
    with ProcessPool(2) as pool:
        pool.submit(os.getpid).result()
        WARM.update(set(threading.enumerate()) - before)
        yield pool


# Modules that Dask imports, and that draw from the global generator on its threads.
DRAWING = (
    "dask.sizeof",
    "distributed.comm.core",
    "distributed.scheduler",
    "distributed.utils_comm",
    "tornado.ioloop",
)


@pytest.fixture(scope="session")
def dask_pool() -> Iterator[Any]:
    """Give a cluster of two warm workers, for tests that leave them as they are."""
    pytest.importorskip("distributed", reason="python -m pip install '.[dask]'")
    from stagekit.executors.dask import DaskPool

    with DaskPool(workers=2) as pool:
        for name in DRAWING:  # at any time, beside a test whose strategies must not be seen to
            vars(sys.modules[name])["random"] = Random()  # noqa: S311 - no secret
        pool.submit(os.getpid).result()
        yield pool


def pytest_addoption(parser: pytest.Parser) -> None:
    """Have ``--deep``: all of what tests else do a part of, for a night."""
    parser.addoption("--deep", action="store_true", help="do all of what tests else do a part of")


@pytest.fixture(scope="session")
def is_deep(request: pytest.FixtureRequest) -> bool:
    """Tell whether to do all of it."""
    return bool(request.config.getoption("--deep"))


PATIENCE = 150  # seconds after which a test hangs: where all threads are is shown; it is the end
SLOW_PATIENCE = 400
DEEP_PATIENCE = 3600


class _Watch:
    """Since when the watchdog waits, and whether for a slow test."""

    since = -1e9
    is_slow = False


_watch = _Watch()


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_protocol(item: pytest.Item) -> Iterator[None]:
    """Show where all threads are, and end, when a test hangs, or what is set up for it.

    To begin to watch is to start a thread: that is not done anew for each test that takes no time.
    """
    is_slow, now = any(map(item.get_closest_marker, ("slow", "heavy"))), time.monotonic()
    if not is_slow and not _watch.is_slow and now < _watch.since + PATIENCE / 10:
        yield
        return
    _watch.is_slow, _watch.since = is_slow, now
    seconds = SLOW_PATIENCE if is_slow else PATIENCE
    if item.config.getoption("--deep"):
        seconds = DEEP_PATIENCE
    out = item.config.stash.get(fault_handler_stderr_fd_key, 2)  # 2 itself is captured
    faulthandler.dump_traceback_later(seconds, exit=True, file=out)
    yield


def pytest_unconfigure() -> None:
    """Watch no longer."""
    faulthandler.cancel_dump_traceback_later()


@pytest.fixture
def no_thread_is_left() -> Iterator[None]:
    """See that no thread of ours outlives a test, but for those that are just ending."""
    before = set(threading.enumerate())
    yield
    after = set(threading.enumerate()) - before - WARM
    ours = [thread for thread in after if thread.name.startswith("stagekit")]
    for thread in ours:
        thread.join(ENDING)
    assert [] == [thread for thread in ours if thread.is_alive()]
