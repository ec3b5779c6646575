"""What a run prints: a table a group, the limits, and the page docs/performance.md."""

from __future__ import annotations

from typing import Callable, Dict, List, Mapping, Sequence, Tuple

from benchmarks.budgets import compared
from benchmarks.limits import NOT_YET, Verdict, judge
from benchmarks.measurement import Measurement, Record
from benchmarks.table import markdown_table, number, text_table

__all__ = ["budget_table", "group_tables", "limit_table", "machine_line", "performance_page"]

WIDEST = 220  # characters of the names of cases that stand side by side

# Groups whose table shows ratios beside the values: what the ratio is to.
RATIO_TO = {
    "warm": "calls by hand",
    "warm, order edges only": "calls by hand",
    "cold": "graphlib and a dict loop",
    "cold, order edges only": "graphlib and a dict loop",
    "typed": "graphlib and a dict loop",
    "debian": "graphlib",
    "threads": "dask.threaded",
    "asyncio": "gather by level",
    "asyncio sleeps": "gather by level",
    "version": "bare python",
    "everyday": "the floor, or the pool alone",
    "items": "a list comprehension",
    "import": "import dataclasses",
    "fresh process": "graphlib and a dict loop",
    "command": "import click",
}


def machine_line(record: Record) -> str:
    """Say in a line what was measured on."""
    machine = record.machine
    listed = ", ".join(f"{name} {version}" for name, version in record.versions.items())
    return (
        f"{machine.get('implementation')}, {machine.get('processors')} processors, "
        f"{machine.get('date')}; {listed}"
    )


def group_tables(record: Record) -> str:
    """Render every group: subjects down, cases across."""
    groups: Dict[str, List[Measurement]] = {}
    for one in record.measurements:
        groups.setdefault(one.group, []).append(one)
    return "\n\n".join(_group_table(name, found) for name, found in groups.items())


def _group_table(group: str, found: Sequence[Measurement]) -> str:
    units = ", ".join(dict.fromkeys(one.unit for one in found))
    parts: List[str] = []
    if group in RATIO_TO:
        title = f"{group}: ratio to {RATIO_TO[group]}"
        with_ratio = [one for one in found if one.ratio is not None or one.error is not None]
        parts.append(_matrix(title, with_ratio, lambda one: one.ratio))
    parts.append(_matrix(f"{group}: {units}", found, lambda one: one.value))
    return "\n\n".join(parts)


def _matrix(
    title: str, found: Sequence[Measurement], pick: Callable[[Measurement], float | None]
) -> str:
    cases = list(dict.fromkeys(one.case for one in found))
    subjects = list(dict.fromkeys(one.subject for one in found))
    cells = {(one.case, one.subject): one.error or number(pick(one)) for one in found}
    is_narrow = len(cases) <= 16 and len("".join(cases)) <= WIDEST
    across, down = (cases, subjects) if is_narrow else (subjects, cases)
    rows: List[List[str]] = []
    for row in down:
        keys = [(col, row) if across is cases else (row, col) for col in across]
        rows.append([row, *[cells.get(key, "") for key in keys]])
    return text_table([title, *across], rows)


def limit_table(record: Record, *, markdown: bool = False) -> str:
    """Render every limit of the groups that were run, with what was measured."""
    rows = [_limit_row(verdict) for verdict in judge(record)]
    head = ("what", "goal", "gate", "measured", "unit", "verdict")
    table = (markdown_table if markdown else text_table)(head, rows)
    is_whole = {"everyday", "processes"} <= {one.group for one in record.measurements}
    return f"{table}\n\nNot measured yet: {'; '.join(NOT_YET)}." if is_whole else table


def _limit_row(verdict: Verdict) -> Tuple[str, ...]:
    limit = verdict.limit
    sign = ">=" if limit.at_least else "<="
    bounds = [
        "passes" if bound == float("inf") else "" if bound is None else f"{sign} {bound:g}"
        for bound in (limit.goal, limit.gate)
    ]
    measured = verdict.error or number(verdict.measured)
    return (limit.what, *bounds, measured, limit.unit, verdict.word)


def budget_table(record: Record, budgets: Mapping[str, float], *, markdown: bool = False) -> str:
    """Render every figure that has a budget: ratios to baselines of the same rounds, and counts."""
    rows = [
        (one.name, number(one.budget), number(one.figure), one.word)
        for one in compared(record, budgets)
    ]
    head = ("figure", "budget", "measured", "verdict")
    return (markdown_table if markdown else text_table)(head, rows)


def performance_page(record: Record, budgets: Mapping[str, float]) -> str:
    """Render docs/performance.md: overhead a stage at 1,000 stages, limits and budgets."""
    parts = (
        _PAGE_HEAD,
        _overhead_table(record),
        f"Measured on {machine_line(record)}.",
        _LIMITS_HEAD,
        limit_table(record, markdown=True),
        _BUDGETS_HEAD,
        budget_table(record, budgets, markdown=True),
    )
    return "\n\n".join(parts)


def _overhead_table(record: Record) -> str:
    """Render overhead a stage at 1,000 stages: warm to calls by hand, and cold."""
    columns = [(f"warm {shape}", ("warm", f"{shape} 1000"), True) for shape in _SHAPES]
    columns += [(f"cold {shape}, µs", ("cold", f"{shape} 1000"), False) for shape in _SHAPES]
    subjects = list(
        dict.fromkeys(
            one.subject
            for one in record.measurements
            if one.group in ("warm", "cold") and one.subject != "raw"
        )
    )
    subjects.sort(key=lambda name: name != "stagekit")
    rows: List[List[str]] = []
    for subject in subjects:
        cells: List[str] = []
        for _, (group, case), is_ratio in columns:
            one = record.find(group, case, subject)
            cells.append(_cell(one, is_ratio=is_ratio))
        rows.append([subject, *cells])
    head = ["1,000 stages", *[title for title, _, _ in columns]]
    return markdown_table(head, rows)


_PAGE_HEAD = """\
# Performance

`python -m benchmarks --quick --markdown` writes this page, beside the peers that are installed
(extra `bench`).

What counts is overhead: the time of a run whose stages do nothing, compared with the same
functions called by hand. All subjects take turns in one process, so that the ratios hold on a busy
machine. Microseconds do not.

- Warm: a repeated run of one plan, as a ratio to the calls by hand. Such a call takes about 0.05
  microseconds. So 5x means that stagekit adds 0.2 microseconds to a stage. A stage that works for
  a millisecond does not notice.
- Cold: building, checking and running the pipeline for the first time, in microseconds a stage.
- An error in place of a number: the peer does not run 1,000 stages with Python's default
  settings."""
_LIMITS_HEAD = """\
## Limits

A goal is what we are after. A gate is what every run of the benchmarks is to show; `FAIL` says
that this run, on this machine, did not."""
_BUDGETS_HEAD = """\
## Budgets

Ratios that are not to get worse. `WORSE` is more than 1.25 times the budget."""
_SHAPES = ("chain", "wide", "layered")


def _cell(one: Measurement | None, *, is_ratio: bool) -> str:
    if one is None:
        return ""
    if one.error is not None:
        return one.error
    return f"{number(one.ratio)}x" if is_ratio else number(one.value)
