"""What counts as a pool, and how many calls it is given at once."""

from __future__ import annotations

import os
import sys
from concurrent.futures import ThreadPoolExecutor

import pytest

from stagekit import Registry, run
from stagekit.errors import MissingExtraError, UsageError
from stagekit.executors import NAMES, is_pool, workers_of


class Pool:
    """Has what a pool must have, and tells what it is told to tell."""

    def __init__(self, workers: object) -> None:
        self._max_workers = workers

    def submit(self, fn: object, /, *args: object) -> object:
        """Never called here."""
        raise NotImplementedError


def test_a_pool_is_what_has_submit() -> None:
    """Objects with ``submit`` are pools; their classes, texts and all else are not."""
    assert is_pool(Pool(1))
    assert not is_pool(Pool)
    assert not is_pool("threads")
    assert not is_pool(None)
    with ThreadPoolExecutor(1) as pool:
        assert is_pool(pool)


@pytest.mark.parametrize("told", [0, -1, None, "7", 2.0, True])
def test_a_pool_that_tells_no_count_has_one_worker_a_processor(told: object) -> None:
    """Only a whole number above 0 counts as told."""
    assert (os.cpu_count() or 1) == workers_of(Pool(told))
    assert 7 == workers_of(Pool(7))


def test_a_pool_that_lacks_its_extra_says_which(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is no defect of ours that something is not installed."""
    monkeypatch.setitem(sys.modules, "distributed", None)
    registry = Registry()
    registry.add(lambda: 1, id="one")
    with pytest.raises(MissingExtraError, match=r"\.\[dask\]"):
        run(registry=registry, executor="dask")


@pytest.mark.parametrize(
    "name",
    [pytest.param(each, marks=pytest.mark.slow) if each == "dask" else each for each in NAMES],
)
def test_every_name_is_taken(name: str) -> None:
    """A run takes each name of the table, and refuses others with the table."""
    if name == "dask":
        pytest.importorskip("distributed", reason="the extra dask is not installed")
    registry = Registry()
    registry.add(lambda: 1, id="one")
    assert run(registry=registry, executor=name).ok
    with pytest.raises(UsageError, match=repr(name)):
        run(registry=registry, executor="processor")
