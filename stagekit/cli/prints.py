"""``--prints``: what stages print while others run, kept apart: in one piece, or line by line."""

from __future__ import annotations

import contextlib
import threading
import time
from typing import Dict, Generator, List, Mapping, Optional, Tuple

from stagekit._base.prints import SPEAKER, sinks
from stagekit._base.text import escape_control, pad, width
from stagekit.cli.output import PrintsChoice, Style
from stagekit.cli.streams import STDERR, STDOUT, PrintStream, print_streams
from stagekit.events import Event, RunFinished, RunStarted, StageEvent
from stagekit.hooks.tally import WIDEST_NAME
from stagekit.hooks.timing import Ticker, tick_every

_MOST_KEPT = 1024 * 1024  # characters of one stage
_LONGEST = 2.0  # seconds that whole lines of a stage are kept: nobody is left without for long
_PATIENCE = 0.5  # seconds that the last words wait for a thread that prints


class Prints:
    """Takes what stages print to our streams; a hook, which learns when they end.

    Args:
        choice: prefixed or grouped; with auto, raw where one stage runs at a time.
        names: by id, what stages are called.
        style: what standard error can show.
    """

    def __init__(self, choice: PrintsChoice, names: Mapping[str, str], style: Style) -> None:
        self._streams = print_streams()
        self._is_auto = choice is PrintsChoice.AUTO
        is_seen = bool(self._streams) and all(each.isatty() for each in self._streams.values())
        self._is_prefixed = choice is PrintsChoice.PREFIXED or (self._is_auto and is_seen)
        self._names = {stage: escape_control(name) for stage, name in names.items()}
        columns = min(WIDEST_NAME, max(map(width, self._names.values()), default=0))
        self._columns, self._style = columns, style
        self._is_on = bool(self._streams)
        self._lock = threading.RLock()
        self._kept: Dict[str, List[Tuple[int, str]]] = {}
        self._sizes: Dict[str, int] = {}
        self._since: Dict[str, float] = {}
        self._ticker: Optional[Ticker] = None

    def on_event(self, event: Event, /) -> None:
        """Print what is kept of a stage that ends, and of all when the run does."""
        if isinstance(event, RunStarted) and self._is_auto:
            self._is_on = self._is_on and event.executor != "inline" and len(event.stages) > 1
        elif isinstance(event, RunFinished):
            self.end_all()
        elif isinstance(event, StageEvent) and event.outcome is not None:
            self._end(event.stage_id)

    def takes(self, descriptor: int, text: str) -> bool:
        """Take what is printed where a stage runs; tell whether one does."""
        speaker = SPEAKER.get()
        if speaker is None or not self._is_on:
            return False
        self.take(str(speaker), descriptor, text)
        return True

    def take(self, stage: str, descriptor: int, text: str) -> None:
        """Keep what a stage has printed, or print its whole lines."""
        if not self._is_on:
            self._put(descriptor, text)
            return
        with self._lock:
            self._kept.setdefault(stage, []).append((descriptor, text))
            self._since.setdefault(stage, time.monotonic())
            self._sizes[stage] = self._sizes.get(stage, 0) + len(text)
            if self._is_prefixed:
                if "\n" in text:
                    self._put_lines(stage)
            elif self._sizes[stage] > _MOST_KEPT:
                self._put_group(stage)
            elif self._ticker is None:
                self._ticker = tick_every(_LONGEST / 3, self._put_old)

    def end_all(self) -> None:
        """Print all that is kept."""
        with self._lock:
            for stage in tuple(self._kept):
                self._end(stage)
            ticker, self._ticker = self._ticker, None
        if ticker is not None:
            ticker.stop()

    def _put_old(self) -> None:
        """Print the whole lines that have been kept for long: their stage may run for hours."""
        with self._lock:
            now = time.monotonic()
            for stage, since in tuple(self._since.items()):
                pieces = self._kept.get(stage, [])
                whole = max(
                    [n + 1 for n, (_, text) in enumerate(pieces) if "\n" in text], default=0
                )
                if now - since < _LONGEST or not whole:
                    continue
                descriptor, text = pieces[whole - 1]
                end = text.rindex("\n") + 1
                rest = [*([(descriptor, text[end:])] if text[end:] else []), *pieces[whole:]]
                self._kept[stage] = [*pieces[: whole - 1], (descriptor, text[:end])]
                self._put_group(stage)
                for each in rest:
                    self.take(stage, *each)

    def last_words(self) -> str:
        """Return what is kept, for a process that ends at once."""
        if not self._lock.acquire(timeout=_PATIENCE):
            return ""
        try:
            return "".join(
                f"{self._heading(stage)}{''.join(text for _, text in self._kept[stage])}\n"
                for stage in tuple(self._kept)
            )
        finally:
            self._lock.release()

    def _end(self, stage: str) -> None:
        with self._lock:
            if stage not in self._kept:
                return
            if self._is_prefixed:
                self._put_lines(stage, is_end=True)
            else:
                self._put_group(stage)

    def _heading(self, stage: str) -> str:
        line = "──" if self._style.has_unicode else "--"
        return f"{self._style.paint('frame', line)} {self._name(stage)}\n"

    def _name(self, stage: str) -> str:
        return self._style.paint("strong", self._names.get(stage) or escape_control(stage))

    def _put_group(self, stage: str) -> None:
        """Print what is kept in one piece; the heading goes where progress goes."""
        pieces = self._pop(stage)
        heading = self._heading(stage)
        streams = self._streams
        if len({streams[each].place() for each in streams}) > 1:  # results in a file stay bare
            for descriptor in (STDOUT, STDERR):
                text = "".join(text for to, text in pieces if to == descriptor)
                if text:
                    above = heading if descriptor == STDERR else ""
                    self._put(descriptor, _ended(above + text))
            return
        descriptor = pieces[0][0]
        self._put(descriptor, _ended(heading + "".join(text for _, text in pieces)))

    def _put_lines(self, stage: str, *, is_end: bool = False) -> None:
        """Print the whole lines that are kept, each behind the name of the stage."""
        pieces = self._pop(stage)
        head = f"{pad(self._name(stage), self._padding(stage))} {self._bar} "
        for descriptor in (STDOUT, STDERR):
            text = "".join(text for to, text in pieces if to == descriptor)
            end = len(text) if is_end else text.rfind("\n") + 1
            if text[end:]:
                self._kept.setdefault(stage, []).append((descriptor, text[end:]))
            lines = text[:end].splitlines() if "\r" not in text else _redrawn(text[:end])
            if lines:
                self._put(descriptor, "".join(f"{head}{line}\n" for line in lines))

    def _padding(self, stage: str) -> int:
        """Return how wide a painted name is padded: what paints it takes no columns."""
        name = self._names.get(stage) or escape_control(stage)
        return width(self._name(stage)) + max(0, self._columns - width(name))

    @property
    def _bar(self) -> str:
        return self._style.paint("frame", self._style.bar)

    def _pop(self, stage: str) -> List[Tuple[int, str]]:
        self._sizes.pop(stage, None)
        self._since.pop(stage, None)
        return self._kept.pop(stage)

    def _put(self, descriptor: int, text: str) -> None:
        stream = self._streams.get(descriptor)
        if stream is not None:
            stream.put_whole(text)


def _ended(text: str) -> str:
    return text if text.endswith("\n") else f"{text}\n"


def _redrawn(text: str) -> List[str]:
    """Return lines as one sees them in the end: a bar is drawn over what was there before."""
    lines = text.replace("\r\n", "\n").split("\n")
    return [line.rstrip("\r").rpartition("\r")[2] for line in (lines if lines[-1] else lines[:-1])]


@contextlib.contextmanager
def kept_apart(
    choice: PrintsChoice, names: Mapping[str, str], style: Style
) -> Generator[Prints, None, None]:
    """Yield the hook that keeps the prints of stages apart."""
    prints = Prints(choice, names, style)
    streams: List[PrintStream] = list(print_streams().values())
    sinks[""] = prints.take
    for each in streams:
        each.prints = prints.takes
    try:
        yield prints
    finally:
        for each in streams:
            each.prints = None
        prints.end_all()
        sinks.pop("", None)
