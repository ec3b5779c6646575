"""Tracebacks for people: their own frames, all causes, nothing that a terminal obeys."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING, Callable, Optional

import pytest

from stagekit._base.frames import is_users
from stagekit._base.tracebacks import raised_at, traceback_lines
from stagekit.errors import Location

if TYPE_CHECKING:
    from tests.cli.conftest import Write


def raised(call: Callable[[], object]) -> BaseException:
    """Return what a call raises."""
    with pytest.raises(BaseException) as caught:  # noqa: PT011 - whatever it is
        call()
    return caught.value


def test_libraries_are_left_out_and_said_to_be() -> None:
    """The last frame shown is the user's; --tb full shows all."""
    error = raised(lambda: json.loads("{"))
    short, full = traceback_lines(error), traceback_lines(error, is_full=True)
    assert not [line for line in short if "decoder.py" in line]
    assert "(what libraries did below is left out; --tb full shows it)" == short[-1]
    assert [line for line in full if "decoder.py" in line]
    assert len(full) > len(short)


def test_an_error_of_a_library_alone_keeps_its_frames() -> None:
    """Where there is no frame of the user's, something is better than nothing."""
    error = raised(lambda: json.loads("{"))
    trace = error.__traceback__
    while trace is not None and is_users(trace.tb_frame.f_code.co_filename):
        trace = trace.tb_next
    lines = traceback_lines(error.with_traceback(trace))
    assert [line for line in lines if "decoder.py" in line]


def chained(depth: int) -> BaseException:
    """Return an error with many causes."""
    error: Optional[BaseException] = None
    for number in range(depth):
        newer = ValueError(number)
        newer.__cause__ = error
        error = newer
    assert error is not None
    return error


def test_a_long_chain_of_causes_is_told() -> None:
    """Deeper than the stack is, and no error of our own."""
    assert "ValueError: 4999" == traceback_lines(chained(5_000))[-1]
    lines = traceback_lines(chained(3))
    assert ["ValueError: 0", "ValueError: 1", "ValueError: 2"] == [
        line for line in lines if line.startswith("ValueError")
    ]


def test_paths_are_short_where_they_can_be(write: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    """Relative to the current folder, below it."""
    path = write("flows/flow.py", "def work():\n    1 / 0\n")
    monkeypatch.chdir(path.parent.parent)
    code = compile(path.read_text(encoding="utf-8"), str(path), "exec")
    names: dict[str, Callable[[], object]] = {}
    exec(code, names)  # noqa: S102 - a module without importing it
    error = raised(names["work"])
    assert f'  File "flows{os.sep}flow.py", line 2, in work' in traceback_lines(error)
    assert Location(str(path), 2) == raised_at(error)


def test_what_is_raised_cannot_command_a_terminal() -> None:
    """Escape sequences and characters that turn text around are shown, not sent."""

    def fail() -> None:
        raise ValueError("\x1b[2J\u202e\r\nnext line")

    lines = traceback_lines(raised(fail))
    assert r"ValueError: \x1b[2J\u202e\r" in lines
    assert "next line" == lines[-1]
