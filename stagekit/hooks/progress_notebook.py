"""``NotebookProgress``: how far a run is, as one display of a notebook that changes in place."""

from __future__ import annotations

import html
import time
from itertools import islice
from typing import Any, Callable, Dict, List

from stagekit._base.notebook import shell
from stagekit._base.text import seconds
from stagekit.events import Event, RunFinished, RunStarted, StageEvent, StageFailed
from stagekit.hooks.tally import Tally, counts_text

__all__ = ["NotebookProgress"]

PAUSE = 0.1  # seconds between two updates
_MOST_NAMED = 5


class NotebookProgress:
    """Shows how far a run is below the cell, in one place that is updated ten times a second.

    Outside of a notebook it shows nothing.

    Args:
        clock: returns the time in seconds.

    Example:
        >>> from stagekit import Registry, run
        >>> from stagekit.hooks import NotebookProgress
        >>> registry = Registry()
        >>> answer = registry.add(lambda: 42, id="answer")
        >>> run(answer, registry=registry, hooks=[NotebookProgress()])[answer]
        42
    """

    def __init__(self, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._tallies: Dict[str, Tally] = {}
        self._failed: Dict[str, List[str]] = {}
        self._last: Dict[str, float] = {}

    def on_event(self, event: Event, /) -> None:
        """Take in *event*, and update what is shown if that is due."""
        now, run = self._clock(), event.run_id
        if isinstance(event, RunStarted):
            self._tallies[run], self._failed[run] = Tally(event, now), []
        tally = self._tallies.get(run)
        if tally is None:
            return
        tally.note(event, now)
        if isinstance(event, StageFailed):
            self._failed[run].append(tally.name(event.stage_id))
        is_first = run not in self._last
        if isinstance(event, RunFinished):
            counts = counts_text(dict(event.counts), ", ")
            self._show(run, f"{counts} in {seconds(event.seconds)}", is_first=is_first)
            for known in (self._tallies, self._failed, self._last):
                known.pop(run, None)
        elif is_first or (isinstance(event, StageEvent) and now - self._last[run] >= PAUSE):
            self._last[run] = now
            self._show(run, self._running(tally, now), is_first=is_first)

    def _running(self, tally: Tally, now: float) -> str:
        """Return which stages run, and for how long."""
        shown = [
            f"{tally.name(stage)} {seconds(now - start)}"
            + (f" ({tally.said[stage]})" if stage in tally.said else "")
            for stage, start in islice(tally.running.items(), _MOST_NAMED)
        ]
        more = len(tally.running) - len(shown)
        return ", ".join(shown) + (f" and {more:,} more" if more > 0 else "")

    def _show(self, run: str, text: str, *, is_first: bool) -> None:
        found: Any = shell()
        if not hasattr(found, "kernel"):  # a terminal cannot update what it has printed
            return
        tally, failed = self._tallies[run], self._failed[run]
        what = f"{tally.ended:,} of {tally.total:,}"
        if failed:
            text += f"; failed: {', '.join(failed[:_MOST_NAMED])}"
        bar = f'<progress value="{tally.ended}" max="{max(1, tally.total)}"></progress>'
        data = {
            "text/plain": f"{what}  {text}",
            "text/html": f"<div>{bar} {what}&ensp;{html.escape(text)}</div>",
        }
        publisher: Any = found.display_pub
        publisher.publish(data, transient={"display_id": f"stagekit-{run}"}, update=not is_first)
