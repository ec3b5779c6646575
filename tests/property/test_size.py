"""Depth and size: no recursion anywhere, and work that grows with the graph, not faster."""

from __future__ import annotations

import sys
import threading
from types import FrameType
from typing import Any, Callable, Dict, List

import pytest
from typing_extensions import Annotated

from stagekit import Collect, From, PlanError, Registry, plan, run
from stagekit.errors import Code

SIZES = [3_000, pytest.param(100_000, marks=pytest.mark.heavy)]


class Part(int):
    """What the many of a fan provide."""


class Total(int):
    """What the one provides that collects them."""


def zero() -> int:
    """Return the first value of a chain."""
    return 0


def one_more() -> Callable[[int], int]:
    """Return a fresh function, for each of a chain asks for another stage's value."""

    def stage(before: int) -> int:
        return before + 1

    return stage


def nothing() -> None:
    """Take part in the order only."""


def order_chain(size: int) -> Registry:
    """Return stages that each wait for the one before."""
    registry = Registry()
    registry.add(nothing, id="s0")
    for number in range(1, size):
        registry.add(nothing, id=f"s{number}", depends_on=f"s{number - 1}")
    return registry


def data_chain(size: int) -> Registry:
    """Return stages that each add one to the value of the one before."""
    registry = Registry()
    registry.add(zero, id="s0")
    for number in range(1, size):
        fn = one_more()
        fn.__annotations__ = {"before": Annotated[int, From(f"s{number - 1}")], "return": int}
        registry.add(fn, id=f"s{number}")
    return registry


def fan(size: int) -> Registry:
    """Return many stages, and one that collects the values of all."""
    registry = Registry()

    def part() -> Part:
        return Part(1)

    def total(parts: List[Part]) -> Total:
        return Total(sum(parts))

    total.__annotations__["parts"] = Annotated[List[Part], Collect()]
    registry.add(total, id="total")
    for number in range(size):
        registry.add(part, id=f"part{number}")
    return registry


def order_fan(size: int) -> Registry:
    """Return many stages, and one that waits for all."""
    registry = Registry()
    registry.add(nothing, id="last", depends_on=[f"s{number}" for number in range(size)])
    for number in range(size):
        registry.add(nothing, id=f"s{number}")
    return registry


def layers(size: int) -> Registry:
    """Return layers of ten stages that each wait for three of the layer before."""
    registry = Registry()
    for number in range(size):
        first = number - number % 10 - 10
        before = [f"s{first + (number + k) % 10}" for k in (0, 3, 7)] if first >= 0 else []
        registry.add(nothing, id=f"s{number}", depends_on=before)
    return registry


@pytest.mark.parametrize("executor", ["inline", "threads"])
@pytest.mark.parametrize("size", SIZES)
def test_a_deep_chain_plans_and_runs(size: int, executor: str) -> None:
    """A chain far deeper than the recursion limit passes its values to the end."""
    assert size > sys.getrecursionlimit()
    registry = data_chain(size)
    made = plan(registry=registry)
    assert len(made.generations()) == size
    assert size - 1 == run(made, executor=executor)[f"s{size - 1}"]


@pytest.mark.parametrize("executor", ["inline", "threads"])
@pytest.mark.parametrize("size", SIZES)
def test_a_wide_fan_plans_and_runs(size: int, executor: str) -> None:
    """One stage takes the values of all others."""
    made = plan(registry=fan(size))
    assert size == len(made.parents[-1])
    assert size == run(made, executor=executor)["total"]


@pytest.mark.parametrize("size", SIZES)
def test_a_chain_and_a_fan_of_order_edges_plan_and_run(size: int) -> None:
    """The same by ``depends_on`` alone."""
    for registry in (order_chain(size), order_fan(size)):
        made = plan(registry=registry)
        assert len(registry) == len(made)
        assert run(made, executor="inline").ok


@pytest.mark.slow
def test_a_deep_chain_can_be_asked_about() -> None:
    """What a plan says of itself needs no recursion either."""
    made = plan("s2999", registry=order_chain(3_000))
    assert 3_000 == len(made.closure("s2999"))
    assert 2_999 == len(made.edges)
    for text in (made.explain(), made.to_mermaid(fold=False), made.to_dot(), made.to_json()):
        assert "s2999" in text
    assert 3_000 == len(plan(registry=order_chain(3_000), select="+s2999"))


@pytest.mark.parametrize("size", SIZES)
def test_a_ring_is_refused_with_a_text_that_can_be_read(size: int) -> None:
    """However long the ring, its path is whole and its text is short."""
    registry = order_chain(size)
    first = registry.remove("s0")
    assert first is not None
    registry.add(nothing, id="s0", depends_on=f"s{size - 1}")
    with pytest.raises(PlanError) as caught:
        plan(registry=registry)
    (problem,) = caught.value.problems
    assert (Code.CYCLE, size + 1) == (problem.code, len(problem.path))
    assert len(str(caught.value)) < 3000


SHAPES: Dict[str, Callable[[int], Registry]] = {
    "order chain": order_chain,
    "data chain": data_chain,
    "fan": fan,
    "order fan": order_fan,
    "layers": layers,
}


def lines_run(work: Callable[[], Any]) -> int:  # Any: what the work returns is not looked at
    """Return how many lines of Python were run by *work*, in a thread that is watched alone."""
    count = 0

    def trace(_frame: FrameType, event: str, _argument: object) -> Any:  # Any: a trace function
        nonlocal count
        count += event == "line"
        return trace

    def watched() -> None:
        sys.settrace(trace)
        work()

    thread = threading.Thread(target=watched)
    thread.start()
    thread.join()
    assert count > 0
    return count


@pytest.mark.parametrize("shape", SHAPES)
def test_the_work_of_planning_grows_with_the_graph(shape: str) -> None:
    """Twice the stages and edges take at most slightly more than twice the lines of Python."""
    small, large = (SHAPES[shape](size) for size in (400, 800))
    plan(registry=SHAPES[shape](10))  # what is done once
    assert lines_run(lambda: plan(registry=large)) <= 2.1 * lines_run(lambda: plan(registry=small))


@pytest.mark.parametrize("shape", SHAPES)
def test_the_work_of_running_grows_with_the_graph(shape: str) -> None:
    """The same for an inline run of a plan."""
    small, large = (plan(registry=SHAPES[shape](size)) for size in (400, 800))
    run(small, executor="inline")  # what is done once
    ratio = lines_run(lambda: run(large, executor="inline")) / lines_run(
        lambda: run(small, executor="inline")
    )
    assert ratio <= 2.1
