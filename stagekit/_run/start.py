"""Starting a run: which engine carries it out, and what is returned or raised at its end."""

from __future__ import annotations

import os
import sys

from stagekit._run.fast.inline import run_fast
from stagekit._run.guards.log_context import bound_plan
from stagekit._run.guards.nesting import enter, refuse_running_loop
from stagekit._run.result import Result
from stagekit._run.settings import GRACE

TYPE_CHECKING = False
if TYPE_CHECKING:
    import contextvars
    from signal import getsignal
    from typing import Any, Callable, List, Optional

    from stagekit._plan.plan import Plan
    from stagekit._run.ledger import Ledger, Message
    from stagekit._run.session import Session
    from stagekit._run.settings import RunSettings
    from stagekit._run.state.columns import Columns

else:
    from _signal import getsignal  # without the enums of ``signal``: 1 ms

SERIAL, PARALLEL = 1, 2
_ENDING = (1, 2, 3, 15) if os.name == "posix" else (2, 15, 21)  # signals that end a program


def execute(plan: Plan, settings: RunSettings) -> Result:
    """Run a plan from a thread without a running event loop.

    Raises:
        RunningLoopError: a loop runs in this thread.
        RunFailedError: a critical stage failed, and the settings say to check.
        RunCancelledError: the run was cancelled, and the settings say to check.
        KeyboardInterrupt: Ctrl-C, or a stage raised it; ``.result`` has everything.
        InternalError: stagekit itself failed.
    """
    refuse_running_loop()
    context, settings = enter(settings)
    simple = is_simple(plan, settings)
    mode = _choose(plan, settings, simple=simple, in_loop=False)
    handlers = [getsignal(number) for number in _ENDING]
    if simple:
        plan = bound_plan(plan)
    session: Optional[Session] = None
    result: Optional[Result] = None
    try:
        if not simple:
            session = _owned(plan, settings, context, mode)
        elif mode == "inline" and not settings.hooks and 1 not in plan.is_async:
            record, error = run_fast(plan, settings, context)
            if error is None:
                result = Result(record, settings.info)
                _put_back(handlers, settings)
                if not settings.notices:
                    return result
            else:
                session = _resumed(plan, settings, context, record, error)
            del record, error
        else:
            session = _carried_out(plan, settings, context, mode)
    except Exception as found:
        _put_back(handlers, settings)
        defect = _defect(found)
        if defect is found:
            raise
        raise defect from found
    if session is None:
        assert result is not None  # noqa: S101 - the run was short
        return _noticed(result, settings)
    from stagekit._run.ending import conclude

    try:
        _put_back(handlers, settings)
        return conclude(session)
    finally:  # a traceback that is kept keeps this frame, which would keep the run
        del session


async def aexecute(plan: Plan, settings: RunSettings) -> Result:
    """Run a plan on the running event loop; raises what ``execute`` raises.

    Raises:
        asyncio.CancelledError: the awaiting task was cancelled, and with it the run.
    """
    from asyncio import CancelledError

    from stagekit._run.ending import conclude
    from stagekit._run.guards.loop_watchdog import watched
    from stagekit._run.session import Session

    context, settings = enter(settings)
    simple = is_simple(plan, settings)
    mode = _choose(plan, settings, simple=simple, in_loop=True)
    if simple:
        plan = bound_plan(plan)
    cancelled: Optional[CancelledError] = None
    try:
        kind = mode if simple or mode == "inline" else "managed"
        session = Session(plan, settings, context, kind, in_loop=True)
        session.listen(delays=mode in {"inline", "asyncio"})
        try:
            with watched(session, mode):
                if not simple:
                    from stagekit._run.run_loop import own_on_loop

                    await own_on_loop(session)
                else:
                    await _await(session, mode)
        except CancelledError as error:
            cancelled = error
        except KeyboardInterrupt as interruption:
            session.interrupt(interruption)
    except Exception as found:
        defect = _defect(found)
        if defect is found:
            raise
        raise defect from found
    try:
        return conclude(session, cancelled)
    finally:
        del cancelled, session


def is_simple(plan: Plan, settings: RunSettings) -> bool:
    """Tell whether a run needs no more than calls in the order of the plan.

    Nothing then can end a call early, try it again or make it elsewhere, so nobody has to watch it.
    """
    return not (
        plan.policies
        or plan.per_attempt
        or settings.limits
        or settings.cancel is not None
        or settings.deadline is not None
        or settings.grace != GRACE
        or settings.rollback is not None
        or settings.clock is not None
        or settings.decider is not None
        or (settings.pool is not None and _is_far(settings.pool))
    )


def _is_far(pool: object) -> bool:
    from stagekit._base.ports import is_far

    return is_far(pool)


def _put_back(before: List[Any], settings: RunSettings) -> None:
    """Put back the handlers of signals that stages have set."""
    now = [getsignal(number) for number in _ENDING]
    if now != before:
        from stagekit._run.guards.signal_handlers import put_back

        settings.notices += put_back(_ENDING, before, now)


def _noticed(result: Result, settings: RunSettings) -> Result:
    from stagekit._run.ending import warn

    result.warnings = tuple(settings.notices)
    warn(result)
    return result


def _forked() -> None:
    from stagekit._run.guards.fork_guard import guard  # only in processes that are forked

    guard(sys._getframe().f_back)  # noqa: SLF001 - there is no other way to it


if hasattr(os, "register_at_fork"):  # not on Windows
    os.register_at_fork(after_in_child=_forked)


def _defect(error: Exception) -> Exception:
    from stagekit._run.ending import defect

    return defect(error)


def _choose(plan: Plan, settings: RunSettings, *, simple: bool, in_loop: bool) -> str:
    """Return what carries a run out, and tell its info: inline, threads, pool or asyncio."""
    info, mode = settings.info, settings.mode
    has_async = 1 in plan.is_async
    is_all_async = has_async and 0 not in plan.is_async
    if mode == "auto":
        # Unless simple it is threads: a wait for a thread can be bounded, one for a call cannot.
        is_alone = not in_loop and not is_all_async and simple
        if is_alone and ((settings.workers == 1 and not has_async) or _is_serial(plan)):
            mode = "inline"
        else:
            mode = "threads"
    if is_all_async and mode != "inline":
        mode = "asyncio"
    if mode != "pool":
        info.executor = mode
    if mode == "inline":
        info.workers = 1
    return mode


def _is_serial(plan: Plan) -> bool:
    """Tell whether no two steps could ever be ready at once; found out once for each plan."""
    if plan._width is None:  # noqa: SLF001 - a plan's own memory for those who run it
        serial = all(above[-1:] == (step,) for step, above in enumerate(plan.parents[1:]))
        object.__setattr__(plan, "_width", SERIAL if serial else PARALLEL)
    return bool(plan._width == SERIAL)  # noqa: SLF001


def _resumed(
    plan: Plan,
    settings: RunSettings,
    context: contextvars.Context,
    record: Columns,
    error: BaseException,
) -> Session:
    """Carry on inline after the first exception; return the session at its end."""
    from stagekit._run.fast.inline import resume, walk
    from stagekit._run.session import Session

    session = Session(plan, settings, context, "inline")
    try:
        resume(session, record, error)
        next(walk(session), None)  # to the end: there is nothing to await
    except KeyboardInterrupt as interruption:
        session.interrupt(interruption)
    return session


def _carried_out(
    plan: Plan, settings: RunSettings, context: contextvars.Context, mode: str
) -> Session:
    """Carry a run out in the calling thread; return the session at its end."""
    from stagekit._run.session import Session

    session = Session(plan, settings, context, mode)
    try:
        session.listen(delays=mode in {"inline", "asyncio"})
        _carry_out(session, mode)
    except KeyboardInterrupt as interruption:
        session.interrupt(interruption)
    return session


def _owned(plan: Plan, settings: RunSettings, context: contextvars.Context, mode: str) -> Session:
    """Carry a run out that is not simple, in the calling thread; return the session at its end."""
    from stagekit._run.run_loop import own
    from stagekit._run.session import Session

    session = Session(plan, settings, context, "inline" if mode == "inline" else "managed")
    session.listen(delays=mode == "inline")
    own(session)
    return session


def _carry_out(session: Session, mode: str) -> None:
    if mode == "inline" and 1 in session.plan.is_async:
        from stagekit._run.hosting import host_inline  # asyncio: 29 ms

        host_inline(session)
    elif mode == "inline":
        from stagekit._run.fast.inline import walk

        next(walk(session), None)  # to the end: there is nothing to await
    elif mode == "asyncio" or len(session.scheduler.heaps) > 1:
        from stagekit._run.hosting import host

        host(session, _maker(session, mode, is_alone=False))
    else:
        from stagekit._run.waiting import serve

        serve(session, _maker(session, mode, is_alone=True)).check()


async def _await(session: Session, mode: str) -> None:
    if mode == "inline":
        from stagekit._run.hosting import await_inline

        await await_inline(session)
    else:
        from stagekit._run.fast.loop import Branches

        branches = Branches(session, _maker(session, mode, is_alone=False))
        await branches.run()
        branches.ledger.check()


def _maker(
    session: Session, mode: str, *, is_alone: bool
) -> Callable[[Callable[[Message], object]], Ledger]:
    """Return how the ledger is made; alone means that its owner has no event loop to turn."""
    pool = session.settings.pool
    if mode == "asyncio":
        from stagekit._run.ledger import Ledger

        return lambda post: Ledger(session, post)
    if mode == "pool" and pool is not None:
        from stagekit._run.driver import Feed

        return lambda post: Feed(session, post, pool)
    from stagekit._run.fast.threads import Crew

    delegates = is_alone and session.hooks is None
    return lambda post: Crew(session, post, delegates=delegates)
