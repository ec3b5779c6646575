"""``Result``: what users see of the record of a run: outcomes, values, reports."""

from __future__ import annotations

from stagekit._base.refs import StageRef
from stagekit._base.static import overload
from stagekit._run.state.columns import SUCCEEDED

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import (
        Any,
        Awaitable,
        Callable,
        Dict,
        Optional,
        Sequence,
        Tuple,
        TypeVar,
        Union,
    )

    from stagekit._base.outcome import RunStatus
    from stagekit._declare.context import RunInfo
    from stagekit._plan.plan import Plan
    from stagekit._run.record import RunRecord
    from stagekit._run.report import StageReport
    from stagekit._run.state.columns import Columns
    from stagekit._run.summary import Shown

    R = TypeVar("R")
    _Stage = Union[str, Callable[..., Any], StageRef[Any]]

# Any: a stage takes whatever its parameters say


class Result:
    """What became of every stage of a run.

    ``result[stage]`` is the value of a stage, given as its function, ``StageRef`` or id. The times
    of reports are in seconds from the start of the run.

    Attributes:
        plan: what was run.
        info: the run's id, start, executor and workers.
        warnings: what the run wants to be known, such as a hook that raised.

    Example:
        >>> from stagekit import Registry, run
        >>> registry = Registry()
        >>> one = registry.add(lambda: 1, id="one")
        >>> result = run(registry=registry)
        >>> result[one], result.ok, result.report("one").outcome.value
        (1, True, 'succeeded')
    """

    __slots__ = ("__weakref__", "_columns", "info", "warnings")

    def __init__(self, columns: Columns, info: RunInfo, warnings: Tuple[str, ...] = ()) -> None:
        self._columns = columns
        self.info: RunInfo = info
        self.warnings: Tuple[str, ...] = warnings

    @overload
    def __getitem__(self, stage: StageRef[R], /) -> R: ...
    @overload
    def __getitem__(self, stage: str, /) -> Any: ...
    @overload
    def __getitem__(self, stage: Callable[..., Awaitable[R]], /) -> R: ...
    @overload
    def __getitem__(self, stage: Callable[..., R], /) -> R: ...
    def __getitem__(self, stage: _Stage, /) -> Any:
        """Return the value of a stage.

        Raises:
            NoValueError: it has none; the text says its outcome and why.
            LookupError: it was not part of the run; the text has near misses.
        """
        columns = self._columns
        plan = columns.plan
        try:
            step = plan.step_of(stage)
        except LookupError:
            slot = _overridden(plan, stage)
            if slot is None:
                raise
            return columns.values[slot]
        status = columns.status
        if status is not None and status[step] != SUCCEEDED:
            self._check_value(step, status[step])
        value: Any = columns.values[plan.constants + step]
        is_handle = getattr(value.__class__, "is_handle", False) is True
        return value.fetch() if is_handle else value

    @property
    def plan(self) -> Plan:
        """What was run."""
        return self._columns.plan

    @property
    def ok(self) -> bool:
        """Whether no critical stage failed and the run was not cancelled."""
        columns = self._columns
        is_all_well = columns.status is None or not (columns.reasons or columns.teardowns)
        return (is_all_well and not columns.interrupted) or self.status.value == "succeeded"

    @property
    def status(self) -> RunStatus:
        """How the run ended."""
        return self._record().status

    @property
    def cancel_reason(self) -> str:
        """Why the run was cancelled; empty if it was not.

        ``"deadline"``, ``"interrupted"``, or the text that ``CancelToken.cancel`` got.
        """
        return self._record().cancel_reason

    @property
    def failures(self) -> Tuple[StageReport, ...]:
        """The reports of all stages that failed, critical or not, in plan order."""
        from stagekit._run.failure import failed_steps

        record = self._record()
        return tuple([record.report(step) for step in failed_steps(self._columns)])

    @property
    def abandoned(self) -> Tuple[str, ...]:
        """The ids of stages that did not end in time after a cancel; they may still be running."""
        return self._record().abandoned

    @property
    def leaked(self) -> Tuple[str, ...]:
        """The ids of resources that were never closed, as a stage in ``abandoned`` may use them."""
        order = self.plan.order
        return tuple([order[step] for step in self._columns.leaked])

    @property
    def run_id(self) -> str:
        """The id of the run."""
        return self.info.id

    @property
    def executor(self) -> str:
        """What carried the run out: ``"inline"``, ``"threads"``, ``"asyncio"``, a pool's class."""
        return self.info.executor

    @property
    def workers(self) -> int:
        """How many plain stages could run at once."""
        return self.info.workers

    @property
    def seconds(self) -> float:
        """How long the run took."""
        return self._record().seconds

    @property
    def work_seconds(self) -> float:
        """How long all calls of stages took together."""
        return self._record().work_seconds

    def report(self, stage: _Stage, /) -> StageReport:
        """Return what became of one stage.

        Raises:
            LookupError: it was not part of the run; the text has near misses.
        """
        return self._record().report(self.plan.step_of(stage))

    def reports(self) -> Tuple[StageReport, ...]:
        """Return what became of every stage, in plan order."""
        return self._record().reports()

    def raise_for_failures(self) -> None:
        """Raise what ``run(check=True)`` raises, if the run did not succeed.

        Raises:
            RunFailedError: a critical stage failed.
            RunCancelledError: the run was cancelled.
        """
        from stagekit._base.frames import shortened
        from stagekit._run.summary import raise_for

        try:
            raise_for(self._record(), self)
        except Exception as error:  # noqa: BLE001 - raised again
            __tracebackhide__ = True  # of pytest
            raise shortened(error)  # noqa: B904 - it is the same error

    def critical_path(self) -> Tuple[str, ...]:
        """Return the chain of stages that decided how long the run took, first to last."""
        from stagekit._run.record import critical_path

        return critical_path(self._columns)

    def to_json(self) -> str:
        """Return outcomes and times as JSON, schema ``stagekit.run/1``; of values only types."""
        from stagekit._run.summary import to_json

        return to_json(self._record())

    def to_svg(self, *, fold: bool = True) -> str:
        """Return the plan as an SVG picture in the colours of what became of its stages.

        Args:
            fold: let equal stages that ended alike share one box, see ``Plan.to_svg``.

        Example:
            >>> from stagekit import Registry, run
            >>> registry = Registry()
            >>> one = registry.add(lambda: 1, id="one")
            >>> "✓ one" in run(registry=registry).to_svg()
            True
        """
        from stagekit._run.summary import shown

        return self._drawn(shown(self._record()), fold=fold)

    def counts(self) -> Dict[str, int]:
        """Return how many stages had each outcome, those that occurred."""
        return self._record().counts()

    def __len__(self) -> int:
        return len(self.plan)

    def __repr__(self) -> str:
        from stagekit._run.summary import headline

        return f"<Result {headline(self._record())}>"

    def _repr_mimebundle_(
        self,
        include: Optional[Sequence[str]] = None,  # noqa: ARG002 - the notebook's protocol
        exclude: Optional[Sequence[str]] = None,  # noqa: ARG002 - the same
    ) -> Dict[str, str]:
        from stagekit._run.summary import shown, to_html, to_text

        record = self._record()
        stages = shown(record)
        drawn = self._drawn(stages, is_inline=True) if len(self) > 1 else ""
        return {
            "text/plain": to_text(record, stages),
            "text/html": to_html(record, stages, drawn),
        }

    def _drawn(self, stages: Sequence[Shown], *, fold: bool = True, is_inline: bool = False) -> str:
        from stagekit._run.summary import endings

        plan: Any = self.plan  # the one of the front door, which draws itself
        ended, status = endings(self._record(), stages)
        drawn: str = plan._draw_run(ended, status, fold=fold, is_inline=is_inline)  # noqa: SLF001
        return drawn

    def _record(self) -> RunRecord:
        from stagekit._run.record import RunRecord

        return RunRecord(self._columns, self.info, self.warnings)

    def _check_value(self, step: int, status: int) -> None:
        from stagekit._base.outcome import OUTCOME_TABLE, OUTCOMES
        from stagekit._run.summary import why_no_value
        from stagekit.errors import NoValueError

        if not OUTCOME_TABLE[OUTCOMES[status]].has_value:
            raise NoValueError(why_no_value(self._columns, step))


def arguments_of(result: Result, step: int) -> Dict[str, Any]:
    """Return what a stage was called with, by parameter; defaults that Python fills in are absent.

    For what tells of runs. Not a method: values of arguments are not for everybody to record.
    """
    from stagekit._run.attempt import arguments, names_of

    plan = result.plan
    _, positional, keywords = arguments(plan.calls[step], result._columns.values)  # noqa: SLF001 - of this module
    return {**dict(zip(names_of(plan, step, keywords), positional)), **keywords}


def item_of(result: Result, stage_id: str, item: int) -> str:
    """Return which item of an ``Each`` stage this is, with a short text of it."""
    from stagekit._base.value_text import item_text

    return item_text(result._columns.item_lists.get(result.plan.step_of(stage_id)), item)  # noqa: SLF001 - of this module


def _overridden(plan: Plan, stage: _Stage) -> Optional[int]:
    """Return the slot of the constant that stands in for a stage, if one does."""
    if not plan.replaced:
        return None
    from stagekit._plan.references import References

    found = References(plan.replaced).find(stage)
    return plan.overridden[plan.replaced[found].id] if isinstance(found, int) else None
