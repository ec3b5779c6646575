"""A script whose functions run in workers of a pool that a child of the script has made."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

LIMIT = 100  # seconds until a test gives up, however busy this machine is

SCRIPT = """\
import dataclasses
import multiprocessing
import sys
from contextvars import ContextVar

from stagekit import Registry, run
from stagekit.errors import RunFailedError

FACTOR = 3
user = ContextVar("user", default="nobody")

@dataclasses.dataclass(frozen=True)
class Orders:
    rows: int

class OddError(Exception):
    pass

def load() -> Orders:
    return Orders(FACTOR)

def total(orders: Orders) -> str:
    assert type(orders) is Orders
    return f"{orders.rows} {user.get()}"

def fails() -> int:
    raise OddError("odd")

def child(executor, answers):
    user.set("me")
    registry = Registry()
    registry.add(load, id="load")
    registry.add(total, id="total")
    registry.add(fails, id="fails")
    options = dict(executor=executor, workers=1, on_failure="continue", check=False)
    result = run(registry=registry, **options)
    error = result.report("fails").error
    answers.put((
        result["total"],
        type(result["load"]) is Orders,
        type(error) is OddError,
        result.report("fails").location.rpartition("/")[2],
    ))

if __name__ == "__main__":
    method, executor = sys.argv[1:]
    context = multiprocessing.get_context(method)
    answers = context.SimpleQueue()
    process = context.Process(target=child, args=(executor, answers))
    process.start()
    print(answers.get())
    process.join()
"""


@pytest.mark.parametrize(
    ("method", "executor"),
    [
        pytest.param("spawn", "processes", marks=pytest.mark.slow),
        pytest.param(
            "forkserver", "processes", marks=pytest.mark.skipif("sys.platform == 'win32'")
        ),
        pytest.param("spawn", "threads", marks=pytest.mark.slow),
    ],
)
def test_functions_of_a_script_run_in_a_child_of_it(
    tmp_path: Path, method: str, executor: str
) -> None:
    """Its classes, errors and context variables are there what they are in the script."""
    script = tmp_path / "shop.py"
    script.write_text(SCRIPT, encoding="utf-8")
    ended = subprocess.run(
        [sys.executable, str(script), method, executor],
        cwd=tmp_path,
        capture_output=True,
        encoding="utf-8",
        timeout=LIMIT,
        check=False,
    )
    line = 1 + SCRIPT.splitlines().index('    raise OddError("odd")')
    assert "" == ended.stderr
    assert f"('3 me', True, True, 'shop.py:{line}')\n" == ended.stdout
