"""Resources of a run: opened when a first stage needs them, closed after their last user."""

from __future__ import annotations

from typing import TYPE_CHECKING, List, Set, Tuple

if TYPE_CHECKING:
    from stagekit._plan.plan import Plan


class Keeping:
    """Which resources are wanted, open, and free to be closed. Pure.

    Args:
        plan: the plan that is run.
        resources: its steps that are resources.
    """

    def __init__(self, plan: Plan, resources: Set[int]) -> None:
        self.plan = plan
        self.resources = resources
        self.wanted: Set[int] = set()
        self.opened: List[int] = []  # in order of opening, still open
        self.closing = -1  # one at a time
        self.bound = 0  # nanoseconds that it may take
        self.due = -1  # when that is over; -1 for never
        self.timer = -1  # number of the timer that says so
        self.is_late = False  # it has been told to end
        self.leaked: Set[int] = set()  # may be in use by a call that was given up on
        self.holds = False  # nothing is closed yet
        self.told = 0  # how many skipped steps have been told
        self.held: Set[int] = set()  # could be opened, but nobody needs them yet
        # by step: how many parents have not ended that are no resources
        self._left: List[int] = []
        if resources:
            self._left = [len(set(parents) - resources) for parents in plan.parents]
        self._users = {step: len(plan.children[step]) for step in resources}

    def begin(self) -> None:
        """Want what a stage without other needs, or nobody, asks for."""
        if not self.resources:
            return
        for step, left in enumerate(self._left):
            if not left and step not in self.resources:
                self.want(step)
        for step in self.resources:
            if not self.plan.children[step]:
                self.wanted.add(step)
                self.want(step)

    def want(self, step: int) -> None:
        """Want the resources of a step that lacks nothing else, and what they need."""
        stack = [step]
        while stack:
            for parent in self.plan.parents[stack.pop()]:
                if parent in self.resources and parent not in self.wanted:
                    self.wanted.add(parent)
                    if not self._left[parent]:
                        stack.append(parent)

    def may_open(self, step: int) -> bool:
        """Say whether a resource whose parents have ended is to be opened; if not, hold it."""
        if step in self.wanted:
            return True
        self.held.add(step)
        return False

    def freed(self) -> List[int]:
        """Return the resources that were held and are wanted now."""
        if not self.held:
            return []
        found = sorted(self.held & self.wanted)
        self.held.difference_update(found)
        return found

    def unwanted(self) -> List[int]:
        """Return the resources that nobody ever needed."""
        return sorted(self.resources - self.wanted)

    def ended(self, step: int) -> None:
        """Count a step that uses nothing any more: it has ended, or as a resource been closed."""
        for parent in self.plan.parents[step]:
            if parent in self._users:
                self._users[parent] -= 1

    def parent_ended(self, step: int) -> List[int]:
        """Count a step down for its children; return those that lack nothing but resources."""
        ready: List[int] = []
        if step in self.resources:
            return ready
        for child in self.plan.children[step]:
            self._left[child] -= 1
            if not self._left[child] and (child not in self.resources or child in self.wanted):
                ready.append(child)
        return ready

    def leak(self, step: int) -> None:
        """Never close what a call may use that was given up on."""
        stack = [step]
        while stack:
            each = stack.pop()
            if each in self.resources:
                self.leaked.add(each)
            stack += [
                parent
                for parent in self.plan.parents[each]
                if parent in self.resources and parent not in self.leaked
            ]

    @property
    def left_open(self) -> Tuple[int, ...]:
        """The resources that are open, and will never be closed."""
        return tuple([step for step in self.opened if step in self.leaked])

    def next_to_close(self, *, quiet: bool) -> int:
        """Return the open resource that was opened last of those without users, or -1.

        Args:
            quiet: nothing runs and nothing is about to: there are no users any more.
        """
        if not self.holds:
            for step in reversed(self.opened):
                if step not in self.leaked and (quiet or not self._users[step]):
                    return step
        return -1
