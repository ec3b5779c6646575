"""What calls raise in processes: the object where it can travel, and always its text."""

from __future__ import annotations

import asyncio
import builtins
import dataclasses
import sys
import threading
from typing import Any, Callable, Dict, Iterator

import pytest

from stagekit.errors import BadValueError, RemoteError, UsageError
from stagekit.executors import ProcessPool

LIMIT = 60
TOO_DEEP = 10_000 if sys.version_info < (3, 14) else 500_000  # lists in each other, to be pickled


@pytest.fixture(scope="module")
def pool() -> Iterator[ProcessPool]:
    """Give a pool of one, so that each call shows that the worker has survived the one before."""
    with ProcessPool(1) as pool:
        yield pool


class TwoArguments(Exception):
    """Its class takes two arguments, and its `args` hold one."""

    def __init__(self, left: int, right: int) -> None:
        super().__init__(f"{left} and {right}")


class Keywords(Exception):
    """Made with named arguments only."""

    def __init__(self, *, code: int) -> None:
        super().__init__(f"code {code}")


class NoText(Exception):
    """Has no text."""

    def __str__(self) -> str:
        raise ValueError("no text")


class NoReduce(Exception):
    """Refuses to be pickled."""

    def __reduce__(self) -> Any:
        raise RuntimeError("not me")


class ReducesToAnother(Exception):
    """Is something else once it is unpickled."""

    def __reduce__(self) -> Any:
        return (ValueError, ("another",))


class ReducesToNothing(Exception):
    """Is no exception once it is unpickled."""

    def __reduce__(self) -> Any:
        return (int, ("5",))


class RaisesWhenMade(Exception):
    """Raises when it is unpickled."""

    def __reduce__(self) -> Any:
        return (int, ("x",))


class ExitsWhenMade(Exception):
    """Calls sys.exit() when it is unpickled."""

    def __reduce__(self) -> Any:
        return (sys.exit, (3,))


class Slotted(Exception):
    """Has slots, which hold a lock, and no `args`."""

    __slots__ = ("lock",)

    def __init__(self) -> None:
        self.lock = threading.Lock()


class OddState(Exception):
    """Its state cannot be set."""

    def __setstate__(self, state: Any) -> None:
        raise AttributeError("no state")

    def __reduce__(self) -> Any:
        return (OddState, (), {"a": 1})


class Unequal(Exception):
    """Cannot be compared or hashed."""

    def __hash__(self) -> int:
        raise TypeError("no")

    def __eq__(self, other: object) -> bool:
        raise TypeError("no")


class Hidden(Exception):
    """Hides its attributes."""

    def __getattribute__(self, name: str) -> Any:
        raise AttributeError(name)


@dataclasses.dataclass(frozen=True)
class Frozen(Exception):
    """Takes no attributes."""

    status: int


class Silent(Exception):
    """Raises whatever is asked of it."""

    def __getattribute__(self, name: str) -> Any:
        raise ZeroDivisionError

    def __repr__(self) -> str:
        raise ZeroDivisionError

    def __eq__(self, other: object) -> bool:
        raise ZeroDivisionError

    def __bool__(self) -> bool:
        raise ZeroDivisionError

    def __hash__(self) -> int:
        raise ZeroDivisionError


class OwnCause(Exception):
    """Has another idea of what a cause is, and of a traceback."""

    @property
    def __cause__(self) -> Any:  # type: ignore[override]  # pyright: ignore[reportIncompatibleVariableOverride]  # meant
        raise ZeroDivisionError

    @property
    def __traceback__(self) -> Any:  # type: ignore[override]  # pyright: ignore[reportIncompatibleVariableOverride]  # meant
        raise ZeroDivisionError


class OddText(str):
    """A text that is not quite one."""

    __slots__ = ()

    def __reduce__(self) -> Any:
        raise TypeError("not me")


def deep() -> BaseException:
    """Return an exception with more lists in each other than can be pickled."""
    value: Any = []
    for _ in range(TOO_DEEP):
        value = [value]
    return ValueError(value)


def noted() -> BaseException:
    """Return an exception with notes, of which one is no text."""
    error = ValueError("noted")
    vars(error)["__notes__"] = ["first", 2]
    return error


def cyclic() -> BaseException:
    """Return an exception that is its own argument."""
    error = ValueError()
    error.args = (error,)
    return error


def grouped() -> BaseException:
    """Return a group of exceptions, where there are such."""
    group: Any = getattr(builtins, "ExceptionGroup", None)
    return ValueError("no groups") if group is None else group("two", [ValueError(1), KeyError(2)])


def local() -> BaseException:
    """Return an exception of a class that has no name to import."""

    class Local(Exception):
        pass

    return Local("here")


# What makes it, the type that arrives (None: a RemoteError), and what must be in its text.
AWKWARD: Dict[str, Any] = {
    "plain": (lambda: ValueError("plain"), ValueError, "plain"),
    "two arguments": (lambda: TwoArguments(1, 2), None, "TwoArguments: 1 and 2"),
    "keywords": (lambda: Keywords(code=3), None, "Keywords: code 3"),
    "no text": (NoText, NoText, ""),
    "no reduce": (lambda: NoReduce("why"), None, "NoReduce: why"),
    "another": (lambda: ReducesToAnother("one"), None, "ReducesToAnother: one"),
    "nothing": (lambda: ReducesToNothing("one"), None, "ReducesToNothing: one"),
    "raises when made": (lambda: RaisesWhenMade("m"), None, "RaisesWhenMade: m"),
    "exits when made": (lambda: ExitsWhenMade("m"), None, "ExitsWhenMade: m"),
    "slots": (Slotted, Slotted, ""),
    "odd state": (OddState, None, "OddState"),
    "unequal": (lambda: Unequal("u"), Unequal, "u"),
    "hidden": (lambda: Hidden("h"), None, "Hidden"),
    "frozen": (lambda: Frozen(404), None, "Frozen"),
    "silent": (Silent, None, "Silent"),
    "lock": (lambda: ValueError(threading.Lock()), None, "ValueError: <unlocked _thread.lock"),
    "generator": (
        lambda: ValueError(iter(range(number)) for number in (1,)),
        None,
        "ValueError: <generator",
    ),
    "odd text": (lambda: ValueError(OddText("odd")), None, "ValueError: odd"),
    "deep": (deep, None, "ValueError: "),
    "notes": (noted, ValueError, "noted"),
    "cyclic": (cyclic, None, "ValueError"),
    "group": (grouped, Exception, ""),
    "local": (local, Exception, "here"),
    "surrogate": (lambda: ValueError("\ud800"), ValueError, "\ud800"),
    "control": (lambda: ValueError("\x1b[31m\0\r"), ValueError, "\x1b[31m\0\r"),
    "long": (lambda: ValueError("x" * 3_000_000), ValueError, "x" * 100),
    "exit": (lambda: SystemExit(3), SystemExit, "3"),
    "interrupt": (KeyboardInterrupt, KeyboardInterrupt, ""),
    "generator exit": (GeneratorExit, GeneratorExit, ""),
    "stop": (lambda: StopIteration(5), StopIteration, "5"),
    "cancelled": (asyncio.CancelledError, asyncio.CancelledError, ""),
    "unicode": (
        lambda: UnicodeDecodeError("utf-8", b"\xff", 0, 1, "bad"),
        UnicodeDecodeError,
        "bad",
    ),
    "system": (lambda: FileNotFoundError(2, "none", "file"), FileNotFoundError, "file"),
    "ours": (lambda: BadValueError("mine"), BadValueError, "mine"),
}


def raising(make: Callable[[], BaseException]) -> Callable[[], None]:
    """Return a function that raises."""

    def deed() -> None:
        raise make()

    return deed


@pytest.mark.parametrize("name", AWKWARD)
def test_p18_an_exception_arrives(pool: ProcessPool, name: str) -> None:
    """P18, X2, X3: whatever it is, its type, message and place are known here; nothing hangs."""
    make, kind, text = AWKWARD[name]
    error = pool.submit(raising(make)).exception(LIMIT)
    assert isinstance(error, RemoteError if kind is None else kind)
    if text:
        assert text in str(error)
    if isinstance(error, RemoteError):
        assert "in deed" in error.traceback
    assert error is not None
    assert "in deed" in str(error.__cause__)
    assert 1 == pool.submit(abs, -1).result(LIMIT)


def test_what_every_exception_has_is_not_asked_of_its_class(pool: ProcessPool) -> None:
    """A class that has its own cause and traceback is no obstacle."""
    error = pool.submit(raising(lambda: OwnCause("own"))).exception(LIMIT)
    assert type(error) is OwnCause
    cause: Any = BaseException.__dict__["__cause__"].__get__(error)
    assert "in deed" in str(cause)


def test_notes_arrive(pool: ProcessPool) -> None:
    """On the object where that is one, else beside its text."""
    error = pool.submit(raising(noted)).exception(LIMIT)
    assert ["first", 2] == vars(error)["__notes__"]

    def both() -> BaseException:
        error = TwoArguments(1, 2)
        vars(error)["__notes__"] = ["a note"]
        return error

    error = pool.submit(raising(both)).exception(LIMIT)
    assert isinstance(error, RemoteError)
    assert ("a note",) == error.notes


def test_the_text_holds_the_causes(pool: ProcessPool) -> None:
    """What it was raised from is in the text, and none of our own frames are."""

    def chained() -> None:
        try:
            int("x")
        except ValueError as error:
            raise KeyError("outer") from error

    error = pool.submit(chained).exception(LIMIT)
    assert error is not None
    text = str(error.__cause__)
    places = [text.index(part) for part in ("invalid literal", "direct cause", "KeyError: 'outer'")]
    assert sorted(places) == places
    assert "executors/_processes" not in text


def test_a_value_that_is_larger_than_it_may_be_fails_in_its_worker() -> None:
    """X8: the call fails, naming type and sizes; what is small enough comes back."""
    with ProcessPool(1, max_value_bytes=1000) as pool:
        assert 900 == len(pool.submit(bytes, 900).result(LIMIT))
        error = pool.submit(bytes, 2000).exception(LIMIT)
        assert isinstance(error, BadValueError)
        assert "returned a bytes of 2,0" in str(error)
        assert "more than the 1,000 that max_value_bytes allows" in str(error)
        assert 1 == pool.submit(abs, -1).result(LIMIT)


@pytest.mark.parametrize("size", [0, -1, True, 1.5, "1"])
def test_a_size_that_cannot_be_is_refused(size: Any) -> None:
    """It is checked when the pool is made."""
    with pytest.raises(UsageError, match="max_value_bytes must be a whole number of 1 or more"):
        ProcessPool(1, max_value_bytes=size)
