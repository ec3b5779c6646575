"""What every executor computes: values, order, times, context variables."""

from __future__ import annotations

import contextvars
import threading
from typing import TYPE_CHECKING, Any, List, NewType, Optional, Tuple

import pytest
from hypothesis import HealthCheck, given, settings
from typing_extensions import Annotated

from stagekit import Collect, From, Named, Plan, Registry, RunInfo, plan
from stagekit import given as give
from stagekit.events import Outcome
from stagekit.testing import registries

if TYPE_CHECKING:
    from tests.contract.conftest import Flow

A = NewType("A", int)
B = NewType("B", int)
C = NewType("C", int)
D = NewType("D", int)
caller = contextvars.ContextVar("caller", default="unset")
fresh = contextvars.ContextVar("fresh", default="unset")
known0 = contextvars.ContextVar[int]("known0")
known1 = contextvars.ContextVar[int]("known1")
known2 = contextvars.ContextVar[int]("known2")
known3 = contextvars.ContextVar[int]("known3")
known4 = contextvars.ContextVar[int]("known4")
new = contextvars.ContextVar[int]("new", default=-1)
SHARE = settings().max_examples // 5  # for each executor, of the examples that others get


def test_values_travel_along_the_edges(flow: Flow) -> None:
    """A stage gets what the stages before it returned, whatever its parameters look like."""

    @flow.stage
    def a() -> A:
        return A(1)

    @flow.stage
    def b(a: A) -> B:
        return B(a + 10)

    @flow.stage
    def c(a: A, b: B) -> C:
        return C(100 * a + b)

    @flow.stage
    def d(a: A, b: B, c: C, *, factor: int = 2) -> D:
        return D((a + b + c) * factor)

    @flow.stage
    def e(*, d: D, name: Annotated[str, Named("n")]) -> str:
        return f"{name}{d}"

    result = flow.run(values=[give("x", name="n")])
    assert (1, 11, 111, 246, "x246") == tuple(result[each] for each in "abcde")
    assert result.ok
    assert {"succeeded": 5} == result.counts()


def test_parts_of_a_tuple_and_collections_are_values(flow: Flow) -> None:
    """``provides=(A, B)`` gives two values; ``Collect`` takes every one of its type."""

    @flow.add(provides=(A, B))
    def pair() -> Tuple[int, int]:
        return 1, 2

    @flow.stage
    def word() -> bytearray:
        return bytearray(b"w")

    @flow.stage
    def other() -> bytearray:
        return bytearray(b"o")

    @flow.stage
    def end(a: A, b: B, words: Annotated[List[bytearray], Collect()]) -> bytes:
        return f"{a}{b}".encode() + b"".join(words)

    assert b"12wo" == flow.run()["end"]


@settings(max_examples=SHARE, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(registry=registries())
def test_random_graphs_give_the_values_of_a_reference(flow: Flow, registry: Registry) -> None:
    """On any graph the values are those of ten lines that call one stage after the other."""
    made = plan(registry=registry)
    result = flow.run(made)
    assert interpret(made) == [result[stage] for stage in made.order]
    for step, parents in enumerate(made.parents):
        for parent in parents:
            before, after = result.reports()[parent], result.reports()[step]
            assert before.attempts[0].end <= after.attempts[0].start


def interpret(made: Plan) -> List[object]:
    """Return the value of each step, called one after the other in step order."""
    assert not made.slots
    values: List[Any] = []
    for fn, a, b, rest, _ in made.calls:
        if rest == ():
            value = fn(values)
        else:
            slots = rest if rest is not None else [slot for slot in (a, b) if slot >= 0]
            value = fn(*[values[slot] for slot in slots])
        values.append(finished(value))
    return values


def finished(value: Any) -> object:
    """Return a value, or what a coroutine returns that needs no event loop for more than a turn."""
    while hasattr(value, "send"):
        try:
            value.send(None)
        except StopIteration as end:
            value = end.value
    return value


def test_no_stage_starts_before_those_it_needs_have_ended(flow: Flow) -> None:
    """The order in which stages are called is a legal one."""
    called: List[str] = flow.list()
    names = [f"s{number}" for number in range(40)]
    for number, name in enumerate(names):

        def body(name: str = name) -> None:
            called.append(name)

        before = [names[number // 2], names[number // 3]] if number else []
        flow.add(id=name, depends_on=before[: number and 2])(body)

    flow.run()
    assert sorted(names) == sorted(called)
    for number, name in enumerate(names[1:], 1):
        assert called.index(names[number // 2]) < called.index(name)
        assert called.index(names[number // 3]) < called.index(name)


def test_reports_tell_when_and_where_each_stage_ran(flow: Flow) -> None:
    """Times are from the start of the run; every attempt has a worker."""

    @flow.stage
    def a() -> A:
        return A(1)

    @flow.stage
    def b(a: A) -> B:
        return B(a)

    result = flow.run()
    first, second = result.reports()
    assert (Outcome.SUCCEEDED, None, None, None) == (
        first.outcome,
        first.reason,
        first.cause,
        first.error,
    )
    assert "a" == first.stage_id
    assert result.report("b") == second
    one, two = first.attempts[0], second.attempts[0]
    assert 0 <= one.start <= one.end <= two.start <= two.end <= result.seconds
    assert abs(one.seconds + two.seconds - result.work_seconds) < 1e-9
    assert 1 == one.number
    assert one.worker
    assert result.info.started_at <= one.started_at <= two.started_at
    assert tuple(report.stage_id for report in result.reports()) == result.critical_path()


def test_a_stage_sees_the_context_variables_of_the_caller_and_of_no_other_stage(flow: Flow) -> None:
    """Each stage starts from a copy of the caller's context variables."""
    seen: List[Tuple[str, str]] = flow.list()

    def body() -> None:
        seen.append((caller.get(), fresh.get()))
        caller.set("a stage's")
        fresh.set("a stage's")

    for number in range(6):
        depends_on = [f"s{number - 1}"] if number else []
        flow.add(id=f"s{number}", depends_on=depends_on)(lambda: body())
    for number in range(6):
        flow.add(id=f"t{number}")(lambda: body())
    token = caller.set("the caller's")
    try:
        flow.run()
    finally:
        caller.reset(token)
    assert [("the caller's", "unset")] * 12 == seen
    assert "unset" == caller.get()


@pytest.mark.parametrize("changed", ["new", 0, 1, 2, 3, 4])
def test_a_change_of_any_one_variable_is_seen_by_no_other_stage(
    flow: Flow, changed: object
) -> None:
    """Whichever variable a stage changes, known or new, the next one starts from the caller's."""
    seen: List[Tuple[int, ...]] = flow.list()

    def look(*_: object) -> int:
        known = [known0, known1, known2, known3, known4]
        seen.append((new.get(), *[variable.get() for variable in known]))
        (known[changed] if isinstance(changed, int) else new).set(99)
        return 1

    @flow.stage
    def none() -> A:
        return A(look())

    @flow.stage
    def one(a: A) -> B:
        return B(look(a))

    @flow.stage
    def two(a: A, b: B) -> C:
        return C(look(a, b))

    @flow.stage
    def three(a: A, b: B, c: C) -> D:
        return D(look(a, b, c))

    @flow.stage
    def packed(*, d: D) -> float:
        return look(d)

    known = [known0, known1, known2, known3, known4]
    tokens = [variable.set(number) for number, variable in enumerate(known)]
    try:
        flow.run()
    finally:
        for variable, token in zip(known, tokens):
            variable.reset(token)
    assert [(-1, 0, 1, 2, 3, 4)] * 5 == seen


class Box:
    """A context variable may hold values that cannot be compared."""

    def __init__(self, items: List[int]) -> None:
        self.items = items

    def __eq__(self, other: object) -> bool:
        raise TypeError("boxes cannot be compared")

    __hash__ = None  # type: ignore[assignment]  # pyright: ignore[reportAssignmentType]


boxed: contextvars.ContextVar[Box] = contextvars.ContextVar("boxed")


def test_context_variables_may_hold_what_cannot_be_compared(flow: Flow) -> None:
    """Whether a stage changed a variable is decided without comparing values."""
    seen: List[int] = flow.list()

    def body() -> None:
        seen.append(len(boxed.get().items))
        boxed.set(Box([*boxed.get().items, 1]))

    for number in range(3):
        flow.add(id=f"s{number}", depends_on=[f"s{number - 1}"] if number else [])(lambda: body())
    token = boxed.set(Box([]))
    try:
        flow.run()
    finally:
        boxed.reset(token)
    assert [0, 0, 0] == seen


def test_an_empty_registry_gives_an_empty_result(flow: Flow) -> None:
    """Nothing to do is a success."""
    result = flow.run()
    assert result.ok
    assert () == result.reports()
    assert () == result.critical_path()
    assert {} == result.counts()
    assert 0.0 == result.work_seconds


def test_a_stage_is_told_about_its_run(flow: Flow) -> None:
    """``RunInfo`` says the id, the executor and the workers that the result says, too."""
    infos: List[RunInfo] = flow.list()

    @flow.stage
    def look(info: RunInfo) -> None:
        infos.append(info)

    result = flow.run()
    (info,) = infos
    assert flow.is_beyond or info is result.info
    assert (info.started_at, info.parent) == (result.info.started_at, result.info.parent)
    assert (result.run_id, result.executor, result.workers) == (
        info.id,
        info.executor,
        info.workers,
    )
    assert result.info.parent is None


def test_priority_decides_among_ready_stages(flow: Flow) -> None:
    """Where one stage runs at a time, ready stages start in order of priority."""
    called: List[str] = flow.list()
    for name, priority in (("low", -1), ("normal", 0), ("high", 5)):
        flow.add(id=name, priority=priority, depends_on="first")(lambda n=name: called.append(n))
    flow.add(id="first")(lambda: called.append("first"))
    flow.run(workers=1, limits={"async": 1})
    if flow.is_mixed:
        assert "first" == called[0]
        assert called.index("high") < called.index("low")
    else:
        assert ["first", "high", "normal", "low"] == called


def test_a_plan_can_be_run_from_many_threads_at_once(flow: Flow) -> None:
    """Runs of one plan share nothing that changes."""

    @flow.stage
    def a(number: int) -> A:
        return A(number)

    @flow.stage
    def b(a: A) -> B:
        return B(2 * a)

    @flow.stage
    def c(a: A, b: B) -> C:
        return C(a + b)

    made = plan(registry=flow.registry, values=[0])
    gate = threading.Barrier(8)
    found: List[Tuple[int, object]] = []

    def once(number: int) -> None:
        gate.wait()
        found.extend((number, flow.run(made, values=[number])["c"]) for _ in range(5))

    threads = [threading.Thread(target=once, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert 40 == len(found)
    assert all(value == 3 * number for number, value in found)


def test_a_run_inside_a_stage_is_a_run_of_its_own(flow: Flow) -> None:
    """R18: nested runs end, and know the run they were started in."""
    if flow.is_async or flow.is_mixed or flow.way == "arun inline":
        pytest.skip("a stage on a loop awaits arun() instead")

    @flow.stage
    def outer(info: RunInfo) -> Tuple[Any, ...]:
        from stagekit import run

        inner = Registry()
        one = inner.add(lambda: 1, id="one")
        two = inner.add(lambda: 2, id="two")
        result = run(registry=inner, executor="threads")
        return result[one], result[two], result.info.parent == info.id, result.run_id != info.id

    assert (1, 2, True, True) == flow.run()["outer"]


def test_a_stand_in_for_a_stage_is_its_value(flow: Flow) -> None:
    """The result of an overridden stage is the constant that stood in for it."""

    @flow.stage
    def a() -> A:
        raise AssertionError

    @flow.stage
    def b(a: A) -> B:
        return B(a + 1)

    result = flow.run(overrides={"a": A(41)})
    assert (41, 42) == (result["a"], result["b"])


def test_twenty_runs_leave_no_thread(flow: Flow) -> None:
    """Workers are gone when a run returns."""
    for number in range(8):
        flow.add(id=f"s{number}")(lambda: None)
    before = set(threading.enumerate())
    for _ in range(20):
        flow.run()
    assert [] == [thread for thread in threading.enumerate() if thread not in before]


def test_a_value_that_does_not_exist_is_asked_for_in_vain(flow: Flow) -> None:
    """A stage that is not part of the run is a ``LookupError`` with near misses."""
    flow.add(id="load")(lambda: None)
    result = flow.run()
    with pytest.raises(LookupError, match="load"):
        result["laod"]


def test_a_limit_bounds_async_stages(flow: Flow) -> None:
    """No more async stages are under way than the limit allows."""
    import asyncio

    running: List[int] = [0, 0]
    expected: List[int] = [1 if "inline" in flow.way else 3]

    async def stage() -> None:
        running[0] += 1
        running[1] = max(running)
        while running[1] < expected[0]:
            await asyncio.sleep(0)
        await asyncio.sleep(0)
        running[0] -= 1

    for number in range(20):
        flow.registry.add(stage, id=f"s{number}")
    flow.run(limits={"async": 3})
    assert expected[0] == running[1]
    running[1] = 0
    expected[0] = 1 if "inline" in flow.way else 20
    flow.run()
    assert expected[0] == running[1]


def test_optional_values_that_exist_are_passed(flow: Flow) -> None:
    """``Optional`` of a stage that succeeded is its value."""

    @flow.add(critical=False)
    def a() -> A:
        return A(1)

    @flow.stage
    def b(a: Optional[A]) -> B:
        return B(-1 if a is None else a)

    @flow.stage
    def c(b: Annotated[B, From("b")]) -> C:
        return C(b)

    assert 1 == flow.run()["c"]
