"""Stages that processes can import."""

from __future__ import annotations

import contextvars
import os
import signal
import time
from typing import Any, Callable, List

from typing_extensions import Annotated

from stagekit import Each


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


def checked(number: Annotated[Number, Each()]) -> int:
    """Refuse two numbers."""
    if number in {7, 11}:
        raise ValueError(number)
    return number
