"""The events that hooks get: one frozen class for each kind.

Every event has ``run_id`` and ``time`` (seconds since the epoch, for display only; durations are
measured on a monotonic clock). Fields may be added in later versions, none is removed.

Example:
    >>> from stagekit.events import StageSucceeded
    >>> event = StageSucceeded("r1", 0.0, "shop:load", attempt=1, seconds=0.5, worker="main")
    >>> event.stage_id, event.seconds
    ('shop:load', 0.5)
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Dict, Optional, Tuple, Type

from stagekit._base.outcome import OnFailure, Outcome, Reason, RunStatus

if TYPE_CHECKING:
    from dataclasses import dataclass
else:
    from stagekit._base.frozen import dataclass  # 10 ms less for the classes below

__all__ = [
    "Event",
    "OnFailure",
    "Outcome",
    "Reason",
    "RunFinished",
    "RunStarted",
    "RunStatus",
    "StageCancelled",
    "StageEvent",
    "StageFailed",
    "StageProgress",
    "StageRetrying",
    "StageReused",
    "StageSkipped",
    "StageStarted",
    "StageSucceeded",
]


@dataclass(frozen=True)
class Event:
    """Something that happened in a run."""

    run_id: str
    time: float


@dataclass(frozen=True)
class RunStarted(Event):
    """The first event of every run: which stages will run, and where."""

    stages: Tuple[str, ...]
    executor: str
    workers: int


@dataclass(frozen=True)
class RunFinished(Event):
    """The last event of every run."""

    status: RunStatus
    seconds: float
    counts: Tuple[Tuple[Outcome, int], ...]


@dataclass(frozen=True)
class StageEvent(Event):
    """Something that happened to one stage. ``outcome`` is how it ended; None if it goes on."""

    outcome: ClassVar[Optional[Outcome]] = None

    stage_id: str


@dataclass(frozen=True)
class StageStarted(StageEvent):
    """An attempt of a stage begins; *worker* names the thread, task or process slot.

    To a process or a cluster a short stage may be sent before its turn: ``time`` is when it was
    sent, and the attempt in the report has when it began.
    """

    attempt: int
    worker: str


@dataclass(frozen=True)
class StageSucceeded(StageEvent):
    """A stage returned its value after *seconds*.

    *size* is how large the value is, for people: ``12,480 rows × 5 columns``, ``3 items``; empty
    where it has no size.
    """

    outcome: ClassVar[Optional[Outcome]] = Outcome.SUCCEEDED

    attempt: int
    seconds: float
    worker: str
    size: str = ""


@dataclass(frozen=True)
class StageReused(StageEvent):
    """A stage was not called, as the decider of the run had its value; *note* is what it says."""

    outcome: ClassVar[Optional[Outcome]] = Outcome.REUSED

    note: str


@dataclass(frozen=True)
class StageFailed(StageEvent):
    """The last attempt of a stage failed. ``critical`` is False where the run goes on anyway."""

    outcome: ClassVar[Optional[Outcome]] = Outcome.FAILED

    attempt: int
    seconds: float
    worker: str
    reason: Reason
    error: BaseException
    location: Optional[str]
    critical: bool


@dataclass(frozen=True)
class StageRetrying(StageEvent):
    """Attempt *attempt* of a stage failed; the next one begins after *delay* seconds.

    *item* is the index of the item, where the stage takes one at a time (``Each``); *attempts* is
    how many attempts there may be in all.
    """

    attempt: int
    delay: float
    error: BaseException
    item: Optional[int] = None
    attempts: Optional[int] = None


@dataclass(frozen=True)
class StageProgress(StageEvent):
    """A running stage said how far it has come. What it has not said is None.

    *item* is the index of the item, where the stage takes one at a time (``Each``). With such a
    stage it is None where items are counted: *done* of *total* have ended.
    """

    attempt: int
    done: Optional[float]
    total: Optional[float]
    note: Optional[str]
    item: Optional[int] = None


@dataclass(frozen=True)
class StageSkipped(StageEvent):
    """A stage was not called because *cause*, the id of a stage, failed or gave no value.

    *cause* is None where nobody needed what the stage, a resource, would have yielded, and where
    the decider of the run skipped it: *note* is what that says.
    """

    outcome: ClassVar[Optional[Outcome]] = Outcome.SKIPPED

    reason: Reason
    cause: Optional[str]
    note: str = ""


@dataclass(frozen=True)
class StageCancelled(StageEvent):
    """A stage did not start, or was ended, because the run stopped."""

    outcome: ClassVar[Optional[Outcome]] = Outcome.CANCELLED

    reason: Reason


# By outcome, the event of a stage that has ended so.
ENDING_EVENTS: Dict[Outcome, Type[StageEvent]] = {
    each.outcome: each
    for each in (StageSucceeded, StageReused, StageFailed, StageSkipped, StageCancelled)
    if each.outcome is not None
}
