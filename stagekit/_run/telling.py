"""Notifies the hooks of a run of what has happened, in the order in which it was decided."""

from __future__ import annotations

from typing import TYPE_CHECKING, Optional

from stagekit._run.state.agenda import SECOND

if TYPE_CHECKING:
    from stagekit._run.counting import Counting
    from stagekit._run.in_flight import Said
    from stagekit._run.map_items import MapItems
    from stagekit._run.session import Session
    from stagekit._run.state.actions import Retrying, Start
    from stagekit._run.state.run_state import RunState


class Notifier:
    """What hooks are told, on the thread that owns the run.

    Args:
        session: the run.
        state: what decides.
        items: know how many there are.
    """

    def __init__(self, session: Session, state: RunState, items: MapItems) -> None:
        self._session = session
        self._state = state
        self._items = items
        self._counting: Optional[Counting] = None
        self._count = len(session.plan)
        self._told = 0  # how many of the state's decided steps

    def ends(self) -> None:
        """Tell which stages have ended since, and which have followed others."""
        hooks = self._session.hooks
        if hooks is None:
            return
        decided, count = self._state.decided, self._count
        while self._told < len(decided):  # it only grows, and whoever adds to it has a lock
            step = decided[self._told]
            self._told += 1
            if step < 0:
                hooks.begin(~step)
            elif step >= count:
                self._item_ended(step - count)
            else:
                hooks.stage(step)
                self._session.tell_settled()
        self._session.tell_settled()

    def retry(self, retrying: Retrying) -> None:
        """Tell that an attempt has failed, and that another follows."""
        if self._session.hooks is not None:
            item = None if retrying.item < 0 else retrying.item
            self._session.hooks.retrying(
                retrying.step, retrying.attempt, retrying.delay / SECOND, retrying.error, item
            )

    def progress(self, start: Start, said: Said) -> None:
        """Tell how far a call says it has come."""
        if self._session.hooks is not None:
            item = None if start.item < 0 else start.item
            self._session.hooks.progress(start.step, start.attempt, said, item)

    def _item_ended(self, step: int) -> None:
        if self._session.hooks is not None:
            if self._counting is None:
                from stagekit._run.counting import Counting  # only with hooks

                self._counting = Counting(self._session.hooks)
            self._counting.ended(step, self._items.count(step))
