"""What a call uses of the machine: CPU seconds, and by how much memory rose, as far as is known.

The system counts by process. A call that was alone in its process, of those that are measured, is
counted with all that the process has used: other threads, and child processes that have ended. Of
calls that overlap in a process, each has the CPU time of its own thread, and memory is unknown.
"""

from __future__ import annotations

import sys
import time
from contextlib import suppress
from threading import Event, Lock, Thread
from types import coroutine
from typing import (
    TYPE_CHECKING,
    Any,
    Awaitable,
    Callable,
    Dict,
    Generator,
    List,
    Optional,
    Set,
    Tuple,
)

try:
    from resource import RUSAGE_CHILDREN, getrusage
except ImportError:  # pragma: no cover - Windows

    def _children_seconds() -> float:
        """Return the CPU seconds of child processes that have ended; nobody counts them here."""
        return 0.0
else:

    def _children_seconds() -> float:
        """Return the CPU seconds of child processes that have ended."""
        used = getrusage(RUSAGE_CHILDREN)
        return used.ru_utime + used.ru_stime


if TYPE_CHECKING:
    from typing import Protocol

    from stagekit._base.progress import Progress

    class Memory(Protocol):
        """Measures how far memory rises from when it is made."""

        def peak(self) -> Optional[int]:
            """Return by how many bytes it was above the beginning, at most; None if unknown."""
            ...

    Tell = Callable[[float, Optional[int]], object]  # CPU seconds, and bytes of memory

# Any: functions and values of stages

TRACED = "tracemalloc"  # the other way to measure memory
_NANO = 1e-9
_PAGE = 4096  # bytes, more than the system tells of a process
_PAUSE = 0.005  # seconds between two looks at the memory
_SET_BACK, _PEAK = "/proc/self/clear_refs", "/proc/self/status"
_lock = Lock()
_running: Set[Meter] = set()


class Meter:
    """Measures one call, from when it is made to ``stop``.

    Args:
        is_traced: measure memory by ``tracemalloc``: what Python allocates, exactly and slowly.
            Else it is the memory that the process has: see ``resident_memory``.
    """

    __slots__ = ("_before", "_is_alone", "_memory", "_thread")

    def __init__(self, *, is_traced: bool = False) -> None:
        with _lock:
            self._is_alone = not _running
            for other in _running:
                other._is_alone = False  # noqa: SLF001 - of this class
            _running.add(self)
        self._memory: Optional[Memory] = None
        if self._is_alone:
            self._memory = TracedMemory() if is_traced else resident_memory()
        self._before = time.process_time() + _children_seconds()
        self._thread = time.thread_time_ns()

    def stop(self, own: Optional[int] = None) -> Tuple[float, Optional[int]]:
        """Return the CPU seconds of the call, and by how many bytes memory rose; None if unknown.

        Args:
            own: nanoseconds of its own that the call has used, where its thread has others, too.
        """
        own = time.thread_time_ns() - self._thread if own is None else own
        process = time.process_time() + _children_seconds() - self._before
        peak = None if self._memory is None else self._memory.peak()
        with _lock:
            _running.discard(self)
            is_alone = self._is_alone
        return (max(0.0, process), peak) if is_alone else (own * _NANO, None)


def resident_memory() -> Optional[Memory]:
    """Begin to measure the memory that the process has; return None where nothing can.

    Linux keeps the peak itself. Elsewhere psutil is asked again and again, where it is installed.
    """
    with suppress(OSError, IndexError, ValueError):
        return PeakOfLinux()
    with suppress(Exception):  # psutil is not installed, or may not look, or no thread can start
        return WatchedMemory()
    return None


def knows_memory() -> bool:
    """Return whether ``resident_memory`` can measure here."""
    memory = resident_memory()
    return memory is not None and memory.peak() is not None


class PeakOfLinux:
    """The peak of the process, as Linux keeps it: it is set back, and read at the end.

    Raises:
        OSError: the system does not let it be set back.
        IndexError, ValueError: it keeps none.
    """

    def __init__(self) -> None:
        with open(_SET_BACK, "wb", buffering=0) as file:
            file.write(b"5")
        self._before = _highest()

    def peak(self) -> Optional[int]:
        """Return by how many bytes it was above the beginning, at most; None if nobody knows."""
        with suppress(OSError):  # too many files are open
            return max(0, _highest() - self._before)
        return None


def _highest() -> int:
    """Return the peak of the memory of this process in bytes."""
    with open(_PEAK, "rb", buffering=0) as file:
        return int(file.read(_PAGE).partition(b"\nVmHWM:")[2].split()[0]) * 1024


class WatchedMemory:
    """The memory of the process, as psutil tells it to a thread that asks every 5 ms.

    A peak that is shorter may be missed.

    Raises:
        Exception: psutil is not installed, or cannot tell it here.
    """

    def __init__(self) -> None:
        from psutil import Process

        self._memory: Callable[[], Any] = Process().memory_info
        self._before = self._highest = self._now()
        self._is_over = Event()
        self._watcher = Thread(target=self._watch, name="stagekit-memory", daemon=True)
        self._watcher.start()

    def _now(self) -> int:
        return int(self._memory().rss)

    def _watch(self) -> None:
        is_over = False
        while not is_over:
            is_over = self._is_over.wait(_PAUSE)
            with suppress(Exception):
                self._highest = max(self._highest, self._now())

    def peak(self) -> int:
        """Return by how many bytes it was above the beginning, at most."""
        self._is_over.set()
        self._watcher.join()
        return self._highest - self._before


class TracedMemory:
    """What Python allocates, as ``tracemalloc`` tells it; left on where somebody had it on."""

    def __init__(self) -> None:
        import tracemalloc

        self._is_ours = not tracemalloc.is_tracing()
        if self._is_ours:
            tracemalloc.start()
        elif sys.version_info >= (3, 9):
            tracemalloc.reset_peak()
        self._before = tracemalloc.get_traced_memory()[0]

    def peak(self) -> int:
        """Return by how many bytes it was above the beginning, at most."""
        import tracemalloc

        peak = tracemalloc.get_traced_memory()[1]
        if self._is_ours:
            tracemalloc.stop()
        return max(0, peak - self._before)


class Measured:
    """A function of which each call tells what it has used.

    Sent to another process it is the function alone: from there it could not tell.
    """

    def __init__(self, func: Callable[..., Any], tell: Tell, *, is_traced: bool) -> None:
        self._func = func
        self._tell = tell
        self._is_traced = is_traced

    def __call__(self, /, *args: Any, **kwargs: Any) -> Any:
        meter = Meter(is_traced=self._is_traced)
        try:
            return self._func(*args, **kwargs)
        finally:
            self._tell(*meter.stop())

    def __reduce__(self) -> Tuple[Any, ...]:
        return _itself, (self._func,)


class MeasuredAwaitable(Measured):
    """The same of an async function: CPU time is counted from each of its waits to the next."""

    async def __call__(self, /, *args: Any, **kwargs: Any) -> Any:
        own = [0]
        meter = Meter(is_traced=self._is_traced)
        try:
            return await _counted(self._func(*args, **kwargs), own)
        finally:
            self._tell(*meter.stop(own[0]))


class MeasuredElsewhere:
    """The same of a function that is called in another process, with a progress to tell by.

    Attributes:
        func: the function.
    """

    def __init__(self, func: Callable[..., Any], *, is_traced: bool) -> None:
        self.func = func
        self.args: Tuple[Any, ...] = ()  # as a functools.partial, for who looks into it
        self.keywords: Dict[str, Any] = {}
        self._is_traced = is_traced

    def __call__(self, progress: Progress, /, *args: Any, **kwargs: Any) -> Any:
        measured = Measured(self.func, progress.tell_used, is_traced=self._is_traced)
        return measured(*args, **kwargs)


class MeasuredResource(Measured):
    """The same of the generator function of a resource, of which the opening is measured."""

    def __call__(self, /, *args: Any, **kwargs: Any) -> Any:
        return _Opening(self._func(*args, **kwargs), self._tell, is_traced=self._is_traced)


class _Opening:
    """A generator, plain or async, whose first step is measured."""

    def __init__(self, generator: Any, tell: Tell, *, is_traced: bool) -> None:
        self._generator = generator
        self._is_traced = is_traced
        self._tell: Optional[Tell] = tell

    def __getattr__(self, name: str) -> Any:
        return getattr(self._generator, name)

    def __next__(self) -> Any:
        tell, self._tell = self._tell, None
        if tell is None:
            return next(self._generator)
        return Measured(next, tell, is_traced=self._is_traced)(self._generator)

    def __anext__(self) -> Awaitable[Any]:
        tell, self._tell = self._tell, None
        step: Callable[[], Awaitable[Any]] = self._generator.__anext__
        if tell is None:
            return step()
        return MeasuredAwaitable(step, tell, is_traced=self._is_traced)()


@coroutine
def _counted(awaitable: Any, own: List[int]) -> Generator[Any, Any, Any]:
    """Await something, and count the CPU time of its steps."""
    steps = awaitable.__await__()
    value: Any = None
    error: Optional[BaseException] = None
    while True:
        began = time.thread_time_ns()
        try:
            asked = steps.send(value) if error is None else steps.throw(error)
        except StopIteration as stop:
            return stop.value
        finally:
            own[0] += time.thread_time_ns() - began
        error = None
        try:
            value = yield asked
        except GeneratorExit:
            steps.close()
            raise
        except BaseException as found:  # noqa: BLE001 - whatever is thrown into the stage
            value, error = None, found


def _itself(func: Any) -> Any:
    return func
