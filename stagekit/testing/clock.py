"""``VirtualClock``: a clock for runs that stands still until something moves it."""

from __future__ import annotations

from threading import Lock
from typing import Callable, Dict

__all__ = ["VirtualClock"]

SECOND = 1_000_000_000


class VirtualClock:
    """A clock that nobody waits for: ``run(..., clock=VirtualClock())``.

    Where a run only waits for the time of another attempt, it skips to that time at once. While a
    stage runs the clock stands still; ``advance`` has time pass, from any thread.

    Example:
        >>> from stagekit import Registry, Retry, run
        >>> from stagekit.testing import VirtualClock
        >>> registry, clock = Registry(), VirtualClock()
        >>> @registry.stage(id="flaky", retries=Retry(3, wait=20, jitter=False))
        ... def flaky() -> int:
        ...     if clock.seconds < 60:
        ...         raise OSError("not yet")
        ...     return 1
        >>> run(registry=registry, clock=clock)["flaky"], clock.seconds
        (1, 60.0)
    """

    def __init__(self) -> None:
        self._begin = self._now = SECOND  # a reading of 0 stands for never
        self._lock = Lock()
        self._watching: Dict[object, Callable[[], object]] = {}

    def __repr__(self) -> str:
        return f"<VirtualClock at {self.seconds:g} s>"

    @property
    def seconds(self) -> float:
        """How much time has passed on this clock."""
        return (self._now - self._begin) / SECOND

    def now(self) -> int:
        """Return the reading of the clock, in nanoseconds."""
        return self._now

    def skip_to(self, time: int, /) -> bool:
        """Set the clock to a reading, unless it is past that; say that it could be done."""
        with self._lock:
            self._now = max(self._now, time)
        return True

    def advance(self, seconds: float, /) -> None:
        """Have time pass; runs on this clock do what is due by then.

        Raises:
            ValueError: the time is less than 0, or not a number.
        """
        if not seconds >= 0:
            raise ValueError(f"seconds must be 0 or more, got {seconds!r}")
        with self._lock:
            self._now += round(seconds * SECOND)
            watching = tuple(self._watching.values())
        for look in watching:
            look()

    def watch(self, look: Callable[[], object], /) -> Callable[[], object]:
        """Have *look* called whenever time has passed; return how to take that back."""
        key = object()
        with self._lock:
            self._watching[key] = look
        return lambda: self._watching.pop(key, None)
