"""The worker loop: calls that follow one another in one place, made by whoever made the one before.

Where a call has returned, and only its failure would need the coordinator, its worker makes the
transition itself, under the lock of the state, and goes on with the next such call. The owner of
the run is called for what remains.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Callable, Dict, Optional, Protocol, Tuple

from stagekit._base.promise import COROUTINE, check_value
from stagekit._run.attempt import arguments, invoke, of_attempt
from stagekit._run.backends.job import CHAINED, Job
from stagekit._run.guards.log_context import bind, is_wanted

if TYPE_CHECKING:
    from contextvars import Context
    from threading import Lock

    from stagekit._base.cancel import CancelToken
    from stagekit._plan.plan import Plan
    from stagekit._run.backends.placement import Placement
    from stagekit._run.interrupts import Gate
    from stagekit._run.map_items import MapItems
    from stagekit._run.session import Session
    from stagekit._run.state.actions import Start
    from stagekit._run.state.run_state import RunState

# Any: values of stages
_NOTHING: Dict[str, Any] = {}
CHAIN_DONE = object()  # what a chain returns when its last value has been taken in


class Owner(Protocol):
    """What the worker loop asks of the coordinator."""

    def call_owner(self) -> None:
        """Have the owner do what has become possible; on any thread."""

    def crashed(self, error: BaseException) -> None:
        """Have the owner end the run because of a defect of ours; on any thread."""

    def has_mail(self) -> object:
        """Tell whether messages wait for the owner, who may make the calls of a chain itself."""


class ChainedCall(Job):
    """A plain call, and those that follow it.

    Attributes:
        item: the index of the item that it is called for, or -1.
        since: when that was begun, or sent.
        lane: where it is called.
        number: of the worker.
        is_owners: the thread that owns the run makes it.
    """

    __slots__ = ("is_owners", "item", "lane", "loop", "number", "since")

    def __init__(
        self,
        loop: WorkerLoop,
        start: Start,
        *,
        token: CancelToken,
        name: str,
        number: int,
        is_owners: bool,
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
            step=start.step,
        )
        self.item = start.item
        self.since = 0
        self.lane = start.lane
        self.number = number
        self.is_owners = is_owners
        self.loop = loop

    def call(self) -> Any:
        """Make one call after another; raises what the last one raises.

        Raises:
            StageCancelledError: it is to end before it has begun.
        """
        self.token.raise_if_cancelled()
        try:
            return self.loop.walk(self)
        except BaseException:
            self.raised()
            raise

    def prepare(self) -> None:
        """Have function, arguments and context of the call at hand."""
        self.loop.prepare(self)

    def returned(self, value: Any, ahead: int) -> Any:
        """Become the next call, or end the chain."""
        if self.token.is_cancelled:
            return value
        return CHAINED if self.loop.follow(self, value, ahead) else CHAIN_DONE

    def began(self, now: int) -> int:
        """Return when the call that ends *now* has begun: it may have been sent ahead."""
        return self.since if self.took is None else max(self.since, now - self.took)

    def raised(self) -> bool:
        """Have nothing follow any more, where that is what the failure of the stage means."""
        return self.loop.halt(self.step)


class WorkerLoop:
    """What the chains of one run share.

    Args:
        session: the run.
        state: makes the transitions.
        items: what stages are called for.
        lock: guards the state.
        now: reads the clock of the run.
        owner: the coordinator.
        gate: where the owner makes the calls itself: when Ctrl-C may come.
    """

    def __init__(  # noqa: PLR0913 - by keyword
        self,
        session: Session,
        state: RunState,
        items: MapItems,
        *,
        lock: Lock,
        now: Callable[[], int],
        owner: Owner,
        gate: Optional[Gate],
    ) -> None:
        self._session = session
        self._columns = session.columns
        self._hooks = session.hooks
        self._starts = session.columns.starts or []
        self._workers = session.columns.workers or []
        self._state = state
        self._running = state.running
        self._items = items
        self._now = now
        self._lock = lock
        self._owner = owner
        self._gate = gate

    def walk(self, job: ChainedCall) -> Any:
        """Make one call after another; return ``CHAIN_DONE``, or a value that is to be taken in."""
        session = self._session
        gate = self._gate if job.is_owners else None
        timers, has_mail, now = self._state.agenda.timers, self._owner.has_mail, self._now
        calls, copy, values = session.plan.calls, session.context.copy, session.columns.values
        call_of, is_logged = self._items.call, is_wanted()
        while True:
            context = copy()
            if is_logged:
                self._bind(context, job)
            call = calls[job.step]
            fn: Any = invoke
            args: Tuple[Any, ...] = (call, values)
            kwargs = _NOTHING
            if job.item >= 0:
                fn, args, kwargs = call_of(job.step, job.item)
            if gate is None:
                value = context.run(fn, *args, **kwargs)
            else:
                gate.is_open = True  # it is used, for calls that follow one another
                if gate.is_asked_for:
                    gate.open()
                value = context.run(fn, *args, **kwargs)
                gate.is_open = False
            if value is None or type(value) is COROUTINE or call[4] > 1:
                check_value(value, call[4])
            if gate is not None and (  # the owner has other things to do
                gate.is_asked_for or has_mail() or (timers and timers[0][0] <= now())
            ):
                return value
            if not self.follow(job, value):
                return CHAIN_DONE
            del value, args, kwargs

    def follow(self, job: ChainedCall, value: Any, ahead: int = 0) -> bool:
        """Take in what a call has returned; tell whether the job has become the next one.

        Args:
            job: the call.
            value: what it has returned.
            ahead: how many calls are taken where it was made ahead of their turn.
        """
        state, starts = self._state, self._starts
        try:
            now = self._now()
            with self._lock:
                self._columns.ends[job.step] = now
                if job.item >= 0:
                    if job.ticket in self._running:  # else it was given up on
                        since = job.since if job.took is None else job.began(now)
                        row = (job.item, 1, since, now, job.name, None)
                        self._columns.attempts.setdefault(job.step, []).append(row)
                elif job.took is not None:
                    starts[job.step] = max(starts[job.step], now - job.took)
                is_ahead = ahead or state.queue.extra[job.lane]
                if is_ahead:
                    state.widen(job.lane, ahead)
                is_next = job.item >= 0 and state.goes_on_with_item(job.ticket, value, now)
                call = self._running[job.ticket] if is_next else state.go_on(job.ticket, value, now)
                if call is None:
                    return False
                job.step, job.item, job.since, job.took = call.step, call.item, now, None
                if job.item < 1:
                    starts[job.step], self._workers[job.step] = now, job.number
                is_called_for = (is_ahead or not is_next) and state.needs_coordinator
            if self._hooks is not None:
                if job.is_owners:
                    self._hooks.tell()
                else:
                    is_called_for = True
            if is_called_for:
                self._owner.call_owner()
        except BaseException as error:  # noqa: BLE001 - a defect of ours, no error of the stage
            self._owner.crashed(error)
            return False
        return True

    def halt(self, step: int) -> bool:
        """Have no call follow another if the failure of a stage stops the run; tell whether."""
        with self._lock:
            return self._state.halt(step)

    def prepare(self, job: ChainedCall) -> None:
        """Have function, arguments and context at hand, for who makes the call elsewhere."""
        session, call = self._session, self._session.plan.calls[job.step]
        if job.item < 0:
            fn, job.args, job.kwargs = arguments(call, session.columns.values)
            job.fn = of_attempt(fn, 1)
        else:
            job.fn, job.args, job.kwargs = self._items.call(job.step, job.item)
        policy = session.plan.policies.get(job.step)
        job.again = policy is not None and policy.retry is not None
        job.promise = call[4]
        job.context = session.context  # nobody enters it: it is sent
        if is_wanted():
            job.context = job.context.copy()
            self._bind(job.context, job)

    def _bind(self, context: Context, job: ChainedCall) -> None:
        words: Dict[str, Any] = {"stage": self._session.plan.order[job.step], "attempt": 1}
        if job.item >= 0:
            words["item"] = job.item
        bind(context, **words)


def chained_steps(plan: Plan, placement: Placement, *, one_by_one: bool) -> bytearray:
    """Return for each step whether its call may follow another one in its place: 1 or 0.

    Only its failure then needs the coordinator: it has no time limit, no slots, and nothing that is
    made anew for each attempt. Its backend must be able to go on by itself, and no argument that it
    calls with here may be a handle. An owner that has others to listen to makes its own calls one
    by one, and so does everybody where each is decided about, or measured.
    """
    if one_by_one:
        return bytearray(len(plan))
    lanes, tasks = placement.of_step, [each.name == "asyncio" for each in placement.backends]
    can_chain = [
        backend.walks and (placement.is_inline or not placement.is_owners(lane))
        for lane, backend in enumerate(placement.backends)
    ]
    found = bytearray([can_chain[lane] for lane in lanes])
    for step, policy in plan.policies.items():
        is_simple = policy.timeout is None and not policy.slots and policy.kind == "call"
        if not is_simple or plan.is_async[step] != tasks[lanes[step]]:
            found[step] = 0
    for step in plan.per_attempt:
        found[step] = 0
    for step in range(len(plan)) if placement.has_handles else ():
        is_here = not placement.backend_of(step).queues
        if is_here and any(map(placement.may_be_handle, plan.parents[step])):
            found[step] = 0
    return found
