"""``Retry(on=...)`` means the same wherever a stage is called, whatever its exceptions are like."""

from __future__ import annotations

import dataclasses
import importlib.util
from pathlib import Path
from typing import Any, Callable, Iterator, Tuple, Type

import pytest

from stagekit import Registry, Retry, run
from stagekit.errors import BadValueError, RemoteError
from stagekit.executors import ProcessPool

DASK = pytest.param(
    "dask",
    marks=[
        pytest.mark.slow,
        pytest.mark.skipif(
            importlib.util.find_spec("distributed") is None,
            reason="distributed is not installed: python -m pip install '.[dask]'",
        ),
    ],
)


@pytest.fixture(scope="module", params=["inline", "threads", "processes", DASK])
def executor(request: pytest.FixtureRequest) -> Iterator[Any]:
    """Each place where stages are called."""
    if request.param == "dask":
        from stagekit.executors.dask import DaskPool

        with DaskPool(workers=1) as cluster:
            yield cluster
    elif request.param == "processes":
        with ProcessPool(1) as processes:
            yield processes
    else:
        yield request.param


class BusyError(Exception):
    """Cannot be made again from its pickle."""

    def __init__(self, code: int, text: str) -> None:
        super().__init__(f"{text} ({code})")


class VeryBusyError(BusyError):
    """Nor can what is derived from it."""


@dataclasses.dataclass(frozen=True)
class HttpError(ConnectionError):
    """Takes no attributes, so that it cannot be made again either."""

    status: int


class UnreadableError(Exception):
    """Can be pickled, but not read again."""

    def __reduce__(self) -> Any:
        return int, ("no number",)


class RefusedError(BadValueError):
    """Is of a kind that is never tried again, and cannot be made again."""

    def __init__(self, one: int, two: int) -> None:
        super().__init__(f"{one} {two}")


class BusyAgainError(Exception):
    """Has nothing to do with the others."""


def attempts(
    executor: Any, folder: Path, make: Callable[[], BaseException], on: Any
) -> Tuple[str, int]:
    """Run a stage that raises twice; return its outcome, and how often it was called."""
    path = folder / "calls"

    def call() -> int:
        with path.open("a") as file:
            file.write("x")
        if path.stat().st_size < 3:
            raise make()
        return 1

    registry = Registry()
    registry.add(call, id="call", retries=Retry(5, on=on, wait=0))
    report = run(registry=registry, executor=executor, check=False).report("call")
    assert path.stat().st_size == len(report.attempts)
    return report.outcome.value, len(report.attempts)


@pytest.mark.parametrize(
    ("make", "on"),
    [
        (lambda: BusyError(503, "later"), BusyError),
        (lambda: VeryBusyError(503, "later"), BusyError),
        (lambda: VeryBusyError(503, "later"), Exception),
        (lambda: HttpError(404), HttpError),
        (lambda: HttpError(404), OSError),
        (lambda: HttpError(404), (KeyError, ConnectionError)),
        (UnreadableError, UnreadableError),
        (lambda: TimeoutError("late"), OSError),
    ],
    ids=["itself", "base", "any", "frozen", "far base", "one of two", "unreadable", "builtin"],
)
def test_an_error_of_a_class_that_is_named_is_tried_again(
    executor: Any, tmp_path: Path, make: Callable[[], BaseException], on: Any
) -> None:
    """By its class, or a base of that."""
    assert ("succeeded", 3) == attempts(executor, tmp_path, make, on)


@pytest.mark.parametrize(
    ("make", "on"),
    [
        (lambda: BusyError(503, "later"), VeryBusyError),
        (lambda: HttpError(404), BusyError),
        (lambda: BusyError(503, "later"), (BusyAgainError, OSError)),
        (lambda: RefusedError(1, 2), Exception),
    ],
    ids=["derived", "other", "alike", "never"],
)
def test_another_error_is_not_tried_again(
    executor: Any, tmp_path: Path, make: Callable[[], BaseException], on: Any
) -> None:
    """Nor one that is never tried again, whatever is named."""
    assert ("failed", 1) == attempts(executor, tmp_path, make, on)


def test_a_local_class_is_matched(executor: Any, tmp_path: Path) -> None:
    """Although no other process can import it."""

    class LocalError(Exception):
        def __init__(self, one: int, two: int) -> None:
            super().__init__(one + two)

    assert ("succeeded", 3) == attempts(executor, tmp_path, lambda: LocalError(1, 2), LocalError)


@pytest.mark.parametrize("on", [RemoteError, Exception])
def test_a_remote_error_without_names_is_an_error_like_others(on: Type[Exception]) -> None:
    """As it was made before it had them."""
    error = RemoteError("BusyError", "later")
    assert Retry(2, on=on).accepts(error)
    assert not Retry(2, on=BusyError).accepts(error)
    assert "BusyError: later" == str(error)


def test_a_remote_error_says_of_which_classes_it_is() -> None:
    """In order, by module and name."""
    with ProcessPool(1) as pool:
        error = pool.submit(fails).exception()
    assert isinstance(error, RemoteError)
    assert (
        f"{__name__}:VeryBusyError",
        f"{__name__}:BusyError",
        "builtins:Exception",
        "builtins:BaseException",
        "builtins:object",
    ) == error.kinds


def fails() -> None:
    """Raise what cannot be made again."""
    raise VeryBusyError(503, "later")
