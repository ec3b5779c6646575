"""A problem as text: code, message, place with an excerpt, notes, and help to copy."""

from __future__ import annotations

import linecache
from typing import Iterable, List, NamedTuple, Optional, Sequence

from stagekit._base.problem_blocks import blocks_of, shared, table_of, title_of
from stagekit._base.text import escape_control, plural, width
from stagekit.cli.output import Style
from stagekit.cli.source_span import SourceSpan, span_of
from stagekit.errors import Code, Location, Problem

INDENT = "   "
_TAB = 4  # columns
_WIDEST = 160  # characters of a line of source that are shown
_LABELS = {
    Code.AMBIGUOUS_NAME: "which one?",
    Code.AMBIGUOUS_PROVIDER: "which one?",
    Code.BAD_ANNOTATION: "cannot be evaluated",
    Code.BAD_VALUE: "promised here",
    Code.BUILTIN_KEY: "provided here",
    Code.CANNOT_MARK: "cannot be marked",
    Code.CYCLE: "waits for itself",
    Code.EMPTY_COLLECTION: "collects nothing",
    Code.DUPLICATE_STAGE: "declared again here",
    Code.IMPORTED_TWICE: "declared again here",
    Code.INVALID_OPTION: "not allowed",
    Code.LEFT_OUT: "needed here",
    Code.MISSING_PROVIDER: "needed here",
    Code.MODULE_RAISED: "raised here",
    Code.NAME_PASSED_OVER: "takes another value",
    Code.NO_KEY: "selects nothing",
    Code.NO_PARAMETER: "cannot be set",
    Code.SAME_VALUE: "the same again",
    Code.STAGE_FAILED: "raised here",
    Code.TYPE_MISMATCH: "another type",
    Code.UNFIT_PARAMETER: "another type",
    Code.UNKNOWN_STAGE: "no such stage",
    Code.UNSUPPORTED_FUNCTION: "cannot be a stage",
    Code.VALUE_CONFLICT: "provided here",
}


class Details(NamedTuple):
    """What may be known of a problem besides itself.

    Attributes:
        mistakes: of a declaration: each names the option it means.
        also: another place that is part of the problem.
        below: lines between the notes and the help, such as a traceback.
    """

    mistakes: Sequence[str] = ()
    also: Optional[Location] = None
    below: Sequence[str] = ()


NO_DETAILS = Details()


def show_problems(problems: Sequence[Problem], style: Style, *, role: str = "error") -> str:
    """Return every problem, in the order given; where to read on is said once for each code.

    Problems with one cause are one block with a table.
    """
    shown: List[str] = []
    explained: List[Code] = []
    for block in blocks_of(problems):
        code = block[0].code
        if len(block) > 1:
            shown.append(_show_block(block, style, role=role, more=code not in explained))
        else:
            shown.append(show_problem(block[0], style, role=role, more=code not in explained))
        explained.append(code)
    if len(problems) > 1:
        count = plural(len(problems), "problem" if role == "error" else "warning")
        shown.append(
            style.paint("strong", f"{count}; nothing was run") if role == "error" else count
        )
    return "\n\n".join(shown)


def _show_block(block: Sequence[Problem], style: Style, *, role: str, more: bool) -> str:
    """Return several problems of one cause: a line for each, and what helps with all of them."""
    code, (notes, fixes) = block[0].code, shared(block)
    lines = [headline(code, title_of(block), style, role), ""]
    for problem, row in zip(block, table_of(block)):
        line, place = escape_control(row), problem.location
        if place is not None and line.startswith(str(place)):
            line = style.place(place) + line[len(str(place)) :]
        lines.append(INDENT + line)
    if notes:
        lines += ["", *(INDENT + escape_control(note) for note in notes)]
    tail = [*_help(fixes, style), *([more_line(code, style)] if more else [])]
    return "\n".join([*lines, *([""] if tail else []), *tail])


def show_problem(
    problem: Problem,
    style: Style,
    *,
    role: str = "error",
    more: bool = True,
    details: Details = NO_DETAILS,
) -> str:
    """Return one problem.

    Args:
        problem: what is wrong.
        style: what the stream can show.
        role: ``"error"`` or ``"warning"``.
        more: say how to read the page of its code.
        details: what else is known of it.
    """
    lines = [headline(problem.code, problem.message, style, role)]
    if problem.location is not None:
        span = span_of(problem, details.mistakes)
        label = _LABELS.get(problem.code, "")
        lines += ["", *excerpt(problem.location, span, style, label, role)]
    if details.also is not None and details.also != problem.location:
        lines += ["", *_also(details.also, style)]
    if problem.notes:
        lines += ["", *(INDENT + escape_control(note) for note in problem.notes)]
    if details.below:
        lines += ["", *(f"{INDENT}{line}".rstrip() for line in details.below)]
    tail = [*_help(problem.fixes, style), *([more_line(problem.code, style)] if more else [])]
    return "\n".join([*lines, *([""] if tail else []), *tail])


def headline(code: Code, message: str, style: Style, role: str = "error") -> str:
    """Return ``error[SK201]: ...``."""
    return f"{style.paint(role, f'{role}[{code.value}]')}: {style.paint('strong', _line(message))}"


def more_line(code: Code, style: Style) -> str:
    """Return how to read the page of a code."""
    return f"{style.paint('help', 'more')}: stagekit explain {code.value}"


def _line(message: str) -> str:
    return escape_control(message)


def _also(location: Location, style: Style) -> List[str]:
    named = span_of(Problem(Code.CYCLE, "", location=location))  # the name of what begins there
    return excerpt(location, named, style, "declared first here", "frame")


def _help(fixes: Iterable[str], style: Style) -> List[str]:
    """Return the fixes below each other; the first has the word."""
    word = style.paint("help", "help")
    return [
        f"{word}: {escape_control(fix)}" if number == 0 else f"      {escape_control(fix)}"
        for number, fix in enumerate(fixes)
    ]


def excerpt(
    location: Location,
    span: Optional[SourceSpan],
    style: Style,
    label: str = "",
    role: str = "error",
) -> List[str]:
    """Return the place, the line before, the line, and a caret; the place alone without a source.

    Args:
        location: the place; its line is shown too where the span is on a later one.
        span: the text that the caret is under, or None.
        style: how it looks.
        label: the words after the caret.
        role: in which colour the caret is.
    """
    line = span.line if span is not None else location.line
    lines = linecache.getlines(location.file)
    shown = [INDENT + style.place(Location(location.file, line))]
    if not 1 <= line <= len(lines):
        return shown
    numbers = sorted({max(1, line - 1), line, min(location.line, len(lines))})
    wide = len(str(numbers[-1]))
    last = numbers[0]
    for number in numbers:
        if number > last + 1:
            shown.append(f"{INDENT}{' ' * wide} {style.paint('frame', style.gap)}")
        bar = style.paint("frame", f"{number:>{wide}} {style.bar}")
        shown.append(f"{INDENT}{bar} {_shown(lines[number - 1])}".rstrip())
        if number == line and span is not None:
            shown.append(_caret(lines[line - 1], span, wide, style, label, role))
        last = number
    return shown


def _shown(line: str) -> str:
    text = escape_control(line.rstrip("\r\n").expandtabs(_TAB))
    return text if len(text) <= _WIDEST else text[: _WIDEST - 1] + "…"


def _caret(line: str, span: SourceSpan, wide: int, style: Style, label: str, role: str) -> str:
    text = line.rstrip("\r\n")
    start = width(escape_control(text[: span.start].expandtabs(_TAB)))
    end = width(escape_control(text[: span.end].expandtabs(_TAB)))
    marks = "^" * max(1, end - start) if start < _WIDEST else ""
    shown = style.paint(role, f"{marks} {label}".strip())
    return f"{INDENT}{' ' * wide} {style.paint('frame', style.bar)} {' ' * start}{shown}".rstrip()
