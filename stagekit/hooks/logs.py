"""``LogHook``: the events of a run as loguru records. The library stays silent until enabled."""

from __future__ import annotations

from typing import Any, Union

from loguru import logger

from stagekit._base.outcome import OUTCOME_TABLE, Outcome, RunStatus, Tone
from stagekit._base.text import error_line, escape_control, plural, seconds
from stagekit.events import (
    Event,
    RunFinished,
    RunStarted,
    StageEvent,
    StageFailed,
    StageProgress,
    StageRetrying,
    StageSkipped,
    StageStarted,
)
from stagekit.hooks.words import how_far, retry_words

__all__ = ["LogHook"]

# As loguru asks of libraries; once, when this module is loaded, so that a user's enable() stays.
logger.disable("stagekit")


class LogHook:
    """Logs each event through loguru with ``run``, ``stage`` and ``attempt`` bound.

    Nothing is heard before ``loguru.logger.enable("stagekit")``; sinks are the user's.
    """

    def on_event(self, event: Event, /) -> None:
        """Log *event*."""
        bound = logger.bind(
            run=event.run_id,
            stage=getattr(event, "stage_id", None),
            attempt=getattr(event, "attempt", None),
        )
        if isinstance(event, (RunStarted, RunFinished)):
            _log_run(bound, event)
        elif isinstance(event, StageFailed):
            _log_failure(bound, event)
        else:
            _log_stage(bound, event)


# Any: loguru's Logger is a class of its stub file only. Messages are passed whole, never as a
# format, as they may hold braces from data.
def _log_run(bound: Any, event: Union[RunStarted, RunFinished]) -> None:
    if isinstance(event, RunStarted):
        stages = plural(len(event.stages), "stage")
        bound.info(f"run {event.run_id}: {stages}, {event.executor} ×{event.workers}")
    else:
        counts = ", ".join(f"{count:,} {outcome.value}" for outcome, count in event.counts)
        took = seconds(event.seconds)
        text = f"run {event.run_id} {event.status.value} in {took}: {counts or 'no stages'}"
        bound.log("INFO" if event.status is RunStatus.SUCCEEDED else "ERROR", text)


def _log_failure(bound: Any, event: StageFailed) -> None:
    place = f" ({escape_control(event.location)})" if event.location else ""
    text = f"{event.stage_id} failed after {seconds(event.seconds)}{place}: "
    record = bound.opt(exception=event.error)
    record.log("ERROR" if event.critical else "WARNING", text + error_line(event.error))


def _log_stage(bound: Any, event: Event) -> None:
    if isinstance(event, StageStarted):
        bound.debug(f"{event.stage_id} started on {event.worker}")
    elif isinstance(event, StageSkipped):
        cause = "" if event.cause is None else f", because of {event.cause}"
        cause += f": {escape_control(event.note)}" if event.note else ""
        level = "DEBUG" if event.cause is None else "WARNING"
        bound.log(level, f"{event.stage_id} skipped: {event.reason.value}{cause}")
    elif isinstance(event, StageRetrying):
        bound.warning(f"{event.stage_id} is tried again: {retry_words(event)}")
    elif isinstance(event, StageProgress):
        bound.debug(f"{event.stage_id} {how_far(event)}")
    elif isinstance(event, StageEvent) and event.outcome is not None:
        _log_ending(bound, event, event.outcome)


def _log_ending(bound: Any, event: StageEvent, outcome: Outcome) -> None:
    took, reason = getattr(event, "seconds", None), getattr(event, "reason", None)
    note = getattr(event, "note", "")
    rest = "" if took is None else f" in {seconds(took)}"
    rest += "" if reason is None else f": {reason.value}"
    rest += f": {escape_control(note)}" if note else ""
    level = "INFO" if OUTCOME_TABLE[outcome].tone is Tone.GOOD else "WARNING"
    bound.log(level, f"{event.stage_id} {outcome.value}{rest}")
