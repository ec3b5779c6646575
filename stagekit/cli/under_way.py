"""Which stages are at work, for who waits for them after Ctrl-C."""

from __future__ import annotations

from typing import Dict

from stagekit._base.text import escape_control, short_names
from stagekit._plan.plan import Plan
from stagekit.events import Event, StageEvent, StageStarted

_MOST_NAMED = 5


class UnderWay:
    """A hook that knows which stages have started and not ended."""

    def __init__(self, plan: Plan) -> None:
        self._names = short_names(plan.order)
        self._running: Dict[str, None] = {}

    def on_event(self, event: Event, /) -> None:
        """Take note of a stage that starts or ends."""
        if isinstance(event, StageStarted):
            self._running[event.stage_id] = None
        elif isinstance(event, StageEvent):
            self._running.pop(event.stage_id, None)

    def text(self, patience: float) -> str:
        """Return what is said to who has interrupted a run: for whom it waits, and how long."""
        running = [escape_control(self._names[each]) for each in tuple(self._running)]
        named = ", ".join(running[:_MOST_NAMED]) or "stages that run"
        if len(running) > _MOST_NAMED:
            named += f" and {len(running) - _MOST_NAMED} more"
        return (
            f"interrupted: nothing new starts, waiting for {named}, {patience:g} s at most; "
            "Ctrl-C again ends the wait"
        )
