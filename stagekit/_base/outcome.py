"""How stages and runs end: outcomes, reasons, run statuses."""

from __future__ import annotations

import enum


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
