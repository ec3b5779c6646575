"""``WorkerHandle``: what a pool knows of one of its workers, and its end of the sockets."""

from __future__ import annotations

import os
import pickle
from collections import deque
from contextlib import suppress
from socket import socket, socketpair
from struct import Struct
from typing import TYPE_CHECKING, Any, Deque, List, Mapping, Optional, Set, Tuple, Union

from stagekit.executors._processes import protocol
from stagekit.executors._processes.packing import PROTOCOL
from stagekit.executors._processes.protocol import FrameReader, framed, head_of

if TYPE_CHECKING:
    from stagekit.executors._processes.call import Call

# Any: what a worker begins with is a mapping of many types

_NUMBER = Struct("<Q")
# A busy worker is sent so many calls beside the one that it makes, once it has so few of them: all
# at once, for what is sent one by one wakes somebody each time. None has more than so many bytes.
AHEAD = 64
LOW = 48
SMALL = 8192
_CAN_CLAIM = os.name == "posix"  # elsewhere, pipes cannot be read without blocking
_COPIED = 1 << 16  # bytes of a body that are sent together with what goes before it


class WorkerHandle:
    """The pool's end of one worker.

    A call that is sent to a busy worker can be taken back: its number is written to a pipe before
    it, and whoever reads that has the call. The worker reads it when it begins; the pool, when
    another worker is free, or when this one has died. So it is always known which it has begun.

    Attributes:
        number: its own, unlike that of any other worker of the pool.
        sent: the calls that it has, in the order in which it makes them.
        known: numbers of the functions that it has.
        pid: its process, once it is ready.
        status: how it ended: exit code, or minus the signal.
        has_ended: it did, even where nobody can tell how.
        reason: why we ended it.
    """

    def __init__(self, number: int) -> None:
        self.number = number
        self.sent: Deque[Call] = deque()
        self.known: Set[int] = set()
        self.pid: Optional[int] = None
        self.status: Optional[int] = None
        self.has_ended = False
        self.is_open = True  # there may be more to read
        self.is_ready = False
        self.is_ending = False  # it gets no more calls, for it was signalled, or told to leave
        self.reason = ""
        self._out: Deque[Union[bytes, memoryview]] = deque()
        self._promised: List[int] = []
        self.wire, self._wire_there = socketpair()
        self.control, self._control_there = socketpair()
        for each in (self.wire, self.control):
            each.setblocking(False)  # noqa: FBT003 - it takes no names
        self._claims: Optional[Tuple[int, int]] = None
        if _CAN_CLAIM:
            self._claims = os.pipe()
            for fd in self._claims:
                os.set_blocking(fd, False)
        self.frames = FrameReader(self.wire)

    @property
    def far_sockets(self) -> Tuple[socket, socket]:
        """The worker's ends of the wire and of what concerns a call that runs."""
        return self._wire_there, self._control_there

    @property
    def far_fds(self) -> List[int]:
        """The same as numbers of files, and the pipe of numbers."""
        fds = [each.fileno() for each in self.far_sockets]
        return fds if self._claims is None else [*fds, self._claims[0]]

    def has_started(self) -> None:
        """Let go of the ends that are the worker's, which it has now."""
        for each in self.far_sockets:
            each.close()

    @property
    def wants_more(self) -> bool:
        """Return whether calls may be sent ahead of their turn."""
        return len(self.sent) <= LOW and not self._out

    def fits(self, call: Call) -> bool:
        """Return whether a call may be sent ahead of its turn, after those that it has."""
        return (
            self._claims is not None
            and not self.is_ending
            and len(self.sent) <= AHEAD
            and len(call.body) <= SMALL
        )

    @property
    def waiting(self) -> int:
        """How many calls it has that can hardly have begun."""
        return len(self.sent) - 1 if self.is_ready else len(self.sent)

    def begin(self, environment: Mapping[str, Any]) -> None:
        """Send what the worker begins with."""
        self._queue(protocol.BEGIN, 0, pickle.dumps(dict(environment), PROTOCOL))

    def add(self, call: Call) -> None:
        """Queue a call to be sent, with its function where the worker does not have it."""
        definition = call.definition
        if definition.number not in self.known:
            self.known.add(definition.number)
            self._queue(protocol.DEFINE, 0, definition.data)
        call.link = self
        self.sent.append(call)
        self._promised.append(call.number)
        kind = protocol.CALL if call.wanted.on_begin is None else protocol.TIMED_CALL
        self._queue(kind, call.number, call.body)
        if call.tokens:
            for place, token in enumerate(call.tokens):
                if token.is_cancelled:  # before there was a worker to tell
                    self.cancel(call.number, place, token.reason)

    def forget(self, number: int) -> None:
        """Have the worker forget a function."""
        if number in self.known:
            self.known.discard(number)
            self._queue(protocol.FORGET, 0, pickle.dumps(number, PROTOCOL))

    def leave(self) -> None:
        """Tell the worker that there is no more for it."""
        self.is_ending = True
        self._queue(protocol.CLOSE, 0, b"")

    def take_back(self, most: int) -> List[Call]:
        """Take back calls that it has not begun, the next ones first; it will not begin them."""
        if self._claims is None:
            return []
        try:
            data = os.read(self._claims[0], most * _NUMBER.size)
        except OSError:  # nothing is there
            return []
        numbers = frozenset(_NUMBER.iter_unpack(data))
        taken = [call for call in self.sent if (call.number,) in numbers]
        for call in taken:
            self.sent.remove(call)
            call.link = None
        return taken

    def cancel(self, call: int, place: int, reason: str) -> None:
        """Pass on that a token of a call is cancelled; on any thread, even in a handler."""
        data = framed(protocol.CANCEL, call, pickle.dumps((place, reason), PROTOCOL))
        with suppress(OSError):  # it is gone, or does not read
            self.control.send(data)

    def flush(self) -> bool:
        """Send what is queued as far as that goes without blocking; return whether all is sent."""
        out = self._out
        self._promise()
        try:
            while out:
                data = out[0] if len(out) == 1 else self._several()
                count = self.wire.send(data)
                while count and count >= len(out[0]):
                    count -= len(out.popleft())
                if count:
                    out[0] = out[0][count:]
        except BlockingIOError:
            return False
        except OSError:  # it is gone, which is noticed where its answers are read
            out.clear()
        return True

    def close(self) -> None:
        """Close our ends."""
        self.is_open = False
        for each in (self.wire, self.control, *self.far_sockets):
            each.close()
        if self._claims is not None:
            claims, self._claims = self._claims, None
            for fd in claims:
                os.close(fd)

    def _promise(self) -> None:
        """Write down what may be claimed, before it is sent."""
        if self._promised and self._claims is not None:
            os.write(self._claims[1], b"".join(map(_NUMBER.pack, self._promised)))
        self._promised.clear()

    def _several(self) -> Union[bytes, memoryview]:
        """Return small pieces that are sent together; a large one is sent alone."""
        size = 0
        pieces: List[Union[bytes, memoryview]] = []
        for each in self._out:
            size += len(each)
            if size > _COPIED and pieces:
                break
            pieces.append(each)
        return pieces[0] if len(pieces) == 1 else b"".join(pieces)

    def _queue(self, kind: int, number: int, body: bytes) -> None:
        if len(body) < _COPIED:
            self._out.append(framed(kind, number, body))
        else:
            self._out.append(head_of(kind, number, body))
            self._out.append(memoryview(body))
