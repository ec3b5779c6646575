"""``PackedValue``: a value as its pickle, which is read where somebody needs it, and not before."""

from __future__ import annotations

import pickle
from operator import getitem
from threading import Lock
from typing import Any, Callable, List, Tuple

from stagekit.errors import BadValueError

# Any: values of users

QUICK = 8192  # bytes of plain data that are read in no time
_IMPORTS = b"\x93"  # the byte by which a pickle asks for something of a module


def value_of(data: bytes, name: str, type_name: str = "") -> Any:
    """Return a value that a worker has pickled: itself where that takes no time, else a handle.

    Reading a pickle may take as long as it likes, for it calls functions of the user's classes.

    Args:
        data: the pickle.
        name: of the function that has returned the value.
        type_name: its type, as module and name.
    """
    if is_quick(data):
        return unpacked(data, name)
    return PackedValue(data, name, type_name)


def is_quick(data: bytes) -> bool:
    """Return whether a pickle is read in no time: it is small, and nothing in it has code."""
    return len(data) <= QUICK and _IMPORTS not in data


def unpacked(data: bytes, name: str) -> Any:
    """Return a value that was pickled in a worker, which has called *name*.

    Raises:
        BadValueError: it cannot be unpickled here.
    """
    try:
        return pickle.loads(data)  # noqa: S301 - from our own worker
    except Exception as error:
        raise BadValueError(
            f"what {name} returned cannot be read from its process: {type(error).__name__}: {error}"
        ) from error


class PackedValue:
    """A handle of a value that came from a worker, and that this process has not read.

    Sent to another process it is the value: that process reads it.

    Args:
        data: its pickle.
        name: of the function that has returned it.
        type_name: its type, as module and name.
    """

    is_handle = True
    is_here = True

    def __init__(self, data: bytes, name: str, type_name: str = "") -> None:
        self.data = data
        self._name = name
        self._lock = Lock()
        self._found: List[Any] = []  # the value, once it was read
        self.type_name = type_name

    def fetch(self) -> Any:
        """Return the value, read when this is called first.

        Raises:
            BadValueError: it cannot be unpickled here.
        """
        with self._lock:
            if not self._found:
                self._found.append(unpacked(self.data, self._name))
            return self._found[0]

    def __getitem__(self, item: int, /) -> PackedItem:
        """Return a handle of one item of the value."""
        return PackedItem(self, item)

    def __reduce__(self) -> Tuple[Any, ...]:
        return pickle.loads, (self.data,)


class PackedItem:
    """A handle of one item of a value that this process has not read."""

    is_handle = True
    is_here = True

    def __init__(self, whole: PackedValue, item: int) -> None:
        self.whole = whole
        self._item = item

    def fetch(self) -> Any:
        """Return the item; the whole value is read, once."""
        return self.whole.fetch()[self._item]

    def __getitem__(self, item: int, /) -> PackedItem:
        raise TypeError("an item of an item has no handle; take it from what fetch() returns")

    def __reduce__(self) -> Tuple[Any, ...]:
        return getitem, (self.whole, self._item)


def aside(work: Callable[[], object]) -> None:
    """Do what may take long on a thread of its own; here, where the machine gives no more."""
    from threading import Thread

    try:
        Thread(target=work, name="stagekit-read", daemon=True).start()
    except (RuntimeError, MemoryError):
        work()
