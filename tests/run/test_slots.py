"""Slots: what stages share, and never use more of than there is."""

from __future__ import annotations

import threading
from random import Random
from typing import Any, Dict, Iterator, List

import pytest
from typing_extensions import Annotated

from stagekit import Each, Registry, plan, run
from stagekit.errors import PlanError, StagekitWarning, UsageError
from tests.run.things import Page, Size, pages
from tests.run.ways import Way


class Meter:
    """Counts what is used at once, and the most that ever was."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self.used: Dict[str, int] = {}
        self.most: Dict[str, int] = {}
        self.calls = 0

    def take(self, demand: Dict[str, int], by: int) -> None:
        """Take, or with a negative number give back."""
        with self._lock:
            self.calls += by > 0
            for name, count in demand.items():
                self.used[name] = self.used.get(name, 0) + by * count
                self.most[name] = max(self.most.get(name, 0), self.used[name])


@pytest.mark.parametrize("count", [200, pytest.param(1_000, marks=pytest.mark.slow)])
def test_slots_are_never_exceeded_by_many_stages(way: Way, count: int) -> None:
    """Whatever they take, and however many could run; a thousand among the slow tests."""
    random = Random(1)  # noqa: S311 - a fixed trace
    meter = Meter()

    def add(number: int, demand: Dict[str, int]) -> None:
        @way.stage(id=f"s{number}", resources=demand)
        def stage() -> None:
            meter.take(demand, 1)
            meter.take(demand, -1)

    for number in range(count):
        names = random.sample(["db", "gpu", "net"], random.randint(1, 3))
        add(number, {name: random.randint(1, 3) for name in names})
    limits = {"db": 4, "gpu": 3, "net": 5}
    assert way.run(limits=limits).ok
    assert count == meter.calls
    assert all(meter.most[name] <= limits[name] for name in limits)
    assert {"db": 0, "gpu": 0, "net": 0} == meter.used


def test_slots_are_used_as_far_as_they_go() -> None:
    """Two of two slots are taken at once where two stages are ready."""
    registry = Registry()
    barrier = threading.Barrier(2, timeout=30)
    for number in range(4):
        registry.add(lambda: barrier.wait() and None, id=f"s{number}", resources={"db": 1})
    assert run(registry=registry, executor="threads", workers=4, limits={"db": 2}).ok


def test_a_big_demand_is_not_starved() -> None:
    """The best-ranked stage that lacks slots reserves them: small ones do not overtake it."""
    registry = Registry()
    log: List[str] = []
    has_begun = threading.Event()
    may_end = threading.Event()

    @registry.stage(id="first", resources={"db": 1}, priority=2)
    def first() -> None:
        has_begun.set()
        assert may_end.wait(30)
        log.append("first")

    @registry.stage(id="big", resources={"db": 3}, priority=1)
    def big() -> None:
        log.append("big")

    @registry.stage(id="other", priority=3)
    def other() -> None:
        assert has_begun.wait(30)
        may_end.set()

    def small() -> None:
        log.append("small")

    for number in range(20):
        registry.add(small, id=f"small{number}", resources={"db": 1})
    run(registry=registry, executor="threads", workers=4, limits={"db": 3})
    assert ["first", "big", *["small"] * 20] == log


def test_a_demand_above_the_limit_is_refused_before_anything_runs(way: Way) -> None:
    """It could never start."""

    @way.stage(resources={"db": 3})
    def greedy() -> None:
        raise AssertionError("must not be called")

    with pytest.raises(UsageError, match=r"limits\['db'\] is 2, and stage 'greedy' takes 3"):
        way.run(limits={"db": 2})


@pytest.mark.filterwarnings("ignore:SK225")
def test_a_limit_that_nobody_takes_is_refused(way: Way) -> None:
    """It is misspelt, most likely."""

    @way.stage(resources={"database": 1})
    def load() -> None:
        raise AssertionError("must not be called")

    with pytest.raises(UsageError, match="did you mean 'database'"):
        way.run(limits={"databaze": 2})


def test_without_a_limit_the_largest_demand_is_the_capacity() -> None:
    """And planning warns, because that is a guess."""
    registry = Registry()
    meter = Meter()

    def add(name: str, count: int) -> None:
        def stage() -> None:
            meter.take({"db": count}, 1)
            meter.take({"db": count}, -1)

        registry.add(stage, id=name, resources={"db": count})

    for number in range(20):
        add(f"s{number}", 1 + number % 2)
    made = plan(registry=registry)
    (warning,) = made.warnings
    assert "SK225" == warning.code.value
    assert "`db`" in warning.message
    assert "2" in warning.message
    with pytest.warns(StagekitWarning, match="SK225"):
        run(registry=registry, executor="threads", workers=4)
    assert meter.most["db"] <= 2
    run(registry=registry, executor="threads", workers=4, limits={"db": 3})  # said: no warning


def test_strict_planning_makes_the_guess_an_error() -> None:
    """As it does with every warning."""
    registry = Registry()
    registry.add(lambda: None, id="load", resources={"db": 1})
    with pytest.raises(PlanError):
        plan(registry=registry, strict=True)
    with pytest.raises(PlanError, match="SK225"):
        run(registry=registry, strict=True)
    assert run(registry=registry, strict=True, limits={"db": 1}).ok


def test_items_take_slots_one_by_one() -> None:
    """A stage with items holds what its calls under way hold."""
    registry = Registry()
    meter = Meter()

    @registry.stage(id="load")
    def load() -> List[Page]:
        return pages(*range(100))

    @registry.stage(id="size", resources={"db": 2})
    def size(page: Annotated[Page, Each()]) -> Size:
        meter.take({"db": 2}, 1)
        meter.take({"db": 2}, -1)
        return Size(page.number)

    run(registry=registry, executor="threads", workers=4, limits={"db": 5})
    assert meter.most["db"] <= 4


def test_a_resource_holds_slots_while_it_is_opened(way: Way) -> None:
    """Not while it is in use: those who use it say themselves what they take."""
    log: List[str] = []

    @way.stage(resources={"db": 1})
    def base() -> Iterator[Page]:
        log.append("open")
        yield Page(1)
        log.append("close")

    @way.stage(resources={"db": 1})
    def use(page: Page) -> Size:
        log.append("use")
        return Size(page.number)

    assert way.run(limits={"db": 1}).ok
    assert ["open", "use", "close"] == log


def test_names_of_slots_are_texts() -> None:
    """What is no text is told, with what to write."""
    limits: Any = {3: 1, "db": 2}
    registry = Registry()
    registry.add(lambda: None, id="load")
    with pytest.raises(UsageError, match=r'\{"db": 4, "async": 100\}, got the name 3'):
        run(registry=registry, limits=limits)
