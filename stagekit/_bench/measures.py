"""What was measured of a stage and of an executor, and how it differs from another time."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Dict, Mapping, Optional, Tuple

from stagekit._bench.samples import Sample

# Any: whatever JSON holds

SAME, FASTER, SLOWER, UNKNOWN = "noise", "faster", "slower", "unknown"


@dataclass(frozen=True)
class Measures:
    """What was measured of one stage, or of all of them.

    Attributes:
        wall: seconds by the clock.
        cpu: seconds of the processors, child processes included; None where nobody could tell.
        memory: bytes by which memory rose at most; None where it was not asked for, or as above.
    """

    wall: Sample
    cpu: Optional[Sample] = None
    memory: Optional[Sample] = None

    def document(self) -> Dict[str, Any]:
        """Return it as JSON has it."""
        names = ("wall", "cpu", "memory")
        samples: Dict[str, Optional[Sample]] = {name: getattr(self, name) for name in names}
        return {name: each and each.document() for name, each in samples.items()}

    @classmethod
    def read(cls, document: Mapping[str, Any]) -> Measures:
        """Return what ``document`` of another one has returned; raises as ``Sample.read``."""
        cpu, memory = (document[name] for name in ("cpu", "memory"))
        return cls(
            Sample.read(document["wall"]),
            None if cpu is None else Sample.read(cpu),
            None if memory is None else Sample.read(memory),
        )


@dataclass(frozen=True)
class ExecutorBenchmark:
    """What was measured on one executor.

    Attributes:
        workers: how many plain stages could run at once.
        total: of whole runs; its CPU time is the sum of the stages', its memory their largest.
        work: seconds that all calls of stages took together.
        overhead_seconds: what a run took beyond what its stages need on so many workers, for each
            stage: what stagekit itself takes, and waiting that no order of stages can help.
        speed_up: how many times as fast as the first executor.
        noise: the share of the median that runs may differ by without a cause; None: unknown.
        critical_path: the ids of the stages on the longest path.
        stages: by stage id.
    """

    workers: int
    total: Measures
    work: Sample
    overhead_seconds: float
    speed_up: float
    noise: Optional[float]
    critical_path: Tuple[str, ...]
    stages: Mapping[str, Measures]

    def document(self) -> Dict[str, Any]:
        """Return it as JSON has it."""
        return {
            "workers": self.workers,
            "total": self.total.document(),
            "work": self.work.document(),
            "overhead_seconds": self.overhead_seconds,
            "speed_up": self.speed_up,
            "noise": self.noise,
            "critical_path": list(self.critical_path),
            "stages": {stage: each.document() for stage, each in self.stages.items()},
        }

    @classmethod
    def read(cls, document: Mapping[str, Any]) -> ExecutorBenchmark:
        """Return what ``document`` of another one has returned; raises as ``Sample.read``."""
        noise = document["noise"]
        return cls(
            int(document["workers"]),
            Measures.read(document["total"]),
            Sample.read(document["work"]),
            float(document["overhead_seconds"]),
            float(document["speed_up"]),
            None if noise is None else float(noise),
            tuple(map(str, document["critical_path"])),
            {str(each): Measures.read(found) for each, found in document["stages"].items()},
        )


@dataclass(frozen=True)
class Difference:
    """An executor, or a stage, beside the same one of another benchmark.

    Attributes:
        base: the median of the other one, in seconds.
        ratio: this median, divided by that.
        noise: the larger noise of the two; None where one is unknown.
        verdict: ``"faster"``, ``"slower"``, ``"noise"`` where the difference is within
            it, or ``"unknown"`` where the noise is not known.
    """

    base: float
    ratio: float
    noise: Optional[float]
    verdict: str

    def is_over(self, share: float) -> bool:
        """Say whether it is slower by more than a share of the other one, and that is no noise."""
        return self.verdict == SLOWER and self.ratio > 1 + share


@dataclass(frozen=True)
class Estimate:
    """What a run would take with so many workers."""

    workers: int
    seconds: float
    speed_up: float
