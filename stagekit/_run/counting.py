"""How many items of a stage have ended: told as progress of the stage, no more often than read."""

from __future__ import annotations

from typing import TYPE_CHECKING, Dict, Optional, Tuple

from stagekit._base.progress import Progress

if TYPE_CHECKING:
    from stagekit._run.notify import Dispatcher


class Counting:
    """The items of ``Each`` stages that have ended.

    Args:
        hooks: who is told.
    """

    def __init__(self, hooks: Dispatcher) -> None:
        self._hooks = hooks
        self._counts: Dict[int, Tuple[int, Progress]] = {}

    def ended(self, step: int, total: int) -> None:
        """Count one more item of a stage."""
        done, progress = self._counts.get(step) or (0, self._progress(step))
        self._counts[step] = (done + 1, progress)
        progress.update(done + 1, total)

    def _progress(self, step: int) -> Progress:
        def tell(done: Optional[float], total: Optional[float], note: Optional[str]) -> None:
            self._hooks.progress(step, 1, (done, total, note), None)

        return Progress(tell)
