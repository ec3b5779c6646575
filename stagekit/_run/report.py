"""``StageReport``: what became of one stage, made from the columns of a run when asked for."""

from __future__ import annotations

from collections.abc import Sequence as SequenceABC
from typing import TYPE_CHECKING, Any, Dict, List, Mapping, Optional, Sequence, Tuple, Union

from stagekit._base.outcome import OUTCOMES, REASONS, Outcome, Reason
from stagekit._base.static import overload
from stagekit._base.text import plural
from stagekit._run.state.columns import FAILED, SUCCEEDED, Columns, worker_name

if TYPE_CHECKING:
    from dataclasses import dataclass

    from stagekit._declare.context import RunInfo
    from stagekit._run.state.columns import AttemptRow, Items

    Lists = Mapping[str, Sequence[Any]]  # Any: items of whatever type
    _Base = SequenceABC["ItemReport"]
else:
    from stagekit._base.frozen import dataclass  # 3 ms less than the one of dataclasses

    _Base = SequenceABC


@dataclass(frozen=True)
class Attempt:
    """One call of a stage.

    Attributes:
        number: from 1.
        start: seconds from the start of the run.
        end: the same.
        error: what it raised, or None.
        worker: the thread, branch of the loop, or slot of a pool that carried it out.
        started_at: the start in seconds since the epoch.
        item: of an ``Each`` stage, the index of the item; else None.
        cpu_seconds: what it has used of the processors, its child processes included; None where
            it was not measured, or nobody could tell.
        peak_memory_bytes: by how much memory rose at most above what there was when it began; None
            as above.
    """

    number: int
    start: float
    end: float
    error: Optional[BaseException]
    worker: str
    started_at: float
    item: Optional[int] = None
    cpu_seconds: Optional[float] = None
    peak_memory_bytes: Optional[int] = None

    @property
    def seconds(self) -> float:
        """How long it took."""
        return self.end - self.start


@dataclass(frozen=True)
class ItemReport:
    """What became of one item of an ``Each`` stage.

    Attributes:
        index: its place in the list, from 0; in lists of lists, of all items in their order.
        text: a short text of the item.
        outcome: how it ended.
        error: what it failed with, its attempts used up, or None.
        reason: why it failed, or None.
        attempts: the calls that were made for it.
    """

    index: int
    text: str
    outcome: Outcome
    error: Optional[BaseException]
    reason: Optional[Reason]
    attempts: Tuple[Attempt, ...]


class ItemReports(_Base):
    """What became of each item, in order; each report is made when it is asked for.

    Example:
        >>> from typing import List
        >>> from typing_extensions import Annotated
        >>> from stagekit import Each, Registry, run
        >>> registry = Registry()
        >>> @registry.stage
        ... def load() -> List[int]:
        ...     return [1, 0]
        >>> @registry.stage
        ... def share(n: Annotated[int, Each(on_error="skip")]) -> float:
        ...     return 1 / n
        >>> items = run(registry=registry).report(share).items
        >>> [(each.text, each.outcome.value, str(each.error)) for each in items]
        [('1', 'succeeded', 'None'), ('0', 'failed', 'division by zero')]
    """

    __slots__ = ("_attempts", "_by_item", "_items", "_lists")

    def __init__(self, items: Items, lists: Lists, attempts: Tuple[Attempt, ...]) -> None:
        self._items = items
        self._lists = lists
        self._attempts = attempts
        self._by_item: Optional[Dict[int, List[Attempt]]] = None

    def __len__(self) -> int:
        return len(self._items.status)

    @overload
    def __getitem__(self, index: int) -> ItemReport: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[ItemReport]: ...
    def __getitem__(self, index: Union[int, slice]) -> Union[ItemReport, Sequence[ItemReport]]:
        """Return the report of one item, or of several."""
        if isinstance(index, slice):
            return tuple([self._report(item) for item in range(len(self))[index]])
        return self._report(range(len(self))[index])

    def __repr__(self) -> str:
        return f"<reports of {len(self):,} items, {len(self._items.failed):,} failed>"

    def _report(self, item: int) -> ItemReport:
        from stagekit._base.value_text import value_of_item  # only where somebody looks at an item

        if self._by_item is None:
            self._by_item = {}
            for attempt in self._attempts:
                if attempt.item is not None:
                    self._by_item.setdefault(attempt.item, []).append(attempt)
        status = self._items.status[item]
        error, how = self._items.failed[item] if status == FAILED else (None, -1)
        return ItemReport(
            item,
            value_of_item(self._lists, item),
            OUTCOMES[status],
            error,
            None if how < 0 else REASONS[how],
            tuple(self._by_item.get(item, ())),
        )


@dataclass(frozen=True)
class StageReport:
    """What became of one stage.

    Attributes:
        stage_id: the id of the stage.
        outcome: how it ended.
        reason: why, unless it succeeded.
        cause: the id of the stage because of which it was skipped.
        attempts: its calls; none where it never started.
        teardown_error: what a resource raised when it was torn down, or None.
        undone: whether the stage was made undone; None where nobody tried.
        undo_error: what its compensation raised, or None.
        error: what the stage failed with, or None.
        item: of an ``Each`` stage that failed, the index of the item that it failed with.
        note: what the decider of the run says of a stage that it skipped, or gave a value; of an
            ``Each`` stage, how many items were left out of its value.
        location: where to look, as ``file:line``: of a failed stage, where it raised.
        items: of an ``Each`` stage, what became of each item.
    """

    stage_id: str
    outcome: Outcome
    reason: Optional[Reason]
    cause: Optional[str]
    attempts: Tuple[Attempt, ...]
    location: Optional[str]
    teardown_error: Optional[BaseException] = None
    undone: Optional[bool] = None
    undo_error: Optional[BaseException] = None
    error: Optional[BaseException] = None
    item: Optional[int] = None
    note: str = ""
    items: Sequence[ItemReport] = ()

    @property
    def seconds(self) -> float:
        """How long all attempts took."""
        return sum(attempt.seconds for attempt in self.attempts)

    @property
    def cpu_seconds(self) -> Optional[float]:
        """What all attempts have used of the processors; None where none was measured."""
        known = [each.cpu_seconds for each in self.attempts if each.cpu_seconds is not None]
        return sum(known) if known else None

    @property
    def peak_memory_bytes(self) -> Optional[int]:
        """By how much memory rose at most in any attempt; None where nobody could tell."""
        known = [each.peak_memory_bytes for each in self.attempts]
        return max([each for each in known if each is not None], default=None)


def report_of(columns: Columns, info: RunInfo, step: int) -> StageReport:
    """Return the report of one step."""
    from stagekit._run.failure import failed_item, location_of

    plan = columns.plan
    attempts = _attempts(columns, info, step)
    status = SUCCEEDED if columns.status is None else columns.status[step]
    reason, cause = columns.reasons.get(step), columns.causes.get(step)
    error = columns.errors.get(step)
    if error is not None:
        where = location_of(error, plan, step)
    else:
        location = plan.stages[step].location
        where = None if location is None else str(location)
    return StageReport(
        plan.order[step],
        OUTCOMES[status],
        None if reason is None else REASONS[reason],
        None if cause is None else plan.order[cause],
        attempts,
        where,
        columns.teardowns.get(step),
        columns.undone[step] is None if step in columns.undone else None,
        columns.undone.get(step),
        error,
        failed_item(columns, step),
        columns.notes.get(step, "") or _left_out(columns, step),
        _items(columns, step, attempts),
    )


def _items(columns: Columns, step: int, attempts: Tuple[Attempt, ...]) -> Sequence[ItemReport]:
    items = columns.items.get(step)
    if items is None:
        return ()
    return ItemReports(items, columns.item_lists[step], attempts)


def _left_out(columns: Columns, step: int) -> str:
    """Return how many items were left out of the value of a stage; empty where none was."""
    items = columns.items.get(step)
    if items is None or not items.left_out or not items.failed:
        return ""
    return f"left out {len(items.failed):,} of {plural(len(items.status), 'item')} that failed"


def _attempt_of(columns: Columns, info: RunInfo, step: int, row: AttemptRow) -> Attempt:
    item, number, start, end, worker, error = row
    begin = (start - columns.began) / 1e9
    cpu, memory = (columns.usage or {}).get((step, item, number), (None, None))
    return Attempt(
        number,
        begin,
        (end - columns.began) / 1e9,
        error,
        worker,
        info.started_at + begin,
        None if item < 0 else item,
        cpu,
        memory,
    )


def _attempts(columns: Columns, info: RunInfo, step: int) -> Tuple[Attempt, ...]:
    rows = columns.attempts.get(step)
    if rows:
        return tuple(_attempt_of(columns, info, step, row) for row in rows)
    start, end = columns.span(step)
    if not start:
        return ()
    number = columns.workers[step] if columns.workers else 0
    worker = worker_name(number, info.executor, columns.names)
    begin = (start - columns.began) / 1e9
    return (
        Attempt(
            1,
            begin,
            (end - columns.began) / 1e9,
            columns.errors.get(step),
            worker,
            info.started_at + begin,
        ),
    )
