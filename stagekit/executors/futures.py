"""Pools: anything with ``submit``, and how it becomes what a run uses."""

from __future__ import annotations

import contextvars
import os
from concurrent.futures import Future, InvalidStateError
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING, Any, Callable, Dict, Mapping, Optional, Sequence, Tuple, Union

from stagekit._base.pool_call import PoolCall
from stagekit._base.ports import CallPool, is_call_pool
from stagekit._base.promise import check_value

if TYPE_CHECKING:
    from stagekit._base.pool_call import Batch
    from stagekit._base.ports import Pool

    _Future = Future[Any]
else:
    _Future = Future  # which is not generic on Python 3.8

__all__ = ["is_pool", "workers_of"]

# Any: functions and values of users, and futures of many kinds


def is_pool(candidate: object) -> bool:
    """Return whether an object has ``submit``; a class of pools is not a pool."""
    has_submit = callable(getattr(candidate, "submit", None))
    return is_call_pool(candidate) or (has_submit and not isinstance(candidate, type))


def workers_of(pool: object) -> int:
    """Return how many calls a pool makes at once; one a processor if the pool does not say."""
    if is_call_pool(pool):
        return pool.workers
    told: object = getattr(pool, "_max_workers", None)
    return told if type(told) is int and told > 0 else os.cpu_count() or 1


def call_pool(pool: Pool, workers: Optional[int] = None) -> CallPool:
    """Return a pool as a run uses it.

    Args:
        pool: anything with ``submit``.
        workers: how many calls it makes at once, if the user said so.
    """
    return pool if is_call_pool(pool) else SubmitPool(pool, workers or workers_of(pool))


class SubmitPool(CallPool):
    """Makes a ``CallPool`` of anything with ``submit``, whose futures can do what a ``Future`` can.

    The pool is left open: who made it closes it.

    Args:
        pool: what calls are submitted to.
        workers: how many it makes at once.
    """

    def __init__(self, pool: Pool, workers: int) -> None:
        self._workers = workers
        self._pool = pool
        self._sent: Dict[PoolCall, Tuple[SentCall, Any]] = {}  # with their futures

    @property
    def workers(self) -> int:
        """How many calls the pool makes at once."""
        return self._workers

    def start_call(self, call: PoolCall, /) -> None:
        """Submit a call; raises what the pool raises."""
        batch = call.batch
        if batch is not None and batch.is_recalled:
            call.withdrawn()
            return
        sent = SentCall(call)
        future: Any = self._pool.submit(sent, *call.args)
        self._sent[call] = sent, future
        future.add_done_callback(partial(self._ended, call, sent))
        if batch is not None and batch.is_recalled:  # meanwhile
            self.withdraw(call)

    def withdraw(self, call: PoolCall, /) -> bool:
        """Cancel the future of a call; return whether it was never made."""
        found = self._sent.get(call)
        if found is not None:
            sent, future = found
            sent.is_ours = True  # first, as its end may come at once
            sent.is_ours = bool(future.cancel())
        return call.is_withdrawn

    def recall(self, batch: Batch, /) -> None:
        """Cancel the futures of a batch."""
        batch.is_recalled = True
        for call in tuple(self._sent):
            if call.batch is batch:
                self.withdraw(call)

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:  # noqa: FBT001, FBT002 - as concurrent.futures has it
        """Leave the pool open: it is the user's."""

    def _ended(self, call: PoolCall, sent: SentCall, future: Any) -> None:
        self._sent.pop(call, None)
        if sent.is_ours and getattr(future, "cancelled", bool)():
            call.withdrawn()
            return
        try:
            value = future.result()
            if call.promise:
                check_value(value, call.promise)
        except BaseException as error:  # noqa: BLE001 - whatever the call raised
            call.raised(error)
        else:
            call.returned(value)


class SentCall:
    """A function that runs in a copy of its context variables, where that is at hand.

    Sent to another process it is the function alone, made of what every Python has: a context
    cannot be pickled, and the other side need not know us.

    Attributes:
        is_ours: who cancels its future does it for us.
    """

    __slots__ = ("_begun", "_context", "_fn", "_kwargs", "is_ours")

    def __init__(self, call: PoolCall) -> None:
        self._fn: Any = call.fn
        self._kwargs = call.kwargs
        self._context = call.context
        self._begun = call.on_begin
        self.is_ours: bool = False

    @property
    def __name__(self) -> str:
        """The name of the function, for pools that show it."""
        return str(getattr(self._fn, "__name__", type(self._fn).__name__))

    def __call__(self, *args: Any) -> Any:
        if self._begun is not None:
            self._begun()
        return self._context.copy().run(self._fn, *args, **self._kwargs)

    def __reduce__(self) -> Tuple[Any, ...]:
        if self._begun is not None:
            self._begun()
        return partial, (self._fn,), (self._fn, (), dict(self._kwargs), {})


def submitted(  # noqa: PLR0913 - as a ``PoolCall``
    pool: CallPool,
    fn: Callable[..., Any],
    args: Sequence[Any],
    kwargs: Mapping[str, Any],
    *,
    context: Optional[contextvars.Context] = None,
    fetches: bool = True,
    withdraw: Optional[Callable[[PoolCall], bool]] = None,
    **options: Any,
) -> CallFuture:
    """Start a call in a pool; return its future.

    Args:
        pool: what makes the call.
        fn: what is called.
        args: its positional arguments.
        kwargs: its arguments by name.
        context: the context variables that it starts from; those of the caller unless said.
        fetches: whether the result of the future is the value, or a handle that stands for it.
        withdraw: what the future withdraws the call with, where that is not to keep the pool alive.
        options: of the ``PoolCall``.
    """
    future = CallFuture(withdraw or pool.withdraw, fetches=fetches)
    found = contextvars.copy_context() if context is None else context
    future.call = PoolCall(fn, args, kwargs, context=found, on_end=future.ended, **options)
    pool.start_call(future.call)
    return future


def call_of(which: Union[PoolCall, CallFuture]) -> PoolCall:
    """Return a call that is given as itself, or as its future."""
    if isinstance(which, PoolCall):
        return which
    assert which.call is not None  # noqa: S101 - it is set before anybody has the future
    return which.call


class CallFuture(_Future):
    """The future of a ``PoolCall``: a ``concurrent.futures.Future``.

    Args:
        withdraw: of the pool.
        fetches: whether ``result`` is the value, or the handle that stands for it.

    Attributes:
        call: what the future is of.
    """

    def __init__(self, withdraw: Callable[[PoolCall], bool], *, fetches: bool = True) -> None:
        super().__init__()
        self._withdraw = withdraw
        self._fetches = fetches
        self.call: Optional[PoolCall] = None

    @property
    def took(self) -> Optional[int]:
        """Nanoseconds that a worker has had the call, once it has ended, where that is known."""
        return None if self.call is None else self.call.took

    def result(self, timeout: Optional[float] = None) -> Any:
        """Return the value, or raise what the call raised."""
        error = super().exception(timeout)
        if error is not None:  # not left to Future.result(), which asks whether it is true
            try:
                raise error
            finally:
                del error
        found = super().result(timeout)
        if self._fetches and getattr(found.__class__, "is_handle", False) is True:
            return found.fetch()
        return found

    def exception(self, timeout: Optional[float] = None) -> Optional[BaseException]:
        """Return what the call raised, if it did, or why its value cannot be read."""
        error = super().exception(timeout)
        if error is None and self._fetches:
            try:
                self.result()
            except Exception as mistake:  # noqa: BLE001 - whatever keeps the value from being read
                return mistake
        return error

    def cancel(self) -> bool:
        """Withdraw the call if it has not begun; return whether it is withdrawn."""
        if not self.done() and self.call is not None:
            self._withdraw(self.call)
        return self.cancelled()

    def ended(self, call: PoolCall) -> None:
        """Take in how the call has ended."""
        with suppress(InvalidStateError):
            if call.is_withdrawn:
                super().cancel()
                self.set_running_or_notify_cancel()
            elif call.error is not None:
                self.set_exception(call.error)
            else:
                self.set_result(call.value)
