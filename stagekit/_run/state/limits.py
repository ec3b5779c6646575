"""What bounds a run: places, slots, time."""

from __future__ import annotations

from typing import Mapping, Optional, Sequence

from stagekit._run.state.agenda import SECOND


class Limits:
    """What bounds a run.

    Args:
        capacity: of each lane, how many calls it makes at once.
        can_kill: of each lane, whether a call there can be ended against its will.
        reasks: of each lane, whether a call must be asked to end again and again.
        hears_late: of each lane, whether a call is asked over a network, and may hear of it late.
        slots: the capacity of each named slot.
        width: how many calls may be under way in all lanes together; None for any number.
        deadline: when the run is cancelled, in nanoseconds of the run's clock; None for never.
        grace: nanoseconds between asking a call to end and ending it, or giving up on it.
        holds: resources stay open until ``let_go``, for compensations that use them.
    """

    def __init__(  # noqa: PLR0913 - by keyword, each a bound of its own
        self,
        *,
        capacity: Sequence[int],
        can_kill: Sequence[bool],
        reasks: Sequence[bool],
        hears_late: Sequence[bool] = (),
        slots: Mapping[str, int],
        width: Optional[int] = None,
        deadline: Optional[int] = None,
        grace: int = 10 * SECOND,
        holds: bool = False,
    ) -> None:
        self.capacity = capacity
        self.can_kill = can_kill
        self.reasks = reasks
        self.hears_late = hears_late or [False] * len(capacity)
        self.slots = slots
        self.width = width
        self.deadline = deadline
        self.grace = grace
        self.holds = holds
