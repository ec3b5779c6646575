"""The scheduler: which step may start, and what follows when one ends. Pure: no clock, no thread.

It owns every transition and the rules of failure. Whoever carries calls out asks it::

    scheduler = Scheduler(plan, constants)      # rank=, on_failure=
    while True:
        step = scheduler.take()                 # the best ready step, now RUNNING; or -1
        if step < 0:
            break
        scheduler.succeed(step, value)          # or .fail(step, error), .cancel(step, error)
    scheduler.finish()                          # settles what never started

Signatures:

``take() -> int``, ``ready() -> tuple[int, ...]`` (by rank, nothing changes),
``arrived() -> list[int]`` (by rank; whoever takes them out starts them),
``start(step)`` (a ready step of the caller's own choice), ``succeed(step, value)``,
``reuse(step, value, note)``, ``skip(step, note)``,
``fail(step, error, reason=RAISED)``, ``cancel(step, error=None)``, ``interrupt()``, ``finish()``,
``running`` (a count), ``is_idle`` (nothing runs and nothing may start),
``is_stopped``, ``has_failed`` (a critical stage has), ``settled`` (steps skipped, in order).
Times and workers are facts of the caller: it writes ``columns.starts[step]`` and its like.
"""

from __future__ import annotations

from heapq import heapify, heappop, heappush

from stagekit._run.state.columns import (
    CANCELLED,
    DECIDED,
    FAILED,
    INTERRUPTED,
    NO_VALUE,
    NOT_NEEDED,
    RAISED,
    REUSED,
    RUNNING,
    SKIPPED,
    STOPPED,
    SUCCEEDED,
    UPSTREAM_FAILED,
    WAITING,
    Columns,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import List, NoReturn, Optional, Sequence, Tuple

    from stagekit._plan.plan import Plan

# Every transition there is. A step is ready when it is waiting and no parent is left.
_LEGAL = frozenset([
    (WAITING, RUNNING),
    (WAITING, SKIPPED),
    (WAITING, CANCELLED),
    (WAITING, REUSED),
    (WAITING, FAILED),  # a decider failed
    (RUNNING, SUCCEEDED),
    (RUNNING, REUSED),  # all its items were
    (RUNNING, FAILED),
    (RUNNING, CANCELLED),
])  # fmt: skip


class Scheduler:
    """The state of one run, step by step.

    Args:
        plan: the plan to be run.
        constants: the values of the plan's constant slots.
        rank: ready steps start in ascending rank; a permutation of the steps.
        on_failure: what a critical failure does: ``"stop"``, ``"continue"``, ``"cancel"``.
    """

    __slots__ = (
        "by_rank",
        "columns",
        "has_failed",
        "heap",
        "is_stopped",
        "left",
        "plan",
        "rank",
        "running",
        "settled",
        "status",
        "stops",
        "trouble",
    )

    def __init__(
        self,
        plan: Plan,
        constants: Sequence[object] = (),
        *,
        rank: Optional[Sequence[int]] = None,
        on_failure: str = "stop",
    ) -> None:
        columns = Columns.of_every_kind(plan, constants)
        assert columns.status is not None  # noqa: S101 - it has all columns
        self.status = columns.status
        self.plan = plan
        self.columns = columns
        self.rank = plan.rank if rank is None else rank
        self.by_rank = plan.by_rank if self.rank is plan.rank else inverse(self.rank)
        self.left = list(plan.indegree)
        self.stops = on_failure != "continue"
        self.running = 0
        self.settled: List[int] = []
        self.trouble = False  # whether any step has ended without a value
        self.has_failed = False
        self.is_stopped = False
        self.heap = [self.rank[step] for step in _roots(self.left)]  # of the ready steps
        heapify(self.heap)

    def take(self) -> int:
        """Start the ready step of the lowest rank and return it, or -1 where none may start."""
        heap = self.heap
        while heap and not self.is_stopped:
            step = self.by_rank[heappop(heap)]
            if self.status[step] == WAITING:
                self.status[step] = RUNNING
                self.running += 1
                return step
        return -1

    def start(self, step: int) -> None:
        """Start a ready step chosen by the caller."""
        if self.left[step] or self.is_stopped:
            raise ValueError(f"step {step} is not ready")
        self._move(step, RUNNING)

    def arrived(self) -> List[int]:
        """Take out the steps that have become ready, by rank; one or the other may be over."""
        heap, by_rank = self.heap, self.by_rank
        if len(heap) == 1:  # nearly always
            return [by_rank[heap.pop()]]
        return [by_rank[heappop(heap)] for _ in range(len(heap))]

    def ready(self) -> Tuple[int, ...]:
        """Return the steps that may start now, by rank."""
        if self.is_stopped:
            return ()
        steps = [self.by_rank[rank] for rank in sorted(self.heap)]
        return tuple(step for step in steps if self.status[step] == WAITING)

    @property
    def is_idle(self) -> bool:
        """Whether nothing runs and nothing may start."""
        return not self.running and not self.ready()

    def succeed(self, step: int, value: object = None) -> None:
        """Record what a running step returned; its children may become ready."""
        if self.status[step] != RUNNING:
            self._refuse(step, SUCCEEDED)
        self.status[step] = SUCCEEDED
        self.running -= 1
        self.columns.values[self.plan.constants + step] = value
        if self.trouble:
            self._release(step)
            return
        left = self.left
        for child in self.plan.children[step]:  # the same, where nothing can be in the way
            left[child] -= 1
            if not left[child]:
                heappush(self.heap, self.rank[child])

    def reuse(self, step: int, value: object, note: str = "") -> None:
        """Record the value that a step has without being called; resources may be missing."""
        self._move(step, REUSED)
        self.columns.values[self.plan.constants + step] = value
        self._say(step, note)
        self._release(step)

    def skip(self, step: int, note: str) -> None:
        """Skip a step that could be called, as its caller wants it."""
        self._skip(step, DECIDED)
        self._say(step, note)
        self._release(step)

    def fail(
        self, step: int, error: BaseException, reason: int = RAISED, *, was: int = RUNNING
    ) -> None:
        """Record that a step failed that *was* running, or waiting while a decider was asked.

        A critical one stops the run, unless told not to.
        """
        self._move(step, FAILED, was)
        self._note(step, error, reason)
        if self.plan.critical[step]:
            self.has_failed = True
            self.is_stopped = self.is_stopped or self.stops
        self._release(step)

    def cancel(self, step: int, error: Optional[BaseException] = None) -> None:
        """Record that a running step was ended because the run stopped."""
        self._move(step, CANCELLED, RUNNING)
        self._note(step, error, INTERRUPTED)

    def interrupt(self) -> None:
        """Cancel the run: nothing new starts."""
        self.columns.interrupted = True
        self.is_stopped = True

    def finish(self) -> None:
        """Settle what never started, in one pass in step order, so that causes are definite."""
        if WAITING not in self.status and RUNNING not in self.status:
            return
        for step, status in enumerate(self.status):
            if status == WAITING:
                self._settle(step)
            elif status == RUNNING:  # given up on
                self.columns.abandoned += (step,)
                self.cancel(step)

    def blocked(self, step: int) -> Optional[Tuple[int, int]]:
        """Return reason and cause for skipping a step whose parents have ended, or None.

        Critical failures upstream come before missing values; the cause is the smallest step.
        """
        hard: List[int] = []
        lost: List[Tuple[int, int]] = []
        reasons, causes, critical = self.columns.reasons, self.columns.causes, self.plan.critical
        for parent in self.plan.parents[step]:
            status = self.status[parent]
            if status == FAILED and critical[parent]:
                hard.append(parent)
            elif status == SKIPPED and reasons[parent] == UPSTREAM_FAILED:
                hard.append(causes[parent])
            elif status in (FAILED, SKIPPED):
                lost.append((parent, causes.get(parent, parent)))
        if hard:
            return UPSTREAM_FAILED, min(hard)
        if lost:
            needs = frozenset(self.plan.needs[step])
            soft = [cause for parent, cause in lost if parent in needs]
            if soft:
                return NO_VALUE, min(soft)
        return None

    def after(self, step: int) -> List[int]:
        """Count down the children of a step that ended; return those ready, skip the blocked."""
        ready: List[int] = []
        ended = [step]
        left, children = self.left, self.plan.children
        while ended:
            for child in children[ended.pop()]:
                left[child] -= 1
                if not left[child] and self.status[child] == WAITING:
                    (ready if self.admit(child) else ended).append(child)
        return ready

    def admit(self, step: int) -> bool:
        """Say whether a step may start whose parents have all ended; if not, skip it."""
        verdict = self.blocked(step) if self.trouble else None
        if verdict is not None:
            self._skip(step, *verdict)
        return verdict is None

    def skip_blocked(self, step: int) -> bool:
        """Skip a step that cannot start because of parents that have ended; say whether it is.

        Others of its parents need not have ended.
        """
        if self.status[step] != WAITING or self.admit(step):
            return self.status[step] != WAITING
        self._release(step)
        return True

    def skip_unneeded(self, step: int) -> None:
        """Skip a step of which nobody needed what it provides."""
        self._skip(step, NOT_NEEDED)

    def _release(self, step: int) -> None:
        for child in self.after(step):
            heappush(self.heap, self.rank[child])

    def _settle(self, step: int) -> None:
        verdict = self.blocked(step)
        if verdict is None:
            self._move(step, CANCELLED)
            self._note(step, None, STOPPED)
        else:
            self._skip(step, *verdict)
            for child in self.plan.children[step]:
                self.left[child] -= 1

    def _skip(self, step: int, reason: int, cause: Optional[int] = None) -> None:
        self._move(step, SKIPPED)
        self._note(step, None, reason)
        if cause is not None:
            self.columns.causes[step] = cause
        self.settled.append(step)

    def _say(self, step: int, note: str) -> None:
        if note:
            self.columns.notes[step] = note

    def _note(self, step: int, error: Optional[BaseException], reason: int) -> None:
        self.trouble = True
        self.columns.reasons[step] = reason
        if error is not None:
            self.columns.errors[step] = error

    def _move(self, step: int, status: int, was: Optional[int] = None) -> None:
        before = self.status[step]
        if (before, status) not in _LEGAL or was not in (None, before):
            self._refuse(step, status)
        self.status[step] = status
        if status == RUNNING:
            self.running += 1
        elif before == RUNNING:
            self.running -= 1

    def _refuse(self, step: int, status: int) -> NoReturn:
        before = self.status[step]
        raise ValueError(f"step {step} cannot go from status {before} to {status}")


def _roots(left: List[int]) -> List[int]:
    """Return the steps that wait for nothing; a search in C, as most steps wait."""
    found: List[int] = []
    step = -1
    try:
        while True:
            step = left.index(0, step + 1)
            found.append(step)
    except ValueError:
        return found


def inverse(rank: Sequence[int]) -> Tuple[int, ...]:
    steps = [0] * len(rank)
    for step, place in enumerate(rank):
        steps[place] = step
    return tuple(steps)
