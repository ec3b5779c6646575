"""``RecordingHook``: remembers the events of runs."""

from __future__ import annotations

from typing import List, Tuple, Type, TypeVar

from stagekit.events import Event, StageEvent

__all__ = ["RecordingHook"]

E = TypeVar("E", bound=Event)
S = TypeVar("S", bound=StageEvent)


class RecordingHook:
    """A hook that keeps every event, in order.

    Example:
        >>> from stagekit import Registry, run
        >>> from stagekit.events import StageSucceeded
        >>> from stagekit.testing import RecordingHook
        >>> registry, hook = Registry(), RecordingHook()
        >>> load = registry.add(lambda: 1, id="load")
        >>> result = run(registry=registry, hooks=[hook])
        >>> hook.stage_ids(StageSucceeded)
        ('load',)
    """

    def __init__(self) -> None:
        self._events: List[Event] = []

    def on_event(self, event: Event, /) -> None:
        """Keep *event*."""
        self._events.append(event)

    @property
    def events(self) -> Tuple[Event, ...]:
        """Every event so far."""
        return tuple(self._events)

    def of(self, kind: Type[E], /) -> Tuple[E, ...]:
        """Return the events of one class, subclasses included."""
        return tuple(event for event in self._events if isinstance(event, kind))

    def stage_ids(self, kind: Type[S], /) -> Tuple[str, ...]:
        """Return the ids of the stages that had an event of this class, in the order of events."""
        return tuple(event.stage_id for event in self.of(kind))

    def clear(self) -> None:
        """Forget all events."""
        self._events.clear()
