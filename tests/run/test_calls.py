"""What a run costs, in calls of our own functions: they do not depend on the machine."""

from __future__ import annotations

import sys
import threading
from collections import Counter
from pathlib import Path
from types import FrameType
from typing import Any, Callable, List
from typing import Counter as Counts

import pytest
from typing_extensions import Annotated

import stagekit
from stagekit import Each, Plan, Registry, plan

OURS = str(Path(stagekit.__file__).parent)


@pytest.fixture(autouse=True)
def _without_loguru(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have no call bind what it logs, whatever other tests have loaded."""
    monkeypatch.delitem(sys.modules, "loguru", raising=False)


def calls(run: Callable[[], object]) -> Counts[str]:
    """Return how often each function of ours is called in a run that is not the first one.

    Comprehensions do not count: some Pythons make functions of them.
    """
    run()
    found: Counts[str] = Counter()

    def note(frame: FrameType, event: str, _: Any) -> None:
        code = frame.f_code
        if event == "call" and code.co_filename.startswith(OURS) and code.co_name[0] != "<":
            found[code.co_name] += 1

    threading.setprofile(note)
    sys.setprofile(note)
    try:
        run()
    finally:
        sys.setprofile(None)
        threading.setprofile(None)
    return found


def nothing() -> int:
    """Return what is promised."""
    return 1


def chain(stages: int, **options: Any) -> Plan:
    """Return the plan of a chain, whose first stage has the options."""
    registry = Registry()
    for step in range(stages):
        more = options if not step else {"depends_on": f"s{step - 1}"}
        registry.add(nothing, id=f"s{step}", **more)
    return plan(registry=registry)


def test_a_short_run_makes_few_calls_beside_those_of_its_stages() -> None:
    """Ten stages cost as many calls as one, and loading a module is none of them."""
    ten, one = chain(10), chain(1)
    found = calls(lambda: ten.run(executor="inline"))
    assert found == calls(lambda: one.run(executor="inline"))
    assert sum(found.values()) <= 20, found


def test_a_policy_that_is_of_failure_alone_costs_a_short_run_no_call() -> None:
    """What was said of retries is looked at when a call has raised."""
    plain, retried = chain(1), chain(1, retries=1)
    of_retried = calls(lambda: retried.run(executor="inline"))
    more = of_retried - calls(lambda: plain.run(executor="inline"))
    assert sum(more.values()) <= 1, more


class Number(int):
    """An item."""


def double(number: Annotated[Number, Each()]) -> int:
    """Take one item of a list."""
    return number * 2


def each_of(count: int) -> Plan:
    """Return the plan of a stage that is called for so many items."""
    registry = Registry()
    items = list(map(Number, range(count)))
    registry.add(lambda: items, id="numbers", provides=List[Number])
    registry.add(double, id="double")
    return plan(registry=registry)


def test_an_item_more_costs_a_handful_of_calls() -> None:
    """What follows an item is nearly always the next one: nothing else is looked at."""
    few, many = each_of(100), each_of(200)
    found = calls(lambda: many.run(executor="inline"))
    found -= calls(lambda: few.run(executor="inline"))
    assert sum(found.values()) <= 100 * 8, found
    assert many.run(executor="inline")["double"] == [2 * number for number in range(200)]


def test_a_stage_more_that_a_hook_is_told_of_costs_a_handful_of_calls() -> None:
    """Beside the hook's own, of which there are two."""
    few, many, told = chain(10), chain(110), [0]

    def hook(_: object) -> None:
        told[0] += 1

    found = calls(lambda: many.run(executor="inline", hooks=[hook]))
    found -= calls(lambda: few.run(executor="inline", hooks=[hook]))
    assert sum(found.values()) <= 100 * 9, found
    assert told[0] == 2 * (2 + 2 * 110) + 2 * (2 + 2 * 10)


def silent() -> None:
    """Promise nothing."""


@pytest.mark.parametrize("executor", ["inline", "threads"])
def test_a_stage_that_promises_nothing_costs_no_call(executor: str) -> None:
    """Beside its own, also where it returns nothing."""
    sizes: List[int] = []
    for count in (10, 110):
        registry = Registry()
        for step in range(count):
            registry.add(silent, id=f"s{step}", depends_on=f"s{step - 1}" if step else ())
        made = plan(registry=registry)
        found = calls(lambda made=made: made.run(executor=executor, workers=1))  # type: ignore[misc]
        sizes.append(sum(found.values()))
    assert sizes[1] - sizes[0] <= 20, sizes
