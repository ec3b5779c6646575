"""The agenda of a run: what is to be done now, and what is due later. Pure: the time comes in."""

from __future__ import annotations

from heapq import heappop, heappush
from typing import Iterator, List, Optional, Tuple

from stagekit._run.state.actions import Action

SECOND = 1_000_000_000

# What a timer is for, and what its number names.
DEADLINE = 0  # of the run
CLOSING = 1  # the tear-down of a resource takes too long: the number of that closing
RETRY = 2  # another attempt is due: the number of the wait
TIMEOUT = 3  # the time limit of a call: its ticket, as below
REASK = 4  # a call on an event loop is asked to end once more
GRACE = 5  # a call that was asked to end has not
LOST = 6  # a call that was forced to end has not


class Agenda:
    """Actions and timers, shared by the parts of a run's state.

    Attributes:
        now: the time in nanoseconds, set by ``RunState`` before anything else happens.
        actions: what is to be done, in order.
    """

    __slots__ = ("_serial", "actions", "now", "timers")

    def __init__(self) -> None:
        self.now = 0
        self.actions: List[Action] = []
        self.timers: List[Tuple[int, int, int, int]] = []  # time, serial, kind, number
        self._serial = 0

    def number(self) -> int:
        """Return a number that no ticket or timer has yet."""
        self._serial += 1
        return self._serial

    def set_timer(self, delay: int, kind: int, which: int) -> None:
        """Have a timer be due after some nanoseconds."""
        heappush(self.timers, (self.now + delay, self.number(), kind, which))

    def due(self) -> Iterator[Tuple[int, int]]:
        """Yield kind and number of each timer that is due by now, the earliest first."""
        while self.timers and self.timers[0][0] <= self.now:
            _, _, kind, which = heappop(self.timers)
            yield kind, which

    def take_actions(self) -> List[Action]:
        """Return what is to be done, and forget it."""
        actions, self.actions = self.actions, []
        return actions

    @property
    def next_time(self) -> Optional[int]:
        """When the next timer is due; None for never."""
        return self.timers[0][0] if self.timers else None
