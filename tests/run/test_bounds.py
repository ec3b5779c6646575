"""Bounds of what follows the stages of a run: tear-downs and compensations."""

from __future__ import annotations

import asyncio
import os
import signal
import threading
from typing import Any, AsyncIterator, Callable, Iterator, List, Optional

import pytest

from stagekit import CancelToken, Registry, Result, run
from stagekit._run import compensation as undoing_
from stagekit._run.session import Session
from stagekit._run.state import resources as tearing
from stagekit.errors import StageCancelledError, StageTimeoutError
from stagekit.events import RunStatus
from tests.run.timed import PATIENCE, Timed

pytestmark = pytest.mark.filterwarnings("ignore:.*bounds the wait for it:")

THREADS = ("threads", "arun threads")
LOOPS = ("asyncio", "arun asyncio")
LATE = 6  # seconds


class Db:
    """A resource."""


class Session_(Db):  # noqa: N801 - there is another Session here
    """A resource made with another one."""


class Order:
    """What a stage makes."""


@pytest.fixture(params=[*THREADS, *LOOPS])
def bounded(request: pytest.FixtureRequest) -> Iterator[Timed]:
    """Give one way whose waits can be bounded, with a clock."""
    made = Timed(request.param)
    yield made
    made.close()


def time_passes(timed: Timed) -> None:
    """Have time pass until the test is over, which is when the run has ended."""
    while not timed.released.wait(0.001):
        timed.clock.advance(1)


def ending(timed: Timed, *, obeys: bool, begin: Callable[[], object] = lambda: None) -> Any:
    """Return a resource whose tear-down takes longer than it may, and ends when told to or never.

    Args:
        timed: a way to run.
        obeys: whether it ends when it is told to.
        begin: called when the tear-down begins; has the time pass.
    """

    async def on_loop(token: CancelToken) -> AsyncIterator[Db]:
        yield Db()
        begin()
        while True:
            try:
                await asyncio.Event().wait()
            except asyncio.CancelledError:
                if obeys or timed.released.is_set():
                    raise
                timed.clock.advance(1)
                timed.released.set()

    def in_thread(token: CancelToken) -> Iterator[Db]:
        yield Db()
        begin()
        if obeys:
            assert token.wait(PATIENCE)
            token.raise_if_cancelled()
        time_passes(timed)

    return on_loop if timed.is_async else in_thread


@pytest.fixture
def released(monkeypatch: pytest.MonkeyPatch) -> Iterator[threading.Event]:
    """Give an event that lets threads end that were given up on; they are, after the test."""
    for module in (tearing, undoing_):
        monkeypatch.setattr(module, "LAST_WORD", tearing.LAST_WORD // 10)
    before, event = set(threading.enumerate()), threading.Event()
    yield event
    event.set()
    for thread in set(threading.enumerate()) - before:
        if thread.name.startswith("stagekit"):
            thread.join(PATIENCE)


def late(timed: Timed) -> Callable[[], None]:
    """Return what has time pass."""
    return lambda: timed.clock.advance(LATE)


@pytest.mark.parametrize("obeys", [True, False])
def test_a_tear_down_has_the_time_limit_of_its_stage(bounded: Timed, *, obeys: bool) -> None:
    """It is told to end, then given up on and named; the run has failed."""
    bounded.registry.add(ending(bounded, obeys=obeys, begin=late(bounded)), id="db", timeout=5)
    result = bounded.run()
    report = result.report("db")
    assert RunStatus.FAILED is result.status
    assert isinstance(report.teardown_error, (StageTimeoutError, StageCancelledError))
    assert ("db",) * (not obeys) == result.abandoned
    if obeys:
        assert "took longer than its time limit of 5 s" == str(report.teardown_error)
    else:
        with pytest.raises(Exception, match="given up on, may still be running: db"):
            result.raise_for_failures()


def test_without_a_time_limit_a_tear_down_takes_its_time(timed: Timed) -> None:
    """Nothing was said to bound it: the run waits, as for a stage."""

    @timed.declare()
    def db() -> Iterator[Db]:
        yield Db()
        timed.clock.advance(1000)

    @timed.declare()
    def use(db: Db) -> None: ...

    assert timed.run(grace=1).ok


@pytest.mark.parametrize("obeys", [True, False])
def test_after_a_cancel_the_grace_bounds_a_tear_down(bounded: Timed, *, obeys: bool) -> None:
    """P9: it is shielded for so long, and no longer."""
    token = CancelToken()
    bounded.registry.add(ending(bounded, obeys=obeys, begin=late(bounded)), id="db", timeout=100)

    def use(db: Db) -> None:
        token.cancel("enough")

    bounded.registry.add(use, id="use")
    result = bounded.run(cancel=token, grace=5)
    assert RunStatus.CANCELLED is result.status
    assert result.report("db").teardown_error is not None
    assert ("db",) * (not obeys) == result.abandoned


@pytest.mark.parametrize("name", THREADS)
def test_a_cancel_while_a_resource_is_closed_bounds_that_too(name: str) -> None:
    """What takes its time has the grace from then on."""
    timed, token = Timed(name), CancelToken()

    def db() -> Iterator[Db]:
        yield Db()
        token.cancel("enough")
        time_passes(timed)

    timed.registry.add(db, id="db")
    result = timed.run(cancel=token, grace=5)
    timed.close()
    assert RunStatus.CANCELLED is result.status
    assert "time limit of 5 s" in str(result.report("db").teardown_error)


def test_what_a_tear_down_uses_is_not_closed_once_it_was_given_up_on() -> None:
    """It may use it still; what has nothing to do with it is closed."""
    timed = Timed("threads")
    log: List[str] = []

    def db() -> Iterator[Db]:
        yield Db()
        log.append("db")

    def session(db: Db) -> Iterator[Session_]:
        yield Session_()
        time_passes(timed)

    def other() -> Iterator[Order]:
        yield Order()
        log.append("other")

    def use(session: Session_, order: Order) -> None: ...

    timed.registry.add(db, id="db")
    timed.registry.add(session, id="session", timeout=5)
    timed.registry.add(other, id="other")
    timed.registry.add(use, id="use")
    result = timed.run()
    timed.close()
    assert (["other"], ("session",)) == (log, result.abandoned)
    assert "took longer than its time limit of 5 s" == str(result.report("session").teardown_error)


def press_ctrl_c() -> None:
    """Send this process what the terminal sends."""
    os.kill(os.getpid(), signal.SIGINT)


@pytest.fixture
def interrupted(monkeypatch: pytest.MonkeyPatch) -> threading.Event:
    """Give an event that is set once a run has taken notice of an interruption."""
    event = threading.Event()
    interrupt = Session.interrupt

    def noticed(self: Session, error: Any = None) -> None:
        interrupt(self, error)
        event.set()

    monkeypatch.setattr(Session, "interrupt", noticed)
    return event


def interrupted_result(timed: Timed, **options: Any) -> Result:
    """Run, and return the result of the run that Ctrl-C ended."""
    with pytest.raises(KeyboardInterrupt) as caught:
        timed.run(**options)
    result: Optional[Result] = getattr(caught.value, "result", None)
    assert isinstance(result, Result)
    return result


def test_a_second_ctrl_c_ends_the_wait_for_a_tear_down(interrupted: threading.Event) -> None:
    """R23, R24: the first one lets it go on; after the second it is given up on, and named."""
    timed = Timed("threads")

    def db() -> Iterator[Db]:
        yield Db()
        press_ctrl_c()
        assert interrupted.wait(PATIENCE)
        press_ctrl_c()
        assert timed.released.wait(PATIENCE)

    timed.registry.add(db, id="db")
    result = interrupted_result(timed)
    timed.close()
    assert ("db",) == result.abandoned
    assert "cancelled: its tear-down had not ended" == str(result.report("db").teardown_error)
    assert 0.0 == timed.clock.seconds


def undoing(timed: Timed, *, obeys: bool, log: List[str]) -> Any:
    """Return a compensation that takes longer than it may."""

    async def on_loop() -> None:
        timed.clock.advance(LATE)
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            log.append("told")
            if obeys:
                raise
            timed.clock.advance(1)
            await asyncio.shield(asyncio.Event().wait())

    def in_thread() -> None:
        time_passes(timed)

    return on_loop if timed.is_async else in_thread


@pytest.mark.parametrize("timeout", [None, 5])
def test_a_compensation_that_takes_too_long_is_given_up_on(
    bounded: Timed, timeout: Optional[float]
) -> None:
    """R28: it has the time limit of its stage, or the grace of the run; the others still run."""
    log: List[str] = []

    @bounded.declare(undo=lambda: log.append("order"))
    def order() -> None: ...

    bounded.stage(
        lambda: None,
        id="parcel",
        depends_on="order",
        timeout=timeout,
        undo=undoing(bounded, obeys=False, log=log),
    )

    @bounded.declare(depends_on="parcel")
    def letter() -> None:
        raise ValueError("no stamps")

    options = {} if timeout else {"grace": 5}
    result = bounded.run(rollback=True, **options)
    report = result.report("parcel")
    assert "order" == log[-1]
    assert (False, ("parcel",)) == (report.undone, result.abandoned)
    assert "took longer than its time limit of 5 s" == str(report.undo_error)
    assert True is result.report("order").undone


def test_a_compensation_that_ends_when_it_is_told_to_is_not_given_up_on() -> None:
    """It has failed all the same: nobody knows what it has undone."""
    for name in LOOPS:
        timed = Timed(name)
        log: List[str] = []
        timed.stage(lambda: None, id="parcel", undo=undoing(timed, obeys=True, log=log))

        @timed.declare(depends_on="parcel")
        def letter() -> None:
            raise ValueError("no stamps")

        result = timed.run(rollback=True, grace=5)
        assert (["told"], ()) == (log, result.abandoned)
        assert isinstance(result.report("parcel").undo_error, StageTimeoutError)


def test_a_resource_that_a_compensation_may_use_is_not_closed_once_it_was_given_up_on() -> None:
    """As with stages."""
    timed = Timed("threads")
    log: List[str] = []

    def db() -> Iterator[Db]:
        yield Db()
        log.append("closed")

    def undo(db: Db) -> None:
        time_passes(timed)

    def order(db: Db) -> Order:
        return Order()

    def fails(order: Order) -> None:
        raise ValueError("no stamps")

    timed.registry.add(db, id="db")
    timed.registry.add(order, id="order", undo=undo)
    timed.registry.add(fails, id="fails")
    result = timed.run(rollback=True, grace=5)
    timed.close()
    assert ([], ("order",)) == (log, result.abandoned)


def test_a_second_ctrl_c_ends_undoing(interrupted: threading.Event) -> None:
    """What is being undone is given up on; what has not begun is not undone, and says so."""
    timed = Timed("threads")
    log: List[str] = []

    def undo() -> None:
        press_ctrl_c()
        assert interrupted.wait(PATIENCE)
        press_ctrl_c()
        assert timed.released.wait(PATIENCE)

    def fails() -> None:
        raise ValueError("no stamps")

    timed.registry.add(lambda: None, id="a", undo=lambda: log.append("a"))
    timed.registry.add(lambda: None, id="b", undo=undo, depends_on="a")
    timed.registry.add(fails, id="fails", depends_on="b")
    result = interrupted_result(timed, rollback=True)
    timed.close()
    assert ([], ("b",)) == (log, result.abandoned)
    assert ["cancelled: its undo had not begun", "cancelled: its undo had not ended"] == [
        str(result.report(each).undo_error) for each in "ab"
    ]


def test_the_bounds_hold_on_the_clock_of_the_machine(released: threading.Event) -> None:
    """Real time: a tear-down and a compensation that hang do not keep the run."""
    registry = Registry()

    def db() -> Iterator[Db]:
        yield Db()
        assert released.wait(PATIENCE)

    def order(db: Db) -> None: ...

    def fails() -> None:
        raise ValueError("no stamps")

    registry.add(db, id="db", timeout=0.01)
    registry.add(lambda: None, id="order", undo=lambda: released.wait(PATIENCE))
    registry.add(order, id="use")
    registry.add(fails, id="fails", depends_on=("order", "use"))
    result = run(registry=registry, rollback=True, grace=0.01, check=False)
    assert ("order", "db") == result.abandoned
    assert isinstance(result.report("order").undo_error, StageTimeoutError)
    assert isinstance(result.report("db").teardown_error, StageTimeoutError)


def test_what_was_set_up_too_late_has_the_grace_to_be_torn_down(
    released: threading.Event,
) -> None:
    """It counts as failed; that it does not end is told."""
    registry = Registry()

    def db(token: CancelToken) -> Iterator[Db]:
        assert token.wait(PATIENCE)
        yield Db()
        assert released.wait(PATIENCE)

    registry.add(db, id="db", timeout=0.01)
    result = run(registry=registry, grace=0.01, check=False)
    assert ("db",) == result.abandoned
