"""What runs leave behind: nothing; and the ways to carry a run out, as fixtures."""

from __future__ import annotations

from typing import Iterator

import pytest

from tests.run.timed import Timed
from tests.run.ways import HERE, WAYS, Way


@pytest.fixture(autouse=True)
def clean(no_thread_is_left: None) -> None:
    """Have no thread left behind by a test of this folder."""


@pytest.fixture(params=WAYS)
def anyway(request: pytest.FixtureRequest) -> Way:
    """Give a registry and one way to run it, in this process or beyond."""
    if request.param == "processes":
        executors = pytest.importorskip("stagekit.executors")
        if not hasattr(executors, "ProcessPool"):
            pytest.skip("there is no pool of processes yet")
    return Way(request.param)


@pytest.fixture(params=HERE)
def way(request: pytest.FixtureRequest) -> Way:
    """Give a registry and one way to run it in this process."""
    return Way(request.param)


@pytest.fixture(params=HERE)
def timed(request: pytest.FixtureRequest) -> Iterator[Timed]:
    """Give one way to run in this process, with a clock."""
    made = Timed(request.param)
    yield made
    made.close()
