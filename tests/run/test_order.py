"""``run(order=...)`` runs all stages inline in a legal order of the caller's, and no other."""

from __future__ import annotations

from typing import Any, Dict, List

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stagekit import Plan, Registry, plan, run
from stagekit.errors import UsageError
from stagekit.events import StageStarted
from stagekit.testing import RecordingHook, legal_orders, plans


@given(st.data(), plans())
def test_stages_run_in_the_order_that_was_drawn(data: st.DataObject, made: Plan) -> None:
    """Plain and async ones, whatever their priorities; values are those of any order."""
    order = data.draw(legal_orders(made))
    hook = RecordingHook()
    result = made.run(order=order, hooks=[hook])
    assert order == hook.stage_ids(StageStarted)
    starts = [result.report(each).attempts[0].start for each in order]
    assert sorted(starts) == starts
    expected = made.run()
    assert [expected[each] for each in order] == [result[each] for each in order]


@given(st.data(), plans())
def test_a_run_without_hooks_keeps_the_order_as_well(data: st.DataObject, made: Plan) -> None:
    """It goes through another loop."""
    order = data.draw(legal_orders(made))
    result = made.run(order=order)
    ends = [result.report(each).attempts[0].end for each in order]
    assert sorted(ends) == ends
    assert ("inline", 1) == (result.executor, result.workers)


def chain() -> Plan:
    """Return a plan of a, then b and c."""
    registry = Registry()
    registry.add(lambda: None, id="a")
    registry.add(lambda: None, id="b", depends_on="a")
    registry.add(lambda: None, id="c", depends_on="a", priority=5, retries=1)
    return plan(registry=registry)


def test_functions_and_policies_are_taken() -> None:
    """A stage with retries keeps its place; a function names its stage."""
    registry = Registry()
    ran: List[str] = []
    names: Dict[str, Any] = {}
    for name in ("a", "b", "c"):

        def stage(name: str = name) -> None:
            ran.append(name)

        names[name] = registry.add(stage, id=name, retries=1)
    run(registry=registry, order=[names["c"], "a", names["b"]])
    assert ["c", "a", "b"] == ran


@pytest.mark.parametrize(
    ("order", "others", "told"),
    [
        (["a", "b"], {}, "order lacks 'c'"),
        (["a", "b", "c", "b"], {}, "order names 'b' twice"),
        (["b", "a", "c"], {}, "order has 'b' before 'a', which it waits for"),
        (["a", "b", "d"], {}, "order names 'd': "),
        ("abc", {}, "order takes a list of all stages of the plan, got 'abc'"),
        (3, {}, "order takes a list"),
        (["a", "b", "c"], {"executor": "threads"}, "order runs stages inline; leave out executor="),
        (["a", "b", "c"], {"seed": 1}, "order and seed both say which stage comes first"),
        (["b", "c"], {"seed": 1}, "first; give one; order lacks 'a'"),
    ],
)
def test_a_wrong_order_is_refused(order: Any, others: Dict[str, Any], told: str) -> None:
    """With all that is wrong; nothing runs."""
    with pytest.raises(UsageError) as caught:
        chain().run(order=order, **others)
    assert told in str(caught.value)


def test_many_mistakes_are_counted() -> None:
    """The first ones are told."""
    registry = Registry()
    names: List[str] = [f"s{number}" for number in range(20)]
    for name in names:
        registry.add(lambda: None, id=name)
    with pytest.raises(UsageError, match=r"'s4' and 15 more$"):
        run(registry=registry, order=[])
    with pytest.raises(UsageError, match=r"; and 15 more$"):
        run(registry=registry, order=[*names, *names])
