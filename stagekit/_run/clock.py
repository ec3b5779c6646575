"""The clock of a run: monotonic nanoseconds; tests bring their own."""

from __future__ import annotations

from time import perf_counter_ns
from typing import Callable, Protocol


class Clock(Protocol):
    """Gives the time, and may skip it where nothing else can happen."""

    def now(self) -> int:
        """Return nanoseconds that only grow."""
        ...

    def skip_to(self, time: int, /) -> bool:
        """Say whether the clock stands at *time* now, without anybody having waited."""
        ...

    def watch(self, look: Callable[[], object], /) -> Callable[[], object]:
        """Have *look* called, on any thread, where time has passed at once; return the way back."""
        ...


class SystemClock:
    """The clock of the machine, which cannot be skipped."""

    now = staticmethod(perf_counter_ns)

    def skip_to(self, time: int, /) -> bool:  # noqa: ARG002 - see below
        """Refuse: the time has to be waited for."""
        return False

    def watch(self, look: Callable[[], object], /) -> Callable[[], object]:  # noqa: ARG002 - see below
        """Do nothing: the time that passes here, whoever waits notices."""
        return lambda: None
