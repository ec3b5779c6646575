"""The board on a terminal: lines that scroll, and below them a part that is drawn again."""

from __future__ import annotations

import sys
from itertools import islice
from typing import IO, Iterable, List, Optional, Sequence, Tuple, cast

from rich.cells import cell_len
from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from stagekit._base.text import pad, seconds
from stagekit.hooks.tally import Tally
from stagekit.hooks.terminal import QuietStream
from stagekit.hooks.words import Marks

__all__ = ["Board", "Line"]

_FRAMES_A_SECOND = 10
_ROWS_BELOW = 5  # around the running stages: waiting ones, the bar, blank lines, the prompt
_WIDEST_BAR = 40
_MOST_WAITING_NAMED = 20
_TIME_COLUMNS = 9


Line = Sequence[Tuple[str, str]]  # pieces of text, each with its style


class Board:
    """Prints lines and draws how far runs are.

    Args:
        stream: where to.
        has_color: whether to use colours.
        is_animated: whether to draw anything again in place.
        marks: the characters to use.
    """

    def __init__(
        self, stream: QuietStream, *, has_color: bool, is_animated: bool, marks: Marks
    ) -> None:
        self._marks = marks
        self._console = Console(
            file=cast("IO[str]", stream),  # it has all that a console calls
            force_terminal=has_color or is_animated,
            force_interactive=is_animated,
            color_system="auto" if has_color else None,
            highlight=False,
            markup=False,
            emoji=False,
        )
        self._is_animated = is_animated
        self._rows = 0  # that are drawn
        self._live: Optional[Live] = None

    def start(self) -> None:
        """Begin to draw."""
        if not self._is_animated or self._live is not None:
            return
        # What stages print appears above the board, but only where it would be seen there.
        self._live = Live(
            console=self._console,
            auto_refresh=False,
            transient=True,
            redirect_stdout=QuietStream(sys.stdout).isatty(),
            redirect_stderr=QuietStream(sys.stderr).isatty(),
            vertical_overflow="crop",
        )
        self._live.start()

    @property
    def columns(self) -> int:
        """How wide the terminal is."""
        return self._console.width

    @property
    def wiping(self) -> str:
        """What a terminal has to be sent to take away what is drawn, and to show its cursor."""
        if self._live is None:
            return ""
        return "\r\x1b[2K" + "\x1b[1A\x1b[2K" * max(0, self._rows - 1) + "\x1b[?25h"

    def stop(self) -> None:
        """Take away what was drawn; the lines stay."""
        if self._live is not None:
            self._live.update(Text())
            self._live.stop()
            self._live = None

    def print(self, lines: Sequence[Line]) -> None:
        """Add lines above what is drawn."""
        if lines:
            texts = [Text.assemble(*line) for line in lines]
            # On a terminal, lines that are too long go on below, at a word.
            self._console.print(Text("\n").join(texts), soft_wrap=not self._is_animated)

    def draw(self, tallies: Iterable[Tally], now: float, lines: Sequence[Line] = ()) -> None:
        """Add *lines*, and draw how far the runs are below them."""
        with self._console:  # written at once, so that nothing flickers
            self.print(lines)
            if self._live is not None:
                parts = [part for tally in tallies for part in self._parts(tally, now)]
                self._rows = min(len(parts), self._console.height)
                self._live.update(Group(*parts), refresh=True)

    def _parts(self, tally: Tally, now: float) -> List[RenderableType]:
        room = max(1, self._console.height - _ROWS_BELOW)
        rows = [
            self._running(tally, stage, start, now)
            for stage, start in islice(tally.running.items(), room)
        ]
        more = len(tally.running) - len(rows)
        if more > 0:
            rows[-1] = _row(f"  {self._marks.more} {more + 1:,} more running")
        if tally.waiting:
            rows.append(self._waiting(tally))
        return [*rows, Text(), self._bar(tally, now)]

    def _running(self, tally: Tally, stage: str, start: float, now: float) -> Text:
        frames = self._marks.frames
        frame = frames[int(now * _FRAMES_A_SECOND) % len(frames)]
        took = seconds(now - start)
        said = tally.said.get(stage)
        name = pad(tally.name(stage), tally.columns)
        return _row(f"  {frame} {name}  {pad(took, _TIME_COLUMNS) + said if said else took}")

    def _waiting(self, tally: Tally) -> Text:
        line = f"  {self._marks.waiting} {len(tally.waiting):,} waiting: "
        room = self._console.width - len(line) - len(self._marks.more) - 1
        names: List[str] = []
        for stage in islice(tally.waiting, _MOST_WAITING_NAMED):
            name = tally.name(stage)
            room -= cell_len(name) + 2
            if room < 0:
                break
            names.append(name)
        if len(names) < len(tally.waiting):
            names.append(self._marks.more)
        return _row(line + ", ".join(names), "dim")

    def _bar(self, tally: Tally, now: float) -> RenderableType:
        count, took = f"  {tally.ended:,}/{tally.total:,}", seconds(now - tally.began)
        size = max(4, min(_WIDEST_BAR, self._console.width - len(count) - len(took) - 6))
        grid = Table.grid(padding=(0, 2))
        for _ in range(3):
            grid.add_column(no_wrap=True)
        bar = ProgressBar(total=max(1, tally.total), completed=tally.ended, width=size)
        grid.add_row(Text(count), bar, Text(took))
        return grid


def _row(text: str, style: str = "") -> Text:
    return Text(text, style, no_wrap=True, overflow="crop", end="\n")
