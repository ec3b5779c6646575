"""How worker processes are started, signalled and waited for; here: each a new interpreter."""

from __future__ import annotations

import os
import subprocess
import sys
from socket import socket
from threading import Lock, Thread
from typing import TYPE_CHECKING, Any, Callable, Dict, List, Optional, Protocol

from stagekit._base.shadowing import safe_path
from stagekit.executors._processes.process_exit import ended, exit_code, signal_group

if TYPE_CHECKING:
    from stagekit.executors._processes.worker_handle import WorkerHandle

# Any: options of subprocess.Popen, which differ from system to system

# Told, on any thread, that a worker has ended: its number, and how, where that is known.
Ended = Callable[[int, Optional[int]], object]


class Launcher(Protocol):
    """Starts worker processes."""

    def start(self, link: WorkerHandle) -> None:
        """Start the worker of a link."""

    def signal(self, link: WorkerHandle, number: int) -> None:
        """Signal a worker, and what its calls have started; nobody, where it has ended."""

    def listen(self, sock: socket) -> bool:
        """Read what has come for the launcher; return whether there can be more."""
        ...

    @property
    def sockets(self) -> List[socket]:
        """What is to be listened to."""
        ...

    def kill(self) -> None:
        """End what starts workers, where it does not do what it is asked to; they end with it."""

    def close(self) -> None:
        """Let go; all workers have ended."""


class SpawnLauncher:
    """Starts each worker as a new interpreter."""

    def __init__(self, ended: Ended) -> None:
        self._ended = ended
        self._lock = Lock()
        self._alive: Dict[int, subprocess.Popen[bytes]] = {}
        self.sockets: List[socket] = []

    def start(self, link: WorkerHandle) -> None:
        """Start an interpreter that inherits the sockets."""
        process = _spawn(link)
        link.has_started()
        link.pid = process.pid
        self._alive[link.number] = process
        try:
            Thread(
                target=self._wait, args=(link.number, process), name="stagekit-wait", daemon=True
            ).start()
        except BaseException:  # nobody would notice how it ends
            del self._alive[link.number]
            process.kill()
            process.wait()
            raise

    def signal(self, link: WorkerHandle, number: int) -> None:
        """Signal a worker that has not been waited for."""
        with self._lock:
            process = self._alive.get(link.number)
            if process is None:
                return
            if sys.platform == "win32":
                process.terminate()
            else:
                signal_group(process.pid, number)

    def listen(self, sock: socket) -> bool:  # noqa: ARG002 - a launcher like the other
        """There is nothing to listen to."""
        return False

    def kill(self) -> None:
        """There is nothing between this process and its workers."""

    def close(self) -> None:
        """There is nothing to let go of."""

    def _wait(self, number: int, process: subprocess.Popen[bytes]) -> None:
        if sys.platform == "win32":
            code = process.wait()
            with self._lock:
                del self._alive[number]
        else:
            code = self._wait_for_group(number, process)
        self._ended(number, code)

    def _wait_for_group(self, number: int, process: subprocess.Popen[bytes]) -> Optional[int]:
        code: Optional[int] = None
        try:
            if hasattr(os, "waitid"):
                os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
            with self._lock:  # nobody signals it any more
                del self._alive[number]
                status = ended(process.pid, wait=True)
            code = None if status is None else exit_code(status)
        except ChildProcessError:  # somebody else has waited for it
            self._alive.pop(number, None)
        process.returncode = 0 if code is None else code  # it is not to be waited for again
        return code


def _spawn(link: WorkerHandle) -> subprocess.Popen[bytes]:
    if sys.platform == "win32":
        return _spawn_with_shares(link)
    fds = link.far_fds
    code = (
        "from socket import socket; from stagekit.executors._processes.worker_main import serve; "
        "serve(socket(fileno={}), socket(fileno={}), {})"
    )
    return start_python(code.format(*fds), pass_fds=fds)


def _spawn_with_shares(link: WorkerHandle) -> subprocess.Popen[bytes]:
    """Start an interpreter and send it the sockets, on Windows."""
    code = (
        "import sys; from socket import fromshare; "
        "from stagekit.executors._processes.worker_main import serve; "
        "take = lambda: fromshare(sys.stdin.buffer.read(int(sys.stdin.buffer.read(8)))); "
        "wire = take(); serve(wire, take(), None)"
    )
    process = start_python(code, stdin=subprocess.PIPE)
    if process.stdin is not None:
        for each in link.far_sockets:
            share: Any = getattr(each, "share")  # noqa: B009 - only Windows has it
            data = share(process.pid)
            process.stdin.write(b"%8d" % len(data) + data)
        process.stdin.close()
    return process


def _no_flags() -> List[str]:
    return []


def start_python(code: str, **options: Any) -> subprocess.Popen[bytes]:
    """Start an interpreter like this one, which finds our modules where we have found them.

    What a file of the user hides is found, too: its folder comes last until calls are made.
    """
    flags: Callable[[], List[str]] = getattr(subprocess, "_args_from_interpreter_flags", _no_flags)
    path = f"import sys; sys.path[:] = {safe_path(sys.path)!a}; "
    options.setdefault("stdin", subprocess.DEVNULL)
    if os.name == "posix":
        options["start_new_session"] = True
    command = [sys.executable, *flags(), "-c", path + code]
    process: Any = subprocess.Popen(command, **options)  # noqa: S603 - this interpreter
    found: subprocess.Popen[bytes] = process
    return found
