"""The calls that are under way in a managed run: who makes them, since when, and how they end."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Callable, Dict, NamedTuple, Optional, Tuple

from stagekit._run.attempt import annotate, is_broken_promise
from stagekit._run.backends.jobs import Numbers
from stagekit._run.state.actions import Start, WithdrawnError
from stagekit._run.state.columns import BAD_VALUE, CRASHED, INTERRUPTED, RAISED
from stagekit._run.worker_loop import Stride
from stagekit.errors import StageCancelledError, WorkerDiedError

if TYPE_CHECKING:
    from stagekit._run.backends.job import Job
    from stagekit._run.backends.placement import Lanes
    from stagekit._run.map_items import Items
    from stagekit._run.session import Session


class Call(NamedTuple):
    """One attempt under way: what the machine has asked for, what carriers got, and when."""

    start: Start
    job: Job
    since: int


class UnderWay:
    """The calls that carriers have, by ticket.

    Args:
        session: the run.
        lanes: what carries calls out.
        now: tells the time.
    """

    def __init__(self, session: Session, lanes: Lanes, now: Callable[[], int]) -> None:
        self._session = session
        self._lanes = lanes
        self._now = now
        self._calls: Dict[int, Tuple[Call, int]] = {}
        self._numbers = Numbers(len(lanes.carriers))

    def begin(self, start: Start, make: Callable[[Start, str, int], Job]) -> Call:
        """Note that a call begins now; *make* makes its job, given name and number of a worker."""
        columns, now = self._session.columns, self._now()
        number = self._numbers.take(start.lane)
        if start.is_first and columns.starts is not None:
            columns.starts[start.step] = now
        shown = self._lanes.shown(start.lane, number)
        if start.is_first and columns.workers is not None:
            columns.workers[start.step] = shown
        job = make(start, self._lanes.worker(start.lane, shown), shown)
        if isinstance(job, Stride):
            job.since = now
        call = Call(start, job, now)
        self._calls[start.ticket] = call, number
        return call

    def find(self, ticket: int) -> Optional[Call]:
        """Return a call that is under way, as it has begun."""
        found = self._calls.get(ticket)
        return None if found is None else found[0]

    def take(self, ticket: int) -> Optional[Call]:
        """Take out a call that has ended; None for one that was given up on.

        Of a stride it is the last call.
        """
        found = self._calls.pop(ticket, None)
        if found is None:
            return None
        call, number = found
        start, job = call.start, call.job
        self._numbers.give_back(start.lane, number)
        starts = self._session.columns.starts
        assert starts is not None  # noqa: S101 - a scheduler has all columns
        if isinstance(job, Stride):
            since = starts[job.step] if job.item < 0 else job.began(self._now())
            return Call(Start(ticket, job.step, job.item, 1, start.lane), job, since)
        if job.took is None:
            return call
        since = max(call.since, self._now() - job.took)  # it may have been sent ahead of its turn
        if start.is_first and start.item < 0:
            starts[start.step] = since
        return Call(start, job, since)

    def record(self, call: Call, error: Optional[BaseException]) -> None:
        """Keep what is known of an attempt that has ended; one that has not begun was none."""
        now, columns, start = self._now(), self._session.columns, call.start
        if isinstance(error, WithdrawnError):
            if start.is_first and columns.starts is not None:
                columns.starts[start.step] = 0
            return
        columns.ends[start.step] = now
        row = (start.item, start.attempt, call.since, now, call.job.name, error)
        columns.attempts.setdefault(start.step, []).append(row)


def how_ended(error: BaseException, job: Job) -> int:
    """Return what an exception means for the call that ended with it."""
    if isinstance(error, WorkerDiedError):
        return CRASHED
    if isinstance(error, (KeyboardInterrupt, WithdrawnError)):
        return INTERRUPTED
    if job.token.is_cancelled and (
        isinstance(error, StageCancelledError) or type(error).__name__ == "CancelledError"
    ):
        return INTERRUPTED
    return BAD_VALUE if is_broken_promise(error) else RAISED


def annotate_call(error: BaseException, session: Session, items: Items, start: Start) -> None:
    """Note on an exception which stage raised it, and for which item."""
    plan = session.plan
    annotate(error, plan.order[start.step], plan.calls[start.step], session.columns.values)
    if start.item >= 0 and sys.version_info >= (3, 11):
        error.add_note(f"stagekit: item {start.item} of {items.count(start.step)}")
