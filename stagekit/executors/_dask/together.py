"""What happens on a Dask worker to short calls that were sent together: one after another.

A task of Dask costs milliseconds, and so does what a call writes down to be made once. Calls that
are shorter than that share one task. Each is told of by itself, and the worker waits until the
scheduler has heard it: that one begins, and with it how the one before has ended, its value
included. So it is known of a worker that dies which of its calls have ended, and which single one
it was making.
"""

from __future__ import annotations

import pickle
from functools import partial
from threading import Lock
from typing import Any, Dict, List, Optional, Sequence, Set, Tuple

from stagekit._base.sending import by_value
from stagekit.executors._dask.work import (
    PART,
    CallFailedError,
    Ticket,
    claim,
    distributed,
    end_claim,
    make,
    small,
    the_worker,
)

# Any: values of stages, and Dask's own objects, which may have no types

END = "end"  # instead of a progress: which part begins, and how the one before has ended
HERE, KEPT, RAISED = "here", "kept", "raised"  # a value as it is, one that stays there, an error
Part = Tuple[Tuple[Any, ...], bytes, int, int]  # ticket, envelope, and which of *held* are its own

_lock = Lock()
_begun: Dict[str, int] = {}  # by key of the task: the part that has begun last
_withdrawn: Dict[str, Set[int]] = {}


def carry_together(ticket: Tuple[Any, ...], packed: bytes, *held: Any) -> Any:
    """Make calls on this worker, one after another; return the values that stay here, by place.

    Raises:
        CallFailedError: another worker has begun them.
    """
    worker, task = the_worker(), Ticket(*ticket)
    parts: Sequence[Part] = pickle.loads(packed)  # noqa: S301 - from the scheduler we serve
    beginning, entries = claim(worker, task)
    log = partial(_log, worker, task.pool)
    with _lock:
        _begun[task.key] = -1
        names = [name for name in entries if name.startswith(PART)]
        _withdrawn[task.key] = {int(name[len(PART) :]) for name in names}
    kept: Dict[int, Any] = {}
    end: Optional[List[Any]] = None
    try:
        for number, (call, envelope, first, last) in enumerate(parts):
            if _may_begin(task.key, number):
                log([task.key, END, number, end])
                value, thrown = make(Ticket(*call), envelope, held[first:last], log)
                if thrown is not None:
                    end = [RAISED, by_value(CallFailedError("raised", call[1], thrown))]
                    continue
                data = small(value, task.small)
                end = [KEPT if data is None else HERE, data]
                if data is None:
                    kept[number] = value
        log([task.key, END, len(parts), end])
    finally:
        with _lock:
            del _begun[task.key], _withdrawn[task.key]
    end_claim(worker, task, beginning)
    return kept or None


def withdraw_part(key: str, number: int) -> Optional[bool]:
    """Have a part not begin; tell whether it had not, and will not. None: the task is not here."""
    with _lock:
        if key not in _begun:
            return None
        if number > _begun[key]:
            _withdrawn[key].add(number)
        return number in _withdrawn[key]


def _may_begin(key: str, number: int) -> bool:
    with _lock:
        if number in _withdrawn[key]:
            return False
        _begun[key] = number
        return True


def _log(worker: Any, pool: str, told: List[Any]) -> None:
    """Tell the pool something, and wait until the scheduler has heard it: it stays in order."""
    log = worker.scheduler.log_event
    distributed().utils.sync(worker.loop, log, topic=pool, msg=told)
