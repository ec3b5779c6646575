"""A clock's tick: a call again and again, on a thread that keeps no process alive."""

from __future__ import annotations

import threading
from typing import Callable, Protocol

__all__ = ["StartTicker", "Ticker", "tick_every"]


class Ticker(Protocol):
    """Something that calls again and again until it is stopped."""

    def stop(self) -> None:
        """Call no more; returns at once."""


StartTicker = Callable[[float, Callable[[], None]], Ticker]


class _ThreadTicker:
    """Calls from a daemon thread."""

    def __init__(self, seconds: float, call: Callable[[], None]) -> None:
        self._seconds = seconds
        self._call = call
        self._stopped = threading.Event()
        threading.Thread(target=self._tick, name="stagekit-progress", daemon=True).start()

    def _tick(self) -> None:
        while not self._stopped.wait(self._seconds):
            self._call()

    def stop(self) -> None:
        self._stopped.set()


def tick_every(seconds: float, call: Callable[[], None]) -> Ticker:
    """Call *call* every so many seconds until the ticker that is returned is stopped."""
    return _ThreadTicker(seconds, call)
