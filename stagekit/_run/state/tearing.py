"""Tearing resources down: one at a time, the last opened first, each within a bound. Pure."""

from __future__ import annotations

from typing import Optional

from stagekit._run.state.actions import AbandonClosing, Close, StopClosing
from stagekit._run.state.state import SECOND, State
from stagekit.errors import StageCancelledError, StageTimeoutError

LAST_WORD = SECOND // 4  # that what was told to end has, before it is given up on


class Tearing(State):
    """The rules of closing."""

    def close_next(self) -> None:
        """Begin to tear down the next resource that may be, where none is being torn down.

        It may take as long as one attempt of its stage, and in a run that is cancelled, as long as
        the grace.
        """
        keeping = self.keeping
        step = keeping.next_to_close(quiet=self.is_quiet) if keeping.closing < 0 else -1
        if step < 0:
            return
        keeping.closing = step
        keeping.opened.remove(step)
        keeping.due = -1
        policy = self.policies[step]
        if self.cancelled:
            self.hurry_closing()
        elif policy.timeout is not None:
            self.bound_closing(int(policy.timeout * SECOND))
        self.actions.append(Close(step))

    def hurry_closing(self) -> None:
        """Have the grace of the run bound what is being torn down."""
        self.bound_closing(max(self.limits.grace, LAST_WORD))

    def bound_closing(self, bound: int) -> None:
        """Have what is being torn down take no more than some nanoseconds from now on."""
        keeping, due = self.keeping, self.now + bound
        if keeping.closing >= 0 and (keeping.due < 0 or due < keeping.due):
            keeping.due, keeping.bound = due, bound
            keeping.timer = self.number()
            self.set_timer(bound, "closing", keeping.timer)

    def closing_is_due(self, timer: int) -> None:
        """Tell a tear-down that takes too long to end; give up on it where it has been told."""
        keeping = self.keeping
        if keeping.closing < 0 or timer != keeping.timer:
            return
        if keeping.is_late:
            self.give_up_closing()
            return
        keeping.is_late = True
        self.actions.append(StopClosing(keeping.closing))
        self.set_timer(LAST_WORD, "closing", timer)

    def give_up_closing(self) -> None:
        """Wait no longer for what is being torn down."""
        step = self.keeping.closing
        if step >= 0:
            self.actions.append(AbandonClosing(step))
            self.abandoned.append(step)
            self.keeping.leak(step)
            self.torn_down(step, StageCancelledError("its tear-down had not ended"))

    def torn_down(self, step: int, error: Optional[BaseException]) -> None:
        """Record that a resource has been torn down, or failed to be."""
        keeping = self.keeping
        if error is not None:
            if keeping.is_late:
                cause, error = error, StageTimeoutError(keeping.bound / SECOND)
                error.__cause__ = cause
            self.scheduler.columns.teardowns[step] = error
            self.scheduler.has_failed = True
        keeping.closing, keeping.is_late = -1, False
        keeping.ended(step)
