"""What is said of a failed run: where a stage raised, and the text of ``RunFailedError``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Dict, List, Optional

from stagekit._base.text import error_line, listed, plural
from stagekit._run.attempt import attribute
from stagekit._run.state.columns import CANCELLED, DECIDER_FAILED, FAILED, SKIPPED, Columns

if TYPE_CHECKING:
    from stagekit._plan.plan import Plan

MOST_NAMED = 10


def failed_steps(columns: Columns) -> List[int]:
    """Return the steps that failed, in plan order."""
    status = columns.status
    if status is None or FAILED not in status:
        return []
    return [step for step in range(len(columns.plan)) if status[step] == FAILED]


def location_of(error: BaseException, plan: Plan, step: int) -> Optional[str]:
    """Return ``file:line`` of the frame to look at: the deepest of the user's own.

    It may be one of another process. Without a traceback it is the declaration of the stage.
    """
    from stagekit._base.frames import raised_at
    from stagekit._base.problem import Location

    place, trace = raised_at(error), attribute(error, "__traceback__")
    if place is None and trace is not None:  # a library's function is the stage
        place = Location(trace.tb_frame.f_code.co_filename, trace.tb_lineno)
    place = place or plan.stages[step].location
    return None if place is None else str(place)


def failure_text(columns: Columns, run_id: str) -> str:
    """Return all failures in plan order, and what did not run because of them."""
    plan = columns.plan
    failed = failed_steps(columns)
    what = [f"{plural(len(failed), 'stage')} failed"] if failed else []
    if columns.teardowns:
        what.append(f"{plural(len(columns.teardowns), 'resource')} could not be torn down")
    lines = [f"run {run_id} failed: {', '.join(what)}"]
    for step in failed:
        error = columns.errors[step]
        soft = "" if plan.critical[step] else " (not critical)"
        where = location_of(error, plan, step)
        place = f"  {where}" if where else ""
        item = failed_item(columns, step)
        name = plan.order[step] if item is None else f"{plan.order[step]}[{item}]"
        lines.append(f"  {name}{place}  {error_line(error)}{soft}")
        lines += [] if item is None else _which(columns, step, item)
        lines += _gone(plan, step)
    lines += [
        f"  {plan.order[step]}  could not be torn down: {error_line(error)}"
        for step, error in sorted(columns.teardowns.items())
    ]
    lines += [
        f"  {plan.order[step]}  could not be undone: {error_line(error)}"
        for step, error in sorted(columns.undone.items())
        if error is not None
    ]
    lines += _skipped(columns)
    cancelled = _with_status(columns, CANCELLED)
    if cancelled:
        lines.append(f"  cancelled, as the run stopped: {_named(columns, cancelled)}")
    lines += abandoned_lines(columns)
    return "\n".join(lines)


def abandoned_lines(columns: Columns) -> List[str]:
    """Return, where stages were given up on, the line that names them, and what they left open."""
    steps, left = sorted(set(columns.abandoned)), sorted(columns.leaked)
    lines = [f"  given up on, may still be running: {_named(columns, steps)}"] if steps else []
    return [*lines, f"  left open for that: {_named(columns, left)}"] if left else lines


def _which(columns: Columns, step: int, item: int) -> List[str]:
    from stagekit._base.value_text import item_text

    text = item_text(columns.item_lists.get(step), item)
    return [f"    {text}"] if text else []


def _gone(plan: Plan, step: int) -> List[str]:
    from stagekit._plan.notebook import gone_text

    text = gone_text(plan.stages[step])
    return [f"    {text}"] if text else []


def failed_item(columns: Columns, step: int) -> Optional[int]:
    """Return the index of the item that a stage failed with, if it was called for items."""
    error = columns.errors.get(step)
    if error is None:
        return None
    if columns.reasons[step] == DECIDER_FAILED:
        found_item: Optional[int] = getattr(error, "item", None)
        return found_item
    for item, _, _, _, _, found in reversed(columns.attempts.get(step, ())):
        if found is error and item >= 0:
            return item
    return None


def _skipped(columns: Columns) -> List[str]:
    by_cause: Dict[int, List[int]] = {}
    for step in _with_status(columns, SKIPPED):
        if step in columns.causes:  # nobody needed the others
            by_cause.setdefault(columns.causes[step], []).append(step)
    return [
        f"  skipped because {columns.plan.order[cause]} "
        f"{'failed' if cause in columns.errors else 'was skipped'}: "
        f"{_named(columns, by_cause[cause])}"
        for cause in sorted(by_cause)
    ]


def _with_status(columns: Columns, wanted: int) -> List[int]:
    return [step for step, status in enumerate(columns.status or b"") if status == wanted]


def _named(columns: Columns, steps: List[int]) -> str:
    names = [columns.plan.order[step] for step in steps[:MOST_NAMED]]
    return listed(names, MOST_NAMED, of=len(steps))


def release_frames(columns: Columns) -> None:
    """Let go of what our own frames held when a stage raised: they are done.

    A traceback keeps the user's frame, that keeps ours, and ours would keep values of the run.
    """
    if not columns.errors:
        return
    from stagekit._base.frames import is_runner

    for error in columns.errors.values():
        trace = attribute(error, "__traceback__")
        frame = trace.tb_frame.f_back if trace is not None else None
        while frame is not None:
            if is_runner(frame):
                try:
                    frame.clear()
                except RuntimeError:  # still at work, and so are those that called it
                    break
            frame = frame.f_back
