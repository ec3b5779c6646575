"""What a benchmark run was asked to do."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Optional, Tuple

from benchmarks.timing import Budget

__all__ = ["Settings", "default_workloads"]

FULL_SIZES = (10, 100, 1_000, 10_000, 100_000)
QUICK_SIZES = (1_000, 10_000)


@dataclass(frozen=True)
class Settings:
    """Sizes to measure, how long, and with what: see the options of `python -m benchmarks`."""

    sizes: Tuple[int, ...] = FULL_SIZES
    peers: bool = True
    peer_limit: int = 10_000
    peer_seconds: float = 1.0
    workers: int = 16
    seconds: float = 1.5
    rounds: int = 5
    processes: int = 40
    debian: Tuple[int, int] = (63_000, 256_000)
    many: int = 10_000
    deep: int = 100_000
    workloads: Optional[Path] = None
    is_quick: bool = False
    largest: int = 1_000_000  # stages or items that are really made, in runs to see that it works

    @property
    def budget(self) -> Budget:
        """How long to time the cases that are timed together."""
        return Budget(self.seconds, least=self.rounds)


QUICK = Settings(
    sizes=QUICK_SIZES,
    peer_limit=1_000,
    seconds=0.2,
    rounds=3,
    processes=9,
    debian=(6_300, 25_600),
    is_quick=True,
)


def default_workloads() -> Optional[Path]:
    """Return the folder of real graphs: from the environment, beside the repository, or ours."""
    root = Path(__file__).resolve().parent.parent
    named = os.environ.get("STAGEKIT_WORKLOADS")
    for folder in (
        *([Path(named)] if named else []),
        root.parent / "shared" / "workloads",
        root / "tests" / "data",
    ):
        if (folder / "stg_sample.json.gz").is_file():
            return folder
    return None
