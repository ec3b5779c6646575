"""Where a stage runs, and how long a cancelled run waits: whatever else is in the run."""

from __future__ import annotations

import asyncio
import contextlib
import inspect
import signal
import threading
import time
from typing import Any, Callable, Dict, Iterator, List

import pytest

from stagekit import CancelToken, Registry, RunCancelledError, run

PATIENCE = 30

# What another stage may say, that has nothing to do with where this one runs.
OTHERS: Dict[str, Dict[str, Any]] = {
    "nothing": {},
    "retries": {"retries": 1},
    "time limit": {"timeout": 60},
    "slots": {"resources": {"db": 1}},
    "undo": {"undo": lambda: None},
}


def here() -> str:
    """Return the name of the thread that calls it."""
    return threading.current_thread().name


async def here_too() -> str:
    """Return the name of the thread whose loop awaits it."""
    await asyncio.sleep(0)
    return threading.current_thread().name


@pytest.mark.filterwarnings("ignore:SK22[45]")  # of time limits that bound a wait, and guesses
@pytest.mark.parametrize("other", OTHERS)
@pytest.mark.parametrize("function", [here, here_too])
def test_where_a_stage_runs_depends_on_no_other_stage(
    function: Callable[[], object], other: str
) -> None:
    """What another stage asks for moves a stage to no other thread."""
    registry = Registry()
    registry.add(function, id="first")
    registry.add(function, id="other", depends_on="first", **OTHERS[other])
    registry.add(function, id="last", depends_on="other")
    result = run(registry=registry)
    assert ["MainThread"] * 2 == [result["first"], result["last"]]


@pytest.fixture
def released() -> Iterator[threading.Event]:
    """Give an event that lets stages end, at the latest after the test."""
    event, before = threading.Event(), set(threading.enumerate())
    yield event
    event.set()
    for thread in threading.enumerate():
        if thread not in before and thread.name.startswith("stagekit"):
            thread.join(PATIENCE)


def plain(released: threading.Event) -> Any:
    """Return a plain stage that does not end when it is told to."""

    def stubborn() -> None:
        assert released.wait(PATIENCE)

    return stubborn


def asynchronous(released: threading.Event) -> Any:
    """Return an async stage that does not end when it is told to."""

    async def stubborn() -> None:
        while not released.is_set():
            with contextlib.suppress(asyncio.CancelledError):
                await asyncio.sleep(0.01)

    return stubborn


MIXES: Dict[str, List[Callable[[threading.Event], Any]]] = {
    "plain": [plain, plain],
    "async": [asynchronous, asynchronous],
    "both": [plain, asynchronous],
}


@pytest.mark.parametrize(
    ("how", "mix", "is_listened_to"),
    [
        pytest.param(
            how,
            mix,
            is_listened_to,
            marks=[] if (how == "ctrl-c") is is_listened_to else pytest.mark.slow,
        )
        for how in ("token", "ctrl-c")
        for mix in MIXES
        for is_listened_to in (False, True)
    ],
)
def test_grace_holds_in_every_run(
    mix: str, how: str, is_listened_to: bool, released: threading.Event
) -> None:
    """A cancelled run waits for its stages for the grace, and names those it has given up on."""
    registry, token = Registry(), CancelToken()
    running = threading.Semaphore(0)
    for number, make in enumerate(MIXES[mix]):
        registry.add(_announced(make(released), running), id=f"s{number}")

    def cancel() -> None:
        for _ in MIXES[mix]:
            assert running.acquire(timeout=PATIENCE)
        if how == "token":
            token.cancel()
        else:
            signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGINT)

    thread = threading.Thread(target=cancel)
    thread.start()
    since = time.monotonic()
    options: Dict[str, Any] = {"cancel": token} if how == "token" else {}
    if is_listened_to:
        options["hooks"] = [_ignore]
    with pytest.raises((RunCancelledError, KeyboardInterrupt)) as caught:
        run(registry=registry, executor="threads", grace=0.2, **options)
    thread.join(PATIENCE)
    assert time.monotonic() - since < PATIENCE / 2, "nobody has given up on them"
    result: Any = vars(caught.value)["result"]
    assert {"s0", "s1"} == set(result.abandoned)


def _ignore(_event: object) -> None:
    """Be notified, and do nothing."""


def _announced(function: Any, running: threading.Semaphore) -> Any:
    if inspect.iscoroutinefunction(function):

        async def stage() -> None:
            running.release()
            await function()

        return stage

    def plain_stage() -> None:
        running.release()
        function()

    return plain_stage
