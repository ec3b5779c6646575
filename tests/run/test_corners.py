"""Rare turns of a run: what follows a failure in a hot loop, and of resources that end badly."""

from __future__ import annotations

import asyncio
import contextvars
import gc
import os
import signal
import sys
import threading
import time
from types import ModuleType
from typing import Any, AsyncIterator, Dict, Generator, Iterator, List, Tuple

import pytest
from loguru import logger

from stagekit import Registry, Result, arun, plan, run
from stagekit._run import resources
from stagekit._run.backends import threads as backend_threads
from stagekit._run.fast import threads as fast_threads
from stagekit._run.guards import log_context
from stagekit._run.guards.log_context import bound_plan
from stagekit.errors import MachineLimitError
from stagekit.events import Reason

PATIENCE = 30


def fails() -> None:
    """Raise."""
    raise ValueError("no")


async def fails_too() -> None:
    """Raise, on the loop."""
    raise ValueError("no")


def nothing() -> int:
    """Break a promise."""
    return None  # type: ignore[return-value]  # pyright: ignore[reportReturnType]


async def nothing_too() -> int:
    """Break a promise, on the loop."""
    return None  # type: ignore[return-value]  # pyright: ignore[reportReturnType]


@pytest.mark.parametrize(
    ("executor", "functions"),
    [
        ("inline", (fails, nothing)),
        ("threads", (fails, nothing)),
        ("threads", (fails_too, nothing_too)),
    ],
)
def test_a_promise_is_kept_after_a_failure_too(executor: str, functions: Any) -> None:
    """A stage that returns nothing where it promised a number fails, whatever failed before."""
    registry = Registry()
    for number, function in enumerate(functions):
        before = ["gate"] if number else []
        registry.add(function, id=f"s{number}", depends_on=before, priority=-number)
    registry.add(lambda: None, id="gate", priority=-1)
    result = run(registry=registry, executor=executor, on_failure="continue", check=False)
    assert Reason.BAD_VALUE is result.report("s1").reason


def test_a_stage_with_two_parents_starts_after_a_failure_elsewhere() -> None:
    """In the hot loop of threads, too."""
    registry = Registry()
    registry.add(fails, id="fails", priority=9)
    for name, before in (("a", []), ("b", ["a"]), ("c", ["a"]), ("d", ["b", "c"])):
        registry.add(lambda: time.sleep(0.001), id=name, depends_on=before)
    result = run(registry=registry, executor="threads", on_failure="continue", check=False)
    assert {"failed": 1, "succeeded": 4} == result.counts()


def test_a_run_with_policies_goes_on_with_the_threads_it_can_get(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Where the machine gives no second thread, the first one makes all calls."""

    class Scarce(threading.Thread):
        made = 0

        def start(self) -> None:
            Scarce.made += 1
            if Scarce.made > 1:
                raise RuntimeError("can't start new thread")
            super().start()

    monkeypatch.setattr(backend_threads, "Thread", Scarce)
    registry = Registry()
    for number in range(8):
        registry.add(lambda: threading.get_ident(), id=f"s{number}", retries=1)
    result = run(registry=registry, executor="threads", workers=4)
    assert 1 == len({result[f"s{number}"] for number in range(8)})


def yields_nothing() -> Iterator[int]:
    """Break a promise, and fail to be torn down."""
    try:
        yield None  # type: ignore[misc]  # pyright: ignore[reportReturnType]
    finally:
        raise OSError("torn")


async def yields_nothing_too() -> AsyncIterator[int]:
    """Break a promise, and fail to be torn down, on the loop."""
    try:
        yield None  # type: ignore[misc]  # pyright: ignore[reportReturnType]
    finally:
        raise OSError("torn")


def yields_twice() -> Iterator[int]:
    """Yield a second time, and object to being closed."""
    try:
        yield 1
        yield 2
    finally:
        raise OSError("closed")


async def yields_twice_too() -> AsyncIterator[int]:
    """Yield a second time, and object to being closed, on the loop."""
    try:
        yield 1
        yield 2
    finally:
        raise OSError("closed")


@pytest.mark.parametrize("executor", ["inline", "threads"])
@pytest.mark.parametrize("resource", [yields_nothing, yields_nothing_too])
def test_a_resource_that_breaks_its_promise_is_torn_down(executor: str, resource: Any) -> None:
    """What its tear-down raises stands beside the broken promise."""
    registry = Registry()
    registry.add(resource, id="resource")
    registry.add(lambda: None, id="uses", depends_on="resource")
    result = run(registry=registry, executor=executor, check=False)
    report = result.report("resource")
    assert Reason.BAD_VALUE is report.reason
    if sys.version_info >= (3, 11):
        assert any("torn" in note for note in report.error.__notes__)  # type: ignore[union-attr]


@pytest.mark.parametrize("executor", ["inline", "threads"])
@pytest.mark.parametrize("resource", [yields_twice, yields_twice_too])
def test_a_resource_that_yields_twice_is_closed(executor: str, resource: Any) -> None:
    """What it raises while it is closed is the cause of what is reported."""
    registry = Registry()
    registry.add(resource, id="resource")
    registry.add(lambda: None, id="uses", depends_on="resource")
    result = run(registry=registry, executor=executor, check=False)
    error = result.report("resource").teardown_error
    assert "second time" in str(error)
    assert isinstance(error, BaseException)
    assert "closed" in str(error.__cause__)


@pytest.mark.skipif(sys.platform == "win32", reason="signals are not sent there")
@pytest.mark.parametrize("signals", [1, 2])
def test_ctrl_c_interrupts_a_stage_that_blocks_the_loop(signals: int) -> None:
    """The second one at once, and the end of the grace after a single one."""
    seen: List[BaseException] = []

    async def blocks() -> None:
        for _ in range(signals):
            os.kill(os.getpid(), signal.SIGINT)
            time.sleep(0.01)  # noqa: ASYNC251 - it blocks the loop on purpose
        try:
            time.sleep(PATIENCE)  # noqa: ASYNC251 - as above
        except KeyboardInterrupt as error:
            seen.append(error)
            raise

    registry = Registry()
    registry.add(blocks, id="blocks")
    registry.add(lambda: None, id="plain")
    since = time.monotonic()
    try:
        with pytest.raises(KeyboardInterrupt) as caught:
            run(registry=registry, executor="threads", grace=0.2)
    finally:
        asyncio.set_event_loop(None)
    assert time.monotonic() - since < PATIENCE
    result: object = vars(caught.value)["result"]
    assert isinstance(result, Result)
    assert "cancelled" == result.report("blocks").outcome.value


@pytest.mark.parametrize("on_failure", ["stop", "cancel"])
def test_a_resource_that_gets_no_thread_fails(
    on_failure: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The error says what the machine refuses; the run ends, and nothing is left."""

    class NoThread(threading.Thread):
        def start(self) -> None:
            raise RuntimeError("can't start new thread")

    def resource() -> Iterator[int]:
        yield 1

    monkeypatch.setattr(resources, "Thread", NoThread)
    registry = Registry()
    registry.add(resource, id="resource")
    registry.add(lambda: None, id="uses", depends_on="resource")
    result = run(registry=registry, executor="threads", on_failure=on_failure, check=False)
    assert "no more threads" in str(result.report("resource").error)
    assert {"failed": 1, "skipped": 1} == result.counts()


@pytest.mark.parametrize("options", [{}, {"grace": 1}])
def test_an_awaited_run_without_threads_says_so(
    options: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What the machine refuses is no defect of ours, on a loop either."""

    class NoThread(threading.Thread):
        def start(self) -> None:
            raise RuntimeError("can't start new thread")

    monkeypatch.setattr(fast_threads, "Thread", NoThread)
    registry = Registry()
    registry.add(lambda: None, id="plain")
    with pytest.raises(MachineLimitError, match="no more threads"):
        asyncio.run(arun(registry=registry, executor="threads", **options))


begun: List[int] = []


async def deaf() -> int:
    """Do not end, whoever asks."""
    begun.append(1)
    while True:
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            logger.debug("no")


async def deaf_resource() -> AsyncIterator[int]:
    """Never open, whoever asks."""
    yield await deaf()


GIVEN_UP: Dict[str, Tuple[Any, Dict[str, Any]]] = {
    "stage": (deaf, {}),
    "stage with retries": (deaf, {"retries": 1}),
    "resource": (deaf_resource, {}),
}


@pytest.mark.parametrize("kind", GIVEN_UP)
def test_what_was_given_up_on_is_thrown_away_in_silence(
    kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A coroutine that the collector closes, in a context of its own, has nothing to say."""
    ignored: List[object] = []

    def ignore(what: Any) -> None:
        ignored.append(what.exc_value)

    monkeypatch.setattr(sys, "unraisablehook", ignore)
    registry = Registry()
    fn, options = GIVEN_UP[kind]
    registry.add(fn, id="deaf", **options)

    async def carry_out() -> None:
        begun.clear()
        task = asyncio.ensure_future(arun(registry=registry, grace=0.02))
        while not begun:
            await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    loop = asyncio.new_event_loop()
    try:
        loop.run_until_complete(carry_out())
    finally:
        loop.close()
    del loop
    gc.collect()
    assert [] == ignored


def test_an_async_stage_that_logs_can_be_closed_anywhere() -> None:
    """The collector closes what was given up on in whatever context it runs in."""
    registry = Registry()

    async def waits() -> None:
        await Turn()

    registry.add(waits, id="deaf")
    fn = bound_plan(plan(registry=registry)).calls[0][0]
    context = contextvars.copy_context()
    call: Any = context.run(fn)
    context.run(call.send, None)
    call.close()
    assert {"stage": "deaf", "attempt": 1}.items() <= context.run(bound_words).items()


class Turn:
    """Suspends, without a loop."""

    def __await__(self) -> Generator[None, None, None]:
        """Give the turn to others."""
        yield


def bound_words() -> Dict[str, Any]:
    """Return what loguru binds to what is logged here."""
    found: List[Dict[str, Any]] = []
    number = logger.add(lambda message: found.append(message.record["extra"]))
    logger.info("what is bound?")
    logger.remove(number)
    return found[0]


class Refuses(Exception):
    """An exception that takes no note."""

    __notes__ = 5


def refuses() -> None:
    """Raise it."""
    raise Refuses("no note")


@pytest.mark.parametrize("executor", ["inline", "threads"])
def test_an_exception_that_takes_no_note_is_told_as_any_other(executor: str) -> None:
    """A note is not worth an error."""
    registry = Registry()
    registry.add(refuses, id="refuses")
    result = run(registry=registry, executor=executor, check=False)
    assert "no note" == str(result.report("refuses").error)


@pytest.mark.parametrize("options", [{}, {"retries": 1}])
@pytest.mark.parametrize("executor", ["inline", "threads"])
def test_a_run_goes_well_while_loguru_is_being_imported(
    executor: str, options: Dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """By another thread: its module is there, and has no logger yet."""
    monkeypatch.setitem(sys.modules, "loguru", ModuleType("loguru"))
    monkeypatch.setattr(log_context, "_found", None)
    registry = Registry()
    registry.add(lambda: 1, id="one", **options)
    assert 1 == run(registry=registry, executor=executor)["one"]


def test_a_stage_that_has_gone_to_a_process_without_loguru_is_called(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Nothing is bound there, as nothing is logged."""
    registry = Registry()
    registry.add(lambda: 1, id="one")
    fn = bound_plan(plan(registry=registry)).calls[0][0]
    monkeypatch.setattr(log_context, "_found", None)
    monkeypatch.delitem(sys.modules, "loguru")
    assert 1 == fn()
