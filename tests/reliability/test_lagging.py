"""R13: a stage that blocks the event loop."""

from __future__ import annotations

import asyncio
import threading
from typing import Callable, Dict, List, Tuple

import pytest

from stagekit import CancelToken, Registry, Result, arun, plan, run
from stagekit._run.guards import loop_watchdog as lagging
from stagekit.errors import StagekitWarning
from stagekit.events import RunStatus

PATIENCE = 30  # seconds after which a wait in a test has failed

WAYS: Dict[str, Callable[[Registry], Result]] = {
    "run": lambda registry: run(registry=registry),
    "run with a deadline": lambda registry: run(registry=registry, deadline=PATIENCE),
    "arun": lambda registry: asyncio.run(arun(registry=registry)),
    "arun with a deadline": lambda registry: asyncio.run(
        arun(registry=registry, deadline=PATIENCE)
    ),
}


def _start(call: Callable[..., object], args: Tuple[object, ...]) -> None:
    """Start one of ``threading``'s threads: the lines that others run are not seen."""
    threading.Thread(target=call, args=args, daemon=True).start()


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch) -> threading.Event:
    """Have watches be impatient; give an event that is set once one has looked at a thread."""
    event = threading.Event()
    describe = lagging.LoopWatch.describe

    def seen(self: lagging.LoopWatch) -> str:
        text = describe(self)
        if text:
            event.set()
        return text

    monkeypatch.setattr(lagging, "PATIENCE", 0.02)
    monkeypatch.setattr(lagging, "LOOK", 0.005)
    monkeypatch.setattr(lagging.LoopWatch, "describe", seen)
    monkeypatch.setattr(lagging, "_watchman", lagging._Watchman())  # at its own pace
    monkeypatch.setattr(lagging, "start_new_thread", _start)
    return event


@pytest.mark.parametrize("way", WAYS)
def test_a_stage_that_blocks_the_loop_is_named_once(way: str, told: threading.Event) -> None:
    """The warning says where, and what to do; the run goes on."""
    registry = Registry()

    def slow() -> None:
        assert told.wait(PATIENCE)

    async def load(times: int = 2) -> int:
        for _ in range(times):
            slow()
            await asyncio.sleep(0)
        return 1

    registry.add(load, id="load")
    registry.add(lambda: 2, id="beside")
    with pytest.warns(StagekitWarning, match="'load' has blocked the event loop") as caught:
        result = WAYS[way](registry)
    (text,) = result.warnings
    assert 1 == len([each for each in caught if "blocked" in str(each.message)])
    assert "test_lagging.py:" in text
    assert ", in slow()" in text or ", in wait()" in text
    assert result.ok


class Loads:
    """A stage that is an object."""

    def __init__(self, told: threading.Event) -> None:
        self.told = told

    async def __call__(self) -> int:
        """Block the loop."""
        return int(self.told.wait(PATIENCE))


def test_an_object_that_blocks_the_loop_is_named(told: threading.Event) -> None:
    """It is its ``__call__`` that is found in the way of the loop."""
    registry = Registry()
    registry.add(Loads(told), id="load")
    with pytest.warns(StagekitWarning, match="'load' has blocked the event loop"):
        assert 1 == run(registry=registry)["load"]


def test_a_loop_that_is_closed_is_not_asked_again() -> None:
    """Whoever closes it may be quicker than the end of the run."""
    registry, notices = Registry(), [""]
    registry.add(lambda: None, id="load")
    loop = asyncio.new_event_loop()
    loop.close()
    watch = lagging.LoopWatch(plan(registry=registry), notices).on(loop)
    watch.look()
    watch.look()
    assert watch.is_done
    assert [""] == notices


@pytest.mark.parametrize("way", WAYS)
def test_a_stage_that_awaits_blocks_nobody(
    way: str, told: threading.Event, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However long it takes, and whatever a plain stage does in its thread."""
    registry, looks = Registry(), threading.Event()
    look = lagging.LoopWatch.look
    count: List[int] = []

    def counted(self: lagging.LoopWatch) -> None:
        look(self)
        count.append(1)
        if len(count) > 12:
            looks.set()

    monkeypatch.setattr(lagging.LoopWatch, "look", counted)

    async def load() -> None:
        await asyncio.get_running_loop().run_in_executor(None, looks.wait, PATIENCE)

    registry.add(load, id="load")
    registry.add(lambda: looks.wait(PATIENCE), id="plain")
    result = WAYS[way](registry)
    assert () == result.warnings
    assert not told.is_set()


def test_inline_a_plain_stage_may_take_its_time(told: threading.Event) -> None:
    """It is called on the loop because that was asked for; nothing is watched."""
    registry = Registry()
    registry.add(lambda: threading.Event().wait(0.03), id="plain")
    assert () == asyncio.run(arun(registry=registry, executor="inline")).warnings
    assert not told.is_set()


def test_a_cancel_does_not_wait_for_a_blocked_loop() -> None:
    """P7: its stage is given up on after the grace, and named; the loop is in its own thread."""
    registry, token = Registry(), CancelToken()
    inside, released = threading.Event(), threading.Event()
    threads: List[threading.Thread] = []

    async def load() -> None:
        threads.append(threading.current_thread())
        inside.set()
        assert released.wait(PATIENCE)

    registry.add(load, id="load")

    def cancel() -> None:
        assert inside.wait(PATIENCE)
        token.cancel()

    canceller = threading.Thread(target=cancel)
    canceller.start()
    try:
        result = run(registry=registry, cancel=token, grace=0.05, check=False)
        assert not released.is_set()
    finally:
        released.set()
        canceller.join()
        threads[0].join(PATIENCE)
    assert RunStatus.CANCELLED is result.status
    assert ("load",) == result.abandoned
