"""How a problem looks: the excerpt, the caret below what is meant, notes and help."""

from __future__ import annotations

import textwrap
from pathlib import Path
from typing import TYPE_CHECKING, Optional

import pytest

from stagekit._base.problem import Cause
from stagekit.cli import ExitCode
from stagekit.cli.errors import report_of
from stagekit.cli.output import Style
from stagekit.cli.show_problem import show_problem, show_problems
from stagekit.cli.source_span import span_of
from stagekit.errors import (
    Code,
    InternalError,
    Location,
    MissingExtraError,
    Problem,
    RunningLoopError,
    UsageError,
)

if TYPE_CHECKING:
    from tests.cli.conftest import Write

ASCII = Style(has_unicode=False)


@pytest.fixture(autouse=True)
def _folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def meant(
    text: str, line: int, parameter: Optional[str] = None, code: Code = Code.MISSING_PROVIDER
) -> str:
    """Return the text below which the caret stands."""
    path = Path("flow.py")
    path.write_text(textwrap.dedent(text), encoding="utf-8")
    span = span_of(
        Problem(code, "", location=Location(str(path.resolve()), line), parameter=parameter),
        ("dependson is no option",),
    )
    assert span is not None
    return path.read_text(encoding="utf-8").split("\n")[span.line - 1][span.start : span.end]


@pytest.mark.parametrize(
    ("text", "line", "parameter", "expected"),
    [
        ("def f(a: int, b: 'list[str]' = 3) -> None: ...", 1, "b", "b: 'list[str]'"),
        ("def f(\n    a: int,\n    *,\n    b: str,\n): ...", 1, "b", "b: str"),
        ("async def f(a: int, /, b: str): ...", 1, "a", "a: int"),
        ("@stage\n@other(1)\ndef f(a: int): ...", 3, "a", "a: int"),
        ("def f(*args: int, **rest: str): ...", 1, "rest", "rest: str"),
        ("class F:\n    def __init__(self, a: int): ...", 1, "a", "a: int"),
        ("class F:\n    a: int\n    b: str = ''", 1, "b", "b: str = ''"),
        ("class F:\n    def __call__(self, a: int): ...", 2, "a", "a: int"),
        ("größe = 1\ndef f(ü: int, a: str): ...", 2, "a", "a: str"),
        ("f = lambda a: a", 1, "a", "a"),
        ("def f(a: Dict[\n    str, int\n]): ...", 1, "a", "a: Dict["),
        ("def f(a: int: ...", 1, "a", "a"),
        ("def f(): ...", 1, None, "f"),
        ("class F: ...", 1, None, "F"),
    ],
)
def test_the_caret_stands_below_the_parameter(
    text: str, line: int, parameter: Optional[str], expected: str
) -> None:
    """With its annotation, wherever it is written; without a parameter below the name."""
    assert expected == meant(text, line, parameter)


@pytest.mark.parametrize(
    ("code", "text", "expected"),
    [
        (Code.BAD_ANNOTATION, "@stage\ndef f() -> 'Ordrs': ...", "'Ordrs'"),
        (Code.BAD_VALUE, "@stage\ndef f() -> int: ...", "int"),
        (Code.UNKNOWN_STAGE, "@stage(depends_on=['a'])\ndef f(): ...", "depends_on=['a']"),
        (Code.UNKNOWN_STAGE, "@stage(depends_on = 'a')\ndef f(): ...", "depends_on = 'a'"),
        (Code.UNKNOWN_STAGE, "@stage\ndef f(): ...", "f"),
        (Code.INVALID_OPTION, "@stage(dependson=1, id='x')\ndef f(): ...", "dependson=1"),
        (Code.DUPLICATE_STAGE, "@stage(id='x')\ndef f(): ...", "id='x'"),
        (Code.CYCLE, "@stage(depends_on='f')\ndef f(): ...", "f"),
        (Code.STAGE_FAILED, "# first\n    raise X  # why", "raise X  # why"),
    ],
)
def test_the_caret_stands_below_what_is_at_fault(code: Code, text: str, expected: str) -> None:
    """The return annotation, an option, the line that raised, or the name."""
    assert expected == meant(text, 2, None, code)


SEVERAL = """\
error[SK201]: nothing provides `Prices`

   flow.py:6
   3 | def total(
     :
   5 |     # \\x1b[31m
   6 |     prices: Prices,
     |     ^^^^^^^^^^^^^^ needed here

   there is: Orders

help: annotate the producer
      or give a value
more: stagekit explain SK201

error[SK201]: nothing provides `Codes`

   nowhere.py:9

error[SK213]: the selection cannot be read

more: stagekit explain SK213

3 problems; nothing was run"""


def test_several_problems_look_like_this(write: Write) -> None:
    """Each with what is known of it; where to read on is said once for each code."""
    text = "\n\ndef total(\n    orders: Orders,\n    # \x1b[31m\n    prices: Prices,\n): ...\n"
    path = write("flow.py", text)
    problems = [
        Problem(
            Code.MISSING_PROVIDER,
            "nothing provides `Prices`",
            location=Location(str(path), 3),
            parameter="prices",
            notes=("there is: Orders",),
            fixes=("annotate the producer", "or give a value"),
        ),
        Problem(
            Code.MISSING_PROVIDER,
            "nothing provides `Codes`",
            location=Location(str(path.parent / "nowhere.py"), 9),
            parameter="codes",
        ),
        Problem(Code.BAD_SELECTION, "the selection cannot be read"),
    ]
    assert SEVERAL == show_problems(problems, ASCII)


def test_tabs_and_wide_characters_do_not_move_the_caret(write: Write) -> None:
    """The caret stands where the eye sees the parameter."""
    path = write("flow.py", "if True:\n\tdef f(名前: int, orders: str): ...\n")
    problem = Problem(
        Code.MISSING_PROVIDER, "x", location=Location(str(path), 2), parameter="orders"
    )
    line, caret = show_problem(problem, Style(), more=False).split("\n")[-2:]
    assert "   2 │     def f(名前: int, orders: str): ..." == line
    assert "     │                      ^^^^^^^^^^^ needed here" == caret


EXTRA = """\
error[SK030]: stagekit.testing needs the 'testing' extra

help: pip install '.[testing]'
more: stagekit explain SK030"""
DEFECT = """\
error[SK500]: the heap is empty

   stagekit.errors.InternalError: the heap is empty

help: this is a fault of stagekit, not of your stages; please report it, with the traceback and \
what `stagekit --version` prints
more: stagekit explain SK500"""


@pytest.mark.parametrize(
    ("error", "code", "text"),
    [
        (MissingExtraError("stagekit.testing", "testing"), ExitCode.USAGE, EXTRA),
        (InternalError("the heap is empty"), ExitCode.INTERNAL_ERROR, DEFECT),
        (UsageError("workers\x1b"), ExitCode.USAGE, "error: workers\\x1b"),
        (
            RunningLoopError(),
            ExitCode.USAGE,
            "error: run() cannot block a running event loop; write: result = await arun(...)",
        ),
    ],
)
def test_errors_without_a_module_look_like_this(
    error: BaseException, code: ExitCode, text: str
) -> None:
    """Code, sentence, help; all other errors are rendered by the pages of their codes."""
    report = report_of(error)
    assert (code, text) == (report.exit_code, report.text(Style()))


def test_problems_with_one_cause_are_one_block_with_a_table() -> None:
    """A title, a line for each behind its place, what helps with all, and where to read on."""

    def problem(name: str, line: int) -> Problem:
        cause = Cause("ask for `T`", (f"{name}(x)", "x: ..."), ("the stages: a",), ("say which",))
        place = Location(str(Path("flow.py").resolve()), line)
        return Problem(Code.AMBIGUOUS_PROVIDER, "one", location=place, cause=cause)

    alone = Problem(Code.AMBIGUOUS_PROVIDER, "another")
    shown = show_problems([problem("a", 3), alone, problem("bcd", 12)], ASCII)
    assert (
        """\
error[SK202]: 2 parameters ask for `T`

   flow.py:3   a(x)    x: ...
   flow.py:12  bcd(x)  x: ...

   the stages: a

help: say which
more: stagekit explain SK202

error[SK202]: another

3 problems; nothing was run"""
        == shown
    )
