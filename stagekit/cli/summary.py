"""How a run went, in a few lines."""

from __future__ import annotations

from typing import List

from stagekit._base.outcome import Outcome
from stagekit._base.text import escape_control, seconds, short_names
from stagekit._run.result import Result
from stagekit.cli.style import Style
from stagekit.hooks.tally import counts_text

__all__ = ["plain_summary", "summary"]

_MOST_ON_PATH = 12
_LONG_ENOUGH = 0.1  # seconds; below, a critical path is noise


def plain_summary(result: Result) -> str:
    """Return the summary as one line, for logs."""
    took = seconds(result.seconds).replace(" ", "")
    return f"summary: {_counts(result, ', ')} in {took} (run {result.run_id})"


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
    path = [escape_control(names[each]) for each in result.critical_path()]
    if len(path) > 1 and result.seconds >= _LONG_ENOUGH:
        lines.append(f"critical path  {_path(path, style)}   {_share(result)}")
    for report in result.failures:
        place = f"  {escape_control(report.location)}" if report.location else ""
        name = escape_control(names[report.stage_id])
        lines.append(f"{style.paint('error', 'failed')}         {name}{place}")
    return "\n".join(f"  {line}" for line in lines)


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
    on_path = sum(result.report(each).seconds for each in result.critical_path())
    share = min(1.0, on_path / result.seconds) if result.seconds > 0 else 1.0
    return f"{seconds(on_path)} ({share:.0%})"
