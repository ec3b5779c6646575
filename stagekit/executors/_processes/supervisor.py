"""``Supervisor``: the workers of a pool, and what waits for them."""

from __future__ import annotations

import errno
import os
import signal
from functools import partial
from threading import Lock
from time import monotonic
from typing import TYPE_CHECKING, Callable, Iterable, List, Optional, Sequence, Tuple

from stagekit.errors import MachineLimitError, WorkerDiedError
from stagekit.executors._prefetch import Prefetch
from stagekit.executors._processes import protocol
from stagekit.executors._processes.assignment import Assignment
from stagekit.executors._processes.environment import environment
from stagekit.executors._processes.io_thread import IoThread
from stagekit.executors._processes.process_exit import REFUSED
from stagekit.executors._processes.protocol import Frame, RubbishError
from stagekit.executors._processes.worker_handle import WorkerHandle

if TYPE_CHECKING:
    from socket import socket

    from stagekit._base.pool_call import Batch, PoolCall
    from stagekit.executors._processes.call import Call
    from stagekit.executors._processes.spawn import Ended, Launcher

    Answer = Tuple[Call, Frame]

AHEAD_NS = 2_000_000  # of work that a worker may have before it; it takes 0.1 ms to send more
MOST_FAILED_STARTS = 3  # workers one after another that die before they are ready
END_PATIENCE = 10.0  # seconds in which a worker that was killed is known to have ended
REFUSED_PAUSE = 1.0  # seconds after which another worker is tried beside those that there are
PATIENCE = 0.05  # seconds that a lock is waited for that this very thread may hold


class Supervisor:
    """Gives calls to workers, starts those that are needed, and replaces those that die.

    Everything is done under one lock, by the thread that submits a call or by the I/O thread;
    answers are delivered outside of it.

    Args:
        size: the most workers at a time.
        launcher: makes what starts workers, given whom to tell how they end.
        grace: seconds that workers have to leave.
        max_value_bytes: of what a call returns, pickled, at most; None for any number.

    Attributes:
        prefetch: how many calls are wanted ahead of their turn.
    """

    def __init__(
        self,
        size: int,
        launcher: Callable[[Ended], Launcher],
        grace: float,
        max_value_bytes: Optional[int] = None,
    ) -> None:
        self._make_launcher = launcher
        self._grace = grace
        self._max_value_bytes = max_value_bytes
        self._lock = Lock()
        self._io: Optional[IoThread] = None
        self._launcher: Optional[Launcher] = None
        self._assignment = Assignment(size, self._start)
        self._size = size
        self.prefetch = Prefetch(AHEAD_NS)
        self._started = 0
        self._failed_starts = 0
        self._refusal: Optional[MachineLimitError] = None  # why no worker could be started
        self._refused_at = 0.0
        self._refused: List[Call] = []  # calls that are to fail with that
        self._is_shut = False
        self._is_forked = False
        self._is_leaving = False  # no call is under way, and the workers have been told
        self._is_delivering = False  # what is submitted meanwhile is given out together

    def add(self, call: Call) -> None:
        """Have a call made."""
        if self._is_forked:  # the lock may have been held in this moment
            raise RuntimeError(
                "cannot submit a call to a pool of the process that this one was forked off; "
                "make a pool here"
            )
        with self._lock:
            if self._is_shut:
                raise RuntimeError("cannot submit a call to a pool that is shut down")
            is_recalled = call.batch is not None and call.batch.is_recalled
            if not is_recalled:
                self._append(call)
        if is_recalled:
            call.withdrawn()
        self._fail_refused()

    def forget(self, number: int) -> None:
        """Have all workers forget a function."""
        with self._lock:
            for link in self._assignment.links.values():
                link.forget(number)
            self._flush(self._assignment.links.values())

    def withdraw(self, wanted: PoolCall) -> bool:
        """Withdraw a call that has not begun; return whether it was never made."""
        call: Optional[Call] = wanted.inner
        if call is None:
            return wanted.is_withdrawn
        with self._lock:
            is_withdrawn = self._assignment.withdraw(call)
            self._give_out()
            self._settle()
        if is_withdrawn:
            call.withdrawn()
        self._fail_refused()
        return wanted.is_withdrawn

    def stop(self, wanted: PoolCall, *, force: bool) -> None:
        """End a call; one that has not begun is only withdrawn."""
        call: Optional[Call] = wanted.inner
        if call is None:
            return
        with self._lock:
            is_withdrawn = self._assignment.withdraw(call)
            link = call.link
            # Calls that may begin after it have been taken back: it runs, or the last one does.
            if not is_withdrawn and link is not None and link.sent[-1] is call:
                self._end(link, signal.SIGKILL if force else signal.SIGTERM, "stopped by {}")
            self._give_out()
            self._settle()
        if is_withdrawn:
            call.withdrawn()
        self._fail_refused()

    def recall(self, batch: Batch) -> None:
        """Withdraw the calls of a batch that have not begun, and those to come."""
        if not self._lock.acquire(timeout=PATIENCE):  # a handler has interrupted who holds it
            if self._io is not None:
                self._io.soon(partial(self.recall, batch))
            return
        try:
            batch.is_recalled = True
            recalled = self._assignment.recall(batch)
            self._give_out()
            self._settle()
        finally:
            self._lock.release()
        if recalled and self._io is not None:
            self._io.soon(partial(_withdraw, recalled))

    def shut(self, *, cancels: bool, ends: bool) -> None:
        """Take no more calls, and let workers leave when they have made those there are.

        Args:
            cancels: withdraw calls that have not begun.
            ends: end those that have, too, after a time of grace.
        """
        with self._lock:
            self._is_shut = True
            waiting = self._assignment.withdraw_all() if cancels or ends else []
            if ends:
                for link in self._assignment.links.values():
                    if link.sent:
                        self._end(link, signal.SIGTERM, "stopped by {}")
                if self._io is not None:
                    self._io.soon(self._kill_later)
            self._settle()
        _withdraw(waiting)

    def join(self) -> None:
        """Wait until all workers have left."""
        if self._io is not None:
            self._io.join()

    def close_later(self) -> None:
        """Shut, from wherever the pool was last used; takes no lock, which may be held there."""
        if self._io is not None:
            self._io.soon(partial(self.shut, cancels=False, ends=False))

    def forked(self) -> None:
        """Let go of everything, in a process that somebody has forked off this one."""
        self._is_shut = self._is_forked = True
        for link in self._assignment.links.values():
            link.close()
        for sock in self._launcher.sockets if self._launcher is not None else ():
            sock.close()

    # Under the lock:

    def _append(self, call: Call) -> None:
        queue = self._assignment.queue
        queue.append(call)
        if len(queue) == 1 and not self._is_delivering:
            self._give_out()

    def _give_out(self) -> None:
        self._flush(self._assignment.give_out())
        if self._refusal is not None and not self._assignment.links:
            self._refused += self._assignment.withdraw_all()

    def _flush(self, links: Iterable[WorkerHandle]) -> None:
        io = self._io
        for link in links:
            if not link.flush() and io is not None:
                io.soon(partial(io.write, link.wire, partial(self._write, link)))

    def _start(self) -> Optional[WorkerHandle]:
        """Start a worker; return None where the machine refuses that."""
        if self._assignment.links and monotonic() < self._refused_at + REFUSED_PAUSE:
            return None
        try:
            return self._try_start()
        except (OSError, RuntimeError, MemoryError) as error:
            self._note_refusal(error)
            return None

    def _try_start(self) -> WorkerHandle:
        io = self._io
        if io is None:
            io = IoThread()
            try:
                io.start()
            except BaseException:
                io.close()
                raise
            self._io = io
        if self._launcher is None:
            self._launcher = self._launch(io)
        self._started += 1
        link = self._assignment.links[self._started] = WorkerHandle(self._started)
        link.begin({**environment(), "max_value_bytes": self._max_value_bytes})
        try:
            self._launcher.start(link)
        except BaseException:
            del self._assignment.links[link.number]
            link.close()
            raise
        io.soon(partial(io.listen, link.wire, partial(self._read, link)))
        return link

    def _note_refusal(self, error: BaseException) -> None:
        self._refusal = _refusal_of(error)
        self._refused_at = monotonic()

    def _launch(self, io: IoThread) -> Launcher:
        launcher = self._make_launcher(
            lambda number, status: io.soon(partial(self._ended, number, status))
        )
        for sock in launcher.sockets:
            io.soon(partial(io.listen, sock, partial(self._listen, launcher, sock)))
        return launcher

    def _end(self, link: WorkerHandle, number: signal.Signals, reason: str) -> None:
        self._assignment.spare(link)
        link.reason = reason.format(number.name)
        if self._launcher is not None:
            self._launcher.signal(link, number)
            if number == signal.SIGKILL:
                self._expect_end(link)

    def _expect_end(self, link: WorkerHandle) -> None:
        """Look later whether a worker has ended that cannot go on."""
        io = self._io
        if io is not None:
            io.soon(partial(io.after, END_PATIENCE, partial(self._must_have_ended, link)))

    def _settle(self) -> None:
        """Have all workers leave, once nothing is to be done any more."""
        if not self._is_shut or self._is_leaving or self._assignment.is_busy:
            return
        self._is_leaving = True
        for link in self._assignment.links.values():
            self._assignment.spare(link)
            link.leave()
        self._flush(self._assignment.links.values())
        if self._io is not None:
            self._io.soon(self._kill_later)
            self._io.soon(self._finish)

    # On the I/O thread's thread:

    def _read(self, link: WorkerHandle) -> None:
        """Take the answers of a worker."""
        try:
            is_open = link.frames.receive()
        except BlockingIOError:
            return
        except RubbishError as error:
            self._break(link, str(error))
            return
        except (OSError, MemoryError):
            is_open = False
        self._deliver(self._take(link))
        if not is_open:
            self._break(link, "")

    def _take(self, link: WorkerHandle) -> List[Answer]:
        answers: List[Answer] = []
        with self._lock:
            while link.frames.ready:
                frame = link.frames.ready.popleft()
                if frame.kind == protocol.READY:
                    link.is_ready = True
                    link.pid = int(frame.body)
                    self._failed_starts = 0
                    continue
                if not link.sent or link.sent[0].number != frame.number:
                    self._break_later(link)
                    break
                call = link.sent[0]
                if frame.kind not in protocol.ON_THE_WAY:
                    link.sent.popleft()
                    call.link = None
                answers.append((call, frame))
            if not link.sent:
                if not link.is_ending:
                    self._assignment.idle(link)
                elif not self._is_leaving:
                    link.leave()
                    self._flush((link,))
            self._give_out()
            self._settle()
        return answers

    def _deliver(self, answers: Sequence[Answer]) -> None:
        """Deliver answers; calls that are submitted because of them are given out together."""
        if not answers:
            return
        self._is_delivering = True
        for answer in answers:
            if answer[1].kind not in protocol.ON_THE_WAY:
                self.prefetch.ended(answer[1].took, self._size)
            answer[0].heard(answer[1])
        with self._lock:
            self._is_delivering = False
            self._give_out()
            self._settle()
        self._fail_refused()

    def _break_later(self, link: WorkerHandle) -> None:
        if self._io is not None:
            self._io.soon(partial(self._break, link, "it sent an answer that nobody asked for"))

    def _break(self, link: WorkerHandle, reason: str) -> None:
        """End a worker that cannot be talked to; how it has ended is told by who started it."""
        with self._lock:
            if self._io is None or not link.is_open:
                return
            link.is_open = False
            self._assignment.spare(link)
            link.reason = link.reason or reason
            self._io.leave(link.wire)
            if self._launcher is not None and (reason or not self._is_leaving):
                self._launcher.signal(link, signal.SIGKILL)
            self._expect_end(link)

    def _must_have_ended(self, link: WorkerHandle) -> None:
        """End what starts workers if it has not told the end of one: it is stopped, or stuck."""
        if link.number in self._assignment.links and self._launcher is not None:
            self._launcher.kill()

    def _write(self, link: WorkerHandle) -> bool:
        with self._lock:
            return link.flush()

    def _listen(self, launcher: Launcher, sock: socket) -> None:
        if not launcher.listen(sock) and self._io is not None:
            self._io.leave(sock)
            with self._lock:  # the next worker is started by another one
                self._launcher = None
            launcher.close()

    def _ended(self, number: int, status: Optional[int]) -> None:
        """Fail what a worker had begun, have the rest made by others, and let go of it."""
        link = self._assignment.links.get(number)
        if link is None:
            return
        while link.is_open:  # what it has answered before it ended
            try:
                if not link.frames.receive():
                    break
            except (OSError, MemoryError):
                break
            except RubbishError as error:
                link.reason = link.reason or str(error)
                break
        self._deliver(self._take(link))
        with self._lock:
            failed = self._bury(link)
            if not link.is_ready and status is not None and status >= REFUSED:
                self._note_refusal(OSError(status - REFUSED, os.strerror(status - REFUSED)))
                self._failed_starts = 0
                if not self._assignment.links:
                    self._refused += self._assignment.withdraw_all()
            lost = self._give_up() if self._failed_starts >= MOST_FAILED_STARTS else []
            self._give_out()
            self._settle()
        name = "a process" if link.pid is None else f"process {link.pid}"
        for call in failed:
            call.failed(WorkerDiedError(name, status, link.reason))
        for call in lost:
            call.failed(WorkerDiedError(name, status, "no worker could be started"))
        self._fail_refused()
        self._finish()

    def _fail_refused(self) -> None:
        """Fail the calls for which no worker could be started, outside of the lock."""
        if not self._refused:
            return
        with self._lock:
            calls, self._refused = self._refused, []
            error, self._refusal = self._refusal, None
        for call in calls:
            call.failed(error or WorkerDiedError("a process", None, "no worker could be started"))

    def _bury(self, link: WorkerHandle) -> List[Call]:
        if self._io is not None:
            self._io.leave(link.wire)
        begun = self._assignment.bury(link)
        link.close()
        if not link.is_ready and not link.reason:
            self._failed_starts += 1
        return begun

    def _give_up(self) -> List[Call]:
        self._failed_starts = 0
        return self._assignment.withdraw_all()

    def _kill_later(self) -> None:
        if self._io is not None:
            self._io.after(self._grace, self._kill)

    def _kill(self) -> None:
        with self._lock:
            for link in self._assignment.links.values():
                self._end(link, signal.SIGKILL, link.reason)

    def _finish(self) -> None:
        """End the thread, once all workers have left."""
        with self._lock:
            if not self._is_leaving or self._assignment.links or self._io is None:
                return
            launcher, self._launcher = self._launcher, None
            io = self._io
        if launcher is not None:
            for sock in launcher.sockets:
                io.leave(sock)
            launcher.close()
        io.end()


def _refusal_of(error: BaseException) -> MachineLimitError:
    """Return what the machine refuses, from what has come of starting a worker."""
    number = getattr(error, "errno", None)
    if isinstance(error, MemoryError) or number == errno.ENOMEM:
        what = "memory"
    elif number in (errno.EMFILE, errno.ENFILE):
        what = "open files"
    elif isinstance(error, RuntimeError):
        what = "threads"
    else:
        what = "processes"
    advice = "run with fewer workers, or raise its limits, which `ulimit -a` lists"
    return MachineLimitError(what, str(error) or type(error).__name__, advice)


def _withdraw(calls: Sequence[Call]) -> None:
    for call in calls:
        call.withdrawn()
