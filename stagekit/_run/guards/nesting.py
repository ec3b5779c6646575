"""Runs in runs: which run a stage belongs to, how deep, and where ``run()`` must not block."""

from __future__ import annotations

import contextvars
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Callable, Optional, Tuple

    from stagekit._declare.context import RunInfo
    from stagekit._run.settings import RunSettings

LIMIT = 8


class Nest:
    """A run that is under way, as its stages see it, and the run it was started in.

    To another process goes what a run that is started there needs: whose stage it is, how deep.
    """

    __slots__ = ("_sent", "depth", "info", "outer", "pool")

    def __init__(self, info: RunInfo, pool: object, outer: Optional[Nest]) -> None:
        self.info = info
        self.pool = pool
        self.outer = outer
        self.depth: int = 1 if outer is None else outer.depth + 1
        self._sent = b""

    def __reduce__(self) -> Any:
        return _far, (self.info, self.depth)

    def as_it_travels(self) -> bytes:
        """Return what is sent to other processes, made once."""
        if not self._sent:
            import pickle

            self._sent = pickle.dumps(self)
        return self._sent

    def feeds(self, pool: object) -> bool:
        """Return whether this run, or one around it, waits for a call in *pool*."""
        nest: Optional[Nest] = self
        while nest is not None:
            if nest.pool is pool:
                return True
            nest = nest.outer
        return False


def _far(info: RunInfo, depth: int) -> Nest:
    made = Nest(info, None, None)
    made.depth = depth
    return made


_current: contextvars.ContextVar[Optional[Nest]] = contextvars.ContextVar(
    "stagekit_run", default=None
)


def enter(settings: RunSettings) -> Tuple[contextvars.Context, RunSettings]:
    """Return what every stage of a new run starts from, and the settings as they hold here.

    Stages start from a copy of the caller's context variables.

    A run inside a stage whose outer run feeds the very pool it asks for gets threads of its own,
    because the pool may be waiting for the stage.

    Raises:
        TooDeepError: runs are nested in runs too deeply.
    """
    outer = _current.get()
    info = settings.info
    if outer is not None:
        if outer.depth >= LIMIT:
            from stagekit.errors import TooDeepError

            raise TooDeepError(LIMIT)
        info.parent = outer.info.id
        if settings.pool is not None and outer.feeds(settings.pool):
            settings.mode, settings.pool = "threads", None
    context = contextvars.copy_context()
    context.run(_current.set, Nest(info, settings.pool, outer))
    if "loguru" in sys.modules:
        from stagekit._run.guards.log_context import bind

        bind(context, run=info.id)
    return context, settings


def set_loop_aside() -> Optional[Callable[[], None]]:
    """Have no event loop run in this thread; return what has it run again, None where none does.

    The loop of a notebook is nobody's business: a cell that takes long holds it up anyway. A loop
    of the user's, or of a run that this one would be started in, must not be blocked.

    Raises:
        RunningLoopError: naming ``await arun()``.
    """
    events = sys.modules.get("asyncio.events")  # not loaded: no loop can run
    loop = None if events is None else events._get_running_loop()  # noqa: SLF001 - the public twin raises
    if events is None or loop is None:
        return None
    import asyncio
    import threading

    from stagekit._base.notebook import shell

    is_main = threading.current_thread() is threading.main_thread()
    if shell() is None or _current.get() is not None or not is_main:
        from stagekit.errors import RunningLoopError

        raise RunningLoopError
    tasks: Any = asyncio.tasks
    swap: Any = getattr(
        tasks, "_swap_current_task", None
    )  # from 3.12 on; one a thread from 3.14 on
    task = None if swap is None else swap(loop, None)
    events._set_running_loop(None)  # noqa: SLF001 - asyncio's word for those who run loops

    def back() -> None:
        events._set_running_loop(loop)  # noqa: SLF001 - as above
        if swap is not None:
            swap(loop, task)

    return back
