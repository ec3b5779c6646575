"""Which backend makes the calls of which step, and the names of their workers."""

from __future__ import annotations

from inspect import iscoroutinefunction
from typing import TYPE_CHECKING, Any, Callable, Dict, List, Mapping, Optional, Sequence, Set, Tuple

from stagekit._base.executor_names import HERE
from stagekit._run.backends.inline import InlineBackend
from stagekit._run.backends.threads import ThreadBackend
from stagekit._run.state.agenda import SECOND
from stagekit._run.state.limits import Limits

if TYPE_CHECKING:
    import asyncio

    from stagekit._plan.plan import Plan
    from stagekit._plan.policy import Policy
    from stagekit._run.backends.job import Backend, Post
    from stagekit._run.backends.loop import LoopBackend
    from stagekit._run.interrupts import Gate
    from stagekit._run.settings import Pools, RunSettings

NEAR = (None, *HERE)  # what an async stage may say, and stays on the loop
MAX_TASKS = 1_000_000  # of async stages, where nobody says how many


class Placement:
    """The backends of one run.

    Args:
        plan: what is run.
        settings: of the run.
        mode: what was chosen for it: ``"inline"``, ``"threads"``, ``"asyncio"`` or ``"pool"``.
        post: takes how calls ended.
        loop: the loop of the thread that owns the run; None for one in a thread of its own.
        gate: opened for calls in the thread that owns the run.
        more: called, on any thread, where more calls may be begun than before.

    Attributes:
        of_step: the lane of each step, an index of ``backends``.
        slots: the capacity of each named slot.
        is_inline: stages are called in the calling thread, unless they say otherwise.
        has_handles: whether some values may be handles.
        stays: for each step, whether what its calls return may stay a handle.
    """

    def __init__(  # noqa: PLR0913 - what a run has
        self,
        plan: Plan,
        settings: RunSettings,
        mode: str,
        post: Post,
        loop: Optional[asyncio.AbstractEventLoop],
        gate: Gate,
        *,
        more: Callable[[], object],
    ) -> None:
        self.gate = gate
        self.is_inline = mode == "inline"
        self.backends: List[Backend] = []
        self.stays = bytearray(len(plan))
        self._post = post
        self._loop = loop
        self._more = more
        self._plan = plan
        self._settings = settings
        self._loop_backend: Optional[LoopBackend] = None
        self._known: Dict[object, int] = {}
        self._pools: Optional[Pools] = None
        self.of_step: Sequence[int] = self._of_steps(plan)
        self.has_handles = any(backend.returns_handles for backend in self.backends)
        if self.has_handles:
            self._note_what_stays(plan)
        self.slots: Mapping[str, int] = _slots(plan, settings)

    def _of_steps(self, plan: Plan) -> Sequence[int]:
        plain = bytearray(plan.is_async)  # those without a policy: by whether they are async
        for step in plan.policies:
            plain[step] = 2
        lanes = [self._lane(None, kind) if kind in plain else 0 for kind in (0, 1)]
        found = [lanes[kind] if kind < 2 else 0 for kind in plain]  # noqa: PLR2004 - as above
        for step, policy in plan.policies.items():
            found[step] = self._lane(policy, plan.is_async[step])
        return found

    def _lane(self, policy: Optional[Policy], is_async: int) -> int:
        said = None if policy is None else policy.executor
        is_resource = policy is not None and policy.kind == "resource"
        if is_async and (is_resource or said in NEAR):
            return self._index("asyncio")
        if is_resource:
            return self._index("resources" if self._is_bounded(policy) else "inline")
        if said is None or said == "auto":
            if self._settings.mode == "pool":
                said = self._settings.pool
            else:
                said = "threads" if self._is_bounded(policy) else "inline"
        return self._index(said)

    def _is_bounded(self, policy: Optional[Policy]) -> bool:
        """Return whether a stage that says nothing of it leaves the calling thread.

        It does where all do, and in a run that is inline because nothing could overlap, where its
        policy says so. What other stages ask for never counts.
        """
        if not self.is_inline:
            return True
        if policy is None or self._settings.mode == "inline":
            return False
        return policy.leaves_caller

    def _index(self, key: Any) -> int:
        found = self._known.get(key)
        if found is None:
            found = self._known[key] = len(self.backends)
            self.backends.append(self._make(key))
        return found

    def _make(self, key: Any) -> Backend:
        post, workers = self._post, self._settings.workers
        if key == "inline":
            return InlineBackend(post, self.gate)
        if key == "threads":
            return ThreadBackend(post, workers)
        if key == "resources":
            return ThreadBackend(post, MAX_TASKS)
        if key == "asyncio":
            return self.loop()
        from stagekit._run.backends.pool import PoolBackend

        if self._pools is None:
            self._pools = self._settings.make_pools(self._settings)
        pool, name, capacity = self._pools.of(key)
        return PoolBackend(post, pool, name, capacity, self.stays)

    def _note_what_stays(self, plan: Plan) -> None:
        """Have values stay handles that are taken by stages of the same lane alone.

        A list is read that a stage is called for each item of; the items themselves may stay.
        """
        of_step, policies = self.of_step, plan.policies
        mapped = {step for step, policy in policies.items() if policy.each}
        is_read: Set[int] = set()
        for step, bindings in enumerate(plan.bindings):
            each = policies[step].each if step in mapped else ()
            for place, binding in enumerate(bindings):
                is_items = place in each or binding.parameter in each
                for provider in binding.providers:
                    self.stays[provider] = 1
                    if of_step[provider] != of_step[step] or (is_items and provider not in mapped):
                        is_read.add(provider)
        for step in is_read:
            self.stays[step] = 0

    def loop(self) -> LoopBackend:
        """Return the backend of async stages."""
        if self._loop_backend is None:
            from stagekit._run.backends.loop import LoopBackend
            from stagekit._run.guards.loop_watchdog import LoopWatch

            limit = self._settings.async_limit
            capacity = MAX_TASKS if limit is None else limit
            watch = LoopWatch(self._plan, self._settings.notices)
            self._loop_backend = LoopBackend(self._post, capacity, watch, self._loop, self._more)
        return self._loop_backend

    def backend_of(self, step: int) -> Backend:
        """Return the backend that makes the calls of a step."""
        return self.backends[self.of_step[step]]

    def may_be_handle(self, step: int) -> bool:
        """Return whether the value of a step may be a handle."""
        return self.backend_of(step).returns_handles

    def is_awaited_there(self, step: int, lane: int) -> bool:
        """Return whether a stage is async and its lane has no loop."""
        return bool(self._plan.is_async[step]) and self.backends[lane].name != "asyncio"

    def is_owners(self, lane: int) -> bool:
        """Return whether the calls of a lane are made by the thread that owns the run."""
        return self.backends[lane].name == "inline"

    def undoer(self, fn: Any) -> Backend:
        """Return the backend that calls a compensation."""
        if iscoroutinefunction(fn):
            return self.loop()
        key = "inline" if self.is_inline else "threads"
        return self.backends[self._index(key)]

    def worker(self, lane: int, slot: int) -> Tuple[int, str]:
        """Return number and name of a worker; what is sent ahead to it has its number."""
        backend = self.backends[lane]
        if backend.name == "inline":
            return 0, "main"
        number = (slot - 1) % backend.capacity + 1
        if backend.name == "asyncio":
            return -number, f"async-{number}"
        return number, f"{'worker' if backend.name == 'threads' else backend.name}-{number}"

    def close(self) -> None:
        """Close the backends."""
        for backend in self.backends:
            backend.close()
        if self._loop_backend is not None and self._loop_backend not in self.backends:
            self._loop_backend.close()  # it was there for undoing alone

    def close_pools(self) -> None:
        """Close the pools that were made for the run."""
        if self._pools is not None:
            self._pools.close()


def _slots(plan: Plan, settings: RunSettings) -> Mapping[str, int]:
    """Return the capacity of each slot: as said, else the largest single demand."""
    found: Dict[str, int] = {}
    for policy in plan.policies.values():
        for name, count in policy.slots:
            found[name] = max(found.get(name, 0), count)
    return {**found, **settings.limits}


def limits_of(settings: RunSettings, placement: Placement, now: int) -> Limits:
    """Return what bounds a run that begins now."""
    deadline = None if settings.deadline is None else now + int(settings.deadline * SECOND)
    return Limits(
        capacity=[backend.capacity for backend in placement.backends],
        can_kill=[backend.can_kill for backend in placement.backends],
        reasks=[backend.reasks for backend in placement.backends],
        hears_late=[each.is_elsewhere and not each.can_kill for each in placement.backends],
        slots=placement.slots,
        width=1 if settings.mode == "inline" else None,
        deadline=deadline,
        grace=int(settings.grace * SECOND),
        holds=settings.rollback is not None,
    )
