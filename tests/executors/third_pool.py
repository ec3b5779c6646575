"""A pool of threads, written from the ``CallPool`` protocol alone."""

from __future__ import annotations

from threading import Condition, Thread
from typing import Dict, Optional

from stagekit._base.pool_call import Batch, PoolCall
from stagekit._base.ports import CallPool


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
