"""What type checkers see: checked by mypy and pyright in their strict modes, and run as well.

A line with an ``ignore`` is one that a checker must refuse: both report an ignore that ignores
nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import Any, Awaitable, Callable, List, Optional, Tuple

from typing_extensions import Annotated, assert_type

from stagekit import (
    Arguments,
    CancelToken,
    Context,
    Each,
    From,
    Hook,
    Named,
    Plan,
    Progress,
    Registry,
    Result,
    Retry,
    Rollback,
    RunInfo,
    StageRef,
    arun,
    given,
    one_of,
    optional,
    plan,
    run,
    stage,
    use_registry,
)
from stagekit.errors import UsageError
from stagekit.testing import VirtualClock

registry = Registry()
assert_type(Registry.current(), Registry)
other = Registry()


@dataclass(frozen=True)
class Orders:
    """What one stage provides and another asks for."""

    rows: Tuple[int, ...]


with use_registry(registry) as used:
    assert_type(used, Registry)

    @stage
    def load() -> Orders:
        """Bare."""
        return Orders((3, 4))

    @stage(tags=["sum"], priority=1, description="adds up")
    def total(orders: Orders, *, start: int = 0) -> int:
        """Called with options."""
        return sum(orders.rows, start)

    @stage(depends_on=[total, "load", optional("nobody"), one_of(total, "load")])
    async def fetch(orders: Annotated[Orders, From(load)]) -> bytes:
        """A coroutine function."""
        return bytes(orders.rows)

    @stage
    class Report:
        """A class is a stage that provides itself."""

        def __init__(self, orders: Orders) -> None:
            self.orders = orders


@registry.stage
def on_registry() -> Annotated[str, Named("greeting")]:
    """The decorator of a registry, bare."""
    return "hello"


@registry.stage(critical=False, provides=float)
def called_on_registry(info: RunInfo, arguments: Arguments, context: Context) -> bool:
    """The decorator of a registry, with options."""
    return bool(info) and bool(arguments) and bool(context)


class Shop:
    """Stages as methods."""

    @stage
    def rows(self) -> List[int]:
        """Bare."""
        return [1]

    @stage(name="n")
    def count(self, rows: List[int]) -> float:
        """Called."""
        return float(len(rows))


# A decorated function is the function: its parameters and its result keep their exact types.
assert_type(load(), Orders)
assert_type(total(Orders((1,)), start=2), int)
assert_type(Shop().rows(), List[int])
assert_type(Shop().count([1]), float)
assert_type(Shop.count(Shop(), rows=[1]), float)
assert_type(on_registry(), str)
assert_type(Report(Orders(())), Report)
function: Callable[[Orders], Awaitable[bytes]] = fetch


def of_each(
    order: Annotated[Orders, From("orders"), Each()], token: CancelToken, progress: Progress
) -> int:
    """What every attempt has its own of, and a parameter that takes one item at a time."""
    assert_type(token.wait(0), bool)
    assert_type(list(progress.track([1])), List[int])
    progress.update(1, total=2, note="half")
    return sum(order.rows)


def options_of_runs() -> None:
    """Options of stages that runs manage."""
    hereafter = Registry()
    again = Retry(3, on=(OSError, KeyError), wait=0.5, jitter=0.2)
    assert_type(again.delay(1, 0.5), float)
    Retry(2, on=KeyboardInterrupt)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    options = hereafter.stage(retries=again, timeout=3, resources={"db": 1}, undo=a_wrong_call)
    assert_type(options(of_each)(Orders(()), CancelToken(), Progress()), int)
    stage(retries=2, timeout=0.5, executor="processes")
    stage(retries="2")  # type: ignore[call-overload]  # pyright: ignore[reportArgumentType]
    stage(executor=3)  # type: ignore[call-overload]  # pyright: ignore[reportArgumentType]


def a_wrong_call() -> int:
    """A decorated function refuses what the function refuses."""
    return total(1)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]


# Without a mark: registry.add returns a reference that knows the result.
one = other.add(lambda: 1, id="one")
assert_type(one, StageRef[int])
words = other.add(partial(str.split, "a b"), id="words", depends_on=one)
assert_type(words, StageRef[List[str]])


def a_plan() -> Plan:
    """A plan is made from a function, a reference, an id, several, or nothing."""
    plan(words, registry=other)
    plan("one", registry=other)
    plan([one, "words"], registry=other)
    plan(registry=other, select=["+words"], exclude="tag:slow")
    made = plan(
        total, registry=registry, overrides={load: Orders((1,))}, values=[given(1.5, name="x")]
    )
    assert_type(made, Plan)
    assert_type(made.order, Tuple[str, ...])
    assert_type(made.to_tree(columns=80), str)
    assert_type(made.to_svg(), str)
    assert_type(len(made), int)
    assert_type(list(made), List[str])
    return made


def a_run() -> None:
    """The result of a stage has the type that the stage returns."""
    result = run([total, fetch, Report], registry=registry)
    assert_type(result, Result)
    assert_type(result[load], Orders)
    assert_type(result[total], int)
    assert_type(result[fetch], bytes)
    assert_type(result[Report], Report)
    assert_type(result["load"], Any)
    assert_type(result.ok, bool)
    wrong: Orders = result[total]  # type: ignore[assignment]  # pyright: ignore[reportAssignmentType]
    assert_type(wrong, Orders)
    of_references = run(words, registry=other, executor="inline", workers=1, on_failure="continue")
    assert_type(of_references[one], int)
    assert_type(of_references[words], List[str])


def a_run_on_a_clock_of_its_own() -> None:
    """A test moves the clock; the result names what did not end when it was told to."""
    clock = VirtualClock()
    assert_type(clock.seconds, float)
    assert_type(clock.advance(2.5), None)
    result = run(total, registry=registry, clock=clock, grace=1)
    assert_type(result.abandoned, Tuple[str, ...])
    assert_type(result.report(total).item, Optional[int])


def a_run_with_words(name: str) -> None:
    """The words of an option are known; an executor may be any text, as an address is one."""
    run(total, registry=registry, executor=name, rollback=True)
    run(total, registry=registry, rollback=Rollback(on_cancel=True, partial=False))
    run(total, registry=registry, on_failure="stop", check_mutation=False)
    try:
        run(total, on_failure="go on")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
        run(total, rollback="yes")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    except UsageError:
        pass


async def an_async_run() -> int:
    """The asynchronous twin."""
    result = await arun(total, registry=registry, check=False, limits={"async": 4})
    assert_type(result, Result)
    return result[total]


class Counting:
    """A hook is any object with on_event."""

    def __init__(self) -> None:
        self.seen = 0

    def on_event(self, event: object) -> None:
        """Count."""
        self.seen += event is not None


def a_run_with_a_hook() -> Counting:
    """An object of one's own is a hook; one without on_event is refused."""
    counting = Counting()
    hook: Hook = counting
    run(total, registry=registry, hooks=[hook, counting], arguments=["-x"])
    not_a_hook: Hook = object()  # type: ignore[assignment]  # pyright: ignore[reportAssignmentType]
    assert not_a_hook is not hook
    return counting
