"""Problems and places: frozen records that can be compared, pickled and read."""

from __future__ import annotations

import os
import pickle
from pathlib import Path

import pytest

from stagekit.errors import Code, Location, PlanError, Problem, RunAtImportError, TargetError


def test_a_place_is_short_where_it_is_near(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Below the current folder it is relative, elsewhere absolute."""
    monkeypatch.chdir(tmp_path)
    inside = Location(str(tmp_path / "shop" / "flow.py"), 3)
    assert f"{Path('shop') / 'flow.py'}:3" == str(inside)
    outside = Location(os.__file__, 1)
    assert f"{outside.file}:1" == str(outside)


def test_a_place_is_shown_even_without_a_current_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A folder that was removed under the process does not hide the message."""
    gone = tmp_path / "gone"
    gone.mkdir()
    monkeypatch.chdir(gone)
    try:
        gone.rmdir()
    except OSError:
        pytest.skip("this system does not remove a current folder")
    assert "relative.py:3" == str(Location("relative.py", 3))


def test_places_are_equal_if_file_and_line_are() -> None:
    """They serve as keys, and travel between processes."""
    one, same, other = Location("a.py", 3), Location("a.py", 3), Location("a.py", 4)
    assert one == same
    assert hash(one) == hash(same)
    assert one != other
    assert one != "a.py:3"
    assert one == pickle.loads(pickle.dumps(one))  # noqa: S301 - our own bytes
    assert "Location('a.py', 3)" == repr(one)


def test_a_problem_shows_code_place_notes_and_fixes() -> None:
    """One line each, in this order."""
    problem = Problem(
        Code.CYCLE,
        "they wait",
        stage_id="a",
        location=Location("/nowhere/shop.py", 3),
        notes=("because",),
        fixes=("stop",),
        path=("a", "a"),
    )
    assert "SK203: they wait (/nowhere/shop.py:3)\n    because\n    fix: stop" == str(problem)
    assert "<Problem SK203 a: they wait>" == repr(problem)


def test_problems_and_plan_errors_travel_between_processes() -> None:
    """Pickled and read again they are equal, and show the same text."""
    problem = Problem(Code.NO_KEY, "nothing fills it", location=Location("a.py", 1))
    error = PlanError((problem, problem))
    again = pickle.loads(pickle.dumps(error))  # noqa: S301 - our own bytes
    assert (problem, problem) == again.problems
    assert str(error) == str(again)
    assert str(error).startswith("2 problems in the plan:\n")
    assert problem != "nothing fills it"
    assert hash(problem) == hash(again.problems[0])


def test_errors_of_the_command_line_say_what_to_do() -> None:
    """Caught in code, they read as they do at the terminal: what was wrong, then the fixes."""
    error = TargetError(Code.MODULE_NOT_FOUND, "shpo", "no module `shpo`", ("shop", "shops"))
    again = pickle.loads(pickle.dumps(error))  # noqa: S301 - our own bytes
    assert "no module `shpo`\n    fix: shop\n    fix: shops" == str(error) == str(again)
    assert (Code.MODULE_NOT_FOUND, "shpo") == (again.code, again.target)
    assert str(RunAtImportError()).endswith('put the call below:  if __name__ == "__main__":')
