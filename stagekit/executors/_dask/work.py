"""What happens on a Dask worker: one call is claimed, made, and its value kept there.

Dask runs a task again when its worker died, and when its value was lost with a worker. The first
is never right here, for retries are ours; the second is, unless it was forbidden. So each call
writes down in the scheduler's metadata that it has begun and looks there for another beginning.
That it has ended is written down without waiting; the next call on the worker waits for it.
"""

from __future__ import annotations

import os
from asyncio import ensure_future, wait
from typing import (
    Any,
    Callable,
    Dict,
    Iterable,
    List,
    Mapping,
    NamedTuple,
    Optional,
    Tuple,
)

from stagekit._base.cancel import CancelToken
from stagekit._base.progress import USED, Progress
from stagekit._base.promise import check_value
from stagekit._base.sending import by_value
from stagekit._base.variables import restored
from stagekit.executors._remote_exceptions import RemoteException, inside

# Any: functions and values of stages, and Dask's own objects, which may have no types

AGAIN = 3  # how often a lost value is computed again, before it counts as lost
HOME = "home"  # instead of a progress: the value follows
BEGUN = "begun"  # as above: the call has begun
ENDED, WITHDRAWN = "ended", "withdrawn"  # entries of a call's metadata besides its beginnings
PART = "part-"  # and with a number: that part of calls that were sent together is withdrawn
_tokens: Dict[str, CancelToken] = {}
_ending: Dict[str, List[Any]] = {}  # by worker: what is being written down of ends


class Ticket(NamedTuple):
    """Which call this is.

    Attributes:
        pool: names it, with *key*.
        key: of the task.
        again: whether a lost value may be made again.
        small: bytes, pickled, up to which the value is sent home.
        is_timed: whether it is told that the call begins.
    """

    pool: str
    key: str
    again: bool
    small: int
    is_timed: bool = False


class Place(NamedTuple):
    """Stands in arguments for what is put there on the worker.

    ``kind`` is ``"held"`` (the *number*-th value that the cluster holds, or *item* of it),
    ``"progress"``, ``"token"``, or ``"list"`` or ``"tuple"`` (of *parts*).
    """

    kind: str
    number: int = -1
    item: Optional[int] = None
    parts: Tuple[Any, ...] = ()


class Envelope(NamedTuple):
    """A call as it is sent."""

    fn: Callable[..., Any]
    args: Tuple[Any, ...]
    kwargs: Dict[str, Any]
    variables: bytes
    promise: int


class CallFailedError(Exception):
    """Why a task has no value, in a form that Dask can always carry.

    ``kind`` is ``"raised"``, ``"died"`` (*worker* had begun it, process *pid*) or ``"withdrawn"``.
    """

    def __init__(
        self,
        kind: str,
        key: str,
        thrown: Optional[RemoteException] = None,
        worker: str = "",
        pid: int = 0,
    ) -> None:
        super().__init__(kind, key, thrown, worker, pid)
        self.kind = kind
        self.key = key
        self.thrown = thrown
        self.worker = worker
        self.pid = pid

    def __str__(self) -> str:  # short, for Dask replaces exceptions with long texts
        return f"{self.key} {self.kind}"


def carry(ticket: Tuple[Any, ...], envelope: bytes, *held: Any) -> Any:
    """Make a call on this worker; what it returns stays here.

    Raises:
        CallFailedError: it raised, was withdrawn before it began, or its first worker died.
    """
    call = Ticket(*ticket)
    worker = the_worker()
    beginning, _ = claim(worker, call)
    if call.is_timed:
        worker.log_event(call.pool, [call.key, BEGUN])

    def log(told: List[Any]) -> None:
        if told[-1] == USED:  # heard before the call has ended
            log_heard(worker, call.pool, told)
        else:
            worker.log_event(call.pool, told)

    value, thrown = make(call, envelope, held, log)
    if thrown is not None:  # raised here, where it has no context that Dask would send along
        raise CallFailedError("raised", call.key, thrown)
    data = small(value, call.small)
    if data is not None:  # heard before the call ends: the next one may end this process
        log_heard(worker, call.pool, [call.key, HOME, data])
    end_claim(worker, call, beginning)
    return value


def make(
    call: Ticket, envelope: bytes, held: Tuple[Any, ...], log: Callable[[List[Any]], object]
) -> Tuple[Any, Optional[RemoteException]]:
    """Make a call that has been claimed; return its value, and what it has raised.

    Args:
        call: which.
        envelope: what was sent of it.
        held: the values that its arguments stand for.
        log: tells the pool of its progress.
    """
    import pickle

    token = _tokens.setdefault(call.key, CancelToken())
    progress = Progress(lambda done, total, note: log([call.key, done, total, note]))
    try:
        made = Envelope(*pickle.loads(envelope))  # noqa: S301 - from the scheduler we serve
        return _call(made, held, {"progress": progress, "token": token}), None
    except BaseException as error:  # noqa: BLE001 - all that a stage raises is the driver's
        return None, RemoteException.of(error, inside(error))
    finally:
        progress.flush()
        _tokens.pop(call.key, None)


def log_heard(worker: Any, pool: str, told: List[Any]) -> None:
    """Tell the pool something, and wait until the scheduler has heard it: it stays in order."""
    log = worker.scheduler.log_event
    distributed().utils.sync(worker.loop, log, topic=pool, msg=told)


def end_claim(worker: Any, call: Ticket, beginning: str) -> None:
    """Write down that what was claimed has ended; who claims the next call waits for that.

    Else the next call could end this process before the scheduler knows that this one has ended.
    """
    path = [call.pool, call.key, ENDED]

    async def write() -> None:
        writing = ensure_future(worker.scheduler.set_metadata(keys=path, value=beginning))
        writing.add_done_callback(_looked_at)
        _ending.setdefault(worker.address, []).append(writing)

    worker.loop.add_callback(write)


def _looked_at(writing: Any) -> None:
    """Look at how writing has ended: where the scheduler is gone, nobody has to be told."""
    if not writing.cancelled():
        writing.exception()


def small(value: Any, most: int) -> Optional[bytes]:
    """Return a value as it is sent home, unless it is large, or cannot be pickled."""
    if not most or _size_of(value) > most:
        return None
    try:
        data = by_value(value)
    except Exception:  # noqa: BLE001 - it stays here, where who needs it may be called
        return None
    return data if len(data) <= most else None


def _size_of(value: Any) -> int:
    """Return about how many bytes a value has, without looking at all of it."""
    from importlib import import_module

    size: int = import_module("dask.sizeof").sizeof(value)
    return size


def cancel_token(key: str, reason: str) -> None:
    """Ask a call to end that runs in this process, or is to begin in it."""
    _tokens.setdefault(key, CancelToken()).cancel(reason)


def running_at(address: str, entries: Mapping[str, Any]) -> Optional[int]:
    """Return the process in which a call was running at *address*, None if it was not."""
    beginnings = beginnings_in(entries)
    if not beginnings or entries.get(ENDED) == beginnings[-1]:
        return None
    where, pid = entries[beginnings[-1]]
    return int(pid) if where == address else None


def beginnings_in(entries: Iterable[str]) -> List[str]:
    """Return the names of the beginnings among the entries of a call."""
    return [
        name for name in entries if name not in (ENDED, WITHDRAWN) and not name.startswith(PART)
    ]


def is_withdrawn(entries: Mapping[str, Any], beginning: Optional[str] = None) -> bool:
    """Return whether a call was withdrawn before that beginning, or before its first one.

    The entries are in the order in which the scheduler was told of them.
    """
    names = list(entries)
    if WITHDRAWN not in entries:
        return False
    before = names[: names.index(WITHDRAWN)]
    return beginning not in before if beginning else not beginnings_in(before)


def claim(worker: Any, call: Ticket) -> Tuple[str, Mapping[str, Any]]:
    """Write down that the call begins here, under a name; refuse if it may not.

    Returns:
        The name, and all that is written down of the call.

    Written before it is read, as who withdraws does it: both then go by what was written first.
    """
    from uuid import uuid4

    mine = uuid4().hex
    at = [worker.address, os.getpid()]

    async def exchange() -> Dict[str, Any]:
        ending = _ending.pop(worker.address, None)
        if ending:
            await wait(ending)
        await worker.scheduler.set_metadata(keys=[call.pool, call.key, mine], value=at)
        found: Dict[str, Any] = await worker.scheduler.get_metadata(keys=[call.pool, call.key])
        return found

    entries: Mapping[str, Any] = distributed().utils.sync(worker.loop, exchange)
    others = [name for name in beginnings_in(entries) if name != mine]
    is_lost_value = bool(others) and entries.get(ENDED) == others[-1]
    if others and not (is_lost_value and call.again and len(others) <= AGAIN):
        address, pid = entries[others[-1]]
        raise CallFailedError("died", call.key, None, str(address), int(pid))
    if is_withdrawn(entries, mine):
        raise CallFailedError(WITHDRAWN, call.key)
    return mine, entries


def _call(made: Envelope, held: Tuple[Any, ...], fillings: Dict[str, Any]) -> Any:
    def filled(each: Any) -> Any:
        if not isinstance(each, Place):
            return each
        if each.kind == "held":
            value = held[each.number]
            return value if each.item is None else value[each.item]
        if each.kind in fillings:
            return fillings[each.kind]
        parts = map(filled, each.parts)
        return list(parts) if each.kind == "list" else tuple(parts)

    args = tuple(map(filled, made.args))
    kwargs = {name: filled(each) for name, each in made.kwargs.items()}
    value = restored(made.variables).run(made.fn, *args, **kwargs)
    check_value(value, made.promise)
    return value


def the_worker() -> Any:
    """Return the worker of Dask that runs this."""
    return distributed().get_worker()


def distributed() -> Any:
    """Return Dask's package, which has no types."""
    from importlib import import_module

    return import_module("distributed")
