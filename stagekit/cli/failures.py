"""The stages that failed: where, with what, in the user's frames, and what they held up."""

from __future__ import annotations

from typing import Dict, Iterator, List, NamedTuple, Sequence

from stagekit._base.outcome import Outcome, Reason
from stagekit._base.text import error_line, escape_control, listed, safe_text, short_names
from stagekit._base.tracebacks import raised_at, traceback_lines
from stagekit._base.value_text import type_text
from stagekit._run.report import StageReport
from stagekit._run.result import Result, arguments_of, item_of
from stagekit.cli.output import Style
from stagekit.cli.show_problem import INDENT, more_line, show_problem
from stagekit.errors import Code, NoValueError, Problem

_LONGEST = 200
_MOST_NAMED = 8
_RETURN = "end the stage with `return`: sys.exit() in a stage is a failure, whatever its code"
_OUR_NOTES = ("stagekit: stage ", "stagekit: item ")


class Failure(NamedTuple):
    """A stage that failed, for people.

    Attributes:
        report: what became of it.
        problem: what it failed with, and where.
        role: ``"error"``, or ``"warning"`` where the run may go on without it.
        text: all that is shown of it.
    """

    report: StageReport
    problem: Problem
    role: str
    text: str


def show_failures(result: Result, style: Style, *, is_full: bool = False) -> str:
    """Return every failed stage, in plan order; empty where none failed."""
    failures = failures_of(result, style, is_full=is_full)
    codes = dict.fromkeys(each.problem.code for each in failures)
    mores = "\n".join(more_line(code, style) for code in codes)
    return "\n\n".join([*(each.text for each in failures), *([mores] if mores else [])])


def failures_of(result: Result, style: Style, *, is_full: bool = False) -> List[Failure]:
    """Return every failed stage, in plan order."""
    failures = result.failures
    if not failures:
        return []
    names = short_names(result.plan.order)
    held = _held_up(result, names)
    found: List[Failure] = []
    for report in failures:
        problem = _problem(result, report, names[report.stage_id])
        role = "error" if result.plan.critical[result.plan.step_of(report.stage_id)] else "warning"
        lines = [show_problem(problem, style, role=role, more=False)]
        if report.error is not None and problem.code is Code.STAGE_FAILED:
            traced = traceback_lines(report.error, is_full=is_full)
            lines += ["", *(f"{INDENT}{line}".rstrip() for line in traced if not _is_note(line))]
        facts = list(_facts(result, report, held.get(report.stage_id, ())))
        lines += ["", *(INDENT + fact for fact in facts)] if facts else []
        if isinstance(report.error, SystemExit):
            lines += ["", f"{style.paint('help', 'help')}: {_RETURN}"]
        found.append(Failure(report, problem, role, "\n".join(lines)))
    return found


def why_not(result: Result, report: StageReport) -> str:
    """Return why a stage that was skipped, or cancelled, has no value."""
    try:
        result[report.stage_id]
    except NoValueError as error:
        return str(error).partition(" has no value: ")[2]
    return ""


def _is_note(line: str) -> bool:
    """Say whether a line is the note of the run on the exception, whose facts are shown below."""
    return line.lstrip(" |+").startswith(_OUR_NOTES)


def _problem(result: Result, report: StageReport, name: str) -> Problem:
    declaration = result.plan.stages[result.plan.step_of(report.stage_id)]
    error = report.error
    if error is None or report.reason is Reason.BAD_VALUE:
        text = f"stage `{escape_control(name)}` {safe_text(error)}"
        promised_by = getattr(error, "stage_id", None)
        if promised_by is not None:
            declaration = result.plan.stages[result.plan.step_of(promised_by)]
        return Problem(Code.BAD_VALUE, text, stage_id=declaration.id, location=declaration.location)
    item = "" if report.item is None else f" at item {report.item}"
    text = f"stage `{escape_control(name)}` failed{item}: {error_line(error, limit=_LONGEST)}"
    place = raised_at(error) or declaration.location
    return Problem(Code.STAGE_FAILED, text, stage_id=report.stage_id, location=place)


def _held_up(result: Result, names: Dict[str, str]) -> Dict[str, List[str]]:
    """Return for each failed stage the names of those that were skipped because of it."""
    found: Dict[str, List[str]] = {}
    for report in result.reports():
        if report.outcome is Outcome.SKIPPED and report.cause is not None:
            found.setdefault(report.cause, []).append(names[report.stage_id])
    return found


def _facts(result: Result, report: StageReport, held: Sequence[str]) -> Iterator[str]:
    if report.item is not None:
        which = item_of(result, report.stage_id, report.item)
        if which:
            yield which
    types = argument_types(result, report.stage_id)
    if types:
        yield f"called with {types}"
    tries = max((each.number for each in report.attempts if each.item == report.item), default=1)
    if tries > 1:
        yield f"tried {tries:,} times"
    if held:
        yield f"skipped because of it: {listed(list(map(escape_control, held)), _MOST_NAMED)}"


def argument_types(result: Result, stage_id: str) -> str:
    """Return ``name: type`` for each argument that a stage was called with."""
    found = arguments_of(result, result.plan.step_of(stage_id))
    return ", ".join(f"{name}: {type_text(value)}" for name, value in found.items())
