"""What a worker process does: one call after another, as they come, until there are no more."""

from __future__ import annotations

import contextvars
import os
import pickle
import signal
import sys
from threading import Lock, Thread
from time import perf_counter_ns
from types import CoroutineType
from typing import TYPE_CHECKING, Any, Callable, Dict, NoReturn, Optional, Tuple

from stagekit._base.handles import type_name
from stagekit._base.packed import is_quick
from stagekit._base.promise import check_value
from stagekit._base.variables import restored
from stagekit.errors import BadValueError
from stagekit.executors._processes import protocol
from stagekit.executors._processes.environment import enter
from stagekit.executors._processes.inherited import reset_signals
from stagekit.executors._processes.packing import (
    PROTOCOL,
    article,
    by_value,
    pack_result,
    reason_of,
)
from stagekit.executors._processes.protocol import Frame, FrameReader, send_frame
from stagekit.executors._processes.proxies import WORKER
from stagekit.executors._remote_exceptions import pack_error

if TYPE_CHECKING:
    from signal import getsignal
    from socket import socket
else:
    from _signal import getsignal  # without the enums of ``signal``: asked for each call

# Any: functions and values of users

IS_POSIX = os.name == "posix"
_INTERRUPT, _TERMINATE = int(signal.SIGINT), int(signal.SIGTERM)
CLAIM = 8  # bytes of the number of a call that may begin


class StoppedError(BaseException):
    """The worker was asked to end (SIGTERM) while it made a call, which may tidy up."""


class Worker:
    """A worker process.

    Args:
        wire: brings calls, takes answers.
        control: brings what concerns a call that runs; when it ends, so does the pool's process.
        claims: a pipe of the numbers of calls that may begin: what the pool has not taken back.
            None where the pool never sends a call before the one before has ended.
    """

    def __init__(self, wire: socket, control: socket, claims: Optional[int]) -> None:
        self._wire = wire
        self._control = control
        self._claims = claims
        self._claimed = -1
        self._max_value_bytes: Optional[int] = None
        self._lock = Lock()  # of the wire: progress may be told by any thread
        self._functions: Dict[int, bytes] = {}
        self._loaded: Dict[int, Callable[..., Any]] = {}
        self._terminate = self._on_terminate
        self._is_calling = False
        self._is_stopping = False
        self._said_of = 0

    def run(self) -> None:
        """Serve the pool until it says that there will be no more."""
        self._take_signals()
        WORKER.is_worker = True
        watch = Thread(target=self._watch, name="stagekit-watch", daemon=True)
        watch.start()
        frames = FrameReader(self._wire)
        while True:
            while not frames.ready:
                try:
                    is_open = frames.receive()
                except OSError:
                    is_open = False
                if not is_open:
                    end_group()
            frame = frames.ready.popleft()
            if frame.kind == protocol.CLOSE:
                return
            self._obey(frame)

    def _obey(self, frame: Frame) -> None:
        if frame.kind == protocol.CALL or frame.kind == protocol.TIMED_CALL:  # noqa: PLR1714 - for each call
            if self._may_begin(frame.number):
                if frame.kind == protocol.TIMED_CALL:
                    self._send(protocol.BEGUN, frame.number, b"")
                self._call(frame)
        elif frame.kind == protocol.DEFINE:
            number, data = pickle.loads(frame.body)  # noqa: S301 - from the pool we serve
            self._functions[number] = data
        elif frame.kind == protocol.FORGET:
            number = pickle.loads(frame.body)  # noqa: S301 - as above
            self._functions.pop(number, None)
            self._loaded.pop(number, None)
        elif frame.kind == protocol.BEGIN:
            begun_with = pickle.loads(frame.body)  # noqa: S301 - as above
            self._max_value_bytes = begun_with["max_value_bytes"]
            enter(begun_with)
            self._send(protocol.READY, 0, b"%d" % os.getpid())

    def _may_begin(self, number: int) -> bool:
        """Claim a call, unless the pool has taken it back: then the next number is of another one.

        A call that was sent again, after it had been taken back, may be made at its first place.
        """
        if self._claims is None:
            return True
        if self._claimed < 0:
            try:
                self._claimed = int.from_bytes(os.read(self._claims, CLAIM), "little")
            except BlockingIOError:
                return False
        if self._claimed != number:
            return False
        self._claimed = -1
        return True

    def _call(self, frame: Frame) -> None:
        began = perf_counter_ns()
        kind, number, named = protocol.RAISED, frame.number, ""
        WORKER.begin(number)
        WORKER.tell = lambda said: self._send(protocol.TOLD, number, pickle.dumps(said, PROTOCOL))
        self._said_of = number
        try:
            self._is_calling = True
            body, named = self._value(frame.body)
            self._is_calling = False
            kind = protocol.RETURNED
        except BaseException as error:  # noqa: BLE001 - all that a call raises is the pool's
            self._is_calling = False
            if self._is_stopping:
                _die_of(signal.SIGTERM)
            body = pack_error(error, _by_value)
        _flush()
        if getsignal(_TERMINATE) is not self._terminate or getsignal(_INTERRUPT) is not ignored:
            self._handle_signals()
        if named:
            self._send(protocol.NAMED, number, named.encode())
        self._send(kind, number, body, perf_counter_ns() - began)
        if self._is_stopping:
            _die_of(signal.SIGTERM)

    def _value(self, body: bytes) -> Tuple[bytes, str]:
        """Make a call; return the value pickled, and its type where the pool does not read it.

        What is too large is refused here, before anybody else has to hold it.
        """
        number, promise, variables, args, kwargs = self._read(body)
        fn = self._loaded[number]
        context = restored(variables) if variables else contextvars.Context()
        prints: Any = sys.modules.get("stagekit._base.prints")
        if prints is not None:  # they are to be sent
            prints.sent(self._tell)
        value: Any = context.run(fn, *args, **kwargs)
        if value is not None and _is_coroutine(value) and _is_async(fn):
            import asyncio  # 29 ms, only for what needs it

            value = context.run(asyncio.run, value)
        if WORKER.progress is not None:
            WORKER.progress.flush()
        check_value(value, promise)
        body = pack_result(value)
        most = self._max_value_bytes
        if most is not None and len(body) > most:
            raise BadValueError(
                f"returned {article(value)} of {len(body):,} bytes pickled, more than the "
                f"{most:,} that max_value_bytes allows"
            )
        return body, "" if is_quick(body) else type_name(value)

    def _tell(self, said: object) -> None:
        """Send what a thread of the call says, also of the one before."""
        self._send(protocol.TOLD, self._said_of, pickle.dumps(said, PROTOCOL))

    def _read(self, body: bytes) -> Any:
        WORKER.is_reading = True
        try:
            parts = pickle.loads(body)  # noqa: S301 - as above
            number = parts[0]
            if number not in self._loaded:
                self._loaded[number] = pickle.loads(self._functions[number])  # noqa: S301
        except StoppedError:
            raise
        except BaseException as error:
            raise BadValueError(
                "the function or an argument of it cannot be read in a worker process: "
                f"{type(error).__name__}: {reason_of(error)}"
            ) from error
        finally:
            WORKER.is_reading = False
        return parts

    def _send(self, kind: int, number: int, body: bytes, took: int = 0) -> None:
        try:
            with self._lock:
                send_frame(self._wire, kind, number, body, took)
        except OSError:
            end_group()

    def _watch(self) -> None:
        """Read what comes while a call runs; with the pool's process, end the whole group."""
        frames = FrameReader(self._control)
        try:
            while frames.receive():
                while frames.ready:
                    frame = frames.ready.popleft()
                    WORKER.cancel(frame.number, *pickle.loads(frame.body))  # noqa: S301 - as above
        except OSError:
            pass
        end_group()

    def _take_signals(self) -> None:
        """Leave Ctrl-C to the pool's process, and let a call tidy up on SIGTERM.

        Handlers, not SIG_IGN, which programs started by a call would inherit.
        """
        self._handle_signals()
        if IS_POSIX:
            os.register_at_fork(after_in_child=self._leave)

    def _handle_signals(self) -> None:
        signal.signal(_INTERRUPT, ignored)
        signal.signal(_TERMINATE, self._terminate)

    def _on_terminate(self, *_: object) -> None:
        if not self._is_calling:
            _die_of(signal.SIGTERM)
        if not self._is_stopping:
            self._is_stopping = True
            raise StoppedError

    def _leave(self) -> None:
        """Let go of the sockets in a process that a call has forked."""
        self._wire.close()
        self._control.close()
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        signal.signal(signal.SIGINT, signal.default_int_handler)
        WORKER.is_worker = False


def serve(wire: socket, control: socket, claims: Optional[int]) -> NoReturn:
    """Be a worker process, then end it as other processes of Python end."""
    import atexit

    code = 1
    reset_signals()
    try:
        Worker(wire, control, claims).run()
        code = 0
    finally:
        run_exit_functions: Callable[[], None] = getattr(atexit, "_run_exitfuncs", lambda: None)
        run_exit_functions()
        _flush()
        os._exit(code)


def ignored(number: int, frame: object) -> None:
    """Take no notice of a signal."""


def end_group() -> NoReturn:
    """End this process at once, and those that its calls have started."""
    if IS_POSIX and os.getpgrp() == os.getpid():
        os.killpg(os.getpid(), signal.SIGKILL)
    os._exit(1)


def _die_of(number: signal.Signals) -> NoReturn:
    _flush()
    signal.signal(number, signal.SIG_DFL)
    os.kill(os.getpid(), number)
    os._exit(1)  # where a signal does not end a process


def _by_value(error: object) -> bytes:
    return by_value(error, back=True)[0]


def _is_coroutine(value: object) -> bool:
    return type(value) is CoroutineType


def _is_async(fn: Callable[..., Any]) -> bool:
    """Return whether a function is an ``async def``; what another one returns is its own affair."""
    from inspect import iscoroutinefunction

    return iscoroutinefunction(fn) or iscoroutinefunction(type(fn).__call__)


def _flush() -> None:
    for stream in (sys.stdout, sys.stderr):
        try:  # noqa: SIM105 - made for each call
            stream.flush()
        except Exception:  # noqa: BLE001, S110 - closed or replaced by a call
            pass
