"""``DaskPool``: makes calls on a Dask cluster, where their values stay.

Example:
    >>> from stagekit import run
    >>> from stagekit.executors.dask import DaskPool
    >>> with DaskPool("tcp://10.0.0.1:8786") as pool:  # doctest: +SKIP
    ...     result = run("shop:nightly", executor=pool)
"""

from __future__ import annotations

from contextlib import suppress
from functools import partial
from threading import Condition, Event, Lock, Thread
from time import monotonic
from typing import (
    TYPE_CHECKING,
    Any,
    Callable,
    Dict,
    Mapping,
    Optional,
    Sequence,
    Tuple,
    Union,
    cast,
)
from uuid import uuid4
from warnings import warn

from stagekit._base.packed import PackedItem, PackedValue, aside, value_of
from stagekit._base.pool_call import PoolCall
from stagekit._base.ports import CallPool
from stagekit._base.sending import by_value, mistake_in, name_of
from stagekit._base.text import seconds
from stagekit._base.variables import travelling
from stagekit.errors import StagekitWarning, WorkerDiedError
from stagekit.executors._dask.batching import END, Groups
from stagekit.executors._dask.calls import Call, Sending
from stagekit.executors._dask.cluster import Connection
from stagekit.executors._dask.explaining import Explainer, called, died
from stagekit.executors._dask.future import DaskHandle, DaskItem, type_name_of
from stagekit.executors._dask.packing import Packing
from stagekit.executors._dask.work import (
    BEGUN,
    HOME,
    WITHDRAWN,
    CallFailedError,
    Envelope,
    Ticket,
    cancel_token,
    carry,
    is_withdrawn,
    running_at,
)
from stagekit.executors._prefetch import Prefetch
from stagekit.executors.futures import CallFuture, call_of, submitted

if TYPE_CHECKING:
    from types import TracebackType

    from typing_extensions import Self

    from stagekit._base.pool_call import Batch
    from stagekit._base.ports import Handle

__all__ = ["DaskPool"]

# Any: functions and values of stages, and Dask's own objects, which may have no types

SMALL = 1 << 14  # the scheduler keeps a thousand of what workers tell: 16 MB at most
AHEAD_NS = 200_000_000  # of work that a worker may have before it; it takes 10 ms to send more
PATIENCE = 20  # times 50 ms to learn how a process ended


class DaskPool(CallPool):
    """Carries calls out on a Dask cluster. stagekit and the stages must be importable there.

    A worker that dies costs the calls it was running, which raise ``WorkerDiedError``: Dask does
    not run them again, for retries are the run's. A small value comes here with the end of its
    call; a large one stays on the cluster as long as its handle and the pool are there. One that
    was lost with a worker and is still needed is made by calling its stage again, at most three
    times, where its call may be repeated (``PoolCall.may_repeat``); else who needs the value raises
    ``WorkerDiedError``.

    Args:
        target: None for a cluster of our own on this machine, which ends with the pool; the
            address of a scheduler; or a ``distributed.Client``, which stays open.
        workers: how many processes a cluster of our own has; one a processor unless said.
        security: a ``distributed.Security``, with the certificates of the cluster. For a cluster of
            our own also True, which makes some that nobody else has (``Security.temporary()``,
            which needs ``cryptography``), or False, for none: then every user of this machine can
            run code in it. Unless said, it is True where ``cryptography`` is installed.

    Attributes:
        left_out: the names of context variables that could not travel.
        small: bytes, pickled, up to which a value is small.
        warn_after: seconds without a worker after which a warning says that calls wait for one.
        give_up_after: seconds without a worker after which the calls that wait fail. Both concern
            clusters of somebody else.

    Raises:
        MissingExtraError: Dask is not installed.
        UsageError: the target cannot be used.
    """

    is_elsewhere = True
    returns_handles = True

    warn_after: float = 10.0
    give_up_after: float = 300.0

    def __init__(
        self, target: object = None, *, workers: Optional[int] = None, security: object = None
    ) -> None:
        self._connection = Connection(target, workers=workers, security=security)
        self._client = self._connection.client
        self._explain = Explainer(self._connection.exits)
        self._id = f"stagekit-{uuid4().hex}"
        self._calls: Dict[str, Call] = {}
        self._lock = Lock()
        self._has_ended = Condition(self._lock)
        self._prefetch = Prefetch(AHEAD_NS)
        self._is_shut = False
        self._is_closing = Event()
        self._closer: Optional[Thread] = None
        self._groups = Groups(
            (self, self._id),
            client=self._client,
            calls=self._calls,
            lock=self._lock,
            explain=self._explain,
            send=self._send,
            end=self._end,
        )
        self._width = 0  # of the cluster, once it is needed
        self.left_out: Tuple[str, ...] = ()
        self.small = SMALL
        self._client.subscribe_topic("all", self._on_cluster_event)
        self._client.subscribe_topic(self._id, self._on_progress)
        if not self._connection.size:
            Thread(target=self._watch, name="stagekit-dask-watch", daemon=True).start()

    @property
    def workers(self) -> int:
        """How many calls the cluster makes at once: all threads of its workers."""
        if self._connection.size:
            return self._connection.size  # even while one of them is started again
        threads: Mapping[str, int] = self._client.nthreads()
        return max(1, sum(threads.values()))

    @property
    def capacity(self) -> int:
        """How many calls the pool wants at the moment, those ahead of their turn included."""
        return (self._width or self.workers) + self._prefetch.ahead

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> CallFuture:
        """Have *fn* called; the result of the future is the value, fetched when asked for."""
        return submitted(self, fn, args, kwargs)

    def start_call(self, wanted: PoolCall, /) -> None:
        """Have a call made; what it returns may be a handle.

        Handles of this pool may be arguments, alone or in lists and tuples; a ``Progress`` or a
        ``CancelToken`` among them has its twin on the worker. While calls are short, they share
        tasks of Dask, one after another.

        Raises:
            RuntimeError: the pool is shut down.
        """
        self._start(wanted, is_short=self._prefetch.ahead > 0)

    def _start(self, wanted: PoolCall, *, is_short: bool) -> None:
        key = f"stagekit-{name_of(wanted.fn)}-{uuid4().hex}"
        variables, left_out = travelling(wanted.context)
        self.left_out = tuple(dict.fromkeys((*self.left_out, *left_out)))
        packing = Packing(self)
        args, kwargs = packing.args(wanted.args), packing.kwargs(wanted.kwargs)
        envelope: bytes = by_value(
            tuple(Envelope(wanted.fn, args, kwargs, variables, wanted.promise))
        )
        again = wanted.may_repeat
        ticket = Ticket(self._id, key, again, self.small, wanted.on_begin is not None)
        sending = Sending(ticket, envelope, packing.held, packing.tokens)
        with self._lock:
            if self._is_shut:
                raise RuntimeError("cannot submit a call to a pool that is shut down")
            call = Call(wanted, sending, self._cancel_token)
            is_recalled = wanted.batch is not None and wanted.batch.is_recalled
            if not is_recalled:
                wanted.inner = key
                self._calls[key] = call
        if is_recalled:
            wanted.withdrawn()
            return
        try:
            if not self._width or len(self._calls) == 1:  # it may have grown meanwhile
                self._width = self.workers
            if is_short and not again and len(envelope) <= self.small:
                self._groups.add(key, self._width)
            else:
                self._send(key, call)
        except BaseException:
            self._calls.pop(key, None)
            raise

    def _send(self, key: str, call: Call) -> None:
        """Have a call made by a task of its own."""
        sending = call.sending
        ticket = tuple(sending.ticket)
        call.task = self._client.submit(
            carry, ticket, sending.envelope, *sending.held, key=key, pure=False, retries=0
        )  # fmt: skip
        call.task.add_done_callback(partial(self._on_done, key))
        call.listen(key)

    def withdraw(self, call: PoolCall, /) -> bool:
        """Withdraw a call that has not begun; return whether it was never made."""
        key: Optional[str] = call.inner
        if key is not None and self._take_back(key):
            call.withdrawn()
            self._notify()
        return call.is_withdrawn

    def stop(self, call: Union[PoolCall, CallFuture], /, *, force: bool = False) -> None:
        """Withdraw a call that has not begun; Dask cannot end one that runs."""
        del force
        self.withdraw(call_of(call))

    def recall(self, batch: Batch, /) -> None:
        """Withdraw all calls of a batch that have not begun; none of it begins any more."""
        with self._lock:
            batch.is_recalled = True
            wanted = [call.wanted for call in self._calls.values() if call.wanted.batch is batch]
        for each in wanted:
            self.withdraw(each)

    def takes(self, handle: Handle, /) -> bool:
        """Return whether a handle may be an argument, in place of its value on the cluster."""
        if isinstance(handle, DaskItem):
            handle = handle.whole
        if isinstance(handle, DaskHandle):
            return handle.pool is self
        return isinstance(handle, (PackedValue, PackedItem))

    def fetch_together(self, handles: Sequence[Handle], /) -> None:
        """Bring many values here in one go; those that are lost are left to ``fetch``."""
        wholes = [each.whole if isinstance(each, DaskItem) else each for each in handles]
        wanted = {each.task: each for each in wholes if isinstance(each, DaskHandle)}
        try:
            found: Mapping[Any, Any] = self._client.gather({task: task for task in wanted})
        except Exception:  # noqa: BLE001 - which of them, and why, is found out one by one
            return
        for task, value in found.items():
            wanted[task].arrived(value)

    def check(self, fn: Callable[..., Any], /) -> Optional[str]:
        """Return why *fn* cannot be sent to a worker, or None."""
        return mistake_in(fn)

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:  # noqa: FBT001, FBT002 - as concurrent.futures has it
        """Take no more calls, and end the connection and a cluster of our own.

        Args:
            wait: until all calls have ended; else they are given up.
            cancel_futures: withdraw what has not begun.
        """
        with self._lock:
            self._is_shut = True
            calls = tuple(self._calls.values())
        if cancel_futures:
            for call in calls:
                self.withdraw(call.wanted)
        if wait:
            with self._lock:
                self._has_ended.wait_for(lambda: all(call.wanted.is_done for call in calls))
        with self._lock:
            closer, is_first = self._closer, self._closer is None
            if closer is None:
                closer = self._closer = Thread(target=self._close, name="stagekit-dask-close")
        if is_first:
            closer.start()
        if wait:
            closer.join()

    def _close(self) -> None:
        self._is_closing.set()
        for key in tuple(self._calls):
            self._end(key, None, RuntimeError("the pool was shut down before the call had ended"))
        try:
            self._client.unsubscribe_topic("all")
            self._client.unsubscribe_topic(self._id)
            self._client.set_metadata(self._id, {})
        except Exception:  # noqa: BLE001, S110 - the scheduler is gone, and what it knew
            pass
        self._groups.close()
        self._connection.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: Optional[type[BaseException]],
        error: Optional[BaseException],
        trace: Optional[TracebackType],
    ) -> None:
        self.shutdown()

    def __reduce__(self) -> Any:
        raise TypeError("a pool cannot be sent to another process")

    def _on_done(self, key: str, task: Any) -> None:
        """End a call that Dask has ended. On Dask's thread for callbacks."""
        if task.status == "finished":
            self._end(key, self._value(key, task), None)
            return
        try:
            error = task.exception()
        except BaseException as cancelled:  # noqa: BLE001 - CancelledError is no Exception in new Pythons
            error = cancelled
        if self._is_home(key):
            return
        if isinstance(error, CallFailedError) and error.thrown is not None:
            aside(partial(self._raised, key, error))  # code of the user's class is called
        else:
            self._raised(key, error)

    def _is_home(self, key: str) -> bool:
        """End a call whose worker is gone with its value, where that has come here before."""
        call = self._calls.get(key)
        if call is None or call.data is None:
            return False
        self._end(key, value_of(call.data, called(key)), None)
        return True

    def _raised(self, key: str, error: BaseException) -> None:
        try:
            told = self._explain.of_call(key, error)
        except BaseException as mistake:  # noqa: BLE001 - code of a user's class: nobody may wait on
            told = mistake
        self._end(key, None, told)

    def _value(self, key: str, task: Any) -> Any:
        """Return the value of a call that has ended, or the handle of it."""
        call = self._calls.get(key)
        if task.type is type(None):
            return None
        if call is not None and call.data is not None:
            return value_of(call.data, called(key), type_name_of(task))
        return DaskHandle(self, task, partial(self._explain.of_value, key))

    def _watch(self) -> None:
        """Say that calls wait for a cluster without workers; after a time give them up."""
        since: Optional[float] = None
        has_warned = False
        while not self._is_closing.wait(min(1.0, self.warn_after / 2)):
            since = (since or monotonic()) if self._calls and self._is_deserted() else None
            lasts = 0.0 if since is None else monotonic() - since
            where = f"the Dask cluster at {self._client.scheduler.address} has no worker"
            if lasts >= self.give_up_after:
                for key in tuple(self._calls):
                    self._bury(key, WorkerDiedError(f"{where}, for {lasts:.0f} s now"))
            elif lasts >= self.warn_after and not has_warned:
                has_warned = True
                rest = seconds(self.give_up_after)
                with suppress(StagekitWarning):  # a filter makes an error of it: nobody is there
                    warn(f"{where}; stages wait for one, and fail after {rest}", StagekitWarning, 1)
            has_warned = has_warned and since is not None

    def _is_deserted(self) -> bool:
        try:
            return not self._client.nthreads()
        except Exception:  # noqa: BLE001 - the scheduler is gone, and calls end with that
            return False

    def _end(self, key: str, value: object, error: Optional[BaseException]) -> None:
        with self._lock:
            running = len(self._calls)
            call = self._calls.pop(key, None)
        if call is None:
            return
        self._groups.go_on()
        call.leave()
        if isinstance(error, CallFailedError):
            call.wanted.withdrawn()
            self._notify()
            return
        took = call.took(running, self._width)
        self._prefetch.ended(took, self._width)
        if error is None:
            call.wanted.returned(value, took)
        else:
            call.wanted.raised(error, took)
        self._notify()

    def _notify(self) -> None:
        with self._lock:
            self._has_ended.notify_all()

    def _take_back(self, key: str) -> bool:
        """Withdraw a call, and return whether that was before it began; see ``work.carry``."""
        call = self._calls.get(key)
        if call is None:
            return False
        group = call.group
        try:
            is_back = self._groups.withdraw(key, call)
            if is_back is None:
                self._client.set_metadata([self._id, key, WITHDRAWN], 1)
                entries: Mapping[str, Any] = self._client.get_metadata([self._id, key])
                is_back = is_withdrawn(entries)
        except Exception:  # noqa: BLE001 - the scheduler is gone; the call ends with that
            return False
        if not is_back:
            return False
        with self._lock:
            is_sent_again = group is not None and call.group is None
            found = None if is_sent_again else self._calls.pop(key, None)
        if is_sent_again:  # meanwhile, by itself
            return self._take_back(key)
        if found is not None:
            found.leave()
            if found.task is not None:
                found.task.cancel()
        return found is not None

    def _cancel_token(self, key: str, token: Any) -> None:
        """Have the twin of a token cancelled. On any thread, even in a signal handler."""
        run = partial(self._client.run, cancel_token, key, token.reason, on_error="ignore")
        self._client.loop.add_callback(run)

    def _on_progress(self, event: Tuple[float, Sequence[Any]]) -> None:
        key, *told = event[1]
        if told[0] == END:
            self._groups.heard(key, *told[1:])
            return
        call = self._calls.get(key)
        if call is None:
            return
        if told[0] == HOME:
            call.data = told[1]
        elif told[0] == BEGUN:
            call.wanted.begun()
        else:
            call.wanted.progressed(tuple(told))

    async def _on_cluster_event(self, event: Tuple[float, Any]) -> None:
        """Fail the calls that a worker was running which is gone, without waiting for another."""
        import asyncio

        told = cast("Mapping[str, Any]", event[1] if isinstance(event[1], dict) else {})
        if told.get("action") != "remove-worker":
            return
        address = str(told.get("worker"))
        claims: Dict[str, Dict[str, Any]] = await self._client.scheduler.get_metadata(
            keys=[self._id], default={}
        )
        for key in (*self._calls, *self._groups.by_key):
            pid = running_at(address, claims.get(key, {}))
            if pid is None:
                continue
            for _ in range(PATIENCE if self._connection.size else 0):
                if pid in self._connection.exits:
                    break
                await asyncio.sleep(0.05)
            error = died(address, pid, self._connection.exits)
            group = self._groups.by_key.get(key)
            if group is not None:
                self._groups.died(group, error)
            else:
                asyncio.get_running_loop().run_in_executor(None, self._bury, key, error)

    def _bury(self, key: str, error: BaseException) -> None:
        call = self._calls.get(key)
        if not self._is_home(key):
            self._end(key, None, error)
        if call is not None and call.task is not None:
            call.task.cancel()
