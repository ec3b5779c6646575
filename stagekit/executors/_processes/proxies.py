"""What stands in a worker for objects that cannot be sent there, and what it was sent by value."""

from __future__ import annotations

import contextvars
import sys
from functools import reduce
from threading import Lock
from typing import Any, Callable, Dict, Optional, Tuple

from stagekit._base.cancel import CancelToken
from stagekit._base.progress import Progress

# Any: whatever a user's main module holds

MAIN = "__main__"


class WorkerState:
    """What a worker process knows of the call it makes.

    Attributes:
        is_worker: this process is one.
        is_reading: it unpickles, and may import modules of the user for that.
        tell: sends what the call tells of its progress.
        call: the number of the call.
    """

    def __init__(self) -> None:
        self.is_worker = False
        self.is_reading = False
        self.call = 0
        self.tell: Optional[Callable[[Any], object]] = None
        self.progress: Optional[Progress] = None
        self._lock = Lock()
        self._tokens: Dict[int, CancelToken] = {}
        self._cancelled: Dict[Tuple[int, int], str] = {}

    def token(self, place: int) -> CancelToken:
        """Return the twin of a token of this call."""
        with self._lock:
            twin = self._tokens.setdefault(place, CancelToken())
            reason = self._cancelled.get((self.call, place))
        if reason is not None:
            twin.cancel(reason)
        return twin

    def cancel(self, call: int, place: int, reason: str) -> None:
        """Cancel the twin of a token of a call that is made, or is to come."""
        with self._lock:
            if call < self.call:
                return
            self._cancelled[call, place] = reason
            twin = self._tokens.get(place) if call == self.call else None
        if twin is not None:
            twin.cancel(reason)

    def begin(self, call: int) -> None:
        """Forget the call before."""
        with self._lock:
            self.call = call
            self.progress = None
            self._tokens.clear()
            if self._cancelled:
                self._cancelled = {
                    key: reason for key, reason in self._cancelled.items() if key[0] >= call
                }


WORKER = WorkerState()


def progress() -> Progress:
    """Return what the call that is being read tells its progress with."""
    if WORKER.progress is None:
        tell = WORKER.tell
        WORKER.progress = Progress(
            None if tell is None else lambda done, total, note: tell((done, total, note))
        )
    return WORKER.progress


def token(place: int) -> CancelToken:
    """Return the twin of a token of the call that is being read."""
    return WORKER.token(place)


def arrived(path: str, make: Callable[..., Any], *args: Any) -> Any:
    """Make a function or class of the user's main module, and put it where it is found there.

    With that, what is made of it here goes back under its name, and is there what it was.
    """
    made = make(*args)
    if WORKER.is_worker and "." not in path:
        setattr(sys.modules[MAIN], path, made)
    return made


def of_main(path: str) -> Any:
    """Return what the main module holds under a path of names."""
    return reduce(getattr, path.split("."), sys.modules[MAIN])


def variable(module: str, attribute: str, name: str) -> contextvars.ContextVar[Any]:
    """Return a context variable that a module holds; for the main module, one of its name."""
    from importlib import import_module

    owner = import_module(module)
    if module == MAIN and WORKER.is_worker and not hasattr(owner, attribute):
        setattr(owner, attribute, contextvars.ContextVar(name))
    found: contextvars.ContextVar[Any] = getattr(owner, attribute)
    return found
