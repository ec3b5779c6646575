"""The run loop: the owner of a run reads messages, and asks for what is due between them.

There is one loop with two ways to wait, for a thread (``run_blocking``) and for a coroutine
(``run_awaiting``). It drives anything that is ``Driven``: the coordinator, or a hot loop. Only the
hottest, ``run_fast``, goes without, up to the first exception (``went_on``).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Callable, Optional, Protocol, Union

from stagekit._run.fast.inline import FastInline, date_back, go_on, resume
from stagekit._run.interrupts import Gate, Interrupts
from stagekit._run.mailbox import Mailbox
from stagekit._run.session import Session
from stagekit._run.state.columns import RUNNING

if TYPE_CHECKING:
    import asyncio
    import contextvars

    from stagekit._plan.plan import Plan
    from stagekit._run.loop_mailbox import AwaitedMailbox, TurningMailbox
    from stagekit._run.settings import RunSettings
    from stagekit._run.state.columns import Columns


class Driven(Protocol):
    """What a run loop drives, on the thread that owns the run."""

    def open(self) -> None:
        """Begin."""

    def tick(self) -> None:
        """Do what is due by now."""

    def patience(self) -> Optional[float]:
        """Return for how many seconds there is nothing to do but to wait for messages."""

    def cancel(self, why: str, error: Optional[KeyboardInterrupt] = None) -> None:
        """Cancel the run; a second time, wait no longer."""

    @property
    def is_over(self) -> bool:
        """Whether nothing is left to do."""
        ...

    def close(self) -> None:
        """Close what was opened; raise the defect that ended the run, if one did."""


def run_blocking(
    mailbox: Union[Mailbox, TurningMailbox],
    gate: Gate,
    grace: float,
    make: Callable[[], Driven],
) -> None:
    """Run to the end, in the calling thread.

    The first ``KeyboardInterrupt`` cancels the run, the second one ends the wait for stages.

    Args:
        mailbox: what is read.
        gate: opened while stages are called in this thread.
        grace: seconds after which a stage is interrupted that keeps Ctrl-C from being read.
        make: makes what is driven.
    """
    driven = make()
    interrupts = Interrupts(
        mailbox,
        lambda: driven.cancel("interrupted", KeyboardInterrupt()),
        gate,
        grace,
    )
    is_open = False
    try:
        with interrupts:
            while not (is_open and driven.is_over):
                try:
                    if is_open:
                        mailbox.read(driven.patience())
                        driven.tick()
                    else:
                        is_open = True
                        driven.open()
                except KeyboardInterrupt as error:  # a handler of the program's own raises it
                    _cancel(driven, error)
            if interrupts.is_unread:  # it came while a hook was told of the last end
                _cancel(driven, KeyboardInterrupt())
    finally:
        driven.close()


def _cancel(driven: Driven, error: KeyboardInterrupt) -> None:
    try:
        driven.cancel("interrupted", error)
    except KeyboardInterrupt as another:  # while the first one was being obeyed
        driven.cancel("interrupted", another)


async def run_awaiting(mailbox: AwaitedMailbox, make: Callable[[], Driven]) -> None:
    """Run to the end, on the running loop.

    Raises:
        asyncio.CancelledError: the awaiting task was cancelled; the run has been, too.
    """
    from asyncio import CancelledError

    driven = make()
    cancelled: Optional[CancelledError] = None
    try:
        driven.open()
        while not driven.is_over:
            try:
                await mailbox.read(driven.patience())
            except CancelledError as error:
                if cancelled is None:  # plain stages have the grace, however often it is cancelled
                    driven.cancel("the awaiting task was cancelled")
                cancelled = error
            driven.tick()
    finally:
        driven.close()
    if cancelled is not None:
        raise cancelled


def ran(
    plan: Plan, settings: RunSettings, context: contextvars.Context, mode: str, *, is_fast: bool
) -> Session:
    """Run to the end in the calling thread; return the session at its end."""
    session = Session(plan, settings, context, mode)
    try:
        _run(session, is_fast=is_fast)
    except KeyboardInterrupt as interruption:
        session.interrupt(interruption)
    return session


def went_on(
    plan: Plan,
    settings: RunSettings,
    context: contextvars.Context,
    record: Columns,
    error: BaseException,
) -> Session:
    """Go on inline after the first exception; return the session at its end."""
    session = Session(plan, settings, context, "inline")
    try:
        if plan.policies and not isinstance(error, KeyboardInterrupt):
            step = resume(session, record, error)
            try:
                _run(session, is_fast=False)
            finally:
                date_back(session.columns, step, record)
        else:
            go_on(session, record, error)
    except KeyboardInterrupt as interruption:
        session.interrupt(interruption)
    return session


def _run(session: Session, *, is_fast: bool) -> None:
    gate, grace = Gate(), session.settings.grace
    session.listen(delays=session.mode == "inline")
    if not _turns_a_loop(session):
        mailbox = Mailbox()
        run_blocking(
            mailbox, gate, grace, lambda: _driven(session, mailbox, gate, None, is_fast=is_fast)
        )
        return
    from stagekit._run.guards.loop_watchdog import watched
    from stagekit._run.loop_mailbox import TurningMailbox

    turning = TurningMailbox()
    try:
        with watched(session, turning.loop):
            run_blocking(
                turning,
                gate,
                grace,
                lambda: _driven(session, turning, gate, turning.loop, is_fast=is_fast),
            )
    finally:
        status = session.columns.status or b""
        turning.close(is_abandoned=bool(session.columns.abandoned) or RUNNING in status)


def _turns_a_loop(session: Session) -> bool:
    """Return whether the calling thread turns an event loop for the async stages of a run.

    In a run that is to be bounded the loop has a thread of its own: the calling thread would wait
    for a stage that blocks the loop.
    """
    settings, plan = session.settings, session.plan
    if 1 not in plan.is_async and not any(p.is_undo_async for p in plan.policies.values()):
        return False
    is_bounded = settings.deadline is not None or settings.cancel is not None
    return settings.mode == "inline" or not is_bounded


async def aran(session: Session, *, is_fast: bool) -> None:
    """Run to the end on the running loop."""
    from asyncio import get_running_loop

    from stagekit._run.guards.loop_watchdog import watched
    from stagekit._run.loop_mailbox import AwaitedMailbox

    loop = get_running_loop()
    mailbox = AwaitedMailbox(loop)
    session.listen(delays=session.mode in {"inline", "asyncio"})
    with watched(session, loop):
        await run_awaiting(
            mailbox, lambda: _driven(session, mailbox, Gate(), loop, is_fast=is_fast)
        )


def _driven(
    session: Session,
    mailbox: Union[Mailbox, TurningMailbox, AwaitedMailbox],
    gate: Gate,
    loop: Optional[asyncio.AbstractEventLoop],
    *,
    is_fast: bool,
) -> Driven:
    """Return what the run loop drives."""
    if not is_fast:
        from stagekit._run.coordinator import Coordinator

        return Coordinator(session, mailbox, gate, loop)
    if session.mode == "inline":
        return FastInline(session, gate)
    if session.mode == "threads" or loop is None:
        from stagekit._run.fast.threads import FastThreads

        return FastThreads(session, mailbox.post)
    from stagekit._run.fast.loop import FastLoop

    return FastLoop(session, mailbox.post, loop)
