"""The attempts of a run: which calls are under way, which wait for another attempt. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Callable, Dict, List, Mapping, Optional, Tuple

from stagekit._run.state.actions import Ended, Stop
from stagekit._run.state.agenda import GRACE, LOST, REASK, RETRY, SECOND, TIMEOUT, Agenda
from stagekit._run.state.columns import (
    BAD_VALUE,
    CRASHED,
    DECIDER_FAILED,
    INTERRUPTED,
    RAISED,
    TIMED_OUT,
)
from stagekit._run.state.slots import Demand

if TYPE_CHECKING:
    from stagekit._base.retry import Retry
    from stagekit._plan.policy import Policy
    from stagekit._run.state.limits import Limits

MOST_CRASHES = 3  # how often a call that killed its worker is tried again at most
REASK_AFTER = SECOND // 10  # how often a call on an event loop is asked to end, until it does
LATE_GRACE = SECOND // 4  # that a call has to end after its time limit, where it hears at once
NO_DEMAND: Demand = ()


class Call:
    """One stage, or one item of an ``Each`` stage, from its first attempt to its last."""

    __slots__ = (
        "attempts",
        "crashes",
        "demand",
        "has_begun",
        "is_late",
        "item",
        "lane",
        "step",
        "why",
    )

    def __init__(self, step: int, item: int) -> None:
        self.step = step
        self.item = item
        self.attempts = 0
        self.crashes = 0
        self.lane = 0
        self.demand: Demand = NO_DEMAND
        self.has_begun = False  # its time limit counts
        self.is_late = False  # its time limit has passed
        self.why = ""  # it has been asked to end, and this is why


def retry_delay(
    retry: Optional[Retry],
    attempts: int,
    error: BaseException,
    how: int,
    chance: Callable[[], float],
    *,
    crashes: int = 0,
) -> Optional[int]:
    """Return after how many nanoseconds a call is made again, or None where it is not.

    The one rule of retries, for stages, items and compensations alike. A value that is not what
    was promised is never tried again, nor one that a decider could not keep; a worker that died or
    a time limit that passed always is.

    Args:
        retry: what was declared.
        attempts: how many attempts have been made.
        error: what the last one ended with.
        how: and how: ``RAISED``, ``TIMED_OUT``, ``CRASHED``, ``BAD_VALUE``, ``DECIDER_FAILED``.
        chance: returns a number from 0 to 1, for the jitter.
        crashes: how many attempts have killed their worker.
    """
    if retry is None or how in {BAD_VALUE, DECIDER_FAILED} or attempts >= retry.attempts:
        return None
    if how == CRASHED and crashes > MOST_CRASHES:
        return None
    if how == RAISED and not retry.accepts(error):
        return None
    return int(retry.delay(attempts, chance()) * SECOND)


class Attempts:
    """Calls from their first attempt to their last.

    Attributes:
        running: by ticket, the calls that are under way.
        open: by step and item, the calls that have begun and have not ended for good.
        waiting: by number of the timer, the calls that wait for the time of another attempt.
    """

    def __init__(self, agenda: Agenda, policies: Mapping[int, Policy], limits: Limits) -> None:
        self._agenda = agenda
        self._policies = policies
        self._limits = limits
        self.running: Dict[int, Call] = {}
        self.open: Dict[Tuple[int, int], Call] = {}
        self.waiting: Dict[int, Call] = {}

    def start(self, step: int, item: int, lane: int, demand: Demand) -> Tuple[int, Call, bool]:
        """Begin an attempt; return its ticket, the call, and whether it is the first one."""
        call = self.open.get((step, item))
        is_first = call is None
        if call is None:
            call = self.open[step, item] = Call(step, item)
        call.lane, call.demand = lane, demand
        call.attempts += 1
        call.has_begun, call.is_late, call.why = False, False, ""
        ticket = self._agenda.number()
        self.running[ticket] = call
        return ticket, call, is_first

    def began(self, ticket: int, at: int) -> None:
        """Have the time limit of a call count from when it began; a second time does nothing."""
        call = self.running.get(ticket)
        if call is None or call.has_begun:
            return
        call.has_begun = True
        limit = self._policies[call.step].timeout
        assert limit is not None  # noqa: S101 - asked for calls with a time limit only
        delay = at - self._agenda.now + int(limit * SECOND)
        self._agenda.set_timer(delay, TIMEOUT, ticket)

    def judged(self, ticket: int, ended: Ended, took: int = 0) -> Ended:
        """Return how an attempt has ended: one whose time limit has passed before has failed.

        Args:
            ticket: of the attempt.
            ended: what became of it.
            took: how many nanoseconds, where nobody could look at the clock meanwhile.
        """
        call = self.running.get(ticket)
        if call is None or ended.how == TIMED_OUT:
            return ended
        policy = self._policies.get(call.step)
        limit = None if policy is None else policy.timeout
        if limit is not None and took >= limit * SECOND and not call.why:
            call.is_late = True
        if not call.is_late:
            return ended
        error = timeout_error(self._policies[call.step])
        if ended.how != INTERRUPTED:
            error.__cause__ = ended.error
        return Ended(None, error, TIMED_OUT)

    def ask(self, ticket: int, call: Call, why: str, grace: Optional[int] = None) -> None:
        """Ask a call to end; after the grace it is forced to, or given up on."""
        if call.why:
            return
        call.why = why
        self._agenda.actions.append(Stop(ticket, force=False, why=why))
        self._agenda.set_timer(self._limits.grace if grace is None else grace, GRACE, ticket)
        if self._limits.reasks[call.lane]:
            self._agenda.set_timer(REASK_AFTER, REASK, ticket)

    def ask_late(self, ticket: int, call: Call) -> None:
        """Ask a call to end whose time limit has passed."""
        call.is_late = not call.why
        grace = self._limits.grace
        if not self._limits.hears_late[call.lane]:
            grace = min(grace, LATE_GRACE)
        self.ask(ticket, call, "timeout", grace)

    def reask(self, ticket: int, call: Call) -> None:
        """Ask a call once more that has not obeyed."""
        self._agenda.actions.append(Stop(ticket, force=False, why=call.why))
        self._agenda.set_timer(REASK_AFTER, REASK, ticket)

    def ask_all(self, why: str, step: int = -1) -> None:
        """Ask all calls to end, or those of one step."""
        for ticket, call in tuple(self.running.items()):
            if step in (-1, call.step):
                self.ask(ticket, call, why)

    def force(self, ticket: int, call: Call) -> bool:
        """End a call that did not obey; return whether that can be done at all."""
        if not self._limits.can_kill[call.lane]:
            return False
        self._agenda.actions.append(Stop(ticket, force=True, why=call.why))
        self._agenda.set_timer(self._limits.grace + SECOND, LOST, ticket)
        return True

    def wait(self, call: Call, delay: int) -> None:
        """Have a call be made again after some nanoseconds."""
        number = self._agenda.number()
        self.waiting[number] = call
        self._agenda.set_timer(delay, RETRY, number)

    def drop_waiting(self, step: int = -1) -> List[Call]:
        """Take out the calls that wait for another attempt, or those of one step."""
        gone = [(n, call) for n, call in self.waiting.items() if step in (-1, call.step)]
        for number, _ in gone:
            del self.waiting[number]
        return [call for _, call in gone]


def timeout_error(policy: Policy) -> BaseException:
    """Return what a stage fails with whose time limit has passed."""
    from stagekit.errors import StageTimeoutError

    return StageTimeoutError(policy.timeout or 0.0)
