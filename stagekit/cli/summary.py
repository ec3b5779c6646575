"""How a run went, in a few lines."""

from __future__ import annotations

from typing import Iterator, List, Mapping, Sequence, Tuple

from stagekit._base.outcome import Outcome
from stagekit._base.text import (
    aligned,
    bytes_text,
    error_line,
    escape_control,
    listed,
    seconds,
    short_names,
)
from stagekit._run.report import StageReport
from stagekit._run.result import Result
from stagekit.cli.output import Style
from stagekit.hooks.tally import counts_text

_MOST_ON_PATH = 12
_LONG_ENOUGH = 0.1  # seconds; below, a critical path is noise


def plain_summary(result: Result) -> str:
    """Return the summary as one line, for logs."""
    took = seconds(result.seconds).replace(" ", "")
    first = f"summary: {_counts(result, ', ')} in {took} (run {result.run_id})"
    return "\n".join([first, *(f"{label}: {text}" for label, text in _troubles(result))])


def summary(result: Result, style: Style) -> str:
    """Return the summary for people: counts, times, the critical path, what failed and where."""
    times = [f"{seconds(result.seconds)} wall", f"{seconds(result.work_seconds)} work"]
    if result.seconds > 0 and result.work_seconds > result.seconds:
        times.append(
            f"{'×' if style.has_unicode else 'x'}{result.work_seconds / result.seconds:.1f}"
        )
    between = " · " if style.has_unicode else ", "
    lines = [f"{_counts(result, between)}     {', '.join(times)}"]
    names = short_names(result.plan.order)
    path = critical_path(result, style)
    if path:
        lines.append(f"critical path  {path}")
    for report in result.failures:
        place = f"  {escape_control(report.location)}" if report.location else ""
        name = escape_control(names[report.stage_id])
        lines.append(f"{style.paint('error', 'failed')}         {name}{place}")
    for label, text in _troubles(result):
        lines.append(f"{style.paint('error', label)}{' ' * max(2, 15 - len(label))}{text}")
    return "\n".join(f"  {line}" for line in lines)


def critical_path(result: Result, style: Style) -> str:
    """Return the critical path and its share of the time; empty where it is noise."""
    names = short_names(result.plan.order)
    path = [escape_control(names[each]) for each in result.critical_path()]
    if len(path) < 2 or result.seconds < _LONG_ENOUGH:  # noqa: PLR2004 - one stage is no path
        return ""
    return f"{_path(path, style)}   {_share(result)}"


def measured(result: Result) -> str:
    """Return what each stage has used of the machine, as a table."""
    names = short_names(result.plan.order)
    rows = [("stage", "wall", "CPU", "memory")]
    for each in result.reports():
        cpu, wall = each.cpu_seconds, seconds(each.seconds) if each.attempts else "-"
        used = "-" if cpu is None else seconds(cpu)
        name = escape_control(names[each.stage_id])
        rows.append((name, wall, used, bytes_text(each.peak_memory_bytes)))
    return "\n".join([f"  {line}" for line in aligned(rows)])


def slowest(result: Result, most: int) -> str:
    """Return the stages that took longest, as a table; all that ran where *most* is 0."""
    names = short_names(result.plan.order)
    ran = [each for each in result.reports() if each.attempts]
    ran.sort(key=lambda each: -each.seconds)
    shown = ran[:most] if most else ran
    rows = [("stage", "wall", "share", "attempts")]
    for each in shown:
        share = each.seconds / result.seconds if result.seconds > 0 else 0.0
        name = escape_control(names[each.stage_id])
        rows.append((name, seconds(each.seconds), f"{share:.0%}", f"{len(each.attempts):,}"))
    title = f"  slowest stages ({len(shown):,} of {len(ran):,} that ran)"
    return "\n".join([title, *(f"  {line}" for line in aligned(rows))])


def _troubles(result: Result) -> Iterator[Tuple[str, str]]:
    """Yield what there is to say of an end that was not a plain one: a word, and the rest."""
    yield from _left_out(result)
    if not result.cancel_reason and result.ok:
        return
    names = short_names(result.plan.order)
    reports = result.reports()
    if result.cancel_reason == "deadline":
        cut = [each.stage_id for each in reports if each.outcome is Outcome.CANCELLED]
        yield "deadline", f"passed; cancelled: {_named(cut, names) or 'nothing'}"
    if result.abandoned:
        yield "abandoned", f"{_named(result.abandoned, names)} did not end, and may run on"
    if result.leaked:
        yield "left open", f"{_named(result.leaked, names)}: what was abandoned may use it"
    undone = [each.stage_id for each in reports if each.undone]
    if undone:
        yield "undone", _named(undone, names)
    left = [each.stage_id for each in reports if _could_be_undone(result, each)]
    if left:
        flag = "--rollback-on-cancel" if result.cancel_reason else "--rollback"
        yield "not undone", f"{_named(left, names)} (ask for it with {flag})"
    for report in reports:
        name = escape_control(names[report.stage_id])
        if report.undo_error is not None:
            yield "not undone", f"{name}: {error_line(report.undo_error)}"
        if report.teardown_error is not None:
            yield "not closed", f"{name}: {error_line(report.teardown_error)}"


def _could_be_undone(result: Result, report: StageReport) -> bool:
    """Return whether a stage succeeded that says how to undo it, and nobody tried."""
    policy = result.plan.policies.get(result.plan.step_of(report.stage_id))
    has_undo = policy is not None and policy.undo is not None
    return has_undo and report.outcome is Outcome.SUCCEEDED and report.undone is None


def _left_out(result: Result) -> Iterator[Tuple[str, str]]:
    """Yield for each stage the items that failed and are not in its value, and the first error."""
    names = short_names(result.plan.order)
    for step, stage_id in enumerate(result.plan.order):
        policy = result.plan.policies.get(step)
        if policy is None or not policy.skips:
            continue
        items = result.report(stage_id).items
        failed = [each for each in items if each.error is not None]
        if failed and failed[0].error is not None:
            text = f"{escape_control(names[stage_id])}: {len(failed):,} of {len(items):,} items"
            first = f"item {failed[0].index}: {failed[0].text}"
            yield "left out", f"{text}, first {first}: {error_line(failed[0].error, limit=120)}"


def _named(stages: Sequence[str], names: Mapping[str, str]) -> str:
    shown = [escape_control(names[each]) for each in stages[:_MOST_ON_PATH]]
    return listed(shown, _MOST_ON_PATH, of=len(stages))


def _counts(result: Result, between: str) -> str:
    counts = {Outcome(name): count for name, count in result.counts().items()}
    return counts_text(counts, between)


def _path(names: List[str], style: Style) -> str:
    arrow = " → " if style.has_unicode else " -> "
    if len(names) <= _MOST_ON_PATH:
        return arrow.join(names)
    gap = "…" if style.has_unicode else "..."
    return arrow.join([*names[: _MOST_ON_PATH - 3], gap, *names[-2:]])


def _share(result: Result) -> str:
    on_path = 0.0
    for each in result.critical_path():
        attempts = result.report(each).attempts  # those of items overlap
        if attempts:
            on_path += max(a.end for a in attempts) - min(a.start for a in attempts)
    share = min(1.0, on_path / result.seconds) if result.seconds > 0 else 1.0
    return f"{seconds(on_path)} ({share:.0%})"
