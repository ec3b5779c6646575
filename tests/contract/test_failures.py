"""What every executor does when stages fail."""

from __future__ import annotations

import asyncio
import json
import re
import sys
from collections import Counter
from typing import TYPE_CHECKING, Any, Callable, Dict, List, NewType, Optional, Set, Tuple

import pytest
from hypothesis import HealthCheck, given, settings
from typing_extensions import Annotated

from stagekit import (
    Collect,
    Context,
    Each,
    Plan,
    Registry,
    Retry,
    RunFailedError,
    RunInfo,
    plan,
    run,
)
from stagekit.errors import (
    BadValueError,
    InternalError,
    NoValueError,
    RemoteError,
    RunningLoopError,
)
from stagekit.events import Outcome, Reason, RunStatus
from stagekit.executors._remote_exceptions import RemoteTraceback
from stagekit.testing import registries

if TYPE_CHECKING:
    from stagekit import Result
    from tests.contract.conftest import Flow

A = NewType("A", int)
B = NewType("B", int)
C = NewType("C", int)
Key = NewType("Key", str)
SHARE = settings().max_examples // 5  # for each executor, of the examples that others get


class Boom(Exception):
    """What stages raise here."""


def outcomes(result: Result) -> Dict[str, str]:
    """Return the outcome of each stage, with its reason and cause."""
    return {
        report.stage_id: " ".join(
            filter(
                None,
                [report.outcome.value, report.reason and report.reason.value, report.cause],
            )
        )
        for report in result.reports()
    }


def boom(text: str = "no") -> Callable[[], None]:
    """Return a stage that fails."""

    def fail() -> None:
        raise Boom(text)

    return fail


def test_a_failure_skips_what_depends_on_it(flow: Flow) -> None:
    """Stages downstream of a failure are skipped, with the failure as cause; others still run."""
    flow.add(id="a")(boom())
    flow.add(id="b", depends_on="a")(lambda: None)
    flow.add(id="c", depends_on="b")(lambda: None)
    flow.add(id="x")(lambda: None)
    flow.add(id="y", depends_on="x")(lambda: None)
    flow.add(id="z", depends_on=["y", "c"])(lambda: None)
    result = flow.run(on_failure="continue", check=False)
    assert {
        "a": "failed raised",
        "b": "skipped upstream_failed a",
        "c": "skipped upstream_failed a",
        "x": "succeeded",
        "y": "succeeded",
        "z": "skipped upstream_failed a",
    } == outcomes(result)
    assert not result.ok
    assert RunStatus.FAILED is result.status
    assert ("a",) == tuple(report.stage_id for report in result.failures)


def test_a_failed_run_raises_with_everything(flow: Flow) -> None:
    """``RunFailedError`` lists all failures in plan order; its cause is the first one's own."""
    flow.add(id="a")(boom("one"))
    flow.add(id="b")(boom("two"))
    flow.add(id="c", depends_on=["b", "a"])(lambda: None)
    with pytest.raises(RunFailedError) as caught:
        flow.run(on_failure="continue")
    error = caught.value
    assert isinstance(error.__cause__, Boom)
    assert "one" == str(error.__cause__)
    text = str(error)
    assert text.index("Boom: one") < text.index("Boom: two")
    assert f"{__file__.rpartition('/')[2]}:" in text
    assert "skipped because a failed: c" in text
    assert ["a", "b"] == [report.stage_id for report in error.result.failures]
    assert "c" == error.result.report("c").stage_id
    assert () == error.result.report("c").attempts


def test_the_cause_does_not_depend_on_the_clock(flow: Flow) -> None:
    """Of several failures upstream the first one in plan order is the cause."""
    for name in ("c", "b", "a"):
        flow.add(id=name)(boom(name))
    flow.add(id="d", depends_on=["c", "b"])(lambda: None)
    flow.add(id="e", depends_on=["d", "a"])(lambda: None)
    flow.add(id="f", depends_on=["a", "g"])(lambda: None)
    flow.add(id="g", depends_on="a")(lambda: None)
    assert ("c", "b", "a", "d", "g", "e", "f") == plan(registry=flow.registry).order
    for _ in range(5):
        result = flow.run(on_failure="continue", check=False)
        found = outcomes(result)
        assert "skipped upstream_failed c" == found["d"] == found["e"]
        assert "skipped upstream_failed a" == found["f"] == found["g"]


def test_stop_starts_nothing_new(flow: Flow) -> None:
    """After a failure what has not started is cancelled, or skipped if it descends from it."""
    called: List[str] = flow.list()
    flow.add(id="a", priority=9)(boom())
    flow.add(id="b", depends_on="a")(lambda: called.append("b"))
    for number in range(30):
        before = [f"x{number - 1}"] if number else ["first"]
        flow.add(id=f"x{number}", depends_on=before)(lambda: called.append("x"))
    flow.add(id="first", depends_on="gate")(lambda: called.append("first"))
    flow.add(id="gate", depends_on="a")(lambda: called.append("gate"))
    flow.add(id="alone", depends_on=["late"], priority=-9)(lambda: None)
    flow.add(id="late", priority=-9)(lambda: None)
    result = flow.run(workers=1, limits={"async": 1}, check=False)
    assert [] == called
    found = outcomes(result)
    assert "failed raised" == found["a"]
    assert "skipped upstream_failed a" == found["b"] == found["x29"]
    if not flow.is_mixed:
        assert "cancelled stopped" == found["late"] == found["alone"]
    assert RunStatus.FAILED is result.status


def test_a_stage_that_is_not_critical_does_not_fail_the_run(flow: Flow) -> None:
    """Who needs its value is skipped, softly; who waits for it, or can do without, runs."""

    @flow.add(critical=False)
    def a() -> A:
        raise Boom

    @flow.stage
    def needs(a: A) -> B:
        raise AssertionError

    @flow.stage
    def needs_too(b: B) -> bytes:
        raise AssertionError

    @flow.stage
    def can_do_without(a: Optional[A], b: Optional[B]) -> C:
        return C(0 if a is None and b is None else 1)

    @flow.add(depends_on=["a", "needs_too"])
    def waits() -> None: ...

    @flow.stage
    def one() -> float:
        return 1.0

    @flow.add(critical=False)
    def two() -> float:
        raise Boom

    @flow.stage
    def all_of(found: Annotated[List[float], Collect()]) -> str:
        return str(found)

    result = flow.run()
    assert result.ok
    assert 0 == result["can_do_without"]
    assert "[1.0]" == result["all_of"]
    found = outcomes(result)
    assert "skipped no_value a" == found["needs"] == found["needs_too"]
    assert "succeeded" == found["waits"]
    assert ["a", "two"] == sorted(report.stage_id for report in result.failures)


def test_of_several_missing_values_the_first_in_plan_order_is_the_cause(flow: Flow) -> None:
    """A stage that lacks two values is skipped for the one whose stage comes first."""

    @flow.add(critical=False)
    def b() -> B:
        raise Boom

    @flow.add(critical=False)
    def a() -> A:
        raise Boom

    @flow.stage
    def c(a: A, b: B) -> C:
        raise AssertionError

    assert ("b", "a", "c") == plan(registry=flow.registry).order
    assert "skipped no_value b" == outcomes(flow.run())["c"]


def test_a_failure_upstream_comes_before_a_missing_value(flow: Flow) -> None:
    """A stage that lacks a value and descends from a failure is skipped for the failure."""

    @flow.add(critical=False)
    def a() -> A:
        raise Boom

    flow.add(id="b")(boom())

    @flow.add(depends_on="b")
    def c(a: A) -> C:
        raise AssertionError

    found = outcomes(flow.run(on_failure="continue", check=False))
    assert "skipped upstream_failed b" == found["c"]


def test_a_default_does_not_rescue_a_stage_whose_provider_failed(flow: Flow) -> None:
    """A default stands for a provider that does not exist, not for one that failed."""

    @flow.add(critical=False)
    def a() -> A:
        raise Boom

    def b(a: object = None) -> object:
        raise AssertionError(a)

    b.__annotations__ = {"a": A, "return": B}
    flow.stage(b)
    assert "skipped no_value a" == outcomes(flow.run())["b"]


@pytest.mark.parametrize(
    ("provides", "value", "text"),
    [
        (None, None, "returned None, although"),
        ((A, B), None, "returned NoneType, where `provides` promises a tuple of 2"),
        ((A, B), [1, 2], "returned list"),
        ((A, B), (1, 2, 3), "a tuple of 3"),
        ((A, B), (1, None), "returned None for 1"),
    ],
)
def test_a_value_that_was_not_promised_is_a_failure(
    flow: Flow, provides: Any, value: object, text: str
) -> None:
    """R1: a stage that returns None where it promised a value has failed."""

    def a() -> int:
        return value  # type: ignore[return-value]  # pyright: ignore[reportReturnType]

    flow.add(provides=provides)(a)
    flow.add(id="b", depends_on="a")(lambda: None)
    result = flow.run(check=False)
    report = result.report("a")
    assert (Outcome.FAILED, Reason.BAD_VALUE) == (report.outcome, report.reason)
    assert isinstance(report.error, BadValueError)
    assert text in str(report.error)
    assert report.location is not None
    assert __file__.rpartition("/")[2] in report.location


def test_the_place_of_a_failure_is_the_line_that_raised(flow: Flow) -> None:
    """Of the user's own frames the deepest one, in whatever process it was."""

    def inner() -> None:
        json.loads("{")  # here; below it is a library

    @flow.stage
    def a() -> None:
        inner()

    location = flow.run(check=False).report("a").location
    assert location is not None
    file, line = location.rsplit(":", 1)
    assert __file__.endswith(file)
    assert int(line) == inner.__code__.co_firstlineno + 1


def test_a_stage_that_raises_our_error_has_merely_raised(flow: Flow) -> None:
    """``BadValueError`` raised by a stage itself is like any other exception."""

    @flow.stage
    def a() -> None:
        raise BadValueError("mine")

    assert Reason.RAISED is flow.run(check=False).report("a").reason


def test_a_value_that_is_not_there_is_explained(flow: Flow) -> None:
    """``NoValueError`` says what became of the stage, and why."""
    flow.add(id="a")(boom("no rows"))
    flow.add(id="b", depends_on="a")(lambda: None)
    result = flow.run(check=False)
    with pytest.raises(NoValueError, match="'a' has no value: it failed with Boom: no rows"):
        result["a"]
    with pytest.raises(
        NoValueError, match=r"'b' .* skipped, because 'a' failed with Boom: no rows"
    ):
        result["b"]


class Unprintable(Exception):
    """Its text cannot be had."""

    def __str__(self) -> str:
        raise RuntimeError("no text")

    __repr__ = __str__


class NotText(Exception):
    """Its text is no text."""

    def __str__(self) -> str:
        return 3  # type: ignore[return-value]  # pyright: ignore[reportReturnType]  # noqa: PLE0307


class TwoArguments(Exception):
    """Cannot be made again from its ``args``."""

    def __init__(self, one: int, two: int) -> None:
        super().__init__(one)
        self.two = two


class NoInit(Exception):
    """Does not call its base."""

    def __init__(self) -> None:
        self.lock = object()


class Slotted(Exception):
    """Has slots, and a base with a dictionary."""

    __slots__ = ("held",)

    def __init__(self) -> None:
        self.held = lambda: None


class Empty(Exception):
    """Counts as false."""

    def __bool__(self) -> bool:
        raise RuntimeError("neither")

    def __len__(self) -> int:
        return 0


class Equal(Exception):
    """Cannot be compared or hashed."""

    def __eq__(self, other: object) -> bool:
        raise RuntimeError("no")

    __hash__ = None  # type: ignore[assignment]  # pyright: ignore[reportAssignmentType]


class NoNotes(Exception):
    """Refuses notes, and attributes."""

    def add_note(self, note: str) -> None:
        raise RuntimeError("no notes")

    def __setattr__(self, name: str, value: object) -> None:
        raise RuntimeError("no attributes")

    def __getattr__(self, name: str) -> object:
        raise RuntimeError("no attributes")


class Reduced(Exception):
    """Cannot be pickled."""

    def __reduce__(self) -> Tuple[Any, ...]:
        raise RuntimeError("no pickles")


class OwnTraceback(Exception):
    """Overrides what changes a traceback."""

    def with_traceback(self, tb: object) -> OwnTraceback:
        raise RuntimeError("no traceback")


class OwnBase(BaseException):
    """Is no ``Exception``."""


class Interrupting(Exception):
    """Its text interrupts; only Ctrl-C may."""

    def __str__(self) -> str:
        raise SystemExit(3)


class Meta(type):
    """Names its classes strangely."""

    @property
    def __name__(cls) -> str:  # type: ignore[override]  # pyright: ignore[reportIncompatibleVariableOverride]
        return "\x1b[31mred\x1b[0m"


class StrangelyNamed(Exception, metaclass=Meta):
    """Has a name that a terminal would obey."""


def cyclic() -> BaseException:
    """Return an exception that is its own cause's cause."""
    one, two = Boom("one"), Boom("two")
    one.__cause__, two.__cause__ = two, one
    return one


def long_chain() -> BaseException:
    """Return an exception at the end of a chain of 5,000 causes."""
    error: BaseException = Boom("first")
    for number in range(5_000):
        following = Boom(str(number))
        following.__cause__ = error
        error = following
    return error


def with_notes() -> BaseException:
    """Return an exception whose notes are no list."""
    error = Boom("noted")
    vars(error)["__notes__"] = "not a list"
    return error


AWKWARD: Dict[str, Callable[[], BaseException]] = {
    "SystemExit(0)": lambda: SystemExit(0),
    "SystemExit(text)": lambda: SystemExit("bye"),
    "GeneratorExit": GeneratorExit,
    "CancelledError": asyncio.CancelledError,
    "BaseException": lambda: BaseException("base"),
    "own BaseException": OwnBase,
    "StopIteration": lambda: StopIteration(3),
    "StopAsyncIteration": StopAsyncIteration,
    "RecursionError": RecursionError,
    "MemoryError": MemoryError,
    "OSError": lambda: OSError(2, "no such file"),
    "UnicodeDecodeError": lambda: UnicodeDecodeError("utf-8", b"\xff", 0, 1, "bad"),
    "KeyError": lambda: KeyError("k"),
    "AssertionError": AssertionError,
    "TimeoutError": TimeoutError,
    "asyncio.TimeoutError": asyncio.TimeoutError,
    "InvalidStateError": asyncio.InvalidStateError,
    "unprintable": Unprintable,
    "text that is none": NotText,
    "two arguments": lambda: TwoArguments(1, 2),
    "no init": NoInit,
    "slots": Slotted,
    "neither true nor false": Empty,
    "not comparable": Equal,
    "no notes": NoNotes,
    "no pickles": Reduced,
    "own traceback": OwnTraceback,
    "interrupting text": Interrupting,
    "strange name": StrangelyNamed,
    "10 MB": lambda: Boom("x" * 10_000_000),
    "cyclic cause": cyclic,
    "chain of 5,000": long_chain,
    "bad notes": with_notes,
    "surrogate": lambda: Boom("\ud800\x1b]0;title\x07"),
    "a stagekit error": RunningLoopError,
    "an internal error": lambda: InternalError("pretended"),
}


@pytest.mark.parametrize("kind", AWKWARD)
def test_whatever_a_stage_raises_is_its_failure(flow: Flow, kind: str) -> None:
    """R3 to R7, P18: the stage has failed with that very object, the rest goes on, all is told."""
    raised: List[BaseException] = []
    is_beyond = flow.is_beyond

    @flow.stage
    def a() -> None:
        error = AWKWARD[kind]()
        if not is_beyond:
            raised.append(error)
        raise error

    flow.add(id="b", depends_on="a")(lambda: None)
    flow.add(id="c")(lambda: None)
    told: List[str] = []

    def tell(event: object) -> None:
        told.append(type(event).__name__)
        repr(type(event))

    with pytest.raises(RunFailedError) as caught:
        flow.run(on_failure="continue", hooks=[tell])
    result = caught.value.result
    found = result.report("a").error
    is_rewritten = kind == "StopIteration" and (flow.is_async or flow.is_mixed)  # by Python
    is_rewritten = is_rewritten or (kind == "neither true nor false" and "pool" in flow.way)
    if is_beyond:
        expected = type(AWKWARD[kind]())
        name = found.type_name if isinstance(found, RemoteError) else type(found).__qualname__
        assert expected.__qualname__ == name
        assert isinstance(found, (RemoteError, expected))
    else:
        assert is_rewritten or found is raised[0]
    assert {
        "a": "failed raised",
        "b": "skipped upstream_failed a",
        "c": "succeeded",
    } == outcomes(result)
    assert len(str(caught.value)) < 70_000
    assert "\x1b" not in str(caught.value)
    assert "\x1b" not in repr(result)
    result.to_json()
    result._repr_mimebundle_()
    assert 1 == told.count("StageFailed")
    assert 1 == told.count("StageSkipped")


def test_a_traceback_begins_in_the_code_of_the_user(flow: Flow) -> None:
    """Frames of ours are cut from the front; what the user called is kept."""

    def deeper() -> None:
        raise Boom("deep")

    @flow.stage
    def a() -> None:
        deeper()

    error = flow.run(check=False).report("a").error
    assert error is not None
    assert ["a", "deeper"] == [name for name in frames(error) if name != "stage"]


def frames(error: BaseException) -> List[str]:
    """Return the functions of a traceback; a process sends it as text, the cause of the error."""
    cause = error.__cause__
    if isinstance(cause, RemoteTraceback):
        assert error.__traceback__ is None
        assert "stagekit/_" not in cause.text
        return re.findall(r"^  File .* in (\w+)$", cause.text, re.MULTILINE)
    names: List[str] = []
    trace = error.__traceback__
    while trace is not None:
        assert "stagekit/_" not in trace.tb_frame.f_code.co_filename
        names.append(trace.tb_frame.f_code.co_name)
        trace = trace.tb_next
    return names


@pytest.mark.skipif(sys.version_info < (3, 11), reason="exceptions take no notes before 3.11")
def test_an_exception_is_noted_once_with_its_stage_and_the_types_of_its_arguments(
    flow: Flow,
) -> None:
    """A traceback printed anywhere says which stage raised, and never a value."""
    shared = Boom("shared")

    @flow.stage
    def word() -> str:
        return "secret"

    for name in ("a", "b"):

        def fail(word: str) -> None:
            raise shared

        flow.add(id=name)(fail)
    result = flow.run(on_failure="continue", check=False)
    for name in ("a", "b"):
        error = result.report(name).error
        assert error is not None
        assert flow.is_beyond or error is shared
        (note,) = vars(error)["__notes__"]
        which = [name] if flow.is_beyond else ["a", "b"]
        assert note in [f"stagekit: stage {each}, called with (str)" for each in which]


@settings(max_examples=SHARE, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(registry=registries(may_fail=True))
def test_random_graphs_have_the_outcomes_of_a_reference(flow: Flow, registry: Registry) -> None:
    """With ``continue`` the outcomes, reasons and causes follow from the plan alone."""
    made = plan(registry=registry)
    result = flow.run(made, on_failure="continue", check=False)
    assert expected(made, {report.stage_id for report in result.failures}) == outcomes(result)


def expected(made: Plan, failed: Set[str]) -> Dict[str, str]:
    """Return the outcome of each stage, given which ones fail if they are called."""
    found: List[str] = []
    for step, stage in enumerate(made.order):
        above = {parent: found[parent].split() for parent in made.parents[step]}
        hard = [
            parent if words[0] == "failed" else made.order.index(words[2])
            for parent, words in above.items()
            if (words[0] == "failed" and made.critical[parent]) or "upstream_failed" in words
        ]
        soft = [
            parent if words[0] == "failed" else made.order.index(words[2])
            for parent, words in above.items()
            if words[0] != "succeeded" and parent in made.needs[step]
        ]
        if hard:
            found.append(f"skipped upstream_failed {made.order[min(hard)]}")
        elif soft:
            found.append(f"skipped no_value {made.order[min(soft)]}")
        else:
            found.append("failed raised" if stage in failed else "succeeded")
    return dict(zip(made.order, found))


def test_p4_a_stage_begins_as_often_as_its_attempts_say(flow: Flow) -> None:
    """P4: ``1 + retries`` times at most, and all attempts know the run by one and the same id."""
    seen: List[Tuple[str, int]] = flow.list()

    def stage(number: int, failures: int) -> Any:
        def body(info: RunInfo) -> None:
            seen.append((info.id, number))
            if sum(each == (info.id, number) for each in seen) <= failures:
                raise OSError(number)

        return body

    for number in range(6):
        flow.add(id=f"s{number}", retries=Retry(3, wait=0))(stage(number, number % 4))
    results = [flow.run(on_failure="continue", check=False) for _ in range(2)]
    assert len({result.run_id for result in results}) == 2
    for result in results:
        for number in range(6):
            begun = sum(each == (result.run_id, number) for each in seen)
            assert min(number % 4 + 1, 3) == begun == len(result.report(f"s{number}").attempts)
            assert (begun <= number % 4) is (result.report(f"s{number}").error is not None)


def test_p4_all_attempts_of_a_call_have_one_idempotency_key(flow: Flow) -> None:
    """P4: and no other stage, no other item and no other run has it."""
    seen: List[Tuple[str, str]] = flow.list()

    @flow.add(id="pages")
    def pages() -> List[Key]:
        return [Key("a"), Key("b")]

    @flow.add(id="once", retries=Retry(3, wait=0))
    def once(context: Context) -> None:
        seen.append(("once", context.idempotency_key))
        if sum(key == context.idempotency_key for _, key in seen) < 3:
            raise OSError

    @flow.add(id="each", retries=Retry(2, wait=0))
    def each(page: Annotated[Key, Each()], context: Context) -> None:
        seen.append((f"each {page}", context.idempotency_key))
        if sum(key == context.idempotency_key for _, key in seen) < 2:
            raise OSError

    @flow.add(id="plain")
    def plain(page: Annotated[Key, Each()], *, context: Context) -> None:
        seen.append((f"plain {page}", context.idempotency_key))

    for _ in range(2):
        flow.run()
    counts = Counter(seen)
    keys = [key for _, key in counts]
    assert len(keys) == len(set(keys)) == 2 * 5
    attempts = {"once": 3, "each a": 2, "each b": 2, "plain a": 1, "plain b": 1}
    assert all(attempts[call] == count for (call, _), count in counts.items())
    assert {64} == {len(key) for key in keys}


def test_p4_what_undoes_a_stage_has_a_key_of_its_own() -> None:
    """P4: a service that knows the charge by its key takes the refund for another call."""
    registry = Registry()
    seen: List[str] = []

    def refund(context: Context) -> None:
        seen.append(context.idempotency_key)

    @registry.stage(id="charge", undo=refund)
    def charge(context: Context) -> None:
        seen.append(context.idempotency_key)

    registry.add(lambda: 1 / 0, id="fail", depends_on="charge")
    assert not run(registry=registry, rollback=True, check=False).ok
    assert len(set(seen)) == 2


async def _fetched() -> int:
    return 6


def _hands_on() -> Any:
    return _fetched()


async def _hands_on_later() -> Any:
    return _fetched()


@pytest.mark.parametrize("hands_on", [_hands_on, _hands_on_later], ids=["plain", "async"])
def test_a_coroutine_is_no_value(flow: Flow, hands_on: Callable[[], Any]) -> None:
    """A stage that returns one fails, says what to write, and hands it on to nobody."""
    flow.registry.add(hands_on, id="six", provides=int)
    flow.registry.add(_double, id="double")
    result = flow.run(check=False)
    assert ["six"] == [report.stage_id for report in result.failures]
    assert "returned a coroutine, which nobody awaits" in str(result.failures[0].error)
    assert "skipped" == result.report("double").outcome.value


def _double(six: int) -> int:
    raise AssertionError(six)
