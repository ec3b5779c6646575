"""Carriers within this process: the calling thread, threads, and pools."""

from __future__ import annotations

from functools import partial
from queue import SimpleQueue
from threading import Lock, Thread
from time import perf_counter_ns
from typing import TYPE_CHECKING, Any, Callable, Dict, List, Optional, Set

from stagekit._base.promise import check_value
from stagekit._run.backends.job import NEXT
from stagekit._run.backends.prefetch import Pace
from stagekit._run.state.actions import WithdrawnError

if TYPE_CHECKING:
    from stagekit._base.ports import Future, Pool
    from stagekit._run.backends.job import Job, Post
    from stagekit._run.interrupts import Gate


class Here:
    """The calling thread: one call after another, each to its end."""

    name = "inline"
    capacity = 1
    can_kill = False
    reasks = False
    walks = True
    recalls = False
    queues = False
    ahead = 0

    def __init__(self, post: Post, gate: Gate) -> None:
        self._post = post
        self._gate = gate

    def start(self, job: Job) -> None:
        """Make the call."""
        gate = self._gate
        try:
            try:
                gate.open()
                value = job.call()
            finally:
                gate.shut()
        except BaseException as error:  # noqa: BLE001 - judged by the owner
            self._post(job.ticket, None, error)
        else:
            self._post(job.ticket, value, None)
        finally:
            gate.leave()

    def stop(self, ticket: int, *, force: bool) -> None:
        """Do nothing: the call is over before anybody can ask."""

    def recall(self) -> None:
        """Do nothing, as above."""

    def abandon(self, ticket: int) -> None:
        """Do nothing, as above."""

    def close(self) -> None:
        """Do nothing: there is nothing to let go of."""


class Threads:
    """Daemon threads, started as they are needed; what was abandoned is never waited for."""

    name = "threads"
    can_kill = False
    reasks = False
    walks = True
    recalls = False
    queues = False
    ahead = 0

    def __init__(self, post: Post, capacity: int) -> None:
        self.capacity = capacity
        self._post = post
        self._jobs: SimpleQueue[Optional[Job]] = SimpleQueue()
        self._lock = Lock()
        self._idle = 0  # threads that wait, less the jobs that wait for them
        self._threads: List[Thread] = []
        self._at_work: Dict[int, Thread] = {}
        self._abandoned: Set[Thread] = set()
        self._never: Set[int] = set()  # tickets given up on before a thread took them

    def start(self, job: Job) -> None:
        """Hand a call to a thread that waits, or to a new one."""
        self._jobs.put(job)
        with self._lock:
            self._idle -= 1
            needs_more = self._idle < 0
            if needs_more:
                self._idle += 1
        if needs_more:
            name = f"stagekit-{len(self._threads) + 1}"
            thread = Thread(target=self._work, name=name, daemon=True)
            self._threads.append(thread)
            thread.start()

    def stop(self, ticket: int, *, force: bool) -> None:
        """Do nothing: a thread cannot be ended; its token has been cancelled."""

    def recall(self) -> None:
        """Do nothing: threads take calls at once."""

    def abandon(self, ticket: int) -> None:
        """Wait no longer for the thread of a call; one that no thread has taken is not made."""
        with self._lock:
            thread = self._at_work.get(ticket)
            if thread is None:
                self._never.add(ticket)
            else:
                self._abandoned.add(thread)

    def close(self) -> None:
        """Send the threads home, and wait for those that go."""
        for _ in self._threads:
            self._jobs.put(None)
        for thread in self._threads:
            if thread not in self._abandoned:
                thread.join()

    def _takes(self, job: Job, thread: Thread) -> bool:
        """Note that a thread takes a call, unless that has been given up on."""
        with self._lock:
            if job.ticket in self._never:
                self._idle += 1
                return False
            self._at_work[job.ticket] = thread
            return True

    def _work(self) -> None:
        from threading import current_thread

        thread = current_thread()
        while True:
            job = self._jobs.get()
            if job is None:
                return
            if not self._takes(job, thread):
                continue
            error: Optional[BaseException] = None
            value: Any = None
            try:
                value = job.call()
            except BaseException as found:  # noqa: BLE001 - judged by the owner
                error = found
            with self._lock:
                del self._at_work[job.ticket]
                self._abandoned.discard(thread)
                self._idle += 1
            ticket = job.ticket
            del job
            self._post(ticket, value, error)
            del value, error


class Batch:
    """Calls of one run, which a pool takes back together.

    Attributes:
        is_recalled: they are not to begin any more. Guarded by the pool.
    """

    __slots__ = ("is_recalled",)

    def __init__(self) -> None:
        self.is_recalled = False


class Pooled:
    """Anything with ``submit``; what more a pool can do is used where it is there."""

    reasks = False
    queues = True

    def __init__(self, post: Post, pool: Pool, name: str, capacity: int) -> None:
        self.ahead = 0
        self._pace = Pace(capacity, getattr(pool, "ahead_ns", 0))
        self.name = name
        self.capacity = capacity
        self.can_kill = bool(getattr(pool, "can_stop", False))
        self._keeps_values = bool(getattr(pool, "keeps_values", False))
        self._post = post
        self._pool = pool
        self._submit: Optional[Callable[..., Future]] = getattr(pool, "submit_call", None)
        self._pending: Optional[Callable[..., Any]] = getattr(pool, "pending", None)
        self._recall: Optional[Callable[[Batch], object]] = getattr(pool, "recall", None)
        self._batch = Batch()
        self._futures: Dict[int, Future] = {}
        self.walks = self._submit is not None and not self._keeps_values
        self.recalls = self._recall is not None

    def start(self, job: Job) -> None:
        """Submit the call."""
        batch = self._batch  # first, see recall()
        if job.token.is_cancelled:
            self._post(job.ticket, None, WithdrawnError(job.token.reason))
        else:
            self._start(job, batch)

    def recall(self) -> None:
        """Take back what has not begun.

        Who starts a call takes its batch first, then asks whether it is still wanted. So it finds
        out, or the call is of a batch that is recalled here.
        """
        if self._recall is not None:
            batch, self._batch = self._batch, Batch()
            self._recall(batch)
            return
        for future in tuple(self._futures.values()):
            future.cancel()

    def stop(self, ticket: int, *, force: bool) -> None:
        """Take the call back where it has not begun; end it where the pool can."""
        future = self._futures.get(ticket)
        if future is None:
            return
        if not future.cancel() and self.can_kill:
            self._pool.stop(future, force=force)  # type: ignore[attr-defined]  # pyright: ignore[reportAttributeAccessIssue, reportUnknownMemberType]  # it can

    def abandon(self, ticket: int) -> None:
        """Leave the call to the pool."""
        self._futures.pop(ticket, None)

    def close(self) -> None:
        """Do nothing: who made the pool closes it."""

    def _start(self, job: Job, batch: Batch) -> None:
        try:
            job.prepare()
            if not self._keeps_values and job.has_handles():
                job.fetch()
            if self._pending is not None:  # it tells how long a call took
                future = self._pending(partial(self._done, job, 0, 1.0))
                self._futures[job.ticket] = future  # before it may have ended
                self._call(job, future=future, batch=batch)
                return
            more: Dict[str, Any] = {}
            if self._keeps_values:
                more = {"again": job.again, "together": self.ahead > 0}
            future = self._call(job, **more)
        except Exception as error:  # noqa: BLE001 - of the pool, or of what cannot be sent
            self._futures.pop(job.ticket, None)
            self._post(job.ticket, None, error)
            return
        self._futures[job.ticket] = future
        share = min(1.0, self.capacity / len(self._futures))
        future.add_done_callback(partial(self._done, job, perf_counter_ns(), share))

    def _call(self, job: Job, **more: Any) -> Future:
        if self._submit is None:
            from stagekit._run.driver import Sent

            future: Future = self._pool.submit(
                Sent(job.fn, job.kwargs, job.context, job.begun), *job.args
            )
            return future
        if job.begun is not None:
            more["begun"] = job.begun
        return self._submit(
            job.fn,
            job.args,
            job.kwargs,
            context=job.context,
            promise=job.promise,
            tell=job.told,
            **more,
        )

    def _done(self, job: Job, sent: int, share: float, future: Future) -> None:
        if job.progress is not None:
            job.flush()
        if job.ticket not in self._futures:
            return
        batch = self._batch  # before it is asked what follows, see recall()
        self._note(job, sent, share, future)
        try:
            value = future.result()
            if self._submit is None:  # else it has been checked where it was made
                check_value(value, job.promise)
            value = job.returned(value, self.ahead)
        except BaseException as error:  # noqa: BLE001 - judged by the owner
            if self._futures.pop(job.ticket, None) is not None:
                is_withdrawn = getattr(future, "cancelled", bool)()
                end = WithdrawnError(job.token.reason) if is_withdrawn else error
                self._post(job.ticket, None, end)
                if not is_withdrawn and job.raised():
                    self.recall()
            return
        if value is NEXT:
            self._start(job, batch)
            if job.token.is_cancelled:  # the owner may have asked the call before to end
                self.stop(job.ticket, force=False)
        elif self._futures.pop(job.ticket, None) is not None:
            self._post(job.ticket, value, None)

    def _note(self, job: Job, sent: int, share: float, future: Future) -> None:
        """Take notice of how long a call took."""
        took: Optional[int] = getattr(future, "took", None)
        if took is None and sent:  # about the same, where each has waited for those before it
            took = int((perf_counter_ns() - sent) * share)
        job.took = took if self.ahead else None
        if took is not None:
            self.ahead = self._pace.ahead(took)
