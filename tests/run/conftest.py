"""A watchdog for tests that would hang if an engine did."""

from __future__ import annotations

import faulthandler
import threading
from typing import Iterator

import pytest

PATIENCE = 60  # seconds after which a test hangs: the traces of all threads are shown


@pytest.fixture(autouse=True)
def watchdog() -> Iterator[None]:
    """Show where all threads are, and end, when a test hangs; see that it leaves no thread."""
    before = set(threading.enumerate())
    faulthandler.dump_traceback_later(PATIENCE, exit=True)
    yield
    faulthandler.cancel_dump_traceback_later()
    left = [t for t in threading.enumerate() if t not in before and t.name.startswith("stagekit")]
    assert [] == left
