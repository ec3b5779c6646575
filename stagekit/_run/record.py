"""``RunRecord``: what a run has recorded, as data; and what follows from it."""

from __future__ import annotations

from stagekit._base.outcome import OUTCOMES, Outcome, RunStatus
from stagekit._base.record import Record
from stagekit._plan.policy import RESOURCE
from stagekit._run.state.columns import FAILED, Columns

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Dict, List, Set, Tuple

    from stagekit._declare.context import RunInfo
    from stagekit._plan.plan import Plan
    from stagekit._run.report import StageReport


class RunRecord(Record):
    """What a run has recorded.

    Attributes:
        columns: outcomes, values and times, one row a step.
        info: the id of the run, its start, executor and workers.
        warnings: what the run wants to be known, such as a hook that raised.
    """

    columns: Columns
    info: RunInfo
    warnings: Tuple[str, ...] = ()

    @property
    def status(self) -> RunStatus:
        """How the run ended."""
        return status_of(self.columns)

    @property
    def cancel_reason(self) -> str:
        """Why the run was cancelled; empty where it was not."""
        columns = self.columns
        return columns.why or "interrupted" if columns.interrupted else ""

    @property
    def abandoned(self) -> Tuple[str, ...]:
        """The ids of stages that did not end in time after a cancel."""
        order = self.columns.plan.order
        return tuple(dict.fromkeys(order[step] for step in self.columns.abandoned))

    @property
    def seconds(self) -> float:
        """How long the run took."""
        return (self.columns.ended - self.columns.began) / 1e9

    @property
    def work_seconds(self) -> float:
        """How long all calls of stages took together."""
        columns, total = self.columns, 0
        for step in range(len(columns.plan)):
            rows = columns.attempts.get(step)
            start, end = columns.span(step)
            if rows:  # items run side by side, and between attempts nothing does
                total += sum(row[3] - row[2] for row in rows)
            elif start:
                total += end - start
        return total / 1e9

    def counts(self) -> Dict[str, int]:
        """Return how many stages had each outcome, those that occurred."""
        return {outcome.value: count for outcome, count in counts_of(self.columns)}

    def report(self, step: int) -> StageReport:
        """Return what became of one step."""
        from stagekit._run.report import report_of  # dataclasses: 13 ms

        return report_of(self.columns, self.info, step)

    def reports(self) -> Tuple[StageReport, ...]:
        """Return what became of every step."""
        return tuple([self.report(step) for step in range(len(self.columns.plan))])


def status_of(columns: Columns) -> RunStatus:
    """Return how the run ended: cancelled before failed before succeeded."""
    if columns.interrupted:
        return RunStatus.CANCELLED
    if columns.teardowns:
        return RunStatus.FAILED
    status, critical = columns.status or b"", columns.plan.critical
    if FAILED in status and any(
        each == FAILED and critical[step] for step, each in enumerate(status)
    ):
        return RunStatus.FAILED
    return RunStatus.SUCCEEDED


def counts_of(columns: Columns) -> Tuple[Tuple[Outcome, int], ...]:
    """Return how many steps had each outcome, those that occurred."""
    if columns.status is None:
        return ((Outcome.SUCCEEDED, len(columns.plan)),) if len(columns.plan) else ()
    counted = ((outcome, columns.status.count(status)) for status, outcome in OUTCOMES.items())
    return tuple((outcome, count) for outcome, count in counted if count)


def critical_path(columns: Columns) -> Tuple[str, ...]:
    """Return the ids from a first stage to the one that ended last, each after the one before."""
    plan = columns.plan
    ends = [end if start else 0 for start, end in map(columns.span, range(len(plan)))]
    if not any(ends):
        return ()
    path = [max(range(len(plan)), key=ends.__getitem__)]
    while True:
        before = [*plan.parents[path[-1]], *_awaited(columns, path[-1], ends)]
        if not before:
            return tuple(plan.order[step] for step in reversed(path))
        path.append(max(before, key=ends.__getitem__))


def _awaited(columns: Columns, step: int, ends: List[int]) -> List[int]:
    """Return what had ended before a resource was opened, so that its users lacked only that."""
    plan = columns.plan
    policy = plan.policies.get(step)
    if policy is None or policy.kind != RESOURCE:
        return []
    users, below, stack = users_of(plan, step), {step}, [step]
    while stack:  # what uses it, and what comes after that, did not have it opened
        found = [child for child in plan.children[stack.pop()] if child not in below]
        below.update(found)
        stack += found
    start = columns.span(step)[0]
    return [
        parent
        for user in users
        if user not in plan.policies or plan.policies[user].kind != RESOURCE
        for parent in plan.parents[user]
        if parent not in below and 0 < ends[parent] <= start
    ]


def users_of(plan: Plan, resource: int) -> Set[int]:
    """Return the stages that use a resource, be it through others, and those others."""
    users: Set[int] = set()
    stack = [resource]
    while stack:
        for child in plan.children[stack.pop()]:
            policy = plan.policies.get(child)
            if child not in users and policy is not None and policy.kind == RESOURCE:
                stack.append(child)
            users.add(child)
    return users
