"""Plain calls of a managed run: stages, or items of stages, that follow one another in one place.

Where a stage has no policy but where it is carried out, and for which items, a call that has
returned has nothing to be judged, awaited or told about beyond what an engine of plain runs does.
So its worker makes the transition itself, under the lock of the state, and goes on with the next
plain call. The owner of the run is called for what remains.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any, Callable, Dict, Optional, Tuple

from stagekit._base.promise import check_value
from stagekit._run.attempt import arguments, invoke
from stagekit._run.backends.job import NEXT, Job
from stagekit._run.backends.jobs import of_attempt
from stagekit._run.guards.log_context import bind

if TYPE_CHECKING:
    from contextvars import Context
    from threading import Lock

    from stagekit._base.cancel import CancelToken
    from stagekit._plan.plan import Plan
    from stagekit._run.backends.placement import Lanes
    from stagekit._run.interrupts import Gate
    from stagekit._run.map_items import Items
    from stagekit._run.session import Session
    from stagekit._run.state.actions import Start
    from stagekit._run.state.run_state import RunState

# Any: values of stages
_NOTHING: Dict[str, Any] = {}
RESTED = object()  # what a stride returns when its last value has been taken in


class Stride(Job):
    """A plain call, and those that follow it.

    Attributes:
        step: the stage that is called at the moment.
        item: the index of the item that it is called for, or -1.
        since: when that was begun, or sent.
        lane: where it is called.
        number: of the worker.
    """

    __slots__ = ("item", "lane", "number", "since", "step", "strides")

    def __init__(
        self, strides: Strides, start: Start, *, token: CancelToken, name: str, number: int
    ) -> None:
        nothing: Any = None  # each of its calls has its own function, arguments and context
        super().__init__(
            start.ticket,
            nothing,
            (),
            {},
            promise=0,
            context=nothing,
            token=token,
            tell=nothing,
            name=name,
        )
        self.step = start.step
        self.item = start.item
        self.since = 0
        self.lane = start.lane
        self.number = number
        self.strides = strides

    def call(self) -> Any:
        """Make one call after another; raises what the last one raises.

        Raises:
            StageCancelledError: it is to end before it has begun.
        """
        self.token.raise_if_cancelled()
        try:
            return self.strides.walk(self)
        except BaseException:
            self.raised()
            raise

    def prepare(self) -> None:
        """Have function, arguments and context of the call at hand."""
        self.strides.prepare(self)

    def returned(self, value: Any, ahead: int) -> Any:
        """Become the next call, or rest."""
        if self.token.is_cancelled:
            return value
        return NEXT if self.strides.follow(self, value, ahead) else RESTED

    def began(self, now: int) -> int:
        """Return when the call that ends *now* has begun: it may have been sent ahead."""
        return self.since if self.took is None else max(self.since, now - self.took)

    def raised(self) -> bool:
        """Have nothing follow any more, where that is what the failure of the stage means."""
        return self.strides.halt(self.step)


class Strides:
    """What the strides of one run share.

    Args:
        session: the run.
        state: makes the transitions.
        items: what stages are called for.
        now: tells the time.
        lock: guards the state.
        call: has the owner of the run do what has become possible.
        tell: has hooks told.
        gate: where the owner makes the calls itself: when Ctrl-C may come.
        must_end: where the owner makes the calls itself: whether it has other things to do.
    """

    def __init__(  # noqa: PLR0913 - by keyword, what it needs of the owner
        self,
        session: Session,
        state: RunState,
        items: Items,
        *,
        now: Callable[[], int],
        lock: Lock,
        call: Callable[[], object],
        tell: Callable[[], object],
        gate: Optional[Gate],
        must_end: Callable[[], bool],
    ) -> None:
        self._session = session
        self._columns = session.columns
        self._starts = session.columns.starts or []
        self._workers = session.columns.workers or []
        self._state = state
        self._items = items
        self._now = now
        self._lock = lock
        self._call = call
        self._tell = tell
        self._gate = gate
        self._must_end = must_end

    def walk(self, job: Stride) -> Any:
        """Make one call after another; return ``RESTED``, or a value that is to be taken in."""
        session, gate, token = self._session, self._gate, job.token
        calls, copy, values = session.plan.calls, session.context.copy, session.columns.values
        is_logged = "loguru" in sys.modules
        while True:
            context = copy()
            if is_logged:
                self._bind(context, job)
            call = calls[job.step]
            fn: Any = invoke
            args: Tuple[Any, ...] = (call, values)
            kwargs = _NOTHING
            if job.item >= 0:
                fn, args, kwargs = self._call_of_item(job)
            if gate is None:
                value = context.run(fn, *args, **kwargs)
            else:
                gate.open()
                value = context.run(fn, *args, **kwargs)
                gate.shut()
            if call[4] and (value is None or call[4] > 1):
                check_value(value, call[4])
            if token.is_cancelled or (gate is not None and self._must_end()):
                return value
            if not self.follow(job, value):
                return RESTED
            del value, args, kwargs

    def follow(self, job: Stride, value: Any, ahead: int = 0) -> bool:
        """Take in what a call has returned; tell whether the job has become the next one.

        Args:
            job: the call.
            value: what it has returned.
            ahead: how many calls are taken where it was made ahead of their turn.
        """
        state, columns, now = self._state, self._columns, self._now()
        is_called_for = False
        with self._lock:
            columns.ends[job.step] = now
            if job.item >= 0:
                self._record(job, now)
            elif job.took is not None:
                self._starts[job.step] = max(self._starts[job.step], now - job.took)
            state.widen(job.lane, ahead)
            call = state.go_on(job.ticket, value, now)
            if call is not None:
                job.step, job.item, job.since = call.step, call.item, now
                job.took = None
                if job.item < 1:
                    self._starts[job.step], self._workers[job.step] = now, job.number
                is_called_for = state.needs_coordinator
        if is_called_for:
            self._call()
        if call is not None and self._session.hooks is not None:
            self._tell()
        return call is not None

    def _record(self, job: Stride, now: int) -> None:
        """Keep what is known of an item; not if the call was given up on."""
        if job.ticket in self._state.running:
            row = (job.item, 1, job.began(now), now, job.name, None)
            self._columns.attempts.setdefault(job.step, []).append(row)

    def halt(self, step: int) -> bool:
        """Have no call follow another if the failure of a stage stops the run; tell whether."""
        with self._lock:
            return self._state.halt(step)

    def prepare(self, job: Stride) -> None:
        """Have function, arguments and context at hand, for who makes the call elsewhere."""
        session, call = self._session, self._session.plan.calls[job.step]
        if job.item < 0:
            fn, job.args, job.kwargs = arguments(call, session.columns.values)
            job.fn = of_attempt(fn, 1)
        else:
            job.fn, job.args, job.kwargs = self._call_of_item(job)
        job.promise = call[4]
        job.context = session.context  # nobody enters it: it is sent
        if "loguru" in sys.modules:
            job.context = job.context.copy()
            self._bind(job.context, job)

    def _call_of_item(self, job: Stride) -> Tuple[Any, Tuple[Any, ...], Dict[str, Any]]:
        session = self._session
        fn, args, kwargs = arguments(session.plan.calls[job.step], session.columns.values)
        return (
            of_attempt(fn, 1, job.item),
            *self._items.of(job.step, job.item, args, kwargs),
        )

    def _bind(self, context: Context, job: Stride) -> None:
        words: Dict[str, Any] = {"stage": self._session.plan.order[job.step], "attempt": 1}
        if job.item >= 0:
            words["item"] = job.item
        bind(context, **words)


def plain_steps(plan: Plan, lanes: Lanes) -> bytearray:
    """Return for each step whether it may be part of a stride: 1 or 0.

    Nothing was said of it but where it is carried out, and for which items, and it asks for nothing
    that is made afresh for it; what carries it out says itself that it can go on, and its arguments
    are in this process.
    """
    found = bytearray(len(plan))
    if not lanes.keeps_values:
        for step, lane in enumerate(lanes.of_step):
            policy = plan.policies.get(step)
            is_simple = policy is None or (policy.is_plain and not plan.is_async[step])
            # An owner that has others to listen to makes its own calls one by one, and one that
            # makes all calls but some is told of each of those.
            is_near = lanes.is_inline == lanes.is_owners(lane)
            is_simple = is_simple and is_near and step not in plan.per_attempt
            found[step] = is_simple and lanes.carriers[lane].walks
    return found
