"""What a run prints: a table a group, the limits, and the table of the README."""

from __future__ import annotations

from typing import Callable, Dict, List, Mapping, Sequence, Tuple

from benchmarks.budgets import compared
from benchmarks.limits import NOT_YET, Verdict, judge
from benchmarks.measurement import Measurement, Record
from benchmarks.table import markdown_table, number, text_table

__all__ = ["budget_table", "group_tables", "limit_table", "machine_line", "readme_table"]

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


def readme_table(record: Record) -> str:
    """Render overhead a stage at 1,000 stages: warm to calls by hand, cold, and on threads."""
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
    note = (
        "Warm: a repeated run, as a ratio to the same functions called by hand. Cold: building, "
        "checking and the first run, in microseconds a stage. Made by `python -m benchmarks "
        f"--markdown` on {machine_line(record)}."
    )
    return f"{markdown_table(head, rows)}\n\n{note}"


_SHAPES = ("chain", "wide", "layered")


def _cell(one: Measurement | None, *, is_ratio: bool) -> str:
    if one is None:
        return ""
    if one.error is not None:
        return one.error
    return f"{number(one.ratio)}x" if is_ratio else number(one.value)
