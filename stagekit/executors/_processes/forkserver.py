"""The process that workers are forked from: it has one thread, and has imported what they need.

It is asked by messages of one size for a worker (which brings its sockets along) and to signal one,
and tells of each when it has begun and how it has ended. Only who has a process as its child can
signal it without ever meeting another one that was given the same number.
"""

from __future__ import annotations

import os
import select
import signal
from array import array
from contextlib import suppress
from socket import CMSG_LEN, MSG_WAITALL, SCM_RIGHTS, SOL_SOCKET, socket, socketpair
from struct import Struct
from typing import Dict, List, Tuple

from stagekit.executors._processes.inherited import reset_signals
from stagekit.executors._processes.process_exit import REFUSED, ended, exit_code, signal_group
from stagekit.executors._processes.worker_main import ignored, serve

MESSAGE = Struct("<BQi")
START, SIGNAL, BEGUN, ENDED = 1, 2, 3, 4
FDS = 3  # of a worker: wire, control, claims


class ForkServer:
    """Forks workers, and waits for them."""

    def __init__(self, pool: socket) -> None:
        self._pool = pool
        self._pids: Dict[int, int] = {}  # by number of the worker
        self._wake, self._waker = socketpair()
        self._waker.setblocking(False)  # noqa: FBT003 - it takes no names
        signal.set_wakeup_fd(self._waker.fileno(), warn_on_full_buffer=False)
        signal.signal(signal.SIGCHLD, ignored)
        signal.signal(signal.SIGINT, ignored)

    def run(self) -> None:
        """Serve until the pool's process is gone; then no worker stays."""
        poll = select.poll()
        poll.register(self._pool, select.POLLIN)
        poll.register(self._wake, select.POLLIN)
        while True:
            for fd, _ in poll.poll():
                if fd == self._wake.fileno():
                    self._wake.recv(4096)
                    self._reap()
                elif not self._obey():
                    signal.set_wakeup_fd(-1)  # our sockets are closed before the last one has ended
                    for pid in self._pids.values():
                        signal_group(pid, signal.SIGKILL)
                    return

    def _obey(self) -> bool:
        try:
            data, fds = _receive(self._pool)
        except OSError:
            return False
        if len(data) < MESSAGE.size:
            return False
        what, number, value = MESSAGE.unpack(data)
        if what == START:
            self._start(number, fds)
        elif what == SIGNAL and number in self._pids:
            signal_group(self._pids[number], value)
        return True

    def _start(self, number: int, fds: List[int]) -> None:
        try:
            pid = os.fork()
        except OSError as error:
            for fd in fds:
                os.close(fd)
            self._tell(ENDED, number, REFUSED + (error.errno or 0))
            return
        if pid:
            for fd in fds:
                os.close(fd)
            self._pids[number] = pid
            self._tell(BEGUN, number, pid)
            return
        os.setsid()
        signal.set_wakeup_fd(-1)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        for each in (self._pool, self._wake, self._waker):
            each.close()
        wire, control, claims = fds
        serve(socket(fileno=wire), socket(fileno=control), claims)

    def _reap(self) -> None:
        for number, pid in tuple(self._pids.items()):
            status = ended(pid)
            if status is not None:
                del self._pids[number]
                self._tell(ENDED, number, exit_code(status))

    def _tell(self, what: int, number: int, value: int) -> None:
        with suppress(OSError):  # the pool's process is gone; the next message from it says so
            self._pool.sendall(MESSAGE.pack(what, number, value))


def _receive(sock: socket) -> Tuple[bytes, List[int]]:
    fds = array("i")
    data, extra, _, _ = sock.recvmsg(MESSAGE.size, CMSG_LEN(FDS * fds.itemsize), MSG_WAITALL)
    for level, kind, content in extra:
        if level == SOL_SOCKET and kind == SCM_RIGHTS:
            fds.frombytes(content[: len(content) - len(content) % fds.itemsize])
    return data, list(fds)


def main(fd: int) -> None:
    """Be the process that workers are forked from."""
    import gc
    from importlib import import_module

    reset_signals()
    import_module("cloudpickle")  # 10 ms, once and not in each worker
    import_module("traceback")
    gc.freeze()
    server = ForkServer(socket(fileno=fd))
    server.run()
    os._exit(0)  # with its sockets open: to close them would warn of it
