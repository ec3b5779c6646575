"""Short calls that share a task of Dask: batched here, and made one after another on a worker.

A task of Dask costs milliseconds, and so does what a call writes down to be made once. The pool
gathers calls that are shorter than that for a moment, and sends them as one task. The worker tells
of each by itself, and waits until the scheduler has heard it: that one begins, and with it how the
one before has ended, its value included. So it is known of a worker that dies which of its calls
have ended, and which single one it was making.
"""

from __future__ import annotations

import pickle
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from functools import partial
from threading import Lock
from typing import TYPE_CHECKING, Any, Callable, Dict, List, Mapping, Optional, Sequence, Set, Tuple
from uuid import uuid4

from stagekit._base.packed import value_of
from stagekit._base.sending import by_value
from stagekit.executors._dask.calls import Call, Together
from stagekit.executors._dask.explaining import Explainer, called
from stagekit.executors._dask.future import DaskHandle, DaskItem
from stagekit.executors._dask.work import (
    PART,
    WITHDRAWN,
    CallFailedError,
    Ticket,
    beginnings_in,
    claim,
    end_claim,
    log_heard,
    make,
    small,
    the_worker,
)

if TYPE_CHECKING:
    End = Callable[[str, object, Optional[BaseException]], object]

# Any: functions and values of stages, and Dask's own objects, which may have no types

MOMENT = 0.002  # seconds that calls are gathered for
ENOUGH = 4  # calls that the cluster has for each that runs, and others may still wait for company
MOST = 16  # calls of one task: what is withdrawn, or lost with a worker, is sent again
END = "end"  # instead of a progress: which part begins, and how the one before has ended
HERE, KEPT, RAISED = "here", "kept", "raised"  # a value as it is, one that stays there, an error
Part = Tuple[Tuple[Any, ...], bytes, int, int]  # ticket, envelope, and which of *held* are its own

_lock = Lock()
_begun: Dict[str, int] = {}  # by key of the task: the part that has begun last
_withdrawn: Dict[str, Set[int]] = {}


class Groups:
    """The calls of a pool that are sent together.

    How they end is told on a thread of their own, in the order in which the scheduler has heard it.

    Args:
        pool: whose they are, and its name on the cluster.
        client: of the cluster.
        calls: all that are under way, by key; guarded by *lock*.
        lock: see above.
        explain: says what an exception of Dask's means.
        send: sends a call by itself.
        end: ends a call, given its key, a value or an error.
    """

    def __init__(  # noqa: PLR0913 - by keyword, what it needs of the pool
        self,
        pool: Tuple[object, str],
        *,
        client: Any,
        calls: Dict[str, Call],
        lock: Lock,
        explain: Explainer,
        send: Callable[[str, Call], object],
        end: End,
    ) -> None:
        self._pool, self._id = pool
        self._client = client
        self._calls = calls
        self._lock = lock
        self._explain = explain
        self._send = send
        self._end = end
        self._waiting: List[str] = []
        self._width = 1
        self._is_due = False
        self._teller = ThreadPoolExecutor(1, thread_name_prefix="dask-ends")
        self._teller.submit(int)  # its thread is there before any run, and not made in one
        self.by_key: Dict[str, Together] = {}

    def add(self, key: str, width: int) -> None:
        """Send a call together with those that come soon; *width* is how many run at once."""
        with self._lock:
            self._width = width
            self._waiting.append(key)
        self.go_on()

    def go_on(self) -> None:
        """Send what waits, soon, if it is enough for one task or the cluster has little to do."""
        with self._lock:
            count = len(self._waiting)
            is_due = count >= MOST or len(self._calls) - count <= ENOUGH * self._width
            if not count or not is_due or self._is_due:
                return
            self._is_due = True
        loop = self._client.loop
        loop.add_callback(loop.call_later, MOMENT, self._flush)

    def close(self) -> None:
        """Let go of the thread."""
        self._teller.shutdown(wait=False)

    def withdraw(self, key: str, call: Call) -> Optional[bool]:
        """Withdraw a call, and return whether it had not begun; None for one that is by itself."""
        with self._lock:
            if key in self._waiting:
                self._waiting.remove(key)
                return True
            group = call.group
        if group is None:
            return None
        (task, place), client = group, self._client
        client.set_metadata([self._id, task.key, f"{PART}{place}"], 1)
        entries: Mapping[str, Any] = client.get_metadata([self._id, task.key])
        names = beginnings_in(entries)
        if not names:
            return True
        address = entries[names[-1]][0]
        while not call.wanted.is_done and call.group is not None:
            answers: Mapping[str, object] = client.run(
                withdraw_part, task.key, place, workers=[address], on_error="ignore"
            )
            answer = answers.get(address, False)
            if answer is not None:
                return answer is True
            time.sleep(MOMENT)  # it is just about to begin, or has just ended
        return False if call.wanted.is_done else None  # or it has been sent again, by itself

    def heard(self, key: str, begun: int, end: Optional[Sequence[Any]]) -> None:
        """Take in which part has begun, and how the one before has ended. On Dask's loop."""
        self._later(self._heard, key, begun, end)

    def died(self, group: Together, error: BaseException) -> None:
        """Take in that the worker is gone which made these calls. On any thread."""
        self._later(self._bury, group, error)

    def _later(self, call: Callable[..., object], *args: object) -> None:
        with suppress(RuntimeError):  # the pool is closed, and has ended its calls
            self._teller.submit(call, *args)

    # On Dask's loop.

    def _flush(self) -> None:
        for calls, group in self._grouped():
            try:
                if group is None:
                    self._send(*calls[0])
                else:
                    self._send_together(calls, group)
            except BaseException as error:  # noqa: BLE001 - whatever keeps them from being sent
                if group is not None:
                    del self.by_key[group.key]
                for key, _ in calls:
                    self._later(self._end, key, None, error)

    def _grouped(self) -> List[Tuple[Sequence[Tuple[str, Call]], Optional[Together]]]:
        """Take out what waits, in portions, and the group of each that is more than one call.

        Who withdraws a call finds it here, or in its group, which need not have been sent for that.
        """
        found: List[Tuple[Sequence[Tuple[str, Call]], Optional[Together]]] = []
        with self._lock:
            self._is_due = False
            keys, self._waiting = self._waiting, []
            calls = [(key, self._calls[key]) for key in keys if key in self._calls]
            size = max(1, min(MOST, -(-len(calls) // self._width)))
            for first in range(0, len(calls), size):
                some, group = calls[first : first + size], None
                if len(some) > 1:
                    group = Together(f"stagekit-together-{uuid4().hex}", [key for key, _ in some])
                    self.by_key[group.key] = group
                    for place, (_, call) in enumerate(some):
                        call.group = (group, place)
                found.append((some, group))
        return found

    def _send_together(self, calls: Sequence[Tuple[str, Call]], group: Together) -> None:
        held: List[Any] = []
        parts: List[Tuple[Tuple[Any, ...], bytes, int, int]] = []
        for _, call in calls:
            sending, first = call.sending, len(held)
            held += sending.held
            parts.append((tuple(sending.ticket), sending.envelope, first, len(held)))
        small = calls[0][1].sending.ticket.small
        ticket = Ticket(self._id, group.key, again=False, small=small)
        group.task = self._client.submit(
            carry_together,
            tuple(ticket),
            pickle.dumps(parts),
            *held,
            key=group.key,
            pure=False,
            retries=0,
        )
        group.task.add_done_callback(partial(self._later, self._over, group))
        for key, call in calls:
            call.listen(key)

    # On the thread that tells how calls end.

    def _heard(self, key: str, begun: int, end: Optional[Sequence[Any]]) -> None:
        group = self.by_key.get(key)
        if group is None:
            return
        if end is not None:
            self._ended(group, group.begun, *end)
        group.begun = begun
        call = self._calls.get(group.keys[begun]) if begun < len(group.keys) else None
        if call is not None:
            call.wanted.begun()

    def _ended(self, group: Together, place: int, kind: str, data: Optional[bytes]) -> None:
        key = group.keys[place]
        if kind == KEPT or data is None:
            group.kept.append(place)
            return
        if kind == HERE:
            self._end(key, value_of(data, called(key)), None)
            return
        found: object = pickle.loads(data)  # noqa: S301 - from a worker of our cluster
        if isinstance(found, CallFailedError):
            self._end(key, None, self._explain.of_call(key, found))

    def _over(self, group: Together, task: Any) -> None:
        """Take in that the task has ended: all its calls have, or its worker has died."""
        if task.status != "finished":
            try:
                error: BaseException = task.exception()
            except BaseException as cancelled:  # noqa: BLE001 - CancelledError is no Exception in new Pythons
                error = cancelled
            self._bury(group, self._explain.of_call(group.key, error))
            return
        self.by_key.pop(group.key, None)
        group.is_over = True
        for place, key in enumerate(group.keys):
            if place in group.kept:
                whole = DaskHandle(self._pool, task, partial(self._explain.of_value, key))
                self._end(key, DaskItem(whole, place), None)
            elif key in self._calls:
                self._end(key, None, CallFailedError(WITHDRAWN, key))

    def _bury(self, group: Together, error: BaseException) -> None:
        """Fail the call that was being made, and those whose values are lost; send on the rest."""
        if group.is_over:
            return
        self.by_key.pop(group.key, None)
        group.is_over = True
        group.task.cancel()
        for place, key in enumerate(group.keys):
            with self._lock:  # who withdraws it has done so before, or withdraws what is sent here
                call = self._calls.get(key)
                if call is not None and place > group.begun:
                    call.group = None
            if call is None:
                continue
            if call.group is not None:
                self._end(key, None, error)
                continue
            try:
                self._send(key, call)
            except BaseException as mistake:  # noqa: BLE001 - the cluster is gone
                self._end(key, None, mistake)


# On a worker.


def carry_together(ticket: Tuple[Any, ...], packed: bytes, *held: Any) -> Any:
    """Make calls on this worker, one after another; return the values that stay here, by place.

    Raises:
        CallFailedError: another worker has begun them.
    """
    worker, task = the_worker(), Ticket(*ticket)
    parts: Sequence[Part] = pickle.loads(packed)  # noqa: S301 - from the scheduler we serve
    beginning, entries = claim(worker, task)
    log = partial(log_heard, worker, task.pool)
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
    """Have a part not begin; say whether it had not, and will not. None: the task is not here."""
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
