"""``Tally``: how far one run is, from its events alone."""

from __future__ import annotations

from typing import Dict, Mapping, Optional, Set

from stagekit._base.outcome import OUTCOME_TABLE, Outcome, Reason
from stagekit._base.text import escape_control, plural, short_names, width
from stagekit.events import (
    Event,
    RunStarted,
    StageCancelled,
    StageEvent,
    StageProgress,
    StageRetrying,
    StageSkipped,
    StageStarted,
)
from stagekit.hooks.words import how_far, next_attempt

__all__ = ["MOST_UNSTARTED", "Tally", "counts_text", "is_unstarted", "unstarted_words",
           "why_ended"]  # fmt: skip

WIDEST_NAME = 32


class Tally:
    """How far one run is. Noting an event takes the same time however many stages there are.

    Attributes:
        total: how many stages there are.
        began: the reading of the clock when the run started.
        running: the ids of stages that run, with the reading of the clock when they started.
        waiting: the ids of stages that have neither started nor ended, in plan order.
        ended: how many stages have ended.
        said: by id, what running stages say of how far they are.
        columns: how wide names are shown.
    """

    def __init__(self, event: RunStarted, now: float) -> None:
        self.total: int = len(event.stages)
        self.began = now
        self.running: Dict[str, float] = {}
        self.waiting: Dict[str, None] = dict.fromkeys(event.stages)
        self.ended: int = 0
        self.said: Dict[str, str] = {}
        self._counted: Set[str] = set()
        shown = short_names(event.stages)
        self._names = {stage_id: escape_control(name) for stage_id, name in shown.items()}
        self.columns: int = min(WIDEST_NAME, max(map(width, self._names.values()), default=0))
        self._numbers: Dict[str, int] = {}

    def note(self, event: Event, now: float) -> None:
        """Take in one event of this run."""
        if not isinstance(event, StageEvent):
            return
        stage = event.stage_id
        self.waiting.pop(stage, None)
        self._numbers.setdefault(stage, len(self._numbers) + 1)
        if isinstance(event, StageStarted):
            self.running.setdefault(stage, now)
        elif event.outcome is not None:
            self.running.pop(stage, None)
            self.said.pop(stage, None)
            self.ended += 1
        elif isinstance(event, StageRetrying) and event.item is None:
            self.said[stage] = next_attempt(event)
        elif isinstance(event, StageProgress) and stage in self.running:
            self._note_progress(stage, event)

    def _note_progress(self, stage: str, event: StageProgress) -> None:
        """Keep the last word; of a stage with items how many have ended, rather than of one."""
        if event.item is None or stage not in self._counted:
            self.said[stage] = how_far(event)
        if event.item is None:
            self._counted.add(stage)

    def name(self, stage_id: str) -> str:
        """Return the display name of a stage, harmless to print."""
        return self._names.get(stage_id) or escape_control(stage_id)

    def number(self, stage_id: str) -> int:
        """Return as which of all stages, counted from 1, this one was first heard of."""
        return self._numbers.get(stage_id, 0)


def why_ended(tally: Tally, event: StageEvent) -> str:
    """Return why a stage ended without a call that returned: ``load failed``, ``interrupted``."""
    note: str = getattr(event, "note", None) or ""  # of other events it may be None
    if note:
        return escape_control(note)
    reason: Optional[Reason] = getattr(event, "reason", None)
    if isinstance(event, StageSkipped) and event.cause is not None:
        why = "gave no value" if reason is Reason.NO_VALUE else "failed"
        return f"{tally.name(event.cause)} {why}"
    return "" if reason is None else _WHY.get(reason, reason.value)


MOST_UNSTARTED = 3  # stages that are named; of more they are counted


def is_unstarted(event: StageEvent) -> bool:
    """Tell whether a stage was not started, as the run has stopped."""
    return isinstance(event, StageCancelled) and event.reason is Reason.STOPPED


def unstarted_words(count: int) -> str:
    """Return what is said of stages that were not started: ``297 stages were not started``."""
    return f"{plural(count, 'stage was', 'stages were')} not started"


_WHY = {
    Reason.NOT_NEEDED: "nobody needed it",
    Reason.STOPPED: "the run stopped",
    Reason.INTERRUPTED: "interrupted",
}


def counts_text(counts: Mapping[Outcome, int], between: str) -> str:
    """Return how many stages ended how: ``5 ran · 1 failed · 0 skipped``."""
    return between.join(
        f"{counts.get(outcome, 0):,} {row.counted}"
        for outcome, row in OUTCOME_TABLE.items()
        if row.is_always_counted or counts.get(outcome)
    )
