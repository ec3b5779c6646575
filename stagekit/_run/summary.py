"""A run as text, HTML and JSON, and as the error that it raises: over its record."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Dict, List, Optional, Sequence, Tuple

from stagekit._base.handles import type_name
from stagekit._base.outcome import OUTCOME_TABLE, OUTCOMES, Outcome, Reason, RunStatus
from stagekit._base.record import Record
from stagekit._base.text import (
    aligned,
    bytes_text,
    error_line,
    escape_control,
    safe_text,
    seconds,
    short_names,
)
from stagekit._run.record import RunRecord, critical_path
from stagekit._run.state.columns import CANCELLED, FAILED, SKIPPED, Columns

if TYPE_CHECKING:
    from stagekit._run.report import Attempt, StageReport

SCHEMA = "stagekit.run/1"


def raise_for(run: RunRecord, result: object) -> None:
    """Raise the error of a run that did not succeed.

    Args:
        run: its record.
        result: what the error holds for its catcher.

    Raises:
        RunFailedError: a critical stage failed; its cause is the first failure in plan order.
        RunCancelledError: the run was cancelled.
    """
    from stagekit._run.failure import abandoned_lines
    from stagekit.errors import RunCancelledError, RunFailedError

    columns, status = run.columns, run.status
    if status is RunStatus.CANCELLED:
        why = f" ({columns.why})" if columns.why not in ("", "cancelled", "interrupted") else ""
        text = f"run {run.info.id} was cancelled{why}: {_counts_text(run)}"
        message = "\n".join([text, *abandoned_lines(columns)])
        raise RunCancelledError(message, result, reason=run.cancel_reason)
    if status is RunStatus.FAILED:
        from stagekit._run.failure import failed_steps, failure_text

        critical = columns.plan.critical
        failed = [columns.errors[step] for step in failed_steps(columns) if critical[step]]
        first = [*failed, *columns.teardowns.values()][0]
        raise RunFailedError(failure_text(columns, run.info.id), result) from first


def why_no_value(columns: Columns, step: int) -> str:
    """Return why a stage has no value, as a sentence."""
    plan, status = columns.plan, columns.status or b""
    stage, error = plan.order[step], columns.errors.get(step)
    if status[step] == FAILED and error is not None:
        return f"stage {stage!r} has no value: it failed with {error_line(error)}"
    if status[step] == SKIPPED:
        return f"stage {stage!r} has no value: it was skipped, {_why_skipped(columns, step)}"
    if status[step] == CANCELLED:
        return f"stage {stage!r} has no value: it was cancelled, as the run stopped"
    return f"stage {stage!r} has no value: it was {OUTCOMES[status[step]].value}"


def _why_skipped(columns: Columns, step: int) -> str:
    cause = columns.causes.get(step)
    if cause is None:
        note = columns.notes.get(step)
        return "as nobody needed it" if note is None else f"as the decider says: {note}"
    name = repr(columns.plan.order[cause])
    error = columns.errors.get(cause)
    if error is None:
        return f"because {name} was skipped, {_why_skipped(columns, cause)}"
    return f"because {name} failed with {error_line(error)}"


def _counts_text(run: RunRecord) -> str:
    return ", ".join(f"{count:,} {name}" for name, count in run.counts().items()) or "no stages"


def headline(run: RunRecord) -> str:
    """Return a run on one line."""
    return f"{run.info.id} {run.status.value}: {_counts_and_time(run)}"


def _counts_and_time(run: RunRecord) -> str:
    return f"{_counts_text(run)} in {seconds(run.seconds)}"


def to_text(run: RunRecord, shown: Sequence[Shown]) -> str:
    """Return a run as a table for people, one line a stage."""
    rows = [
        (
            *(each.name, each.report.outcome.value, each.time),
            *(["" if not cell else f"{word} {cell}" for word, cell in zip(_USAGE, each.usage)]),
            *(each.size, each.why),
        )
        for each in shown
    ]
    filled = [column for column in zip(*rows) if any(column)]
    return "\n".join([headline(run), *(f"  {line}" for line in aligned(list(zip(*filled))))])


def endings(run: RunRecord, shown: Sequence[Shown]) -> Tuple[Dict[int, Tuple[Outcome, str]], str]:
    """Return for a picture what became of each step, and how the run went."""
    from stagekit._base.html_text import marked

    ended = {step: (each.report.outcome, _ended(each)) for step, each in enumerate(shown)}
    return ended, f"{marked(run.status)}: {_counts_and_time(run)}"


def _ended(each: Shown) -> str:
    time = f" in {each.time}" if each.time else ""
    return f"{each.report.outcome.value}{time}{f': {each.why}' if each.why else ''}"


def to_html(run: RunRecord, shown: Sequence[Shown], drawn: str = "") -> str:
    """Return a run as an HTML table; everything from data is escaped.

    Args:
        run: its record.
        shown: its stages.
        drawn: its picture, that stands above the table.
    """
    from stagekit._base.html_text import colored, escaped, marked, scrolling, table

    rows = [
        (
            escaped(each.name),
            colored(each.report.outcome, marked(each.report.outcome)),
            *map(escaped, (each.time, *each.usage, each.size, each.why)),
        )
        for each in shown
    ]
    status = colored(run.status, marked(run.status))
    head = ("stage", "outcome", "time", *_USAGE, "value", "why")
    return (
        f"<p>{escaped(run.info.id)} {status}: {escaped(_counts_and_time(run))}</p>"
        f"{scrolling(drawn) if drawn else ''}"
        f"{table(head, rows, wraps=('why',))}"
    )


_USAGE = ("CPU", "memory")


class Shown(Record):
    """What is shown of one stage."""

    report: StageReport
    name: str
    time: str
    usage: Tuple[str, str]
    size: str
    why: str


def shown(run: RunRecord) -> List[Shown]:
    """Return what text, table and picture say of each stage."""
    from stagekit._base.released import Released
    from stagekit._base.value_text import size_text

    columns = run.columns
    names = short_names(columns.plan.order)
    values = columns.values[columns.plan.constants :]
    sizes = [each.size if type(each) is Released else size_text(each) for each in values]
    return [
        Shown(
            report,
            escape_control(names[report.stage_id]),
            seconds(report.seconds) if report.attempts else "",
            _usage(report) if columns.usage is not None and report.attempts else ("", ""),
            escape_control(size),
            escape_control(_why(report)),
        )
        for report, size in zip(run.reports(), sizes)
    ]


def _usage(report: StageReport) -> Tuple[str, str]:
    cpu = report.cpu_seconds
    return "-" if cpu is None else seconds(cpu), bytes_text(report.peak_memory_bytes)


def _why(report: StageReport) -> str:
    if report.error is not None:
        return f"{report.location}  {error_line(report.error, limit=200)}"
    if report.cause is not None:
        ended = "gave no value" if report.reason is Reason.NO_VALUE else "failed"
        return f"because {report.cause} {ended}"
    if report.note:
        return report.note
    return "" if report.reason is None else report.reason.value


def to_json(run: RunRecord) -> str:
    """Return a run as JSON: see ``Result.to_json``."""
    import json  # 8 ms

    document: Dict[str, Any] = {
        "schema": SCHEMA,
        "run": run.info.id,
        "parent": run.info.parent,
        "status": run.status.value,
        "cancel_reason": run.cancel_reason or None,
        "abandoned": list(run.abandoned),
        "executor": run.info.executor,
        "workers": run.info.workers,
        "started": run.info.started.isoformat(),
        "seconds": run.seconds,
        "work_seconds": run.work_seconds,
        "critical_path": list(critical_path(run.columns)),
        "warnings": list(run.warnings),
        "stages": [_stage_json(run.columns, step, each) for step, each in enumerate(run.reports())],
    }
    return json.dumps(document, indent=2)


def _stage_json(columns: Columns, step: int, report: StageReport) -> Dict[str, Any]:
    value = columns.values[columns.plan.constants + step]
    is_there = OUTCOME_TABLE[report.outcome].has_value
    return {
        "id": report.stage_id,
        "outcome": report.outcome.value,
        "reason": None if report.reason is None else report.reason.value,
        "cause": report.cause,
        "note": report.note or None,
        "value_type": type_name(value) if is_there else None,
        "attempts": [
            {
                **_attempt_json(columns, step, attempt),
                **({} if columns.usage is None else _usage_json(attempt)),
            }
            for attempt in report.attempts
        ],
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


def _usage_json(attempt: Attempt) -> Dict[str, Any]:
    return {
        "cpu_seconds": attempt.cpu_seconds,
        "peak_memory_bytes": attempt.peak_memory_bytes,
    }


def _attempt_json(columns: Columns, step: int, attempt: Attempt) -> Dict[str, Any]:
    return {
        "number": attempt.number,
        "item": attempt.item,
        "start": attempt.start,
        "end": attempt.end,
        "worker": attempt.worker,
        "error": _error_json(attempt.error, columns, step),
    }
