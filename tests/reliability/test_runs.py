"""What stages do to the run that they are part of, and what a run makes of it: rows R."""

from __future__ import annotations

import asyncio
import os
import threading
import time
from typing import Any, Callable, Dict, Iterator, List, NewType, Optional

import pytest
from typing_extensions import Annotated

from stagekit import Each, Registry, Result, Retry, RunFailedError, plan, run
from stagekit.errors import BadValueError, StagekitWarning
from stagekit.events import Reason
from stagekit.testing import Chaos, RecordingHook

A = NewType("A", int)
B = NewType("B", int)

# Any: values that cannot leave their process


ODD: Dict[str, Callable[[], Any]] = {
    "generator": lambda: (each for each in "ab"),
    "TextIOWrapper": lambda: open(os.devnull, "w"),  # noqa: PTH123, SIM115
    "lock": threading.Lock,
}


@pytest.mark.parametrize("kind", ODD)
@pytest.mark.parametrize("executor", ["inline", "threads", "processes"])
def test_what_cannot_travel_may_stay(kind: str, executor: str, process_pool: Any) -> None:
    """R2: such a value goes from stage to stage here; only where it must leave, its stage fails."""
    registry = Registry()

    def odd() -> object:
        return ODD[kind]()

    def use(value: object) -> str:
        getattr(value, "close", int)()
        return type(value).__name__

    odd_type = NewType("odd_type", object)
    odd.__annotations__["return"] = odd_type
    use.__annotations__["value"] = odd_type
    registry.add(odd, id="odd")
    registry.add(use, id="use")
    pool = process_pool if executor == "processes" else executor
    result = run(registry=registry, executor=pool, check=False)
    if executor != "processes":
        assert kind == result["use"]
        return
    report = result.report("odd")
    assert Reason.BAD_VALUE is report.reason
    assert isinstance(report.error, BadValueError)
    assert kind in str(report.error)
    with pytest.raises(RunFailedError, match=r"odd  .*test_runs\.py"):
        result.raise_for_failures()


def raising(error: Callable[[], BaseException]) -> Registry:
    """Return a pipeline of one stage that raises."""
    registry = Registry()

    def fail() -> None:
        raise error()

    registry.add(fail, id="fail")
    return registry


def test_a_huge_message_is_cut_and_its_length_and_digest_are_told() -> None:
    """R8: at 64 KiB; the error itself has all of it."""
    result = run(registry=raising(lambda: ValueError("x" * 10_000_000)), check=False)
    assert 10_000_000 == len(str(result.report("fail").error))
    with pytest.raises(RunFailedError) as caught:
        result.raise_for_failures()
    text = str(caught.value)
    assert len(text) < 70_000
    assert "(10,000,000 characters, cut at 65,536; sha256 " in text
    assert len(result.to_json()) < 200_000


def cyclic() -> BaseException:
    """Return an exception that is the cause of its cause."""
    one, two = ValueError("one"), ValueError("two")
    one.__cause__, two.__cause__ = two, one
    return one


def chain() -> BaseException:
    """Return an exception with ten thousand causes before it."""
    error: BaseException = ValueError("first")
    for number in range(10_000):
        following = ValueError(str(number))
        following.__cause__, error = error, following
    return error


def group() -> BaseException:
    """Return ten thousand exceptions as one."""
    kind: Any = getattr(__import__("builtins"), "ExceptionGroup", None)
    if kind is None:
        pytest.skip("there are no groups of exceptions before Python 3.11")
    made: BaseException = kind("many", [ValueError(str(number)) for number in range(10_000)])
    return made


@pytest.mark.parametrize("error", [cyclic, chain, group])
@pytest.mark.parametrize("executor", ["inline", "processes"])
def test_causes_without_end_are_told_in_bounds(
    error: Callable[[], BaseException], executor: str, process_pool: Any
) -> None:
    """R9: what is printed of it, and written as JSON, is short; the run goes on."""
    registry = raising(error)  # made where it is raised
    pool = process_pool if executor == "processes" else executor
    result = run(registry=registry, executor=pool, check=False)
    with pytest.raises(RunFailedError) as caught:
        result.raise_for_failures()
    assert len(str(caught.value)) < 70_000
    assert len(result.to_json()) < 200_000
    assert Reason.RAISED is result.report("fail").reason


class Slotted(Exception):
    """Has slots, and no arguments."""

    __slots__ = ("lock",)

    def __init__(self) -> None:
        self.lock = threading.Lock()

    def __str__(self) -> str:
        return "held"


@pytest.mark.parametrize("executor", ["inline", "threads", "processes"])
def test_an_exception_that_holds_a_lock_is_told(executor: str, process_pool: Any) -> None:
    """R10, P18: here as the object it is, from a process by its name, text and traceback."""
    pool = process_pool if executor == "processes" else executor
    error = run(registry=raising(Slotted), executor=pool, check=False).report("fail").error
    assert isinstance(error, Slotted)
    assert "held" == str(error)
    cause = error.__cause__
    assert executor != "processes" or "in fail" in str(cause)


def test_values_are_passed_as_they_are() -> None:
    """R17: not as copies, so that what a stage changes in one is seen by those after it."""
    registry = Registry()
    seen: List[Any] = []

    def first() -> bytearray:
        return bytearray(b"a")

    def second(value: bytearray) -> A:
        value.extend(b"b")
        seen.append(value)
        return A(1)

    def third(value: bytearray, a: A) -> None:
        seen.append(value)

    for fn in (first, second, third):
        registry.add(fn, id=fn.__name__)
    result = run(registry=registry)
    assert seen[0] is seen[1] is result["first"]


class Unseen:
    """A value that cannot be pickled."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.count = 0


def mutating() -> Registry:
    """Return stages of which some change what they are passed."""
    registry = Registry()

    registry.add(lambda: bytearray(b"a"), id="text", provides=bytearray)
    registry.add(lambda: [3, 1, 2], id="values", provides=List[int])
    registry.add(Unseen, id="hidden", provides=Unseen)

    @registry.stage(id="sorts")
    def sorts(values: List[int], *, text: bytearray, hidden: Unseen) -> A:
        values.sort()
        hidden.count += 1
        return A(len(text))

    @registry.stage(id="extends", depends_on="sorts")
    async def extends(text: bytearray) -> None:
        text.extend(b"b")

    @registry.stage(id="each", depends_on="extends")
    def each(value: Annotated[int, Each()], text: bytearray) -> bool:
        text.append(value)
        return True

    @registry.stage(id="named", depends_on="each")
    def named(*, text: bytearray) -> None:
        text.append(7)

    @registry.stage(id="opens", depends_on="named")
    def opens(text: bytearray) -> Iterator[float]:
        yield float(len(text))

    @registry.stage(id="reads", depends_on="opens", critical=False)
    def reads(values: List[int], text: bytearray) -> None:
        raise ValueError(values, text)

    return registry


@pytest.mark.parametrize("way", ["inline", "threads", "arun"])
def test_a_stage_that_changes_what_it_is_passed_is_named(way: str) -> None:
    """R17: with its parameter, once; nothing is said of others, nor unless it is asked for."""
    made = plan(registry=mutating())

    def go(executor: str) -> Result:
        if way == "arun":
            return asyncio.run(made.arun(check_mutation=True))
        return made.run(executor=executor, check_mutation=True)

    with pytest.warns(StagekitWarning, match="has changed its argument"):
        result = go(way)
    words = [" ".join(text.split()[1:9]) for text in result.warnings]
    assert words == [
        "`sorts` has changed its argument `values` (list) in",
        "`extends` has changed its argument `text` (bytearray) in",
        "`each` has changed its argument `text` (bytearray) in",
        "`named` has changed its argument `text` (bytearray) in",
    ]
    assert () == made.run(executor="inline").warnings


def test_what_another_process_was_sent_is_a_copy(process_pool: Any) -> None:
    """R17: a stage there may change it, and is called as ever."""

    def rows() -> List[int]:
        return [3, 1, 2]

    def sort(values: List[int]) -> bytes:
        values.sort()
        return bytes(values)

    registry = Registry()
    registry.add(rows, id="rows")
    registry.add(sort, id="sort")
    result = run(registry=registry, executor=process_pool, check_mutation=True)
    assert ((), b"\1\2\3", [3, 1, 2]) == (result.warnings, result["sort"], result["rows"])


def test_chaos_and_the_check_for_changes_go_together() -> None:
    """R17: what is decided for an attempt still happens to it."""
    registry = Registry()

    @registry.stage(id="rows")
    def rows() -> List[int]:
        return [3, 1, 2]

    @registry.stage(id="sort", retries=Retry(5, wait=0))
    def sort(values: List[int]) -> bytes:
        values.append(1)
        return bytes(values)

    chaos = next(
        each
        for each in (Chaos(seed, raise_=0.5) for seed in range(100))
        if each.troubles("sort", 1) and not (each.troubles("sort", 2) or each.troubles("rows"))
    )
    with pytest.warns(StagekitWarning, match="`sort` has changed its argument `values`"):
        result = chaos.wrap(plan(registry=registry)).run(check_mutation=True)
    assert len(result.report("sort").attempts) == 2


def deeper(levels: int) -> int:
    """Run a run in a run in a run, until that is refused; return how deep it went."""
    registry = Registry()
    registry.add(lambda: deeper(levels + 1), id="run")
    result = run(registry=registry, executor="inline", check=False)
    error = result.report("run").error
    return levels if error is not None else int(result["run"])


@pytest.mark.parametrize("executor", ["inline", "processes"])
def test_runs_in_runs_have_a_limit(executor: str, process_pool: Any) -> None:
    """R18: eight, wherever the first stage is carried out."""
    registry = Registry()
    registry.add(lambda: deeper(2), id="outer")
    pool = process_pool if executor == "processes" else executor
    assert 8 == run(registry=registry, executor=pool)["outer"]


@pytest.mark.parametrize("where", ["open", "close", "both"])
def test_a_resource_that_fails_harms_no_other(where: str) -> None:
    """R20: what needs it is skipped; other tear-downs happen; no error hides another."""
    registry = Registry()
    log: List[str] = []

    def sound() -> Iterator[A]:
        yield A(1)
        log.append("closed")

    def odd(a: A) -> Iterator[B]:
        if where == "open":
            raise OSError("open")
        yield B(a)
        raise OSError("close")

    def use(b: B) -> None:
        if where == "both":
            raise ValueError("use")

    for fn in (sound, odd, use):
        registry.add(fn, id=fn.__name__)
    result = run(registry=registry, check=False)
    assert ["closed"] == log
    assert not result.ok
    teardown: Optional[BaseException] = result.report("odd").teardown_error
    outcomes = [report.outcome.value for report in result.reports()]
    if where == "open":
        assert (["succeeded", "failed", "skipped"], None) == (outcomes, teardown)
        return
    assert "close" == str(teardown)
    assert ("failed" if where == "both" else "succeeded") == outcomes[2]
    with pytest.raises(RunFailedError) as caught:
        result.raise_for_failures()
    assert "OSError: close" in str(caught.value)
    assert where != "both" or "ValueError: use" in str(caught.value)


@pytest.mark.parametrize("jump", [-86_400, 86_400])
@pytest.mark.parametrize("executor", ["inline", "threads"])
def test_a_clock_that_jumps_changes_no_duration(
    jump: float, executor: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """R21, P12: the wall clock is only shown; a deadline and durations do not feel it."""
    real, offset = time.time, [0.0]
    monkeypatch.setattr(time, "time", lambda: real() + offset[0])
    registry, hook = Registry(), RecordingHook()

    def jumps() -> A:
        offset[0] += jump
        return A(1)

    registry.add(jumps, id="jumps", retries=1)
    registry.add(lambda: None, id="after", depends_on="jumps", retries=1)
    result = run(registry=registry, executor=executor, deadline=600, hooks=[hook])
    assert 0 <= result.seconds < 600
    for report in result.reports():
        assert all(0 <= each.start <= each.end < 600 for each in report.attempts)


@pytest.mark.parametrize("executor", ["inline", "threads"])
def test_a_stage_that_may_fail_does_not_fail_the_run(executor: str) -> None:
    """R27: who needs its value is skipped, who can do without runs; the failure is reported."""
    registry = Registry()

    def may_fail() -> A:
        raise OSError("no")

    def needs(a: A) -> None: ...

    def can_do_without(a: Optional[A]) -> str:
        return "well" if a is None else "ill"

    registry.add(may_fail, id="may_fail", critical=False)
    for fn in (needs, can_do_without):
        registry.add(fn, id=fn.__name__)
    result = run(registry=registry, executor=executor)
    assert result.ok
    assert ["may_fail"] == [report.stage_id for report in result.failures]
    assert ("skipped", "well") == (result.report("needs").outcome.value, result["can_do_without"])
