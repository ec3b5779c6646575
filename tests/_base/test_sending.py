"""Functions on their way to another process."""

from __future__ import annotations

import subprocess
import sys
import threading
from functools import partial
from typing import Any, Callable

import pytest

from stagekit._base.sending import by_value, mistake_in

SCRIPT = """
import sys
from typing import List, NewType
from stagekit._base.sending import by_value
Amount = NewType("Amount", int)
def add(amounts: List[Amount]) -> Amount:
    return Amount(sum(amounts))
sys.stdout.buffer.write(by_value(add))
"""
READER = "import pickle, sys; print(pickle.loads(sys.stdin.buffer.read())([1, 2]))"


def test_a_function_of_a_script_takes_its_types_along() -> None:
    """Also a NewType, in annotations and in its body: cloudpickle would send it by name alone."""
    sent = subprocess.run([sys.executable, "-c", SCRIPT], stdout=subprocess.PIPE, check=True).stdout
    read = subprocess.run(
        [sys.executable, "-c", READER], input=sent, stdout=subprocess.PIPE, check=True
    )
    assert b"3" == read.stdout.strip()


def test_what_modules_hold_goes_by_name() -> None:
    """It can be imported over there."""
    assert b"by_value" in by_value(by_value)
    assert len(by_value(by_value)) < 200


LOCK = threading.Lock()


class Holder:
    """Holds what cannot be sent."""

    def __init__(self) -> None:
        self.lock = LOCK

    def method(self) -> None:
        """Do nothing."""


def takes(*_: object, **__: object) -> None:
    """Do nothing."""


def with_cell() -> Callable[[], object]:
    """Return a function that takes a lock from around it, and a name that is not bound yet."""
    lock = LOCK

    def inner() -> object:
        return lock, later

    if len(__name__) < 0:
        later: int = 1
    return inner


@pytest.mark.parametrize(
    ("fn", "told"),
    [
        (partial(takes, 1, LOCK), "argument 1 bound in a partial cannot be sent"),
        (partial(takes, key=LOCK), "argument 'key' bound in a partial cannot be sent"),
        (Holder().method, "the object that method is a method of cannot be sent"),
        (
            with_cell(),
            "`lock`, which inner takes from around it, cannot be sent",
        ),
    ],
)
def test_what_a_function_takes_along_is_named_where_it_cannot_be_sent(fn: Any, told: str) -> None:
    """Bound in a partial, the object of a method, or from around it."""
    mistake = mistake_in(fn)
    assert mistake is not None
    assert told in mistake
    assert "lock" in mistake.partition(": ")[2]
