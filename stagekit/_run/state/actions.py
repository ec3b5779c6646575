"""What the state of a run asks to be done, and what it takes in."""

from __future__ import annotations

from typing import Any, Optional

from stagekit._base.record import Record
from stagekit.errors import StageCancelledError


class WithdrawnError(StageCancelledError):
    """A call was taken back before it began."""


class Action(Record):
    """Something to be done by the coordinator."""

    __slots__ = ()


class Start(Action):
    """Begin a call; its end is told with its *ticket*.

    Attributes:
        ticket: the number of this attempt, unique in the run.
        step: the stage.
        item: the index of the item of an ``Each`` stage, or -1.
        attempt: from 1.
        lane: what carries it out.
        leads: no item before this one was called.
    """

    ticket: int
    step: int
    item: int
    attempt: int
    lane: int
    leads: bool = False

    @property
    def is_first(self) -> bool:
        """Whether the stage begins with it."""
        return self.attempt == 1 and (self.item < 1 or self.leads)


class Open(Start):
    """Begin to open a resource: a ``Start`` whose value stays in use until ``Close``."""

    __slots__ = ()


class Recall(Action):
    """Take back the calls that have not begun where they were sent to, in all lanes.

    They end as interrupted. Those that have begun go on.
    """

    __slots__ = ()


class Stop(Action):
    """Ask a call to end, or with *force* end it."""

    ticket: int
    force: bool
    why: str


class Abandon(Action):
    """Wait no longer for a call that cannot be ended; *error* is what it has failed with."""

    ticket: int
    step: int
    error: Optional[BaseException]


class Decide(Action):
    """Ask the decider of the run about a stage, or an *item* of it; tell ``answered``."""

    step: int
    item: int


class Expand(Action):
    """Make the items of an ``Each`` stage; tell ``expanded``."""

    step: int


class Close(Action):
    """Tear a resource down; tell ``closed``."""

    step: int


class StopClosing(Close):
    """Ask the tear-down of a resource to end, as its time is up."""

    __slots__ = ()


class AbandonClosing(Close):
    """Wait no longer for the tear-down of a resource."""

    __slots__ = ()


class Retrying(Action):
    """Nothing to do but to tell: another attempt follows after *delay* nanoseconds."""

    step: int
    item: int
    attempt: int
    delay: int
    error: Optional[BaseException]


class Ended(Record):
    """How a call ended: with a value, or with an error."""

    value: Any
    error: Optional[BaseException]
    how: int
