"""Whose a frame is, by its file; and the place where an error was raised."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

import stagekit
from stagekit._base.frames import is_ours, is_users, raised_at, shortened, user_frames


def test_frames_are_distinguished_by_their_files(tmp_path: Path) -> None:
    """Ours, those of Python, installed ones and generated ones are none of the user's."""
    own = str(tmp_path / "flow.py")
    assert (True, False) == (is_users(own), is_ours(own))
    assert (False, True) == (is_users(stagekit.__file__), is_ours(stagekit.__file__))
    assert not is_users(json.__file__)
    assert not is_users(pytest.__file__)
    assert not is_users("<frozen importlib._bootstrap>")
    assert not is_users("<string>")
    assert is_users("<ipython-input-3>")


def raised(source: str, file: str) -> Exception:
    """Return what some source raises that is compiled as if it stood in a file."""
    try:
        exec(compile(source, file, "exec"), {"json": json})  # noqa: S102 - our own source
    except Exception as error:  # noqa: BLE001 - whatever it is
        trace = error.__traceback__
        return error.with_traceback(trace and trace.tb_next)
    raise AssertionError("nothing was raised")


def test_the_place_of_an_error_is_the_innermost_frame_of_the_user() -> None:
    """What a library did below is not the place to look at."""
    error = raised("def look():\n    json.loads('{')\n\nlook()", "<doctest>")
    assert "<doctest>:2" == str(raised_at(error))
    assert ["<module>", "look"] == [name for _, name in user_frames(error)]


def test_generated_code_is_the_place_only_where_there_is_no_other() -> None:
    """In ``python -c`` all of the user's code is generated."""
    assert "<string>:2" == str(raised_at(raised("\njson.loads('{')", "<string>")))
    nested = "exec(compile('1/0', '<string>', 'exec'))"
    assert "<doctest>:1" == str(raised_at(raised(nested, "<doctest>")))


def test_an_error_of_libraries_alone_has_no_place() -> None:
    """Neither a frame of Python nor none at all is a place of the user's."""
    error = raised("json.loads('{')", "<doctest>")
    trace = error.__traceback__
    assert raised_at(error.with_traceback(trace and trace.tb_next)) is None
    assert raised_at(ValueError()) is None


@pytest.mark.parametrize("file", ["<frozen importlib._bootstrap>", json.__file__])
def test_ctrl_c_shows_nothing_of_python_itself(file: str) -> None:
    """It may come while a module is imported, or while a lock is waited for."""
    with pytest.raises(KeyboardInterrupt) as caught:
        exec(compile("raise KeyboardInterrupt", file, "exec"), {})  # noqa: S102 - our own source
    inner = caught.value.__traceback__
    assert inner is not None
    ctrl_c = caught.value.with_traceback(inner.tb_next)
    assert ctrl_c is shortened(ctrl_c)
    assert ctrl_c.__traceback__ is None
