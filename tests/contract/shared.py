"""What stages of a test and the test itself both see, although stages run in other processes."""

from __future__ import annotations

import os
import pickle
import select
import threading
from typing import Any, Iterator, List, Optional, Sequence, overload

__all__ = ["SharedEvent", "SharedList"]

# Any: tests put in what they like


class SharedList(Sequence[Any]):
    """A list in a file: all that have it append to the same one.

    Args:
        path: of the file.
    """

    def __init__(self, path: str) -> None:
        self._path = path
        open(path, "ab").close()  # noqa: PTH123

    def append(self, value: object) -> None:
        """Append, in one write, so that no two come between each other."""
        line = pickle.dumps(value).hex().encode() + b"\n"
        fd = os.open(self._path, os.O_WRONLY | os.O_APPEND)
        try:
            os.write(fd, line)
        finally:
            os.close(fd)

    def clear(self) -> None:
        """Forget all."""
        os.truncate(self._path, 0)

    def all(self) -> List[Any]:
        """Return what there is."""
        with open(self._path, "rb") as file:  # noqa: PTH123
            return [pickle.loads(bytes.fromhex(line.decode())) for line in file]  # noqa: S301

    @overload
    def __getitem__(self, place: int) -> Any: ...
    @overload
    def __getitem__(self, place: slice) -> List[Any]: ...
    def __getitem__(self, place: Any) -> Any:
        return self.all()[place]

    def __len__(self) -> int:
        return len(self.all())

    def __iter__(self) -> Iterator[Any]:
        return iter(self.all())

    def __eq__(self, other: object) -> bool:
        return self.all() == other

    __hash__ = None  # type: ignore[assignment]  # pyright: ignore[reportAssignmentType]

    def __repr__(self) -> str:
        return repr(self.all())


class SharedEvent(threading.Event):
    """An event in a named pipe, which holds a byte once it is set.

    Args:
        path: of the pipe, which is made by who makes the event.
    """

    def __init__(self, path: str) -> None:
        self._path = path
        os.mkfifo(path)
        self._held: Optional[int] = os.open(path, os.O_RDWR)  # keeps the byte while nobody reads

    def __reduce__(self) -> Any:
        return _found, (self._path,)

    def set(self) -> None:
        """Set it."""
        fd = os.open(self._path, os.O_RDWR)
        try:
            os.write(fd, b"x")
        finally:
            os.close(fd)

    def clear(self) -> None:
        """Take back that it was set."""
        fd = os.open(self._path, os.O_RDWR | os.O_NONBLOCK)
        try:
            while self.is_set():
                os.read(fd, 64)
        finally:
            os.close(fd)

    def wait(self, timeout: Optional[float] = None) -> bool:
        """Wait until it is set; tell whether it is."""
        fd = os.open(self._path, os.O_RDWR)
        try:
            return bool(select.select([fd], [], [], timeout)[0])
        finally:
            os.close(fd)

    def is_set(self) -> bool:
        """Tell whether it is set."""
        return self.wait(0)

    def close(self) -> None:
        """Let go of the pipe."""
        if self._held is not None:
            os.close(self._held)
            self._held = None


def _found(path: str) -> SharedEvent:
    """Return the same event, in a process that has not made it."""
    event = SharedEvent.__new__(SharedEvent)
    event._path = path
    event._held = None
    return event
