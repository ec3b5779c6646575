"""``RecordingHook``: the events of a run, kept."""

from __future__ import annotations

from stagekit import Hook, Registry, run
from stagekit.events import Event, RunFinished, RunStarted, StageEvent, StageStarted, StageSucceeded
from stagekit.testing import RecordingHook


def test_it_is_a_hook_that_keeps_events_in_order() -> None:
    """Every event of a run is kept, the first and the last being those of the run."""
    registry = Registry()
    registry.add(lambda: 1, id="a")
    registry.add(lambda: 2, id="b", depends_on="a")
    hook = RecordingHook()
    as_hook: Hook = hook
    run(registry=registry, executor="inline", hooks=[as_hook])
    kinds = [type(event) for event in hook.events]
    expected = [RunStarted, *[StageStarted, StageSucceeded] * 2, RunFinished]
    assert expected == kinds


def test_events_can_be_asked_for_by_class() -> None:
    """``of`` filters by class, subclasses included; ``stage_ids`` gives ids in order."""
    registry = Registry()
    registry.add(lambda: 1, id="a")
    hook = RecordingHook()
    run(registry=registry, executor="inline", hooks=[hook])
    assert hook.events == hook.of(Event)
    assert 2 == len(hook.of(StageEvent))
    assert ("a",) == hook.stage_ids(StageSucceeded)


def test_it_can_forget() -> None:
    """After ``clear`` it is as new."""
    hook = RecordingHook()
    hook.on_event(Event("r1", 0.0))
    hook.clear()
    assert () == hook.events
