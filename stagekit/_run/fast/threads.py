"""Threads that schedule themselves: the hot loop of simple runs on threads.

A worker that ends a step counts its children down, goes on with the best one that is ready, pushes
the others onto a shared heap of ranks and calls one other worker for them. The owner of the run
runs no stage: it starts workers when they ask. Workers are daemons and are joined before the run
returns, but for those given up on.

What is shared without a lock: operations on a heap of integers are atomic under the interpreter's
lock, and a step with one parent is released by one worker only. The lock guards all that
remains: the counts of steps with several parents, the number of leaves, failures. Where there is
no lock of the interpreter it guards the heap too.
"""

from __future__ import annotations

from queue import SimpleQueue
from threading import Thread
from time import perf_counter_ns
from typing import TYPE_CHECKING, Any, Callable, Dict, List, Optional

from stagekit._base.promise import COROUTINE, check_value
from stagekit._run.fast.direct import Direct
from stagekit._run.state.columns import RUNNING, SUCCEEDED

if TYPE_CHECKING:
    from stagekit._run.mailbox import Message
    from stagekit._run.session import Session


class FastThreads(Direct):
    """The worker threads of one simple run."""

    def __init__(self, session: Session, post: Callable[[Message], object]) -> None:
        super().__init__(session, post)
        self.limit = min(session.settings.workers, len(session.plan))
        self._wake: SimpleQueue[Optional[int]] = SimpleQueue()
        self._idle: List[None] = []  # one item for each worker that waits and is not called yet
        self._is_waking = False  # whether a worker has been called that has not answered yet
        self._threads: Dict[int, Thread] = {}
        self._started = 0
        self._alive = 0  # how many have been started and have not ended
        self._lost = 0  # the worker that nobody waits for
        self._starting = 0  # the last worker that the owner started itself
        self._burst = 1

    def open(self) -> None:
        """Start the first worker, if there is work for one."""
        super().open()
        if self.heap:
            self._start()

    def stop(self) -> None:
        """Have each worker end, once it has ended what it runs."""
        was_closed = self.is_closed
        super().stop()
        lost = self._threads.get(self._starting)
        with self.lock:
            if not was_closed and lost is not None and lost.ident is None:
                self._alive -= 1  # Ctrl-C came while it was being started: it may yet come
                self._lost = self._starting
            self.is_over = not self._alive
        for _ in range(self._started + 1):  # one each, or they would wake one another in turn
            self._wake.put(None)

    def abandon(self) -> None:
        """Give up on workers that still run."""
        super().abandon()
        self._wake.put(None)

    def close(self) -> None:
        """Wait for all workers, unless they were given up on."""
        if not self.is_closed:
            self.stop()
        if not self.is_abandoned:
            self._join()
        super().close()

    def _join(self) -> None:
        for thread in tuple(self._threads.values()):
            if thread.ident is not None:
                thread.join()

    def wake(self) -> None:
        """Wake one worker, unless one is on its way; it wakes the next if it leaves work behind."""
        if self._is_waking:
            return
        self._is_waking = True
        try:
            self._idle.pop()
        except IndexError:
            if self._started >= self.limit:
                self._is_waking = False  # all are at work, and look for more before they rest
            else:  # the owner has nothing else to do, and no worker has to wait for it
                self.post(self._start)
        else:
            self._wake.put(1)

    def _start(self) -> None:
        """Start workers: one, then eight, sixty-four … as long as there is work for them."""
        self._is_waking = True
        wanted = max(1, min(self._burst, len(self.heap)))
        self._burst *= 8
        self._spread(wanted, is_owner=True)

    def _spread(self, wanted: int, *, is_owner: bool = False) -> None:
        """Start workers, each of which starts a half of what remains.

        To start a thread is to wait for it: sixteen in a row are sixteen waits.
        """
        while wanted > 0:
            half = wanted // 2
            wanted -= half + 1
            with self.lock:
                if self.is_closed or self._started >= self.limit:
                    self._is_waking = False
                    return
                self._started += 1
                self._alive += 1
                number = self._started
            thread = Thread(target=self._live, args=(number, half), name=f"stagekit-{number}")
            thread.daemon = True
            self._threads[number] = thread
            if is_owner:
                self._starting = number
            try:
                thread.start()
            except (RuntimeError, MemoryError) as error:  # no more to be had: go on with fewer
                del self._threads[number]
                with self.lock:
                    self._alive -= 1
                if not self._threads:
                    from stagekit._run.backends.threads import no_thread

                    raise no_thread(error) from error
                self.limit = len(self._threads)
                self._is_waking = False
                return

    def _all_gone(self) -> None:
        self._join()
        self.is_over = True

    def _live(self, number: int, others: int) -> None:
        try:
            self._spread(others)
            self._is_waking = False
            self._work(number)
        except BaseException as error:  # noqa: BLE001 - a defect of ours, told by the owner
            crash = error
            self.post(lambda: self.crashed(crash))
        finally:
            with self.lock:
                self._alive -= number != self._lost
                is_last = self.is_closed and not self._alive
            if is_last:
                self.post(self._all_gone)

    def _rest(self) -> bool:
        """Wait to be called; return whether there is more to do."""
        self._idle.append(None)
        if self.heap:  # came before this worker could be called
            try:
                self._idle.pop()
            except IndexError:  # but it has been called just now
                pass
            else:
                return True
        if self._wake.get() is None:
            self._wake.put(None)  # for the next one
            return False
        self._is_waking = False
        return True

    def _work(self, number: int) -> None:
        session, scheduler, plan = self.session, self.session.scheduler, self.session.plan
        columns, heap, lock = session.columns, self.heap, self.lock
        status, left, rank, by_rank = (
            scheduler.status,
            scheduler.left,
            scheduler.rank,
            scheduler.by_rank,
        )
        values: List[Any] = columns.values
        starts, ends, workers = columns.starts or [], columns.ends, columns.workers or []
        calls, children, indegree, base = plan.calls, plan.children, plan.indegree, plan.constants
        copy, clock, kind = session.context.copy, perf_counter_ns, type  # globals are slower
        push, pop, pushpop = self.push, self.pop, self.pushpop
        decided = self.decided
        now = clock()
        kept = -1  # the rank of the step to go on with
        while True:
            if kept < 0:
                try:
                    kept = pop(heap)
                except IndexError:
                    if not self._rest():
                        return
                    continue
                now = clock()
                if heap and not self._is_waking:
                    self.wake()
            if self.is_closed:
                return
            step = by_rank[kept]
            kept = -1
            fn, a, b, rest, promise = calls[step]
            status[step] = RUNNING
            workers[step] = number
            starts[step] = now
            if decided is not None:
                decided.append(~step)
                self.notify()
            try:
                if rest is None:
                    if a < 0:
                        value = copy().run(fn)
                    elif b < 0:
                        value = copy().run(fn, values[a])
                    else:
                        value = copy().run(fn, values[a], values[b])
                elif rest:
                    value = copy().run(fn, *[values[slot] for slot in rest])
                else:
                    value = copy().run(fn, values)
                if (value is None and promise) or kind(value) is COROUTINE or promise > 1:
                    check_value(value, promise)
            except BaseException as error:  # noqa: BLE001 - the session judges it
                ends[step] = now = clock()
                self.raised(step, error)
                continue
            if self.is_abandoned:
                return
            values[base + step] = value
            ends[step] = now = clock()
            status[step] = SUCCEEDED
            if decided is not None:
                decided.append(step)
                self.notify()
            below = children[step]
            if not below:
                self.leaf_ended()
                continue
            for child in below:
                if indegree[child] > 1:
                    with lock:
                        left[child] = waiting = left[child] - 1
                    if waiting:
                        continue
                    now = clock()  # later than the ends of its other parents
                    if scheduler.trouble:
                        self.release(child)
                        continue
                place = rank[child]
                if kept < 0:
                    kept = place
                elif kept < place:
                    push(heap, place)
                else:
                    push(heap, kept)
                    kept = place
            if heap and kept >= 0:
                place = pushpop(heap, kept)
                if place != kept:
                    kept = place
                    now = clock()
                if not self._is_waking:
                    self.wake()
