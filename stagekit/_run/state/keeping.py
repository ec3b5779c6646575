"""Which values of a run are kept, and when the others are let go of: ``run(keep=...)``. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Dict, FrozenSet, List

from stagekit._base.released import Released, released
from stagekit._base.value_text import short_text

if TYPE_CHECKING:
    from stagekit._plan.plan import Plan
    from stagekit._run.state.columns import Columns

_MOST_NAMED = 5


class Keeping:
    """Lets go of each value as soon as the last stage that uses it has ended.

    Args:
        plan: what is run.
        columns: the record of the run.
        kept: the steps whose values are kept.
        waits: undoing may need any value, so that all are held until the run is over.
    """

    def __init__(
        self, plan: Plan, columns: Columns, kept: FrozenSet[int], *, waits: bool = False
    ) -> None:
        self._plan = plan
        self._columns = columns
        self._kept = kept
        self._waits = waits
        names = ", ".join(repr(plan.order[step]) for step in sorted(kept)[:_MOST_NAMED])
        self._kept_text = names + (" and others" if len(kept) > _MOST_NAMED else "")
        self._uses = [
            {step for binding in bindings for step in binding.providers}
            for bindings in plan.bindings
        ]
        self._users = [0] * len(plan)
        for uses in self._uses:
            for step in uses:
                self._users[step] += 1
        self._has_ended = bytearray(len(plan))

    def ended(self, step: int) -> None:
        """Take in that a step has ended, whatever its outcome."""
        if self._has_ended[step] or self._waits:
            return
        self._has_ended[step] = 1
        for parent in self._uses[step]:
            self._users[parent] -= 1
            if not self._users[parent] and self._has_ended[parent]:
                self._let_go(parent)
        if not self._users[step]:
            self._let_go(step)
        self._let_go_items(step)

    def finish(self) -> None:
        """Let go of what is left: the run is over."""
        for step in range(len(self._plan)):
            self._let_go(step)
            self._let_go_items(step)

    def _let_go(self, step: int) -> None:
        values, slot = self._columns.values, self._plan.constants + step
        value = values[slot]
        if step not in self._kept and value is not None and type(value) is not Released:
            values[slot] = released(value, self._why(step))

    def _why(self, step: int) -> str:
        stage = self._plan.order[step]
        return (
            f"stage {stage!r} has no value any more: the run kept those of "
            f'{self._kept_text or "no stage"}; write keep="all" or keep=[{stage!r}]'
        )

    def _let_go_items(self, step: int) -> None:
        """Keep of the items of a stage the texts of those that have failed."""
        lists = self._columns.item_lists.get(step)
        if not lists:
            return
        failed = self._columns.items[step].failed if step in self._columns.items else {}
        for name, items in lists.items():
            lists[name] = _texts(items, failed)


def _texts(items: List[Any], failed: Dict[int, Any]) -> List[Any]:
    """Return what stands for items; those of one type have one that stands for them."""
    known: Dict[Any, Released] = {}
    found: List[Any] = []
    for number, item in enumerate(items):
        kind: Any = type(item)  # pyright: ignore[reportUnknownVariableType]  # of any types
        if kind is Released or kind is Written:
            found.append(item)
        elif number in failed:
            found.append(Written(short_text(item)))
        else:
            if kind not in known:
                known[kind] = released(item, "")
            found.append(known[kind])
    return found


class Written:
    """Stands for an item that is gone: its short text."""

    __slots__ = ("text",)

    def __init__(self, text: str) -> None:
        self.text = text

    def __repr__(self) -> str:
        return self.text
