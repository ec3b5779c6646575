"""The table of outcomes, and what stands on it."""

from __future__ import annotations

from stagekit._base.outcome import OUTCOME_TABLE, OUTCOMES, REASONS, Outcome, Reason
from stagekit._run.state import columns
from stagekit.events import ENDING_EVENTS


def test_every_outcome_has_a_row() -> None:
    """Each has its words, and no two share a status."""
    assert set(Outcome) == set(OUTCOME_TABLE)
    statuses = [row.status for row in OUTCOME_TABLE.values()]
    assert sorted(set(statuses)) == sorted(statuses) == sorted(OUTCOMES)


def test_statuses_are_those_of_the_columns() -> None:
    """The number of an outcome is that of its name in the columns of a run."""
    assert {outcome.name: status for status, outcome in OUTCOMES.items()} == {
        outcome.name: getattr(columns, outcome.name) for outcome in OUTCOMES.values()
    }


def test_reasons_are_those_of_the_columns() -> None:
    """The place of a reason is its number in the columns, and belongs to one outcome."""
    assert [(reason.name, number) for number, reason in enumerate(REASONS)] == [
        (reason.name, getattr(columns, reason.name)) for reason in Reason
    ]
    told = [reason for row in OUTCOME_TABLE.values() for reason in row.reasons]
    assert sorted(reason.name for reason in told) == sorted(reason.name for reason in Reason)


def test_every_outcome_of_a_run_has_its_event() -> None:
    """Hooks hear of each stage how it ended."""
    assert set(OUTCOMES.values()) == set(ENDING_EVENTS)
    assert all(kind.outcome is outcome for outcome, kind in ENDING_EVENTS.items())
