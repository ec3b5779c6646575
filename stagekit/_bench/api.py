"""``bench``: a pipeline is run again and again, on each executor in turn, and measured."""

from __future__ import annotations

import os
import platform
import sys
import time
from datetime import datetime, timezone
from typing import (
    TYPE_CHECKING,
    Any,
    Callable,
    Dict,
    List,
    Mapping,
    Optional,
    Sequence,
    Union,
)

from stagekit._api import Plan, plan, run
from stagekit._base.text import did_you_mean
from stagekit._base.usage import knows_memory
from stagekit._base.value_text import short_text
from stagekit._bench.benchmark import Benchmark
from stagekit._bench.measures import ExecutorBenchmark, Measures
from stagekit._bench.samples import Sample, noise_of
from stagekit._options import OPTIONS, PLANNING, check
from stagekit._run.simulation import longest_path, seconds_of, simulate
from stagekit.errors import MissingExtraError, UsageError

if TYPE_CHECKING:
    from stagekit._base.ports import CallPool, Pool
    from stagekit._run.result import Result

    Executor = Union[str, Pool, CallPool]

# Any: whatever the options of ``run`` take

OWN = ("executor", "measure", "check", "clock")  # options of a run that a benchmark decides itself
MEMORY = ("tracemalloc", "rss")
MOST = 1_000_000  # runs


def bench(
    target: Any = None,
    *,
    repeat: int = 20,
    warmup: int = 3,
    executors: Sequence[Executor] = ("auto",),
    memory: Optional[str] = None,
    **options: Any,
) -> Benchmark:
    """Run a pipeline many times and return how long it takes, as a whole and by stage.

    In each round every executor has two runs: a plain one, whose times count, and one that is
    measured, whose CPU time and memory count. So what the machine does meanwhile meets all of them
    alike. The garbage collector is left as it is.

    Args:
        target: as for ``run``.
        repeat: how many rounds are measured.
        warmup: how many rounds come before, and are not.
        executors: what carries the stages out, as for ``run``.
        memory: ``"tracemalloc"``, ``"rss"`` (what the process has, which later runs seldom
            enlarge), or None: not at all; see ``measure`` of ``run``.
        options: those of ``run``, but for ``executor``, ``measure``, ``check`` and ``clock``.

    Raises:
        UsageError: an option cannot be taken; all of them are listed.
        PlanError: the stages cannot be planned.
        MissingExtraError: measuring memory needs an extra on this system.
        RunFailedError: a run failed; ``.result`` has everything, and nothing was measured.

    Example:
        >>> from stagekit import Registry, bench
        >>> registry = Registry()
        >>> load = registry.add(lambda: None, id="load")
        >>> measured = bench(registry=registry, repeat=3, executors=["inline", "threads"])
        >>> list(measured.executors), measured.repeat
        (['inline', 'threads'], 3)
    """
    mistakes = mistakes_of(repeat, warmup, executors, memory, options, target=target)
    if mistakes:
        raise UsageError("; ".join(mistakes))
    if isinstance(target, Plan):  # a run of it refuses options of planning
        return measured(target, repeat, warmup, executors, memory, options)
    planning = {each.name for each in PLANNING}
    made = plan(target, **{name: options[name] for name in options if name in planning})
    running = {name: options[name] for name in options if name not in planning or name == "values"}
    return measured(made, repeat, warmup, executors, memory, running)


def mistakes_of(
    repeat: object,
    warmup: object,
    executors: Sequence[object],
    memory: object,
    options: Mapping[str, Any],
    *,
    target: object = None,
) -> List[str]:
    """Return all that is wrong with the options of a benchmark."""
    found = [
        f"{name} takes a whole number from {least} to {MOST}, got {short_text(value)}"
        for name, value, least in (("repeat", repeat, 1), ("warmup", warmup, 0))
        if type(value) is not int or not least <= value <= MOST
    ]
    if not isinstance(executors, (list, tuple)) or not executors:
        got = short_text(executors)
        found.append(f"executors takes a list such as ['inline', 'threads'], got {got}")
        executors = ()
    names = [name_of(each) for each in executors]
    found += [
        f"executors names {each!r} twice" for each in dict.fromkeys(names) if names.count(each) > 1
    ]
    if memory is not None and not (isinstance(memory, str) and memory in MEMORY):
        found.append(f"memory takes 'rss', 'tracemalloc' or None, got {short_text(memory)}")
    known = [each.name for each in OPTIONS if each.name not in OWN]
    for name in options:
        if name not in known:
            near = did_you_mean(name, known)
            hint = f"did you mean {near[0]!r}?" if near else "a benchmark decides that itself"
            found.append(f"there is no option {name!r} of a benchmark; {hint}")
    for each in executors:
        try:
            check({"executor": each}, has_plan=True)
        except UsageError as error:
            found.append(str(error))
    try:
        checked = {name: options[name] for name in options if name in known}
        check(checked, has_plan=isinstance(target, Plan), target=target)
    except UsageError as error:
        found.append(str(error))
    return found


def name_of(executor: object) -> str:
    """Return the name of an executor, as a benchmark has it."""
    return executor if isinstance(executor, str) else type(executor).__name__


class _Runs:
    """The runs of one executor.

    Args:
        made: what is run.
        executor: what carries the stages out.
        memory: how memory is measured.
        options: of a run.
    """

    def __init__(
        self, made: Plan, executor: Executor, memory: Optional[str], options: Mapping[str, Any]
    ) -> None:
        self._plan = made
        self._options: Dict[str, Any] = {**options, "executor": executor, "check": True}
        self._memory = memory
        self._workers = 1
        self._walls: List[float] = []
        self._works: List[float] = []
        self._overheads: List[float] = []
        self._seconds: List[Dict[str, float]] = []
        self._cpu: List[Dict[str, Optional[float]]] = []
        self._bytes: List[Dict[str, Optional[int]]] = []

    def round(self, *, counts: bool) -> None:
        """Make a plain run, and one that is measured."""
        began = time.perf_counter()
        result = run(self._plan, **self._options)
        wall = time.perf_counter() - began
        if counts:
            self._take(result, wall)
        del result
        how: Any = "tracemalloc" if self._memory == "tracemalloc" else True
        result = run(self._plan, **self._options, measure=how)
        if counts:
            reports = result.reports()
            self._cpu.append({each.stage_id: each.cpu_seconds for each in reports})
            self._bytes.append({each.stage_id: each.peak_memory_bytes for each in reports})

    def _take(self, result: Result, wall: float) -> None:
        seconds, self._workers = seconds_of(result), result.workers
        if result.executor == "inline":
            least = sum(seconds.values())
        else:
            least = simulate(self._plan, seconds, self._workers, estimates={}).makespan
        self._walls.append(wall)
        self._works.append(result.work_seconds)
        self._overheads.append(max(0.0, wall - least) / max(1, len(self._plan)))
        self._seconds.append(seconds)

    def done(self, first: Optional[float]) -> ExecutorBenchmark:
        """Return what was measured; *first* is the median of the first executor, or None."""
        stages: Dict[str, Measures] = {}
        for stage in self._plan.order:
            used = Sample.of_known([each[stage] for each in self._bytes])
            stages[stage] = Measures(
                Sample.of([each[stage] for each in self._seconds]),
                Sample.of_known([each[stage] for each in self._cpu]),
                used if self._memory else None,
            )
        wall = Sample.of(self._walls)
        cpu = [[each for each in run.values() if each is not None] for run in self._cpu]
        rose = [[each for each in run.values() if each is not None] for run in self._bytes]
        total = Measures(
            wall,
            Sample.of_known([sum(each) if each else None for each in cpu]),
            Sample.of_known([max(each, default=None) for each in rose]) if self._memory else None,
        )
        return ExecutorBenchmark(
            self._workers,
            total,
            Sample.of(self._works),
            Sample.of(self._overheads).median,
            1.0 if first is None or not wall.median else first / wall.median,
            noise_of(wall, len(self._walls)),
            longest_path(self._plan, [stages[each].wall.median for each in self._plan.order]),
            stages,
        )


def measured(  # noqa: PLR0913 - as of ``bench``
    made: Plan,
    repeat: int,
    warmup: int,
    executors: Sequence[Executor],
    memory: Optional[str],
    options: Mapping[str, Any],
    *,
    notify: Callable[[int], object] = bool,
) -> Benchmark:
    """Return the benchmark of a plan; all options have been checked.

    *notify* is called before each round, with its number.
    """
    started = datetime.now(timezone.utc).isoformat()
    if memory == "rss" and not knows_memory():
        raise MissingExtraError("memory='rss' on this system", "resources")
    all_runs = [_Runs(made, each, memory, options) for each in executors]
    for number in range(warmup + repeat):
        notify(number)
        first = number % len(all_runs)  # so that none always comes after the same other
        for runs in (*all_runs[first:], *all_runs[:first]):
            runs.round(counts=number >= warmup)
    found: Dict[str, ExecutorBenchmark] = {}
    median: Optional[float] = None
    for executor, runs in zip(executors, all_runs):
        found[name_of(executor)] = done = runs.done(median)
        median = done.total.wall.median if median is None else median
    return Benchmark(
        made.target,
        repeat,
        warmup,
        memory,
        f"{platform.python_implementation()} {platform.python_version()}",
        sys.platform,
        os.cpu_count() or 1,
        started,
        found,
    )
