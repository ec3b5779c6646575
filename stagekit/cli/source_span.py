"""Which part of a function's source a problem means: a parameter, an option, the return type."""

from __future__ import annotations

import ast
import functools
import linecache
import re
from typing import Dict, Iterator, List, NamedTuple, Optional, Sequence, Tuple, Union

from stagekit.errors import Code, Location, Problem

_Definition = Union[ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef]
_RETURNS = (Code.BAD_ANNOTATION, Code.BAD_MARKER, Code.NO_KEY, Code.BAD_VALUE)
_RAISED = (Code.MODULE_RAISED, Code.CANNOT_MARK, Code.STAGE_FAILED)
_OPTIONS = {
    Code.UNKNOWN_STAGE: ("depends_on",),
    Code.AMBIGUOUS_NAME: ("depends_on",),
    Code.DUPLICATE_STAGE: ("id",),
}


class SourceSpan(NamedTuple):
    """A stretch of one line of a file: columns in characters, the end excluded."""

    line: int
    start: int
    end: int


def span_of(problem: Problem, mistakes: Sequence[str] = ()) -> Optional[SourceSpan]:
    """Return what a problem means, as exactly as its source shows it; None without a source.

    Args:
        problem: a problem with a location.
        mistakes: for a declaration, its mistakes, which name the options they mean.
    """
    if problem.location is None:
        return None
    lines = linecache.getlines(problem.location.file)
    if problem.code in _RAISED:
        return _whole_line(lines, problem.location.line)
    node = _definition(lines, problem.location.line)
    if node is None:
        return span_of_word(problem.location, problem.parameter) if problem.parameter else None
    found: Optional[ast.AST] = None
    if problem.parameter is not None:
        found = _parameter(node, problem.parameter)
    elif problem.code in _RETURNS and not isinstance(node, ast.ClassDef):
        found = node.returns
    if found is not None:
        return _span(lines, found)
    options = _OPTIONS.get(problem.code, ())
    option = _option(lines, node, options or _words(mistakes))
    return option or _name(lines, node)


def _whole_line(lines: List[str], line: int) -> Optional[SourceSpan]:
    if not 1 <= line <= len(lines):
        return None
    text = lines[line - 1].rstrip()
    return SourceSpan(line, len(text) - len(text.lstrip()), len(text))


def _words(mistakes: Sequence[str]) -> Tuple[str, ...]:
    return tuple(word for mistake in mistakes for word in re.findall(r"\w+", mistake))


def _definition(lines: List[str], line: int) -> Optional[_Definition]:
    """Return the function or class that begins at a line."""
    return _definitions("".join(lines)).get(line)


@functools.lru_cache(maxsize=8)  # a plan may have a thousand problems in one file
def _definitions(source: str) -> Dict[int, _Definition]:
    try:
        tree = ast.parse(source)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return {}  # the file has changed since, or is none of Python
    kinds = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
    return {node.lineno: node for node in ast.walk(tree) if isinstance(node, kinds)}


def _parameter(node: _Definition, name: str) -> Optional[ast.AST]:
    """Return a parameter with its annotation; of a class, that of its ``__init__`` or a field."""
    if isinstance(node, ast.ClassDef):
        return _field(node, name)
    arguments = node.args
    every = [*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs]
    every += [each for each in (arguments.vararg, arguments.kwarg) if each is not None]
    return next((each for each in every if each.arg == name), None)


def _field(node: ast.ClassDef, name: str) -> Optional[ast.AST]:
    for each in node.body:
        if isinstance(each, ast.FunctionDef) and each.name == "__init__":
            return _parameter(each, name)
    for each in node.body:
        if isinstance(each, ast.AnnAssign) and getattr(each.target, "id", None) == name:
            return each
    return None


def _option(lines: List[str], node: _Definition, names: Sequence[str]) -> Optional[SourceSpan]:
    """Return ``name=value`` in a decorator, for the first of *names* that is there."""
    for keyword in _keywords(node):
        if keyword.arg is not None and keyword.arg in names:
            span = _span(lines, keyword.value)
            if span is None:
                continue
            before = lines[span.line - 1][: span.start]
            word = re.search(rf"\b{re.escape(keyword.arg)}\s*=\s*$", before)
            return span._replace(start=word.start()) if word else span
    return None


def _keywords(node: _Definition) -> Iterator[ast.keyword]:
    for decorator in node.decorator_list:
        if isinstance(decorator, ast.Call):
            yield from decorator.keywords


def _name(lines: List[str], node: _Definition) -> Optional[SourceSpan]:
    line = lines[node.lineno - 1]
    found = re.compile(rf"\b{re.escape(node.name)}\b").search(line, node.col_offset + 3)
    return SourceSpan(node.lineno, *found.span()) if found else None


def _span(lines: List[str], node: ast.AST) -> Optional[SourceSpan]:
    """Return the place of a node: its first line only, in characters rather than bytes."""
    line: int = getattr(node, "lineno", 0)
    start: Optional[int] = getattr(node, "col_offset", None)
    if not 1 <= line <= len(lines) or start is None:
        return None
    text = lines[line - 1].rstrip("\n")
    raw = text.encode("utf-8", "surrogatepass")
    last = node.annotation if isinstance(node, ast.arg) and node.annotation else node
    end = getattr(last, "end_col_offset", None)  # 3.8 knows no better of an argument by keyword
    if getattr(last, "end_lineno", line) != line or end is None:
        end = len(raw)
    return SourceSpan(line, _characters(raw[:start]), _characters(raw[:end]))


def _characters(raw: bytes) -> int:
    return len(raw.decode("utf-8", "replace"))


def span_of_word(location: Location, word: str) -> Optional[SourceSpan]:
    """Return the first place of a word at or just below a location."""
    pattern = re.compile(rf"\b{re.escape(word)}\b")
    lines = linecache.getlines(location.file)
    for number in range(location.line, min(location.line + 10, len(lines)) + 1):
        found = pattern.search(lines[number - 1])
        if found:
            return SourceSpan(number, *found.span())
    return None
