"""Transitions of a simple run, made straight on its columns and heaps by whoever ended a step.

Valid where no stage has a policy and nobody decides or bounds the run: see ``is_simple``.
The loops of ``threads.py`` and ``loop.py`` make the transitions of plain success themselves; what
is left is here. One thread owns the run: it reads messages, and closes the run.
"""

from __future__ import annotations

import sys
from functools import partial
from heapq import heappop, heappush, heappushpop
from threading import Lock
from time import perf_counter_ns
from typing import TYPE_CHECKING, Any, Callable, List, Optional

from stagekit._run.state.agenda import SECOND

if TYPE_CHECKING:
    from stagekit._run.mailbox import Message
    from stagekit._run.session import Session


class Direct:
    """The shared state of a simple run.

    Args:
        session: the run.
        post: brings a message to the thread that owns the run.

    Attributes:
        decided: what hooks are to be notified of: see ``Notifier``; None without hooks.
        is_called: the owner is about to notify them.
        leaves: how many steps without children have not ended; with the last one the run is done.
        is_closed: nothing new starts.
        is_over: and nothing runs.
        is_abandoned: what still runs has been given up on.
    """

    def __init__(self, session: Session, post: Callable[[Message], object]) -> None:
        self.session = session
        self.post = post
        self.lock = Lock()
        self.heap = session.scheduler.heap
        self.decided: Optional[List[int]] = None
        self.is_called = False
        if session.hooks is not None:
            self.decided = session.hooks.decided
            session.hooks.interrupted = partial(self.cancel, "interrupted")
        self.leaves = session.plan.children.count(())
        self.is_closed = False
        self.is_over = False
        self.is_abandoned = False
        self._is_cancelled = False
        self._give_up_at: Optional[int] = None
        self._crash: Optional[BaseException] = None
        # Operations on the heap, which several threads may make at once.
        self.push, self.pop, self.pushpop = heappush, heappop, heappushpop
        if not has_gil():
            self.push = _locked(self.lock, heappush)
            self.pop = _locked(self.lock, heappop)
            self.pushpop = _locked(self.lock, heappushpop)

    # What the run loop calls, on the owner's thread.

    def open(self) -> None:
        """Begin with what is ready."""
        if not self.leaves:
            self.stop()

    def tick(self) -> None:
        """Give up on what runs, where the grace of a cancelled run is over."""
        if self._give_up_at is not None and perf_counter_ns() >= self._give_up_at:
            self._give_up_at = None
            if not self.is_over:
                self.abandon()

    def patience(self) -> Optional[float]:
        """Return for how many seconds there is nothing to do but to wait for messages."""
        if self._give_up_at is None:
            return None
        return max(0, self._give_up_at - perf_counter_ns()) / SECOND

    def cancel(self, why: str, error: Optional[KeyboardInterrupt] = None) -> None:
        """Cancel the run; a second time, wait no longer."""
        self.session.columns.why = self.session.columns.why or why
        is_first, self._is_cancelled = not self._is_cancelled, True
        self.session.interrupt(error)
        if is_first:
            self.stop()
        else:
            self.abandon()

    def close(self) -> None:
        """Raise the defect that ended the run, if one did."""
        hooks = self.session.hooks
        if hooks is not None:
            hooks.tell()
            hooks.interrupted = None
        if self._crash is not None:
            raise self._crash

    def stop(self) -> None:
        """Start nothing new; what runs has the grace to end where the run is cancelled."""
        self.is_closed = True
        if self.session.cancels and self._give_up_at is None:
            self._give_up_at = perf_counter_ns() + int(self.session.settings.grace * SECOND)

    def abandon(self) -> None:
        """Give up on what still runs."""
        with self.lock:
            self.is_closed = self.is_abandoned = self.is_over = True

    def crashed(self, error: BaseException) -> None:
        """End the run because of a defect of ours."""
        self._crash = self._crash or error
        self.stop()

    def _tell(self) -> None:
        """Notify hooks of what has been decided, and done."""
        self.is_called = False
        hooks = self.session.hooks
        assert hooks is not None  # noqa: S101 - or nobody asks for it
        with self.lock:
            count = len(hooks.decided)
        hooks.tell(count)

    # What those call that make the calls of stages, on any thread.

    def notify(self) -> None:
        """Have the owner notify hooks."""
        if not self.is_called:
            self.is_called = True
            self.post(self._tell)

    def _decide(self, step: int) -> None:
        """Note that a step ends; under the lock, before others can follow from it."""
        if self.decided is not None:
            self.decided.append(step)

    def wake(self) -> None:
        """Have ready steps started, of which there may be some."""

    def returned(self, step: int, value: Any) -> None:  # Any: whatever a stage returns
        """Record what a stage returned, which is what it promised."""
        scheduler = self.session.scheduler
        with self.lock:
            if self.is_abandoned:
                return
            known = len(scheduler.settled)
            self._decide(step)
            scheduler.succeed(step, value)
            skipped = self._skipped(known)
        self._follow([step, *skipped])

    def raised(self, step: int, error: BaseException) -> None:
        """Record what a stage raised; it may stop the run."""
        scheduler = self.session.scheduler
        with self.lock:
            if self.is_abandoned:
                return
            known = len(scheduler.settled)
            self._decide(step)
            self.session.settle(step, error)
            skipped = self._skipped(known)
            is_stopped = scheduler.is_stopped
            if is_stopped:
                self.is_closed = True
        self._follow([step, *skipped])
        if is_stopped:
            self.post(self.stop)

    def cancelled(self, step: int, error: Optional[BaseException]) -> None:
        """Record that a stage was ended because the run stopped."""
        with self.lock:
            if not self.is_abandoned:
                self._decide(step)
                self.session.cancelled(step, error)

    def release(self, child: int) -> None:
        """Have a step start whose parents have all ended, or skip it because of them."""
        scheduler = self.session.scheduler
        with self.lock:
            known = len(scheduler.settled)
            ready = [child] if scheduler.admit(child) else scheduler.after(child)
            for each in ready:
                heappush(self.heap, scheduler.rank[each])
            skipped = self._skipped(known)
        self._follow(skipped)

    def leaf_ended(self, count: int = 1) -> None:
        """Count leaves that have ended; with the last one the run is done."""
        with self.lock:
            self.leaves -= count
            is_last = not self.leaves
        if is_last:
            self.post(self.stop)

    def _skipped(self, known: int) -> List[int]:
        """Return the steps that have been skipped but for those *known*."""
        found = self.session.scheduler.settled[known:]
        if self.decided is not None:
            self.decided += found
            self.notify()
        return found

    def _follow(self, ended: List[int]) -> None:
        children = self.session.plan.children
        leaves = sum([not children[step] for step in ended])
        if leaves:
            self.leaf_ended(leaves)
        if self.heap:
            self.wake()


def has_gil() -> bool:
    """Return whether one operation on a list of integers is atomic."""
    is_enabled = getattr(sys, "_is_gil_enabled", None)  # from 3.13 on
    return is_enabled is None or bool(is_enabled())


def _locked(lock: Lock, operation: Callable[..., Any]) -> Callable[..., Any]:
    # Any: heappush, heappop and heappushpop differ in what they take and give
    def call(*args: Any) -> Any:
        with lock:
            return operation(*args)

    return call
