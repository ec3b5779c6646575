"""What must hold of the state of a run at any time. Tests ask after each transition."""

from __future__ import annotations

from typing import TYPE_CHECKING, Collection, List

from stagekit._base.outcome import OUTCOME_TABLE, OUTCOMES, REASONS, Outcome
from stagekit._run.state.columns import (
    CANCELLED,
    FAILED,
    RUNNING,
    SKIPPED,
    SUCCEEDED,
    WAITING,
)

if TYPE_CHECKING:
    from stagekit._run.state.run_state import RunState
    from stagekit._run.state.scheduler import Scheduler

_ENDED = [status for status, outcome in OUTCOMES.items() if outcome is not Outcome.CANCELLED]
_REASONS = {
    row.status: tuple([REASONS.index(reason) for reason in row.reasons])
    for row in OUTCOME_TABLE.values()
    if row.reasons
}


def validate(scheduler: Scheduler, taken: Collection[int] = ()) -> None:
    """Check every invariant.

    Args:
        scheduler: what is checked.
        taken: ready steps that somebody took from the heaps, and has not started.

    Raises:
        AssertionError: naming the steps for which one does not hold.
    """
    wrong: List[str] = []
    for step, status in enumerate(scheduler.status):
        wrong += [f"step {step}: {text}" for text in _of_step(scheduler, step, status)]
    ready = [
        step
        for step, status in enumerate(scheduler.status)
        if status == WAITING and not scheduler.left[step]
    ]
    found = sorted([*scheduler.ready(), *taken])
    if not scheduler.is_stopped and sorted(ready) != found:
        wrong.append(f"ready are {sorted(ready)}, in the heaps or taken are {found}")
    if scheduler.running != scheduler.status.count(RUNNING):
        wrong.append(f"{scheduler.running} are said to run")
    if wrong:
        raise AssertionError("; ".join(wrong))


def validate_run(state: RunState) -> None:
    """Check every invariant of a run and of its slots; raises as ``validate`` does."""
    validate(state.scheduler, set(state.queued()))
    state.queue.validate()


def _of_step(scheduler: Scheduler, step: int, status: int) -> List[str]:
    plan, columns = scheduler.plan, scheduler.columns
    statuses = [scheduler.status[parent] for parent in plan.parents[step]]
    wrong: List[str] = []
    open_parents = sum(each not in _ENDED for each in statuses)
    if scheduler.left[step] != open_parents:
        wrong.append(f"{open_parents} parents are left, not {scheduler.left[step]}")
    if status in (RUNNING, SUCCEEDED, FAILED) and open_parents:
        wrong.append("started before its parents had ended")
    if status in (RUNNING, SUCCEEDED, FAILED) and scheduler.blocked(step) is not None:
        wrong.append("started although it had to be skipped")
    if status in _REASONS and columns.reasons.get(step) not in _REASONS[status]:
        wrong.append(f"status {status} with reason {columns.reasons.get(step)}")
    if status not in _REASONS and step in columns.reasons:
        wrong.append(f"status {status} with a reason")
    if (status == SKIPPED) != (step in columns.causes):
        wrong.append("skipped and cause do not go together")
    if step in columns.causes and scheduler.status[columns.causes[step]] != FAILED:
        wrong.append(f"its cause {columns.causes[step]} has not failed")
    if status == FAILED and step not in columns.errors:
        wrong.append("failed without an error")
    if status not in (FAILED, CANCELLED) and step in columns.errors:
        wrong.append("has an error")
    return wrong
