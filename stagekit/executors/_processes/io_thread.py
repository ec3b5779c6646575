"""``IoThread``: the one thread of a pool, which waits for all of its sockets at once."""

from __future__ import annotations

import selectors
import sys
from collections import deque
from contextlib import suppress
from heapq import heappop, heappush
from itertools import count
from socket import socket, socketpair
from threading import ExceptHookArgs, Thread, current_thread, excepthook
from time import monotonic
from typing import Any, Callable, Deque, List, Tuple

READ, WRITE = selectors.EVENT_READ, selectors.EVENT_WRITE


class IoThread:
    """Calls functions on a thread of its own: when a socket is ready, or when somebody asks."""

    def __init__(self) -> None:
        self._selector = selectors.DefaultSelector()
        self._todo: Deque[Callable[[], object]] = deque()
        self._wake, self._waker = socketpair()
        for each in (self._wake, self._waker):
            each.setblocking(False)  # noqa: FBT003 - it takes no names
        self.listen(self._wake, self._woken)
        self._timers: List[Tuple[float, int, Callable[[], object]]] = []  # a heap
        self._count = count()
        self._is_over = False
        self._thread = Thread(target=self._run, name="stagekit-processes", daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def soon(self, todo: Callable[[], object]) -> None:
        """Have something done on the thread; on any thread, and while any lock is held."""
        self._todo.append(todo)
        with suppress(OSError):  # it has been woken often enough, or is over
            self._waker.send(b"1")

    def after(self, seconds: float, todo: Callable[[], object]) -> None:
        """Have something done later; on the thread."""
        heappush(self._timers, (monotonic() + seconds, next(self._count), todo))

    def listen(self, sock: socket, ready: Callable[[], object]) -> None:
        """Have a function called when there is something to read; on the thread."""
        if sock.fileno() >= 0:  # else it was closed meanwhile
            self._selector.register(sock, READ, (ready, None))

    def write(self, sock: socket, ready: Callable[[], bool]) -> None:
        """Have a function called, too, when there is room, until it returns True."""
        try:
            key = self._selector.get_key(sock)
        except (KeyError, ValueError):  # closed since
            return
        self._selector.modify(sock, READ | WRITE, (key.data[0], ready))

    def leave(self, sock: socket) -> None:
        """Listen to a socket no more; on the thread."""
        with suppress(KeyError, ValueError):
            self._selector.unregister(sock)

    def end(self) -> None:
        """End the thread; on the thread."""
        self._is_over = True

    def join(self) -> None:
        """Wait for the end of the thread, unless this is it."""
        if current_thread() is not self._thread and self._thread.ident is not None:
            self._thread.join()

    def close(self) -> None:
        """Close what is ours."""
        self._selector.close()
        self._wake.close()
        self._waker.close()

    def _run(self) -> None:
        while not self._is_over:
            timers = self._timers
            timeout = max(0.0, timers[0][0] - monotonic()) if timers else None
            for key, events in self._selector.select(timeout):
                ready, room = key.data
                if events & WRITE and room is not None and _call(room):
                    self._stop_writing(key.fileobj, ready)
                if events & READ:
                    _call(ready)
            while self._todo:
                _call(self._todo.popleft())
            while timers and monotonic() >= timers[0][0] and not self._is_over:
                _call(heappop(timers)[2])
        self.close()

    # Any: whatever a selector takes
    def _stop_writing(self, sock: Any, ready: Callable[[], object]) -> None:
        with suppress(KeyError, ValueError):  # closed since
            self._selector.modify(sock, READ, (ready, None))

    def _woken(self) -> None:
        with suppress(OSError):
            self._wake.recv(4096)


def _call(todo: Callable[[], object]) -> object:
    """Call a function; whatever it raises, the thread goes on: there is no other one."""
    try:
        return todo()
    except BaseException:  # noqa: BLE001 - a defect, told as that of any thread
        excepthook(ExceptHookArgs((*sys.exc_info(), current_thread())))
        return None
