"""What a pool and a worker say to each other: frames over a socket, of these kinds.

Each frame has a mark, a checksum, a kind, the number of the call that it belongs to, and a body.
So a pool finds out where a call has written to the socket, or closed it.
"""

from __future__ import annotations

from collections import deque
from struct import Struct
from typing import TYPE_CHECKING, Any, Deque, NamedTuple, Optional
from zlib import crc32

if TYPE_CHECKING:
    from socket import socket

# From a pool to its worker:
BEGIN = 1  # the environment that calls are made in; the first frame
DEFINE = 2  # a function and its number
FORGET = 3  # the number of a function that is not needed any more
CALL = 4  # a call of a function, by its number
CLOSE = 5  # there will be no more
CANCEL = 6  # a token of a call is cancelled; by the other socket, read while a call runs
TIMED_CALL = 7  # a call whose beginning is told

# From a worker to its pool:
READY = 17  # its process id
RETURNED = 18  # what a call returned
RAISED = 19  # what a call raised
TOLD = 20  # what a call tells of its progress
BEGUN = 21  # a call has begun
NAMED = 22  # the type of what a call is to return, where its pool does not read that at once

ON_THE_WAY = (TOLD, BEGUN, NAMED)  # said of a call that has not ended

_MAGIC = b"SGK1"
_HEAD = Struct("<4sIIQQQ")  # magic, kind, checksum, number, length of the body, time taken
_CHUNK = 1 << 16
_START = 0xFFFFFFFF  # the checksum covers the number, too
_MOST = 1 << 42  # bytes of a body: more is no frame of ours


class RubbishError(Exception):
    """What a socket received is no frame."""


class Frame(NamedTuple):
    """A message: its kind, the number of the call that it belongs to, and its body.

    That a call has ended comes with the nanoseconds that the worker has had it.
    """

    kind: int
    number: int
    body: bytes
    took: int = 0


def head_of(kind: int, number: int, body: bytes, took: int = 0) -> bytes:
    """Return what goes before the body of a frame."""
    checksum = crc32(body, number & _START ^ kind)
    return _HEAD.pack(_MAGIC, kind, checksum, number, len(body), took)


def framed(kind: int, number: int, body: bytes, took: int = 0) -> bytes:
    """Return a frame as it is sent."""
    return head_of(kind, number, body, took) + body


def send_frame(sock: socket, kind: int, number: int, body: bytes, took: int = 0) -> None:
    """Send a frame through a socket that blocks; a large body is not copied."""
    if len(body) < _CHUNK:
        sock.sendall(framed(kind, number, body, took))
    else:
        sock.sendall(head_of(kind, number, body, took))
        sock.sendall(body)


class FrameReader:
    """Cuts what a socket receives into frames.

    Attributes:
        ready: the frames that have come, first come first.
    """

    def __init__(self, sock: socket) -> None:
        self._sock = sock
        self._rest = b""
        self._large: Optional[bytearray] = None  # a body of many chunks, as far as it is here
        self._filled = 0
        self._head = Frame(0, 0, b"")  # of the large body
        self._checksum = 0
        self.ready: Deque[Frame] = deque()

    def receive(self) -> bool:
        """Take what has come, or wait for it if the socket blocks; say whether there can be more.

        Raises:
            RubbishError: it is no frame.
            BlockingIOError: the socket does not block, and nothing is there.
        """
        if self._large is not None:
            return self._receive_large(self._large)
        data = self._sock.recv(_CHUNK)
        if not data:
            return False
        self._rest = self._cut(self._rest + data if self._rest else data)
        return True

    def _cut(self, data: bytes) -> bytes:
        """Take the frames off *data*, and return what is left of it."""
        start, size = 0, len(data)
        while size - start >= _HEAD.size:
            magic, kind, checksum, number, length, took = _HEAD.unpack_from(data, start)
            if magic != _MAGIC or length > _MOST:
                raise RubbishError("it sent what is no answer")
            begin = start + _HEAD.size
            end = begin + length
            if end > size:
                if length < _CHUNK:
                    break
                self._large = bytearray(length)
                self._filled = size - begin
                self._large[: self._filled] = data[begin:]
                self._head, self._checksum = Frame(kind, number, b"", took), checksum
                return b""
            self._add(Frame(kind, number, data[begin:end], took), checksum)
            start = end
        rest = data[start:]
        if not _MAGIC.startswith(rest[: len(_MAGIC)]):
            raise RubbishError("it sent what is no answer")
        return rest

    def _receive_large(self, large: bytearray) -> bool:
        with memoryview(large) as view:
            count = self._sock.recv_into(view[self._filled :])
        self._filled += count
        if self._filled == len(large):
            self._large = None
            body: Any = large  # Any: as good as bytes
            self._add(self._head._replace(body=body), self._checksum)
        return count > 0

    def _add(self, frame: Frame, checksum: int) -> None:
        kind, number, body, _ = frame
        if crc32(body, number & _START ^ kind) != checksum:
            raise RubbishError("what it sent was damaged on its way")
        self.ready.append(frame)
