"""Noticing that a stage blocks the event loop, on which all other async stages wait for it.

One thread watches the loops of all runs: it asks each to answer, and where no answer comes for a
while it looks at what the loop's thread is doing. It is started by the first run that has a loop,
and ends with the last of them.
"""

from __future__ import annotations

import os
import sys
from _thread import start_new_thread
from contextlib import nullcontext, suppress
from threading import Event, Lock, get_ident
from time import monotonic
from typing import TYPE_CHECKING, Any, List, Optional, Tuple

from stagekit._base.frames import is_runner

if TYPE_CHECKING:
    import asyncio
    from contextlib import AbstractContextManager
    from types import CodeType, FrameType

    from stagekit._plan.plan import Plan
    from stagekit._run.session import Session

PATIENCE = 1.0  # seconds without an answer that are told of
LOOK = 0.25  # seconds between two questions


class LoopWatch:
    """Watches the event loop of the thread that enters it; used as a context manager.

    Args:
        plan: whose stages run on the loop.
        notices: gets a text, once, if a stage blocks the loop.
    """

    def __init__(self, plan: Plan, notices: List[str]) -> None:
        self._plan = plan
        self._notices = notices
        self._loop: Optional[asyncio.AbstractEventLoop] = None
        self._thread = 0
        self._asked: Optional[float] = None
        self.is_done = False

    def on(self, loop: asyncio.AbstractEventLoop) -> LoopWatch:
        """Say which loop is meant; return the watch."""
        self._loop = loop
        return self

    def __enter__(self) -> None:
        self._thread = get_ident()
        _watchman.begin(self)

    def __exit__(self, *_: object) -> None:
        self.is_done = True
        _watchman.end(self)

    def look(self) -> None:
        """Ask the loop to answer, or see how long it has not."""
        if self.is_done or self._loop is None:
            return
        now = monotonic()
        if self._asked is None:
            self._asked = now
            try:
                self._loop.call_soon_threadsafe(self._answer)
            except RuntimeError:  # it is closed
                self.is_done = True
        elif now - self._asked >= PATIENCE:
            text = self.describe()
            if text and not self.is_done:
                self.is_done = True
                self._notices.append(text)

    def _answer(self) -> None:
        self._asked = None

    def describe(self) -> str:
        """Return which stage is blocking the loop, and where; nothing where it is none of ours."""
        frame: Optional[FrameType] = sys._current_frames().get(self._thread)  # noqa: SLF001 - documented
        stack: List[FrameType] = []
        while frame is not None and not is_runner(frame):
            stack.append(frame)
            frame = frame.f_back
        names = dict(map(_code_of, self._plan.order, self._plan.calls))
        for each in reversed(stack):
            stage = names.get(each.f_code)
            if stage is not None and frame is not None:
                where = f"{each.f_code.co_filename}:{each.f_lineno}"
                inner = stack[0].f_code.co_name
                deeper = "" if stack[0] is each else f", in {inner}()"
                return (
                    f"stage {stage!r} has blocked the event loop for more than {PATIENCE:g} s, at "
                    f"{where}{deeper}; all other async stages wait for it: await what takes long, "
                    "or make it a plain function, which runs in a thread"
                )
        return ""


class _Watchman:
    """The thread that watches, and what it watches.

    It is none of ``threading``'s: to start one of those is to wait until it runs, which takes
    longer than a short run.
    """

    def __init__(self) -> None:
        self._lock = Lock()
        self._watches: List[LoopWatch] = []
        self._is_done: Optional[Event] = None  # of the thread that watches

    def begin(self, watch: LoopWatch) -> None:
        with self._lock:
            self._watches.append(watch)
            if self._is_done is None:
                is_done = Event()
                with suppress(RuntimeError, MemoryError):  # no thread to be had: nobody watches
                    start_new_thread(self._watch, (is_done,))
                    self._is_done = is_done

    def end(self, watch: LoopWatch) -> None:
        with self._lock:
            if watch in self._watches:  # not where a stage has forked, in the child
                self._watches.remove(watch)
            if not self._watches and self._is_done is not None:
                self._is_done.set()
                self._is_done = None

    def _watch(self, is_done: Event) -> None:
        while not is_done.wait(LOOK):
            with self._lock:
                watches = tuple(self._watches)
            for each in watches:
                each.look()


_watchman = _Watchman()


def watched(session: Session, loop: asyncio.AbstractEventLoop) -> AbstractContextManager[None]:
    """Return a watch over the loop of the calling thread; none where the run is inline.

    There, plain stages are called in the thread of the loop, too, because that was asked for.
    """
    if session.mode == "inline":
        return nullcontext()
    return LoopWatch(session.plan, session.settings.notices).on(loop)


def _begin_again() -> None:
    global _watchman  # noqa: PLW0603 - its thread is not in this process, and its lock may be held
    _watchman = _Watchman()


if hasattr(os, "register_at_fork"):  # not on Windows
    os.register_at_fork(after_in_child=_begin_again)


def _code_of(stage: str, call: Any) -> Tuple[Optional[CodeType], str]:  # Any: a call of a plan
    """Return the code that the call of a stage runs, and the stage."""
    fn: Any = call[0]
    for name in ("fn", "func", "__func__", "__wrapped__", "func", "__func__"):
        fn = getattr(fn, name, fn)
    if not hasattr(fn, "__code__"):
        fn = getattr(_kind(fn), "__call__", None)  # noqa: B004 - the function is wanted
    return getattr(fn, "__code__", None), stage


def _kind(value: object) -> object:
    return type(value)
