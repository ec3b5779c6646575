"""A text stream that takes everything: characters it cannot encode, and writing after its end."""

from __future__ import annotations

import sys
from typing import Optional, TextIO

__all__ = ["QuietStream"]


class QuietStream:
    """Writes to another stream as long as that can be written to; after that, nowhere.

    Args:
        stream: where to; standard error, as it is at each moment, where None.
    """

    def __init__(self, stream: Optional[TextIO] = None) -> None:
        self._stream = stream
        self._is_over = False

    @property
    def _target(self) -> Optional[TextIO]:
        return self._stream if self._stream is not None else sys.stderr

    @property
    def encoding(self) -> str:
        """The encoding of the stream behind."""
        return getattr(self._target, "encoding", None) or "utf-8"

    def write(self, text: str, /) -> int:
        """Write *text*; what the encoding lacks is shown by its number, escaped."""
        target = self._target
        if self._is_over or target is None:
            return len(text)
        try:
            target.write(text.encode(self.encoding, "backslashreplace").decode(self.encoding))
        except (OSError, ValueError):  # the reader has gone, or the stream is closed
            self._is_over = True
        return len(text)

    def flush(self) -> None:
        """Hand on what is written."""
        target = self._target
        if self._is_over or target is None:
            return
        try:
            target.flush()
        except (OSError, ValueError):
            self._is_over = True

    def isatty(self) -> bool:
        """Say whether a person watches."""
        try:
            return self._target is not None and self._target.isatty()
        except (AttributeError, ValueError):
            return False

    def can_show(self, characters: str) -> bool:
        """Say whether the encoding has all of *characters*."""
        try:
            characters.encode(self.encoding)
        except (LookupError, UnicodeError):
            return False
        return True
