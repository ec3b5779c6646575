"""Corner cases of values that travel between processes.

Each test has the id of its case in ``tests/data/resolution_cases.json``.
"""

from __future__ import annotations

import threading
from typing import Any, Iterator, List

import pytest

from stagekit import Registry, run
from stagekit.errors import BadValueError
from stagekit.executors import ProcessPool


class Held:
    """A value that cannot be pickled."""

    def __init__(self) -> None:
        self.lock = threading.Lock()


@pytest.fixture(scope="module", name="pool")
def pool_of_one() -> Iterator[ProcessPool]:
    """One worker, for all tests of this module."""
    with ProcessPool(1) as pool:
        yield pool


def test_case_unpicklable(pool: ProcessPool) -> None:
    """A value or a function that cannot be sent fails its stage, which is named with the value."""
    registry = Registry()
    locks: List[Any] = []

    @registry.stage(id="give", executor="inline")
    def give() -> Held:
        return Held()

    @registry.stage(id="take")
    def take(held: Held) -> int:
        return len(str(held))

    @registry.stage(id="lock", executor="inline")
    def lock() -> None:
        locks.append(threading.Lock())  # which nobody can know before

    @registry.stage(id="close", depends_on=lock)
    def close() -> str:
        return str(locks)

    @registry.stage(id="make")
    def make() -> Any:
        return Held()

    result = run(registry=registry, executor=pool, on_failure="continue", check=False)
    told = {each.stage_id: each.error for each in result.failures}
    assert {"take", "close", "make"} == set(told)
    assert all(isinstance(error, BadValueError) for error in told.values())
    assert "a Held, cannot be sent" in str(told["take"])
    assert "`locks`, which" in str(told["close"])
    assert "returned a Held, which cannot be sent" in str(told["make"])
