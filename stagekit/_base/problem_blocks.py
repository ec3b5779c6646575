"""Problems with one cause as one block with a table; all others as they are."""

from __future__ import annotations

from typing import TYPE_CHECKING, Dict, List, Sequence, Tuple

from stagekit._base.text import escape_control

if TYPE_CHECKING:
    from stagekit._base.problem import Problem


def blocks_of(problems: Sequence[Problem]) -> List[List[Problem]]:
    """Return problems in their order, those with one cause together."""
    found: Dict[object, List[Problem]] = {}
    for number, problem in enumerate(problems):
        cause = problem.cause
        key = number if cause is None else (problem.code, cause.title)
        found.setdefault(key, []).append(problem)
    return list(found.values())


def title_of(block: Sequence[Problem]) -> str:
    """Return what is wrong with several problems of one cause."""
    cause = block[0].cause
    return f"{len(block)} parameters {cause.title}" if cause is not None else ""


def table_of(block: Sequence[Problem]) -> List[str]:
    """Return a line for each of several problems of one cause, behind its place."""
    rows = [(str(each.location or ""), *(each.cause.row if each.cause else ())) for each in block]
    widths = [max(map(len, column)) for column in zip(*rows)]
    return ["  ".join(cell.ljust(size) for cell, size in zip(row, widths)).rstrip() for row in rows]


def shared(block: Sequence[Problem]) -> Tuple[Tuple[str, ...], Tuple[str, ...]]:
    """Return the notes and the fixes of several problems of one cause, each once."""
    causes = [each.cause for each in block if each.cause is not None]
    notes = dict.fromkeys(note for cause in causes for note in cause.notes)
    fixes = dict.fromkeys(fix for cause in causes for fix in cause.fixes)
    return tuple(notes), tuple(fixes)


def text_of(block: Sequence[Problem]) -> str:
    """Return the text of one problem, or of several of one cause."""
    if len(block) == 1:
        return str(block[0])
    notes, fixes = shared(block)
    lines = [f"{block[0].code.value}: {title_of(block)}"]
    lines += [f"    {line}" for line in (*table_of(block), *notes)]
    lines += [f"    fix: {fix}" for fix in fixes]
    return "\n".join(map(escape_control, lines))
