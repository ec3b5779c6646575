"""Fan-out is the same on every engine: items in lists, side by side, none at all, very many."""

from __future__ import annotations

from typing import Any, Dict, List, Tuple

import pytest
from typing_extensions import Annotated

from stagekit import Each, Registry, Result, plan, run
from stagekit.errors import WorkerDiedError
from stagekit.testing import Chaos
from tests.run.things import Base, Page, Size, Total, pages
from tests.run.ways import as_async

ENGINES = (
    "threads",
    "asyncio",
    "process_pool",
    pytest.param("dask_pool", marks=pytest.mark.slow),
)
MANY = 10_000
PAGES: Any = List[Page]  # what a lambda provides


class Engine:
    """One of the engines, and a registry of stages that fit it."""

    def __init__(self, name: str, executor: Any) -> None:
        self.name = name
        self._executor = executor
        self.registry = Registry()

    def add(self, fn: Any, **options: Any) -> None:  # Any: a stage and its options
        """Declare a stage."""
        options.setdefault("id", fn.__name__)
        self.registry.add(as_async(fn) if self.name == "asyncio" else fn, **options)

    def run(self, target: Any = None, **options: Any) -> Result:
        """Run what was declared, two calls at a time."""
        if target is None:
            options["registry"] = self.registry
        if self.name in {"threads", "asyncio"}:
            options.setdefault("workers", 2)
        return run(target, executor=self._executor, **options)


@pytest.fixture(params=ENGINES)
def engine(request: pytest.FixtureRequest) -> Engine:
    """Give each engine."""
    name: str = request.param
    return Engine(name, request.getfixturevalue(name) if "pool" in name else "threads")


def load() -> List[Page]:
    """Return three pages."""
    return pages(1, 2, 3)


def book() -> List[List[Page]]:
    """Return chapters of pages, one of them empty."""
    return [pages(1, 2), [], pages(3)]


def nothing() -> List[Page]:
    """Return no pages."""
    return []


def bases() -> List[Base]:
    """Return as many bases as there are pages."""
    return [Base(10), Base(20), Base(30)]


def size(page: Annotated[Page, Each()]) -> Size:
    """Return the size of a page."""
    return Size(page.number)


def based(page: Annotated[Page, Each()], base: Annotated[Base, Each()]) -> Size:
    """Return the size of a page from its own base."""
    return Size(page.number + base)


def odd(page: Annotated[Page, Each()]) -> Size:
    """Fail for the second page, each time."""
    if page.number == 2:
        raise ValueError("torn")
    return Size(page.number)


def double(size: Annotated[Size, Each()]) -> Total:
    """Double one."""
    return Total(2 * size)


def sums(sizes: List[List[Size]]) -> List[int]:
    """Return the size of each chapter."""
    return [sum(chapter) for chapter in sizes]


def rows(result: Result, stage: str) -> List[Tuple[Any, int, str]]:
    """Return item, number and end of each attempt."""
    return sorted(
        (each.item, each.number, str(each.error)) for each in result.report(stage).attempts
    )


def test_lists_in_lists_keep_their_shape(engine: Engine) -> None:
    """What is made of each item lies where the item lay; empty lists stay empty."""
    for fn in (book, size, double, sums):
        engine.add(fn)
    result = engine.run()
    assert [[1, 2], [], [3]] == result["size"]
    assert [[2, 4], [], [6]] == result["double"]
    assert [3, 0, 3] == result["sums"]
    assert [(0, 1, "None"), (1, 1, "None"), (2, 1, "None")] == rows(result, "double")


def test_items_of_two_lists_go_side_by_side(engine: Engine) -> None:
    """The first with the first, and so on."""
    for fn in (load, bases, based):
        engine.add(fn)
    assert [11, 22, 33] == engine.run()["based"]


def test_no_item_is_no_call(engine: Engine) -> None:
    """And an empty list as the value."""
    for fn in (nothing, size):
        engine.add(fn)
    result = engine.run()
    assert ([], ()) == (result["size"], result.report("size").attempts)


def test_an_item_is_tried_again_by_itself_and_named_when_it_fails(engine: Engine) -> None:
    """Each attempt is reported with its item; the others have their values, and one attempt."""
    engine.add(load)
    engine.add(odd, retries=2)
    result = engine.run(check=False, on_failure="continue")
    report = result.report("odd")
    assert ("failed", 1, "torn") == (report.outcome.value, report.item, str(report.error))
    assert [
        (0, 1, "None"),
        (1, 1, "torn"),
        (1, 2, "torn"),
        (1, 3, "torn"),
        (2, 1, "None"),
    ] == rows(result, "odd")


def odd_only(page: Annotated[Page, Each(on_error="skip")]) -> Size:
    """Fail for the page with number 1."""
    return odd(page)


def test_an_item_that_fails_is_left_out(engine: Engine) -> None:
    """The others have their values, and each item its report."""
    engine.add(load)
    engine.add(odd_only)
    result = engine.run()
    items = result.report("odd_only").items
    assert 2 == len(result["odd_only"])
    assert ["succeeded", "failed", "succeeded"] == [each.outcome.value for each in items]
    assert "torn" == str(items[1].error)
    assert all(each.text for each in items)


def many() -> List[Page]:
    """Return ten thousand pages."""
    return pages(*range(MANY))


@pytest.mark.heavy
def test_ten_thousand_items(engine: Engine, is_deep: object) -> None:
    """All are called once, and their values come in their order (on a cluster: a tenth)."""
    count = MANY if is_deep or engine.name != "dask_pool" else MANY // 10
    engine.add(many if count == MANY else lambda: pages(*range(count)), id="many", provides=PAGES)
    engine.add(size)
    result = engine.run()
    assert list(range(count)) == result["size"]
    assert list(range(count)) == sorted(
        each.item for each in result.report("size").attempts if each.item is not None
    )


def test_a_worker_that_dies_costs_one_item(process_pool: Any) -> None:
    """Of many items, those whose worker is killed are tried again, and no others."""
    registry, chaos = Registry(), Chaos("items", kill=0.1)
    registry.add(lambda: pages(*range(20)), id="load", provides=PAGES, executor="threads")
    registry.add(size, id="size", retries=3)
    lost = {
        item: number
        for item in range(20)
        for number in range(1, 4)
        if all(chaos.troubles("size", each, item) for each in range(1, number + 1))
    }
    assert 0 < len(lost) < 6
    result = run(chaos.wrap(plan(registry=registry)), executor=process_pool, workers=16)
    assert list(range(20)) == result["size"]
    tried: Dict[Any, int] = {}
    for attempt in result.report("size").attempts:
        assert attempt.error is None or isinstance(attempt.error, WorkerDiedError)
        tried[attempt.item] = max(tried.get(attempt.item, 0), attempt.number)
    assert {item: lost.get(item, 0) + 1 for item in range(20)} == tried
