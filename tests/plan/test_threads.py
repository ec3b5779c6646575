"""One registry may be planned from many threads at once."""

from __future__ import annotations

import sys
import threading
from typing import Iterator, List

import pytest

from stagekit import Registry, plan, run


class Orders:
    """A class."""


@pytest.fixture
def switching() -> Iterator[None]:
    """Let threads take turns fifty times as often as usual."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-4)
    yield
    sys.setswitchinterval(before)


def shop(size: int) -> Registry:
    """Return a registry of functions that no plan has read yet."""
    registry = Registry()
    registry.add(Orders, id="orders")
    for number in range(size):

        def stage(orders: Orders, more: int = 1) -> float:
            assert isinstance(orders, Orders)
            return float(more)

        registry.add(stage, id=f"s{number}")
    return registry


@pytest.mark.usefixtures("switching")
def test_many_threads_may_plan_and_run_one_registry_at_once() -> None:
    """What is read of a function for the first time is read by all of them without trouble."""
    problems: List[BaseException] = []

    def work(registry: Registry, barrier: threading.Barrier) -> None:
        try:
            barrier.wait(30)
            assert 21 == len(plan(registry=registry))
            assert run("s7", registry=registry, executor="inline").ok
        except BaseException as error:  # noqa: BLE001 - shown below
            problems.append(error)

    for _ in range(5):
        registry, barrier = shop(20), threading.Barrier(4)
        threads = [threading.Thread(target=work, args=(registry, barrier)) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(60)
    assert [] == problems
