"""Starting a run: how it runs, and what is returned or raised at its end."""

from __future__ import annotations

import os
import sys

from stagekit._run.fast.inline import run_fast
from stagekit._run.guards.log_context import bound_plan
from stagekit._run.guards.nesting import enter, set_loop_aside
from stagekit._run.result import Result

TYPE_CHECKING = False
if TYPE_CHECKING:
    from signal import getsignal
    from typing import Any, List, Optional

    from stagekit._plan.plan import Plan
    from stagekit._run.session import Session
    from stagekit._run.settings import RunSettings
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
    back = set_loop_aside()
    if back is not None:  # in a notebook
        try:
            return execute(plan, settings)
        finally:
            back()
    context, settings = enter(settings)
    mode = _choose(plan, settings, in_loop=False)
    is_fast = is_simple(plan, settings, mode)
    handlers = list(map(getsignal, _ENDING))
    bound = bound_plan(plan) if is_fast else plan
    session: Optional[Session] = None
    result: Optional[Result] = None
    try:
        if is_fast and mode == "inline" and not settings.hooks and settings.kept is None:
            record, error = run_fast(bound, settings, context)
            if error is None:
                result = Result(record, settings.info)
                _put_back(handlers, settings)
                if not settings.notices:
                    return result
            else:
                plan = plan if plan.policies else bound
                session = _went_on(plan, settings, context, record, error)
            del record, error
        else:
            from stagekit._run.run_loop import ran

            session = ran(bound, settings, context, mode, is_fast=is_fast)
    except Exception as found:  # noqa: BLE001 - raised again, or as a defect
        _put_back(handlers, settings)
        raise _defect(found)  # noqa: B904 - it says its cause
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
    from stagekit._run.run_loop import aran
    from stagekit._run.session import Session

    context, settings = enter(settings)
    mode = _choose(plan, settings, in_loop=True)
    is_fast = mode != "inline" and is_simple(plan, settings, mode)
    if is_fast:
        plan = bound_plan(plan)
    cancelled: Optional[CancelledError] = None
    try:
        session = Session(plan, settings, context, mode)
        try:
            await aran(session, is_fast=is_fast)
        except CancelledError as error:
            cancelled = error
        except KeyboardInterrupt as interruption:
            session.interrupt(interruption)
    except Exception as found:  # noqa: BLE001 - raised again, or as a defect
        raise _defect(found)  # noqa: B904 - it says its cause
    try:
        return conclude(session, cancelled)
    finally:
        del cancelled, session


def is_simple(plan: Plan, settings: RunSettings, mode: str) -> bool:
    """Return whether a hot loop can carry a run out; the only place where that is decided.

    Nothing then can end a call early, make it again or elsewhere. All stages are of one kind, and
    called in one place. Inline, a call can be made again, unless hooks are to be told of that: only
    when it has raised, the coordinator goes on.
    """
    return not (
        mode == "pool"
        or (plan.policies and (mode != "inline" or settings.hooks or not _are_of_failure(plan)))
        or plan.per_attempt
        or settings.limits
        or settings.cancel is not None
        or settings.deadline is not None
        or settings.rollback is not None
        or settings.clock is not None
        or settings.decider is not None
        or settings.measure
        or (settings.kept is not None and (mode != "inline" or plan.policies))
        or (mode != "asyncio" and 1 in plan.is_async)
    )


def _choose(plan: Plan, settings: RunSettings, *, in_loop: bool) -> str:
    """Return where stages are called that say nothing of it, and note it in the run's info.

    It is ``"inline"``, ``"threads"``, ``"asyncio"`` or ``"pool"``, and depends on what the run asks
    for and on the shape of the plan, never on an option of a stage. Only a run that is to be
    bounded leaves the calling thread: a wait for a thread can end, one for a call cannot.
    """
    info, mode = settings.info, settings.mode
    has_async = 1 in plan.is_async
    is_all_async = has_async and 0 not in plan.is_async
    if mode == "auto":
        is_bounded = settings.deadline is not None or settings.cancel is not None
        can_stay = not (in_loop or is_all_async or is_bounded)
        is_alone = settings.workers == 1 and not has_async
        mode = "inline" if can_stay and (is_alone or _is_serial(plan)) else "threads"
    if is_all_async and mode != "inline":
        mode = "asyncio"
    if mode != "pool":
        info.executor = mode
    if mode == "inline":
        if settings.mode == "auto" and plan.policies and _has_threads(plan):
            info.executor = "threads"
        else:
            info.workers = 1
    return mode


def _has_threads(plan: Plan) -> bool:
    """Return whether a run that is inline as nothing can overlap has worker threads, too."""
    return not _are_of_failure(plan) and any(
        not plan.is_async[step] and policy.leaves_caller for step, policy in plan.policies.items()
    )


def _is_serial(plan: Plan) -> bool:
    """Return whether no two steps could ever be ready at once; found out once for each plan."""
    if plan._width is None:  # noqa: SLF001 - a plan's own memory for those who run it
        serial = all(above[-1:] == (step,) for step, above in enumerate(plan.parents[1:]))
        object.__setattr__(plan, "_width", SERIAL if serial else PARALLEL)
    return bool(plan._width == SERIAL)  # noqa: SLF001


def _are_of_failure(plan: Plan) -> bool:
    """Return whether all policies of a plan have no meaning until a call raises; found out once."""
    if plan._is_of_failure is None:  # noqa: SLF001 - a plan's own memory for those who run it
        found = all(policy.is_of_failure for policy in plan.policies.values())
        object.__setattr__(plan, "_is_of_failure", found)
    return bool(plan._is_of_failure)  # noqa: SLF001


def _put_back(before: List[Any], settings: RunSettings) -> None:
    """Put back the handlers of signals that stages have set."""
    now = list(map(getsignal, _ENDING))
    if now != before:
        from stagekit._run.guards.signal_handlers import put_back

        settings.notices += put_back(_ENDING, before, now)


def _noticed(result: Result, settings: RunSettings) -> Result:
    from stagekit._run.ending import warn

    result.warnings = tuple(settings.notices)
    warn(result)
    return result


def _forked() -> None:  # pragma: no cover - in children, which keep no record of their lines
    from stagekit._run.guards.fork_guard import guard  # only in processes that are forked

    guard(sys._getframe().f_back)  # noqa: SLF001 - there is no other way to it


if hasattr(os, "register_at_fork"):  # not on Windows
    os.register_at_fork(after_in_child=_forked)


def _went_on(*run: Any) -> Session:
    from stagekit._run.run_loop import went_on  # only where a stage has failed

    return went_on(*run)


def _defect(error: Exception) -> Exception:
    from stagekit._run.ending import defect

    found = defect(error)
    if found is not error:
        found.__cause__ = error
    return found
