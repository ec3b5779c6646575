"""Daemon threads as a backend; joined before the run returns, but for those given up on."""

from __future__ import annotations

from queue import SimpleQueue
from threading import Lock, Thread, current_thread
from typing import TYPE_CHECKING, Any, Dict, List, Optional, Set

from stagekit._base.text import error_line
from stagekit.errors import MachineLimitError

if TYPE_CHECKING:
    from stagekit._run.backends.job import Job, Post


def no_thread(error: BaseException) -> MachineLimitError:
    """Return what is raised where a thread cannot be started."""
    return MachineLimitError(
        "threads",
        error_line(error),
        "end what holds them, or raise its limit (ulimit -u, ulimit -v, a container's pids limit)",
    )


class ThreadBackend:
    """Starts a thread where none is idle; never waits for one that was given up on."""

    name = "threads"
    can_kill = False
    reasks = False
    walks = True
    recalls = False
    returns_handles = False
    queues = False
    is_elsewhere = False
    ahead = 0

    def __init__(self, post: Post, capacity: int) -> None:
        self.capacity = capacity
        self._post = post
        self._jobs: SimpleQueue[Optional[Job]] = SimpleQueue()
        self._lock = Lock()
        self._idle = 0  # threads that wait, less the jobs that wait for them
        self._threads: List[Thread] = []
        self._at_work: Dict[int, Thread] = {}
        self._abandoned: Set[Thread] = set()
        self._never: Set[int] = set()  # tickets given up on before a thread took them

    def start(self, job: Job) -> None:
        """Hand a call to a thread that waits, or to a new one."""
        self._jobs.put(job)
        with self._lock:
            self._idle -= 1
            needs_more = self._idle < 0
            if needs_more:
                self._idle += 1
        if needs_more:
            self._start_thread()

    def _start_thread(self) -> None:
        name = f"stagekit-{len(self._threads) + 1}"
        thread = Thread(target=self._work, name=name, daemon=True)
        try:
            thread.start()
        except (RuntimeError, MemoryError) as error:  # no more to be had: go on with fewer
            if not self._threads:
                raise no_thread(error) from error
            with self._lock:
                self._idle -= 1  # the call waits for one of those that are there
        else:
            self._threads.append(thread)

    def stop(self, ticket: int, *, force: bool) -> None:
        """Do nothing: a thread cannot be ended; its token has been cancelled."""

    def recall(self) -> None:
        """Do nothing: threads take calls at once."""

    def abandon(self, ticket: int) -> None:
        """Wait no longer for the thread of a call; one that no thread has taken is not made."""
        with self._lock:
            thread = self._at_work.get(ticket)
            if thread is None:
                self._never.add(ticket)
            else:
                self._abandoned.add(thread)

    def close(self) -> None:
        """End the threads, and wait for those that were not given up on."""
        for _ in self._threads:
            self._jobs.put(None)
        for thread in self._threads:
            if thread not in self._abandoned:
                thread.join()

    def _takes(self, job: Job, thread: Thread) -> bool:
        """Note that a thread takes a call, unless that has been given up on."""
        with self._lock:
            if job.ticket in self._never:
                self._idle += 1
                return False
            self._at_work[job.ticket] = thread
            return True

    def _work(self) -> None:
        thread = current_thread()
        while True:
            job = self._jobs.get()
            if job is None:
                return
            if not self._takes(job, thread):
                continue
            error: Optional[BaseException] = None
            value: Any = None
            try:
                value = job.call()
            except BaseException as found:  # noqa: BLE001 - judged by the owner
                error = found
            with self._lock:
                del self._at_work[job.ticket]
                self._abandoned.discard(thread)
                self._idle += 1
            ticket = job.ticket
            del job
            self._post(ticket, value, error)
            del value, error
