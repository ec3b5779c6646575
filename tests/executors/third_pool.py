"""A pool over ``multiprocessing.pool``, written from the ``CallPool`` protocol alone."""

from __future__ import annotations

import multiprocessing
import pickle
from functools import partial
from threading import Lock
from typing import Any, Callable, Optional, Sequence, Set, Tuple

from stagekit._base.pickling import dumps
from stagekit._base.pool_call import Batch, PoolCall
from stagekit._base.ports import Handle
from stagekit._base.promise import check_value
from stagekit.errors import BadValueError


def make(packed: bytes) -> bytes:
    """Make a call in a worker; return the pickle of what it returned."""
    fn, args, kwargs, promise = pickle.loads(packed)  # noqa: S301 - from the test
    value = fn(*args, **kwargs)
    check_value(value, promise)
    return dumps(value)


class ThirdPool:
    """Has calls made by ``multiprocessing.pool.Pool``, and keeps what waits for a free worker."""

    can_stop = False
    recalls_at_once = False
    returns_handles = False
    left_out: Tuple[str, ...] = ()

    def __init__(self, workers: int) -> None:
        self.workers = self.capacity = workers
        self._pool = multiprocessing.get_context("spawn").Pool(workers)
        self._lock = Lock()
        self._waiting: Set[PoolCall] = set()
        self._running = 0
        self._is_shut = False

    def start_call(self, call: PoolCall, /) -> None:
        """Have a call made as soon as a worker is free."""
        mistake = self.check(call.fn)
        if mistake is not None:
            raise BadValueError(mistake)
        call.inner = dumps((call.fn, tuple(call.args), dict(call.kwargs), call.promise))
        with self._lock:
            if self._is_shut:
                raise RuntimeError("the pool is shut down")
            is_recalled = call.batch is not None and call.batch.is_recalled
            if not is_recalled:
                self._waiting.add(call)
        if is_recalled:
            call.withdrawn()
        self._give_out()

    def _give_out(self) -> None:
        while True:
            with self._lock:
                if not self._waiting or self._running >= self.workers:
                    return
                call = self._waiting.pop()
                self._running += 1
            call.begun()
            self._pool.apply_async(
                make, (call.inner,), {}, partial(self._returned, call), partial(self._raised, call)
            )

    def _returned(self, call: PoolCall, data: bytes) -> None:
        self._running -= 1
        call.returned(pickle.loads(data))  # noqa: S301 - from our worker
        self._give_out()

    def _raised(self, call: PoolCall, error: BaseException) -> None:
        self._running -= 1
        call.raised(error)
        self._give_out()

    def withdraw(self, call: PoolCall, /) -> bool:
        """Take a call back that waits."""
        with self._lock:
            is_back = call in self._waiting
            self._waiting.discard(call)
        if is_back:
            call.withdrawn()
        return call.is_withdrawn

    def stop(self, call: PoolCall, /, *, force: bool = False) -> None:
        """Take a call back that waits; others go on."""
        del force
        self.withdraw(call)

    def recall(self, batch: Batch, /) -> None:
        """Take back what waits of a batch."""
        with self._lock:
            batch.is_recalled = True
            waiting = [call for call in self._waiting if call.batch is batch]
        for call in waiting:
            self.withdraw(call)

    def takes(self, handle: Handle, /) -> bool:
        """Tell that handles are of no use here."""
        del handle
        return False

    def fetch_together(self, handles: Sequence[Handle], /) -> None:
        """Do nothing."""

    def check(self, fn: Callable[..., Any], /) -> Optional[str]:
        """Tell what cannot be pickled."""
        try:
            dumps(fn)
        except Exception as error:  # noqa: BLE001 - whatever the function holds
            return str(error)
        return None

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:  # noqa: FBT002 - as concurrent.futures has it
        """End the workers when all calls have ended."""
        self._is_shut = True
        for call in tuple(self._waiting) if cancel_futures else ():
            self.withdraw(call)
        self._pool.close()
        if wait:
            self._pool.join()
