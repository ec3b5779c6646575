"""A value or an exception that takes long to be read holds up nobody else."""

from __future__ import annotations

import importlib.util
import os
import threading
from pathlib import Path
from typing import Any, Callable, Iterator, List

import pytest

from stagekit import Registry, run
from stagekit.errors import RunCancelledError
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


@pytest.fixture(scope="module", params=["processes", DASK])
def pool(request: pytest.FixtureRequest) -> Iterator[Any]:
    """A pool of each kind, of two workers."""
    if request.param == "dask":
        from stagekit.executors.dask import DaskPool

        with DaskPool(workers=2) as cluster:
            yield cluster
    else:
        with ProcessPool(2) as processes:
            yield processes


def read(reader: int, gate: str, kind: type) -> Any:
    """Wait for a file, in the process that had the value made; elsewhere be quick."""
    until = threading.Event()
    while os.getpid() == reader and not Path(gate).exists():
        until.wait(0.01)
    return kind()


class Slow:
    """A value that waits when it is read."""

    def __init__(self, reader: int = 0, gate: str = "") -> None:
        self.reader = reader
        self.gate = gate

    def __reduce__(self) -> Any:
        return read, (self.reader, self.gate, type(self))


class SlowError(Slow, Exception):
    """An exception that does."""


def value(reader: int, gate: str) -> Slow:
    """Return it."""
    return Slow(reader, gate)


def inside(reader: int, gate: str) -> List[Any]:
    """Return it deep inside of a value."""
    return [1, {"slow": Slow(reader, gate)}]


def error(reader: int, gate: str) -> None:
    """Raise it."""
    raise SlowError(reader, gate)


SLOW = {"value": value, "inside": inside, "error": error}


@pytest.mark.parametrize("name", SLOW)
def test_other_calls_end_while_a_value_is_read(pool: Any, tmp_path: Path, name: str) -> None:
    """They are made, and their values arrive."""
    gate = tmp_path / "gate"
    slow = pool.submit(SLOW[name], os.getpid(), str(gate))
    ended = threading.Event()

    def wait() -> None:
        slow.exception()
        ended.set()

    reader = threading.Thread(target=wait, daemon=True)
    reader.start()
    try:
        assert list(range(20)) == [pool.submit(abs, -each).result(LIMIT) for each in range(20)]
        assert not ended.is_set()
    finally:
        gate.touch()
    assert ended.wait(LIMIT)


@pytest.mark.slow
@pytest.mark.parametrize("name", SLOW)
def test_a_deadline_ends_a_run_whose_value_is_being_read(tmp_path: Path, name: str) -> None:
    """It is cancelled in time, and what is ready beside it has been called."""
    gate = tmp_path / "gate"
    registry = Registry()
    fn: Callable[..., Any] = SLOW[name]
    registry.add(lambda: fn(os_pid, str(gate)), id="slow")
    registry.add(lambda: 1, id="quick")
    registry.add(lambda: None, id="after", depends_on="slow")
    os_pid = os.getpid()
    said: List[Any] = []

    def go() -> None:
        with ProcessPool(1, grace=0.5) as pool:
            try:
                said.append(run(registry=registry, executor=pool, deadline=2, grace=0.5))
            except BaseException as error:  # noqa: BLE001 - looked at below
                said.append(error)

    thread = threading.Thread(target=go, daemon=True)
    thread.start()
    thread.join(LIMIT)
    try:
        assert said, "the run does not end"
        assert isinstance(said[0], RunCancelledError) or name != "error"
    finally:
        gate.touch()
