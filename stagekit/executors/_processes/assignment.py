"""``Assignment``: the workers of a pool, and which of them has which call."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Callable, Deque, Dict, List, Optional, Set

if TYPE_CHECKING:
    from stagekit._base.pool_call import Batch
    from stagekit.executors._processes.call import Call
    from stagekit.executors._processes.worker_handle import WorkerHandle

ALL = 256  # more calls than a worker has before it


class Assignment:
    """Gives calls to workers. Used under the lock of its supervisor.

    A worker that is free gets the next call; where none is, one is started, up to *size*. What
    waits after that is sent ahead to those that are busy, in portions, and taken back from them
    when another one has nothing to do.

    Args:
        size: the most workers at a time.
        start: starts one; None where that is refused.

    Attributes:
        queue: calls that no worker has.
        links: the workers, by number.
    """

    def __init__(self, size: int, start: Callable[[], Optional[WorkerHandle]]) -> None:
        self._size = size
        self._start = start
        self.queue: Deque[Call] = deque()
        self.links: Dict[int, WorkerHandle] = {}
        self._idle: Dict[int, WorkerHandle] = {}  # the one that was busy last comes last

    @property
    def is_busy(self) -> bool:
        """Whether there is a call that has not ended."""
        return bool(self.queue) or any(link.sent for link in self.links.values())

    def idle(self, link: WorkerHandle) -> None:
        """Note that a worker has nothing to do."""
        self._idle[link.number] = link

    def spare(self, link: WorkerHandle) -> None:
        """Give a worker no more calls."""
        link.is_ending = True
        self._idle.pop(link.number, None)

    def give_out(self) -> Set[WorkerHandle]:
        """Give waiting calls to workers, as far as there is room; return who was given any."""
        queue = self.queue
        touched: Set[WorkerHandle] = set()
        while queue:
            link = self._free()
            if link is None:
                break
            link.add(queue.popleft())
            touched.add(link)
        if queue:
            self._send_ahead(touched)
        elif self._idle and len(self.links) > 1:
            self._share(touched)
        return touched

    def withdraw(self, call: Call) -> bool:
        """Take a call from the queue or back from its worker; those around it wait again."""
        if call.link is None:
            try:
                self.queue.remove(call)
            except ValueError:
                return False
            return True
        link: WorkerHandle = call.link
        taken = self._take_back(link)
        self.queue.extendleft(reversed([each for each in taken if each is not call]))
        return call in taken

    def withdraw_all(self) -> List[Call]:
        """Return all calls that have not begun; nobody has them any more."""
        self._gather()
        waiting = list(self.queue)
        self.queue.clear()
        return waiting

    def recall(self, batch: Batch) -> List[Call]:
        """Return the calls of a batch that have not begun; nobody has them any more."""
        recalled: List[Call] = []
        for call in self.withdraw_all():
            (recalled if call.batch is batch else self.queue).append(call)
        return recalled

    def bury(self, link: WorkerHandle) -> List[Call]:
        """Return the calls that a worker had begun before it ended.

        All that nobody has begun waits again: there is room for a worker in its place, which may
        make what was sent to another one in the meantime.
        """
        self.spare(link)
        self._gather()
        begun = list(link.sent)
        link.sent.clear()
        del self.links[link.number]
        for call in begun:
            call.link = None
        return begun

    def _take_back(self, link: WorkerHandle, most: int = ALL) -> List[Call]:
        taken = link.take_back(most)
        if taken and not link.sent and link.is_ready and not link.is_ending:
            self.idle(link)  # no answer will tell that it is
        return taken

    def _gather(self) -> None:
        """Have all calls that have not begun wait again, as they came."""
        taken = [call for link in self.links.values() for call in self._take_back(link)]
        taken.sort(key=lambda call: call.number, reverse=True)
        self.queue.extendleft(taken)

    def _free(self) -> Optional[WorkerHandle]:
        if self._idle:
            return self._idle.popitem()[1]
        return self._start() if len(self.links) < self._size else None

    def _send_ahead(self, touched: Set[WorkerHandle]) -> None:
        queue = self.queue
        wanting = [link for link in self.links.values() if link.wants_more or link in touched]
        while queue and wanting:
            for link in tuple(wanting):
                if queue and link.fits(queue[0]):
                    link.add(queue.popleft())
                    touched.add(link)
                else:
                    wanting.remove(link)

    def _share(self, touched: Set[WorkerHandle]) -> None:
        """Have workers that are idle make calls that others have not begun."""
        while self._idle:
            busiest = max(self.links.values(), key=lambda link: link.waiting)
            if busiest.waiting < 1:
                return
            taken = self._take_back(busiest, (busiest.waiting + 1) // 2)
            if not taken:
                return
            helping: List[WorkerHandle] = []
            for call in taken:
                if self._idle:
                    helping.append(self._idle.popitem()[1])
                link = min(helping, key=lambda link: len(link.sent))
                link.add(call)
                touched.add(link)
