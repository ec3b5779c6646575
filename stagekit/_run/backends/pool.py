"""A pool as a backend: processes, Dask, anything with ``submit``."""

from __future__ import annotations

from functools import partial
from threading import get_ident
from typing import TYPE_CHECKING, Any, Callable, Dict, Optional, Sequence

from stagekit._base.handles import handles_in, is_handle
from stagekit._base.packed import aside
from stagekit._base.pool_call import Batch, PoolCall
from stagekit._run.backends.job import CHAINED
from stagekit._run.state.actions import WithdrawnError

if TYPE_CHECKING:
    from stagekit._base.ports import CallPool
    from stagekit._run.backends.job import Job, Post


class JobCall(PoolCall):
    """The call of a job, as its pool has it.

    Attributes:
        job: whose call it is.
        starter: the thread that is just handing it to the pool, or 0.
        ended_at_once: it has ended in that thread, before the pool had returned.
    """

    __slots__ = ("ended_at_once", "job", "starter")

    def __init__(self, job: Job, batch: Batch, on_end: Callable[[Any], object]) -> None:
        super().__init__(
            job.fn,
            job.args,
            job.kwargs,
            context=job.context,
            on_end=on_end,
            promise=job.promise,
            on_begin=job.begun,
            on_progress=None if job.progress is None else job.told,
            batch=batch,
            may_repeat=job.again,
        )
        self.job = job
        self.starter = get_ident()
        self.ended_at_once = False


class PoolBackend:
    """A ``CallPool``.

    Args:
        post: takes how calls ended.
        pool: makes the calls.
        name: of the executor.
        capacity: how many calls of the run it may carry out at once.
        stays: for each step, whether its value may stay a handle; else it is read as soon as it
            is in this process.
    """

    reasks = False
    queues = True
    walks = True

    def __init__(
        self, post: Post, pool: CallPool, name: str, capacity: int, stays: Sequence[int]
    ) -> None:
        self.ahead = 0
        self.name = name
        self.capacity = capacity
        self.can_kill = pool.can_stop
        self.recalls = pool.recalls_at_once
        self.returns_handles = pool.returns_handles
        self.is_elsewhere = pool.is_elsewhere
        self._workers = pool.workers
        self._post = post
        self._pool = pool
        self._stays = stays
        self._batch = Batch()
        self._calls: Dict[int, JobCall] = {}

    def start(self, job: Job) -> None:
        """Have the pool make the call."""
        self._start(job, self._batch)

    def recall(self) -> None:
        """Take back what has not begun.

        Who starts a call takes its batch first, then asks whether it is still wanted. So it finds
        out, or the call is of a batch that is recalled here.
        """
        batch, self._batch = self._batch, Batch()
        self._pool.recall(batch)

    def stop(self, ticket: int, *, force: bool) -> None:
        """Take the call back where it has not begun; end it where the pool can."""
        call = self._calls.get(ticket)
        if call is not None:
            self._pool.stop(call, force=force)

    def abandon(self, ticket: int) -> None:
        """Leave the call to the pool."""
        self._calls.pop(ticket, None)

    def close(self) -> None:
        """Do nothing: who made the pool closes it."""

    def _start(self, job: Job, batch: Optional[Batch], *, is_prepared: bool = False) -> None:
        """Have a call made, and the calls that its job becomes where each ends at once."""
        while batch is not None:
            if job.token.is_cancelled:
                self._over(job, None, WithdrawnError(job.token.reason))
                return
            try:
                if not is_prepared and not self._prepare(job, batch):
                    return
                is_prepared = False
                call = self._calls[job.ticket] = JobCall(job, batch, self._ended)
                self._pool.start_call(call)
            except BaseException as error:  # noqa: BLE001 - of the pool, or of what cannot be sent
                self._over(job, None, error)
                return
            call.starter = 0
            if not call.ended_at_once:
                if call.job.token.is_cancelled:  # the owner may have stopped the call before it
                    self.stop(job.ticket, force=False)
                return
            batch = self._take_in(call)

    def _prepare(self, job: Job, batch: Batch) -> bool:
        """Have the arguments at hand; False where some are fetched first, and it goes on then."""
        job.prepare()
        if not job.has_handles():
            return True
        values = (*job.args, *job.kwargs.values())
        if all(self._pool.takes(handle) for value in values for handle in handles_in(value)):
            return True
        aside(partial(self._fetch, job, batch))
        return False

    def _fetch(self, job: Job, batch: Batch) -> None:
        try:
            job.fetch()
        except BaseException as error:  # noqa: BLE001 - of a value that is lost, or cannot be read
            self._over(job, None, error)
        else:
            self._start(job, batch, is_prepared=True)

    def _ended(self, call: JobCall) -> None:
        if call.starter == get_ident():  # who has started it goes on, with no deeper stack
            call.ended_at_once = True
            return
        batch = self._take_in(call)
        if batch is not None:
            self._start(call.job, batch)

    def _take_in(self, call: JobCall) -> Optional[Batch]:
        """Take in how a call has ended; return the batch of what its job has become, or None.

        What goes wrong here ends the call: a pool's thread has nobody who would hear of it.
        """
        try:
            return self._taken_in(call.job, call)
        except BaseException as error:  # noqa: BLE001 - of the pool, or a defect of ours
            self._over(call.job, None, error)
            return None

    def _taken_in(self, job: Job, call: JobCall) -> Optional[Batch]:
        if job.progress is not None:
            job.flush()
        if self._calls.get(job.ticket) is not call:  # given up on
            return None
        batch = self._batch  # before it is asked what follows, see recall()
        self.ahead = self._wanted_ahead()
        job.took = call.took if self.ahead else None
        value, error = call.value, call.error
        if error is None and not call.is_withdrawn:
            if is_handle(value) and value.is_here and not self._stays[job.step]:
                aside(partial(self._read, job, batch, value))
                return None
            return self._returned(job, batch, value)
        self._over(job, None, WithdrawnError(job.token.reason) if error is None else error)
        if error is not None and job.raised():
            self.recall()
        return None

    def _wanted_ahead(self) -> int:
        """Return how many calls the pool wants ahead of their turn: none where the run has less."""
        extra = self._pool.capacity - self._workers
        return extra if extra > 0 and self.capacity >= self._workers else 0

    def _read(self, job: Job, batch: Batch, handle: Any) -> None:  # Any: a Handle
        try:
            value = handle.fetch()
        except BaseException as error:  # noqa: BLE001 - code of a user's class
            self._over(job, None, error)
            if job.raised():
                self.recall()
            return
        follows = self._returned(job, batch, value)
        if follows is not None:
            self._start(job, follows)

    def _returned(self, job: Job, batch: Batch, value: Any) -> Optional[Batch]:
        value = job.returned(value, self.ahead)
        if value is CHAINED:
            return batch
        self._over(job, value, None)
        return None

    def _over(self, job: Job, value: Any, error: Optional[BaseException]) -> None:
        self._calls.pop(job.ticket, None)
        self._post(job.ticket, value, error)
