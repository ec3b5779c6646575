"""The place of a failure is the user's file and line, however its function travels."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
import traceback
from pathlib import Path
from typing import Any, Callable, Iterator

import pytest

from stagekit import Registry, run
from stagekit.executors import ProcessPool

LIMIT = 100  # seconds until a test gives up, however busy this machine is

DASK = pytest.param(
    "dask",
    marks=[
        pytest.mark.slow,
        pytest.mark.skipif(
            importlib.util.find_spec("distributed") is None,
            reason="distributed is not installed: python -m pip install '.[dask]'",
        ),
    ],
)


@pytest.fixture(scope="module", params=["forkserver", "spawn", DASK])
def pool(request: pytest.FixtureRequest) -> Iterator[Any]:
    """A pool of each kind."""
    if request.param == "dask":
        from stagekit.executors.dask import DaskPool

        with DaskPool(workers=1) as cluster:
            yield cluster
    else:
        with ProcessPool(1, method=request.param) as processes:
            yield processes


def closure() -> Callable[[], object]:
    """Return a function that takes something from around it."""
    text = "closure"

    def fails() -> None:
        raise ValueError(text)  # the line of the closure

    return fails


def nested() -> Callable[[], object]:
    """Return a function that makes the one that fails."""

    def outer() -> object:
        def inner(rest: int) -> object:
            if not rest:
                raise ValueError("nested")  # the line of the nested one
            return [inner(rest - 1) for _ in range(1)]

        return inner(2)

    return outer


def method() -> Callable[[], object]:
    """Return a function whose class travels with it."""

    class Local:
        def fail(self) -> None:
            raise ValueError("method")  # the line of the method

    return lambda: Local().fail()


FAILING = {
    "closure": closure(),
    "lambda": lambda: 1 / 0,  # the line of the lambda
    "nested": nested(),
    "method": method(),
}


def line_of(mark: str) -> int:
    """Return the number of the line of this file that ends with a comment."""
    lines = Path(__file__).read_text(encoding="utf-8").splitlines()
    return next(number for number, line in enumerate(lines, 1) if line.endswith(f"# {mark}"))


@pytest.mark.parametrize(
    ("name", "mark"),
    [
        ("closure", "the line of the closure"),
        ("lambda", "the line of the lambda"),
        ("nested", "the line of the nested one"),
        ("method", "the line of the method"),
    ],
)
def test_a_failure_shows_the_file_and_line_of_a_function_without_a_module(
    pool: Any, name: str, mark: str
) -> None:
    """The report's place and its traceback, with the source of the line, are the user's."""
    registry = Registry()
    registry.add(FAILING[name], id="fails")
    report = run(registry=registry, executor=pool, check=False).report("fails")
    assert report.location is not None
    file, _, line = report.location.rpartition(":")
    assert __file__.endswith(file)
    assert file
    assert line_of(mark) == int(line)
    error = report.error
    assert error is not None
    text = "".join(traceback.format_exception(type(error), error, error.__traceback__))
    assert f'File "{__file__}", line {line_of(mark)}' in text
    assert f"# {mark}" in text or sys.version_info >= (3, 13)  # which shows less of a line


SCRIPT = """\
import sys
import traceback
from stagekit import Registry, run

def helper(rows):
    def inner():
        return rows["none"]  # the line of the script
    return inner()

def load() -> int:
    return helper({})

if __name__ == "__main__":
    registry = Registry()
    registry.add(load, id="load")
    registry.add(lambda: 1 / 0, id="lambda")  # the other line
    result = run(registry=registry, executor=sys.argv[1], on_failure="continue", check=False)
    for name in ("load", "lambda"):
        report = result.report(name)
        print(report.location)
        traceback.print_exception(type(report.error), report.error, None, file=sys.stdout)
"""


@pytest.mark.parametrize("executor", ["processes", DASK])
def test_a_failure_shows_the_file_and_line_of_a_script(tmp_path: Path, executor: str) -> None:
    """Functions of the main module fail at the script's own lines."""
    script = tmp_path / "shop.py"
    script.write_text(SCRIPT, encoding="utf-8")
    found = subprocess.run(
        [sys.executable, str(script), executor],
        cwd=tmp_path,
        capture_output=True,
        encoding="utf-8",
        timeout=LIMIT,
        check=False,
    )
    assert (0, "") == (found.returncode, found.stderr)
    lines = SCRIPT.splitlines()
    for mark in ("the line of the script", "the other line"):
        line = next(number for number, each in enumerate(lines, 1) if each.endswith(f"# {mark}"))
        assert f"shop.py:{line}\n" in found.stdout
