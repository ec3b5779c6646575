"""Compensation of a failed run: the undo functions of its stages, one after another."""

from __future__ import annotations

from typing import TYPE_CHECKING, Callable, List, Optional

from stagekit._plan.slots import slots_of
from stagekit._run.attempt import cut
from stagekit._run.in_flight import undo_job
from stagekit._run.state.agenda import SECOND
from stagekit._run.state.attempts import retry_delay
from stagekit._run.state.columns import CANCELLED, FAILED, RAISED, SUCCEEDED, TIMED_OUT
from stagekit._run.state.resources import LAST_WORD
from stagekit.errors import BadValueError, StageCancelledError, StageTimeoutError

if TYPE_CHECKING:
    from stagekit._run.backends.job import Backend, Job
    from stagekit._run.backends.placement import Placement
    from stagekit._run.session import Session
    from stagekit._run.state.run_state import RunState

GRACE = 10.0  # seconds that a compensation has where a run has no grace


class Compensation:
    """The compensations of one run; their tickets are below zero, for they are no attempts.

    Each may take as long as an attempt of its stage, and where that has no time limit, as long as
    the grace of the run; one that raises is tried again as its stage would be. One that does not
    end is given up on, and the next one begins.

    Args:
        session: the run.
        state: its resources stay open for them.
        placement: where they are called.
        now: gives the time.
        done: called when there is nothing left to undo.

    Attributes:
        due: when ``tick`` has something to do; None for never.
        is_backing_off: nothing is under way until then.
    """

    def __init__(
        self,
        session: Session,
        state: RunState,
        placement: Placement,
        now: Callable[[], int],
        done: Callable[[], None],
    ) -> None:
        self._session = session
        self._state = state
        self._placement = placement
        self._rollback = session.settings.rollback
        self._now = now
        self._done = done
        self._left: List[int] = []
        self._step = -1
        self._ticket = 0
        self._backend: Optional[Backend] = None
        self._job: Optional[Job] = None  # the one that is under way
        self._is_late = False
        self._attempt = 0
        self._last: Optional[BaseException] = None  # what the attempt before has raised
        self.is_backing_off = False
        self.has_begun = False
        self.due: Optional[int] = None

    def begin(self) -> None:
        """Undo the stages that succeeded, the one that ended last first."""
        self.has_begun = True
        columns, rollback = self._session.columns, self._rollback
        is_due = self._session.scheduler.has_failed and not columns.interrupted
        if is_due or (rollback and rollback.on_cancel and self._state.cancelled):
            found = self._succeeded()
            if rollback is not None and rollback.partial:
                found += self._partial()
            self._left = sorted(found, key=lambda step: (columns.ends[step], step))
        self._next()

    def _succeeded(self) -> List[int]:
        status = self._session.scheduler.status
        return [
            step
            for step, policy in self._session.plan.policies.items()
            if policy.undo is not None and status[step] == SUCCEEDED
        ]

    def _partial(self) -> List[int]:
        """Return the steps that were called and returned nothing, as far as that can be undone."""
        plan, columns = self._session.plan, self._session.columns
        status = self._session.scheduler.status
        found: List[int] = []
        for step, policy in plan.policies.items():
            if policy.undo is None or status[step] not in {FAILED, CANCELLED}:
                continue
            if not columns.attempts.get(step):  # it was never called
                continue
            if plan.constants + step in slots_of(policy.undo):
                columns.undone[step] = BadValueError("its undo takes what it did not return")
            else:
                found.append(step)
        return found

    def ended(self, ticket: int, error: Optional[BaseException]) -> None:
        """Take in how a compensation ended; a failure does not stop the others."""
        if self._job is None or ticket != self._ticket:
            return  # was given up on
        if error is not None and self._is_late:
            late = self._late()
            late.__cause__ = cut(error)
            error = late
        if error is not None and self._tries_again(error):
            return
        self._note(None if error is None else cut(error))
        self._next()

    def tick(self) -> None:
        """Tell a compensation that takes too long to end; give up on it where it has been told."""
        due, now = self.due, self._now()
        if due is None or due > now:
            return
        if self.is_backing_off:
            self._start()
            return
        if self._job is None or self._backend is None:
            return
        if self._is_late:
            self._give_up(self._late())
            self._next()
            return
        self._is_late = True
        self.due = now + LAST_WORD
        self._job.token.cancel("timeout")
        self._backend.stop(self._ticket, force=False)

    def hurry(self) -> None:
        """Wait no longer for what is being undone, and undo nothing more."""
        if self.is_backing_off:
            self._note(self._last)
        elif self._job is None:
            return
        else:
            self._give_up(StageCancelledError("its undo had not ended"))
        for step in self._left:
            self._session.columns.undone[step] = StageCancelledError("its undo had not begun")
        self._left.clear()
        self._next()

    def _next(self) -> None:
        if not self._left:
            self._done()
            return
        self._step = self._left.pop()
        self._attempt = 0
        self._start()

    def _start(self) -> None:
        step = self._step
        undo = self._session.plan.policies[step].undo
        assert undo is not None  # noqa: S101 - by the choice above
        self._ticket -= 1
        self._attempt += 1
        self.is_backing_off = False
        job = self._job = undo_job(self._session, self._ticket, step, undo)
        self._is_late = False
        self.due = self._now() + int(self._bound() * SECOND)
        self._backend = self._placement.undoer(job.fn)
        self._backend.start(job)

    def _tries_again(self, error: BaseException) -> bool:
        """Have the compensation called again later, where its stage would be."""
        retry = self._session.plan.policies[self._step].retry
        how = TIMED_OUT if self._is_late else RAISED
        delay = retry_delay(retry, self._attempt, error, how, self._state.chance)
        if delay is None:
            return False
        self._job, self._last = None, cut(error)
        self.is_backing_off = True
        self.due = self._now() + delay
        return True

    def _bound(self) -> float:
        timeout = self._session.plan.policies[self._step].timeout
        return timeout or self._state.limits.grace / SECOND or GRACE

    def _late(self) -> BaseException:
        return StageTimeoutError(self._bound())

    def _give_up(self, error: BaseException) -> None:
        assert self._backend is not None  # noqa: S101 - something is under way
        self._backend.abandon(self._ticket)
        self._state.abandoned.append(self._step)
        self._state.resources.leak(self._step)
        self._note(error)

    def _note(self, error: Optional[BaseException]) -> None:
        self._session.columns.undone[self._step] = error
        self._job, self._last, self.due = None, None, None
        self.is_backing_off = False
