"""Tests of what hooks stand on: streams that take everything, and a tick."""

from __future__ import annotations

import io
import threading
from typing import List

import pytest

import stagekit.hooks
from stagekit.hooks.terminal import QuietStream
from stagekit.hooks.timing import tick_every


def test_a_closed_stream_is_no_terminal() -> None:
    """Asking a stream that is closed, or is none, says no."""
    closed = io.StringIO()
    closed.close()
    assert not QuietStream(closed).isatty()


def test_an_unknown_encoding_shows_nothing() -> None:
    """An encoding that Python does not know has none of the characters."""

    class Strange(io.StringIO):
        encoding = "no-such-encoding"

    assert not QuietStream(Strange()).can_show("a")
    assert QuietStream(io.StringIO()).can_show("✓")


def test_a_ticker_ticks_until_it_is_stopped() -> None:
    """Calls come on a thread that keeps no process alive, and end when they are told to."""
    threads: List[threading.Thread] = []
    called = threading.Event()

    def call() -> None:
        threads.append(threading.current_thread())
        called.set()

    ticker = tick_every(0.001, call)
    assert called.wait(timeout=30)
    ticker.stop()
    threads[0].join(timeout=30)
    assert threads[0].daemon
    assert not threads[0].is_alive()


def test_a_ticker_that_is_stopped_waits_for_no_tick() -> None:
    """Its thread ends at once, however long it would have waited."""
    before = set(threading.enumerate())
    ticker = tick_every(3600, lambda: None)
    (thread,) = set(threading.enumerate()) - before
    ticker.stop()
    thread.join(timeout=30)
    assert not thread.is_alive()


def test_hooks_are_found_by_name_only() -> None:
    """The package has the names it says, and no other."""
    assert set(stagekit.hooks.__all__) <= set(dir(stagekit.hooks))
    with pytest.raises(AttributeError, match=r"^module 'stagekit\.hooks' has no attribute 'No'$"):
        str(stagekit.hooks.No)  # type: ignore[attr-defined]  # pyright: ignore[reportAttributeAccessIssue, reportUnknownMemberType, reportUnknownArgumentType]
