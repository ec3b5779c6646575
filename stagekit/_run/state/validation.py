"""What must hold of the state of a run at any time. Tests ask after each transition."""

from __future__ import annotations

from typing import TYPE_CHECKING, AbstractSet, Collection, List

from stagekit._base.outcome import OUTCOME_TABLE, OUTCOMES, REASONS, Outcome, Reason
from stagekit._run.state.columns import (
    CANCELLED,
    FAILED,
    REUSED,
    RUNNING,
    SKIPPED,
    SUCCEEDED,
    WAITING,
)

if TYPE_CHECKING:
    from stagekit._run.state.run_state import RunState
    from stagekit._run.state.scheduler import Scheduler

_ENDED = [status for status, outcome in OUTCOMES.items() if outcome is not Outcome.CANCELLED]
_UNCAUSED = (REASONS.index(Reason.NOT_NEEDED), REASONS.index(Reason.DECIDED))
_REASONS = {
    row.status: tuple([REASONS.index(reason) for reason in row.reasons])
    for row in OUTCOME_TABLE.values()
    if row.reasons
}


def validate(
    scheduler: Scheduler,
    taken: Collection[int] = (),
    late: AbstractSet[int] = frozenset(),
) -> None:
    """Check every invariant.

    Args:
        scheduler: what is checked.
        taken: ready steps that somebody took from the heaps, and has not started.
        late: steps that need not have ended where a decider decides about their children.

    Raises:
        AssertionError: naming the steps for which one does not hold.
    """
    wrong: List[str] = []
    for step, status in enumerate(scheduler.status):
        wrong += [f"step {step}: {text}" for text in _of_step(scheduler, step, status, late)]
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
    late = frozenset([] if state.decisions is None else state.resources.steps)
    validate(state.scheduler, set(state.queued()), late)
    state.queue.validate()


def _of_step(scheduler: Scheduler, step: int, status: int, late: AbstractSet[int]) -> List[str]:
    plan, columns = scheduler.plan, scheduler.columns
    statuses = [scheduler.status[parent] for parent in plan.parents[step]]
    wrong: List[str] = []
    open_parents = sum(each not in _ENDED for each in statuses)
    if scheduler.left[step] != open_parents:
        wrong.append(f"{open_parents} parents are left, not {scheduler.left[step]}")
    missing = sum(
        each not in _ENDED and parent not in late
        for parent, each in zip(plan.parents[step], statuses)
    )
    is_early = status in (FAILED, REUSED) and not late.isdisjoint(plan.parents[step])
    has_begun = status in (RUNNING, SUCCEEDED, FAILED, REUSED)
    if has_begun and (missing if is_early else open_parents):
        wrong.append("started before its parents had ended")
    if has_begun and not is_early and scheduler.blocked(step) is not None:
        wrong.append("started although it had to be skipped")
    if status in _REASONS and columns.reasons.get(step) not in _REASONS[status]:
        wrong.append(f"status {status} with reason {columns.reasons.get(step)}")
    if status not in _REASONS and step in columns.reasons:
        wrong.append(f"status {status} with a reason")
    is_caused = status == SKIPPED and columns.reasons.get(step) not in _UNCAUSED
    if is_caused != (step in columns.causes):
        wrong.append("skipped and cause do not go together")
    cause = columns.causes.get(step, step)
    has_failed = scheduler.status[cause] == FAILED
    if cause != step and not has_failed and columns.reasons.get(cause) not in _UNCAUSED:
        wrong.append(f"its cause {cause} has not failed")
    if status == FAILED and step not in columns.errors:
        wrong.append("failed without an error")
    if status not in (FAILED, CANCELLED) and step in columns.errors:
        wrong.append("has an error")
    return wrong
