"""A process that a stage has forked, and that comes back from the stage as this one does.

There it would go on with the run: call the stages that follow a second time, and tell of them. So
it is ended as soon as it is back in our code. What forks otherwise is left alone: it runs its own
code to its own end, as the processes of ``multiprocessing`` do.
"""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING, Any, NoReturn, Optional

if TYPE_CHECKING:
    from types import FrameType

CODE = 70  # of its exit: sysexits.h calls it an internal error of software
_OURS = "stagekit._run."
_ENDS_ITSELF = "multiprocessing."


def guard(frame: Optional[FrameType]) -> None:  # pragma: no cover - it traces itself
    """Have this process, which has just been forked, end where it comes back to a run.

    Args:
        frame: of who has forked.
    """
    while frame is not None:
        module = str(frame.f_globals.get("__name__"))
        if module.startswith(_ENDS_ITSELF):
            return
        if module.startswith(_OURS):
            frame.f_trace = _end
            sys.settrace(_ignore)
            return
        frame = frame.f_back


def _ignore(*_: object) -> None:
    """Look into no function that begins after the fork."""


def _end(*_: Any) -> NoReturn:  # pragma: no cover - as above; Any: what a trace function is told
    text = (
        f"stagekit: process {os.getpid()} was forked by a stage of process {os.getppid()} and has "
        "returned from it, too; it is ended here. End what you fork with os._exit().\n"
    )
    os.write(2, text.encode())
    os._exit(CODE)
