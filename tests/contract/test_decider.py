"""A decider skips, replaces and records calls, on every executor."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any, Dict, Iterator, List, NewType, Optional, Tuple

import pytest
from typing_extensions import Annotated

from stagekit import Each, Reuse, RunFailedError, Skip, StageCall
from stagekit._base.handles import fetched
from stagekit.errors import DeciderError
from stagekit.events import Outcome, Reason, StageEvent, StageReused, StageSkipped, StageStarted
from stagekit.testing import RecordingHook

if TYPE_CHECKING:
    from tests.contract.conftest import Flow

Asked = Tuple[str, Optional[int]]
Raw = NewType("Raw", int)
Row = NewType("Row", int)
Doubled = NewType("Doubled", int)
Total = NewType("Total", int)
Text = NewType("Text", str)


class Recorder:
    """Answers as it was told to, and keeps what it was asked and passed.

    Args:
        answers: by stage and item; None where a call is to be made.
    """

    def __init__(self, answers: Optional[Dict[Asked, Any]] = None) -> None:
        self.answers = answers or {}
        self.asked: List[Asked] = []
        self.arguments: Dict[Asked, Dict[str, Any]] = {}
        self.returned: Dict[Asked, Any] = {}
        self.calls: Dict[Asked, StageCall] = {}
        self.threads: List[int] = []

    def before(self, call: StageCall) -> Any:
        """Answer."""
        key = (call.stage_id, call.item)
        self.asked.append(key)
        self.arguments[key] = {name: fetched(each) for name, each in call.arguments.items()}
        self.calls[key] = call
        self.threads.append(threading.get_ident())
        answer = self.answers.get(key)
        if isinstance(answer, BaseException) and not isinstance(answer, Skip):
            raise answer
        return answer

    def after(self, call: StageCall, value: Any) -> None:
        """Keep what a call has returned."""
        key = (call.stage_id, call.item)
        assert self.calls[key] is call
        self.returned[key] = fetched(value)
        self.threads.append(threading.get_ident())
        error = self.answers.get(("after " + call.stage_id, call.item))
        if error is not None:
            raise error


def declare_sums(flow: Flow) -> Any:
    """Declare a chain and a stage on each of its values; return what stages note of themselves."""
    called = flow.list()

    @flow.add(tags=["io"])
    def load() -> Raw:
        called.append("load")
        return Raw(3)

    @flow.stage
    def double(raw: Raw) -> Doubled:
        called.append("double")
        return Doubled(2 * raw)

    @flow.stage
    def total(raw: Raw, *, doubled: Doubled) -> Total:
        called.append("total")
        return Total(raw + doubled)

    return called


def test_a_decider_that_says_nothing_hears_of_every_call(flow: Flow) -> None:
    """Each stage is asked about once, in order, with its arguments; and then its value is told."""
    called = declare_sums(flow)
    decider = Recorder()
    result = flow.run(decider=decider)
    assert (3, 6, 9) == tuple(result[each] for each in ("load", "double", "total"))
    assert ["load", "double", "total"] == list(called)
    assert [("load", None), ("double", None), ("total", None)] == decider.asked
    assert {"raw": 3, "doubled": 6} == decider.arguments["total", None]
    assert {"load": 3, "double": 6, "total": 9} == {
        stage: value for (stage, _), value in decider.returned.items()
    }
    assert {threading.get_ident()} == set(decider.threads)
    call = decider.calls["load", None]
    assert (("io",), False, "<call of load>") == (call.tags, call.is_mapped, repr(call))


def test_what_is_reused_is_not_called(flow: Flow) -> None:
    """Its value goes where that of a call would, and reports and hooks say so."""
    called = declare_sums(flow)
    hook = RecordingHook()
    decider = Recorder({("double", None): Reuse(Doubled(100), "from run r1")})
    result = flow.run(decider=decider, hooks=[hook])
    assert (3, 100, 103) == tuple(result[each] for each in ("load", "double", "total"))
    assert ["load", "total"] == list(called)
    assert {"load", "total"} == {stage for stage, _ in decider.returned}
    report = result.report("double")
    assert (Outcome.REUSED, "from run r1", ()) == (report.outcome, report.note, report.attempts)
    assert report.reason is None
    assert {"succeeded": 2, "reused": 1} == result.counts()
    (event,) = hook.of(StageReused)
    assert ("double", "from run r1") == (event.stage_id, event.note)
    assert ("load", "total") == hook.stage_ids(StageStarted)
    ends = [each.stage_id for each in hook.of(StageEvent) if each.outcome is not None]
    assert ["load", "double", "total"] == ends
    assert result.ok


def test_what_is_skipped_has_no_value_and_says_why(flow: Flow) -> None:
    """Who needs its value is skipped with it; who comes after it or can do without goes on."""
    called = declare_sums(flow)

    @flow.stage
    def maybe(raw: Raw, doubled: Optional[Doubled]) -> Text:
        called.append("maybe")
        return Text(f"{raw} {doubled}")

    flow.add(id="later", depends_on="double")(lambda: called.append("later"))
    hook = RecordingHook()
    decider = Recorder({("double", None): Skip("only on Mondays")})
    result = flow.run(decider=decider, hooks=[hook])
    assert ["later", "load", "maybe"] == sorted(called)
    assert "3 None" == result["maybe"]
    skipped, after = result.report("double"), result.report("total")
    assert (Reason.DECIDED, None, "only on Mondays") == (
        skipped.reason,
        skipped.cause,
        skipped.note,
    )
    assert (Reason.NO_VALUE, "double") == (after.reason, after.cause)
    assert {Outcome.SKIPPED} == {skipped.outcome, after.outcome}
    assert ("total", None) not in decider.asked
    told = {event.stage_id: (event.cause, event.note) for event in hook.of(StageSkipped)}
    assert {"double": (None, "only on Mondays"), "total": ("double", "")} == told
    with pytest.raises(LookupError, match="double' was skipped, as the decider says: only on Mo"):
        result["total"]
    assert result.ok


def declare_rows(flow: Flow) -> Any:
    """Declare a stage that is called for each of three items; return what it notes of itself."""
    called = flow.list()

    @flow.stage
    def load() -> List[Raw]:
        return [Raw(1), Raw(2), Raw(3)]

    @flow.add(retries=1)
    def row(raw: Annotated[Raw, Each()]) -> Row:
        called.append(raw)
        return Row(10 * raw)

    @flow.stage
    def total(rows: List[Row]) -> Total:
        return Total(sum(rows))

    return called


def test_items_are_asked_about_one_by_one(flow: Flow) -> None:
    """First the stage as a whole with the list, then each item with its own; some are reused."""
    called = declare_rows(flow)
    hook = RecordingHook()
    decider = Recorder({("row", 0): Reuse(Row(7)), ("row", 2): Reuse(Row(8))})
    result = flow.run(decider=decider, hooks=[hook])
    assert ([7, 20, 8], 35) == (result["row"], result["total"])
    assert [2] == list(called)
    rows = [(None, [1, 2, 3]), (0, 1), (1, 2), (2, 3)]
    assert [
        (item, decider.arguments[stage, item]["raw"])
        for stage, item in decider.asked
        if stage == "row"
    ] == rows
    assert decider.calls["row", None].is_mapped
    assert not decider.calls["row", 0].is_mapped
    assert "<call of row[1]>" == repr(decider.calls["row", 1])
    assert {("load", None), ("row", 1), ("total", None)} == set(decider.returned)
    assert [1] == [attempt.item for attempt in result.report("row").attempts]
    assert ("load", "row", "total") == hook.stage_ids(StageStarted)
    assert Outcome.SUCCEEDED is result.report("row").outcome


@pytest.mark.parametrize("item", [None, 0], ids=["whole", "items"])
def test_a_stage_is_reused_where_all_of_it_is(flow: Flow, item: Optional[int]) -> None:
    """As a list for the stage as a whole, or item by item."""
    called = declare_rows(flow)
    values = [Row(5), Row(6), Row(7)]
    if item is None:
        answers: Dict[Asked, Any] = {("row", None): Reuse(values)}
    else:
        answers = {("row", place): Reuse(value) for place, value in enumerate(values)}
    hook = RecordingHook()
    result = flow.run(decider=Recorder(answers), hooks=[hook])
    assert ([5, 6, 7], 18, []) == (result["row"], result["total"], list(called))
    assert (Outcome.REUSED, ()) == (result.report("row").outcome, result.report("row").attempts)
    assert ("row",) == hook.stage_ids(StageReused)
    assert ("load", "total") == hook.stage_ids(StageStarted)


def near(flow: Flow) -> Dict[str, Any]:
    """Return the options of a stage that uses a resource: that is open in this process."""
    return {"executor": "threads"} if flow.is_beyond else {}


def test_a_resource_that_only_reused_stages_want_is_never_opened(flow: Flow) -> None:
    """No resource is opened before the decider was asked about who uses it."""
    opened = flow.list()

    def connect() -> Iterator[Raw]:
        opened.append("opened")
        yield Raw(1)
        opened.append("closed")

    flow.registry.add(connect, id="connect")

    @flow.add(**near(flow))
    def read(raw: Raw) -> Row:
        return Row(raw)

    @flow.add(**near(flow))
    def write(row: Row, raw: Raw) -> Total:
        return Total(row + raw)

    decider = Recorder({("read", None): Reuse(Row(5)), ("write", None): Skip("not today")})
    result = flow.run(decider=decider)
    assert (5, []) == (result["read"], list(opened))
    assert Reason.NOT_NEEDED is result.report("connect").reason
    assert {} == decider.arguments["read", None]
    assert {"row": 5} == decider.arguments["write", None]

    again = Recorder({("read", None): Reuse(Row(5))})
    assert 6 == flow.run(decider=again)["write"]
    assert ["opened", "closed"] == list(opened)
    assert ["read", "write", "connect"] == [stage for stage, _ in again.asked]


def test_a_resource_can_be_replaced(flow: Flow) -> None:
    """There is nothing to close then."""

    def connect() -> Iterator[Raw]:
        yield Raw(1)

    flow.registry.add(connect, id="connect")

    @flow.add(**near(flow))
    def read(raw: Raw) -> Row:
        return Row(raw)

    decider = Recorder({("connect", None): Reuse(Raw(4))})
    result = flow.run(decider=decider)
    assert (4, Outcome.REUSED) == (result["read"], result.report("connect").outcome)


def test_attempts_are_not_asked_about(flow: Flow) -> None:
    """A decider is asked once, and told of the attempt that has succeeded."""
    tries = flow.list()

    @flow.add(retries=2)
    def shaky() -> Raw:
        tries.append(1)
        if len(tries) < 3:
            raise OSError("not yet")
        return Raw(len(tries))

    decider = Recorder()
    assert 3 == flow.run(decider=decider)["shaky"]
    assert ([("shaky", None)], {("shaky", None): 3}) == (decider.asked, decider.returned)


def test_what_was_reused_is_not_undone(flow: Flow) -> None:
    """It was not done in this run."""
    undone = flow.list()

    @flow.add(undo=lambda: undone.append("load"))
    def load() -> Raw:
        return Raw(1)

    @flow.add(undo=lambda: undone.append("make"))
    def make() -> Row:
        return Row(1)

    @flow.stage
    def fail(raw: Raw, row: Row) -> None:
        raise ValueError("no")

    decider = Recorder({("load", None): Reuse(Raw(1))})
    result = flow.run(decider=decider, rollback=True, check=False)
    assert ["make"] == list(undone)
    assert (None, True) == (result.report("load").undone, result.report("make").undone)


@pytest.mark.parametrize("item", [None, 1], ids=["stage", "item"])
def test_a_decider_that_raises_fails_its_stage(flow: Flow, item: Optional[int]) -> None:
    """The error names decider, stage and what it has raised; the rest of the run is kept."""
    called = declare_rows(flow)
    decider = Recorder({("row", item): ValueError("no disk")})
    with pytest.raises(RunFailedError, match=r"Recorder.before.* raised ValueError: no dis") as got:
        flow.run(decider=decider)
    result = got.value.result
    report = result.report("row")
    assert isinstance(report.error, DeciderError)
    assert isinstance(report.error.__cause__, ValueError)
    assert ("Recorder", "before", "row", item) == (
        report.error.decider,
        report.error.method,
        report.error.stage_id,
        report.error.item,
    )
    assert "test_decider.py" in (report.location or "")
    assert item == report.item
    assert (Outcome.FAILED, Reason.DECIDER_FAILED) == (report.outcome, report.reason)
    assert [Raw(1), Raw(2), Raw(3)] == result["load"]
    assert Outcome.SKIPPED is result.report("total").outcome
    assert 2 not in list(called)


@pytest.mark.parametrize("item", [None, 1], ids=["stage", "item"])
def test_a_decider_that_cannot_keep_a_value_fails_its_stage(
    flow: Flow, item: Optional[int]
) -> None:
    """What was not kept has not succeeded; its attempt is on record with the error."""
    declare_rows(flow)
    stage = "load" if item is None else "row"
    decider = Recorder({("after " + stage, item): OSError("disk full")})
    result = flow.run(decider=decider, check=False, on_failure="continue")
    report = result.report(stage)
    assert isinstance(report.error, DeciderError)
    assert "after" == report.error.method
    assert "raised OSError: disk full" in str(report.error)
    assert report.error in [attempt.error for attempt in report.attempts]
    assert (Outcome.FAILED, item) == (report.outcome, report.item)


def test_a_run_goes_on_without_what_its_decider_fails(flow: Flow) -> None:
    """With ``on_failure="continue"`` only what needs the stage is held up."""
    called = declare_sums(flow)
    flow.add(id="other")(lambda: called.append("other"))
    decider = Recorder({("double", None): KeyError("key")})
    result = flow.run(decider=decider, check=False, on_failure="continue")
    assert ["load", "other"] == sorted(called)
    assert {"failed": 1, "succeeded": 2, "skipped": 1} == result.counts()
