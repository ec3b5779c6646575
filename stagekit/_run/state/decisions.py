"""Which calls a decider is asked about, and what it has answered. Pure."""

from __future__ import annotations

from typing import Dict, List, Tuple

from stagekit._run.state.actions import Decide
from stagekit._run.state.agenda import Agenda


class Decisions:
    """The questions of one run that has a decider.

    Attributes:
        asked: the steps, and items of steps, whose answers are awaited, in order.
    """

    def __init__(self, agenda: Agenda, count: int) -> None:
        self._agenda = agenda
        self._is_settled = bytearray(count)  # by step, whether it is to be called
        self.asked: Dict[Tuple[int, int], None] = {}

    def ask(self, step: int, item: int = -1) -> None:
        """Ask about a step or an item, unless that has been done."""
        if (step, item) not in self.asked:
            self.asked[step, item] = None
            self._agenda.actions.append(Decide(step, item))

    def is_settled(self, step: int) -> bool:
        """Return whether a step is to be called."""
        return bool(self._is_settled[step])

    def settle(self, step: int) -> None:
        """Have a step be called."""
        self._is_settled[step] = 1

    def forget(self, step: int) -> None:
        """Wait no longer for answers about the items of a step."""
        for each in [each for each in self.asked if each[0] == step]:
            del self.asked[each]

    def steps(self) -> List[int]:
        """Return the steps that are asked about."""
        return [step for step, item in self.asked if item < 0]
