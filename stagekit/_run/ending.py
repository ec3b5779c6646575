"""The end of a run: what never started is settled, hooks are told, and what is due is raised."""

from __future__ import annotations

from typing import TYPE_CHECKING, Optional, Tuple

from stagekit._base.text import error_line
from stagekit._run.failure import release_frames
from stagekit._run.record import counts_of, status_of
from stagekit._run.result import Result
from stagekit.errors import InternalError, MissingExtraError, UsageError

if TYPE_CHECKING:
    from stagekit._run.session import Session


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
    warn(result.warnings)
    if session.interruption is not None:
        raise _with_result(session.interruption, result)
    if cancelled is not None:
        raise cancelled
    if session.settings.check:
        result.raise_for_failures()
    return result


def _finished(session: Session) -> Result:
    session.finish()
    columns = session.columns
    release_frames(columns)
    result = Result(columns, session.settings.info)
    if session.hooks is not None:
        session.hooks.finished(status_of(columns), result.seconds, counts_of(columns))
        result.warnings = tuple(session.hooks.troubles)
    result.warnings += tuple(session.settings.notices)
    return result


def _with_result(interruption: KeyboardInterrupt, result: Result) -> KeyboardInterrupt:
    interruption.result = result  # type: ignore[attr-defined]  # pyright: ignore[reportAttributeAccessIssue]
    return interruption


def warn(texts: Tuple[str, ...]) -> None:
    """Warn the caller of a run."""
    if texts:
        import warnings

        from stagekit.errors import StagekitWarning

        for text in texts:
            warnings.warn(text, StagekitWarning, stacklevel=5)


def defect(error: Exception) -> Exception:
    """Return what is raised where stagekit itself has failed.

    That an extra lacks, or that no cluster is where one is said to be, is no failure of its own.
    """
    if isinstance(error, (MissingExtraError, UsageError)):
        return error
    return InternalError(f"stagekit itself failed, not a stage: {error_line(error)}")
