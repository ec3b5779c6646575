"""What an engine obeys in one run, checked and bound beforehand."""

from __future__ import annotations

from stagekit._base.record import Record
from stagekit._declare.context import RunInfo

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, List, Optional, Tuple

    from stagekit._base.ports import Hook, Pool
    from stagekit._run.policy_settings import ManagedSettings


class RunSettings(Record):
    """The settings of one run; made by ``stagekit._prepare.settings_for``.

    Attributes:
        mode: ``"auto"``, ``"inline"``, ``"threads"`` or ``"pool"``.
        pool: what carries the calls out where *mode* is ``"pool"``.
        workers: how many plain stages may run at once.
        async_limit: how many async stages may, or None for all.
        on_failure: ``"stop"``, ``"continue"`` or ``"cancel"``.
        check: raise if the run failed.
        hooks: who is told the events.
        constants: the first values of the run: given values, defaults, injectables.
        rank: ready steps start in ascending rank; None for the plan's own.
        info: what the run is.
        managed: what only managed runs have; None for all others.
        notices: what turned up in the run that its caller should know.
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
        "managed",
        "notices",
    )

    def __init__(  # noqa: PLR0913, PLR0917 - the parts of the record
        self,
        mode: str,
        pool: Optional[Pool],
        workers: int,
        async_limit: Optional[int],
        on_failure: str,
        check: bool,  # noqa: FBT001 - as above
        hooks: Tuple[Hook, ...],
        constants: List[Any],
        rank: Optional[Tuple[int, ...]],
        info: RunInfo,
        managed: Optional[ManagedSettings] = None,
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
        self.managed = managed
        self.notices: List[str] = []
