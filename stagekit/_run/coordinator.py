"""The conductor of a managed run: carries out what the machine asks for, on its carriers.

Everything here happens on the thread that owns the run. Carriers post how calls ended; between two
messages the conductor asks the clock.
"""

from __future__ import annotations

from functools import partial
from threading import Lock
from typing import TYPE_CHECKING, Any, Callable, List, Optional, Sequence

from stagekit._base.awaited import Awaited
from stagekit._base.cancel import CancelToken
from stagekit._run.attempt import cut
from stagekit._run.backends.job import Job, fetched, is_remote
from stagekit._run.backends.jobs import Said, job_of
from stagekit._run.backends.placement import Lanes, limits_of
from stagekit._run.compensation import Undoing
from stagekit._run.drawn import jitter
from stagekit._run.in_flight import UnderWay, annotate_call, how_ended
from stagekit._run.map_items import Items
from stagekit._run.resources import Openings
from stagekit._run.state.actions import (
    Abandon,
    AbandonClosing,
    Action,
    Close,
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
from stagekit._run.state.columns import RAISED, SUCCEEDED, WAITING
from stagekit._run.state.run_state import RunState
from stagekit._run.telling import Telling
from stagekit._run.worker_loop import RESTED, Stride, Strides, plain_steps

if TYPE_CHECKING:
    from stagekit._run.clock import Clock
    from stagekit._run.session import Session
    from stagekit._run.settings import RunSettings

Message = Callable[[], None]


class Conductor:
    """One managed run.

    Args:
        session: the run; its scheduler has one lane.
        settings: of the run.
        make_lanes: makes what carries stages out, given how ends are posted.
        post: brings a message to the owner's thread, where it is called.
        has_mail: whether there are messages that have not been called.
        clock: tells the time.
    """

    def __init__(
        self,
        session: Session,
        settings: RunSettings,
        make_lanes: Callable[[Callable[[int, Any, Optional[BaseException]], object]], Lanes],
        post: Callable[[Message], object],
        has_mail: Callable[[], int],
        clock: Clock,
    ) -> None:
        self.session = session
        self.clock = clock
        if settings.clock is not None:
            session.keep_time(clock.now)
        self.post = post
        self._has_mail = has_mail
        self._lock = Lock()  # of the state, and of what only its transitions change
        self.lanes = make_lanes(self._post_end)
        self.token = CancelToken() if settings.cancel is None else settings.cancel.child()
        self.settings = settings
        plan = session.plan
        self.state = RunState(
            session.scheduler,
            plan.policies,
            self.lanes.of_step,
            limits_of(settings, self.lanes, clock.now()),
            on_failure=session.settings.on_failure,
            chance=jitter(settings.seed),
            chains=plain_steps(plan, self.lanes),
        )
        self._is_called = False
        self.items = Items(plan, session.columns)
        self._under_way = UnderWay(session, self.lanes, clock.now)
        self._openings = Openings(plan, self.lanes, self._post_end, post)
        self._undoing = Undoing(session, self.state, self.lanes, settings, clock.now, self._let_go)
        self._telling = Telling(session, self.state, self.lanes, self.items, self._lock)
        is_inline = self.lanes.is_inline
        self._strides = Strides(
            session,
            self.state,
            self.items,
            now=clock.now,
            lock=self._lock,
            call=self._call,
            tell=self._telling.ends if is_inline else self._call,
            gate=self.lanes.gate if is_inline else None,
            must_end=self._must_end_stride,
        )
        if session.hooks is not None:
            session.hooks.interrupted = self._interrupted_by_hook
        self._leave = self.token.on_cancel(self._cancelled)

    # What the owner's loop calls.

    def open(self) -> None:
        """Begin."""
        self.heed()
        with self._lock:
            actions = self.state.begin(self.clock.now())
        self._obey(actions)

    def heed(self) -> None:
        """Cancel the run where the caller's token says so, and that has not been noticed yet."""
        if self.token.is_cancelled and not self.state.cancelled:
            self.cancel(self.token.reason or "cancelled")

    def tick(self) -> None:
        """Do what is due by now."""
        self.heed()
        self._undoing.tick()
        due = self.state.next_time
        if due is not None and due <= self.clock.now():
            with self._lock:
                actions = self.state.tick(self.clock.now())
            self._obey(actions)

    def patience(self) -> Optional[float]:
        """Return for how many seconds there is nothing to do but to wait for messages.

        Where only time can bring the run on, the clock may skip it.
        """
        times = [each for each in (self.state.next_time, self._undoing.due) if each is not None]
        due = min(times, default=None)
        if due is None:
            return None
        is_idle = self.state.is_backing_off or self._undoing.is_backing_off
        if is_idle and self.clock.skip_to(due):
            return 0.0
        return max(0, due - self.clock.now()) / SECOND

    def cancel(self, why: str = "cancelled", error: Optional[KeyboardInterrupt] = None) -> None:
        """Cancel the run; a second time, wait no longer."""
        session = self.session
        is_first = not self.state.cancelled
        with self._lock:
            session.interrupt(error)
            now = self.clock.now()
            actions = self.state.cancel(now, why) if is_first else self.state.hurry(now)
        self._obey(actions)
        if not is_first:
            self._undoing.hurry()

    def _interrupted_by_hook(self, error: KeyboardInterrupt) -> None:
        """Cancel the run once what is being done is done: hooks are told in the middle of it."""
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
        if not is_over:
            return False
        if self.state.resources.holds and not self._undoing.has_begun:
            self._undoing.begin()
        return not self.state.resources.holds and self.state.is_over

    def close(self) -> None:
        """Let go of the carriers, and skip what nobody needed."""
        scheduler = self.session.scheduler
        self.state.abandoned += self._openings.wait(self.settings.grace)
        self._bring_home()
        self.lanes.close()
        self._leave()
        for step in self.state.resources.unwanted():
            if scheduler.status[step] == WAITING and not scheduler.is_stopped:
                scheduler.skip_unneeded(step)
        self.session.tell_settled()
        if self.session.hooks is not None:
            self.session.hooks.interrupted = None
        columns = self.session.columns
        columns.why = self.state.cancelled
        columns.abandoned = tuple(self.state.abandoned)
        columns.leaked = self.state.resources.left_open

    def _bring_home(self) -> None:
        """Fetch what the run was for, as pools made for it are closed after it.

        Values that other stages have taken stay where they are, and go with the pool.
        """
        plan, values = self.session.plan, self.session.columns.values
        if not self.lanes.keeps_values:
            return
        for step, children in enumerate(plan.children):
            slot = plan.constants + step
            if not children and is_remote(values[slot]):
                values[slot] = fetched(values[slot])

    # Doing what the state asks for.

    def _obey(self, actions: Sequence[Action]) -> None:
        pending = list(actions)
        while True:
            for action in pending:
                if isinstance(action, Stop):
                    self._stop(action)
                elif isinstance(action, Abandon):
                    self._abandon(action)
                elif isinstance(action, Recall):
                    self._recall()
            self._telling.ends()  # before those are told that start because of them
            if not pending:
                break
            more: List[Action] = []
            for action in pending:
                more += self._do(action)
            pending = more

    def _do(self, action: Action) -> Sequence[Action]:
        if isinstance(action, Start):
            self._start(action)
        elif isinstance(action, Expand):
            return self._expand(action.step)
        elif isinstance(action, StopClosing):
            self._openings.stop_closing(action.step)
        elif isinstance(action, AbandonClosing):
            self._openings.abandon_closing(action.step)
        elif isinstance(action, Close):
            self._close(action.step)
        elif isinstance(action, Retrying):
            self._telling.retry(action)
        return ()

    def _expand(self, step: int) -> Sequence[Action]:
        shape, error = self.items.expand(step)
        now = self.clock.now()
        self.session.columns.ends[step] = now  # of a stage that is called for no item
        with self._lock:
            return self.state.expanded(step, shape, None if error is None else cut(error), now)

    def _start(self, start: Start) -> None:
        call = self._under_way.begin(start, self._job)
        if start.is_first or (start.attempt > 1 and start.item < 0):
            self.session.told_start(start.step, start.attempt, call.job.name, call.since)
        policy = self.state.policies.get(start.step)
        if policy is not None and policy.timeout is not None:
            self._time(call.job, start.lane)
        if call.job.token.is_cancelled:
            self._post_end(start.ticket, None, WithdrawnError(call.job.token.reason))
        elif isinstance(start, Open):
            self._openings.open(start.step, call.job)
        else:
            self.lanes.carriers[start.lane].start(call.job)

    def _time(self, job: Job, lane: int) -> None:
        """Have the time limit of a call count from when it begins."""

        def began(at: int) -> None:
            with self._lock:
                self.state.began(job.ticket, at)

        def begun() -> None:
            self.post(partial(began, self.clock.now()))

        if self.lanes.carriers[lane].queues:
            job.begun = begun
        else:
            began(self.clock.now())

    def _job(self, start: Start, name: str, number: int) -> Job:
        ticket, token = start.ticket, self.token.child()
        if self.state.chains[start.step]:
            return Stride(self._strides, start, token=token, name=name, number=number)

        def tell(said: Said) -> None:
            self.post(lambda: self._progress(ticket, said))

        job = job_of(self.session, self.items, start, name, token=token, tell=tell)
        if self.lanes.is_awaited_there(start.step, start.lane):
            job.fn = Awaited(job.fn)
        return job

    def _let_go(self) -> None:
        with self._lock:
            actions = self.state.let_go(self.clock.now())
        self._obey(actions)

    def _stop(self, stop: Stop) -> None:
        call = self._under_way.find(stop.ticket)
        if call is None:
            return
        if not call.job.token.is_cancelled:
            call.job.token.cancel(stop.why)
        self.lanes.carriers[call.start.lane].stop(stop.ticket, force=stop.force)

    def _cancelled(self) -> None:
        """Have nothing begin any more, even before the owner knows; on any thread."""
        for carrier in self.lanes.carriers:
            if carrier.recalls:
                carrier.recall()

    def _recall(self) -> None:
        for carrier in self.lanes.carriers:
            carrier.recall()

    def _abandon(self, abandon: Abandon) -> None:
        call = self._under_way.take(abandon.ticket)
        assert call is not None  # noqa: S101 - the state knows what runs
        self.lanes.carriers[call.start.lane].abandon(abandon.ticket)
        if isinstance(call.start, Open):
            self._openings.abandon(call.start.step)
        self._under_way.record(call, abandon.error)

    def _close(self, step: int) -> None:
        def closed(error: Optional[BaseException]) -> None:
            with self._lock:
                actions = self.state.closed(step, error, self.clock.now())
            self._obey(actions)

        self._openings.close(step, closed)

    # What carriers post.

    def _post_end(self, ticket: int, value: Any, error: Optional[BaseException]) -> None:
        self.post(lambda: self._ended(ticket, value, error))

    def _ended(self, ticket: int, value: Any, error: Optional[BaseException]) -> None:
        if ticket < 0:
            self._undoing.ended(ticket, error)
            return
        self.heed()
        call = self._under_way.take(ticket)
        if call is None:
            return  # was given up on
        if value is RESTED:
            self._proceed()
            return
        start = call.start
        how = RAISED if error is None else how_ended(cut(error), call.job)
        if error is not None and how == RAISED:
            annotate_call(error, self.session, self.items, start)
        if isinstance(error, KeyboardInterrupt):  # first of all, so that nothing starts after it
            with self._lock:
                self.session.interrupt(error)
                actions = self.state.cancel(self.clock.now(), "interrupted")
            self._obey(actions)
        with self._lock:
            self.state.widen(start.lane, self.lanes.carriers[start.lane].ahead)
            took = self.clock.now() - call.since if self.lanes.is_owners(start.lane) else 0
            ended = self.state.judged(ticket, Ended(value, error, how), took)
        del value
        self._under_way.record(call, ended.error)
        with self._lock:
            actions = self.state.ended(ticket, ended, self.clock.now())
        if isinstance(start, Open) and self.session.scheduler.status[start.step] != SUCCEEDED:
            (self._openings.too_late if error is None else self._openings.failed)(start.step)
        self._obey(actions)

    def _progress(self, ticket: int, said: Said) -> None:
        call = self._under_way.find(ticket)
        if call is not None:
            self._telling.progress(call.start, said)

    # Strides.

    def _call(self) -> None:
        """Have the owner proceed; on any thread."""
        if not self._is_called:
            self._is_called = True
            self.post(self._proceed)

    def _proceed(self) -> None:
        self._is_called = False
        with self._lock:
            actions = self.state.proceed(self.clock.now())
        self._obey(actions)

    def _must_end_stride(self) -> bool:
        """Whether the owner, who makes the calls of a stride itself, has other things to do."""
        timers = self.state.agenda.timers
        is_due = bool(timers) and timers[0][0] <= self.clock.now()
        return is_due or self.lanes.gate.is_asked_for or bool(self._has_mail())
