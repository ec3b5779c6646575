"""What a run has recorded: one column a fact, one row a step.

Data only; result and scheduler share it, engines write to it directly.
"""

from __future__ import annotations

from types import MappingProxyType

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Dict, List, Mapping, Optional, Sequence, Tuple

    AttemptRow = Tuple[int, int, int, int, str, Optional[BaseException]]

    from stagekit._plan.plan import Plan

# Statuses of a step. All but two are final: numbers of rows in `_base/outcome.py`.
WAITING, RUNNING, SUCCEEDED, FAILED, SKIPPED, CANCELLED, REUSED = range(7)
# Reasons, by their place in `Reason`. Steps that succeeded have none.
RAISED, BAD_VALUE, UPSTREAM_FAILED, NO_VALUE, STOPPED, INTERRUPTED = range(6)
TIMED_OUT, CRASHED, NOT_NEEDED, DECIDED, DECIDER_FAILED = range(6, 11)


class Items:
    """What has become of the items of an ``Each`` stage.

    Attributes:
        status: of each, as of steps; of one that never ended it is ``CANCELLED``.
        failed: by index, the last error of an item that failed, and how.
        left_out: whether those that failed are not in the value of the stage.
    """

    __slots__ = ("failed", "left_out", "status")

    def __init__(self, count: int, *, left_out: bool = False) -> None:
        self.status = bytearray([CANCELLED]) * count
        self.failed: Dict[int, Tuple[BaseException, int]] = {}
        self.left_out = left_out


# What few runs have anything to say of: a record has them only if a scheduler has made it.
_BY_STEP = (
    *("errors", "reasons", "causes", "notes", "names", "attempts", "undone", "teardowns"),
    *("item_lists", "items"),
)
_EMPTY: Dict[int, Any] = {}
_NOTHING: Any = MappingProxyType(_EMPTY)  # Any: of whatever values


class Columns:
    """The record of a run in progress or done.

    Attributes:
        plan: the plan that is run.
        values: the constants, then what each step returned, or None.
        status: the status of each step; None once all have succeeded and nothing else is known.
        starts: clock readings in nanoseconds, 0 where a step never started; None where each step
            started as the one before it (in ``order``) ended.
        ends: the same for the ends.
        workers: the number of the worker of each step, from 0; None where there was only one.
        names: the names of workers by number, of those that are not named after the executor.
        order: the order in which steps ran where ``starts`` is None; None for the order of steps.
        errors: what the steps raised that failed, or were interrupted.
        reasons: why a step ended in another way than by succeeding.
        causes: the step that failed, or was skipped by a decider, because of which a step was
            skipped.
        notes: what a decider says of a step that it skipped, or gave a value.
        item_lists: of ``Each`` stages, by step: by parameter, the items that they are called for.
        items: by step, what has become of each item.
        attempts: of stages with a policy, by step: item, number, start, end, worker, error.
        usage: CPU seconds and bytes of memory by step, item and number of an attempt, as far as
            they are known; None where nobody measures.
        undone: by step, what its compensation raised, or None.
        teardowns: what resources raised that failed to be torn down.
        began: the clock when the run began.
        ended: the clock when the run ended.
        interrupted: whether the run was cancelled.
        why: why the run was cancelled, or "".
        abandoned: the steps that could not be ended, and may run on.
        leaked: resources that were left open, as such a step may use them.
    """

    status: Optional[bytearray] = None
    starts: Optional[List[int]] = None
    workers: Optional[List[int]] = None
    order: Optional[List[int]] = None
    interrupted = False
    why = ""
    abandoned: Tuple[int, ...] = ()
    leaked: Tuple[int, ...] = ()
    errors: Dict[int, BaseException] = _NOTHING
    reasons: Dict[int, int] = _NOTHING
    causes: Dict[int, int] = _NOTHING
    notes: Dict[int, str] = _NOTHING
    names: Dict[int, str] = _NOTHING
    attempts: Dict[int, List[AttemptRow]] = _NOTHING
    item_lists: Dict[int, Dict[str, List[Any]]] = _NOTHING
    items: Dict[int, Items] = _NOTHING
    usage: Optional[Dict[Tuple[int, int, int], Tuple[float, Optional[int]]]] = None
    undone: Dict[int, Optional[BaseException]] = _NOTHING
    teardowns: Dict[int, BaseException] = _NOTHING
    _place: Optional[List[int]] = None

    def __init__(self, plan: Plan, values: List[object], ends: List[int], began: int) -> None:
        self.plan = plan
        self.values = values
        self.ends = ends
        self.began: int = began
        self.ended: int = began

    @classmethod
    def of_every_kind(cls, plan: Plan, constants: Sequence[object]) -> Columns:
        """Return the record of a run that has not begun, for whatever may happen in it."""
        count = len(plan)
        made = cls(plan, [*constants, *[None] * count], [0] * count, 0)
        made.starts, made.workers, made.status = [0] * count, [0] * count, bytearray(count)
        for name in _BY_STEP:
            setattr(made, name, {})
        return made

    def hand_over(self) -> Columns:
        """Return the record of a run that is over, and let go of all that the run has made.

        What carried the run out may be held in a circle until the collector comes; values, errors
        and the frames of their tracebacks are held by the record alone.
        """
        record = Columns(self.plan, [], self.ends, self.began)
        record.__dict__.update(self.__dict__)
        record.values = self.values[:]
        self.values.clear()  # as the loops have it that have carried the run out
        for name in _BY_STEP:
            setattr(self, name, {})
        if self.usage is not None:
            record.usage = dict(self.usage)  # calls that were given up on may still tell
        return record

    def span(self, step: int) -> Tuple[int, int]:
        """Return the clock readings at start and end of a step, 0 where it never started."""
        if self.starts is not None:
            return self.starts[step], self.ends[step]
        place = step if self.order is None else self._places()[step]
        return (self.ends[place - 1] if place else self.began), self.ends[place]

    def _places(self) -> List[int]:
        """Return at which place each step ran; made once, when times are asked for."""
        if self._place is None:
            self._place = [0] * len(self.ends)
            for place, step in enumerate(self.order or ()):
                self._place[step] = place
        return self._place


def worker_name(number: int, executor: str, names: Mapping[int, str]) -> str:
    """Return how a worker is shown: plain ones count up from 1, branches of the loop down.

    Args:
        number: of the worker.
        executor: of the run.
        names: of workers that belong to another executor.
    """
    if number in names:
        return names[number]
    if number == 0:
        return "main"
    if number < 0:
        return f"async-{-number}"
    return f"worker-{number}" if executor == "threads" else f"{executor}-{number}"
