"""Hosting an event loop for ``run()``: made in the calling thread for one run, closed after it."""

from __future__ import annotations

import asyncio
import signal
import threading
from typing import TYPE_CHECKING, Any, Callable, List, Optional, Tuple

from stagekit._run.attempt import invoke
from stagekit._run.fast.inline import walk
from stagekit._run.fast.loop import Branches
from stagekit._run.guards.loop_watchdog import LoopWatch

if TYPE_CHECKING:
    from types import FrameType

    from stagekit._plan.slots import Call
    from stagekit._run.ledger import Ledger, Message
    from stagekit._run.session import Session


def host(session: Session, make: Callable[[Callable[[Message], object]], Ledger]) -> None:
    """Run the branches of a session on a loop of its own.

    The first Ctrl-C cancels the run, and what runs is waited for; the second one ends the wait.

    Raises:
        BaseException: the defect of ours that ended the run.
    """
    loop = asyncio.new_event_loop()
    made: List[Branches] = []

    async def main() -> None:
        made.append(Branches(session, make))
        await made[0].run()

    interrupts = _Interrupts(lambda: _interrupt(loop, made))
    try:
        with interrupts, LoopWatch(session.plan, session.settings.notices).on(loop):
            _drive(loop, loop.create_task(main()), session, made)
    finally:
        _close(loop, is_abandoned=bool(made) and made[0].ledger.is_abandoned)
    for branches in made:  # none where Ctrl-C came before they were made
        branches.ledger.check()


def _drive(
    loop: asyncio.AbstractEventLoop,
    task: asyncio.Task[None],
    session: Session,
    made: List[Branches],
) -> None:
    while True:
        try:
            loop.run_until_complete(task)
        except asyncio.CancelledError:  # a stage has cancelled every task of the loop
            return
        except KeyboardInterrupt as error:
            if session.interruption is not None or not made:
                for branches in made:
                    branches.abandon()
                session.interrupt(error)
                return
            made[0].interrupt(error)
        else:
            return


def _interrupt(loop: asyncio.AbstractEventLoop, made: List[Branches]) -> None:
    def interrupt() -> None:
        for branches in made:
            branches.interrupt(KeyboardInterrupt())

    loop.call_soon_threadsafe(interrupt)


class _Interrupts:
    """Has the first Ctrl-C obeyed between two callbacks of the loop, not in the middle of one.

    Nothing is changed outside the main thread, or where a program handles Ctrl-C itself.
    """

    def __init__(self, interrupt: Callable[[], None]) -> None:
        self._interrupt = interrupt
        self._is_on = False
        self._has_come = False

    def __enter__(self) -> None:
        is_main = threading.current_thread() is threading.main_thread()
        if is_main and signal.getsignal(signal.SIGINT) is signal.default_int_handler:
            signal.signal(signal.SIGINT, self._handle)
            self._is_on = True

    def __exit__(self, *_: object) -> None:
        if self._is_on and signal.getsignal(signal.SIGINT) == self._handle:
            signal.signal(signal.SIGINT, signal.default_int_handler)

    def _handle(self, _number: int, _frame: Optional[FrameType]) -> None:
        if self._has_come:
            raise KeyboardInterrupt
        self._has_come = True
        self._interrupt()


def _close(loop: asyncio.AbstractEventLoop, *, is_abandoned: bool) -> None:
    """Close a loop as ``asyncio.run`` does: tasks that stages left behind are cancelled."""
    try:
        left = asyncio.all_tasks(loop)
        for task in left:
            task.cancel()
        if is_abandoned:
            _forget(loop, left)
            return
        if left:
            loop.run_until_complete(asyncio.wait(left))
        loop.run_until_complete(loop.shutdown_asyncgens())
        shutdown_executor = getattr(loop, "shutdown_default_executor", None)  # from 3.9 on
        if shutdown_executor is not None:  # pragma: no branch - not on 3.8
            loop.run_until_complete(shutdown_executor())
    finally:
        loop.close()


def _forget(
    loop: asyncio.AbstractEventLoop, left: Any
) -> None:  # Any: a set of tasks of any result
    """Give cancelled tasks one turn to end, and say nothing of those that do not."""
    loop.run_until_complete(asyncio.sleep(0))
    for task in left:
        task._log_destroy_pending = False  # noqa: SLF001 - as asyncio's own gather does


def host_inline(session: Session) -> None:
    """Carry a run out one stage at a time, with a loop of its own for async ones."""
    loop = asyncio.new_event_loop()
    try:
        for step in walk(session):
            outcome: _Outcome = []
            task = _start(loop, session, step, outcome)
            try:
                loop.run_until_complete(task)
            except asyncio.CancelledError:  # the stage has asked for it; its outcome counts
                pass
            except KeyboardInterrupt as error:  # while no code of the stage ran
                session.interrupt(error)
                task.cancel()
                loop.run_until_complete(asyncio.wait([task]))
            _record(session, step, outcome)
    finally:
        _close(loop, is_abandoned=False)


async def await_inline(session: Session) -> None:
    """Carry a run out one stage at a time on the running loop, plain stages too.

    Raises:
        asyncio.CancelledError: the awaiting task was cancelled; the run has been, too.
    """
    loop = asyncio.get_running_loop()
    cancelled: Optional[asyncio.CancelledError] = None
    for step in walk(session):
        outcome: _Outcome = []
        task = _start(loop, session, step, outcome)
        while not task.done():
            try:
                await asyncio.wait([task])
            except asyncio.CancelledError as error:
                cancelled = error
                session.interrupt()
                task.cancel()
        _record(session, step, outcome)
    if cancelled is not None:
        raise cancelled


# Whether a stage returned, and its value or exception; nothing where it could not begin.
_Outcome = List[Tuple[bool, Any]]


def _start(
    loop: asyncio.AbstractEventLoop, session: Session, step: int, outcome: _Outcome
) -> asyncio.Task[None]:
    call = session.plan.calls[step]
    stage = _await(call, session.columns.values, outcome)
    return session.context.copy().run(loop.create_task, stage)


async def _await(call: Call, values: List[Any], outcome: _Outcome) -> None:
    try:
        outcome.append((True, await invoke(call, values)))
    except BaseException as error:  # noqa: BLE001 - the session judges it
        outcome.append((False, error))


def _record(session: Session, step: int, outcome: _Outcome) -> None:
    has_returned, value = outcome[0] if outcome else (False, asyncio.CancelledError())
    if has_returned:
        session.returned(step, value)
    elif session.cancels and isinstance(value, asyncio.CancelledError):
        session.cancelled(step, value)
        session.tell(step)
    else:
        session.raised(step, value)
