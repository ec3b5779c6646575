"""What a managed run obeys beyond ``RunSettings``."""

from __future__ import annotations

from stagekit._base.record import Record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Mapping, Optional, Protocol, Tuple

    from stagekit._base.cancel import CancelToken
    from stagekit._base.ports import Pool
    from stagekit._run.clock import Clock

    class Pools(Protocol):
        """Finds pools by what a stage or a run says, and closes those that it made."""

        def of(self, executor: Any, /) -> Tuple[Pool, str, int]:  # Any: a name or a pool
            """Return a pool, its name for people, and how many calls it carries out at once."""
            ...

        def close(self) -> None:
            """Close the pools that were made for the run."""


GRACE = 10.0  # seconds


class ManagedSettings(Record):
    """The part of a run's settings that only managed runs have.

    Attributes:
        pools: what carries stages out beyond this process.
        cancel: a token of the caller's that cancels the run.
        deadline: seconds from the start after which the run is cancelled.
        grace: seconds between asking a stage to end, and ending it or giving up on it.
        rollback: whether stages are undone where the run fails.
        rollback_on_cancel: whether they are where it is cancelled.
        compensate_partial: whether those are undone that were called and did not succeed.
        limits: the capacity of named slots.
        clock: tells the time; None for the clock of the machine.
        seed: of the chance that jitters retries.
    """

    __slots__ = (
        "pools",
        "cancel",
        "deadline",
        "grace",
        "rollback",
        "rollback_on_cancel",
        "compensate_partial",
        "limits",
        "clock",
        "seed",
    )

    def __init__(  # noqa: PLR0913 - the parts of the record
        self,
        *,
        pools: Pools,
        cancel: Optional[CancelToken] = None,
        deadline: Optional[float] = None,
        grace: float = GRACE,
        rollback: bool = False,
        rollback_on_cancel: bool = False,
        compensate_partial: bool = False,
        limits: Mapping[str, int],
        clock: Optional[Clock] = None,
        seed: str = "",
    ) -> None:
        self.pools = pools
        self.cancel = cancel
        self.deadline = deadline
        self.grace = grace
        self.rollback = rollback
        self.rollback_on_cancel = rollback_on_cancel
        self.compensate_partial = compensate_partial
        self.limits = limits
        self.clock = clock
        self.seed = seed
