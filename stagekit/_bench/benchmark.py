"""``Benchmark``: what was measured of a pipeline, as data, as JSON, and beside another one."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from typing import Any, Dict, List, Mapping, Optional, Sequence, Tuple

from stagekit._base.text import escape_control, fine_seconds, plural
from stagekit._bench.measures import (
    FASTER,
    SAME,
    SLOWER,
    UNKNOWN,
    Difference,
    Estimate,
    ExecutorBenchmark,
    Measures,
)
from stagekit._bench.samples import Sample, noise_of
from stagekit._plan.plan import Plan
from stagekit._run.simulation import simulate
from stagekit.errors import UsageError

# Any: whatever JSON holds

SCHEMA = "stagekit.bench/1"


@dataclass(frozen=True, repr=False)
class Benchmark:
    """What ``bench`` has measured. Times are in seconds, memory is in bytes.

    ``print`` shows the table that ``stagekit bench`` prints, and so does a notebook.

    Attributes:
        pipeline: what was run, as text; empty for a whole registry.
        repeat: how many runs were measured on each executor.
        warmup: how many came before them.
        memory: how memory was measured: ``"rss"``, ``"tracemalloc"`` or None.
        python: such as ``"CPython 3.12.1"``.
        platform: such as ``"linux"``.
        processors: how many the machine has.
        started: when the measuring began, in ISO format.
        executors: by name, in the order in which they were asked for.

    Example:
        >>> from stagekit import Registry, bench
        >>> registry = Registry()
        >>> load = registry.add(lambda: None, id="load")
        >>> measured = bench(registry=registry, repeat=3, warmup=0, executors=["inline"])
        >>> measured.stages["load"].wall.median < measured.total.wall.median
        True
    """

    pipeline: str
    repeat: int
    warmup: int
    memory: Optional[str]
    python: str
    platform: str
    processors: int
    started: str
    executors: Mapping[str, ExecutorBenchmark]

    @property
    def first(self) -> ExecutorBenchmark:
        """What was measured on the first executor, which the others are compared with."""
        return next(iter(self.executors.values()))

    @property
    def total(self) -> Measures:
        """What was measured of whole runs, on the first executor."""
        return self.first.total

    @property
    def stages(self) -> Mapping[str, Measures]:
        """What was measured of each stage, by id, on the first executor."""
        return self.first.stages

    def __repr__(self) -> str:
        name = escape_control(self.pipeline) or "all stages"
        took = fine_seconds(self.total.wall.median)
        runs, where = plural(self.repeat, "run"), ", ".join(map(escape_control, self.executors))
        return f"<Benchmark of {name}: {took}, median of {runs} on {where}>"

    def __str__(self) -> str:
        from stagekit._bench.table import lines

        return "\n".join(lines(heading(self), self.executors, self.memory))

    def _repr_html_(self) -> str:
        from stagekit._bench.table import to_html

        return to_html(heading(self), self.executors, self.memory)

    def document(self) -> Dict[str, Any]:
        """Return it as JSON has it, of the schema ``stagekit.bench/1``."""
        return {
            "schema": SCHEMA,
            "pipeline": self.pipeline,
            "started": self.started,
            "python": self.python,
            "platform": self.platform,
            "processors": self.processors,
            "repeat": self.repeat,
            "warmup": self.warmup,
            "memory": self.memory,
            "total": self.total.document(),
            "stages": {stage: each.document() for stage, each in self.stages.items()},
            "executors": {name: each.document() for name, each in self.executors.items()},
        }

    def to_json(self) -> str:
        """Return it as JSON, of the schema ``stagekit.bench/1``."""
        return json.dumps(self.document(), indent=2)

    @classmethod
    def from_json(cls, text: str) -> Benchmark:
        """Return what ``to_json`` has written.

        Raises:
            UsageError: it is not JSON, of another schema or version, or incomplete.
        """
        try:
            loaded: object = json.loads(text)
        except ValueError as error:
            raise UsageError(f"is not JSON: {error}") from None
        document: Dict[str, Any] = loaded if isinstance(loaded, dict) else {}  # pyright: ignore[reportUnknownVariableType]
        schema = document.get("schema")
        if schema != SCHEMA:
            raise UsageError(f"has the schema {schema!r}, and is to have {SCHEMA!r}")
        try:
            executors = document["executors"].items()
            found = {str(name): ExecutorBenchmark.read(each) for name, each in executors}
            if not found:
                raise ValueError("no executor")  # noqa: TRY301 - as what else may be missing
            return cls(
                str(document["pipeline"]),
                int(document["repeat"]),
                int(document["warmup"]),
                document["memory"],
                str(document["python"]),
                str(document["platform"]),
                int(document["processors"]),
                str(document["started"]),
                found,
            )
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            why = f"{type(error).__name__}: {error}"
            raise UsageError(f"is of the schema {SCHEMA!r}, and damaged: {why}") from None

    def compare(self, base: Benchmark) -> Dict[str, Difference]:
        """Return, by executor, how runs differ from those of another benchmark of the pipeline.

        Raises:
            UsageError: the other one is of other stages, or lacks an executor.
        """
        mistakes = mistakes_of_base(base, tuple(self.stages), tuple(self.executors))
        if mistakes:
            raise UsageError("; ".join(mistakes))
        return {
            name: _difference(each.total.wall, other.total.wall, (each.noise, other.noise))
            for name, each in self.executors.items()
            for other in (base.executors[name],)
        }

    def compare_stages(self, base: Benchmark) -> Dict[str, Difference]:
        """Return, by stage id, how stages differ from those of another benchmark.

        On the first executor; what it is compared with has been found to be of the same pipeline.
        """
        others = base.executors[next(iter(self.executors))].stages
        counts = (self.repeat, base.repeat)
        found: Dict[str, Difference] = {}
        for stage, each in self.stages.items():
            walls = (each.wall, others[stage].wall)
            noises = [noise_of(wall, count) for wall, count in zip(walls, counts)]
            found[stage] = _difference(walls[0], walls[1], noises)
        return found

    def what_if(self, plan: Plan, workers: Sequence[int]) -> Tuple[Estimate, ...]:
        """Return what a run would take with each number of workers: see ``testing.simulate``.

        Every stage takes its median on the first executor, whatever runs at the same time.
        """
        seconds = {stage: each.wall.median for stage, each in self.stages.items()}
        one = simulate(plan, seconds, 1).makespan
        made = [(count, simulate(plan, seconds, count).makespan) for count in workers]
        return tuple([Estimate(count, took, one / took if took else 1.0) for count, took in made])

    def named(self, pipeline: str) -> Benchmark:
        """Return the same under another name of the pipeline."""
        return replace(self, pipeline=pipeline)


def heading(found: Benchmark) -> Tuple[str, ...]:
    """Return what was run, how often, and on what, each as text."""
    return (
        escape_control(found.pipeline) or "all stages",
        f"{plural(found.repeat, 'run')} after {found.warmup:,} warm-up",
        escape_control(found.python),
        plural(found.processors, "core"),
    )


def mistakes_of_base(
    base: Benchmark, stages: Sequence[str], executors: Sequence[str]
) -> Tuple[str, ...]:
    """Return why a benchmark is none to compare others with, of these stages and executors."""
    found: List[str] = []
    others = sorted(set(base.stages) - set(stages))
    missing = [each for each in stages if each not in base.stages]
    if others or missing:
        parts = [f"it has {_some(others)}, which this one has not"] if others else []
        parts += [f"it lacks {_some(missing)}"] if missing else []
        found.append(f"is of another pipeline: {'; '.join(parts)}")
    lacking = [each for each in executors if each not in base.executors]
    if lacking:
        has = ", ".join(base.executors)
        found.append(f"has nothing of {', '.join(lacking)}; it has {has}")
    return tuple(found)


def _some(ids: Sequence[str]) -> str:
    more = f" and {len(ids) - 3:,} more" if len(ids) > 3 else ""  # noqa: PLR2004 - are enough to see it
    return ", ".join(ids[:3]) + more


def _difference(one: Sample, base: Sample, noises: Sequence[Optional[float]]) -> Difference:
    ratio = one.median / base.median if base.median else 1.0
    known = [each for each in noises if each is not None]
    noise = max(known) if len(known) == len(noises) else None
    if noise is None:
        verdict = UNKNOWN
    elif abs(ratio - 1) <= noise:
        verdict = SAME
    else:
        verdict = SLOWER if ratio > 1 else FASTER
    return Difference(base.median, ratio, noise, verdict)
