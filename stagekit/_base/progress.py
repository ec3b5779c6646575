"""``Progress``: what a stage says of how far it has come."""

from __future__ import annotations

import time
from _thread import allocate_lock

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Callable, Iterable, Iterator, NoReturn, Optional, TypeVar

    T = TypeVar("T")
    Tell = Callable[[Optional[float], Optional[float], Optional[str]], object]

USED = "\0used"  # the note of what is told by ``tell_used``
EVERY = 0.05  # seconds: at most twenty times a second anybody is told


class Progress:
    """Reports how far a stage is. A stage gets it by a parameter of this type.

    Report as often as you like. At most 20 reports a second are passed on, and always the last one.
    Every thread of the stage may report. In a test of the function, pass ``Progress()``, which
    reports to nobody.

    Args:
        report: called with done, total and note; each is None until it is reported.
        clock: seconds that only grow.

    Example:
        >>> progress = Progress()
        >>> sum(progress.track([3, 4]))
        7
    """

    __slots__ = ("_clock", "_done", "_is_held", "_lock", "_next", "_note", "_tell", "_total")

    def __init__(
        self, report: Optional[Tell] = None, /, *, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._tell = report
        self._clock = clock
        self._lock = allocate_lock()
        self._done: Optional[float] = None
        self._total: Optional[float] = None
        self._note: Optional[str] = None
        self._next = 0.0
        self._is_held = False

    def update(
        self,
        done: Optional[float] = None,
        total: Optional[float] = None,
        note: Optional[str] = None,
    ) -> None:
        """Report what is done, of how much, and a note. What you leave out stays as it is.

        Raises:
            ValueError: *done* or *total* is no number of 0 or more, or *note* is no text.
        """
        _check("done", done)
        _check("total", total)
        if note is not None and not isinstance(note, str):  # pyright: ignore[reportUnnecessaryIsInstance]  # users may be unchecked
            raise ValueError(f"note must be a text, got {note!r}")
        if self._tell is None:
            return
        with self._lock:
            was_done = self._is_complete()
            self._done = self._done if done is None else done
            self._total = self._total if total is None else total
            self._note = self._note if note is None else note
            self._is_held = True
            if self._clock() >= self._next or (not was_done and self._is_complete()):
                self._out()

    def track(self, items: Iterable[T], /, total: Optional[float] = None) -> Iterator[T]:
        """Yield *items*, and say of each that it is done when the next one is asked for.

        Args:
            items: what is gone through.
            total: how many there are; their ``len()`` unless said, where they have one.
        """
        if total is None:
            try:
                total = len(items)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]  # tried
            except TypeError:
                total = None
        done = 0
        self.update(done, total)
        try:
            for item in items:
                yield item
                done += 1
                self.update(done)
        finally:
            self.flush()

    def flush(self) -> None:
        """Pass on the last report; stagekit calls it when the stage has ended."""
        if self._tell is None:
            return
        with self._lock:
            if self._is_held:
                self._out()

    def tell_used(self, cpu_seconds: float, memory_bytes: Optional[int]) -> None:
        """Report what the call used of the machine: for measured runs, not for stages."""
        if self._tell is not None:
            self._tell(cpu_seconds, memory_bytes, USED)

    def _out(self) -> None:
        self._is_held = False
        self._next = self._clock() + EVERY
        assert self._tell is not None  # noqa: S101 - both callers have looked
        self._tell(self._done, self._total, self._note)

    def _is_complete(self) -> bool:
        return self._done is not None and self._total is not None and self._done >= self._total

    def __reduce__(self) -> NoReturn:
        raise TypeError("a Progress cannot be copied or sent to another process")


def _check(name: str, value: object) -> None:
    if value is None or (isinstance(value, (int, float)) and 0 <= value < float("inf")):
        return
    raise ValueError(f"{name} must be a number of 0 or more, got {value!r}")
