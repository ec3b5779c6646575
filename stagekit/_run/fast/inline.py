"""One stage after another in the calling thread: the hot loop of simple inline runs.

``run_fast`` is one tight loop. It keeps values and ends only: what else is known of a run in which
all stages succeed follows from these two. At the first exception the full state is built from them,
and ``go_on`` goes on from there.
"""

from __future__ import annotations

from heapq import heapify, heappop, heappush
from time import perf_counter_ns

from stagekit._base.promise import COROUTINE, check_value
from stagekit._plan.slots import around
from stagekit._run.attempt import invoke, of_attempt
from stagekit._run.state.columns import Columns
from stagekit._run.state.scheduler import inverse

TYPE_CHECKING = False
if TYPE_CHECKING:
    import contextvars
    from typing import Any, Callable, List, Optional, Sequence, Tuple

    from stagekit._plan.plan import Plan
    from stagekit._run.interrupts import Gate
    from stagekit._run.session import Session
    from stagekit._run.settings import RunSettings
    from stagekit._run.state.keeping import Keeping


def run_fast(
    plan: Plan, settings: RunSettings, context: contextvars.Context
) -> Tuple[Columns, Optional[BaseException]]:
    """Call every stage in turn, until one raises; return the record, and what was raised.

    The end of a stage is the start of the next, so that one reading of the clock does for both.
    The number of ends says which stage raised.
    """
    order = run_order(plan, settings.rank)
    values = settings.constants
    ends: List[int] = []
    began = perf_counter_ns()
    columns = Columns(plan, values, ends, began)
    columns.order = order
    try:
        if order is None:
            _in_step_order(plan, values, ends, context)
        else:
            values += [None] * len(plan)
            _in_other_order(plan, columns, order, context)
    except BaseException as error:  # noqa: BLE001 - whatever a stage raises, the session judges it
        columns.ended = perf_counter_ns()
        return columns, error
    columns.ended = ends[-1] if ends else began
    return columns, None


def _in_step_order(
    plan: Plan, values: List[Any], ends: List[int], context: contextvars.Context
) -> None:
    """Call the steps by number; what is promised is a value, or nothing, never a tuple."""
    clock, coroutine, kind = perf_counter_ns, COROUTINE, type  # globals are slower
    for fn, a, b, rest, promise in plan.calls:
        if rest is None:
            if a < 0:
                value = context.copy().run(fn)
            elif b < 0:
                value = context.copy().run(fn, values[a])
            else:
                value = context.copy().run(fn, values[a], values[b])
        elif rest:
            value = context.copy().run(fn, *[values[slot] for slot in rest])
        else:
            value = context.copy().run(fn, values)
        if (value is None and promise) or kind(value) is coroutine:
            check_value(value, promise)
        values.append(value)  # interpreters since 3.11 know this spelling, but no bound method
        ends.append(clock())


def _in_other_order(
    plan: Plan, columns: Columns, order: List[int], context: contextvars.Context
) -> None:
    clock, base, coroutine, kind = perf_counter_ns, plan.constants, COROUTINE, type
    values: List[Any] = columns.values
    ends = columns.ends
    calls = plan.calls
    for step, (fn, a, b, rest, promise) in zip(order, [calls[step] for step in order]):
        if rest is None:
            if a < 0:
                value = context.copy().run(fn)
            elif b < 0:
                value = context.copy().run(fn, values[a])
            else:
                value = context.copy().run(fn, values[a], values[b])
        elif rest:
            value = context.copy().run(fn, *[values[slot] for slot in rest])
        else:
            value = context.copy().run(fn, values)
        if (value is None and promise) or kind(value) is coroutine or promise > 1:
            check_value(value, promise)
        values[base + step] = value
        ends.append(clock())


def run_order(plan: Plan, rank: Optional[Sequence[int]]) -> Optional[List[int]]:
    """Return the order in which one worker would take the steps.

    It is None for the order of steps, where no stage promises a tuple: see ``_in_step_order``.
    """
    if rank is None:  # one worker takes turns
        rank = plan.turns
    if rank is plan.turns and not plan.has_priorities:
        return list(range(len(plan))) if plan.has_tuples else None
    steps, children, left = inverse(rank), plan.children, list(plan.indegree)
    ready = [rank[step] for step, parents in enumerate(left) if not parents]
    heapify(ready)
    order: List[int] = []
    while ready:
        step = steps[heappop(ready)]
        order.append(step)
        for child in children[step]:
            left[child] -= 1
            if not left[child]:
                heappush(ready, rank[child])
    return order


def go_on(session: Session, record: Columns, error: BaseException) -> None:
    """Go on after the first exception, one step after another, by the rules of failure.

    Raises:
        KeyboardInterrupt: Ctrl-C came between two stages.
    """
    from stagekit._run.interrupts import Gate  # only where a stage has failed

    _replay(session, record)
    _judge(session, record, error)
    _walk(session, Gate(), None)


class FastInline:
    """One run in the calling thread that hooks are told of."""

    def __init__(self, session: Session, gate: Gate) -> None:
        self._session = session
        self._gate = gate
        self.is_over = False
        self._keeping: Optional[Keeping] = None
        if session.settings.kept is not None:
            from stagekit._run.state.keeping import Keeping

            self._keeping = Keeping(session.plan, session.columns, session.settings.kept)
        if session.hooks is not None:
            session.hooks.interrupted = session.interrupt

    def open(self) -> None:
        """Call one stage after another, to the end of the run."""
        gate = self._gate
        _walk(self._session, gate, self._keeping)
        gate.is_used = False
        if gate.is_asked_for:  # Ctrl-C has come after the last stage
            self.cancel("interrupted", KeyboardInterrupt())
        self.is_over = True

    def tick(self) -> None:
        """Do nothing: the run is over."""

    def patience(self) -> Optional[float]:
        """Return that there is nothing to wait for."""
        return 0.0

    def cancel(self, why: str, error: Optional[KeyboardInterrupt] = None) -> None:
        """Cancel the run, between two stages."""
        self._session.columns.why = why
        self._session.interrupt(error)
        self.is_over = True

    def close(self) -> None:
        """Let go of the run."""
        if self._keeping is not None:
            self._keeping.finish()
        if self._session.hooks is not None:
            self._session.hooks.interrupted = None


def _walk(session: Session, gate: Gate, keeping: Optional[Keeping]) -> None:
    """Call what is ready, one step after another, and tell hooks of each."""
    scheduler, plan, columns, hooks = (
        session.scheduler,
        session.plan,
        session.columns,
        session.hooks,
    )
    values, copy, clock = columns.values, session.context.copy, perf_counter_ns
    starts, ends, settled = columns.starts or [], columns.ends, scheduler.settled
    known = len(settled)
    gate.is_used = True
    step = scheduler.take()
    while step >= 0:
        call = plan.calls[step]
        starts[step] = clock()
        if hooks is not None:
            hooks.decided.append(~step)
            hooks.tell()
        try:
            try:
                gate.is_open = True
                if gate.is_asked_for:
                    gate.open()
                value = copy().run(invoke, call, values)
            finally:
                gate.is_open = False
            if (value is None and call[4]) or type(value) is COROUTINE or call[4] > 1:
                check_value(value, call[4])
        except BaseException as found:  # noqa: BLE001 - the session judges it
            session.raised(step, found)
        else:
            ends[step] = clock()
            scheduler.succeed(step, value)
            del value
        if keeping is not None:
            keeping.ended(step)
        if hooks is not None:
            hooks.decided.append(step)
            if len(settled) > known:
                hooks.decided += settled[known:]
                known = len(settled)
            hooks.tell()
        step = scheduler.take()


def resume(session: Session, record: Columns, error: BaseException) -> int:
    """Have the call that has raised do so once more, for the coordinator; return its step."""
    _replay(session, record)
    plan, place = session.plan, len(record.ends)
    step = place if record.order is None else record.order[place]
    call = around(plan.calls[step], lambda fn: _Raised(fn, error))
    calls = (*plan.calls[:step], call, *plan.calls[step + 1 :])
    session.plan = plan._with_calls(calls)  # noqa: SLF001 - another view of it, for one run
    return step


def date_back(columns: Columns, step: int, record: Columns) -> None:
    """Give the attempt that was the first to raise the times that it has had."""
    rows, began = columns.attempts.get(step), record.ends[-1] if record.ends else record.began
    if columns.starts is not None and columns.starts[step]:
        columns.starts[step] = began
    if rows:
        item, attempt, _, _, worker, error = rows[0]
        rows[0] = (item, attempt, began, record.ended, worker, error)
        if not rows[1:]:
            columns.ends[step] = record.ended


class _Raised:
    """A function whose first call has been made, and has raised."""

    def __init__(self, fn: Callable[..., Any], error: BaseException) -> None:
        self.__wrapped__ = fn
        self._error: Optional[BaseException] = error

    def __call__(self, /, *args: Any, **kwargs: Any) -> Any:
        error, self._error = self._error, None
        if error is None:
            return self.__wrapped__(*args, **kwargs)
        try:
            raise error
        finally:
            del error  # it holds this frame

    def for_attempt(self, attempt: int, item: Optional[int]) -> Callable[..., Any]:
        """Return what is called in one attempt: see ``testing.Chaos``."""
        return (
            self
            if attempt == 1
            else of_attempt(self.__wrapped__, attempt, -1 if item is None else item)
        )


def _replay(session: Session, record: Columns) -> None:
    """Bring a session to where the fast loop stopped."""
    columns, scheduler, plan = session.columns, session.scheduler, session.plan
    assert columns.starts is not None  # noqa: S101 - a scheduler has all columns
    columns.began = before = record.began
    base = plan.constants
    for place, end in enumerate(record.ends):
        step = place if record.order is None else record.order[place]
        scheduler.take()
        columns.starts[step], columns.ends[step] = before, end
        scheduler.succeed(step, record.values[base + step])
        before = end
    record.values.clear()  # the session has them: they are to die with its result


def _judge(session: Session, record: Columns, error: BaseException) -> None:
    """Let a session judge the exception at which the fast loop stopped."""
    step = session.scheduler.take()
    if step >= 0:
        starts = session.columns.starts or []
        starts[step] = record.ends[-1] if record.ends else record.began
        session.raised(step, error)
    elif isinstance(error, KeyboardInterrupt):  # after the last stage
        session.interrupt(error)
    else:
        raise error
