"""Resources of a run: which are wanted, open, and free to be closed, one at a time. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, List, Mapping, Optional, Set, Tuple

from stagekit._run.state.actions import AbandonClosing, Close, StopClosing
from stagekit._run.state.agenda import CLOSING, SECOND, Agenda

if TYPE_CHECKING:
    from stagekit._plan.plan import Plan
    from stagekit._plan.policy import Policy
    from stagekit._run.state.limits import Limits

LAST_WORD = SECOND // 4  # that what was told to end has, before it is given up on
LEAST = SECOND // 20  # that each tear-down has, though the grace of the run is used up


class ResourceStates:
    """The resources of one run.

    Args:
        plan: the plan that is run.
        policies: by step, of the steps that have one.
        agenda: takes what is to be done.
        limits: the grace of the run.

    Attributes:
        steps: the steps that are resources.
        opened: those that are open, in order of opening.
        closing: the step that is being torn down, or -1.
        held: those that could be opened, but nobody needs them yet.
        leaked: those that a call may use that was given up on: they are never closed.
        holds: nothing is closed yet.
    """

    def __init__(
        self, plan: Plan, policies: Mapping[int, Policy], agenda: Agenda, limits: Limits
    ) -> None:
        self._plan = plan
        self._policies = policies
        self._agenda = agenda
        self._grace = limits.grace
        self.steps = {step for step, policy in policies.items() if policy.kind == "resource"}
        self.holds = limits.holds
        self.opened: List[int] = []
        self.closing = -1
        self.held: Set[int] = set()
        self.leaked: Set[int] = set()
        self._wanted: Set[int] = set()
        self._end = -1  # when the grace of a cancelled run is over for all tear-downs together
        self._bound = 0  # nanoseconds that the tear-down under way may take
        self._due = -1  # when they are over; -1 for never
        self._timer = -1  # the number of the timer that says so
        self._is_late = False  # the tear-down under way has been told to end
        # by step: how many parents have not ended that are no resources
        self._left: List[int] = []
        if self.steps:
            self._left = [len(set(parents) - self.steps) for parents in plan.parents]
        self._users = {step: len(plan.children[step]) for step in self.steps}

    def begin(self) -> List[int]:
        """Want what nobody uses; return the stages that lack nothing but resources."""
        for step in self.steps:
            if not self._plan.children[step]:
                self._wanted.add(step)
                self.want(step)
        is_other = (step not in self.steps for step in range(len(self._left)))
        return [step for step, is_free in enumerate(is_other) if is_free and not self._left[step]]

    def want(self, step: int) -> None:
        """Want the resources of a step that lacks nothing else, and what they need."""
        stack = [step]
        while stack:
            for parent in self._plan.parents[stack.pop()]:
                if parent in self.steps and parent not in self._wanted:
                    self._wanted.add(parent)
                    if not self._left[parent]:
                        stack.append(parent)

    def may_open(self, step: int) -> bool:
        """Say whether a resource whose parents have ended is to be opened; if not, hold it."""
        if step in self._wanted:
            return True
        self.held.add(step)
        return False

    def freed(self) -> List[int]:
        """Return the resources that were held and are wanted now."""
        if not self.held:
            return []
        found = sorted(self.held & self._wanted)
        self.held.difference_update(found)
        return found

    def unwanted(self) -> List[int]:
        """Return the resources that nobody ever needed."""
        return sorted(self.steps - self._wanted)

    def ended(self, step: int) -> None:
        """Count a step that uses nothing any more: it has ended, or as a resource been closed."""
        for parent in self._plan.parents[step]:
            if parent in self._users:
                self._users[parent] -= 1

    def parent_ended(self, step: int) -> List[int]:
        """Count a step down for its children; return those that lack nothing but resources."""
        ready: List[int] = []
        if step in self.steps:
            return ready
        for child in self._plan.children[step]:
            self._left[child] -= 1
            if not self._left[child] and (child not in self.steps or child in self._wanted):
                ready.append(child)
        return ready

    def leak(self, step: int) -> None:
        """Never close what a call may use that was given up on."""
        stack = [step]
        while stack:
            each = stack.pop()
            if each in self.steps:
                self.leaked.add(each)
            stack += [
                parent
                for parent in self._plan.parents[each]
                if parent in self.steps and parent not in self.leaked
            ]

    @property
    def left_open(self) -> Tuple[int, ...]:
        """The resources that are open, and will never be closed."""
        return tuple([step for step in self.opened if step in self.leaked])

    def next_to_close(self, *, is_quiet: bool) -> int:
        """Return the open resource that was opened last of those without users, or -1.

        Args:
            is_quiet: nothing runs and nothing is about to: there are no users any more.
        """
        if not self.holds:
            for step in reversed(self.opened):
                if step not in self.leaked and (is_quiet or not self._users[step]):
                    return step
        return -1

    # Closing.

    def close_next(self, *, is_quiet: bool, is_cancelled: bool) -> None:
        """Begin to tear down the next resource that may be, where none is being torn down.

        It may take as long as one attempt of its stage. In a run that is cancelled, all tear-downs
        together may take as long as the grace.
        """
        step = self.next_to_close(is_quiet=is_quiet) if self.closing < 0 else -1
        if step < 0:
            return
        self.closing = step
        self.opened.remove(step)
        self._due = -1
        timeout = self._policies[step].timeout
        if is_cancelled:
            self.hurry()
        elif timeout is not None:
            self._bound_closing(int(timeout * SECOND))
        self._agenda.actions.append(Close(step))

    def hurry(self) -> None:
        """Have the grace of the run bound all tear-downs from now on, together."""
        if self.closing >= 0:
            now = self._agenda.now
            if self._end < 0:
                self._end = now + max(self._grace, LAST_WORD)
            self._bound_closing(max(self._end - now, LEAST))

    def _bound_closing(self, bound: int) -> None:
        """Have the tear-down under way take no more than some nanoseconds from now on."""
        due = self._agenda.now + bound
        if self._due < 0 or due < self._due:
            self._due, self._bound = due, bound
            self._timer = self._agenda.number()
            self._agenda.set_timer(bound, CLOSING, self._timer)

    def closing_is_due(self, timer: int) -> bool:
        """Tell a tear-down that takes too long to end; return whether to give up on it."""
        if self.closing < 0 or timer != self._timer:
            return False
        if self._is_late:
            return True
        self._is_late = True
        self._agenda.actions.append(StopClosing(self.closing))
        self._agenda.set_timer(LAST_WORD if self._bound > LEAST else LEAST, CLOSING, timer)
        return False

    def give_up_closing(self) -> int:
        """Wait no longer for the tear-down under way; return its step, or -1 without one."""
        step = self.closing
        if step >= 0:
            self._agenda.actions.append(AbandonClosing(step))
            self.leak(step)
        return step

    def torn_down(self, error: Optional[BaseException]) -> Optional[BaseException]:
        """Take in that the tear-down under way has ended; return what it failed with."""
        if error is not None and self._is_late:
            from stagekit.errors import StageTimeoutError

            late = StageTimeoutError(self._bound / SECOND)
            late.__cause__ = error
            error = late
        step, self.closing, self._is_late = self.closing, -1, False
        self.ended(step)
        return error
