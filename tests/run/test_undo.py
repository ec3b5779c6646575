"""Undoing: what a failed run has done is taken back, last first."""

from __future__ import annotations

import asyncio
import copy
import pickle
from typing import Any, Iterator, List, Optional

import pytest
from typing_extensions import Annotated

from stagekit import (
    CancelToken,
    Each,
    Registry,
    Retry,
    Rollback,
    RunFailedError,
    arun,
    plan,
    run,
)
from stagekit.errors import RunCancelledError, UsageError
from stagekit.testing import VirtualClock
from tests.run.things import Base, Page, Size, Total, pages
from tests.run.ways import Way


class Order:
    """What the first stage makes."""


class Payment:
    """What the second one makes."""


class Parcel:
    """What the third one makes."""


def shop(way: Way, log: List[str], *, breaks: bool = True) -> None:
    """Declare order → payment → parcel → a stage that fails; each can be undone."""

    @way.stage(undo=lambda: log.append("undo order"))
    def order() -> Order:
        log.append("order")
        return Order()

    @way.stage(undo=lambda: log.append("undo payment"))
    def payment(order: Order) -> Payment:
        log.append("payment")
        return Payment()

    @way.stage(undo=lambda: log.append("undo parcel"))
    def parcel(payment: Payment) -> Parcel:
        log.append("parcel")
        return Parcel()

    @way.stage(undo=lambda: log.append("undo letter"))
    def letter(parcel: Parcel) -> None:
        if breaks:
            raise ValueError("no stamps")


def test_a_failed_run_is_undone_in_reverse_order(way: Way) -> None:
    """Each stage that succeeded is undone once, the last first; the one that failed is not."""
    log: List[str] = []
    shop(way, log)
    with pytest.raises(RunFailedError) as caught:
        way.run(rollback=True)
    result = caught.value.result
    assert ["order", "payment", "parcel", "undo parcel", "undo payment", "undo order"] == log
    assert [True, True, True, None] == [
        result.report(each).undone for each in ("order", "payment", "parcel", "letter")
    ]
    assert isinstance(caught.value.__cause__, ValueError)
    assert "succeeded" == result.report("order").outcome.value


def test_nothing_is_undone_unless_asked_for(way: Way) -> None:
    """Without ``rollback=True`` a failure leaves everything as it is."""
    log: List[str] = []
    shop(way, log)
    result = way.run(check=False)
    assert ["order", "payment", "parcel"] == log
    assert None is result.report("order").undone


def test_nothing_is_undone_where_the_run_succeeds(way: Way) -> None:
    """There is no reason to."""
    log: List[str] = []
    shop(way, log, breaks=False)
    assert way.run(rollback=True).ok
    assert ["order", "payment", "parcel"] == log


def test_a_failing_undo_does_not_stop_the_others(way: Way) -> None:
    """Every undoing is tried; the run says which ones failed."""
    log: List[str] = []

    def broken() -> None:
        log.append("undo payment")
        raise OSError("bank is closed")

    @way.stage(undo=lambda: log.append("undo order"))
    def order() -> Order:
        return Order()

    @way.stage(undo=broken)
    def payment(order: Order) -> Payment:
        return Payment()

    @way.stage
    def letter(payment: Payment) -> None:
        raise ValueError("no stamps")

    with pytest.raises(RunFailedError, match="could not be undone: OSError: bank is closed") as e:
        way.run(rollback=True)
    assert ["undo payment", "undo order"] == log
    report = e.value.result.report("payment")
    assert (False, "bank is closed") == (report.undone, str(report.undo_error))
    assert (True, None) == (
        e.value.result.report("order").undone,
        e.value.result.report("order").undo_error,
    )
    assert isinstance(e.value.__cause__, ValueError)


def test_an_undo_takes_what_the_stage_made_and_more(way: Way) -> None:
    """It is injected like a stage: the stage's own result, other stages', given values."""
    log: List[object] = []

    def take_back(size: Size, page: Page, base: Base) -> None:
        log.extend([size, page.number, base])

    @way.stage
    def page() -> Page:
        return Page(7)

    @way.stage(undo=take_back)
    def size(page: Page) -> Size:
        return Size(70)

    @way.stage
    def letter(size: Size) -> None:
        raise ValueError("no stamps")

    way.run(rollback=True, check=False, values=[Base(3)])
    assert [70, 7, 3] == log


def test_an_undo_may_be_async() -> None:
    """It is awaited on the loop of the run, or on one of its own."""
    registry = Registry()
    log: List[str] = []

    async def take_back(page: Page) -> None:
        await asyncio.sleep(0)
        log.append(f"undo {page.number}")

    @registry.stage(id="page", undo=take_back)
    def page() -> Page:
        return Page(1)

    @registry.stage(id="fail")
    def fail(page: Page) -> None:
        raise ValueError("no")

    for executor in ("inline", "threads", "auto"):
        run(registry=registry, executor=executor, rollback=True, check=False)
    asyncio.run(arun(registry=registry, rollback=True, check=False))
    assert ["undo 1"] * 4 == log


def test_nothing_is_undone_after_a_cancel(way: Way) -> None:
    """Nor after Ctrl-C: who stops a run may want to look at what it has done."""
    log: List[str] = []
    token = CancelToken()

    @way.stage(undo=lambda: log.append("undo"))
    def order() -> Order:
        token.cancel("enough")
        return Order()

    @way.stage
    def letter(order: Order) -> None:
        raise ValueError("no stamps")

    with pytest.raises(RunCancelledError) as caught:
        way.run(rollback=True, cancel=token)
    assert [] == log
    assert None is caught.value.result.report("order").undone
    assert "enough" == caught.value.reason == copy.copy(caught.value).reason


@pytest.mark.parametrize("executor", ["inline", "threads"])
def test_nothing_is_undone_after_ctrl_c(executor: str) -> None:
    """Whatever had been done before it."""
    registry = Registry()
    log: List[str] = []

    @registry.stage(id="order", undo=lambda: log.append("undo"))
    def order() -> Order:
        return Order()

    @registry.stage(id="stop")
    def stop(order: Order) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run(registry=registry, executor=executor, rollback=True)
    assert [] == log


def test_a_failure_that_does_not_count_undoes_nothing(way: Way) -> None:
    """A stage with ``critical=False`` does not fail the run."""
    log: List[str] = []

    @way.stage(undo=lambda: log.append("undo"))
    def order() -> Order:
        return Order()

    @way.stage(critical=False)
    def letter(order: Order) -> None:
        raise ValueError("no stamps")

    assert way.run(rollback=True).ok
    assert [] == log


def test_resources_stay_open_for_undoing(way: Way) -> None:
    """What an undo needs is closed after it."""
    log: List[str] = []

    def take_back(base: Base) -> None:
        log.append("undo")

    @way.stage
    def base() -> Iterator[Base]:
        log.append("open")
        yield Base(1)
        log.append("close")

    @way.stage(undo=take_back)
    def order(base: Base) -> Order:
        return Order()

    @way.stage
    def letter(order: Order) -> None:
        raise ValueError("no stamps")

    way.run(rollback=True, check=False)
    assert ["open", "undo", "close"] == log


def test_a_stage_for_each_item_is_undone_as_a_whole(way: Way) -> None:
    """Its undo takes the list of what its calls returned."""
    log: List[int] = []

    def take_back(sizes: List[Size]) -> None:
        log.extend(sizes)

    @way.stage
    def load() -> List[Page]:
        return pages(1, 2)

    @way.stage(undo=take_back)
    def size(page: Annotated[Page, Each()]) -> Size:
        return Size(page.number)

    @way.stage
    def letter(sizes: List[Size]) -> None:
        raise ValueError("no stamps")

    way.run(rollback=True, check=False)
    assert [1, 2] == log


def test_an_undo_that_takes_what_nobody_made(way: Way) -> None:
    """It gets None for what a stage that was not critical did not give."""
    log: List[object] = []

    def take_back(total: Optional[Total]) -> None:
        log.append(total)

    @way.stage(critical=False)
    def total() -> Total:
        raise ValueError("none")

    @way.stage(undo=take_back)
    def order() -> Order:
        return Order()

    @way.stage
    def letter(order: Order) -> None:
        raise ValueError("no stamps")

    way.run(rollback=True, check=False)
    assert [None] == log


def test_a_plan_can_be_undone_in_each_of_its_runs() -> None:
    """Nothing of one run is left in the next."""
    registry = Registry()
    log: List[str] = []

    @registry.stage(id="order", undo=lambda: log.append("undo"))
    def order() -> Order:
        return Order()

    @registry.stage(id="letter")
    def letter(order: Order) -> None:
        raise ValueError("no stamps")

    made = plan(registry=registry)
    for _ in range(3):
        made.run(rollback=True, check=False)
    assert ["undo"] * 3 == log


def test_a_failing_tear_down_of_a_run_that_was_undone(way: Way) -> None:
    """Both are told: what failed, and what could not be closed."""

    @way.stage
    def base() -> Iterator[Base]:
        yield Base(1)
        raise OSError("closed already")

    @way.stage(undo=lambda: None)
    def order(base: Base) -> Order:
        return Order()

    @way.stage
    def letter(order: Order) -> None:
        raise ValueError("no stamps")

    result = way.run(rollback=True, check=False)
    assert True is result.report("order").undone
    assert "closed already" == str(result.report("base").teardown_error)


def test_a_cancelled_run_is_undone_where_that_was_asked_for(way: Way) -> None:
    """With ``on_cancel=True``: what has succeeded, last first; the run is still cancelled."""
    log: List[str] = []
    token = CancelToken()

    @way.stage(undo=lambda: log.append("undo order"))
    def order() -> Order:
        return Order()

    @way.stage(undo=lambda: log.append("undo payment"))
    def payment(order: Order) -> Payment:
        token.cancel("enough")
        return Payment()

    @way.stage(undo=lambda: log.append("undo parcel"))
    def parcel(payment: Payment) -> Parcel:
        log.append("parcel")
        return Parcel()

    with pytest.raises(RunCancelledError) as caught:
        way.run(rollback=Rollback(on_cancel=True), cancel=token)
    assert ["undo payment", "undo order"] == log
    assert [True, True, None] == [each.undone for each in caught.value.result.reports()]


@pytest.mark.parametrize("executor", ["inline", "threads"])
def test_ctrl_c_and_a_deadline_are_cancels_that_may_be_undone(executor: str) -> None:
    """The exception is the same as without undoing."""
    for why in ("ctrl-c", "deadline"):
        registry, log, clock = Registry(), Log(), VirtualClock()

        @registry.stage(undo=log.undo)
        def order() -> Order:
            return Order()

        @registry.stage
        def payment(order: Order, why: str = why, clock: VirtualClock = clock) -> Payment:
            if why == "ctrl-c":
                raise KeyboardInterrupt
            clock.advance(60)
            return Payment()

        @registry.stage
        def parcel(payment: Payment) -> Parcel:
            raise AssertionError("it is not called")

        with pytest.raises((KeyboardInterrupt, RunCancelledError)) as caught:
            run(
                registry=registry,
                executor=executor,
                rollback=Rollback(on_cancel=True),
                deadline=50,
                clock=clock,
            )
        assert isinstance(caught.value, KeyboardInterrupt) == (why == "ctrl-c")
        assert ["undo"] == log


def test_what_failed_half_way_is_undone_where_that_was_asked_for(way: Way) -> None:
    """With ``Rollback(partial=True)``: unless its undo takes what it did not return."""
    log: List[str] = []

    @way.stage(undo=lambda: log.append("undo order"))
    def order() -> Order:
        return Order()

    def give_back(payment: Payment) -> None:
        raise AssertionError("there is none")

    @way.stage(undo=give_back)
    def payment(order: Order) -> Payment:
        raise ValueError("half way")

    @way.stage(undo=lambda: log.append("undo parcel"))
    def parcel(order: Order) -> Parcel:
        raise ValueError("half way, too")

    @way.stage(undo=lambda: log.append("undo letter"))
    def letter(payment: Payment) -> None:
        raise AssertionError("it is not called")

    with pytest.raises(RunFailedError) as caught:
        way.run(rollback=Rollback(partial=True), on_failure="continue")
    assert ["undo parcel", "undo order"] == log
    result = caught.value.result
    undone = {report.stage_id.rpartition(".")[2]: report.undone for report in result.reports()}
    assert {"order": True, "payment": False, "parcel": True, "letter": None} == undone
    (told,) = [each.undo_error for each in result.reports() if each.undone is False]
    assert "its undo takes what it did not return" == str(told)


def test_an_undo_is_tried_again_as_its_stage_would_be() -> None:
    """On the same errors, after the same waits, as often; the next one follows then."""
    registry, log, clock = Registry(), Log(), VirtualClock()

    @registry.stage(undo=log.undo)
    def order() -> Order:
        return Order()

    def flaky() -> None:
        log.append(str(clock.seconds))
        if len(log) < 3:
            raise OSError

    @registry.stage(undo=flaky, retries=Retry(3, on=OSError, wait=10, jitter=False))
    def payment(order: Order) -> Payment:
        return Payment()

    def broken() -> None:
        log.append("broken")
        raise ValueError("for ever")

    @registry.stage(undo=broken, retries=Retry(3, on=OSError, wait=10, jitter=False))
    def parcel(payment: Payment) -> Parcel:
        return Parcel()

    @registry.stage
    def letter(parcel: Parcel) -> None:
        raise ValueError("no stamps")

    result = run(registry=registry, executor="threads", rollback=True, clock=clock, check=False)
    assert ["broken", "0.0", "10.0", "undo"] == log
    assert [True, True, False, None] == [each.undone for each in result.reports()]


def test_what_is_no_rollback_is_refused() -> None:
    """A run takes True, False or a ``Rollback``; that takes True or False of each of its parts."""
    registry = Registry()
    registry.add(lambda: None, id="a")
    wrong: Any = 3
    with pytest.raises(UsageError, match=r"rollback takes True, False or a Rollback\(.*, got 3"):
        run(registry=registry, rollback=wrong)
    text = "Rollback: on_cancel must be True or False, got 3; partial must be True or False, got 3"
    with pytest.raises(ValueError, match=text):
        Rollback(on_cancel=wrong, partial=wrong)


def test_a_rollback_is_a_frozen_record() -> None:
    """It is equal to one with the same parts, cannot be changed, and can be sent."""
    made = Rollback(on_cancel=True)
    assert (made, Rollback()) == (Rollback(on_cancel=True, partial=False), Rollback())
    assert made != Rollback(partial=True)
    assert "Rollback(on_cancel=True, partial=False)" == repr(made)
    with pytest.raises(AttributeError, match="make another to change 'partial'"):
        made.partial = True
    with pytest.raises(AttributeError, match="make another to change 'partial'"):
        del made.partial
    assert made == pickle.loads(pickle.dumps(made))  # noqa: S301 - our own


class Log(List[str]):
    """A list that an undo without arguments can write to."""

    def undo(self) -> None:
        """Note that something was undone."""
        self.append("undo")


def test_what_was_never_called_is_not_undone(way: Way) -> None:
    """Nor with ``Rollback(partial=True)``: there is nothing to undo."""
    log: List[str] = []

    @way.stage()
    def order() -> Order:
        raise ValueError("the run stops")

    @way.stage(undo=lambda: log.append("undo parcel"))
    def parcel(order: Order) -> Parcel:
        raise AssertionError("it is not called")

    @way.stage(critical=False, undo=lambda: log.append("undo letter"))
    def letter(order: Order) -> None:
        raise AssertionError("it is not called")

    with pytest.raises(RunFailedError) as caught:
        way.run(rollback=Rollback(partial=True))
    assert [] == log
    assert {None} == {report.undone for report in caught.value.result.reports()}
