"""The end of a run: what never started is settled, hooks are told, and what is due is raised."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Iterator, List, Optional

from stagekit._base.notebook import shell
from stagekit._base.text import error_line, plural
from stagekit._run.failure import release_frames
from stagekit._run.record import counts_of, status_of
from stagekit._run.result import Result
from stagekit.errors import (
    InternalError,
    MachineLimitError,
    MissingExtraError,
    StagekitError,
    StagekitWarning,
    UsageError,
)

if TYPE_CHECKING:
    from stagekit._run.session import Session
    from stagekit._run.state.columns import Columns


def conclude(session: Session, cancelled: Optional[BaseException] = None) -> Result:
    """End a run in which nothing is under way any more.

    Args:
        session: the run.
        cancelled: the ``CancelledError`` of the task that awaited it.
    """
    try:
        result = _finished(session)
    except Exception as error:
        raise defect(error) from error
    try:
        warn(result)
    except Exception as warning:
        _raise_due(session, cancelled, result)  # the warning is its context
        try:
            result.raise_for_failures()  # nobody asked for it: it is the cause of what is raised
        except StagekitError as failure:
            raise warning from failure
        raise
    _raise_due(session, cancelled, result)
    return result


def _raise_due(session: Session, cancelled: Optional[BaseException], result: Result) -> None:
    if session.interruption is not None:
        raise _as_ours(_with_result(session.interruption, result))
    if cancelled is not None:
        raise _as_ours(cancelled)
    if session.settings.check and not result.ok:
        result.raise_for_failures()


def _finished(session: Session) -> Result:
    session.finish()
    columns = session.columns.hand_over()
    release_frames(columns)
    result = Result(columns, session.settings.info)
    if session.hooks is not None:
        session.hooks.finished(status_of(columns), result.seconds, counts_of(columns))
        result.warnings = tuple(session.hooks.troubles)
    result.warnings += tuple(session.settings.notices)
    result.warnings += tuple(_nothing_left(columns))
    return result


def _nothing_left(columns: Columns) -> Iterator[str]:
    """Yield a warning for each stage of whose items none is left, as all failed."""
    for step, items in columns.items.items():
        if items.left_out and items.failed and len(items.failed) == len(items.status):
            error, _ = items.failed[0]
            yield (
                f"stage {columns.plan.order[step]!r} has an empty list, as all of its "
                f"{plural(len(items.failed), 'item')} failed; the first with {error_line(error)}"
            )


def _with_result(interruption: KeyboardInterrupt, result: Result) -> KeyboardInterrupt:
    """Return what Ctrl-C, or a stage, has raised; one of our own where that takes no attribute."""
    try:
        interruption.result = result  # type: ignore[attr-defined]  # pyright: ignore[reportAttributeAccessIssue]
    except Exception:  # noqa: BLE001 - a class of the user's
        ours = _with_result(KeyboardInterrupt(), result)
        ours.__cause__ = interruption
        return ours
    return interruption


def _as_ours(ending: BaseException) -> BaseException:
    """Have IPython show Ctrl-C, and the end of a task, as it shows errors of stagekit."""
    if shell() is not None:
        from types import MethodType

        with suppress(Exception):  # a class of the user's
            ending._render_traceback_ = MethodType(_user_lines, ending)  # type: ignore[attr-defined]  # pyright: ignore[reportAttributeAccessIssue]
    return ending


def _user_lines(ending: BaseException) -> List[str]:
    from stagekit._base.tracebacks import traceback_lines

    return traceback_lines(ending, hint="traceback.print_last() shows it")


def warn(result: Result) -> None:
    """Warn the caller of a run of all that the result has to say.

    Raises:
        StagekitWarning: a filter makes an error of one; ``.result`` has everything.
    """
    if not result.warnings:
        return
    import warnings

    raised: Optional[Exception] = None
    for text in result.warnings:
        try:
            warnings.warn(text, StagekitWarning, stacklevel=_above())
        except Exception as error:  # noqa: BLE001 - also what shows warnings may be broken
            raised = raised or error
    if raised is None:
        return
    if not isinstance(raised, StagekitWarning):  # an object of the user's is not written to
        ours = StagekitWarning(f"a warning could not be shown: {result.warnings[0]}")
        ours.__cause__, raised = raised, ours
    raised.result = result
    raise raised


def _above() -> int:
    """Return how many frames, from the caller's on, belong to us; one more is the user's."""
    import sys

    frame, count = sys._getframe(1), 1  # noqa: SLF001 - there is no other way to it
    while frame.f_back is not None and str(frame.f_globals.get("__name__")).startswith("stagekit."):
        frame, count = frame.f_back, count + 1
    return count


def defect(error: Exception) -> Exception:
    """Return what is raised where stagekit itself has failed.

    That an extra lacks, or that no cluster is where one is said to be, is no failure of its own.
    """
    if isinstance(error, (MachineLimitError, MissingExtraError, UsageError)):
        return error
    return InternalError(f"stagekit itself failed, not a stage: {error_line(error)}")
