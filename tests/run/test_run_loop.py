"""The thread that owns a run waits for messages, and for the time of what is due."""

from __future__ import annotations

import threading

import pytest

from stagekit._run.mailbox import Mailbox

PATIENCE = 30  # seconds after which a thread hangs


@pytest.mark.parametrize("turns", [200, pytest.param(2_000, marks=pytest.mark.slow)])
def test_a_wait_for_what_is_due_in_an_instant_ends(turns: int) -> None:
    """Also where a message that is gone by now has woken the wait: up to CPython 3.12 for ever."""
    done = threading.Event()

    def take_turns() -> None:
        for seconds in (0.0, 1e-9, 1e-8, 1e-7, 3e-7, 1e-6) * turns:
            mailbox = Mailbox()
            mailbox.read(seconds)  # nothing comes
            mailbox.post(lambda: None)
            mailbox.read(seconds)
            mailbox.read(seconds)  # woken by the message of before
        done.set()

    threading.Thread(target=take_turns, daemon=True).start()
    assert done.wait(PATIENCE)
