"""``simulate``: the real scheduler and its real priorities against a clock that is only counted."""

from __future__ import annotations

from dataclasses import dataclass
from heapq import heappop, heappush
from typing import TYPE_CHECKING, Dict, List, Mapping, Optional, Sequence, Tuple, Union

from stagekit._base.frames import shortened
from stagekit._base.text import listed
from stagekit._plan.order import longest_remaining
from stagekit._plan.plan import Plan
from stagekit._run.result import Result
from stagekit._run.state.scheduler import Scheduler
from stagekit.errors import UsageError

if TYPE_CHECKING:
    from stagekit._base.refs import Ref

MAX_SHOWN = 5


@dataclass(frozen=True)
class ScheduledStep:
    """When and where one stage would run.

    Attributes:
        stage_id: which stage.
        start: seconds from the start of the run.
        end: seconds from the start of the run.
        worker: the number of its worker, from 0; None for an ``async def`` stage, which has none.
    """

    stage_id: str
    start: float
    end: float
    worker: Optional[int]


@dataclass(frozen=True)
class Schedule:
    """What ``simulate`` returns.

    Attributes:
        plan: what was scheduled.
        steps: one entry for each stage, in plan order.
        workers: how many plain stages could run at once.
    """

    plan: Plan
    steps: Tuple[ScheduledStep, ...]
    workers: int

    @property
    def makespan(self) -> float:
        """Seconds from the start of the first stage to the end of the last; 0 where none is."""
        return max((step.end for step in self.steps), default=0.0)

    @property
    def critical_path(self) -> Tuple[str, ...]:
        """The ids along the longest path, which no number of workers makes shorter."""
        plan = self.plan
        return longest_path(plan, [step.end - step.start for step in self.steps])

    def __getitem__(self, stage: Ref, /) -> ScheduledStep:
        """Return the entry of a stage, named by its function, id, short name or reference."""
        return self.steps[self.plan.step_of(stage)]

    def __len__(self) -> int:
        return len(self.steps)


def longest_path(plan: Plan, seconds: Sequence[float]) -> Tuple[str, ...]:
    """Return the ids along the path of a plan that takes the most seconds."""
    length = longest_remaining(plan.children, list(seconds))
    path: List[int] = []
    below: Tuple[int, ...] = tuple(range(len(plan)))
    while below:
        path.append(max(below, key=lambda step: (length[step], -step)))
        below = plan.children[path[-1]]
    return tuple(plan.order[step] for step in path)


def seconds_of(result: Result) -> Dict[str, float]:
    """Return by stage id how long each stage of a run took, from its first start to its last end.

    Pauses between attempts count; a stage that was not called has 0.
    """
    found: Dict[str, float] = {}
    for report in result.reports():
        attempts = report.attempts
        start = min([each.start for each in attempts], default=0.0)
        found[report.stage_id] = max([each.end for each in attempts], default=start) - start
    return found


def simulate(
    plan: Plan,
    durations: Union[Mapping[str, float], Result],
    workers: int,
    *,
    estimates: Optional[Mapping[str, float]] = None,
) -> Schedule:
    """Return when each stage would run, without running any.

    The scheduler of real runs decides, at every instant at which a worker is free, which of the
    ready stages starts. As in real runs, *workers* does not bound ``async def`` stages.

    Args:
        plan: what would run.
        durations: seconds by stage id (or short name), one for each stage: what the clock obeys. Or
            the result of a run of the plan, whose stages take as long as they did there.
        workers: how many plain stages may run at once.
        estimates: seconds in the same form, as far as the scheduler knows them; the same as
            *durations* unless given, ``{}`` for nothing, so that it counts hops.

    Raises:
        UsageError: a duration is missing, not a number of seconds, or of no stage of the plan;
            there is no worker; or the run did not succeed.

    Example:
        >>> from stagekit import Registry, plan
        >>> from stagekit.testing import simulate
        >>> registry = Registry()
        >>> for name in ("a", "b", "c"):
        ...     _ = registry.add(lambda: None, id=name)
        >>> schedule = simulate(plan(registry=registry), {"a": 1, "b": 1, "c": 2}, workers=2)
        >>> schedule.makespan, schedule["c"].start, schedule["c"].worker
        (2.0, 0.0, 0)
    """
    try:
        return _simulated(plan, durations, workers, estimates)
    except UsageError as error:
        __tracebackhide__ = True  # of pytest
        raise shortened(error)  # noqa: B904 - the same error


def _simulated(
    plan: Plan,
    durations: Union[Mapping[str, float], Result],
    workers: int,
    estimates: Optional[Mapping[str, float]],
) -> Schedule:
    if type(workers) is not int or workers < 1:
        raise UsageError(f"workers must be a whole number of at least 1, got {workers!r}")
    if isinstance(durations, Result):
        if not durations.ok:
            raise UsageError(f"durations takes a run that succeeded, got {durations!r}")
        durations = seconds_of(durations)
    else:
        durations = _by_id(plan, "durations", durations)
    seconds = _seconds(plan, durations)
    rank = plan.ranked(durations if estimates is None else _by_id(plan, "estimates", estimates))
    scheduler = Scheduler(plan, [None] * plan.constants, rank=rank)
    steps = _Clock(scheduler, seconds, workers).run()
    return Schedule(plan, steps, workers)


def _by_id(plan: Plan, what: str, given: Mapping[str, float]) -> Mapping[str, float]:
    """Return *given* with short names replaced by ids; refuse what is no stage of the plan."""
    ids = set(plan.order)
    if ids >= given.keys():
        return given
    found: Dict[str, float] = {}
    mistakes: List[str] = []
    for name, value in given.items():
        try:
            found.setdefault(plan.order[plan.step_of(name)], value)
        except LookupError as error:
            mistakes.append(f"{what} names {name!r}: {error}")
    if mistakes:
        raise UsageError(listed(mistakes, MAX_SHOWN, joiner="; "))
    return {**found, **{name: value for name, value in given.items() if name in ids}}


def _seconds(plan: Plan, durations: Mapping[str, float]) -> List[float]:
    found: List[float] = []
    wrong: List[str] = []
    for stage_id in plan.order:
        try:
            value = float(durations[stage_id])
        except KeyError:
            wrong.append(f"{stage_id!r} has none")
            continue
        if not 0 <= value < float("inf"):
            wrong.append(f"{stage_id!r} has {durations[stage_id]!r}")
        found.append(value)
    if wrong:
        shown = listed(wrong, MAX_SHOWN, joiner="; ")
        raise UsageError(f"each stage needs a duration of 0 seconds or more: {shown}")
    return found


class _Clock:
    """Carries out a run by moving on to the next end."""

    def __init__(self, scheduler: Scheduler, seconds: List[float], workers: int) -> None:
        self.scheduler = scheduler
        self.seconds = seconds
        self.now = 0.0
        self.free = list(range(workers))  # a heap: the lowest number first
        self.waiting: List[Tuple[int, int]] = []  # a heap: plain steps that are ready, by rank
        self.ends: List[Tuple[float, int]] = []
        self.steps: List[Optional[ScheduledStep]] = [None] * len(seconds)

    def run(self) -> Tuple[ScheduledStep, ...]:
        """Return every step once all have ended."""
        self._start_all()
        while self.ends:
            self.now = self.ends[0][0]
            while self.ends and self.ends[0][0] == self.now:
                self._end(heappop(self.ends)[1])
            self._start_all()
        return tuple(step for step in self.steps if step is not None)

    def _start_all(self) -> None:
        scheduler = self.scheduler
        for step in scheduler.arrived():
            if scheduler.plan.is_async[step]:
                self._start(step, None)
            else:
                heappush(self.waiting, (scheduler.rank[step], step))
        while self.free and self.waiting:
            self._start(heappop(self.waiting)[1], heappop(self.free))

    def _start(self, step: int, worker: Optional[int]) -> None:
        self.scheduler.start(step)
        end = self.now + self.seconds[step]
        stage_id = self.scheduler.plan.order[step]
        self.steps[step] = ScheduledStep(stage_id, self.now, end, worker)
        heappush(self.ends, (end, step))

    def _end(self, step: int) -> None:
        entry = self.steps[step]
        if entry is not None and entry.worker is not None:
            heappush(self.free, entry.worker)
        self.scheduler.succeed(step, None)
