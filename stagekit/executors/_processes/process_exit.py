"""How processes of a group are ended, and how one of them has ended."""

from __future__ import annotations

import os
import signal
from typing import Optional

# Instead of an exit code: no process was started, or it could not begin; and the error number.
REFUSED = 1000


def exit_code(status: int) -> int:
    """Return how a process ended: its exit code, or minus the signal that ended it."""
    return -os.WTERMSIG(status) if os.WIFSIGNALED(status) else os.WEXITSTATUS(status)


def ended(pid: int, *, wait: bool = False) -> Optional[int]:
    """Return the status of a process that has ended, once what its calls have started is ended.

    For that its number must still be its own, so it is looked at before it is taken note of.
    """
    if hasattr(os, "waitid"):
        flags = os.WEXITED | os.WNOWAIT | (0 if wait else os.WNOHANG)
        if os.waitid(os.P_PID, pid, flags) is None:
            return None
        signal_group(pid, signal.SIGKILL)
        return os.waitpid(pid, 0)[1]
    found, status = os.waitpid(pid, 0 if wait else os.WNOHANG)  # macOS, before Python 3.13
    if not found:
        return None
    signal_group(pid, signal.SIGKILL)
    return status


def signal_group(pid: int, number: int) -> None:
    """Signal a worker and what its calls have started; it alone, before it has a group."""
    for send in (os.killpg, os.kill):
        try:
            send(pid, number)
        except OSError:
            continue
        return
