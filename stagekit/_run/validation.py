"""What must hold of a scheduler's state at any time. Tests ask after each transition."""

from __future__ import annotations

from typing import TYPE_CHECKING, List

from stagekit._run.columns import (
    CANCELLED,
    FAILED,
    INTERRUPTED,
    NO_VALUE,
    RUNNING,
    SKIPPED,
    STOPPED,
    SUCCEEDED,
    UPSTREAM_FAILED,
    WAITING,
)

if TYPE_CHECKING:
    from stagekit._run.scheduler import Scheduler

__all__ = ["validate"]

_ENDED = (SUCCEEDED, FAILED, SKIPPED)
_REASONS = {
    FAILED: (0, 1),
    SKIPPED: (UPSTREAM_FAILED, NO_VALUE),
    CANCELLED: (STOPPED, INTERRUPTED),
}


def validate(scheduler: Scheduler) -> None:
    """Check every invariant.

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
    if not scheduler.is_stopped and sorted(ready) != sorted(scheduler.ready()):
        wrong.append(f"ready are {sorted(ready)}, in the heaps are {sorted(scheduler.ready())}")
    if scheduler.running != scheduler.status.count(RUNNING):
        wrong.append(f"{scheduler.running} are said to run")
    if wrong:
        raise AssertionError("; ".join(wrong))


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
