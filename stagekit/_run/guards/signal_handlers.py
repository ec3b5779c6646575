"""Handlers of signals that stages have set, and that are taken back at the end of the run.

What ends a program before a run ends it afterwards, too. Only the signals by which a program is
asked to end are looked after: what another one means is left to who sends it.
"""

from __future__ import annotations

import signal
import threading
from typing import Any, List, Sequence

from stagekit._base.problem import Location

# Any: handlers of users


def put_back(numbers: Sequence[int], before: Sequence[Any], now: Sequence[Any]) -> List[str]:
    """Put back the handlers that were there *before*; return what the caller should know.

    Off the main thread, where no handler can be set, nothing is done: it was not this run.
    """
    told: List[str] = []
    if threading.current_thread() is not threading.main_thread():
        return told
    for number, old, new in zip(numbers, before, now):
        if old is None or old == new:  # None: it was set by no Python, and cannot be put back
            continue
        signal.signal(number, old)
        name = signal.Signals(number).name
        told.append(
            f"a stage has set {_shown(new)} for {name}, which is taken back now that the run is "
            "over; set it before the run, or after it"
        )
    return told


def _shown(handler: Any) -> str:
    if isinstance(handler, int):
        return signal.Handlers(handler).name
    name = getattr(handler, "__qualname__", None) or type(handler).__name__
    code = getattr(handler, "__code__", None)
    place = "" if code is None else f" ({Location(code.co_filename, code.co_firstlineno)})"
    return f"the handler {name}{place}"
