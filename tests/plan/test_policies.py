"""Policies: what a plan keeps of retries, time, place, slots and undoing, and how it is shown."""

from __future__ import annotations

import json
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from textwrap import dedent
from typing import Any, Callable, Dict, Iterator, List, Optional, Tuple

import pytest
from typing_extensions import Annotated

from stagekit import (
    CancelToken,
    Context,
    Each,
    From,
    PlanError,
    Problem,
    Progress,
    Registry,
    Retry,
    plan,
)
from stagekit._plan.policy import Policy
from stagekit._plan.slots import PACKED
from stagekit._settings import kept_warnings
from stagekit.errors import Code


class Orders:
    """What one stage provides."""


class Receipt:
    """What another provides."""


class Db:
    """A resource."""


def load() -> Orders:
    """Provide orders."""
    return Orders()


def book(orders: Orders) -> Receipt:
    """Take orders."""
    raise AssertionError(orders)


def nothing() -> None:
    """Do nothing."""


async def later() -> None:
    """Do nothing, on the loop."""


def problems(registry: Registry, **options: Any) -> List[Problem]:
    """Return the problems for which a registry cannot be planned."""
    with pytest.raises(PlanError) as caught:
        plan(registry=registry, **options)
    return list(caught.value.problems)


def test_a_plain_plan_has_no_policies_and_loads_nothing_for_them() -> None:
    """Options that say what is so anyway make no policy either."""
    script = """
        import sys
        from stagekit import Registry, plan
        registry = Registry()
        registry.add(lambda: 1, id="a", tags=["x"])
        found = plan(registry=registry)
        assert dict(found.policies) == {} == dict(found.per_attempt)
        names = ("polic", "retry", "map_", "compensation", "rollback", "resources", "cancel")
        loaded = [n for n in sys.modules if n.startswith("stagekit.") and n != "stagekit._run"]
        print([n for n in loaded if any(name in n.rpartition(".")[2] for name in names)])
    """
    done = subprocess.run(
        [sys.executable, "-c", dedent(script)], capture_output=True, text=True, check=True
    )
    assert "[]" == done.stdout.strip()
    registry = Registry()
    registry.add(nothing, id="a", retries=0, resources={})
    registry.add(nothing, id="b", retries=Retry(1))
    assert {} == plan(registry=registry).policies
    assert plan(registry=registry).policies == plan(registry=Registry()).policies


def test_policies_stand_by_step() -> None:
    """Each has what was said of its stage, and the rest as if nothing was."""
    registry = Registry()
    registry.add(book, id="book", retries=2, timeout=5, resources={"gpu": 1, "db": 2})
    registry.add(load, id="load", executor="processes", retries=Retry(4, wait=1))
    found = plan(registry=registry)
    assert ("load", "book") == found.order
    assert {
        0: Policy(executor="processes", retry=Retry(4, wait=1)),
        1: Policy(retry=Retry(3), timeout=5.0, slots=(("db", 2), ("gpu", 1))),
    } == found.policies
    with pytest.raises(TypeError):
        found.policies[0] = Policy()  # type: ignore[index]  # pyright: ignore[reportIndexIssue]


def test_policies_of_what_is_not_planned_are_left_out() -> None:
    """A target brings its ancestors, nothing else."""
    registry = Registry()
    registry.add(nothing, id="other", retries=2)
    registry.add(load, id="load")
    assert {} == plan("load", registry=registry).policies
    assert {} == plan(registry=registry, overrides={"other": 3}).policies


def test_who_stands_in_for_a_stage_has_its_policy() -> None:
    """All but the function is that of the stage."""
    registry = Registry()
    registry.add(load, id="load", retries=2)
    assert {0: Policy(retry=Retry(3))} == plan(registry=registry, overrides={"load": load}).policies


def test_a_timeout_of_what_runs_inline_is_warned_of() -> None:
    """Not even a wait can be bounded there; the same code, and the same way out."""
    registry = Registry()
    registry.add(nothing, id="wait", timeout=3)
    (soft,) = plan(registry=registry).warnings
    (told,) = kept_warnings((soft,), "inline")
    registry = Registry()
    registry.add(nothing, id="wait", timeout=3, executor="inline")
    (said,) = plan(registry=registry).warnings
    assert (said,) == tuple(kept_warnings((said,), "inline"))
    assert [soft.code, soft.fixes, told.message] == [said.code, said.fixes, said.message]
    assert ["the stage says itself where it runs, whatever the executor of the run is"] == [
        *soft.notes,
        *said.notes,
    ]
    assert (
        "the timeout of stage `wait` cannot end a call that runs inline; stagekit looks at the "
        "time afterwards and fails an attempt that took too long"
    ) == told.message
    assert "wait" == told.stage_id


@pytest.mark.parametrize("executor", [None, "auto", "threads"])
def test_a_timeout_in_a_thread_is_warned_of(executor: Optional[str]) -> None:
    """It bounds the wait, not the thread; strict planning refuses it."""
    registry = Registry()
    registry.add(nothing, id="wait", timeout=3, executor=executor)
    (warning,) = plan(registry=registry).warnings
    assert (Code.SOFT_TIMEOUT, "wait") == (warning.code, warning.stage_id)
    assert (
        "the timeout of stage `wait` bounds the wait for it, not the thread it runs in, "
        "which cannot be stopped"
    ) == warning.message
    assert ('@stage(timeout=..., executor="processes") keeps it',) == warning.fixes
    assert Code.SOFT_TIMEOUT in {each.code for each in problems(registry, strict=True)}


def test_a_timeout_on_a_pool_that_cannot_stop_a_call_is_warned_of() -> None:
    """Whatever it is: by name, or an object."""
    with ThreadPoolExecutor(1) as pool:
        for executor, name in (("dask", "dask"), (pool, "ThreadPoolExecutor")):
            registry = Registry()
            registry.add(nothing, id="wait", timeout=3, executor=executor)
            (warning,) = plan(registry=registry).warnings
            assert Code.SOFT_TIMEOUT is warning.code
            assert f"not the call on `{name}`, which cannot be stopped" in warning.message
            assert [warning] == kept_warnings((warning,), "processes")


def test_a_warning_depends_on_the_run_where_the_stage_leaves_it_the_choice() -> None:
    """Processes keep the time limits of all stages but those that stay in a thread."""
    registry = Registry()
    registry.add(nothing, id="own", timeout=3, executor="threads")
    registry.add(nothing, id="any", timeout=3)
    warnings = plan(registry=registry).warnings
    assert ["own", "any"] == [each.stage_id for each in warnings]
    assert ["own"] == [each.stage_id for each in kept_warnings(warnings, "processes")]
    own, other = kept_warnings(warnings, "inline")
    assert warnings[0] is own
    assert "runs inline" in other.message
    own, other = kept_warnings(warnings, "dask")
    assert warnings[0] is own
    assert "not the call on `dask`, which cannot be stopped" in other.message


def test_a_timeout_that_can_be_kept_is_not_warned_of() -> None:
    """Of an async stage, and of one in a process."""
    registry = Registry()
    registry.add(later, id="later", timeout=3)
    registry.add(nothing, id="away", timeout=3, executor="processes")
    found = plan(registry=registry)
    assert ((), [3.0, 3.0]) == (found.warnings, [each.timeout for each in found.policies.values()])


def test_tokens_and_progress_are_made_for_each_attempt() -> None:
    """A plan says which arguments, by position or name, and of what class."""

    def work(
        orders: Orders, token: CancelToken, context: Context, *, progress: Optional[Progress]
    ) -> None:
        raise AssertionError((orders, token, context, progress))

    registry = Registry()
    registry.add(load, id="load")
    registry.add(work, id="work")
    registry.add(lambda: None, id="plain")
    found = plan(registry=registry)
    step = found.step_of("work")
    assert {step: ((1, CancelToken), ("progress", Progress))} == found.per_attempt
    assert {} == found.policies
    assert ["injectable"] * 3 == [slot.kind for slot in found.slots]
    assert {CancelToken, Context, Progress} == {slot.key for slot in found.slots}
    kinds = [binding.kind for binding in found.bindings[step]]
    assert ["stage", "injectable", "injectable", "injectable"] == kinds


def undoing(*stages: Tuple[str, Callable[..., object], Dict[str, Any]]) -> Registry:
    """Return a registry of stages with ids and options."""
    registry = Registry()
    for stage_id, fn, options in stages:
        registry.add(fn, id=stage_id, **options)
    return registry


def test_undo_takes_what_the_stage_took_and_returned() -> None:
    """Over the slots of the run: those of the steps, the stage's own among them."""

    def cancel(receipt: Receipt, orders: Orders, why: str = "failed") -> None:
        raise AssertionError((receipt, orders, why))

    found = plan(registry=undoing(("load", load, {}), ("book", book, {"undo": cancel})))
    assert (cancel, 1, 0, None, 0) == found.policies[1].undo
    assert not found.policies[1].is_undo_async
    assert ((), (0,)) == found.parents


def test_undo_may_take_nothing_and_may_be_async() -> None:
    """Or be written so that it takes its arguments by name."""

    async def cancel(*, receipt: Annotated[Receipt, From("book")]) -> None:
        raise AssertionError(receipt)

    found = plan(
        registry=undoing(("load", load, {"undo": nothing}), ("book", book, {"undo": cancel}))
    )
    assert (nothing, -1, -1, None, 0) == found.policies[0].undo
    call = found.policies[1].undo
    assert call is not None
    assert (PACKED, 0, True) == (call[3], call[4], found.policies[1].is_undo_async)
    receipt = Receipt()
    assert {"receipt": receipt} == call[0].split([Orders(), receipt])[2]  # type: ignore[attr-defined]  # pyright: ignore[reportFunctionMemberAccess]


def test_undo_may_take_one_of_several_values() -> None:
    """That a stage provides."""

    def cancel(receipt: Receipt) -> None:
        raise AssertionError(receipt)

    registry = undoing(("book", nothing, {"undo": cancel, "provides": (Orders, Receipt)}))
    call = plan(registry=registry).policies[0].undo
    assert call is not None
    receipt = Receipt()
    assert (receipt,) == call[0].split([(Orders(), receipt)])[1]  # type: ignore[attr-defined]  # pyright: ignore[reportFunctionMemberAccess]


def test_undo_prefers_what_the_stage_returned() -> None:
    """Where others provide the same, and where it takes an ``Optional``."""

    def drop(orders: Optional[Orders], first: Annotated[Orders, From("load")]) -> None:
        raise AssertionError((orders, first))

    registry = undoing(("load", load, {}), ("again", load, {"undo": drop}))
    found = plan(registry=registry)
    assert {found.step_of("again"): (drop, 1, 0, None, 0)} == {
        step: policy.undo for step, policy in found.policies.items()
    }


def test_a_stage_waits_for_what_its_undo_needs() -> None:
    """It is planned with it, so that it can be undone whenever it was done."""

    def cancel(db: Db, given: bytes = b"") -> None:
        raise AssertionError((db, given))

    def database() -> Db:
        return Db()

    registry = undoing(
        ("load", load, {"undo": cancel}), ("db", database, {}), ("other", nothing, {})
    )
    found = plan("load", registry=registry)
    assert (("db", "load"), ((), (0,))) == (found.order, found.parents)
    assert (cancel, 0, -1, None, 0) == found.policies[1].undo


def test_what_undo_needs_can_be_a_cycle() -> None:
    """And is told as what it is."""

    def cancel(receipt: Receipt) -> None:
        raise AssertionError(receipt)

    registry = undoing(("load", load, {"undo": cancel}), ("book", book, {}))
    (problem,) = problems(registry)
    assert Code.CYCLE is problem.code
    assert any("what its undo needs" in note for note in problem.notes)


def test_what_is_wrong_with_undo_is_told_with_its_place() -> None:
    """With all the rest; the place is that of the function that undoes."""

    def cancel(db: Db, orders: Annotated[Orders, Each()], more: object) -> None:
        raise AssertionError((db, orders, more))

    del cancel.__annotations__["more"]

    def opening() -> Iterator[Db]:
        yield Db()

    registry = undoing(("load", load, {"undo": cancel}), ("other", nothing, {"undo": opening}))
    registry.add(load, id="second")
    found = problems(registry)
    messages = {problem.message for problem in found}
    assert {
        "nothing provides `Db` for parameter `db` of the undo of stage `load`",
        (
            "parameter `orders` of the undo of stage `load`: a stage is undone as a whole, "
            "so it takes no `Each()`"
        ),
        "parameter `more` of the undo of stage `load` has no annotation, so nothing can fill it",
        "the undo of stage `other`: it is a generator function; undo needs one that returns",
    } == messages
    lines = {problem.location.line for problem in found if problem.location is not None}
    assert {cancel.__code__.co_firstlineno, opening.__code__.co_firstlineno} == lines


def test_a_selection_cannot_leave_out_what_undo_needs() -> None:
    """As it cannot leave out what the stage needs itself."""

    def cancel(db: Db) -> None:
        raise AssertionError(db)

    def database() -> Db:
        return Db()

    registry = undoing(("load", load, {"undo": cancel}), ("db", database, {}))
    (problem,) = problems(registry, select="load")
    assert Code.LEFT_OUT is problem.code
    assert "whose `Db` the undo of stage `load` needs" in problem.message
    assert ("db", "load") == plan(registry=registry, select="+load").order
    constant = Db()
    found = plan(registry=registry, select="load", overrides={"db": constant})
    call = found.policies[0].undo
    assert call is not None
    assert constant is found.slots[call[1]].value


def shop() -> Registry:
    """Return stages with policies of all kinds."""

    def orders() -> List[Orders]:
        return []

    def db() -> Iterator[Db]:
        yield Db()

    def booked(order: Annotated[Orders, Each()], db: Db) -> Receipt:
        raise AssertionError((order, db))

    def unbook(receipts: List[Receipt]) -> None:
        raise AssertionError(receipts)

    return undoing(
        ("orders", orders, {"executor": "processes", "timeout": 90}),
        ("db", db, {}),
        ("book", booked, {"retries": 2, "resources": {"db": 2}, "undo": unbook}),
    )


def test_the_table_shows_policies() -> None:
    """Below the stages, and which parameter takes one item at a time in its row."""
    expected = """
        all stages      3 stages · 2 levels · at most 2 at once

          level  stage   needs            gives
          1      orders                   list[Orders]
                 db                       Db
          2      book    each Orders, Db  list[Receipt]

          policies
            orders  at most 1 min 30 s each · on processes
            db      a resource
            book    once for each of order · up to 3 attempts · takes 2 db · undone by unbook

          warnings
            SK225: `limits` has no `db`
    """
    shown = plan(registry=shop()).explain()
    assert dedent(expected).strip("\n") == shown.partition("; assuming")[0]


def test_the_document_shows_policies() -> None:
    """Of the stages that have one."""
    stages = json.loads(plan(registry=shop()).to_json())["stages"]
    plain: Dict[str, Any] = {
        "kind": "call",
        "each": [],
        "depth": 0,
        "retry": None,
        "timeout": None,
        "executor": None,
        "slots": {},
        "undo": None,
    }
    retry = {
        "attempts": 3,
        "on": ["builtins.Exception"],
        "wait": 0.0,
        "backoff": 2.0,
        "jitter": 1.0,
        "max_wait": 60.0,
    }
    book = dict(plain, each=["order"], depth=1, retry=retry, slots={"db": 2}, undo="unbook")
    assert {
        "orders": {**plain, "executor": "processes", "timeout": 90.0},
        "db": {**plain, "kind": "resource"},
        "book": book,
    } == {stage["id"]: stage["policy"] for stage in stages}
    registry = Registry()
    registry.add(nothing, id="plain")
    (stage,) = json.loads(plan(registry=registry).to_json())["stages"]
    assert "policy" not in stage
