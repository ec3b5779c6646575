"""The ways to carry a managed run out, as fixtures."""

from __future__ import annotations

from typing import Iterator

import pytest

from tests.run.managed.timed import Timed
from tests.run.managed.ways import HERE, WAYS, Way


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
