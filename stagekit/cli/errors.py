"""An error as a command reports it: its exit code, and its text for people."""

from __future__ import annotations

from typing import Any, NamedTuple, Optional, Sequence, Tuple

from stagekit._base.frames import user_frames
from stagekit._base.shadowing import blamed
from stagekit._base.text import error_line, escape_control, safe_text
from stagekit._base.tracebacks import raised_at, traceback_lines
from stagekit.cli import ExitCode
from stagekit.cli.output import Style
from stagekit.cli.show_problem import Details, show_problem, show_problems
from stagekit.cli.target import NothingSelectedError
from stagekit.errors import (
    Code,
    DeclarationError,
    DuplicateStageError,
    InternalError,
    Location,
    MissingExtraError,
    PlanError,
    Problem,
    RunAtImportError,
    RunningLoopError,
    TargetError,
    TooDeepError,
    UsageError,
)

_REPORT = (
    "this is a fault of stagekit, not of your stages; please report it, with the traceback and "
    "what `stagekit --version` prints"
)


class ErrorReport(NamedTuple):
    """What is wrong: for people, and for machines.

    Attributes:
        exit_code: how the command ends.
        message: one sentence.
        problems: each with its code and place; empty where there is no code.
        raised: what the user's code raised, whose traceback helps.
        mistakes: of a declaration: each names the option it means.
        also: another place that is part of the problem.
    """

    exit_code: ExitCode
    message: str
    problems: Tuple[Problem, ...] = ()
    raised: Optional[BaseException] = None
    mistakes: Tuple[str, ...] = ()
    also: Optional[Location] = None

    def text(self, style: Style, *, is_full: bool = False) -> str:
        """Return it for people."""
        if not self.problems:
            return f"{style.paint('error', 'error')}: {escape_control(self.message, keep=chr(10))}"
        first, *others = self.problems
        if others:
            return show_problems(self.problems, style)
        return show_problem(
            first,
            style,
            details=Details(self.mistakes, self.also, self._traceback(is_full=is_full)),
        )

    def _traceback(self, *, is_full: bool) -> Sequence[str]:
        """Return the traceback, where it says more than the excerpt does."""
        if self.raised is None:
            return ()
        is_ours = self.exit_code is ExitCode.INTERNAL_ERROR
        is_known = isinstance(self.raised, (RunAtImportError, SystemExit)) or (
            [each.code for each in self.problems] == [Code.CANNOT_MARK]
        )
        if is_known and not is_full and len(user_frames(self.raised)) == 1:
            return ()
        return traceback_lines(self.raised, is_full=is_full or is_ours)


def report_of(error: BaseException) -> ErrorReport:
    """Return what a command reports of an error that ends it."""
    if isinstance(error, PlanError):
        text = str(error).split("\n", 1)[0].rstrip(":")
        return ErrorReport(ExitCode.INVALID_PIPELINE, text, error.problems)
    if isinstance(error, DeclarationError):
        return _of_declaration(error)
    if isinstance(error, TargetError):
        return _of_target(error)
    if isinstance(error, MissingExtraError):
        fix = f"pip install '.[{error.extra}]'"
        message = f"{error.feature} needs the {error.extra!r} extra"
        return _single(ExitCode.USAGE, Problem(error.code, message, fixes=(fix,)))
    if isinstance(error, NothingSelectedError):
        return ErrorReport(ExitCode.NOTHING_SELECTED, str(error))
    if isinstance(error, (UsageError, RunningLoopError, TooDeepError)):
        return ErrorReport(ExitCode.USAGE, str(error))
    return _of_defect(error)


def _single(exit_code: ExitCode, problem: Problem, **rest: Any) -> ErrorReport:
    return ErrorReport(exit_code, problem.message, (problem,), **rest)


def _of_declaration(error: DeclarationError) -> ErrorReport:
    mistakes, stage = error.mistakes, escape_control(error.stage)
    message = f"stage `{stage}`: {'; '.join(mistakes)}"
    notes: Tuple[str, ...] = ()
    if len(mistakes) > 1:
        message, notes = f"stage `{stage}` has {len(mistakes)} mistakes", mistakes
    also = error.first if isinstance(error, DuplicateStageError) else None
    problem = Problem(
        error.code, message, stage_id=error.stage, location=error.location, notes=notes
    )
    code = ExitCode.INVALID_PIPELINE
    return _single(code, problem, mistakes=mistakes, also=also)


def _of_target(error: TargetError) -> ErrorReport:
    cause = error.__cause__
    location = None if cause is None else raised_at(cause)
    problem = Problem(error.code, error.message, location=location, fixes=error.fixes)
    return _single(ExitCode.INVALID_PIPELINE, problem, raised=cause)


def _of_defect(error: BaseException) -> ErrorReport:
    hiding = blamed(error)
    if hiding is not None:
        message = f"{escape_control(hiding)}: {error_line(error)}"
        problem = Problem(Code.MODULE_NOT_FOUND, message, fixes=("rename the file",))
        return _single(ExitCode.INVALID_PIPELINE, problem)
    known = safe_text(error) if isinstance(error, InternalError) else error_line(error)
    problem = Problem(Code.INTERNAL, known or "stagekit itself failed", fixes=(_REPORT,))
    return _single(ExitCode.INTERNAL_ERROR, problem, raised=error)
