"""``Ledger``: what the workers of a run share, whether threads, branches of a loop, or pool slots.

One thread owns the run: it receives the messages that anybody may post, tells hooks, and closes the
run. Transitions are made here under a lock, by whoever ended a step. Loops that must be fast make
those of plain success themselves.
"""

from __future__ import annotations

import sys
from heapq import heappop, heappush, heappushpop
from threading import Lock
from typing import TYPE_CHECKING, Any, Callable, List, Optional, Union

from stagekit._base.promise import check_value
from stagekit._run.state.columns import RUNNING

if TYPE_CHECKING:
    from stagekit._run.session import Session

# A step that has ended, ~step where it has started, or something to be done.
Message = Union[int, Callable[[], None]]


class Ledger:
    """The shared state of one run.

    Args:
        session: the run.
        post: brings a message to the thread that owns the run, where ``receive`` is called.

    Attributes:
        leaves: how many steps without children have not ended; with the last one the run is done.
        is_closed: nothing new starts.
        is_over: and nothing runs.
        is_abandoned: what still runs has been given up.
        crash: a defect of ours that ended the run.
        wake_async: called when an async step has become ready.
    """

    def __init__(self, session: Session, post: Callable[[Message], object]) -> None:
        self.session = session
        self.post = post
        self.lock = Lock()
        self.heap = session.scheduler.heaps[0]
        self.leaves = session.plan.children.count(())
        self.is_closed = False
        self.is_over = False
        self.is_abandoned = False
        self.crash: Optional[BaseException] = None
        self.wake_async: Callable[[], None] = _nothing
        # Operations on the heaps, which several threads may make at once.
        self.push, self.pop, self.pushpop = heappush, heappop, heappushpop
        if not has_gil():
            self.push = _locked(self.lock, heappush)
            self.pop = _locked(self.lock, heappop)
            self.pushpop = _locked(self.lock, heappushpop)

    def open(self) -> None:
        """Begin with what is ready."""
        if not self.leaves:
            self.close()

    def close(self) -> None:
        """Start nothing new. On the owner's thread."""
        self.is_closed = self.is_over = True

    def abandon(self) -> None:
        """Give up on what still runs. On the owner's thread."""
        with self.lock:
            self.is_closed = self.is_abandoned = self.is_over = True

    def join(self) -> None:
        """Wait for what runs, without reading messages."""

    def call(self) -> None:
        """Have ready plain steps started, of which there may be some."""

    def receive(self, message: Message) -> None:
        """Do what a message says. On the owner's thread."""
        if not isinstance(message, int):
            message()
            return
        hooks = self.session.hooks
        assert hooks is not None  # noqa: S101 - steps are posted for them only
        if message >= 0:
            hooks.stage(message)
        else:
            hooks.begin(~message)

    def crashed(self, error: BaseException) -> None:
        """End the run because of a defect of ours. On the owner's thread."""
        self.crash = self.crash or error
        self.close()

    def check(self) -> None:
        """Raise the defect that ended the run, if one did."""
        if self.crash is not None:
            raise self.crash

    def began(self, step: int, worker: int, now: int) -> None:
        """Record that a step starts now."""
        columns = self.session.columns
        self.session.scheduler.status[step] = RUNNING
        assert columns.starts is not None  # noqa: S101 - a scheduler has all columns
        assert columns.workers is not None  # noqa: S101
        columns.starts[step] = now
        columns.workers[step] = worker
        if self.session.hooks is not None:
            self.post(~step)

    def returned(self, step: int, value: Any) -> None:  # Any: whatever a stage returns
        """Record what a stage returned, or that it is not what it promised."""
        scheduler = self.session.scheduler
        try:
            check_value(value, self.session.plan.calls[step][4])
        except Exception as error:  # noqa: BLE001 - the stage's error
            self.raised(step, error)
            return
        with self.lock:
            if self.is_abandoned:
                return
            known = len(scheduler.settled)
            scheduler.succeed(step, value)
            skipped = scheduler.settled[known:]
        self._follow([step, *skipped])

    def raised(self, step: int, error: BaseException) -> None:
        """Record what a stage raised; it may stop the run."""
        scheduler = self.session.scheduler
        with self.lock:
            if self.is_abandoned:
                return
            known = len(scheduler.settled)
            self.session.settle(step, error)
            skipped = scheduler.settled[known:]
            is_stopped = scheduler.is_stopped
            if is_stopped:
                self.is_closed = True
        self._follow([step, *skipped])
        if is_stopped:
            self.post(self.close)

    def cancelled(self, step: int, error: Optional[BaseException]) -> None:
        """Record that a stage was ended because the run stopped."""
        with self.lock:
            if not self.is_abandoned:
                self.session.cancelled(step, error)
        if self.session.hooks is not None:
            self.post(step)

    def release(self, child: int) -> None:
        """Have a step start whose parents have all ended, or skip it because of them."""
        scheduler = self.session.scheduler
        with self.lock:
            known = len(scheduler.settled)
            ready = [child] if scheduler.admit(child) else scheduler.after(child)
            for each in ready:
                heappush(scheduler.heaps[scheduler.lane_of[each]], scheduler.rank[each])
            skipped = scheduler.settled[known:]
        self._follow(skipped)

    def leaf_ended(self, count: int = 1) -> None:
        """Count leaves that have ended; with the last one the run is done."""
        with self.lock:
            self.leaves -= count
            is_last = not self.leaves
        if is_last:
            self.post(self.close)

    def _follow(self, ended: List[int]) -> None:
        if self.session.hooks is not None:
            for step in ended:
                self.post(step)
        children = self.session.plan.children
        leaves = sum([not children[step] for step in ended])
        if leaves:
            self.leaf_ended(leaves)
        if self.heap:
            self.call()
        if len(self.session.scheduler.heaps) > 1:
            self.wake_async()


def has_gil() -> bool:
    """Tell whether one operation on a list of integers is atomic."""
    is_enabled = getattr(sys, "_is_gil_enabled", None)  # from 3.13 on
    return is_enabled is None or bool(is_enabled())


def _locked(lock: Lock, operation: Callable[..., Any]) -> Callable[..., Any]:
    # Any: heappush, heappop and heappushpop differ in what they take and give
    def call(*args: Any) -> Any:
        with lock:
            return operation(*args)

    return call


def _nothing() -> None:
    """Do nothing."""
