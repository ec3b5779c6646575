"""What is told of a stage whose own run cannot be planned, or fails."""

from __future__ import annotations

import inspect
from pathlib import Path

import pytest

from stagekit import PlanError, Registry, RunFailedError, run


class Orders:
    """What nothing provides."""


class Users:
    """Neither this."""


def needy() -> Registry:
    """Return a registry that cannot be planned, for two reasons."""
    registry = Registry()

    @registry.stage
    def total(orders: Orders) -> None: ...
    @registry.stage
    def count(users: Users) -> None: ...

    return registry


def here(line: int) -> str:
    """Return this file with a line of it, as places are written."""
    return f"{Path(__file__).name}:{line}"


def test_a_run_in_a_stage_that_cannot_be_planned_is_told_at_the_users_line() -> None:
    """The place is the line that calls ``run``, not ours; one line has the first problem."""
    outer, inner = Registry(), needy()

    @outer.stage
    def report() -> None:
        run(registry=inner)

    with pytest.raises(RunFailedError) as caught:
        run(report, registry=outer)
    (line,) = [each for each in str(caught.value).split("\n") if "report" in each]
    called = inspect.getsourcelines(report)[1] + 2
    assert here(called) in line
    assert "PlanError: 2 problems in the plan: SK201: nothing provides `Orders`" in line
    assert "\\n" not in line
    cause = caught.value.__cause__
    assert isinstance(cause, PlanError)
    assert ["SK201", "SK201"] == [each.code.value for each in cause.problems]


def test_a_run_in_a_stage_that_fails_is_told_with_its_first_failure() -> None:
    """Which stage of the inner run failed, and where, stands on the line of the outer one."""
    outer, inner = Registry(), Registry()

    @inner.stage
    def load() -> None:
        raise ValueError("no rows")

    @outer.stage
    def report() -> None:
        run(registry=inner)

    with pytest.raises(RunFailedError) as caught:
        run(report, registry=outer)
    (line,) = [each for each in str(caught.value).split("\n") if "report" in each]
    failed = here(inspect.getsourcelines(load)[1] + 2)
    assert "1 stage failed: " in line
    assert f"{failed}  ValueError: no rows" in line
