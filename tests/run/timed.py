"""A way to carry a run out on a clock of its own, for tests that let time pass."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from threading import Event
from typing import Any, Callable, List, Optional, TypeVar

from stagekit import Result, arun, run
from stagekit.events import Event as RunEvent
from stagekit.events import StageEvent
from stagekit.testing import RecordingHook, VirtualClock
from tests.run.ways import Way

F = TypeVar("F", bound=Callable[..., Any])

PATIENCE = 30  # seconds after which a wait in a test has failed


class Timed(Way):
    """A way with a clock, a hook that remembers, and an event that lets stubborn stages go.

    Attributes:
        clock: of every run.
        hook: told by every run.
        released: set when the test is over.
    """

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.clock = VirtualClock()
        self.hook = RecordingHook()
        self.released = Event()
        self._before = set(threading.enumerate())  # of pools that others use, too
        self._pool: Optional[ThreadPoolExecutor] = None

    def declare(self, **options: Any) -> Callable[[F], F]:  # Any: the options of @stage
        """Declare a stage; as ``stage``, for type checkers."""
        decorator: Callable[[F], F] = self.stage(**options)
        return decorator

    def run(self, target: Any = None, **options: Any) -> Result:
        """Run the registry on the clock; a failed run is returned, not raised."""
        options.setdefault("clock", self.clock)
        options.setdefault("check", False)
        options["hooks"] = [self.hook, *options.get("hooks", ())]
        if self.name != "pool":
            return super().run(target, **options)
        if self._pool is None:
            self._pool = ThreadPoolExecutor(4)
        options.setdefault("registry", self.registry)
        return run(target, executor=self._pool, **options)

    async def arun(self, **options: Any) -> Result:
        """Run the registry on the running loop."""
        options.setdefault("clock", self.clock)
        executor = self.name.replace("arun ", "").replace("asyncio", "threads")
        hooks = [self.hook, *options.pop("hooks", ())]
        return await arun(registry=self.registry, executor=executor, hooks=hooks, **options)

    def events(self) -> List[str]:
        """Return the events of stages as text: what happened, to which stage, at which attempt."""
        told = [each for each in self.hook.events if isinstance(each, StageEvent)]
        return [
            f"{type(each).__name__} {each.stage_id} {getattr(each, 'attempt', '')}".strip()
            for each in told
        ]

    def close(self) -> None:
        """Let go of what still runs, and wait for it."""
        self.released.set()
        for thread in threading.enumerate():
            if thread not in self._before and thread.name.startswith("stagekit"):
                thread.join(PATIENCE)
        if self._pool is not None:
            self._pool.shutdown()


def when(kind: type, do: Callable[[], object], *, stage: str = "") -> Callable[[RunEvent], None]:
    """Return a hook that does something at each event of one kind."""

    def hook(event: RunEvent) -> None:
        if isinstance(event, kind) and stage in {"", getattr(event, "stage_id", "")}:
            do()

    return hook
