"""Notifies the hooks of a run of what has happened, in the order in which it was decided.

Exists only where there is a hook, and so do events.
"""

from __future__ import annotations

from time import perf_counter, time
from typing import TYPE_CHECKING, Any, Callable, Dict, List, Optional, Sequence, Tuple, Type

from stagekit._base.frozen import field_names
from stagekit._base.outcome import OUTCOMES, REASONS, Reason, RunStatus
from stagekit._base.progress import Progress
from stagekit._base.released import Released
from stagekit._base.value_text import size_text
from stagekit._run.state.columns import SUCCEEDED, Columns, worker_name
from stagekit.events import (
    ENDING_EVENTS,
    Event,
    RunFinished,
    RunStarted,
    StageEvent,
    StageProgress,
    StageRetrying,
    StageStarted,
    StageSucceeded,
)

if TYPE_CHECKING:
    from stagekit._declare.context import RunInfo

# What a stage says of its progress: done, total, note.
Said = Tuple[Optional[float], Optional[float], Optional[str]]

SLOW = 0.1  # seconds that a call of a hook has taken which is slow
OFTEN = 3  # slow calls from which on a hook is named: one may be the fault of a busy machine

Entry = Tuple[object, Callable[[Event], object]]  # a hook, and what of it is called


class Notifier:
    """Calls the hooks of one run, on the thread that owns it, and drops those that raise.

    Args:
        hooks: objects with ``on_event``, or callables that take an event.
        columns: the record of the run; events are made from it.
        info: the run.
        delays: whether stages wait while a hook works, so that a slow one must be named.

    Attributes:
        decided: what is to be told, in order, and only grows: a step that has ended; ``~step``, a
            step whose first call has begun; beyond the number of steps, an item that has ended.
        items: returns how many items a stage is called for.
        interrupted: takes Ctrl-C in a hook, where it must not come in the middle of what is done.
        troubles: what is wrong with hooks.
    """

    def __init__(
        self,
        hooks: Tuple[Any, ...],  # Any: checked here
        columns: Columns,
        info: RunInfo,
        *,
        delays: bool,
    ) -> None:
        self.decided: List[int] = []
        self.items: Callable[[int], int] = int
        self.interrupted: Optional[Callable[[KeyboardInterrupt], object]] = None
        self.troubles: List[str] = []
        self._columns = columns
        self._info = info
        self._run, self._started_at = info.id, info.started_at
        self._delays = delays
        self._hooks: Tuple[Entry, ...] = tuple(
            [(hook, getattr(hook, "on_event", None) or hook) for hook in hooks]
        )
        self._told = 0  # how much of what was decided
        self._facts: Optional[Tuple[Any, ...]] = None
        self._slow: Dict[int, int] = {}  # by id of a hook, how many of its calls were slow
        self._names: Dict[int, str] = {}
        self._counts: Dict[int, Tuple[int, Progress]] = {}  # by step, the items that have ended

    def started(self) -> None:
        """Tell that the run has begun."""
        info, order = self._info, self._columns.plan.order
        self._tell(RunStarted(info.id, info.started_at, order, info.executor, info.workers))

    def finished(self, status: RunStatus, seconds: float, counts: Tuple[Any, ...]) -> None:
        """Tell that the run has ended."""
        at = self._time(self._columns.ended)
        self._tell(RunFinished(self._run, at, status, seconds, counts))

    def tell(self, count: Optional[int] = None) -> None:
        """Tell what has been decided since, or the first *count* of all that was decided."""
        run, began, order, starts, ends, workers, status, names = self._facts or self._look()
        decided, told = self.decided, self._told
        end = len(decided) if count is None else count  # others may add to it meanwhile
        while told < end:
            step = decided[told]
            self._told = told = told + 1
            event: Event
            if step < 0:
                step = ~step
                event = _new(StageStarted)
                event.__dict__.update(
                    run_id=run,
                    time=self._started_at + (starts[step] - began) / 1e9,
                    stage_id=order[step],
                    attempt=1,
                    worker=names.get(workers[step]) or self._name(workers[step]),
                )
            elif step >= len(order):
                self._item_ended(step - len(order))
                continue
            elif status[step] == SUCCEEDED:
                now, rows = ends[step], self._columns.attempts.get(step)
                event = _new(StageSucceeded)
                event.__dict__.update(
                    run_id=run,
                    time=self._started_at + (now - began) / 1e9,
                    stage_id=order[step],
                    attempt=rows[-1][1] if rows else 1,
                    seconds=(now - starts[step]) / 1e9 if starts[step] else 0.0,
                    worker=rows[-1][4]
                    if rows
                    else names.get(workers[step]) or self._name(workers[step]),
                    size=self._size(step),
                )
            else:
                event = self._ended(step)
            self._tell(event)

    def _look(self) -> Tuple[Any, ...]:
        """Look up once what most events are made of."""
        columns = self._columns
        times = columns.starts, columns.ends, columns.workers, columns.status
        found = self._facts = (self._run, columns.began, columns.plan.order, *times, self._names)
        return found

    def settled(self, steps: Sequence[int]) -> None:
        """Tell how stages have ended that nobody has decided about before the end of the run."""
        for step in steps:
            self._tell(self._ended(step))

    def again(self, step: int, attempt: int, worker: str, now: int) -> None:
        """Tell that another attempt of a stage starts than the first one."""
        self._tell(StageStarted(self._run, self._time(now), self._id(step), attempt, worker))

    def retrying(
        self,
        step: int,
        attempt: int,
        delay: float,
        error: Optional[BaseException],
        item: Optional[int],
    ) -> None:
        """Tell that an attempt has failed, and that another follows."""
        assert error is not None  # noqa: S101 - there is one, or nothing to try again
        run, stage = self._run, self._id(step)
        retry = self._columns.plan.policies[step].retry
        most = None if retry is None else retry.attempts
        self._tell(StageRetrying(run, time(), stage, attempt, delay, error, item, most))

    def progress(self, step: int, attempt: int, said: Said, item: Optional[int]) -> None:
        """Tell how far a call says it has come."""
        run, stage = self._run, self._id(step)
        self._tell(StageProgress(run, time(), stage, attempt, *said, item))

    def _item_ended(self, step: int) -> None:
        """Count one more item of a stage; that is told no more often than progress is."""

        def tell(*said: Any) -> None:
            self.progress(step, 1, said, None)

        done, progress = self._counts.get(step) or (0, Progress(tell))
        self._counts[step] = (done + 1, progress)
        progress.update(done + 1, self.items(step))

    def _ended(self, step: int) -> Event:
        columns = self._columns
        kind = ENDING_EVENTS[OUTCOMES[(columns.status or b"")[step]]]
        names = _FIELDS[kind]
        at = self._time(columns.ends[step]) if "seconds" in names else time()
        facts = {name: getattr(self, f"_{name}")(step) for name in names}
        return kind(self._run, at, self._id(step), **facts)

    def _attempt(self, step: int) -> int:
        return self._last(step)[0]

    def _size(self, step: int) -> str:
        value = self._columns.values[self._columns.plan.constants + step]
        if value is None:
            return ""
        return value.size if type(value) is Released else size_text(value)

    def _worker(self, step: int) -> str:
        return self._last(step)[1]

    def _error(self, step: int) -> BaseException:
        return self._columns.errors[step]

    def _critical(self, step: int) -> bool:
        return bool(self._columns.plan.critical[step])

    def _reason(self, step: int) -> Reason:
        return REASONS[self._columns.reasons[step]]

    def _cause(self, step: int) -> Optional[str]:
        cause = self._columns.causes.get(step)
        return None if cause is None else self._id(cause)

    def _note(self, step: int) -> str:
        return self._columns.notes.get(step, "")

    def _location(self, step: int) -> Optional[str]:
        from stagekit._run.failure import location_of  # only where a stage has failed

        return location_of(self._columns.errors[step], self._columns.plan, step)

    def _seconds(self, step: int) -> float:
        columns = self._columns
        starts = columns.starts or columns.ends
        return (columns.ends[step] - starts[step]) / 1e9 if starts[step] else 0.0

    def _id(self, step: int) -> str:
        return self._columns.plan.order[step]

    def _name(self, number: int) -> str:
        """Return the name of a worker."""
        name = self._names[number] = worker_name(number, self._info.executor, self._columns.names)
        return name

    def _last(self, step: int) -> Tuple[int, str]:
        """Return number and worker of the last attempt of a stage."""
        rows = self._columns.attempts.get(step)
        return (
            (rows[-1][1], rows[-1][4])
            if rows
            else (1, self._name((self._columns.workers or ())[step]))
        )

    def _time(self, reading: int) -> float:
        return self._started_at + (reading - self._columns.began) / 1e9

    def _tell(self, event: Event) -> None:
        before = perf_counter() if self._delays else 0.0
        for entry in self._hooks:
            try:
                entry[1](event)
            except BaseException as error:  # noqa: BLE001 - a hook's error never reaches the run
                self._raised(entry, error, event)
            if self._delays:
                now = perf_counter()
                if now - before > SLOW:
                    self._name_slow(entry[0], now - before, event)
                before = now

    def _raised(self, entry: Entry, error: BaseException, event: Event) -> None:
        """Drop a hook that has raised, unless it is Ctrl-C that came there."""
        if isinstance(error, KeyboardInterrupt):
            if self.interrupted is None:
                raise error
            self.interrupted(error)
            return
        from stagekit._base.text import error_line

        self._hooks = tuple([each for each in self._hooks if each is not entry])
        self.troubles.append(
            f"the hook {_name(entry[0])} raised {error_line(error)} at {type(event).__name__}, "
            "and was not called again"
        )

    def _name_slow(self, hook: object, seconds: float, event: Event) -> None:
        count = self._slow[id(hook)] = self._slow.get(id(hook), 0) + 1
        if count == OFTEN:
            self.troubles.append(
                f"the hook {_name(hook)} was slow {OFTEN} times, and took {seconds:.1f} s for "
                f"{type(event).__name__}; stages wait for hooks on this executor"
            )


# Makes an event to be filled in: their constructors check what they are given.
_new = object.__new__

# What each event tells of a stage that has ended: the notifier has a method for every field.
_FIELDS: Dict[Type[StageEvent], Tuple[str, ...]] = {
    kind: field_names(kind)[len(field_names(StageEvent)) :] for kind in ENDING_EVENTS.values()
}


def _name(hook: object) -> str:
    return str(getattr(hook, "__qualname__", type(hook).__qualname__))
