"""What is told of a result as a whole: status, critical path, JSON, texts, and its error."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Dict, List, Optional, Set, Tuple

from stagekit._base.outcome import Outcome, RunStatus
from stagekit._base.text import error_line, escape_control, safe_text, seconds
from stagekit._run.state.columns import CANCELLED, FAILED, SKIPPED, SUCCEEDED, Columns

if TYPE_CHECKING:
    from stagekit._plan.plan import Plan
    from stagekit._run.report import Attempt, StageReport
    from stagekit._run.result import Result

SCHEMA = "stagekit.run/1"
_ORDER = (
    (Outcome.SUCCEEDED, SUCCEEDED),
    (Outcome.FAILED, FAILED),
    (Outcome.SKIPPED, SKIPPED),
    (Outcome.CANCELLED, CANCELLED),
)


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
    counted = ((outcome, columns.status.count(status)) for outcome, status in _ORDER)
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
    if policy is None or policy.kind != "resource":
        return []
    users, below, stack = _users(plan, step), {step}, [step]
    while stack:  # what uses it, and what comes after that, did not have it opened
        found = [child for child in plan.children[stack.pop()] if child not in below]
        below.update(found)
        stack += found
    start = columns.span(step)[0]
    return [
        parent
        for user in users
        for parent in plan.parents[user]
        if parent not in below and 0 < ends[parent] <= start
    ]


def _users(plan: Plan, resource: int) -> Set[int]:
    """Return the stages that use a resource, be it through others."""
    users: Set[int] = set()
    stack = [resource]
    while stack:
        for child in plan.children[stack.pop()]:
            policy = plan.policies.get(child)
            if policy is None or policy.kind != "resource":
                users.add(child)
            else:
                stack.append(child)
    return users


def raise_for(result: Result, columns: Columns) -> None:
    """Raise the error of a run that did not succeed.

    Raises:
        RunFailedError: a critical stage failed; its cause is the first failure in plan order.
        RunCancelledError: the run was cancelled.
    """
    from stagekit._run.failure import abandoned_lines
    from stagekit.errors import RunCancelledError, RunFailedError

    status = status_of(columns)
    if status is RunStatus.CANCELLED:
        why = f" ({columns.why})" if columns.why not in ("", "cancelled", "interrupted") else ""
        text = f"run {result.run_id} was cancelled{why}: {_counts_text(result)}"
        message = "\n".join([text, *abandoned_lines(columns)])
        raise RunCancelledError(message, result, reason=result.cancel_reason)
    if status is RunStatus.FAILED:
        from stagekit._run.failure import failed_steps, failure_text

        critical = columns.plan.critical
        failed = [columns.errors[step] for step in failed_steps(columns) if critical[step]]
        first = [*failed, *columns.teardowns.values()][0]
        raise RunFailedError(failure_text(columns, result.run_id), result) from first


def why_no_value(columns: Columns, step: int) -> str:
    """Return why a stage has no value, as a sentence."""
    plan, status = columns.plan, columns.status or b""
    stage, error = plan.order[step], columns.errors.get(step)
    if status[step] == FAILED and error is not None:
        return f"stage {stage!r} has no value: it failed with {error_line(error)}"
    if status[step] == SKIPPED:
        cause = columns.causes.get(step)
        if cause is None:
            return f"stage {stage!r} has no value: it was skipped, as nobody needed it"
        why = error_line(columns.errors[cause])
        return (
            f"stage {stage!r} has no value: it was skipped, "
            f"because {plan.order[cause]!r} failed with {why}"
        )
    return f"stage {stage!r} has no value: it was cancelled, as the run stopped"


def _counts_text(result: Result) -> str:
    return ", ".join(f"{count:,} {name}" for name, count in result.counts().items()) or "no stages"


def headline(result: Result) -> str:
    """Return a result on one line."""
    counts = _counts_text(result)
    return f"{result.run_id} {result.status.value}: {counts} in {seconds(result.seconds)}"


def to_text(result: Result) -> str:
    """Return a result as a table for people, one line a stage."""
    rows = [_row(report) for report in result.reports()]
    widths = [max((len(row[column]) for row in rows), default=0) for column in range(3)]
    lines = ["  ".join(text.ljust(size) for text, size in zip(row, [*widths, 0])) for row in rows]
    return "\n".join([headline(result), *(f"  {line}".rstrip() for line in lines)])


def to_html(result: Result) -> str:
    """Return a result as an HTML table; everything from data is escaped."""
    from html import escape  # 1 ms

    body = "".join(
        "<tr>" + "".join(f"<td>{escape(cell)}</td>" for cell in _row(report)) + "</tr>"
        for report in result.reports()
    )
    head = "".join(f"<th>{name}</th>" for name in ("stage", "outcome", "time", "why"))
    return (
        f"<p>{escape(headline(result))}</p>"
        f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"
    )


def _row(report: StageReport) -> Tuple[str, str, str, str]:
    time = seconds(report.seconds) if report.attempts else ""
    why = ""
    if report.error is not None:
        why = f"{report.location}  {error_line(report.error, limit=200)}"
    elif report.cause is not None:
        why = f"because {report.cause} failed"
    elif report.reason is not None:
        why = report.reason.value
    return escape_control(report.stage_id), report.outcome.value, time, escape_control(why)


def to_json(result: Result, columns: Columns) -> str:
    """Return a result as JSON: see ``Result.to_json``."""
    import json  # 8 ms

    document: Dict[str, Any] = {
        "schema": SCHEMA,
        "run": result.run_id,
        "parent": result.info.parent,
        "status": result.status.value,
        "cancel_reason": result.cancel_reason or None,
        "abandoned": list(result.abandoned),
        "executor": result.executor,
        "workers": result.workers,
        "started": result.info.started.isoformat(),
        "seconds": result.seconds,
        "work_seconds": result.work_seconds,
        "critical_path": list(result.critical_path()),
        "warnings": list(result.warnings),
        "stages": [_stage_json(columns, step, each) for step, each in enumerate(result.reports())],
    }
    return json.dumps(document, indent=2)


def _stage_json(columns: Columns, step: int, report: StageReport) -> Dict[str, Any]:
    value = columns.values[columns.plan.constants + step]
    is_there = report.outcome is Outcome.SUCCEEDED
    return {
        "id": report.stage_id,
        "outcome": report.outcome.value,
        "reason": None if report.reason is None else report.reason.value,
        "cause": report.cause,
        "value_type": f"{type(value).__module__}.{type(value).__qualname__}" if is_there else None,
        "attempts": [_attempt_json(attempt, report) for attempt in report.attempts],
        "teardown_error": _error_json(report.teardown_error, columns, step),
        "undone": report.undone,
        "undo_error": _error_json(report.undo_error, columns, step),
    }


def _error_json(
    error: Optional[BaseException], columns: Columns, step: int
) -> Optional[Dict[str, Any]]:
    if error is None:
        return None
    from stagekit._run.failure import location_of

    return {
        "type": f"{type(error).__module__}.{type(error).__qualname__}",
        "message": safe_text(error),
        "location": location_of(error, columns.plan, step),
    }


def _attempt_json(attempt: Attempt, report: StageReport) -> Dict[str, Any]:
    error = attempt.error
    return {
        "number": attempt.number,
        "item": attempt.item,
        "start": attempt.start,
        "end": attempt.end,
        "worker": attempt.worker,
        "error": None
        if error is None
        else {
            "type": f"{type(error).__module__}.{type(error).__qualname__}",
            "message": safe_text(error),
            "location": report.location,
        },
    }
