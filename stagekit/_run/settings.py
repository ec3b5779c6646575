"""What one run obeys: its options, checked and bound beforehand."""

from __future__ import annotations

from stagekit._base.record import Record
from stagekit._declare.context import RunInfo

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, FrozenSet, List, Mapping, Optional, Protocol, Tuple, Union

    from stagekit._base.cancel import CancelToken
    from stagekit._base.ports import CallPool, Decider, Hook
    from stagekit._base.rollback import Rollback
    from stagekit._run.clock import Clock

    class Pools(Protocol):
        """Finds pools by what a stage or a run says, and closes those that it made."""

        def of(self, executor: Any, /) -> Tuple[CallPool, str, int]:  # Any: a name or a pool
            """Return a pool, its name for people, and how many calls of a run it makes at once."""
            ...

        def close(self) -> None:
            """Close the pools that were made for the run."""


GRACE = 10.0  # seconds


class RunSettings(Record):
    """The settings of one run; made by ``stagekit._settings.settings_for``.

    Attributes:
        mode: ``"auto"``, ``"inline"``, ``"threads"`` or ``"pool"``.
        pool: what carries the calls out where *mode* is ``"pool"``: a pool, or the name of one.
        workers: how many plain stages may run at once.
        async_limit: how many async stages may, or None for all.
        on_failure: ``"stop"``, ``"continue"`` or ``"cancel"``.
        check: raise if the run failed.
        hooks: the objects that are sent the events.
        constants: the first values of the run: given values, defaults, injectables.
        rank: ready steps start in ascending rank; None for the plan's own.
        info: what the run is.
        pools: finds the pools that carry stages out beyond this process.
        cancel: a token of the caller's that cancels the run.
        deadline: seconds from the start after which the run is cancelled.
        grace: seconds between asking a stage to end, and ending it or giving up on it.
        rollback: how stages are undone where the run fails; None if they are not.
        limits: the capacity of named slots; async stages are bounded by *async_limit*.
        clock: tells the time; None for the clock of the machine.
        seed: of the random numbers that jitter retries; None for others in each run.
        measure: whether calls are measured; ``"tracemalloc"``: and memory in this way.
        decider: is asked before and after each call; None for nobody.
        kept: the steps whose values are kept; None for all.
        notices: warnings for the caller that turned up in the run.
    """

    __slots__ = (
        "mode",
        "pool",
        "workers",
        "async_limit",
        "on_failure",
        "check",
        "hooks",
        "constants",
        "rank",
        "info",
        "pools",
        "cancel",
        "deadline",
        "grace",
        "rollback",
        "limits",
        "clock",
        "seed",
        "decider",
        "measure",
        "kept",
        "notices",
    )

    def __init__(  # noqa: PLR0913 - the parts of the record
        self,
        *,
        mode: str,
        pool: Any,
        workers: int,
        async_limit: Optional[int],
        on_failure: str,
        check: bool,
        hooks: Tuple[Hook, ...],
        constants: List[Any],
        rank: Optional[Tuple[int, ...]],
        info: RunInfo,
        pools: Pools,
        cancel: Optional[CancelToken] = None,
        deadline: Optional[float] = None,
        grace: float = GRACE,
        rollback: Optional[Rollback] = None,
        limits: Optional[Mapping[str, int]] = None,
        clock: Optional[Clock] = None,
        seed: Optional[int] = None,
        decider: Optional[Decider] = None,
        measure: Union[bool, str] = False,
        kept: Optional[FrozenSet[int]] = None,
    ) -> None:
        self.mode = mode
        self.pool = pool
        self.workers = workers
        self.async_limit = async_limit
        self.on_failure = on_failure
        self.check = check
        self.hooks = hooks
        self.constants = constants
        self.rank = rank
        self.info = info
        self.pools = pools
        self.cancel = cancel
        self.deadline = deadline
        self.grace = grace
        self.rollback = rollback
        self.limits = limits or {}
        self.clock = clock
        self.seed = seed
        self.decider = decider
        self.measure = measure
        self.kept = kept
        self.notices: List[str] = []
