"""The driver of pools: feeds anything with ``submit``, call by call.

All transitions are made by the thread that owns the run; a pool's future only posts that it is
done. At most as many calls are under way as the run has workers, so that rank decides what is next.
"""

from __future__ import annotations

import contextvars
from functools import partial
from heapq import heappop, heappush
from time import perf_counter_ns
from typing import TYPE_CHECKING, Any, Callable, Dict, List, Optional, Tuple

from stagekit._run.attempt import arguments
from stagekit._run.ledger import Ledger, Message

if TYPE_CHECKING:
    from stagekit._base.ports import Future, Pool
    from stagekit._run.session import Session


class Feed(Ledger):
    """Keeps a pool busy; plain steps are in lane 0."""

    def __init__(self, session: Session, post: Callable[[Message], object], pool: Pool) -> None:
        super().__init__(session, post)
        self.pool = pool
        self._running: Dict[int, Future] = {}
        self._free: List[int] = list(range(1, session.settings.workers + 1))
        self._is_feeding = False

    def open(self) -> None:
        """Submit what is ready."""
        super().open()
        self.call()

    def close(self) -> None:
        """Submit nothing more, and take back what the pool has not begun."""
        self.is_closed = True
        for future in tuple(self._running.values()):
            future.cancel()
        self.is_over = not self._running

    def crashed(self, error: BaseException) -> None:
        """End the run because of a defect of ours; what the pool still runs is left to it."""
        super().crashed(error)
        self.abandon()

    def join(self) -> None:
        """Wait for what runs."""
        for future in tuple(self._running.values()):
            try:  # noqa: SIM105 - contextlib is not loaded for this
                future.result()
            except BaseException:  # noqa: BLE001, S110 - only its end matters
                pass

    def call(self) -> None:
        """Submit ready steps as long as there are free slots."""
        if self._is_feeding:  # a future that was done at once
            return
        self._is_feeding = True
        try:
            while self.heap and self._free and not self.is_closed:
                self._submit(self.session.scheduler.by_rank[heappop(self.heap)])
        finally:
            self._is_feeding = False

    def _submit(self, step: int) -> None:
        session = self.session
        slot = heappop(self._free)
        self.began(step, slot, perf_counter_ns())
        try:
            fn, args, kwargs = arguments(session.plan.calls[step], session.columns.values)
            call = Sent(fn, kwargs, session.context.copy())
            future = self.pool.submit(call, *args)
            self._running[step] = future
            future.add_done_callback(partial(self._post_done, step, slot))
        except BaseException as error:
            self._running.pop(step, None)
            heappush(self._free, slot)
            if isinstance(error, KeyboardInterrupt):
                raise
            session.columns.ends[step] = perf_counter_ns()
            self.raised(step, error)

    def _post_done(self, step: int, slot: int, future: Future) -> None:
        self.post(partial(self._done, step, slot, future))

    def _done(self, step: int, slot: int, future: Future) -> None:
        if self._running.pop(step, None) is None or self.is_abandoned:
            return
        heappush(self._free, slot)
        has_returned, value = _outcome(future)
        self.session.columns.ends[step] = perf_counter_ns()
        if has_returned:
            self.returned(step, value)
        elif self.is_closed and _was_taken_back(future):
            self.cancelled(step, None)
        else:
            self.raised(step, value)
        self.call()
        if self.is_closed:
            self.is_over = not self._running


def _outcome(future: Future) -> Tuple[bool, Any]:
    try:
        return True, future.result()
    except BaseException as error:  # noqa: BLE001 - the session judges it
        return False, error


def _was_taken_back(future: Future) -> bool:
    cancelled = getattr(future, "cancelled", None)
    return bool(cancelled()) if callable(cancelled) else False


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
