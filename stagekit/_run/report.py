"""``StageReport``: what became of one stage, made from the columns of a run when asked for."""

from __future__ import annotations

from typing import TYPE_CHECKING, Optional, Tuple

from stagekit._base.outcome import OUTCOMES, REASONS, Outcome, Reason
from stagekit._run.state.columns import SUCCEEDED, Columns, worker_name

if TYPE_CHECKING:
    from dataclasses import dataclass

    from stagekit._declare.context import RunInfo
    from stagekit._run.state.columns import AttemptRow
else:
    from stagekit._base.frozen import dataclass  # 3 ms less than the one of dataclasses


@dataclass(frozen=True)
class Attempt:
    """One call of a stage.

    Attributes:
        number: from 1.
        start: seconds from the start of the run.
        end: the same.
        error: what it raised, or None.
        worker: the thread, branch of the loop, or slot of a pool that carried it out.
        started_at: the start in seconds since the epoch.
        item: of an ``Each`` stage, the index of the item; else None.
    """

    number: int
    start: float
    end: float
    error: Optional[BaseException]
    worker: str
    started_at: float
    item: Optional[int] = None

    @property
    def seconds(self) -> float:
        """How long it took."""
        return self.end - self.start


@dataclass(frozen=True)
class StageReport:
    """What became of one stage.

    Attributes:
        stage_id: the id of the stage.
        outcome: how it ended.
        reason: why, unless it succeeded.
        cause: the id of the stage because of which it was skipped.
        attempts: its calls; none where it never started.
        teardown_error: what a resource raised when it was torn down, or None.
        undone: whether the stage was made undone; None where nobody tried.
        undo_error: what its compensation raised, or None.
        error: what the stage failed with, or None.
        item: of an ``Each`` stage that failed, the index of the item that it failed with.
        note: what the decider of the run says of a stage that it skipped, or gave a value.
        location: where to look, as ``file:line``: of a failed stage, where it raised.
    """

    stage_id: str
    outcome: Outcome
    reason: Optional[Reason]
    cause: Optional[str]
    attempts: Tuple[Attempt, ...]
    location: Optional[str]
    teardown_error: Optional[BaseException] = None
    undone: Optional[bool] = None
    undo_error: Optional[BaseException] = None
    error: Optional[BaseException] = None
    item: Optional[int] = None
    note: str = ""

    @property
    def seconds(self) -> float:
        """How long all attempts took."""
        return sum(attempt.seconds for attempt in self.attempts)


def report_of(columns: Columns, info: RunInfo, step: int) -> StageReport:
    """Return the report of one step."""
    from stagekit._run.failure import failed_item, location_of

    plan = columns.plan
    status = SUCCEEDED if columns.status is None else columns.status[step]
    reason, cause = columns.reasons.get(step), columns.causes.get(step)
    error = columns.errors.get(step)
    if error is not None:
        where = location_of(error, plan, step)
    else:
        location = plan.stages[step].location
        where = None if location is None else str(location)
    return StageReport(
        plan.order[step],
        OUTCOMES[status],
        None if reason is None else REASONS[reason],
        None if cause is None else plan.order[cause],
        _attempts(columns, info, step),
        where,
        columns.teardowns.get(step),
        columns.undone[step] is None if step in columns.undone else None,
        columns.undone.get(step),
        error,
        failed_item(columns, step),
        columns.notes.get(step, ""),
    )


def _attempt_of(columns: Columns, info: RunInfo, row: AttemptRow) -> Attempt:
    item, number, start, end, worker, error = row
    begin = (start - columns.began) / 1e9
    return Attempt(
        number,
        begin,
        (end - columns.began) / 1e9,
        error,
        worker,
        info.started_at + begin,
        None if item < 0 else item,
    )


def _attempts(columns: Columns, info: RunInfo, step: int) -> Tuple[Attempt, ...]:
    rows = columns.attempts.get(step)
    if rows:
        return tuple(_attempt_of(columns, info, row) for row in rows)
    start, end = columns.span(step)
    if not start:
        return ()
    number = columns.workers[step] if columns.workers else 0
    worker = worker_name(number, info.executor, columns.names)
    begin = (start - columns.began) / 1e9
    return (
        Attempt(
            1,
            begin,
            (end - columns.began) / 1e9,
            columns.errors.get(step),
            worker,
            info.started_at + begin,
        ),
    )
