"""What the command line says of how stages run."""

from __future__ import annotations

from typing import Any, Dict, NamedTuple, Optional, Tuple

from stagekit._plan.plan import Plan
from stagekit._prepare import MAX_WORKERS, MODES
from stagekit._run.settings import GRACE
from stagekit.cli.output import Output


class Running(NamedTuple):
    """The options of a run.

    Attributes:
        limits: names of slots, and how many there are; the last word of a name counts.
    """

    executor: str = "auto"
    workers: Optional[int] = None
    limits: Tuple[Tuple[str, int], ...] = ()
    deadline: Optional[float] = None
    grace: Optional[float] = None
    rollback: bool = False
    rollback_on_cancel: bool = False
    compensate_partial: bool = False
    seed: Optional[int] = None
    on_failure: str = "stop"

    @classmethod
    def of(cls, options: Dict[str, Any]) -> Running:
        """Return what was said, from the options as click has them."""
        return cls(
            options["executor"],
            options["workers"],
            tuple(options["limit"]),
            options["deadline"],
            options["grace"],
            options["rollback"],
            options["rollback_on_cancel"],
            options["compensate_partial"],
            _seed(options["seed"], is_drawn=options["shuffle"]),
            "continue" if options["keep_going"] else "cancel" if options["fail_fast"] else "stop",
        )

    @property
    def patience(self) -> float:
        """For how many seconds stages are waited for that have been asked to end."""
        return GRACE if self.grace is None else self.grace

    def is_managed(self, plan: Plan) -> bool:
        """Tell whether the run itself keeps the time of grace."""
        said = (self.deadline, self.grace, self.rollback or None)
        return bool(
            plan.policies
            or plan.per_attempt
            or self.executor not in MODES
            or any(name != "async" for name, _ in self.limits)
            or any(each is not None for each in said)
        )

    def options(self, output: Output) -> Dict[str, Any]:
        """Return the options of ``Plan.run``."""
        workers = self.workers
        if workers is not None and workers > MAX_WORKERS:
            output.note(
                f"--workers {workers:,} is more than there can be; {MAX_WORKERS:,} are used"
            )
            workers = MAX_WORKERS
        if self.seed is not None:
            output.note(f"stages that are ready start as --seed {self.seed} has it")
        return {
            "executor": self.executor,
            "workers": workers,
            "limits": dict(self.limits) or None,
            "deadline": self.deadline,
            "grace": self.grace,
            "rollback": self.rollback,
            "rollback_on_cancel": self.rollback_on_cancel,
            "compensate_partial": self.compensate_partial,
            "seed": self.seed,
            "on_failure": self.on_failure,
        }


def _seed(said: Optional[int], *, is_drawn: bool) -> Optional[int]:
    if said is not None or not is_drawn:
        return said
    from random import SystemRandom

    return SystemRandom().randrange(10**6)  # short enough to be typed again
