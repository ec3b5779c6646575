"""The coordinator: does what the state of a run asks for, on the backends that make its calls.

Everything here happens on the thread that owns the run. Backends post how calls ended; between two
messages the run loop asks for what is due.
"""

from __future__ import annotations

from collections import deque
from functools import partial
from threading import Lock
from typing import TYPE_CHECKING, Any, Deque, List, Optional, Sequence, Union

from stagekit._base.cancel import CancelToken
from stagekit._base.handles import Awaited, fetched, is_remote, opened
from stagekit._run.attempt import cut
from stagekit._run.backends.job import Job
from stagekit._run.backends.placement import Placement, limits_of
from stagekit._run.clock import Clock, SystemClock
from stagekit._run.compensation import Compensation
from stagekit._run.drawn import jitter
from stagekit._run.in_flight import InFlight, annotate_call, how_ended, job_of
from stagekit._run.map_items import MapItems
from stagekit._run.resources import Resources
from stagekit._run.state.actions import (
    Abandon,
    AbandonClosing,
    Action,
    Close,
    Decide,
    Ended,
    Expand,
    Open,
    Recall,
    Retrying,
    Start,
    Stop,
    StopClosing,
    WithdrawnError,
)
from stagekit._run.state.agenda import SECOND
from stagekit._run.state.columns import DECIDER_FAILED, RAISED, SUCCEEDED
from stagekit._run.state.run_state import RunState
from stagekit._run.worker_loop import CHAIN_DONE, ChainedCall, WorkerLoop, chained_steps

if TYPE_CHECKING:
    import asyncio

    from stagekit._run.deciding import Deciding
    from stagekit._run.in_flight import Call
    from stagekit._run.interrupts import Gate
    from stagekit._run.loop_mailbox import LoopMailbox
    from stagekit._run.mailbox import Mailbox
    from stagekit._run.notify import Said
    from stagekit._run.session import Session


_URGENT = (Stop, Abandon, Recall)  # done before anything else


class Coordinator:
    """One run that is not simple.

    Args:
        session: the run.
        mailbox: what backends post is read from it, on the owner's thread.
        gate: opened for calls in the owner's thread.
        loop: the loop that the owner runs on; None where it is a thread that waits.
    """

    def __init__(
        self,
        session: Session,
        mailbox: Union[Mailbox, LoopMailbox],
        gate: Gate,
        loop: Optional[asyncio.AbstractEventLoop] = None,
    ) -> None:
        self.session = session
        settings = self.settings = session.settings
        plan = session.plan
        self.clock: Clock = SystemClock() if settings.clock is None else settings.clock
        if settings.clock is not None:
            session.keep_time(self.clock.now)
        self.mailbox = mailbox
        self.post = mailbox.post
        self.has_mail = mailbox.count
        self._lock = Lock()  # of the state, and of what only its transitions change
        self.token = CancelToken() if settings.cancel is None else settings.cancel.child()
        self.placement = Placement(
            plan, settings, session.mode, self._post_end, loop, gate, more=self.call_owner
        )
        one_by_one = settings.decider is not None or bool(settings.measure)
        self.state = RunState(
            session.scheduler,
            plan.policies,
            self.placement.of_step,
            limits_of(settings, self.placement, self.clock.now()),
            on_failure=settings.on_failure,
            chance=jitter(settings.seed),
            chains=chained_steps(plan, self.placement, one_by_one=one_by_one),
            decides=settings.decider is not None,
        )
        if settings.kept is not None:
            from stagekit._run.state.keeping import Keeping

            waits = settings.rollback is not None
            self.state.keeping = Keeping(plan, session.columns, settings.kept, waits=waits)
        self._pending: Deque[Action] = deque()
        self._is_called = False
        self._is_cancelled = False
        self.items = MapItems(plan, session.columns)
        self._deciding: Optional[Deciding] = None
        if settings.decider is not None:
            from stagekit._run.deciding import Deciding

            self._deciding = Deciding(settings.decider, session, self.items)
        self._in_flight = InFlight(session, self.placement, self.clock.now)
        self._resources = Resources(
            session,
            self.placement,
            post_end=self._post_end,
            post=self.post,
            now=self.clock.now,
        )
        self._compensation = Compensation(
            session, self.state, self.placement, self.clock.now, self._let_go
        )
        self._worker_loop = WorkerLoop(
            session,
            self.state,
            self.items,
            lock=self._lock,
            now=self.clock.now,
            owner=self,
            gate=gate if self.placement.is_inline else None,
        )
        self._hooks = session.hooks
        if self._hooks is not None:
            self._hooks.decided = self.state.decided
            self._hooks.items = self.items.count
            self._hooks.interrupted = self._interrupted_by_hook
        self._ways_back = [
            self.token.on_cancel(self._cancelled),
            self.clock.watch(lambda: self.post(_look)),
        ]
        if settings.cancel is not None:
            self._ways_back.append(settings.cancel.on_cancel(lambda: self.post(self.heed)))

    # What the run loop calls.

    def open(self) -> None:
        """Begin."""
        self.heed()
        with self._lock:
            self._widen()
            actions = self.state.begin(self.clock.now())
        self._do_all(actions)

    def heed(self) -> None:
        """Cancel the run where the caller's token says so, and that has not been noticed yet."""
        if self.token.is_cancelled and not self.state.cancelled:
            self.cancel(self.token.reason or "cancelled")

    def tick(self) -> None:
        """Do what is due by now."""
        self.heed()
        self._compensation.tick()
        self.state.abandoned += self._resources.give_up_late()
        due = self.state.next_time
        if due is not None and due <= self.clock.now():
            with self._lock:
                actions = self.state.tick(self.clock.now())
            self._do_all(actions)

    def patience(self) -> Optional[float]:
        """Return for how many seconds there is nothing to do but to wait for messages.

        Where only time can bring the run on, the clock may skip it.
        """
        times = (self.state.next_time, self._compensation.due, self._resources.due)
        due = min([time for time in times if time is not None], default=None)
        if due is None:
            return None
        is_idle = self.state.is_backing_off or self._compensation.is_backing_off
        if is_idle and self.clock.skip_to(due):
            return 0.0
        return max(0, due - self.clock.now()) / SECOND

    def cancel(self, why: str, error: Optional[KeyboardInterrupt] = None) -> None:
        """Cancel the run; a second time, wait no longer."""
        session = self.session
        is_first, self._is_cancelled = not (self._is_cancelled or self.state.cancelled), True
        with self._lock:
            session.interrupt(error)
            now = self.clock.now()
            actions = self.state.cancel(now, why) if is_first else self.state.hurry(now)
        self._do_all(actions)
        if not is_first:
            self._compensation.hurry()

    def _interrupted_by_hook(self, error: KeyboardInterrupt) -> None:
        """Cancel the run once what is being done is done: a hook runs in the middle of it."""
        with self._lock:
            self.session.interrupt(error)
        if self.token.is_cancelled:
            self.post(lambda: self.cancel("interrupted", error))
        else:
            self.token.cancel("interrupted")  # nothing begins before that is noticed
            self.post(self.heed)

    @property
    def is_over(self) -> bool:
        """Whether nothing is left to do; where stages are to be undone, that begins here."""
        with self._lock:
            is_over = self.state.is_over
        if not is_over or self._resources.due is not None:
            return False
        if self.state.resources.holds and not self._compensation.has_begun:
            self._compensation.begin()
        return not self.state.resources.holds and self.state.is_over and self._resources.due is None

    def close(self) -> None:
        """Close the backends and pools, and skip what nobody needed."""
        try:
            self._close_all()
        finally:
            for way_back in self._ways_back:
                way_back()
            self.placement.close_pools()
            if self._hooks is not None:
                self._hooks.interrupted = None

    def _close_all(self) -> None:
        state, columns = self.state, self.session.columns
        self._resources.leak()
        self._fetch_results()
        if state.keeping is not None:
            state.keeping.finish()
        self.placement.close()
        state.skip_unneeded()
        self._notify()  # of calls whose workers have made the last transition themselves
        columns.why = state.cancelled
        columns.abandoned = tuple(state.abandoned)
        columns.leaked = state.resources.left_open

    def _fetch_results(self) -> None:
        """Fetch what the run was for, as pools made for it are closed after it.

        Values that other stages have taken stay where they are, and go with the pool.
        """
        plan, values = self.session.plan, self.session.columns.values
        kept = self.settings.kept
        if not self.placement.has_handles:
            return
        for step, children in enumerate(plan.children):
            slot = plan.constants + step
            is_result = not children if kept is None else step in kept
            if is_result and is_remote(values[slot]):
                values[slot] = fetched(values[slot])

    # Doing what the state asks for.

    def _do_all(self, actions: Sequence[Action]) -> None:
        pending = self._pending  # some are left where Ctrl-C has come in between
        pending.extend(actions)
        while True:
            urgent = [action for action in pending if isinstance(action, _URGENT)]
            if urgent:
                rest = [action for action in pending if not isinstance(action, _URGENT)]
                pending.clear()
                pending.extend(rest)
                for action in urgent:
                    self._do_urgent(action)
            self._notify()  # of ends, before the starts that follow from them
            if not pending:
                break
            more: List[Action] = []
            while pending:
                more += self._do(pending.popleft())
            pending.extend(more)

    def _do_urgent(self, action: Action) -> None:
        if isinstance(action, Stop):
            self._stop(action)
        elif isinstance(action, Abandon):
            self._abandon(action)
        else:
            self._recall()

    def _do(self, action: Action) -> Sequence[Action]:
        if isinstance(action, Start):
            self._start(action)
        elif isinstance(action, Expand):
            return self._expand(action.step)
        elif isinstance(action, Decide):
            return self._decide(action.step, action.item)
        elif isinstance(action, StopClosing):
            self._resources.stop_closing(action.step)
        elif isinstance(action, AbandonClosing):
            self._resources.abandon_closing(action.step)
        elif isinstance(action, Close):
            self._close(action.step)
        elif isinstance(action, Retrying):
            self._retrying(action)
        return ()

    def _expand(self, step: int) -> Sequence[Action]:
        takes_handles = self.placement.backend_of(step).returns_handles
        shape, error = self.items.expand(step, opened if takes_handles else fetched)
        now = self.clock.now()
        self.session.columns.ends[step] = now  # of a stage that is called for no item
        with self._lock:
            return self.state.expanded(step, shape, None if error is None else cut(error), now)

    def _decide(self, step: int, item: int) -> Sequence[Action]:
        assert self._deciding is not None  # noqa: S101 - or nobody would ask
        answer = None
        try:
            if self.state.awaits(step, item):
                answer = self._deciding.before(step, item)
        except KeyboardInterrupt as error:
            return self._interrupt(error)
        now = self.clock.now()
        with self._lock:
            if answer is not None:  # the stage may end with it
                self.session.columns.ends[step] = now
            return self.state.answered(step, item, answer, now)

    def _interrupt(self, error: KeyboardInterrupt) -> Sequence[Action]:
        """Cancel the run as Ctrl-C does."""
        with self._lock:
            self.session.interrupt(error)
            return self.state.cancel(self.clock.now(), "interrupted")

    def _start(self, start: Start) -> None:
        call = self._in_flight.begin(start, self._job)
        if self._hooks is not None:
            if start.is_first:
                self.state.decided.append(~start.step)
                if start.leads:  # now that it starts, its first items have ended
                    ended = len(self.session.plan) + start.step
                    self.state.decided.extend([ended] * start.item)
                self._hooks.tell()
            elif start.attempt > 1 and start.item < 0:
                self._hooks.again(start.step, start.attempt, call.job.name, call.since)
        policy = self.state.policies.get(start.step)
        if policy is not None and policy.timeout is not None:
            self._time(call.job, start.lane)
        if call.job.token.is_cancelled:
            self._post_end(start.ticket, None, WithdrawnError(call.job.token.reason))
        elif isinstance(start, Open):
            self._resources.open(start.step, call.job, start.lane)
        else:
            self.placement.backends[start.lane].start(call.job)

    def _time(self, job: Job, lane: int) -> None:
        """Have the time limit of a call count from when it begins."""

        def began(at: int) -> None:
            with self._lock:
                self.state.began(job.ticket, at)

        def begun() -> None:
            self.post(partial(began, self.clock.now()))

        if self.placement.backends[lane].queues:
            job.begun = begun
        else:
            began(self.clock.now())

    def _job(self, start: Start, name: str, number: int) -> Job:
        ticket, token = start.ticket, self.token.child()
        if start.attempt == 1 and self.state.chains[start.step]:
            return ChainedCall(
                self._worker_loop,
                start,
                token=token,
                name=name,
                number=number,
                is_owners=self.placement.is_owners(start.lane),
            )

        def tell(said: Said) -> None:
            self.post(lambda: self._progress(ticket, said))

        job = job_of(self.session, self.items, start, name, token=token, tell=tell)
        if self.placement.is_awaited_there(start.step, start.lane):
            job.fn = Awaited(job.fn)
        if self.settings.measure:
            from stagekit._run.measuring import measure

            measure(self.session, job, start, self.placement.backends[start.lane])
        return job

    def _let_go(self) -> None:
        with self._lock:
            actions = self.state.let_go(self.clock.now())
        self._do_all(actions)

    def _stop(self, stop: Stop) -> None:
        call = self._in_flight.find(stop.ticket)
        if call is None:
            return
        if not call.job.token.is_cancelled:
            call.job.token.cancel(stop.why)
        self.placement.backends[call.start.lane].stop(stop.ticket, force=stop.force)

    def _cancelled(self) -> None:
        """Have nothing begin any more, even before the owner knows; on any thread."""
        self.state.is_halted = True
        for backend in self.placement.backends:
            if backend.recalls:
                backend.recall()

    def _recall(self) -> None:
        for backend in self.placement.backends:
            backend.recall()

    def _abandon(self, abandon: Abandon) -> None:
        call = self._in_flight.take(abandon.ticket)
        if call is None:  # Ctrl-C came while it was begun
            return
        self.placement.backends[call.start.lane].abandon(abandon.ticket)
        if isinstance(call.start, Open):
            self._resources.abandon(call.start.step)
        self._in_flight.record(call, abandon.error)

    def _close(self, step: int) -> None:
        def closed(error: Optional[BaseException]) -> None:
            with self._lock:
                actions = self.state.closed(step, error, self.clock.now())
            self._do_all(actions)

        self._resources.close(step, closed)

    # What backends post.

    def _post_end(self, ticket: int, value: Any, error: Optional[BaseException]) -> None:
        self.post(lambda: self._ended(ticket, value, error))

    def _ended(self, ticket: int, value: Any, error: Optional[BaseException]) -> None:
        if ticket < 0:
            self._compensation.ended(ticket, error)
            return
        self.heed()
        call = self._in_flight.take(ticket)
        if call is None:
            return  # was given up on
        if value is CHAIN_DONE:
            self._proceed()
            return
        start = call.start
        how = RAISED if error is None else how_ended(cut(error), call.job)
        if error is not None and how == RAISED:
            annotate_call(error, self.session, self.items, start)
        if isinstance(error, KeyboardInterrupt):  # first of all, so that nothing starts after it
            self._do_all(self._interrupt(error))
        now, failure = 0, error
        if self._deciding is not None and error is None:
            now = self.clock.now()
            failure = self._keep(call, value, now)
            how = how if failure is None else DECIDER_FAILED
        with self._lock:
            self.state.widen(start.lane, self.placement.backends[start.lane].ahead)
            now = now or self.clock.now()
            took = now - call.since if self.placement.is_owners(start.lane) else 0
            ended = self.state.judged(ticket, Ended(value, failure, how), took)
            del value
            self._in_flight.record(call, ended.error)
            actions = self.state.ended(ticket, ended, now)
        if isinstance(start, Open) and self.session.scheduler.status[start.step] != SUCCEEDED:
            (self._resources.too_late if error is None else self._resources.failed)(start.step)
        self._do_all(actions)

    def _keep(self, call: Call, value: Any, now: int) -> Optional[BaseException]:
        """Pass on to the decider what a call has returned in time; return what that fails with."""
        assert self._deciding is not None  # noqa: S101 - by the caller
        start = call.start
        took = now - call.since if self.placement.is_owners(start.lane) else 0
        with self._lock:
            ended = self.state.judged(start.ticket, Ended(value, None, RAISED), took)
        if ended.error is not None:
            return None
        try:
            return self._deciding.after(start.step, start.item, value)
        except KeyboardInterrupt as error:
            self._do_all(self._interrupt(error))
            return None

    def _progress(self, ticket: int, said: Said) -> None:
        call = self._in_flight.find(ticket)
        if call is not None and self._hooks is not None:
            start = call.start
            item = None if start.item < 0 else start.item
            self._hooks.progress(start.step, start.attempt, said, item)

    def _retrying(self, retrying: Retrying) -> None:
        if self._hooks is not None:
            item, delay = None if retrying.item < 0 else retrying.item, retrying.delay / SECOND
            self._hooks.retrying(retrying.step, retrying.attempt, delay, retrying.error, item)

    # What the worker loop asks.

    def call_owner(self) -> None:
        """Have the owner do what has become possible; on any thread."""
        if not self._is_called:
            self._is_called = True
            self.post(self._proceed)

    def _proceed(self) -> None:
        self._is_called = False
        self.heed()
        with self._lock:
            self._widen()
            actions = self.state.proceed(self.clock.now())
        self._do_all(actions)

    def _widen(self) -> None:
        for lane, backend in enumerate(self.placement.backends):
            self.state.widen(lane, backend.ahead)

    def _notify(self) -> None:
        """Notify hooks of what has been decided."""
        if self._hooks is not None:
            self._hooks.tell()

    def crashed(self, error: BaseException) -> None:
        """Have the run end because of a defect of ours; on any thread."""

        def crash() -> None:
            raise error

        self.post(crash)


def _look() -> None:
    """Do nothing: after any message the owner looks at the clock."""
