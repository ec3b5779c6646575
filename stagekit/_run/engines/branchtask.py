"""The task of a branch: how it is started, and whether it may serve a second stage."""

from __future__ import annotations

import asyncio
import contextvars
import sys
from typing import Any, Callable, Coroutine, Optional, Tuple

__all__ = ["HAS_CONTEXT", "Variables", "start_task", "variables_of", "what_cancels"]

# A task runs in the very context it is given, which can be looked at from outside.
HAS_CONTEXT = sys.version_info >= (3, 11)
_EAGER = {"eager_start": True} if sys.version_info >= (3, 12) else {}

# How to read each variable of a context, and its value there. Any: whatever they were made for.
Variables = Tuple[Tuple[Callable[[], Any], Any], ...]


def start_task(
    loop: asyncio.AbstractEventLoop,
    branch: Coroutine[Any, Any, None],
    context: contextvars.Context,
) -> asyncio.Task[None]:
    """Start a task in a context, unless the loop has its own way of starting tasks.

    From 3.12 on it starts at once, up to where it first suspends, else in the next turn. Before
    3.11 it runs in a copy of the context.
    """
    if not HAS_CONTEXT:
        return context.run(loop.create_task, branch)
    # Any: what both take depends on the Python
    own: Any = loop.create_task
    task: asyncio.Task[None]
    if loop.get_task_factory() is not None:
        task = own(branch, context=context)
    else:
        plain: Any = asyncio.Task
        task = plain(branch, loop=loop, context=context, **_EAGER)
    return task


def variables_of(context: contextvars.Context) -> Variables:
    """Return what tells a context from a changed one.

    A stage has left it as it was if each variable still has that very object, and none has been
    added. Contexts are not compared, because that would compare values of users.
    """
    return tuple([(variable.get, value) for variable, value in context.items()])


def what_cancels() -> Callable[[], object]:
    """Return what tells whether the current task has been asked to end."""
    task: Any = asyncio.current_task()  # Any: what is asked for depends on the Python
    found: Optional[Callable[[], object]] = getattr(task, "cancelling", None)  # from 3.11 on
    return found if found is not None else lambda: getattr(task, "_must_cancel", False)
