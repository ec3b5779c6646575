"""Telling hooks the events of a run. Exists only where there is a hook, and so do events."""

from __future__ import annotations

from time import perf_counter
from typing import TYPE_CHECKING, Any, Callable, Dict, List, Optional, Tuple, Type

from stagekit._base.frozen import field_names
from stagekit._base.outcome import OUTCOMES, REASONS, Reason, RunStatus
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

SLOW = 0.1  # seconds in one call from which on a hook is named


class Dispatcher:
    """Calls the hooks of one run, on one thread, and drops those that raise.

    Args:
        hooks: objects with ``on_event``, or callables that take an event.
        columns: the record of the run; events are made from it.
        info: the run.
        delays: whether stages wait while a hook works, so that a slow one must be named.
    """

    def __init__(
        self,
        hooks: Tuple[Any, ...],  # Any: checked here
        columns: Columns,
        info: RunInfo,
        *,
        delays: bool,
    ) -> None:
        self.columns = columns
        self.info = info
        self.delays = delays
        self.troubles: List[str] = []
        # Takes Ctrl-C in a hook, where it must not come in the middle of what is being done.
        self.interrupted: Optional[Callable[[KeyboardInterrupt], object]] = None
        self._calls: List[Tuple[object, Callable[[Event], object]]] = [
            (hook, getattr(hook, "on_event", None) or hook) for hook in hooks
        ]
        self._slow: List[object] = []
        self._names: Dict[int, str] = {}
        self._run, self._started_at, self._order = info.id, info.started_at, columns.plan.order

    def started(self) -> None:
        """Tell that the run has begun."""
        info = self.info
        order = self.columns.plan.order
        self._tell(RunStarted(info.id, info.started_at, order, info.executor, info.workers))

    def stage(self, step: int) -> None:
        """Tell how a stage has ended, from its columns."""
        status = self.columns.status
        assert status is not None  # noqa: S101 - a scheduler has all columns
        self._tell(self._ended(step, status[step]))

    def begin(self, step: int) -> None:
        """Tell that the first attempt of a stage has started, though it may have ended since."""
        starts = self.columns.starts or []
        self.begin_on(step, 1, self.worker(step), starts[step])

    def begin_on(self, step: int, attempt: int, worker: str, now: int) -> None:
        """Notify that an attempt of a stage has started."""
        at = self._started_at + (now - self.columns.began) / 1e9
        self._tell(StageStarted(self._run, at, self._order[step], attempt, worker))

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
        run, stage = self.info.id, self._id(step)
        retry = self.columns.plan.policies[step].retry
        most = None if retry is None else retry.attempts
        self._tell(StageRetrying(run, self._now(), stage, attempt, delay, error, item, most))

    def progress(
        self,
        step: int,
        attempt: int,
        said: Tuple[Optional[float], Optional[float], Optional[str]],
        item: Optional[int],
    ) -> None:
        """Tell how far a stage says it has come."""
        run, stage = self.info.id, self._id(step)
        self._tell(StageProgress(run, self._now(), stage, attempt, *said, item))

    def finished(self, status: RunStatus, seconds: float, counts: Tuple[Any, ...]) -> None:
        """Tell that the run has ended."""
        at = self._time(self.columns.ended)
        self._tell(RunFinished(self.info.id, at, status, seconds, counts))

    def _ended(self, step: int, status: int) -> Event:
        if status == SUCCEEDED:
            columns = self.columns
            attempt, worker = self._last(step)
            end, starts = columns.ends[step], columns.starts or columns.ends
            at = self._started_at + (end - columns.began) / 1e9
            seconds = (end - starts[step]) / 1e9 if starts[step] else 0.0
            return StageSucceeded(self._run, at, self._order[step], attempt, seconds, worker)
        kind = ENDING_EVENTS[OUTCOMES[status]]
        names = _FIELDS[kind]
        at = self._time(self.columns.ends[step]) if "seconds" in names else self._now()
        facts = {name: getattr(self, f"_{name}")(step) for name in names}
        return kind(self.info.id, at, self._id(step), **facts)

    def _attempt(self, step: int) -> int:
        return self._last(step)[0]

    def _worker(self, step: int) -> str:
        return self._last(step)[1]

    def _error(self, step: int) -> BaseException:
        return self.columns.errors[step]

    def _critical(self, step: int) -> bool:
        return bool(self.columns.plan.critical[step])

    def _reason(self, step: int) -> Reason:
        return REASONS[self.columns.reasons[step]]

    def _cause(self, step: int) -> Optional[str]:
        cause = self.columns.causes.get(step)
        return None if cause is None else self._id(cause)

    def _location(self, step: int) -> Optional[str]:
        from stagekit._run.failure import location_of  # only where a stage has failed

        return location_of(self.columns.errors[step], self.columns.plan, step)

    def _seconds(self, step: int) -> float:
        columns = self.columns
        starts = columns.starts or columns.ends
        return (columns.ends[step] - starts[step]) / 1e9 if starts[step] else 0.0

    def _id(self, step: int) -> str:
        return self.columns.plan.order[step]

    def worker(self, step: int) -> str:
        """Return the name of the worker of the first attempt of a stage."""
        columns = self.columns
        number = columns.workers[step] if columns.workers else 0
        name = self._names.get(number)
        if name is None:
            name = worker_name(number, self.info.executor, columns.names)
            self._names[number] = name
        return name

    def _last(self, step: int) -> Tuple[int, str]:
        """Return number and worker of the last attempt of a stage."""
        rows = self.columns.attempts.get(step)
        return (rows[-1][1], rows[-1][4]) if rows else (1, self.worker(step))

    def _time(self, reading: int) -> float:
        return self.info.started_at + (reading - self.columns.began) / 1e9

    def _now(self) -> float:
        from time import time

        return time()

    def _tell(self, event: Event) -> None:
        for entry in self._calls[:]:
            before = perf_counter() if self.delays else 0.0
            try:
                entry[1](event)
            except KeyboardInterrupt as error:
                if self.interrupted is None:
                    raise
                self.interrupted(error)
            except BaseException as error:  # noqa: BLE001 - a hook's error never reaches the run
                self._drop(entry, error, event)
            if self.delays and perf_counter() - before > SLOW:
                self._name_slow(entry[0], perf_counter() - before, event)

    def _drop(self, entry: Tuple[object, Any], error: BaseException, event: Event) -> None:
        from stagekit._base.text import error_line

        self._calls.remove(entry)
        self.troubles.append(
            f"the hook {_name(entry[0])} raised {error_line(error)} at {type(event).__name__}, "
            "and was told nothing more"
        )

    def _name_slow(self, hook: object, seconds: float, event: Event) -> None:
        if hook not in self._slow:
            self._slow.append(hook)
            self.troubles.append(
                f"the hook {_name(hook)} took {seconds:.1f} s for {type(event).__name__}; "
                "stages wait for hooks on this executor"
            )


# What each event tells of a stage that has ended: the dispatcher has a method for every field.
_FIELDS: Dict[Type[StageEvent], Tuple[str, ...]] = {
    kind: field_names(kind)[len(field_names(StageEvent)) :] for kind in ENDING_EVENTS.values()
}


def _name(hook: object) -> str:
    return str(getattr(hook, "__qualname__", type(hook).__qualname__))
