"""What one run obeys: its options, checked and bound beforehand."""

from __future__ import annotations

from types import MappingProxyType

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Callable, FrozenSet, List, Mapping, Optional, Protocol, Tuple, Union

    from stagekit._base.cancel import CancelToken
    from stagekit._base.ports import CallPool, Decider, Hook
    from stagekit._base.rollback import Rollback
    from stagekit._declare.context import RunInfo
    from stagekit._run.clock import Clock

    class Pools(Protocol):
        """Finds pools by what a stage or a run says, and closes those that it made."""

        def of(self, executor: Any, /) -> Tuple[CallPool, str, int]:  # Any: a name or a pool
            """Return a pool, its name for people, and how many calls of a run it makes at once."""
            ...

        def close(self) -> None:
            """Close the pools that were made for the run."""


GRACE = 10.0  # seconds


class RunSettings:
    """The settings of one run; made by ``stagekit._settings.settings_for``.

    Attributes:
        mode: ``"auto"``, ``"inline"``, ``"threads"`` or ``"pool"``.
        pool: what carries the calls out where *mode* is ``"pool"``: a pool, or the name of one.
        workers: how many plain stages may run at once.
        said_workers: the same, if it is said; None otherwise.
        async_limit: how many async stages may, or None for all.
        on_failure: ``"stop"``, ``"continue"`` or ``"cancel"``.
        check: raise if the run failed.
        hooks: the objects that are sent the events.
        constants: the first values of the run: given values, defaults, injectables.
        rank: ready steps start in ascending rank; None for the plan's own.
        info: what the run is.
        make_pools: makes what finds the pools that carry stages out beyond this process.
        cancel: a token of the caller's that cancels the run.
        deadline: seconds from the start after which the run is cancelled.
        grace: seconds between asking a stage to end, and ending it or giving up on it.
        rollback: how stages are undone where the run fails; None if they are not.
        limits: the capacity of named slots; async stages are bounded by *async_limit*.
        clock: gives the time; None for the clock of the machine.
        seed: of the random numbers that jitter retries; None for others in each run.
        measure: whether calls are measured; ``"tracemalloc"``: and memory in this way.
        decider: is asked before and after each call; None for nobody.
        kept: the steps whose values are kept; None for all.
        notices: warnings for the caller that turned up in the run.
    """

    mode = "auto"
    pool: Any = None
    async_limit: Optional[int] = None
    on_failure = "stop"
    check = True
    hooks: Tuple[Hook, ...] = ()
    rank: Optional[Tuple[int, ...]] = None
    cancel: Optional[CancelToken] = None
    deadline: Optional[float] = None
    grace = GRACE
    rollback: Optional[Rollback] = None
    limits: Mapping[str, int] = MappingProxyType({})
    clock: Optional[Clock] = None
    seed: Optional[int] = None
    decider: Optional[Decider] = None
    measure: Union[bool, str] = False
    kept: Optional[FrozenSet[int]] = None

    def __init__(
        self,
        info: RunInfo,
        said_workers: Optional[int],
        make_pools: Callable[[RunSettings], Pools],
    ) -> None:
        self.info = info
        self.workers = info.workers
        self.said_workers = said_workers
        self.make_pools = make_pools
        self.constants: List[Any] = []
        self.notices: List[str] = []
