"""``Each``: a stage that is called once for each item, with attempts and reports for each."""

from __future__ import annotations

import asyncio
import threading
from typing import Any, Dict, Iterable, Iterator, List, Sequence, Tuple

import pytest
from typing_extensions import Annotated

from stagekit import (
    CancelToken,
    Collect,
    Each,
    From,
    PlanError,
    Registry,
    Result,
    RunFailedError,
    arun,
    given,
    plan,
    run,
)
from stagekit.errors import BadValueError, StagekitWarning
from stagekit.events import Reason, StageProgress, StageSucceeded
from stagekit.testing import RecordingHook
from tests.run.faraway import Number, Returning, twice
from tests.run.things import Base, Page, Size, Total, pages
from tests.run.ways import Way


def test_a_stage_is_called_for_each_item_in_order(anyway: Way) -> None:
    """What comes back is a list in the order of the items; others take it as a whole."""

    @anyway.stage
    def load() -> List[Page]:
        return pages(3, 1, 2)

    @anyway.stage
    def size(page: Annotated[Page, Each()]) -> Size:
        return Size(page.number * 10)

    @anyway.stage
    def total(sizes: List[Size]) -> Total:
        return Total(sum(sizes))

    result = anyway.run()
    assert [30, 10, 20] == result["size"]
    assert 60 == result["total"]


def test_items_have_attempts_of_their_own(way: Way) -> None:
    """Each is tried again by itself; reports say which item an attempt was for."""
    tries: Dict[int, int] = {}

    @way.stage
    def load() -> List[Page]:
        return pages(0, 1, 2)

    @way.stage(retries=2)
    def size(page: Annotated[Page, Each()]) -> Size:
        tries[page.number] = tries.get(page.number, 0) + 1
        if tries[page.number] <= page.number:
            raise OSError(f"page {page.number}")
        return Size(page.number)

    result = way.run()
    rows = [(each.item, each.number, str(each.error)) for each in result.report("size").attempts]
    assert [0, 1, 2] == result["size"]
    assert [
        (0, 1, "None"),
        (1, 1, "page 1"),
        (1, 2, "None"),
        (2, 1, "page 2"),
        (2, 2, "page 2"),
        (2, 3, "None"),
    ] == sorted(rows)
    assert None is result.report("size").error


@pytest.mark.parametrize("on_failure", ["stop", "continue", "cancel"])
def test_the_item_that_failed_is_named(way: Way, on_failure: str) -> None:
    """By its index: in the report, in the error of the run, and on the exception."""

    @way.stage
    def load() -> List[Page]:
        return pages(0, 1, 2, 3)

    @way.stage
    def size(page: Annotated[Page, Each()]) -> Size:
        if page.number == 2:
            raise ValueError("torn")
        return Size(page.number)

    @way.stage
    def total(sizes: List[Size]) -> Total:
        return Total(sum(sizes))

    with pytest.raises(RunFailedError, match=r"size\[2\].*ValueError: torn") as caught:
        way.run(on_failure=on_failure)
    assert "item 2 of 4, counted from 0: Page" in str(caught.value)
    report = caught.value.result.report("size")
    assert ("failed", 2) == (report.outcome.value, report.item)
    assert "torn" == str(report.error)
    assert "skipped" == caught.value.result.report("total").outcome.value
    called = sorted({each.item for each in report.attempts if each.item is not None})
    if on_failure == "continue":
        assert [0, 1, 2, 3] == called
    else:  # a call that no thread of a pool has begun is taken back
        assert 2 in called
    if hasattr(report.error, "__notes__"):
        assert any("item 2 of 4, counted from 0: Page" in note for note in report.error.__notes__)


def test_the_first_failing_item_is_the_error_of_the_stage(way: Way) -> None:
    """Where several fail it is the one with the smallest index, not the fastest."""

    @way.stage
    def load() -> List[Page]:
        return pages(0, 1, 2, 3)

    @way.stage
    def size(page: Annotated[Page, Each()]) -> Size:
        if page.number:
            raise ValueError(f"page {page.number}")
        return Size(0)

    result = way.run(on_failure="continue", check=False)
    assert "page 1" == str(result.report("size").error)
    assert 1 == result.report("size").item


def test_items_that_fail_are_left_out(way: Way) -> None:
    """The others go on, whatever the run does on failures; reports name each item."""

    @way.stage
    def load() -> List[int]:
        return [4, 0, 2, 0]

    @way.stage(retries=1)
    def share(number: Annotated[int, Each(on_error="skip")]) -> float:
        return 8 / number

    @way.stage
    def total(shares: List[float]) -> Total:
        return Total(sum(shares))

    result = way.run(on_failure="cancel")
    report = result.report("share")
    assert ([2.0, 4.0], 6, True) == (result["share"], result["total"], result.ok)
    assert ("left out 2 of 4 items that failed", ()) == (report.note, result.warnings)
    assert [
        (0, "4", "succeeded", 1, None),
        (1, "0", "failed", 2, "raised"),
        (2, "2", "succeeded", 1, None),
        (3, "0", "failed", 2, "raised"),
    ] == [
        (
            each.index,
            each.text,
            each.outcome.value,
            len(each.attempts),
            getattr(each.reason, "value", None),
        )
        for each in report.items
    ]
    assert [False, True, False, True] == [
        isinstance(each.error, ZeroDivisionError) for each in report.items
    ]


def test_of_lists_in_lists_only_the_items_that_failed_are_left_out(anyway: Way) -> None:
    """Lists keep their places; one of which nothing is left is empty."""

    @anyway.stage
    def load() -> List[List[int]]:
        return [[1, 0], [0], [], [2]]

    @anyway.stage
    def share(number: Annotated[int, Each(on_error="skip")]) -> float:
        return 2 / number

    assert [[2.0], [], [], [1.0]] == anyway.run()["share"]


def test_where_all_items_failed_the_list_is_empty_and_the_run_warns(anyway: Way) -> None:
    """With the first error; of no item there is nothing to say."""

    @anyway.stage
    def load() -> List[int]:
        return [0, 0]

    @anyway.stage
    def nothing() -> List[Page]:
        return []

    @anyway.stage
    def share(number: Annotated[int, Each(on_error="skip")]) -> float:
        return 2 / number

    @anyway.stage
    def size(page: Annotated[Page, Each(on_error="skip")]) -> Size:
        return Size(page.number)

    with pytest.warns(StagekitWarning, match="empty list, as all of its 2 items failed") as caught:
        result = anyway.run()
    assert ([], [], 1) == (result["share"], result["size"], len(caught))
    assert "ZeroDivisionError" in result.warnings[0]


def test_a_cancelled_run_has_no_list_of_some_items() -> None:
    """Items that never began have not failed."""
    token, registry = CancelToken(), Registry()

    @registry.stage
    def load() -> List[int]:
        return [0, 1, 2]

    @registry.stage(id="share")
    def share(number: Annotated[int, Each(on_error="skip")]) -> float:
        if number:
            token.cancel()
        return 2 / number

    result = run(registry=registry, executor="inline", cancel=token, check=False)
    report = result.report("share")
    assert "cancelled" == report.outcome.value
    assert ["failed", "succeeded", "cancelled"] == [each.outcome.value for each in report.items]
    assert None is report.items[2].reason


def test_reports_of_items_are_a_sequence() -> None:
    """Indexed from both ends, sliced, and shown in short; other stages have none."""
    registry = Registry()
    registry.add(lambda: pages(1, 2, 3), id="load", provides=List[Page])

    @registry.stage(id="size")
    def size(page: Annotated[Page, Each()], base: Annotated[int, Each()]) -> Size:
        return Size(page.number + base)

    result = run(registry=registry, values=[given([1, 2, 3], as_=List[int])])
    items = result.report("size").items
    assert (3, 2) == (len(items), items[-1].index)
    assert ["page=Page, base=2"] == [each.text for each in items[1:2]]
    assert "<reports of 3 items, 0 failed>" == repr(items)
    assert () == result.report("load").items
    with pytest.raises(IndexError):
        items[3]


def test_an_unknown_word_for_failing_items_is_refused() -> None:
    """Where it is written; from the text of an annotation, when planning."""
    word: Any = "ignore"
    with pytest.raises(ValueError, match='takes "fail" or "skip", got \'ignore\''):
        Each(on_error=word)


def test_from_may_stand_beside_each_that_skips() -> None:
    """It says where the list comes from; a fix to copy keeps the word."""
    registry = Registry()
    registry.add(lambda: [1, 0], id="one", provides=List[int])
    registry.add(lambda: [2, 0], id="two", provides=List[int])

    @registry.stage(id="share")
    def share(number: Annotated[int, From("one"), Each(on_error="skip")]) -> float:
        return 2 / number

    assert [2.0] == run(registry=registry)["share"]
    assert "once for each of number, without those that fail" in plan(registry=registry).explain()

    @registry.stage
    def other(number: Annotated[int, Each(on_error="skip")]) -> str:
        return str(number)

    with pytest.raises(PlanError, match=r'From\(\.\.\.\), Each\(on_error="skip"\)'):
        plan(registry=registry)


def test_a_failing_item_of_a_stage_that_is_not_critical(way: Way) -> None:
    """The stage gives no value, and the run goes on."""

    @way.stage
    def load() -> List[Page]:
        return pages(0, 1)

    @way.stage(critical=False)
    def size(page: Annotated[Page, Each()]) -> Size:
        raise ValueError("torn")

    @way.stage
    def total(sizes: List[Size]) -> Total:
        return Total(0)

    @way.stage(depends_on="size")
    def after() -> Base:
        return Base(1)

    result = way.run()
    assert result.ok
    assert ("failed", 0) == (result.report("size").outcome.value, result.report("size").item)
    assert "no_value" == getattr(result.report("total").reason, "value", None)
    assert 1 == result["after"]


def test_no_items_are_no_calls(anyway: Way) -> None:
    """The value is an empty list; hooks hear that the stage has succeeded, in no time."""
    hook = RecordingHook()

    @anyway.stage
    def load() -> List[Page]:
        return []

    @anyway.stage
    def size(page: Annotated[Page, Each()]) -> Size:
        raise AssertionError("must not be called")

    result = anyway.run(hooks=[hook])
    assert [] == result["size"]
    assert () == result.report("size").attempts
    (event,) = [e for e in hook.events if getattr(e, "stage_id", "") == "size"]
    assert isinstance(event, StageSucceeded)
    assert 0.0 == event.seconds
    assert result.work_seconds <= result.seconds * 5


def test_two_lists_are_zipped(way: Way) -> None:
    """Two ``Each`` parameters go side by side; others are the same for all."""

    @way.stage
    def load() -> List[Page]:
        return pages(1, 2)

    @way.stage
    def bases() -> List[Base]:
        return [Base(10), Base(20)]

    @way.stage
    def size(page: Annotated[Page, Each()], *, base: Annotated[Base, Each()], total: Total) -> Size:
        return Size(page.number + base + total)

    assert [111, 122] == way.run(values=[Total(100)])["size"]


def test_lists_that_differ_in_length_are_both_named(way: Way) -> None:
    """The stage fails, with the lengths of both; hooks hear of it."""
    hook = RecordingHook()

    @way.stage
    def load() -> List[Page]:
        return pages(1, 2)

    @way.stage
    def bases() -> List[Base]:
        return [Base(10)]

    @way.stage
    def size(page: Annotated[Page, Each()], base: Annotated[Base, Each()]) -> Size:
        raise AssertionError("must not be called")

    result = way.run(check=False, hooks=[hook])
    report = result.report("size")
    assert "bad_value" == getattr(report.reason, "value", None)
    assert "`page` has 2 and `base` has 1" in str(report.error)
    told = [type(e).__name__ for e in hook.events if getattr(e, "stage_id", "") == "size"]
    assert ["StageFailed"] == told


def test_what_is_no_list_at_all_fails_the_stage(way: Way) -> None:
    """A provider that does not keep its word is named, with what it returned."""

    @way.stage
    def load() -> List[Page]:
        return 7  # type: ignore[return-value]  # pyright: ignore[reportReturnType]  # broken promise

    @way.stage
    def size(page: Annotated[Page, Each()]) -> Size:
        return Size(0)

    report = way.run(check=False).report("size")
    assert "failed" == report.outcome.value
    assert "`load` returned, which is no list, but of type `int`" in str(report.error)


def test_stages_for_each_item_follow_each_other(anyway: Way) -> None:
    """What one gives for each item, the next takes item by item."""

    @anyway.stage
    def load() -> Sequence[Page]:
        return tuple(pages(1, 2, 3))

    @anyway.stage
    def size(page: Annotated[Page, Each()]) -> Size:
        return Size(page.number)

    @anyway.stage
    def total(size: Annotated[Size, Each()]) -> Total:
        return Total(size * 2)

    assert [2, 4, 6] == anyway.run()["total"]


def test_an_iterator_is_gone_through_once(way: Way) -> None:
    """Two stages that take the items of one iterator both get all of them."""
    asked: List[int] = []

    @way.stage
    def load() -> Iterable[Page]:
        return _counted(asked)

    @way.stage
    def size(page: Annotated[Page, Each()]) -> Size:
        return Size(page.number)

    @way.stage
    def total(page: Annotated[Page, Each()]) -> Total:
        return Total(page.number * 2)

    result = way.run()
    assert [0, 1, 2] == result["size"]
    assert [0, 2, 4] == result["total"]
    assert [0, 1, 2] == asked


def _counted(asked: List[int]) -> Iterator[Page]:
    for number in range(3):
        asked.append(number)
        yield Page(number)


def test_a_given_list_has_items(way: Way) -> None:
    """The caller may give what is taken one at a time."""

    @way.stage
    def size(page: Annotated[Page, Each()]) -> Size:
        return Size(page.number)

    given_pages = given(pages(5, 6), as_=List[Page])
    assert [5, 6] == way.run(values=[given_pages])["size"]


def test_items_share_one_resource(way: Way) -> None:
    """It is open from before the first item until after the last."""
    log: List[str] = []

    @way.stage
    def load() -> List[Page]:
        return pages(1, 2, 3)

    @way.stage
    def base() -> Iterator[Base]:
        log.append("open")
        yield Base(10)
        log.append("close")

    @way.stage
    def size(page: Annotated[Page, Each()], base: Base) -> Size:
        log.append("size")
        return Size(page.number + base)

    assert [11, 12, 13] == way.run()["size"]
    assert ["open", "size", "size", "size", "close"] == log


def test_from_may_stand_beside_each(way: Way) -> None:
    """Where several lists have such items, ``From`` says which; ``Collect`` takes lists as such."""

    @way.stage
    def one() -> List[Page]:
        return pages(1)

    @way.stage
    def other() -> List[Page]:
        return pages(2, 3)

    @way.stage
    def size(page: Annotated[Page, From("other"), Each()]) -> Size:
        return Size(page.number)

    @way.stage
    def total(lists: Annotated[List[List[Page]], Collect()]) -> Total:
        return Total(len(lists))

    result = way.run()
    assert ([2, 3], 2) == (result["size"], result["total"])


def test_items_run_side_by_side() -> None:
    """As many as there are workers."""
    registry = Registry()
    barrier = threading.Barrier(3, timeout=30)

    @registry.stage(id="load")
    def load() -> List[Page]:
        return pages(0, 1, 2, 3, 4, 5)

    @registry.stage(id="size")
    def size(page: Annotated[Page, Each()]) -> Size:
        barrier.wait()
        return Size(page.number)

    result = run(registry=registry, executor="threads", workers=3)
    assert [0, 1, 2, 3, 4, 5] == result["size"]


@pytest.mark.parametrize("kind", ["threads", "asyncio", "inline"])
@pytest.mark.parametrize("count", [1_000, pytest.param(10_000, marks=pytest.mark.slow)])
def test_ten_thousand_items(kind: str, count: int) -> None:
    """Are ten thousand calls, and one value; a thousand unless slow tests are run."""
    registry = Registry()

    @registry.stage(id="load")
    def load() -> List[Page]:
        return pages(*range(count))

    if kind == "asyncio":

        @registry.stage(id="size")
        async def size_soon(page: Annotated[Page, Each()]) -> Size:
            await asyncio.sleep(0)
            return Size(page.number)

        result = asyncio.run(arun(registry=registry, limits={"async": 100}))
    else:

        @registry.stage(id="size")
        def size(page: Annotated[Page, Each()]) -> Size:
            return Size(page.number)

        result = run(registry=registry, executor=kind, workers=4)
    assert list(range(count)) == result["size"]
    assert count == len(result.report("size").attempts)


def test_a_failure_cancels_the_items_that_run() -> None:
    """With ``on_failure="cancel"`` at once, not when they have ended by themselves."""
    registry = Registry()
    started: List[Any] = []

    @registry.stage(id="load")
    def load() -> List[Page]:
        return pages(0, 1)

    @registry.stage(id="size")
    async def size(page: Annotated[Page, Each()]) -> Size:
        if page.number == 0:
            started.append(asyncio.current_task())
            await asyncio.Event().wait()
        raise ValueError("torn")

    with pytest.raises(RunFailedError, match=r"size\[1\]"):
        asyncio.run(arun(registry=registry, on_failure="cancel"))
    assert 1 == len(started)


def test_hooks_hear_how_many_items_have_ended() -> None:
    """As progress of the stage, without an item; never more often than can be read."""
    hook = RecordingHook()
    registry = Registry()

    @registry.stage(id="load")
    def load() -> List[Page]:
        return pages(*range(2_000))

    @registry.stage(id="size")
    def size(page: Annotated[Page, Each()]) -> Size:
        return Size(page.number)

    run(registry=registry, executor="inline", hooks=[hook])
    told = [event for event in hook.events if isinstance(event, StageProgress)]
    assert told
    assert {(2_000, None)} == {(event.total, event.item) for event in told}
    assert 1 == told[0].done
    assert len(told) < 1_000


def test_a_stage_that_succeeded_has_no_item_that_failed() -> None:
    """``report.item`` is of failures alone."""
    registry = Registry()
    registry.add(lambda: [1, 2, 3], id="load", provides=List[int])

    @registry.stage(id="each", retries=1)
    def each(number: Annotated[int, Each()]) -> str:
        return str(number)

    assert None is run(registry=registry, executor="inline").report("each").item


@pytest.mark.parametrize("value", [5, "123", {"a": 1}, b"ab"])
@pytest.mark.parametrize("executor", ["inline", "threads", "processes"])
def test_what_is_no_list_is_told_of_the_stage_that_promised_one(value: Any, executor: Any) -> None:
    """A text has items, and is none; no item is called."""
    registry = Registry()
    registry.add(Returning(value), id="numbers", provides=List[Number])
    registry.add(twice, id="twice")
    result = run(registry=registry, executor=executor, check=False)
    (failed,) = result.failures
    assert "twice" == failed.stage_id
    assert isinstance(failed.error, BadValueError)
    assert "numbers" == failed.error.stage_id
    assert f"`numbers` returned, which is no list, but of type `{type(value).__name__}`" in str(
        failed.error
    )


def test_what_was_given_and_is_no_list_is_told_so() -> None:
    """No stage promised it."""
    registry = Registry()
    registry.add(twice, id="twice")
    result = run(registry=registry, values=[given("12", as_=List[Number])], check=False)
    assert "what was given, which is no list" in str(result.failures[0].error)


class Left(float):
    """Made of numbers, some of which fail."""


class Right(float):
    """Made of numbers, others of which fail."""


class Half(float):
    """Made of a left one."""


def sides(executor: Any, bad: Tuple[int, int], kinds: Any) -> Result:
    """Run stages that leave out an item each, and one that takes two lists side by side."""
    registry = Registry()
    registry.add(lambda: [Number(each) for each in range(4)], id="numbers", provides=List[Number])

    @registry.stage(id="left")
    def left(number: Annotated[Number, Each(on_error="skip")]) -> Left:
        return Left(1 // (number - bad[0]) + number)

    @registry.stage(id="right")
    def right(number: Annotated[Number, Each(on_error="skip")]) -> Right:
        return Right(1 // (number - bad[1]) + number)

    @registry.stage(id="half")
    def half(side: Annotated[Left, Each()]) -> Half:
        return Half(side / 2)

    one, other = kinds

    def pair(one: Any, other: Any) -> str:
        return f"{one} {other}"

    annotated: Dict[str, Any] = {
        "one": Annotated[one, Each()],
        "other": Annotated[other, Each()],
        "return": str,
    }
    pair.__annotations__ = annotated
    registry.add(pair, id="pair")
    return run(registry=registry, executor=executor, check=False)


@pytest.mark.parametrize("kinds", [(Left, Right), (Right, Left), (Half, Right), (Right, Half)])
@pytest.mark.parametrize("executor", ["inline", "threads"])
def test_lists_that_lack_other_items_are_no_pairs(executor: Any, kinds: Any) -> None:
    """Though they are equally long: the first one is of item 1, or of item 0."""
    (failed,) = sides(executor, (0, 3), kinds).failures
    assert ("pair", Reason.BAD_VALUE) == (failed.stage_id, failed.reason)
    assert "`left` and `right` left out items that failed" in str(failed.error)


@pytest.mark.parametrize(
    ("bad", "kinds", "count"),
    [((0, 9), (Left, Half), 3), ((9, 3), (Left, Half), 4), ((9, 9), (Half, Right), 4)],
)
def test_lists_that_lack_the_same_items_are_pairs(bad: Any, kinds: Any, count: int) -> None:
    """What one stage has left out is missing in what was made of its list, too."""
    result = sides("threads", bad, kinds)
    assert () == result.failures
    assert count == len(result["pair"])
