"""The calling thread of a run without a loop: it reads messages until the run is over."""

from __future__ import annotations

from queue import Empty, SimpleQueue
from typing import TYPE_CHECKING, Callable

from stagekit._run.ledger import Ledger, Message

if TYPE_CHECKING:
    from stagekit._run.session import Session

# A wait cannot be interrupted by Ctrl-C on Windows, nor anywhere in its very first instant.
_PATIENCE = 0.2  # seconds


def serve(session: Session, make: Callable[[Callable[[Message], object]], Ledger]) -> Ledger:
    """Run a ledger to its end, as the thread that owns the run.

    The first ``KeyboardInterrupt`` cancels the run: nothing new starts and what runs is waited
    for. The second one ends the wait.
    """
    inbox: SimpleQueue[Message] = SimpleQueue()
    ledger = make(inbox.put)
    is_open = False
    while True:
        try:
            if not is_open:
                is_open = True
                ledger.open()
            _read(inbox, ledger)
        except KeyboardInterrupt as error:
            try:
                _interrupt(session, ledger, error)
            except KeyboardInterrupt:  # while the first one was being obeyed
                ledger.abandon()
        except BaseException:
            ledger.close()
            ledger.join()
            raise
        else:
            return ledger


def _interrupt(session: Session, ledger: Ledger, error: KeyboardInterrupt) -> None:
    if session.interruption is None:
        session.interrupt(error)
        ledger.close()
    else:
        ledger.abandon()


def _read(inbox: SimpleQueue[Message], ledger: Ledger) -> None:
    while not ledger.is_over or (not inbox.empty() and not ledger.is_abandoned):
        try:
            message = inbox.get(timeout=_PATIENCE)
        except Empty:
            continue
        ledger.receive(message)
