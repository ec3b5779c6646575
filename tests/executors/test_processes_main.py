"""Pools of scripts, of the command line and of what is typed; and runners that die."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from contextlib import suppress
from pathlib import Path
from typing import Any, Iterator, List, Tuple

import pytest

from tests.executors.test_processes_deaths import ends, is_gone

pytestmark = pytest.mark.skipif(os.name != "posix", reason="signals and pipes are POSIX")

LIMIT = 60  # seconds until a test gives up

# Everything of it belongs to the main module, and it has no guard.
SCRIPT = """
import enum
import multiprocessing.process  # gives the main module another name, too
import os
from contextvars import ContextVar
from dataclasses import dataclass
from stagekit import stage, run
from stagekit.executors import ProcessPool

print("imported", flush=True)
FACTOR = 3
user = ContextVar("user", default="nobody")

class Colour(enum.Enum):
    RED = 1

class OddError(Exception):
    pass

@dataclass(frozen=True)
class Orders:
    rows: tuple

    class Row:
        value = 7

@stage
def load() -> Orders:
    return Orders((os.getpid(), Colour.RED, user.get(), Orders.Row()))

@stage
def total(orders: Orders) -> int:
    assert isinstance(orders, Orders) and orders.rows[1] is Colour.RED
    return FACTOR

def fails():
    raise OddError("odd")

user.set("me")
with ProcessPool(2, method=METHOD) as pool:
    result = run(total, executor=pool)
    orders = result[load]
    print(type(orders) is Orders, orders.rows[0] != os.getpid(), orders.rows[1] is Colour.RED)
    print(orders.rows[2], type(orders.rows[3]) is Orders.Row, result[total])
    print(pool.submit(load).result().rows[1] is Colour.RED)
    print(pool.submit(lambda: load).result() is load)
    print(type(pool.submit(fails).exception()) is OddError)
"""
PRINTED = "imported\nTrue True True\nme True 3\nTrue\nTrue\nTrue\n"


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Any]:
    """Give a function that starts Python in a session of its own, with outputs in files."""
    started: List[subprocess.Popen[bytes]] = []
    files: List[Any] = []

    def begin(*command: str, given: str = "") -> subprocess.Popen[bytes]:
        (tmp_path / "given").write_text(given, encoding="utf-8")
        files.extend((tmp_path / name).open("wb") for name in ("out", "err"))
        files.append((tmp_path / "given").open("rb"))
        process = subprocess.Popen(
            [sys.executable, *command],
            cwd=tmp_path, stdin=files[-1], stdout=files[-3], stderr=files[-2],
            start_new_session=True,
        )  # fmt: skip
        started.append(process)
        return process

    yield begin
    for process in started:
        with suppress(OSError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait(LIMIT)
    for file in files:
        file.close()


def outcome(process: subprocess.Popen[bytes], folder: Path) -> Tuple[int, str, str]:
    """Wait for the end; return the exit code and what was printed."""
    code = process.wait(LIMIT)
    out, err = [(folder / name).read_text(encoding="utf-8") for name in ("out", "err")]
    return code, out, err


@pytest.mark.slow
@pytest.mark.parametrize(
    ("way", "method"),
    [
        ("script", "forkserver"),
        ("-c", "spawn"),
        pytest.param("stdin", "forkserver", marks=pytest.mark.slow),
        pytest.param("script", "spawn", marks=pytest.mark.slow),
        pytest.param("-c", "forkserver", marks=pytest.mark.slow),
        pytest.param("stdin", "spawn", marks=pytest.mark.slow),
    ],
)
def test_x10_a_main_module_is_not_imported_again(
    start: Any, tmp_path: Path, way: str, method: str
) -> None:
    """X10: no guard is needed; its functions, classes, enums and errors stay what they are."""
    text = SCRIPT.replace("METHOD", repr(method))
    (tmp_path / "main.py").write_text(text, encoding="utf-8")
    command = {"script": ("main.py",), "-c": ("-c", text), "stdin": ("-",)}[way]
    assert (0, PRINTED, "") == outcome(start(*command, given=text), tmp_path)


@pytest.mark.slow
def test_x10_a_pool_that_is_started_by_an_import_is_refused(start: Any, tmp_path: Path) -> None:
    """X10: where a worker must import a script without a guard, one message says what to write."""
    (tmp_path / "unguarded.py").write_text(
        "import sys\n"
        "from stagekit.executors import ProcessPool\n"
        "def f(): return 1\n"
        "if 'there' not in globals():\n"
        "    with ProcessPool(1) as pool:\n"
        "        print(pool.submit(f).exception())\n",
        encoding="utf-8",
    )
    code, out, err = outcome(start("-c", "import unguarded"), tmp_path)
    assert (0, "") == (code, err)
    assert 1 == out.count("\n")
    assert "a module starts a pool while a worker process imports it; put that below:" in out


def test_the_command_line_runs_a_file_with_a_pool(start: Any, tmp_path: Path) -> None:
    """`python -m stagekit run x.py`: its functions are imported by their name in workers."""
    (tmp_path / "x.py").write_text(
        "import os\n"
        "from stagekit import stage\n"
        "from stagekit.executors import ProcessPool\n"
        "class Value:\n"
        "    pass\n"
        "@stage\n"
        "def load() -> Value:\n"
        "    return Value()\n"
        "@stage\n"
        "def use(value: Value) -> None:\n"
        "    with ProcessPool(1) as pool:\n"
        "        assert type(pool.submit(load).result()) is Value\n"
        "        assert pool.submit(os.getpid).result() != os.getpid()\n",
        encoding="utf-8",
    )
    code, _, err = outcome(start("-m", "stagekit", "run", "x.py"), tmp_path)
    assert 0 == code, err


def test_a_pool_is_loaded_when_it_is_asked_for(start: Any, tmp_path: Path) -> None:
    """Neither the executors nor a pool that is not used load what carries calls."""
    code = (
        "import sys\n"
        "watched = {'cloudpickle', 'multiprocessing', 'stagekit.executors.processes'}\n"
        "watched -= set(sys.modules)\n"
        "def loaded():\n"
        "    return sorted(watched & set(sys.modules))\n"
        "import stagekit.executors\n"
        "print(loaded())\n"
        "pool = stagekit.executors.ProcessPool(2)\n"
        "print(loaded())\n"
    )
    assert (0, "[]\n['stagekit.executors.processes']\n", "") == outcome(start("-c", code), tmp_path)


ORPHANS = """
import os, signal, sys, time
from stagekit.executors import ProcessPool

def pids():
    import os
    return os.getpid(), os.getppid()

def hold():
    import os, signal, subprocess, sys
    code = "import signal; signal.signal(15, signal.SIG_IGN); signal.pause()"
    child = subprocess.Popen([sys.executable, "-c", code])
    with open("pids", "w") as file:
        file.write(f"{os.getpid()} {os.getppid()} {child.pid}")
    signal.pause()

pool = ProcessPool(1, method=METHOD)
found = pool.submit(pids).result()
if BUSY:
    pool.submit(hold)
else:
    with open("pids", "w") as file:
        file.write(" ".join(map(str, found)))
signal.pause()
"""


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
@pytest.mark.parametrize("busy", [True, False])
@pytest.mark.parametrize("method", ["forkserver", "spawn"])
def test_x13_p8_nothing_outlives_the_runner(
    start: Any, tmp_path: Path, number: int, busy: object, method: str
) -> None:
    """X13, P8: a runner that is killed leaves no worker, no fork server and no grandchild."""
    os.mkfifo(tmp_path / "pids")
    text = ORPHANS.replace("METHOD", repr(method)).replace("BUSY", repr(busy))
    process = start("-c", text)
    pids = [int(pid) for pid in (tmp_path / "pids").read_text(encoding="utf-8").split()]
    assert (3 if busy else 2) == len(pids)
    others = [pid for pid in pids if pid != process.pid]
    assert not any(map(is_gone, others))
    process.send_signal(number)
    assert -number == process.wait(LIMIT)
    assert all(map(ends, others))
