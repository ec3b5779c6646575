"""Workers that are forked from a fork server: the pool's end of it."""

from __future__ import annotations

import subprocess
from array import array
from socket import SCM_RIGHTS, SOL_SOCKET, socket, socketpair
from threading import Lock
from typing import TYPE_CHECKING, Dict, List

from stagekit.executors._processes.forkserver import BEGUN, ENDED, MESSAGE, SIGNAL, START
from stagekit.executors._processes.process_exit import signal_group
from stagekit.executors._processes.spawn import Ended, start_python

if TYPE_CHECKING:
    from stagekit.executors._processes.worker_handle import WorkerHandle


PATIENCE = 5.0  # seconds that a process has to end which has nothing to do any more


class ForkServerLauncher:
    """Has workers forked by a process that does nothing else."""

    def __init__(self, ended: Ended) -> None:
        self._ended = ended
        self._alive: Dict[int, WorkerHandle] = {}
        self._lock = Lock()
        self._rest = b""
        self._is_lost = False  # there is no fork server any more
        self.sockets: List[socket] = []

        here, there = socketpair()
        self._sock = here
        with there:
            self._process = start_python(
                "from stagekit.executors._processes.forkserver import main; "
                f"main({there.fileno()})",
                pass_fds=(there.fileno(),),
            )
        self.sockets.append(here)

    def start(self, link: WorkerHandle) -> None:
        """Ask for a worker, and give it its sockets."""
        fds = array("i", link.far_fds)
        with self._lock:
            self._alive[link.number] = link
            is_lost = self._is_lost
        if is_lost:
            link.has_started()
            self._lost(link)
            return
        try:
            with self._lock:
                self._sock.sendmsg(
                    [MESSAGE.pack(START, link.number, 0)], [(SOL_SOCKET, SCM_RIGHTS, fds)]
                )
        except OSError:  # the fork server is gone, which is noticed where it is listened to
            pass
        link.has_started()

    def signal(self, link: WorkerHandle, number: int) -> None:
        """Ask for a signal: only the fork server knows whether the worker is still there."""
        try:
            with self._lock:
                self._sock.sendall(MESSAGE.pack(SIGNAL, link.number, number))
        except OSError:
            if link.pid is not None:
                signal_group(link.pid, number)

    def listen(self, sock: socket) -> bool:
        """Read what the fork server tells."""
        try:
            data = sock.recv(4096)
        except OSError:
            data = b""
        if not data:
            with self._lock:
                self._is_lost = True
            for link in tuple(self._alive.values()):
                self._lost(link)
            return False
        data = self._rest + data
        whole = len(data) - len(data) % MESSAGE.size
        self._rest = data[whole:]
        for what, number, value in MESSAGE.iter_unpack(data[:whole]):
            if what == ENDED:
                self._alive.pop(number, None)
                self._ended(number, value)
            elif what == BEGUN and number in self._alive:
                self._alive[number].pid = value
        return True

    def kill(self) -> None:
        """End the fork server, which may be stopped; that it is gone is noticed as ever."""
        self._process.kill()

    def close(self) -> None:
        """End the fork server."""
        self._sock.close()  # with which it ends
        try:
            self._process.wait(PATIENCE)
        except subprocess.TimeoutExpired:  # somebody has stopped it
            self._process.kill()
            self._process.wait()

    def _lost(self, link: WorkerHandle) -> None:
        """End a worker whose fork server is gone: nobody could say any more how it ends."""
        self._alive.pop(link.number, None)
        if link.pid is not None:
            signal_group(link.pid, 9)
        self._ended(link.number, None)
