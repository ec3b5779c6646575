"""``RichProgress``: a run on a terminal, with what runs now drawn in place."""

from __future__ import annotations

import os
import sys
import threading
import time
from typing import Callable, Dict, List, Optional, TextIO, Tuple

from stagekit._base.outcome import OUTCOME_TABLE, Outcome, Reason, RunStatus, Tone
from stagekit._base.text import cut, error_line, escape_control, pad, plural, seconds, width
from stagekit.events import (
    Event,
    RunFinished,
    RunStarted,
    StageEvent,
    StageFailed,
    StageRetrying,
)
from stagekit.hooks.tally import (
    MOST_UNSTARTED,
    Tally,
    counts_text,
    is_unstarted,
    unstarted_words,
    why_ended,
)
from stagekit.hooks.terminal import QuietStream, address, can_animate, shows_links, wants_color
from stagekit.hooks.timing import StartTicker, Ticker, tick_every
from stagekit.hooks.words import PARSER_EXIT, is_parser_exit, marks_for, retry_words

__all__ = ["RichProgress"]

Line = List[Tuple[str, str]]  # pieces of text, each with its style

FRAME = 0.1  # seconds between two drawings
MOST_LINES = 40  # of each kind in one drawing; what is more is counted
_LONGEST_ERROR = 300
_TIME_COLUMNS = 9


class RichProgress:
    """Draws how far a run is: stages that have ended scroll by, those that run stay below.

    Drawing happens at most ten times a second, and shows at most a screenful, however many
    stages there are. Without a terminal lines are printed, and nothing is drawn again.

    Args:
        stream: where to; standard error unless said.
        title: the first words of the first line, such as the name of the pipeline.
        color: whether to use colours; by NO_COLOR, FORCE_COLOR and the stream unless said.
        animate: whether to draw in place; where it can be seen, unless said.
        summary: whether the last line counts how the stages ended.
        clock: returns the time in seconds.
        ticker: starts the calls that draw.
    """

    def __init__(  # noqa: PLR0913 - each has a default that is right for most
        self,
        stream: Optional[TextIO] = None,
        *,
        title: str = "stagekit",
        color: Optional[bool] = None,
        animate: Optional[bool] = None,
        summary: bool = True,
        clock: Callable[[], float] = time.monotonic,
        ticker: StartTicker = tick_every,
    ) -> None:
        from stagekit.hooks.board import Board  # 90 ms: rich

        quiet = QuietStream(stream if stream is not None else sys.stderr)
        self._marks = marks_for(quiet)
        self._board = Board(
            quiet,
            has_color=wants_color(quiet, os.environ) if color is None else color,
            is_animated=can_animate(quiet, os.environ) if animate is None else animate,
            marks=self._marks,
        )
        has_color = wants_color(quiet, os.environ) if color is None else color
        self._has_links = has_color and shows_links(quiet, os.environ)
        self._title = escape_control(title)
        self._has_summary = summary
        self._clock = clock
        self._start_ticker = ticker
        self._ticker: Optional[Ticker] = None
        self._tallies: Dict[str, Tally] = {}
        self._news: List[StageEvent] = []  # not printed yet
        self._unstarted: List[StageEvent] = []  # stages that the stopped run has not started
        self._lock = threading.RLock()

    def on_event(self, event: Event, /) -> None:
        """Take in *event*; it is shown with the next drawing."""
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
            elif isinstance(event, StageEvent) and _is_news(event):
                (self._unstarted if is_unstarted(event) else self._news).append(event)

    def _begin(self, event: RunStarted, now: float) -> None:
        self._tallies[event.run_id] = Tally(event, now)
        between, times = self._marks.between, self._marks.times
        where = f"{escape_control(event.executor)} {times}{event.workers}"
        facts = [plural(len(event.stages), "stage"), where, f"run {event.run_id}"]
        self._board.print([[(self._title, "bold"), (between + between.join(facts), "")], []])
        self._board.start()
        if self._ticker is None:
            self._ticker = self._start_ticker(FRAME, self._draw)

    @property
    def wiping(self) -> str:
        """What the terminal has to be sent to take the board away, where the process ends."""
        return self._board.wiping

    def _end(self, event: RunFinished) -> None:
        unstarted = [each for each in self._unstarted if each.run_id == event.run_id]
        self._unstarted = [each for each in self._unstarted if each.run_id != event.run_id]
        if len(unstarted) <= MOST_UNSTARTED:
            self._news += unstarted
            unstarted = []
        lines = self._lines()
        if unstarted:
            mark = self._mark(Outcome.CANCELLED)
            lines.append([("  ", ""), mark, (f" {unstarted_words(len(unstarted))}", "")])
        self._board.print(lines)
        del self._tallies[event.run_id]
        if not self._tallies and self._ticker is not None:
            self._ticker.stop()
            self._ticker = None
            self._board.stop()
        if self._has_summary:
            counts = counts_text(dict(event.counts), self._marks.between)
            style = "green" if event.status is RunStatus.SUCCEEDED else "bold red"
            took = f"   {seconds(event.seconds)}"
            self._board.print([[], [("  ", ""), (counts, style), (took, "")]])

    def _draw(self) -> None:
        now = self._clock()
        with self._lock:
            self._board.draw(self._tallies.values(), now, self._lines())

    def _lines(self) -> List[Line]:
        """Return what has happened since the last time: some stages of each kind, and counts."""
        lines: List[Line] = []
        left: Dict[Optional[Outcome], int] = {}
        kinds: Dict[Optional[Outcome], int] = {}
        for event in self._news:
            outcome = event.outcome  # None: it is tried again
            kinds[outcome] = kinds.get(outcome, 0) + 1
            if kinds[outcome] <= MOST_LINES:
                lines.append(self._line(event, outcome))
            else:
                left[outcome] = left.get(outcome, 0) + 1
        self._news.clear()
        for outcome, count in left.items():
            mark, style = self._mark(outcome)
            word = "tried again" if outcome is None else outcome.value
            lines.append([("  ", ""), (mark, style), (f" {count:,} more {word}", "")])
        return lines

    def _mark(self, outcome: Optional[Outcome]) -> Tuple[str, str]:
        marks = self._marks
        if outcome is None:
            return marks.again, "yellow"
        if outcome is Outcome.CANCELLED:
            return marks.cancelled, "yellow"
        return {
            Tone.GOOD: (marks.ok, "green"),
            Tone.BAD: (marks.failed, "bold red"),
            Tone.DOUBTFUL: (marks.skipped, "yellow"),
        }[OUTCOME_TABLE[outcome].tone]

    def _line(self, event: StageEvent, outcome: Optional[Outcome]) -> Line:
        tally = self._tallies[event.run_id]
        name = pad(tally.name(event.stage_id), tally.columns)
        mark = self._mark(Outcome.CANCELLED if is_parser_exit(event) else outcome)
        head: Line = [("  ", ""), mark, (f" {name}  ", "")]
        if isinstance(event, StageRetrying):
            room = self._board.columns - sum(width(text) for text, _ in head)
            return [*head, (cut(retry_words(event), room), "dim")]
        return [*head, *_rest(event, tally, has_links=self._has_links)]


def _is_news(event: StageEvent) -> bool:
    """Say whether an event gets a line that stays."""
    return event.outcome is not None or isinstance(event, StageRetrying)


def _rest(event: StageEvent, tally: Tally, *, has_links: bool) -> Line:
    """Return what is told of a stage that has ended, besides its name."""
    if isinstance(event, StageFailed):
        took = pad(seconds(event.seconds), _TIME_COLUMNS)
        if is_parser_exit(event):
            return [(took, ""), (PARSER_EXIT, "dim")]
        place, file = (
            escape_control(event.location or ""),
            (event.location or "").rpartition(":")[0],
        )
        link = f"link {address(file)}" if has_links and file else ""
        soft = "" if event.critical else "  (not critical)"
        why = error_line(event.error, limit=_LONGEST_ERROR)
        return [(took, ""), (place, link), ("  " if place else "", ""), (why, "red"), (soft, "dim")]
    ran_for = getattr(event, "seconds", None)
    if event.outcome is None or ran_for is not None:
        size = escape_control(getattr(event, "size", ""))
        took = "" if ran_for is None else seconds(ran_for)
        return [(pad(took, _TIME_COLUMNS), ""), (size, "dim")] if size else [(took, "")]
    why = why_ended(tally, event)
    is_plain = getattr(event, "reason", None) is Reason.INTERRUPTED
    text = f"{event.outcome.value}: {why}" if why else event.outcome.value
    return [(why if is_plain else text, "dim")]
