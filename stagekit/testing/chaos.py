"""``Chaos``: stages that are slow, raise, return nothing, or lose their worker, on purpose."""

from __future__ import annotations

import os
import signal
import time
from random import Random
from typing import (
    TYPE_CHECKING,
    Any,
    AsyncIterator,
    Callable,
    Dict,
    Iterator,
    List,
    Optional,
    Tuple,
    TypeVar,
)

from stagekit._plan.plan import Plan
from stagekit._plan.policy import RESOURCE
from stagekit._plan.slots import around
from stagekit.errors import WorkerDiedError

if TYPE_CHECKING:
    from stagekit._plan.slots import Call

__all__ = ["Chaos", "ChaosError"]

P = TypeVar("P", bound=Plan)


class ChaosError(Exception):
    """What a stage raises that ``Chaos`` has fail."""


class Chaos:
    """Troubles for the stages of a plan, to test what a pipeline makes of them.

    What happens to a call is decided by *seed*, the id of the stage, the number of the attempt
    and the index of the item (``Each``), and by nothing else: the same plan meets the same troubles
    on every executor and in every order, and a seed that found something can be run again.

    Args:
        seed: decides.
        kill: the probability that an attempt loses its worker: the process it runs in is killed
            where that is not the one that runs the plan; elsewhere it raises ``WorkerDiedError``.
        slow: the probability that an attempt sleeps before it begins.
        raise_: the probability that an attempt raises ``ChaosError`` instead of being made.
        bad_value: the probability that None is returned in place of what is promised; a stage that
            promises nothing (``-> None``, or no annotation) is left alone.
        seconds: how long a slow attempt sleeps at most.

    Raises:
        ValueError: a probability is not from 0 to 1, or *seconds* is less than 0.

    Example:
        >>> from stagekit import Registry, plan
        >>> from stagekit.testing import Chaos
        >>> registry = Registry()
        >>> @registry.stage(id="load", retries=3)
        ... def load() -> int:
        ...     return 42
        >>> chaos = Chaos(4, raise_=0.5)
        >>> [chaos.troubles("load", attempt) for attempt in (1, 2)]
        [('raise',), ()]
        >>> result = chaos.wrap(plan(registry=registry)).run()
        >>> result["load"], len(result.report("load").attempts)
        (42, 2)
    """

    def __init__(
        self,
        seed: object,
        *,
        kill: float = 0.0,
        slow: float = 0.0,
        raise_: float = 0.0,
        bad_value: float = 0.0,
        seconds: float = 0.05,
    ) -> None:
        self.seed = seed
        self.seconds = seconds
        self._chances = {"slow": slow, "kill": kill, "raise": raise_, "bad_value": bad_value}
        for name, chance in self._chances.items():
            if not 0 <= chance <= 1:
                __tracebackhide__ = True  # of pytest
                shown = "raise_" if name == "raise" else name
                raise ValueError(f"{shown} takes a probability from 0 to 1, got {chance!r}")
        if not seconds >= 0:
            __tracebackhide__ = True
            raise ValueError(f"seconds must be 0 or more, got {seconds!r}")

    def __repr__(self) -> str:
        said = [f"{name}={chance}" for name, chance in self._chances.items() if chance]
        return f"<Chaos {', '.join([repr(self.seed), *said])}>"

    def troubles(
        self, stage_id: str, attempt: int = 1, item: Optional[int] = None
    ) -> Tuple[str, ...]:
        """Return what happens to an attempt: of "slow", "kill", "raise", "bad_value"; or nothing.

        At most one of the last three happens, and "slow" may come before it.
        """
        chance = Random(repr((self.seed, stage_id, attempt, item)))  # noqa: S311 - no secret
        drawn = [name for name, most in self._chances.items() if chance.random() < most]
        ends = [name for name in drawn if name != "slow"]
        return (*(["slow"] if "slow" in drawn else []), *ends[:1])

    def wrap(self, plan: P) -> P:
        """Return a plan of the same stages, in trouble."""
        return plan._with_calls(tuple(self._call(plan, step) for step in range(len(plan))))  # noqa: SLF001 - as runs do

    def _call(self, plan: Plan, step: int) -> Call:
        call = plan.calls[step]
        policy = plan.policies.get(step)
        kind = "async" if plan.is_async[step] else "plain"
        if policy is not None and policy.kind == RESOURCE:
            kind = f"{kind} resource"
        stage, has_promise = plan.order[step], call[4] > 0
        return around(call, lambda fn: Trouble(self, stage, fn, kind=kind, has_promise=has_promise))


class Trouble:
    """A stage of a plan in trouble. ``for_attempt`` is what a run asks for an attempt of it."""

    def __init__(
        self, chaos: Chaos, stage_id: str, fn: Callable[..., Any], *, kind: str, has_promise: bool
    ) -> None:
        self.fn = fn
        self._chaos = chaos
        self._stage_id = stage_id
        self._kind = kind
        self._has_promise = has_promise

    def __call__(self, *args: Any, **kwargs: Any) -> Any:  # Any: as the stage says
        return self.for_attempt(1, None)(*args, **kwargs)

    def for_attempt(self, attempt: int, item: Optional[int]) -> Callable[..., Any]:
        """Return what is called in one attempt: the stage itself where nothing happens to it."""
        troubles = list(self._chaos.troubles(self._stage_id, attempt, item))
        if "bad_value" in troubles and not self._has_promise:
            troubles.remove("bad_value")
        if not troubles:
            return self.fn
        where = f"stage {self._stage_id!r}, attempt {attempt}"
        where += "" if item is None else f", item {item}"
        delay = Random(repr((self._chaos.seed, where))).random()  # noqa: S311 - no secret
        troubled = Troubled(self.fn, troubles, where, delay * self._chaos.seconds)
        made: Dict[str, Callable[..., Any]] = {
            "plain": troubled,
            "async": AsyncTroubled(troubled),
            "plain resource": _opened(troubled),
            "async resource": _async_opened(troubled),
        }
        return made[self._kind]


class Troubled:
    """One attempt in trouble; can be sent to another process."""

    def __init__(
        self, fn: Callable[..., Any], troubles: List[str], where: str, delay: float
    ) -> None:
        self.fn = fn
        self.troubles = troubles
        self.delay: float = delay if "slow" in troubles else 0.0
        self._where = where
        self._home = os.getpid()

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        time.sleep(self.delay)
        self.strike()
        value = self.fn(*args, **kwargs)
        return None if "bad_value" in self.troubles else value

    def strike(self) -> None:
        """Raise, or end the process."""
        if "raise" in self.troubles:
            raise ChaosError(f"raised on purpose: {self._where}")
        if "kill" in self.troubles:
            if os.getpid() != self._home:
                os.kill(os.getpid(), getattr(signal, "SIGKILL", signal.SIGTERM))
            raise WorkerDiedError(f"on purpose: {self._where}")


class AsyncTroubled:
    """One attempt of an async stage in trouble."""

    def __init__(self, troubled: Troubled) -> None:
        self._troubled = troubled

    async def __call__(self, *args: Any, **kwargs: Any) -> Any:
        import asyncio

        await asyncio.sleep(self._troubled.delay)
        self._troubled.strike()
        value = await self._troubled.fn(*args, **kwargs)
        return None if "bad_value" in self._troubled.troubles else value


def _opened(troubled: Troubled) -> Callable[..., Iterator[Any]]:
    """Return the generator function of a resource that is in trouble while it is opened."""

    def resource(*args: Any, **kwargs: Any) -> Iterator[Any]:
        time.sleep(troubled.delay)
        troubled.strike()
        inner = troubled.fn(*args, **kwargs)
        value = next(inner)
        yield None if "bad_value" in troubled.troubles else value
        yield from inner

    return resource


def _async_opened(troubled: Troubled) -> Callable[..., AsyncIterator[Any]]:
    async def resource(*args: Any, **kwargs: Any) -> AsyncIterator[Any]:
        import asyncio

        await asyncio.sleep(troubled.delay)
        troubled.strike()
        inner = troubled.fn(*args, **kwargs)
        value = await inner.__anext__()
        yield None if "bad_value" in troubled.troubles else value
        async for more in inner:
            yield more

    return resource
