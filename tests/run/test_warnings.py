"""Warnings at the end of a run: where a filter makes errors of them, they hide nothing."""

from __future__ import annotations

import asyncio
import threading
import warnings
from typing import Any, Callable, Iterator, List, Optional

import pytest

from stagekit import Registry, Result, RunCancelledError, RunFailedError, arun, run
from stagekit.errors import StagekitWarning


class Broken:
    """A hook that is broken, which is worth a warning."""

    def on_event(self, event: Any) -> None:
        """Raise."""
        raise RuntimeError(f"cannot take {type(event).__name__}")


def divide() -> int:
    """Fail."""
    return 1 // 0


async def divide_later() -> int:
    """Fail on the loop."""
    await asyncio.sleep(0)
    return 1 // 0


def interrupt() -> None:
    """Raise what Ctrl-C raises."""
    raise KeyboardInterrupt


async def for_ever() -> None:
    """Run until somebody ends it."""
    await asyncio.Event().wait()


@pytest.fixture(params=["inline", "threads", "policy", "arun"])
def start(request: pytest.FixtureRequest) -> Iterator[Callable[..., Result]]:
    """Return how a stage is run with a broken hook, where warnings are errors."""

    def start(fn: Callable[..., Any], **options: Any) -> Result:
        registry = Registry()
        registry.add(fn, id="only")
        options.update(registry=registry, hooks=[Broken()])
        if request.param == "arun":
            return asyncio.run(arun(**options))
        if request.param == "policy":
            return run(executor="threads", grace=5, **options)
        return run(executor=request.param, **options)

    with warnings.catch_warnings():
        warnings.simplefilter("error")
        yield start


def chain_of(error: Optional[BaseException]) -> List[type]:
    """Return the class of an error and of all that it stands for."""
    found: List[type] = []
    while error is not None:
        found.append(type(error))
        error = error.__cause__ or error.__context__
    return found


@pytest.mark.parametrize("fn", [divide, divide_later])
def test_a_failure_is_raised(start: Callable[..., Result], fn: Callable[..., Any]) -> None:
    """The warning is its context, and in the result."""
    with pytest.raises(RunFailedError) as caught:
        start(fn)
    assert isinstance(caught.value.__cause__, ZeroDivisionError)
    assert isinstance(caught.value.__context__, StagekitWarning)
    (text,) = caught.value.result.warnings
    assert "cannot take RunStarted" in text


def test_a_deadline_is_raised(start: Callable[..., Result]) -> None:
    """The run was cancelled; what the hook has done is beside the point."""
    with pytest.raises(RunCancelledError) as caught:
        start(for_ever, deadline=0.05)
    assert "deadline" == caught.value.reason
    assert 1 == len(caught.value.result.warnings)


def test_ctrl_c_is_raised(start: Callable[..., Result]) -> None:
    """With the result, as always."""
    with pytest.raises(KeyboardInterrupt) as caught:
        start(interrupt)
    error: Any = caught.value
    assert 1 == len(error.result.warnings)


def test_a_run_that_succeeded_raises_the_warning_with_its_result(
    start: Callable[..., Result],
) -> None:
    """Nothing is lost: the result is beside it."""
    with pytest.raises(StagekitWarning, match="cannot take RunStarted") as caught:
        start(threading.active_count)
    assert caught.value.result.ok
    assert caught.value.result["only"] >= 1


def test_a_failure_that_is_not_to_be_raised_is_the_cause_of_the_warning(
    start: Callable[..., Result],
) -> None:
    """With ``check=False`` the result has it, and so has the chain of what is raised."""
    with pytest.raises(StagekitWarning) as caught:
        start(divide, check=False)
    assert [StagekitWarning, RunFailedError, ZeroDivisionError] == chain_of(caught.value)
    assert not caught.value.result.ok


def test_what_shows_warnings_may_be_broken(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever it raises, the failure is raised, and a result is not lost."""

    class HostileError(Exception):
        def __setattr__(self, name: str, value: object) -> None:
            raise TypeError("it takes no attribute")

    def show(*_: object, **__: object) -> None:
        raise HostileError

    registry = Registry()
    registry.add(divide, id="fails")
    registry.add(lambda: 7, id="seven")
    with warnings.catch_warnings():
        warnings.simplefilter("always")
        monkeypatch.setattr(warnings, "showwarning", show)
        with pytest.raises(RunFailedError):
            run("fails", registry=registry, hooks=[Broken()])
        with pytest.raises(StagekitWarning, match=r"could not be shown: .*RunStarted") as caught:
            run("seven", registry=registry, hooks=[Broken()])
    assert [StagekitWarning, HostileError] == chain_of(caught.value)
    assert 7 == caught.value.result["seven"]


def test_ctrl_c_that_takes_no_attribute_is_raised_all_the_same() -> None:
    """An exception of the user's that cannot bear the result is the cause of one that can."""

    class OddInterrupt(KeyboardInterrupt):
        def __setattr__(self, name: str, value: object) -> None:
            raise TypeError("it takes no attribute")

    def odd() -> None:
        raise OddInterrupt

    registry = Registry()
    registry.add(odd, id="odd")
    with pytest.raises(KeyboardInterrupt) as caught:
        run(registry=registry, executor="inline")
    assert isinstance(caught.value.__cause__, OddInterrupt)
    error: Any = caught.value
    assert isinstance(error.result, Result)


def test_a_notice_of_a_run_without_a_hook_does_not_lose_the_result() -> None:
    """The shortest way through a run warns, too."""

    def change(numbers: List[int]) -> int:
        numbers.append(4)
        return len(numbers)

    registry = Registry()
    registry.add(change, id="change")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with pytest.raises(StagekitWarning, match="has changed its argument") as caught:
            run(
                registry=registry,
                executor="inline",
                values={List[int]: [1]},
                check_mutation=True,
            )
    assert 2 == caught.value.result["change"]
