"""Values that only other workers need: their pickles pass through the runner, which reads none."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Any, List

import pytest

from stagekit import Registry, run
from stagekit._base.pool_call import PoolCall
from stagekit.errors import BadValueError, WorkerDiedError
from tests.executors.third_pool import ThirdPool
from tests.run import faraway
from tests.run.faraway import Tracking

pytest.importorskip("stagekit.executors.processes")
pytestmark = [
    pytest.mark.skipif(sys.platform == "win32", reason="as for other tests of processes"),
    pytest.mark.filterwarnings("ignore::stagekit.errors.StagekitWarning"),
]


def readers(log: Path) -> List[int]:
    """Return the processes that have read a value."""
    return [int(pid) for pid in log.read_text("ascii").split()] if log.exists() else []


def test_what_another_worker_takes_is_not_read_here(process_pool: Any, tmp_path: Path) -> None:
    """Once for each stage that takes it, over there; here when the caller asks for it, once."""
    registry, log = Registry(), tmp_path / "log"
    registry.add(Tracking(str(log)), id="first")
    for name in ("one", "two"):
        registry.add(faraway.passed_on, id=name)
    result = run(registry=registry, executor=process_pool)
    assert str(log) == result["one"]
    assert 2 == len(readers(log))
    assert os.getpid() not in readers(log)
    assert str(log) == result["first"].path == result["first"].path
    assert 1 == readers(log).count(os.getpid())


def test_items_that_another_stage_takes_one_by_one_are_not_read_here(
    process_pool: Any, tmp_path: Path
) -> None:
    """Nor those of a list in which some are here: the list is one of values for who asks for it."""
    registry, log = Registry(), tmp_path / "log"
    registry.add(faraway.parts, id="parts")
    registry.add(faraway.TrackedOf(str(log)), id="tracked")
    registry.add(faraway.noted, id="noted")
    result = run(registry=registry, executor=process_pool)
    assert ["number", *[str(log)] * 4] == result["noted"]
    assert os.getpid() not in readers(log)
    assert [0, *[str(log)] * 4] == [getattr(each, "path", each) for each in result["tracked"]]
    assert list is type(result["tracked"])


def test_values_that_are_taken_together_are_not_read_here(
    process_pool: Any, tmp_path: Path
) -> None:
    """A list of the values of several stages."""
    registry, log = Registry(), tmp_path / "log"
    for name in ("one", "two"):
        registry.add(Tracking(str(log)), id=name)
    registry.add(faraway.collected, id="collected")
    assert 2 == run(registry=registry, executor=process_pool)["collected"]
    assert 2 == len(readers(log))
    assert os.getpid() not in readers(log)


def test_who_is_in_this_process_gets_the_value(process_pool: Any, tmp_path: Path) -> None:
    """A stage in a thread, beside one over there, and one that follows it in its place."""
    registry, log = Registry(), tmp_path / "log"
    registry.add(Tracking(str(log)), id="first")
    registry.add(faraway.passed_on, id="there")
    registry.add(faraway.passed_on, id="here", executor="threads")
    registry.add(lambda: os.getpid(), id="after", executor="threads", depends_on="here")
    result = run(registry=registry, executor=process_pool)
    assert [str(log)] * 2 == [result["here"], result["there"]]
    assert 1 == readers(log).count(os.getpid())


def test_what_cannot_be_read_fails_who_reads_it(process_pool: Any) -> None:
    """The stage that returned it, where nobody else takes it; else the stage that does."""
    registry = Registry()
    registry.add(faraway.odd, id="odd")
    result = run(registry=registry, executor=process_pool, check=False)
    assert "what odd returned cannot be read" in str(result.report("odd").error)
    registry.add(faraway.takes_odd, id="takes")
    result = run(registry=registry, executor=process_pool, check=False)
    assert "an argument of it cannot be read in a worker" in str(result.report("takes").error)
    with pytest.raises(BadValueError, match="what odd returned cannot be read"):
        result["odd"]


@pytest.mark.skipif(sys.version_info < (3, 11), reason="exceptions have notes from 3.11 on")
def test_the_type_of_a_value_that_was_not_read_is_known(process_pool: Any, tmp_path: Path) -> None:
    """To who tells what a stage was called with, and to the document of the run."""
    registry, log = Registry(), tmp_path / "log"
    registry.add(Tracking(str(log)), id="first")
    registry.add(faraway.refuses, id="refuses")
    result = run(registry=registry, executor=process_pool, check=False)
    error: Any = result.report("refuses").error
    assert "stagekit: stage refuses, called with (Tracked)" in error.__notes__
    types = [each["value_type"] for each in json.loads(result.to_json())["stages"]]
    assert ["tests.run.faraway.Tracked", None] == types
    assert os.getpid() not in readers(log)


class Kept:
    """A handle of a pool that does not take its own handles."""

    is_handle = True
    is_here = False
    pool: Any = None

    def __init__(self, value: Any) -> None:
        self.value = value

    def fetch(self) -> Any:
        """Bring the value here, where it is not lost."""
        if self.value == "lost":
            raise WorkerDiedError("worker 1")
        return self.value


class KeepingPool(ThirdPool):
    """Returns handles, and takes none."""

    returns_handles = True

    def start_call(self, call: PoolCall, /) -> None:
        """Have what the call returns be a handle."""
        fn = call.fn

        def kept(*args: object) -> Kept:
            return Kept(fn(*args))

        call.fn = kept
        super().start_call(call)


@pytest.mark.parametrize("value", ["there", "lost"])
def test_a_handle_that_a_pool_does_not_take_is_fetched_before(value: str) -> None:
    """On a thread aside; what is lost fails the stage that takes it."""
    registry = Registry()

    def first() -> str:
        return value

    def second(text: str) -> int:
        return len(text)

    registry.add(first, id="first")
    registry.add(second, id="second")
    pool = KeepingPool(1)
    try:
        result = run(registry=registry, executor=pool, check=False)
    finally:
        pool.shutdown()
    if value == "lost":
        assert isinstance(result.report("second").error, WorkerDiedError)
    else:
        assert (value, len(value)) == (result["first"], result["second"])
