"""``Plan``: frozen, indexed by step number, asked by any name of a stage."""

from __future__ import annotations

import asyncio
import gc
import re
import threading
import weakref
from pathlib import Path
from typing import Any, List, Optional

import pytest
from typing_extensions import Annotated

from stagekit import Collect, Plan, Registry, plan, run


class Orders:
    """A class."""


class Total(int):
    """A class."""


def total(orders: Orders) -> Total:
    """Return a number."""
    assert isinstance(orders, Orders)
    return Total(7)


def show(total: Total, orders: Optional[Orders] = None, more: str = "x") -> str:
    """Return a text."""
    return f"{total} {more} {orders is not None}"


def nothing() -> None:
    """Do nothing."""


@pytest.fixture
def registry() -> Registry:
    """Return load → total → show, and last after all."""
    found = Registry()
    found.add(nothing, id="last", depends_on=["show", "load"], critical=False)
    found.add(show, id="show")
    found.add(total, id="total", priority=3)
    found.add(Orders, id="shop:load")
    return found


@pytest.fixture
def made(registry: Registry) -> Plan:
    """Return the plan of these."""
    return plan(registry=registry)


def test_the_contract_names_all_there_is() -> None:
    """Every public attribute of a plan stands in docs/architecture.md."""
    page = Path(__file__).resolve().parent.parent.parent / "docs" / "architecture.md"
    text = page.read_text(encoding="utf-8")
    names = [name for name in dir(Plan) if not name.startswith("_")]
    assert [] == [name for name in names if not re.search(rf"plan\.{name}\b|`{name}\(", text)]


def test_its_arrays_are_indexed_by_step_number(made: Plan) -> None:
    """Order, stages, parents, children, needs, in-degrees and criticality, step by step."""
    assert ("shop:load", "total", "show", "last") == made.order
    assert made.order == tuple(stage.id for stage in made.steps)
    assert made.stages == made.steps
    assert ((), (0,), (0, 1), (0, 2)) == made.parents
    assert ((1, 2, 3), (2,), (3,), ()) == made.children
    assert ((), (0,), (1,), ()) == made.needs
    assert (0, 1, 2, 2) == made.indegree
    assert (b"\1\1\1\0", b"\0\0\0\0") == (made.critical, made.is_async)
    assert (4, ["shop:load", "total", "show", "last"]) == (len(made), list(made))
    assert "<Plan of 4 stages>" == repr(made)


def test_bindings_say_what_fills_each_parameter(made: Plan) -> None:
    """Kind and providers of each parameter, in its order."""
    (orders,) = made.bindings[1]
    assert ("orders", Orders, "stage", (0,)) == tuple(orders)
    kinds = [(b.parameter, b.kind, b.providers) for b in made.bindings[2]]
    assert [("total", "stage", (1,)), ("orders", "stage", (0,)), ("more", "default", ())] == kinds
    assert () == made.bindings[0]


def test_edges_have_kind_and_reason(made: Plan) -> None:
    """Each edge once, by step number, data before order."""
    assert [
        (0, 1, "data", "parameter `orders: Orders`"),
        (0, 2, "data", "parameter `orders: Optional[Orders]`"),
        (0, 3, "order", "depends_on"),
        (1, 2, "data", "parameter `total: Total`"),
        (2, 3, "order", "depends_on"),
    ] == [tuple(edge) for edge in made.edges]


NAMES: List[object] = ["total", total, Registry().add(total, id="total")]


@pytest.mark.parametrize("name", NAMES, ids=repr)
def test_a_stage_is_found_by_any_of_its_names(made: Plan, name: Any) -> None:
    """Function, id, short name or reference."""
    assert 1 == made.step_of(name)
    assert name in made
    assert (0, 0) == (made.step_of("load"), made.step_of("shop:load"))


def test_a_stage_that_is_not_in_it_is_told_with_its_near_miss(made: Plan) -> None:
    """``LookupError``, and False for ``in``, whatever is asked."""
    with pytest.raises(LookupError, match="did you mean 'total'"):
        made.step_of("totla")
    for other in ("totla", test_edges_have_kind_and_reason, 3, None):
        assert other not in made


def test_the_closure_of_a_stage_is_it_and_its_ancestors(made: Plan) -> None:
    """In the order of the plan."""
    assert ("shop:load", "total", "show") == made.closure("show")
    assert ("shop:load",) == made.closure("load")


def test_generations_are_levels(made: Plan) -> None:
    """A stage's level is one more than that of its highest parent."""
    assert (("shop:load",), ("total",), ("show",), ("last",)) == made.generations()
    assert () == plan(registry=Registry()).generations()


@pytest.mark.parametrize("name", ["order", "rank", "warnings", "anything", "_provenance"])
def test_a_plan_cannot_be_changed(made: Plan, name: str) -> None:
    """Neither set nor deleted, and no new attribute."""
    before = made.order
    with pytest.raises(AttributeError, match="a plan cannot be changed"):
        setattr(made, name, ())
    with pytest.raises(AttributeError, match="a plan cannot be changed"):
        delattr(made, name)
    assert before == made.order


def test_a_plan_is_not_touched_by_later_declarations(registry: Registry, made: Plan) -> None:
    """It holds what was declared when it was made."""
    before = made.to_json()
    registry.clear()
    assert before == made.to_json()
    assert made.run()["show"] == "7 x True"


def test_a_plan_can_be_run_many_times_and_from_many_threads(made: Plan) -> None:
    """Each run has values of its own."""
    found: List[str] = []

    def work(executor: str) -> None:
        found.append(run(made, executor=executor)["show"])

    threads = [
        threading.Thread(target=work, args=(executor,)) for executor in ["inline", "threads"] * 4
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert ["7 x True"] * 8 == found


def test_a_plan_can_be_run_in_a_loop(made: Plan) -> None:
    """``plan.arun`` is the twin of ``plan.run``."""
    assert "7 x True" == asyncio.run(made.arun())["show"]


def test_a_plan_does_not_keep_itself_alive(registry: Registry) -> None:
    """Once nobody holds it, its memory is free without the collector of cycles."""
    gc.collect()
    gc.disable()
    try:
        made = plan(registry=registry)
        made.run()
        watched = weakref.ref(made)
        del made
        assert watched() is None
    finally:
        gc.enable()


def test_ranks_are_by_priority_then_by_what_follows(registry: Registry) -> None:
    """Ready stages start in ascending rank; ``by_rank`` is the inverse."""
    for number in range(3):
        registry.add(nothing, id=f"free{number}", priority=number - 1)
    made = plan(registry=registry)
    by_rank = [made.order[step] for step in made.by_rank]
    assert ["total", "free2"] == by_rank[:2]
    assert ["shop:load", "show"] == by_rank[2:4]
    assert "free0" == by_rank[-1]


def test_durations_make_another_rank(registry: Registry) -> None:
    """By longest remaining path; stages without a duration count with the mean of the others."""
    registry.clear()
    for stage_id in ("short", "long", "unknown"):
        registry.add(nothing, id=stage_id)
    made = plan(registry=registry)
    assert made.rank == made.ranked() == made.ranked({}) == made.ranked({"nobody": 1})
    ranked = made.ranked({"short": 1, "long": 9})
    assert ["long", "unknown", "short"] == sorted(made.order, key=lambda i: ranked[made.step_of(i)])


def test_calls_take_their_arguments_from_slots(registry: Registry) -> None:
    """Every shape of a call gives the function what its parameters ask for."""

    def several(a: Orders, b: Total, c: str, /) -> float:
        assert isinstance(a, Orders)
        return float(b) + len(c)

    def keywords(*, total: Total, parts: Any) -> bytes:
        return bytes([total, len(parts)])

    source = several  # positional-only, which 3.8 has
    keywords.__annotations__["parts"] = Annotated[List[Orders], Collect()]
    registry.add(source, id="several")
    registry.add(keywords, id="keywords")
    result = run(registry=registry, executor="inline")
    assert (7.0 + len("7 x True"), bytes([7, 1])) == (result["several"], result["keywords"])


def test_an_option_that_a_plan_does_not_know_is_what_python_says(registry: Registry) -> None:
    """With the name of the option; nothing has run."""
    registry.add(lambda: pytest.fail("it ran"), id="load")
    with pytest.raises(TypeError, match="workres"):
        plan("load", registry=registry).run(workres=3)
