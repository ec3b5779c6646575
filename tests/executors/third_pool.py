"""Pools written from the ``CallPool`` protocol alone: of threads, and of processes."""

from __future__ import annotations

import pickle
from multiprocessing import get_context
from threading import Condition, Thread
from typing import Any, Callable, Dict, Optional

from stagekit._base.pickling import dumps
from stagekit._base.pool_call import Batch, PoolCall
from stagekit._base.ports import CallPool
from stagekit._base.promise import check_value
from stagekit.errors import BadValueError


class ThirdPool(CallPool):
    """Has calls made by threads of its own, which take what waits, first come first."""

    def __init__(self, workers: int) -> None:
        self._waiting: Dict[PoolCall, None] = {}
        self._changed = Condition()
        self._is_shut = False
        self._threads = [Thread(target=self._work, daemon=True) for _ in range(workers)]
        for thread in self._threads:
            thread.start()

    @property
    def workers(self) -> int:
        """How many calls are made at once."""
        return len(self._threads)

    def start_call(self, call: PoolCall, /) -> None:
        """Have a call wait for a thread."""
        with self._changed:
            if self._is_shut:
                raise RuntimeError("the pool is shut down")
            is_recalled = call.batch is not None and call.batch.is_recalled
            if not is_recalled:
                self._waiting[call] = None
                self._changed.notify()
        if is_recalled:
            call.withdrawn()

    def withdraw(self, call: PoolCall, /) -> bool:
        """Take a call back that waits."""
        with self._changed:
            is_back = self._waiting.pop(call, call) is None
        if is_back:
            call.withdrawn()
        return call.is_withdrawn

    def recall(self, batch: Batch, /) -> None:
        """Take back what waits of a batch."""
        with self._changed:
            batch.is_recalled = True
            calls = [call for call in self._waiting if call.batch is batch]
        for call in calls:
            self.withdraw(call)

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:  # noqa: FBT002 - as concurrent.futures has it
        """End the threads when all calls have ended."""
        for call in tuple(self._waiting) if cancel_futures else ():
            self.withdraw(call)
        with self._changed:
            self._is_shut = True
            self._changed.notify_all()
        for thread in self._threads if wait else ():
            thread.join()

    def _next(self) -> Optional[PoolCall]:
        with self._changed:
            self._changed.wait_for(lambda: self._waiting or self._is_shut)
            return self._waiting.popitem()[0] if self._waiting else None

    def _work(self) -> None:
        for call in iter(self._next, None):
            call.make()


class ThirdProcessPool(ThirdPool):
    """The same, each thread with a process of ``multiprocessing.pool`` that makes its calls."""

    is_elsewhere = True

    def check(self, fn: Callable[..., Any], /) -> Optional[str]:
        """Tell what cannot be pickled."""
        try:
            dumps(fn)
        except Exception as error:  # noqa: BLE001 - whatever the function holds
            return str(error)
        return None

    def start_call(self, call: PoolCall, /) -> None:
        """Have a call wait for a process, unless it cannot be sent to one."""
        try:
            call.inner = dumps((call.fn, tuple(call.args), dict(call.kwargs)))
        except Exception as error:
            raise BadValueError(str(error)) from error
        super().start_call(call)

    def _work(self) -> None:
        with get_context("spawn").Pool(1) as process:
            for call in iter(self._next, None):
                call.begun()
                try:
                    value = pickle.loads(process.apply(made, (call.inner,)))  # noqa: S301 - ours
                    check_value(value, call.promise)
                except BaseException as error:  # noqa: BLE001 - whatever the call raises
                    call.raised(error)
                else:
                    call.returned(value)


def made(packed: bytes) -> bytes:
    """Make a call; return the pickle of what it returned."""
    fn, args, kwargs = pickle.loads(packed)  # noqa: S301 - from the test
    return dumps(fn(*args, **kwargs))
