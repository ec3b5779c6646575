"""Pools that others use, too: what a stage waits for there is not its own time."""

from __future__ import annotations

import importlib
import importlib.util
import multiprocessing
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from pathlib import Path
from typing import Any, Callable, Dict, Iterator, List

import pytest

from stagekit.events import Reason
from stagekit.executors import ProcessPool
from tests.run import faraway
from tests.run.timed import PATIENCE, Timed

pytestmark = pytest.mark.filterwarnings("ignore::stagekit.errors.StagekitWarning")
MAKERS: Dict[str, Callable[[], Any]] = {
    "processes": lambda: ProcessPool(1),
    "threads": lambda: ThreadPoolExecutor(1),
    "dask": lambda: importlib.import_module("stagekit.executors.dask").DaskPool(workers=1),
}
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


class Gate:
    """A file that others wait for."""

    def __init__(self, path: Path) -> None:
        self.waits = faraway.Waits(str(path))
        self.open = faraway.Makes(str(path))


@pytest.fixture(params=["processes", "threads", DASK])
def pool(request: pytest.FixtureRequest) -> Iterator[Any]:
    """Give a pool of one worker."""
    with MAKERS[request.param]() as made:
        made.submit(faraway.nothing).result(PATIENCE)
        yield made


@pytest.fixture
def gates(pool: Any, tmp_path: Path) -> Iterator[List[Gate]]:
    """Give two gates; they are open when the pool is closed."""
    del pool
    made = [Gate(tmp_path / name) for name in ("first", "second")]
    yield made
    for gate in made:
        gate.open()


@pytest.fixture
def timed(pool: Any) -> Iterator[Timed]:
    """Give a registry and a clock."""
    del pool  # whose threads are there by now
    made = Timed("threads")
    yield made
    made.close()


def test_waiting_for_others_is_not_counted(pool: Any, timed: Timed, gates: List[Gate]) -> None:
    """3.4: the time limit of a stage counts from when a worker begins it."""
    gate, _ = gates
    others = pool.submit(gate.waits)
    timed.stage(faraway.nothing, id="waits", timeout=5, executor=pool, priority=1)
    timed.stage(lambda: timed.clock.advance(60), id="time_passes")
    timed.stage(lambda: None, id="that_is_seen", depends_on="time_passes")
    timed.stage(gate.open, id="gate", depends_on="that_is_seen")
    result = timed.run()
    gate.open()
    others.result(PATIENCE)
    assert () == result.failures


def test_what_begins_late_is_timed(pool: Any, timed: Timed, gates: List[Gate]) -> None:
    """And ends when its time is up."""
    gate, never = gates
    others = pool.submit(gate.waits)
    timed.stage(never.waits, id="waits", timeout=0.2, executor=pool, priority=1)
    timed.stage(gate.open, id="gate")
    result = timed.run(clock=None, grace=0, on_failure="continue")
    others.result(PATIENCE)
    assert Reason.TIMED_OUT is result.report("waits").reason


def test_a_pool_that_does_not_say_when_calls_begin_is_bounded(tmp_path: Path) -> None:
    """The time counts from when the call leaves this process."""
    timed, gate = Timed("threads"), Gate(tmp_path / "gate")
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(1, mp_context=context) as pool:
        pool.submit(faraway.nothing).result(PATIENCE)
        timed.stage(gate.waits, id="waits", timeout=0.1, executor=pool)
        result = timed.run(clock=None, grace=0)
        gate.open()
    assert Reason.TIMED_OUT is result.report("waits").reason
    assert ("waits",) == result.abandoned
