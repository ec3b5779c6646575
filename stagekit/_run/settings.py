"""What an engine obeys in one run, checked and bound beforehand."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, List, NamedTuple, Optional, Tuple

from stagekit._declare.context import RunInfo

if TYPE_CHECKING:
    from stagekit._base.ports import Hook, Pool

__all__ = ["RunSettings"]


class RunSettings(NamedTuple):
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
    """

    mode: str
    pool: Optional[Pool]
    workers: int
    async_limit: Optional[int]
    on_failure: str
    check: bool
    hooks: Tuple[Hook, ...]
    constants: List[Any]
    rank: Optional[Tuple[int, ...]]
    info: RunInfo
