"""A pool as a backend: processes, Dask, anything with ``submit``."""

from __future__ import annotations

from functools import partial
from time import perf_counter_ns
from typing import TYPE_CHECKING, Any, Callable, Dict, Optional, Set, Tuple

from stagekit._base.promise import check_value
from stagekit._run.backends.job import CHAINED
from stagekit._run.backends.prefetch import Pace
from stagekit._run.state.actions import WithdrawnError

if TYPE_CHECKING:
    import contextvars

    from stagekit._base.ports import Future, Pool
    from stagekit._run.backends.job import Job, Post


class Batch:
    """Calls of one run, which a pool takes back together.

    Attributes:
        is_recalled: they are not to begin any more. Guarded by the pool.
    """

    __slots__ = ("is_recalled",)

    def __init__(self) -> None:
        self.is_recalled = False


class PoolBackend:
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
        self._taken_back: Set[int] = set()  # tickets of calls that we have cancelled
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
        for ticket, future in tuple(self._futures.items()):
            self._take_back(ticket, future)

    def _take_back(self, ticket: int, future: Future) -> bool:
        self._taken_back.add(ticket)  # first, as its end may come at once
        is_taken_back = bool(future.cancel())
        if not is_taken_back:
            self._taken_back.discard(ticket)
        return is_taken_back

    def stop(self, ticket: int, *, force: bool) -> None:
        """Take the call back where it has not begun; end it where the pool can."""
        future = self._futures.get(ticket)
        if future is None:
            return
        if not self._take_back(ticket, future) and self.can_kill:
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
        except BaseException as error:  # noqa: BLE001 - of the pool, or of what cannot be sent
            self._futures.pop(job.ticket, None)
            self._post(job.ticket, None, error)
            return
        self._futures[job.ticket] = future
        share = min(1.0, self.capacity / len(self._futures))
        future.add_done_callback(partial(self._done, job, perf_counter_ns(), share))

    def _call(self, job: Job, **more: Any) -> Future:
        if self._submit is None:
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
                is_ours = self._submit is not None or job.ticket in self._taken_back
                is_withdrawn = is_ours and getattr(future, "cancelled", bool)()
                end = WithdrawnError(job.token.reason) if is_withdrawn else error
                self._post(job.ticket, None, end)
                if not is_withdrawn and job.raised():
                    self.recall()
            return
        if value is CHAINED:
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


class Sent:
    """A function that runs in a copy of the caller's context variables, where that is at hand.

    Sent to another process it is the function alone, made of what every Python has: a context
    cannot be pickled, and the other side need not know us.

    Args:
        fn: the function.
        kwargs: what it is called with by name.
        context: what it runs in.
        begun: called when it is called, or leaves this process to be called soon.
    """

    __slots__ = ("__name__", "_begun", "_context", "_fn", "_kwargs")

    def __init__(
        self,
        fn: Callable[..., Any],
        kwargs: Dict[str, Any],
        context: contextvars.Context,
        begun: Optional[Callable[[], object]] = None,
    ) -> None:
        self.__name__ = getattr(fn, "__name__", type(fn).__name__)
        self._fn = fn
        self._kwargs = kwargs
        self._context = context
        self._begun = begun

    def __call__(self, *args: Any) -> Any:
        if self._begun is not None:
            self._begun()
        return self._context.run(self._fn, *args, **self._kwargs)

    def __reduce__(self) -> Tuple[Any, ...]:
        if self._begun is not None:
            self._begun()
        return partial, (self._fn,), (self._fn, (), self._kwargs, {})
