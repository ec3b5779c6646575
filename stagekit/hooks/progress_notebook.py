"""``NotebookProgress``: how far a run is, as one display of a notebook that changes in place."""

from __future__ import annotations

import threading
import time
from contextvars import copy_context
from itertools import islice
from typing import Any, Callable, Dict, List, Optional

from stagekit._base.html_text import color_of, colored, escaped, marked
from stagekit._base.notebook import shell
from stagekit._base.outcome import RunStatus
from stagekit._base.text import listed, seconds
from stagekit.events import Event, RunFinished, RunStarted, StageFailed
from stagekit.hooks.tally import Tally, counts_text
from stagekit.hooks.timing import StartTicker, Ticker, tick_every

__all__ = ["NotebookProgress"]

PAUSE = 0.1  # seconds between two updates
_MOST_NAMED = 5


class NotebookProgress:
    """Shows how far a run is below the cell, in one place that is updated ten times a second.

    A thread draws: which stages run, for how long, and what they say of how far they are, also
    while a stage keeps the thread of the notebook. A stage that never lets another thread of Python
    run is seen when it has ended. Outside of a notebook nothing is shown.

    Args:
        clock: returns the time in seconds.
        ticker: starts the calls that draw.

    Example:
        >>> from stagekit import Registry, run
        >>> from stagekit.hooks import NotebookProgress
        >>> registry = Registry()
        >>> answer = registry.add(lambda: 42, id="answer")
        >>> run(answer, registry=registry, hooks=[NotebookProgress()])[answer]
        42
    """

    def __init__(
        self,
        *,
        clock: Callable[[], float] = time.monotonic,
        ticker: StartTicker = tick_every,
    ) -> None:
        self._clock = clock
        self._start_ticker = ticker
        self._ticker: Optional[Ticker] = None
        self._shown: Dict[str, _Display] = {}
        self._lock = threading.RLock()

    def on_event(self, event: Event, /) -> None:
        """Take in *event*; it is shown with the next update, the end of a run at once."""
        now = self._clock()
        with self._lock:
            if isinstance(event, RunStarted):
                self._begin(event, now)
            shown = self._shown.get(event.run_id)
            if shown is None:
                return
            shown.tally.note(event, now)
            if isinstance(event, StageFailed):
                shown.failed.append(shown.tally.name(event.stage_id))
            elif isinstance(event, RunFinished):
                shown.end(event)
                self._end(event.run_id)

    def _begin(self, event: RunStarted, now: float) -> None:
        found: Any = shell()
        if not hasattr(found, "kernel"):  # a terminal cannot update what it has printed
            return
        shown = self._shown[event.run_id] = _Display(Tally(event, now), found, event.run_id)
        shown.draw(now)
        if self._ticker is None:
            self._ticker = self._start_ticker(PAUSE, self._draw)

    def _end(self, run: str) -> None:
        del self._shown[run]
        if not self._shown and self._ticker is not None:
            self._ticker.stop()
            self._ticker = None

    def _draw(self) -> None:
        now = self._clock()
        with self._lock:
            for shown in self._shown.values():
                shown.draw(now)


class _Display:
    """The display of one run, below the cell that has started it."""

    def __init__(self, tally: Tally, found: Any, run: str) -> None:  # Any: a shell
        self.tally = tally
        self.failed: List[str] = []
        self._publisher: Any = found.display_pub
        self._cell = copy_context()  # a kernel keeps there whose output it is
        self._id = f"stagekit-{run}"
        self._is_there = False

    def draw(self, now: float) -> None:
        """Show which stages run, and for how long."""
        tally = self.tally
        shown = [
            f"{tally.name(stage)} {seconds(now - start)}"
            + (f" ({tally.said[stage]})" if stage in tally.said else "")
            for stage, start in islice(tally.running.items(), _MOST_NAMED)
        ]
        text = listed(shown, _MOST_NAMED, of=len(tally.running))
        self._show(self._with_failed(text))

    def end(self, event: RunFinished) -> None:
        """Show how the run has ended."""
        counts = counts_text(dict(event.counts), ", ")
        self._show(self._with_failed(f"{counts} in {seconds(event.seconds)}"), event.status)

    def _with_failed(self, text: str) -> str:
        if not self.failed:
            return text
        named = listed(self.failed, _MOST_NAMED)
        return f"{text}; failed: {named}" if text else f"failed: {named}"

    def _show(self, text: str, status: Optional[RunStatus] = None) -> None:
        tally = self.tally
        what = f"{tally.ended:,} of {tally.total:,}"
        word, css, is_bad = "", "", bool(self.failed)
        if status is not None:
            word, is_bad = marked(status), status is not RunStatus.SUCCEEDED
        if is_bad:
            css = f' style="accent-color:{color_of(status or RunStatus.FAILED)}"'
        bar = f'<progress{css} value="{tally.ended}" max="{max(1, tally.total)}"></progress>'
        words = "" if status is None else colored(status, word) + "&ensp;"
        data = {
            "text/plain": "  ".join(filter(None, [what, word, text])),
            "text/html": f"<div>{bar} {what}&ensp;{words}{escaped(text)}</div>",
        }
        self._cell.run(
            self._publisher.publish,
            data,
            transient={"display_id": self._id},
            update=self._is_there,
        )
        self._is_there = True
