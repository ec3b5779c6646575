"""A stage starts when its own needs are met, whatever else of its level still runs (DESIGN 5)."""

from __future__ import annotations

import asyncio
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from stagekit import Registry, run


@pytest.mark.parametrize("executor", ["threads", "pool"])
def test_a_stage_does_not_wait_for_others_of_the_level_before(executor: str) -> None:
    """The long first stage ends only once the third of the other branch has run."""
    registry, seen = Registry(), threading.Event()
    registry.add(lambda: seen.wait(30), id="long")
    registry.add(lambda: 1, id="a")
    registry.add(lambda: 2, id="b", depends_on="a")
    registry.add(lambda: seen.set(), id="c", depends_on="b")
    with ThreadPoolExecutor(2) as pool:
        chosen = pool if executor == "pool" else executor
        assert run(registry=registry, executor=chosen, workers=2)["long"] is True


def test_an_async_stage_does_not_wait_for_others_of_the_level_before() -> None:
    """The same on an event loop, and with plain stages beside it."""
    registry, seen = Registry(), threading.Event()

    async def long() -> bool:
        while not seen.is_set():
            await asyncio.sleep(0)
        return True

    async def short() -> None:
        await asyncio.sleep(0)

    registry.add(long, id="long")
    registry.add(short, id="a")
    registry.add(lambda: 2, id="b", depends_on="a")
    registry.add(lambda: seen.set(), id="c", depends_on="b")
    assert run(registry=registry)["long"] is True
