"""Stages that processes can import."""

from __future__ import annotations

import contextvars
import mmap
import os
import signal
import time
from typing import Any, Callable, List

from typing_extensions import Annotated

from stagekit import Collect, Each


class Stuck:
    """What one process cannot send."""

    def __init__(self, pid: int) -> None:
        self.pid = pid

    def __reduce__(self) -> Any:
        if os.getpid() == self.pid:
            raise TypeError("it stays here")
        return Stuck, (self.pid,)


class MakesStuck:
    """Returns what the process of the run cannot send on."""

    __name__ = "makes"

    def __init__(self, pid: int) -> None:
        self.pid = pid

    def __call__(self) -> Stuck:
        return Stuck(self.pid)


def takes(stuck: Stuck) -> None:
    """Need what cannot be sent."""
    del stuck


class Notes:
    """Notes in a file that it was called."""

    def __init__(self, path: str, number: int) -> None:
        self.path = path
        self.number = number
        self.__name__ = f"s{number}"

    def __call__(self) -> None:
        with open(self.path, "a", encoding="ascii") as file:  # noqa: PTH123 - one write, appended
            file.write(f"{self.number} ")


class Waits:
    """Waits for a file."""

    __name__ = "waits"

    def __init__(self, path: str) -> None:
        self.path = path

    def __call__(self) -> None:
        for _ in range(6_000):
            if os.path.exists(self.path):  # noqa: PTH110 - as above
                return
            time.sleep(0.01)
        raise AssertionError("it was never there")


class Makes(Waits):
    """Makes a file."""

    __name__ = "makes"

    def __call__(self) -> None:
        with open(self.path, "wb"):  # noqa: PTH123 - as above
            pass


def nothing() -> None:
    """Do nothing."""


def fails() -> None:
    """Raise."""
    raise ZeroDivisionError


def dies() -> None:
    """Kill the process."""
    os.kill(os.getpid(), signal.SIGKILL)


NUMBER: contextvars.ContextVar[int] = contextvars.ContextVar("NUMBER", default=0)


def number_set() -> int:
    """Return what the caller has set."""
    return NUMBER.get()


class Number(int):
    """An item."""


def up_to(count: int) -> Callable[[], List[Number]]:
    """Return a stage that gives so many items."""

    def numbers() -> List[Number]:
        return list(map(Number, range(count)))

    return numbers


def twice(number: Annotated[Number, Each()]) -> str:
    """Return the double, as text."""
    return str(2 * number)


def joined(texts: List[str]) -> bytes:
    """Take all of them."""
    return "".join(texts).encode()


def checked(number: Annotated[Number, Each()]) -> int:
    """Refuse two numbers."""
    if number in {7, 11}:
        raise ValueError(number)
    return number


class Tracked:
    """Notes in a file which process reads it from its pickle."""

    def __init__(self, path: str) -> None:
        self.path = path

    def __setstate__(self, state: Any) -> None:
        self.path = state["path"]
        with open(self.path, "a", encoding="ascii") as file:  # noqa: PTH123 - one write, appended
            file.write(f"{os.getpid()} ")


class Tracking:
    """Returns what notes who reads it."""

    __name__ = "tracking"

    def __init__(self, path: str) -> None:
        self.path = path

    def __call__(self) -> Tracked:
        return Tracked(self.path)


def passed_on(tracked: Tracked) -> str:
    """Take what notes who reads it."""
    return tracked.path


def refuses(tracked: Tracked) -> None:
    """Raise."""
    raise ValueError(tracked.path)


class Odd:
    """Can be read nowhere."""

    def __reduce__(self) -> Any:
        return int, ("no number",)


def odd() -> Odd:
    """Return what cannot be read."""
    return Odd()


def takes_odd(value: Odd) -> None:
    """Take what cannot be read."""
    del value


class Part(int):
    """An item."""


def parts() -> List[Part]:
    """Return items."""
    return [Part(number) for number in range(5)]


class TrackedOf:
    """Returns, for each item, what notes who reads it; a number for the first one."""

    __name__ = "tracked_of"

    def __init__(self, path: str) -> None:
        self.path = path

    def __call__(self, part: Annotated[Part, Each()]) -> Tracked:
        number: Any = 0
        return Tracked(self.path) if part else number


def noted(tracked: Annotated[Tracked, Each()]) -> str:
    """Take each of them."""
    return getattr(tracked, "path", "number")


def collected(tracked: Annotated[List[Tracked], Collect()]) -> int:
    """Take several at once."""
    return len([each.path for each in tracked])


class Returning:
    """A stage that returns what it is made with."""

    __name__ = "returning"

    def __init__(self, value: Any) -> None:
        self.value = value

    def __call__(self) -> Any:
        return self.value


MUCH = 50_000_000  # bytes


def take() -> int:
    """Have much memory of Python's for a moment."""
    return len(bytearray(b"x") * MUCH)


def take_of_the_system() -> int:
    """Have much memory for a moment that no allocator has kept from earlier."""
    with mmap.mmap(-1, MUCH) as block:
        return sum(block.write(bytes(1_000_000)) for _ in range(MUCH // 1_000_000))
