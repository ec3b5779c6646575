"""Which carrier carries which step out, and the names of their workers."""

from __future__ import annotations

from inspect import iscoroutinefunction
from typing import TYPE_CHECKING, Any, Dict, List, Mapping, Optional, Sequence

from stagekit._base.executor_names import HERE
from stagekit._run.backends.carriers import Here, Pooled, Threads
from stagekit._run.state.agenda import SECOND
from stagekit._run.state.limits import Limits

if TYPE_CHECKING:
    import asyncio

    from stagekit._plan.plan import Plan
    from stagekit._run.backends.job import Carrier, Post
    from stagekit._run.backends.loop import Tasks
    from stagekit._run.interrupts import Gate
    from stagekit._run.settings import RunSettings

NEAR = (None, *HERE)  # what an async stage may say, and stays on the loop
MAX_TASKS = 1_000_000  # of async stages, where nobody says how many


class Lanes:
    """The carriers of one run.

    Args:
        plan: what is run.
        settings: of the run.
        post: takes how calls ended.
        loop: the running loop, where the run is awaited.
        gate: opened for calls in the thread that owns the run.

    Attributes:
        of_step: the lane of each step, an index of ``carriers``.
        slots: the capacity of each named slot.
        is_inline: one call at a time, in the calling thread.
        keeps_values: whether some values stay where they were made.
    """

    def __init__(
        self,
        plan: Plan,
        settings: RunSettings,
        post: Post,
        loop: Optional[asyncio.AbstractEventLoop],
        gate: Gate,
    ) -> None:
        self.gate = gate
        self.is_inline = settings.mode == "inline"
        self.carriers: List[Carrier] = []
        self.keeps_values = False
        self._post = post
        self._loop = loop
        self._plan = plan
        self._settings = settings
        self._tasks: Optional[Tasks] = None
        self._known: Dict[object, int] = {}
        self.of_step: Sequence[int] = self._of_steps(plan)
        self.slots: Mapping[str, int] = _slots(plan, settings)

    def _of_steps(self, plan: Plan) -> Sequence[int]:
        found: List[int] = []
        common: Dict[int, int] = {}  # of steps without a policy: by whether they are async
        for step, is_async in enumerate(plan.is_async):
            if step in plan.policies:
                found.append(self._lane(plan, step))
                continue
            if is_async not in common:
                common[is_async] = self._lane(plan, step)
            found.append(common[is_async])
        return found

    def _lane(self, plan: Plan, step: int) -> int:
        policy = plan.policies.get(step)
        said = None if policy is None else policy.executor
        is_resource = policy is not None and policy.kind == "resource"
        if plan.is_async[step] and (is_resource or said in NEAR):
            return self._index("asyncio")
        if is_resource:
            return self._index("inline" if self.is_inline else "resources")
        if said is None or said == "auto":
            said = self._settings.pool if self._settings.mode == "pool" else self._settings.mode
        return self._index("threads" if said in {"auto", "threads"} else said)

    def _index(self, key: Any) -> int:
        found = self._known.get(key)
        if found is None:
            found = self._known[key] = len(self.carriers)
            self.carriers.append(self._make(key))
        return found

    def _make(self, key: Any) -> Carrier:
        post, workers = self._post, self._settings.workers
        if key == "inline":
            return Here(post, self.gate)
        if key == "threads":
            return Threads(post, workers)
        if key == "resources":
            return Threads(post, MAX_TASKS)
        if key == "asyncio":
            return self.loop()
        pool, name, capacity = self._settings.pools.of(key)
        self.keeps_values = self.keeps_values or bool(getattr(pool, "keeps_values", False))
        return Pooled(post, pool, name, capacity)

    def loop(self) -> Tasks:
        """Return the carrier of async stages."""
        if self._tasks is None:
            from stagekit._run.backends.loop import Tasks
            from stagekit._run.guards.loop_watchdog import LoopWatch

            limit = self._settings.async_limit
            capacity = MAX_TASKS if limit is None else limit
            watch = LoopWatch(self._plan, self._settings.notices)
            self._tasks = Tasks(self._post, capacity, watch, self._loop)
        return self._tasks

    def is_awaited_there(self, step: int, lane: int) -> bool:
        """Tell whether a stage is async and its lane has no loop."""
        return bool(self._plan.is_async[step]) and self.carriers[lane].name != "asyncio"

    def is_owners(self, lane: int) -> bool:
        """Tell whether the calls of a lane are made by the thread that owns the run."""
        return self.carriers[lane].name == "inline"

    def undoer(self, fn: Any) -> Carrier:
        """Return what carries a compensation out."""
        if iscoroutinefunction(fn):
            return self.loop()
        key = "inline" if self.is_inline else "threads"
        return self.carriers[self._index(key)]

    def shown(self, lane: int, slot: int) -> int:
        """Return the number of a worker, for people: what it is sent ahead has its number."""
        return (slot - 1) % self.carriers[lane].capacity + 1

    def worker(self, lane: int, slot: int) -> str:
        """Return the name of a worker, for people."""
        name = self.carriers[lane].name
        if name == "inline":
            return "main"
        kind = {"threads": "worker", "asyncio": "async"}.get(name, name)
        return f"{kind}-{slot}"

    def close(self) -> None:
        """Let go of the carriers."""
        for carrier in self.carriers:
            carrier.close()
        if self._tasks is not None and self._tasks not in self.carriers:  # for undoing alone
            self._tasks.close()


def _slots(plan: Plan, settings: RunSettings) -> Mapping[str, int]:
    """Return the capacity of each slot: as said, else the largest single demand."""
    found: Dict[str, int] = {}
    for policy in plan.policies.values():
        for name, count in policy.slots:
            found[name] = max(found.get(name, 0), count)
    return {**found, **settings.limits}


def limits_of(settings: RunSettings, lanes: Lanes, now: int) -> Limits:
    """Return what bounds a managed run that begins now."""
    deadline = None if settings.deadline is None else now + int(settings.deadline * SECOND)
    return Limits(
        capacity=[carrier.capacity for carrier in lanes.carriers],
        can_kill=[carrier.can_kill for carrier in lanes.carriers],
        reasks=[carrier.reasks for carrier in lanes.carriers],
        slots=lanes.slots,
        width=1 if lanes.is_inline else None,
        deadline=deadline,
        grace=int(settings.grace * SECOND),
        holds=settings.rollback is not None,
    )
