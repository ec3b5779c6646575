"""The calls in flight: what is made for each, who makes it, since when, and how it ends."""

from __future__ import annotations

from heapq import heappop, heappush
from typing import TYPE_CHECKING, Any, Callable, Dict, List, NamedTuple, Optional, Tuple

from stagekit._base.cancel import CancelToken
from stagekit._base.logger import Logger
from stagekit._base.progress import Progress
from stagekit._base.text import note
from stagekit._run.attempt import annotate, arguments, is_broken_promise, of_attempt
from stagekit._run.backends.job import Job
from stagekit._run.guards.log_context import bind
from stagekit._run.state.actions import Start, WithdrawnError
from stagekit._run.state.columns import BAD_VALUE, CRASHED, INTERRUPTED, RAISED, worker_name
from stagekit._run.worker_loop import ChainedCall
from stagekit.errors import StageCancelledError, WorkerDiedError

if TYPE_CHECKING:
    from stagekit._plan.slots import Call as PlannedCall
    from stagekit._run.backends.placement import Placement
    from stagekit._run.map_items import MapItems
    from stagekit._run.notify import Said
    from stagekit._run.session import Session


class Numbers:
    """The numbers of the workers of each lane: small, and taken up again."""

    def __init__(self, lanes: int) -> None:
        self._free: List[List[int]] = [[] for _ in range(lanes)]
        self._given = [0] * lanes

    def take(self, lane: int) -> int:
        """Return the smallest number that no worker of a lane has at the moment."""
        free = self._free[lane]
        if free:
            return heappop(free)
        self._given[lane] += 1
        return self._given[lane]

    def give_back(self, lane: int, number: int) -> None:
        """Have a number taken up again."""
        heappush(self._free[lane], number)


def job_of(
    session: Session,
    items: MapItems,
    start: Start,
    name: str,
    *,
    token: CancelToken,
    tell: Callable[[Said], object],
) -> Job:
    """Return the job of one attempt.

    Args:
        session: the run.
        items: the lists that ``Each`` stages take items of.
        start: which stage, item and attempt.
        name: of the worker.
        token: cancelled when this attempt is to end.
        tell: takes what the attempt says of its progress, on any thread.
    """
    plan, step = session.plan, start.step
    if start.item >= 0:
        fn, args, kwargs = items.call(step, start.item, start.attempt)
    else:
        fn, args, kwargs = arguments(plan.calls[step], session.columns.values)
        fn = of_attempt(fn, start.attempt)

    def said(done: Optional[float], total: Optional[float], note: Optional[str]) -> None:
        tell((done, total, note))

    fresh = plan.per_attempt.get(step, ())
    progress: Optional[Progress] = None
    if fresh:
        progress = Progress(said)
        logger = _logger(session, step, attempt=start.attempt, item=start.item)
        made: Dict[type, Any] = {CancelToken: token, Progress: progress, type(logger): logger}
        places, kwargs = list(args), dict(kwargs)
        for place, cls in fresh:
            if isinstance(place, int):
                places[place] = made[cls]
            else:
                kwargs[place] = made[cls]
        args = tuple(places)
    context = session.context.copy()
    words: Dict[str, Any] = {"stage": plan.order[step], "attempt": start.attempt}
    if start.item >= 0:
        words["item"] = start.item
    bind(context, **words)
    job = Job(
        start.ticket,
        fn,
        args,
        kwargs,
        promise=plan.calls[step][4],
        context=context,
        token=token,
        tell=said,
        name=name,
        progress=progress,
        step=step,
    )
    policy = plan.policies.get(step)
    job.again = policy is not None and policy.retry is not None
    return job


def _logger(session: Session, step: int, *, attempt: int = 0, item: int = -1) -> Any:
    """Return what a call logs with that has asked for it."""
    words: Dict[str, Any] = {"run": session.settings.info.id, "stage": session.plan.order[step]}
    if attempt:
        words["attempt"] = attempt
    if item >= 0:
        words["item"] = item
    kind: Any = Logger  # as it is when it runs
    return kind(**words)


def undo_job(session: Session, ticket: int, step: int, undo: PlannedCall) -> Job:
    """Return the job of the compensation of a stage."""
    fn, args, kwargs = arguments(undo, session.columns.values)
    logger = _logger(session, step)
    args = tuple([logger if type(each) is type(logger) else each for each in args])
    kwargs = {n: logger if type(each) is type(logger) else each for n, each in kwargs.items()}
    context = session.context.copy()
    bind(context, stage=session.plan.order[step])
    return Job(
        ticket,
        fn,
        args,
        kwargs,
        promise=0,
        context=context,
        token=CancelToken(),
        tell=_nobody,
        name="undo",
    )


def _nobody(*_: object) -> None:
    """Take what a compensation says of its progress."""


OTHERS = 1_000_000  # from here on the numbers of workers of another executor than the run's


class Call(NamedTuple):
    """One attempt under way: what the machine has asked for, what backends got, and when."""

    start: Start
    job: Job
    since: int


class InFlight:
    """The calls that backends have, by ticket.

    Args:
        session: the run.
        lanes: what carries calls out.
        now: gives the time.
    """

    def __init__(self, session: Session, placement: Placement, now: Callable[[], int]) -> None:
        self._session = session
        self._placement = placement
        self._now = now
        self._calls: Dict[int, Tuple[Call, int]] = {}
        self._numbers = Numbers(len(placement.backends))
        self._workers: Dict[Tuple[int, int], Tuple[int, str]] = {}

    def begin(self, start: Start, make: Callable[[Start, str, int], Job]) -> Call:
        """Note that a call begins now; *make* makes its job, given name and number of a worker."""
        columns, now = self._session.columns, self._now()
        slot = self._numbers.take(start.lane)
        number, name = self._worker(start.lane, slot)
        if start.is_first and columns.starts is not None and columns.workers is not None:
            columns.starts[start.step], columns.workers[start.step] = now, number
        job = make(start, name, number)
        if isinstance(job, ChainedCall):
            job.since = now
        call = Call(start, job, now)
        self._calls[start.ticket] = call, slot
        return call

    def _worker(self, lane: int, slot: int) -> Tuple[int, str]:
        """Return number and name of a worker; the numbers of other executors lie far above."""
        found = self._workers.get((lane, slot))
        if found is None:
            executor = self._session.settings.info.executor
            number, name = self._placement.worker(lane, slot)
            if worker_name(number, executor, {}) != name:
                number += (lane + 1) * OTHERS
                self._session.columns.names[number] = name
            found = self._workers[lane, slot] = number, name
        return found

    def find(self, ticket: int) -> Optional[Call]:
        """Return a call that is under way, as it has begun."""
        found = self._calls.get(ticket)
        return None if found is None else found[0]

    def take(self, ticket: int) -> Optional[Call]:
        """Take out a call that has ended; None for one that was given up on.

        Of a chain it is the last call.
        """
        found = self._calls.pop(ticket, None)
        if found is None:
            return None
        call, slot = found
        start, job = call.start, call.job
        self._numbers.give_back(start.lane, slot)
        starts = self._session.columns.starts
        assert starts is not None  # noqa: S101 - a scheduler has all columns
        if isinstance(job, ChainedCall):
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


def annotate_call(error: BaseException, session: Session, items: MapItems, start: Start) -> None:
    """Note on an exception which stage raised it, and for which item."""
    plan = session.plan
    annotate(error, plan.order[start.step], plan.calls[start.step], session.columns.values)
    if start.item >= 0:
        note(error, f"stagekit: {items.text(start.step, start.item)}")
