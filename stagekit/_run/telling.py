"""Notifier the hooks of a managed run what has happened, in the order in which it was decided."""

from __future__ import annotations

from typing import TYPE_CHECKING, Optional

from stagekit._run.state.agenda import SECOND

if TYPE_CHECKING:
    from threading import Lock

    from stagekit._run.backends.placement import Placement
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
        lanes: know the names of workers.
        items: know how many there are.
        lock: guards the state.
    """

    def __init__(
        self, session: Session, state: RunState, placement: Placement, items: MapItems, lock: Lock
    ) -> None:
        self._session = session
        self._state = state
        self._placement = placement
        self._items = items
        self._lock = lock
        self._counting: Optional[Counting] = None
        self._told = 0  # how many of the state's decided steps

    def ends(self) -> None:
        """Tell which stages have ended since, and which have followed others."""
        session, decided = self._session, self._state.decided
        if session.hooks is not None:
            with self._lock:
                known = len(decided)
            while self._told < known:
                self._told += 1
                step = decided[self._told - 1]
                if step < 0:
                    self._follows(~step)
                elif step >= len(session.plan):
                    self._item_ended(step - len(session.plan))
                else:
                    session.tell(step)
        session.tell_settled()

    def _follows(self, step: int) -> None:
        columns = self._session.columns
        assert columns.starts is not None  # noqa: S101 - a scheduler has all columns
        hooks = self._session.hooks
        assert hooks is not None  # noqa: S101 - asked by the caller
        hooks.begin_on(step, 1, hooks.worker(step), columns.starts[step])

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
