"""The task of a branch: how it is started, and whether it may serve a second stage."""

from __future__ import annotations

import asyncio
import contextvars
import sys
from functools import partial
from typing import Any, Callable, Optional, Tuple

# A task runs in the very context it is given, which can be looked at from outside.
HAS_CONTEXT = sys.version_info >= (3, 11)
_EAGER = {"eager_start": True} if sys.version_info >= (3, 12) else {}

# Any: of any coroutine, in a context that only some Pythons take
Starter = Callable[..., "asyncio.Task[Any]"]

# How to read each variable of a context, and its value there. Any: whatever they were made for.
Variables = Tuple[Tuple[Callable[[], Any], Any], ...]


def task_starter(loop: asyncio.AbstractEventLoop) -> Starter:
    """Return what starts a task of a coroutine in a context (``context=``).

    The loop's own way of starting tasks is kept, if it has one. From 3.12 on a task starts at once,
    up to where it first suspends, else in the next turn. Before 3.11 it runs in a copy of the
    context.
    """
    if not HAS_CONTEXT:  # pragma: no cover - older interpreters

        def start(branch: Any, *, context: contextvars.Context) -> asyncio.Task[Any]:
            return context.run(loop.create_task, branch)

        return start
    if loop.get_task_factory() is not None:
        return loop.create_task
    plain: Any = asyncio.Task  # Any: what it takes depends on the Python
    return partial(plain, loop=loop, name="stagekit", **_EAGER)  # a number for each takes time


SLICE = 5_000_000  # nanoseconds after which a branch yields to the loop


def variables_of(context: contextvars.Context) -> Variables:
    """Return what tells a context from a changed one.

    A stage has left it as it was if each variable still has that very object, and none has been
    added. Contexts are not compared, because that would compare values of users.
    """
    return tuple([(variable.get, value) for variable, value in context.items()])


def what_stays(origin: contextvars.Context) -> Callable[[contextvars.Context], bool]:
    """Return what tells whether a context is as the one that it was copied from."""
    (get, given), *pairs = variables_of(origin)  # one at least: that of the run
    size, snapshot = len(origin), contextvars.copy_context

    def stays(context: contextvars.Context) -> bool:
        if len(context if HAS_CONTEXT else snapshot()) != size or get() is not given:
            return False
        return not pairs or all(read() is value for read, value in pairs)

    return stays


def what_cancels() -> Callable[[], object]:
    """Return what tells whether the current task has been asked to end."""
    task: Any = asyncio.current_task()  # Any: what is asked for depends on the Python
    found: Optional[Callable[[], object]] = getattr(task, "cancelling", None)  # from 3.11 on
    return found if found is not None else lambda: getattr(task, "_must_cancel", False)
