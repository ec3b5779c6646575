"""Ctrl-C and the thread that owns a run: at instants that no outer test can hit at will."""

from __future__ import annotations

from typing import List, Optional

import pytest

from stagekit._run.interrupts import Gate
from stagekit._run.mailbox import Mailbox
from stagekit._run.run_loop import run_blocking


def test_ctrl_c_between_two_stages_interrupts_the_next_one() -> None:
    """It waits at the gate, and comes as the next stage is called."""
    gate = Gate()
    gate.open()
    gate.shut()
    gate.is_asked_for = True
    with pytest.raises(KeyboardInterrupt):
        gate.open()
    gate.shut()
    gate.open()  # it came once


def test_ctrl_c_after_the_last_stage_becomes_a_message() -> None:
    """No stage is there any more that it could interrupt."""
    posted: List[int] = []
    gate = Gate()
    gate.post = lambda: posted.append(1)
    gate.open()
    gate.shut()
    gate.is_asked_for = True
    gate.leave()
    gate.leave()
    assert [1] == posted


class Interrupted:
    """What a run loop drives, interrupted as it begins, and as often as said while it cancels."""

    is_over = False

    def __init__(self, times: int) -> None:
        self.times = times
        self.cancelled: List[str] = []
        self.is_closed = False

    def open(self) -> None:
        """Be interrupted."""
        raise KeyboardInterrupt

    def tick(self) -> None:
        """Do nothing."""

    def patience(self) -> Optional[float]:
        """Wait for nothing."""
        return 0.0

    def cancel(self, why: str, error: Optional[KeyboardInterrupt] = None) -> None:
        """Be over, unless interrupted."""
        assert error is not None
        self.cancelled.append(why)
        if len(self.cancelled) <= self.times:
            raise KeyboardInterrupt
        self.is_over = True

    def close(self) -> None:
        """Note it."""
        self.is_closed = True


@pytest.mark.parametrize("times", [0, 1])
def test_a_run_that_is_interrupted_while_it_cancels_is_cancelled_again(times: int) -> None:
    """The second Ctrl-C is obeyed as the second one."""
    driven = Interrupted(times)
    run_blocking(Mailbox(), Gate(), 1.0, lambda: driven)
    assert ["interrupted"] * (times + 1) == driven.cancelled
    assert driven.is_closed
