"""What the machine of a managed run knows: bounds, calls under way, timers, what is to be done."""

from __future__ import annotations

from heapq import heappush
from typing import TYPE_CHECKING, Callable, Dict, List, Mapping, Optional, Sequence, Tuple

from stagekit._run.state.actions import Action, Stop
from stagekit._run.state.mapped import Fan
from stagekit._run.state.resources import Keeping
from stagekit._run.state.slots import Demand, Queue, Waiting

if TYPE_CHECKING:
    from stagekit._plan.policy import Policy
    from stagekit._run.state.scheduler import Scheduler

SECOND = 1_000_000_000
NAG = SECOND // 10  # how often a call on the loop is told to end, until it does
NO_DEMAND: Demand = ()


class Limits:
    """What bounds a managed run.

    Args:
        capacity: of each lane, how many calls it carries out at once.
        can_kill: of each lane, whether a call there can be ended against its will.
        nags: of each lane, whether a call must be asked to end again and again.
        slots: the capacity of each named slot.
        width: how many calls may be under way in all lanes together; None for any number.
        deadline: when the run is cancelled, in nanoseconds of the machine's clock; None for never.
        grace: nanoseconds between asking a call to end and ending it, or giving up on it.
        holds: resources stay open until ``let_go``, for compensations that use them.
    """

    def __init__(  # noqa: PLR0913 - by keyword, each a bound of its own
        self,
        *,
        capacity: Sequence[int],
        can_kill: Sequence[bool],
        nags: Sequence[bool],
        slots: Mapping[str, int],
        width: Optional[int] = None,
        deadline: Optional[int] = None,
        grace: int = 10 * SECOND,
        holds: bool = False,
    ) -> None:
        self.capacity = capacity
        self.can_kill = can_kill
        self.nags = nags
        self.slots = slots
        self.width = width
        self.deadline = deadline
        self.grace = grace
        self.holds = holds


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


class State:
    """The data of a machine, and what changes it without judging.

    Args:
        scheduler: the state of the graph, with one lane.
        policies: by step, of the steps that have one.
        lanes: of each step, what carries it out.
        limits: what bounds the run.
        on_failure: ``"stop"``, ``"continue"`` or ``"cancel"``.
        chance: returns a number from 0 to 1, for the jitter of retries.
        plain: of each step, whether its call may follow another one in its place: see ``go_on``.

    Attributes:
        running: by ticket, the calls under way.
        cancelled: why the run was cancelled, or "".
        is_halted: no call follows another: one has failed, which will stop the run.
        abandoned: the steps of calls that were given up on, in that order.
    """

    def __init__(  # noqa: PLR0913 - by keyword, but for the first ones
        self,
        scheduler: Scheduler,
        policies: Mapping[int, Policy],
        lanes: Sequence[int],
        limits: Limits,
        *,
        on_failure: str = "stop",
        chance: Callable[[], float] = lambda: 0.5,
        plain: Optional[Sequence[int]] = None,
    ) -> None:
        self.scheduler = scheduler
        self.policies = policies
        self.lanes = lanes
        self.limits = limits
        self.on_failure = on_failure
        self.chance = chance
        self.plain = bytes(len(lanes)) if plain is None else plain
        self.now = 0
        self.queue = Queue(limits.capacity, limits.slots, limits.width)
        resources = {step for step, policy in policies.items() if policy.kind == "resource"}
        self.keeping = Keeping(scheduler.plan, resources)
        self.keeping.holds = limits.holds
        self.running: Dict[int, Call] = {}
        self.cancelled = ""
        self.is_halted = False
        self.abandoned: List[int] = []
        self.calls: Dict[Tuple[int, int], Call] = {}  # by step and item: begun, and not ended
        self.fans: Dict[int, Fan] = {}
        self.expanding: List[int] = []  # stages whose items are being made
        self.backing: Dict[int, Call] = {}  # by number of the timer: waiting for another attempt
        self.timers: List[Tuple[int, int, str, int]] = []  # time, serial, kind, what it is about
        self.actions: List[Action] = []
        # In order: steps whose ends are decided; ~step, when a step has followed another; and the
        # step of an item that has ended, beyond the number of steps.
        self.decided: List[int] = []
        self._serial = 0

    def number(self) -> int:
        """Return a number that no ticket or timer has yet."""
        self._serial += 1
        return self._serial

    def set_timer(self, delay: int, kind: str, which: int) -> None:
        """Have *kind* be due after some nanoseconds."""
        heappush(self.timers, (self.now + delay, self.number(), kind, which))

    def push(self, step: int, item: int) -> None:
        """Queue a call."""
        policy = self.policies.get(step)
        demand: Demand = NO_DEMAND if policy is None else policy.slots
        waiting: Waiting = (self.scheduler.rank[step], item, step)
        is_patient = policy is None or (policy.timeout is None and policy.kind != "resource")
        self.queue.push(waiting, self.lanes[step], demand, is_patient=is_patient)

    def ask(self, ticket: int, call: Call, why: str, grace: int) -> None:
        """Ask a call to end, and mean it after the grace."""
        if call.why:
            return
        call.why = why
        self.actions.append(Stop(ticket, force=False, why=why))
        self.set_timer(grace, "grace", ticket)
        if self.limits.nags[call.lane]:
            self.set_timer(NAG, "nag", ticket)

    def ask_all(self, why: str) -> None:
        """Ask all that runs to end."""
        for ticket, call in tuple(self.running.items()):
            self.ask(ticket, call, why, self.limits.grace)

    @property
    def is_ending(self) -> bool:
        """Whether what runs is to end: nothing is tried again."""
        return bool(self.cancelled) or (self.on_failure == "cancel" and self.scheduler.is_stopped)

    @property
    def is_backing_off(self) -> bool:
        """Whether calls wait for the time of another attempt, and nothing else is under way."""
        is_busy = self.running or self.expanding or self.keeping.closing >= 0
        return bool(self.backing) and not is_busy

    @property
    def is_quiet(self) -> bool:
        """Whether nothing runs and nothing is about to."""
        return not (self.running or self.backing or self.queue.count or self.expanding)
