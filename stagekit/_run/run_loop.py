"""The run loop: the owner of a run reads messages, and asks for what is due between them.

There is one loop with two ways to wait, for a thread (``run_blocking``) and for a coroutine
(``run_awaiting``). It drives anything that is ``Driven``: the coordinator, or a hot loop.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Callable, Optional, Protocol, Union

from stagekit._run.interrupts import Gate, Interrupts

if TYPE_CHECKING:
    from stagekit._run.loop_mailbox import AwaitedMailbox, TurningMailbox
    from stagekit._run.mailbox import Mailbox


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
