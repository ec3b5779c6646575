"""Whose prints they are: of which stage, and how they come from a worker process.

Loaded only where somebody asks; a run looks whether there is a sink.
"""

from __future__ import annotations

import contextlib
import io
from contextvars import ContextVar
from typing import Any, Callable, Dict, Optional, Tuple

# Takes what a stage has printed: stage, descriptor (1 or 2), text. From any thread.
Sink = Callable[[str, int, str], object]


class Speaker(str):
    """The id of the stage that prints, as a context variable holds it; it travels with calls."""

    __slots__ = ()

    def as_it_travels(self) -> bytes:
        """Return the form in which it is sent to another process."""
        import pickle

        return pickle.dumps(self)


SPEAKER: ContextVar[Optional[Speaker]] = ContextVar("stagekit_speaker", default=None)
sinks: Dict[str, Sink] = {}  # "": where prints from worker processes go


class Printed(Tuple[str, int, str]):
    """What a stage in a worker process has printed: stage, descriptor, text."""

    __slots__ = ()

    def deliver(self) -> None:
        """Hand it to who asked for it; nobody may be there any more."""
        sink = sinks.get("")
        if sink is not None:
            sink(*self)


class SentStream(io.TextIOBase):
    """Standard output or error of a worker process: what stages print goes to who started it.

    Args:
        stream: the stream before, which takes what is of no stage.
        descriptor: 1 or 2.
        send: sends an object on its way.
    """

    def __init__(self, stream: Any, descriptor: int, send: Callable[[Printed], object]) -> None:
        self._stream = stream
        self._descriptor = descriptor
        self._send = send
        self._begun: Dict[str, str] = {}

    def write(self, text: str, /) -> int:
        """Send whole lines; keep what is begun until its line is complete, or flushed."""
        speaker = SPEAKER.get()
        if speaker is None:
            return int(self._stream.write(text))
        line = self._begun.pop(speaker, "") + text
        end = line.rfind("\n") + 1
        if line[end:]:
            self._begun[speaker] = line[end:]
        if end:
            self._send(Printed((str(speaker), self._descriptor, line[:end])))
        return len(text)

    def flush(self) -> None:
        """Send what is begun."""
        while self._begun:
            speaker, text = self._begun.popitem()
            self._send(Printed((speaker, self._descriptor, text)))
        self._stream.flush()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)

    def writable(self) -> bool:
        """Say that it can be written to."""
        return True

    def isatty(self) -> bool:
        """Say what the stream behind says."""
        return bool(self._stream.isatty())

    def fileno(self) -> int:
        """Return the descriptor, for programs that the stage starts."""
        return int(self._stream.fileno())

    @property
    def encoding(self) -> str:  # type: ignore[override]  # a property here  # pyright: ignore[reportIncompatibleVariableOverride]
        """The encoding of the stream behind."""
        return str(self._stream.encoding)


def sent(send: Callable[[Printed], object]) -> None:
    """Have this process, a worker, send what its stages print; once."""
    import sys

    for name, descriptor in (("stdout", 1), ("stderr", 2)):
        stream = getattr(sys, name)
        if stream is not None and not isinstance(stream, SentStream):
            with contextlib.suppress(AttributeError):
                setattr(sys, name, SentStream(stream, descriptor, send))
