"""Making jobs: the arguments of one attempt, with what is made afresh for each."""

from __future__ import annotations

from heapq import heappop, heappush
from typing import TYPE_CHECKING, Any, Callable, Dict, List, Optional, Tuple

from stagekit._base.cancel import CancelToken
from stagekit._base.progress import Progress
from stagekit._run.attempt import arguments
from stagekit._run.backends.job import Job
from stagekit._run.guards.log_context import bind

if TYPE_CHECKING:
    from stagekit._plan.slots import Call
    from stagekit._run.map_items import Items
    from stagekit._run.session import Session
    from stagekit._run.state.actions import Start

# What a stage says of its progress: done, total, note.
Said = Tuple[Optional[float], Optional[float], Optional[str]]


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


def of_attempt(fn: Any, attempt: int, item: int = -1) -> Any:
    """Return the function of one attempt, where there is one of its own: see testing.Chaos."""
    for_attempt: Any = getattr(fn, "for_attempt", None)
    if for_attempt is None or not hasattr(fn.__class__, "for_attempt"):
        return fn
    return for_attempt(attempt, None if item < 0 else item)


def job_of(
    session: Session,
    items: Items,
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
    fn, args, kwargs = arguments(plan.calls[step], session.columns.values)
    if start.item >= 0:
        args, kwargs = items.of(step, start.item, args, kwargs)
    fn = of_attempt(fn, start.attempt, start.item)

    def said(done: Optional[float], total: Optional[float], note: Optional[str]) -> None:
        tell((done, total, note))

    fresh = plan.per_attempt.get(step, ())
    progress: Optional[Progress] = None
    if fresh:
        progress = Progress(said)
        made: Dict[type, Any] = {CancelToken: token, Progress: progress}
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
    )
    policy = plan.policies.get(step)
    job.again = policy is not None and policy.retry is not None
    return job


def undo_job(session: Session, ticket: int, step: int, undo: Call) -> Job:
    """Return the job of the compensation of a stage."""
    fn, args, kwargs = arguments(undo, session.columns.values)
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
