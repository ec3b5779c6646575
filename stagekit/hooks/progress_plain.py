"""``PlainProgress``: a run as lines of text, for pipes, files and build servers."""

from __future__ import annotations

import threading
import time
from itertools import islice
from typing import Callable, Dict, List, Optional, TextIO, Tuple

from stagekit._base.outcome import OUTCOME_TABLE
from stagekit._base.text import error_line, escape_control, listed, pad, seconds
from stagekit.events import (
    Event,
    RunFinished,
    RunStarted,
    StageEvent,
    StageFailed,
    StageProgress,
    StageRetrying,
    StageStarted,
)
from stagekit.hooks.tally import (
    MOST_UNSTARTED,
    Tally,
    counts_text,
    is_unstarted,
    unstarted_words,
    why_ended,
)
from stagekit.hooks.terminal import QuietStream
from stagekit.hooks.timing import StartTicker, Ticker, tick_every
from stagekit.hooks.words import PARSER_EXIT, how_far, is_parser_exit, retry_words

__all__ = ["PlainProgress"]

SILENCE = 30.0
PROGRESS = 5.0  # seconds between two lines of how far one stage is
_LOOKS = 10  # how often in that time it is looked whether something is to be said
_LONGEST_ERROR = 300
_MOST_NAMED = 3


class PlainProgress:
    """Prints one line for each start and end of a stage, and one for the whole run.

    How far a stage says it is takes one line in five seconds. Each line is flushed. After thirty
    seconds without one, a line says what runs. A closed stream, or one whose reader has gone, ends
    the printing, never the run.

    Args:
        stream: where to; standard error unless said.
        summary: whether the last line counts how the stages ended.
        clock: returns the time in seconds.
        ticker: starts the calls that notice silence.
    """

    def __init__(
        self,
        stream: Optional[TextIO] = None,
        *,
        summary: bool = True,
        clock: Callable[[], float] = time.monotonic,
        ticker: StartTicker = tick_every,
    ) -> None:
        self._stream = QuietStream(stream)
        self._has_summary = summary
        self._clock = clock
        self._start_ticker = ticker
        self._ticker: Optional[Ticker] = None
        self._tallies: Dict[str, Tally] = {}
        self._progress: Dict[Tuple[str, str], float] = {}  # by run and stage, when last printed
        self._unstarted: Dict[str, List[StageEvent]] = {}  # by run: not started, as it stopped
        self._last = 0.0
        self._lock = threading.Lock()

    def on_event(self, event: Event, /) -> None:
        """Print the line of *event*, if it has one."""
        now = self._clock()
        with self._lock:
            if isinstance(event, RunStarted):
                self._begin(event, now)
            tally = self._tallies.get(event.run_id)
            if tally is None:
                return
            tally.note(event, now)
            if isinstance(event, RunFinished):
                self._end(event)
            elif isinstance(event, StageEvent) and is_unstarted(event):
                self._unstarted.setdefault(event.run_id, []).append(event)
            elif isinstance(event, StageEvent) and self._is_due(event, now):
                self._print_event(tally, event, now)

    def _begin(self, event: RunStarted, now: float) -> None:
        self._tallies[event.run_id] = Tally(event, now)
        self._last = now
        if self._ticker is None:
            self._ticker = self._start_ticker(SILENCE / _LOOKS, self._look)

    def _end(self, event: RunFinished) -> None:
        tally = self._tallies.pop(event.run_id)
        unstarted = self._unstarted.pop(event.run_id, [])
        if len(unstarted) > MOST_UNSTARTED:
            self._print(f"{_place(tally, tally.ended)} cancel {unstarted_words(len(unstarted))}")
        else:
            for each in unstarted:
                self._print_event(tally, each, self._last)
        if not self._tallies and self._ticker is not None:
            self._ticker.stop()
            self._ticker = None
        if self._has_summary:
            counts = counts_text(dict(event.counts), ", ")
            self._print(f"summary: {counts} in {_short(event.seconds)} (run {event.run_id})")

    def _is_due(self, event: StageEvent, now: float) -> bool:
        """Say whether an event is printed now; what a stage says of itself may come often."""
        key = (event.run_id, event.stage_id)
        if isinstance(event, StageStarted):
            self._progress[key] = now
        elif isinstance(event, StageProgress):
            if now - self._progress.get(key, now) < PROGRESS:
                return False
            self._progress[key] = now
        elif not isinstance(event, StageRetrying):
            self._progress.pop(key, None)
        return True

    def _print_event(self, tally: Tally, event: StageEvent, now: float) -> None:
        words = _words(tally, event)
        if words is None:
            return
        word, rest = words
        name = pad(tally.name(event.stage_id), tally.columns)
        self._print(f"{_place(tally, tally.number(event.stage_id))} {word:<6} {name}  {rest}")
        self._last = now

    def _look(self) -> None:
        """Say what runs, where nothing has been said for long."""
        now = self._clock()
        with self._lock:
            if now - self._last < SILENCE:
                return
            self._last = now
            for tally in self._tallies.values():
                self._print(f"{_place(tally, tally.ended)} wait   {_running(tally, now)}")

    def _print(self, line: str) -> None:
        self._stream.write(f"{line.rstrip()}\n")
        self._stream.flush()


def _place(tally: Tally, number: int) -> str:
    return f"[{number:>{max(2, len(str(tally.total)))}}/{tally.total}]"


def _words(tally: Tally, event: StageEvent) -> Optional[tuple[str, str]]:
    """Return the word for an event and what there is to say; None for events without a line."""
    if isinstance(event, StageStarted):
        return "start", ""
    if isinstance(event, StageRetrying):
        return "retry", retry_words(event)
    if isinstance(event, StageProgress):
        return "at", how_far(event)
    if event.outcome is None:
        return None
    word = OUTCOME_TABLE[event.outcome].word
    if isinstance(event, StageFailed) and is_parser_exit(event):
        return "exit", f"{_short(event.seconds)}  {PARSER_EXIT}"
    if isinstance(event, StageFailed):
        place = f"{escape_control(event.location)}  " if event.location else ""
        why = error_line(event.error, limit=_LONGEST_ERROR)
        word = word if event.critical else word.lower()
        return word, f"{_short(event.seconds)}  {place}{why}"
    took = getattr(event, "seconds", None)
    return word, why_ended(tally, event) if took is None else _short(took)


def _running(tally: Tally, now: float) -> str:
    if not tally.running:
        return "nothing runs"
    shown = [
        f"{tally.name(stage)} {_short(now - start)}{_said(tally, stage)}"
        for stage, start in islice(tally.running.items(), _MOST_NAMED)
    ]
    return listed(shown, _MOST_NAMED, of=len(tally.running))


def _said(tally: Tally, stage: str) -> str:
    said = tally.said.get(stage)
    return f" ({said})" if said else ""


def _short(duration: float) -> str:
    return seconds(duration).replace(" ", "")
