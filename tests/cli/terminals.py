"""Reading from a terminal that a command line writes to."""

from __future__ import annotations

import os
import select
import time
from typing import Callable

LIMIT = 60.0  # seconds until a test gives up


def read(master: int, is_enough: Callable[[bytes], bool]) -> bytes:
    """Read what is printed until that is enough, or the terminal is closed."""
    seen = b""
    until = time.monotonic() + LIMIT
    while not is_enough(seen):
        ready, _, _ = select.select([master], [], [], max(0.0, until - time.monotonic()))
        assert ready, seen
        try:
            part = os.read(master, 65536)
        except OSError:  # what Linux says when the other end is closed
            part = b""
        if not part:
            break
        seen += part
    return seen


def read_until(master: int, word: bytes) -> bytes:
    """Read what is printed until a word is in it, or the terminal is closed."""
    return read(master, lambda seen: word in seen)


def read_all(master: int) -> bytes:
    """Read what is printed until the terminal is closed."""
    return read(master, lambda _: False)
