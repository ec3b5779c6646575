"""What is said of a failed run: where a stage raised, and the text of ``RunFailedError``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Dict, List, Optional

from stagekit._base.text import error_line, plural
from stagekit._run.columns import CANCELLED, FAILED, SKIPPED, Columns

if TYPE_CHECKING:
    from types import TracebackType

    from stagekit._plan.plan import Plan

__all__ = ["failed_steps", "failure_text", "location_of", "release_frames"]

MOST_NAMED = 10


def failed_steps(columns: Columns) -> List[int]:
    """Return the steps that failed, in plan order."""
    status = columns.status
    if status is None or FAILED not in status:
        return []
    return [step for step in range(len(columns.plan)) if status[step] == FAILED]


def location_of(error: BaseException, plan: Plan, step: int) -> Optional[str]:
    """Return ``file:line`` of the frame to look at: the deepest of the user's own.

    Without a traceback it is the declaration of the stage.
    """
    from stagekit._base.problem import Location

    found = _deepest(error.__traceback__)
    if found is not None:
        return str(Location(found.tb_frame.f_code.co_filename, found.tb_lineno))
    location = plan.stages[step].location
    return None if location is None else str(location)


def _deepest(trace: Optional[TracebackType]) -> Optional[TracebackType]:
    """Return the last entry that is not in a library; the first one where all are."""
    first, found = trace, None
    while trace is not None:
        if not _in_library(trace.tb_frame.f_code.co_filename):
            found = trace
        trace = trace.tb_next
    return found if found is not None else first


def _in_library(file: str) -> bool:
    import os

    parts = ("site-packages", "dist-packages")
    home = os.path.dirname(os.__file__)
    return file.startswith(("<frozen", home + os.sep)) or any(
        f"{os.sep}{part}{os.sep}" in file for part in parts
    )


def failure_text(columns: Columns, run_id: str) -> str:
    """Return all failures in plan order, and what did not run because of them."""
    plan = columns.plan
    failed = failed_steps(columns)
    lines = [f"run {run_id} failed: {plural(len(failed), 'stage')} failed"]
    for step in failed:
        error = columns.errors[step]
        soft = "" if plan.critical[step] else " (not critical)"
        where = location_of(error, plan, step)
        place = f"  {where}" if where else ""
        lines.append(f"  {plan.order[step]}{place}  {error_line(error)}{soft}")
    lines += _skipped(columns)
    cancelled = _with_status(columns, CANCELLED)
    if cancelled:
        lines.append(f"  cancelled, as the run stopped: {_named(columns, cancelled)}")
    return "\n".join(lines)


def _skipped(columns: Columns) -> List[str]:
    by_cause: Dict[int, List[int]] = {}
    for step in _with_status(columns, SKIPPED):
        by_cause.setdefault(columns.causes[step], []).append(step)
    return [
        f"  skipped, as {columns.plan.order[cause]} failed: {_named(columns, by_cause[cause])}"
        for cause in sorted(by_cause)
    ]


def _with_status(columns: Columns, wanted: int) -> List[int]:
    return [step for step, status in enumerate(columns.status or b"") if status == wanted]


def _named(columns: Columns, steps: List[int]) -> str:
    names = ", ".join(columns.plan.order[step] for step in steps[:MOST_NAMED])
    more = len(steps) - MOST_NAMED
    return f"{names} and {more:,} more" if more > 0 else names


def release_frames(columns: Columns) -> None:
    """Let go of what our own frames held when a stage raised: they are done.

    A traceback keeps the user's frame, that keeps ours, and ours would keep values of the run.
    """
    for error in columns.errors.values():
        trace = error.__traceback__
        frame = trace.tb_frame.f_back if trace is not None else None
        while frame is not None:
            if str(frame.f_globals.get("__name__")).startswith("stagekit._run."):
                try:
                    frame.clear()
                except RuntimeError:  # still at work, and so are those that called it
                    break
            frame = frame.f_back
