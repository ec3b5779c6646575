"""How stages and runs end: outcomes with their words, reasons, run statuses.

A new outcome is a member of ``Outcome``, a row of ``OUTCOME_TABLE``, a number in
``_run/state/columns.py``, a transition in ``_run/state/scheduler.py``, and an event in
``events.py``; reports, summaries, hooks and documents follow, and the schemas of the command line
by ``python -m tests.test_schemas``.
"""

from __future__ import annotations

import enum

from stagekit._base.record import Record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Dict, Tuple


class Outcome(enum.Enum):
    """How a planned stage ended. Each has exactly one, and it is final."""

    SUCCEEDED = "succeeded"
    REUSED = "reused"
    FAILED = "failed"
    SKIPPED = "skipped"
    CANCELLED = "cancelled"


class Reason(enum.Enum):
    """Why a stage ended other than by returning its value."""

    RAISED = "raised"
    BAD_VALUE = "bad_value"
    UPSTREAM_FAILED = "upstream_failed"
    NO_VALUE = "no_value"
    STOPPED = "stopped"
    INTERRUPTED = "interrupted"
    TIMED_OUT = "timed_out"
    CRASHED = "crashed"
    NOT_NEEDED = "not_needed"
    DECIDED = "decided"
    DECIDER_FAILED = "decider_failed"


class Tone(enum.Enum):
    """How good an outcome is: what colour and mark it has, and how loudly it is logged."""

    GOOD = "good"
    BAD = "bad"
    DOUBTFUL = "doubtful"


class OutcomeRow(Record):
    """What is said of stages with one outcome.

    Attributes:
        status: its number in the column of statuses of a run.
        word: of one stage, at the start of a line: ``ok``.
        counted: of several, in a summary: ``5 ran``.
        tone: how good it is.
        reasons: the reasons that there are for it.
        is_always_counted: whether a summary has it where there is none, too.
        has_value: whether the stage has a value.
    """

    status: int
    word: str
    counted: str
    tone: Tone
    reasons: Tuple[Reason, ...] = ()
    is_always_counted: bool = False
    has_value: bool = False


OUTCOME_TABLE: Dict[Outcome, OutcomeRow] = {  # in the order in which they are counted
    Outcome.SUCCEEDED: OutcomeRow(
        2, "ok", "ran", Tone.GOOD, is_always_counted=True, has_value=True
    ),
    Outcome.REUSED: OutcomeRow(6, "cached", "cached", Tone.GOOD, has_value=True),
    Outcome.FAILED: OutcomeRow(
        3,
        "FAILED",
        "failed",
        Tone.BAD,
        (
            *(Reason.RAISED, Reason.BAD_VALUE, Reason.TIMED_OUT, Reason.CRASHED),
            Reason.DECIDER_FAILED,
        ),
        is_always_counted=True,
    ),
    Outcome.SKIPPED: OutcomeRow(
        4,
        "skip",
        "skipped",
        Tone.DOUBTFUL,
        (Reason.UPSTREAM_FAILED, Reason.NO_VALUE, Reason.NOT_NEEDED, Reason.DECIDED),
        is_always_counted=True,
    ),
    Outcome.CANCELLED: OutcomeRow(
        5, "cancel", "cancelled", Tone.DOUBTFUL, (Reason.STOPPED, Reason.INTERRUPTED)
    ),
}
OUTCOMES: Dict[int, Outcome] = {  # by status
    row.status: outcome for outcome, row in OUTCOME_TABLE.items()
}
REASONS: Tuple[Reason, ...] = tuple(Reason)  # by their numbers in the column of reasons


class RunStatus(enum.Enum):
    """How a run ended."""

    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELLED = "cancelled"


class OnFailure(enum.Enum):
    """What a run does when a critical stage fails."""

    STOP = "stop"
    CONTINUE = "continue"
    CANCEL = "cancel"
