"""The thread that owns a run waits for messages, and for the time of what is due."""

from __future__ import annotations

import threading
from queue import SimpleQueue
from typing import Any

from stagekit._run.coordinator import Message
from stagekit._run.run_loop import _turn

PATIENCE = 30  # seconds after which a thread hangs


class Due:
    """Stands for a coordinator for which something is due in so many seconds."""

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds

    def patience(self) -> float:
        """Return how long a wait for messages may take."""
        return self.seconds

    def tick(self) -> None:
        """Do what is due: nothing."""


def test_a_wait_for_what_is_due_in_an_instant_ends() -> None:
    """Also where a message that is gone by now has woken the wait: up to CPython 3.12 for ever."""
    done = threading.Event()

    def take_turns() -> None:
        for seconds in (0.0, 1e-9, 1e-8, 1e-7, 3e-7, 1e-6) * 2_000:
            inbox: SimpleQueue[Message] = SimpleQueue()
            due: Any = Due(seconds)
            _turn(inbox, due)  # nothing comes
            inbox.put(lambda: None)
            _turn(inbox, due)
            _turn(inbox, due)  # woken by the message of before
        done.set()

    threading.Thread(target=take_turns, daemon=True).start()
    assert done.wait(PATIENCE)
