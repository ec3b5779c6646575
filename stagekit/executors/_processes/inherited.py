"""What a process inherits from the one that has started it, and a worker is not to have."""

from __future__ import annotations

import os
import signal

# Python itself ignores the first two; who ignores SIGHUP (nohup) means all that is started, too.
_KEPT = tuple(getattr(signal, name, None) for name in ("SIGPIPE", "SIGXFSZ", "SIGHUP"))


def reset_signals() -> None:
    """Have signals come to this process as to any other: none blocked, none ignored.

    The thread that has started it may have had them blocked, and its process may ignore some.
    """
    if not hasattr(signal, "pthread_sigmask"):
        return
    for number in range(1, signal.NSIG):
        try:
            is_ignored = signal.getsignal(number) == signal.SIG_IGN
            if is_ignored and number not in _KEPT:
                signal.signal(number, signal.SIG_DFL)
        except (OSError, ValueError):  # not a signal, or one that nobody can change
            continue
    signal.pthread_sigmask(signal.SIG_SETMASK, ())


def umask() -> int:
    """Return which permissions this process takes off files that it makes; -1 where unknown.

    Where it can only be asked for by changing it, other threads could make files meanwhile.
    """
    try:
        with open("/proc/self/status", encoding="ascii", errors="replace") as status:
            for line in status:
                if line.startswith("Umask:"):
                    return int(line.split()[1], 8)
    except (OSError, ValueError, IndexError):
        pass
    return -1


def take_umask(mask: int) -> None:
    """Take the same permissions off."""
    if mask >= 0:
        os.umask(mask)
