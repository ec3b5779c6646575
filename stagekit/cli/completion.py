"""Names for the shell to complete, read from the file of a target without importing it.

Code of the user is not run while he types: so what can be told is what stands in the one file.
"""

from __future__ import annotations

import ast
import os
from typing import Iterator, List, Optional

from stagekit.cli.target import parse

_MOST_BYTES = 1_000_000


def parameter_names(target: str) -> List[str]:
    """Return ``stage.parameter`` for each parameter of the stages of a target that may be set.

    Those with a default or of a builtin type: what fills others, a file alone does not tell.
    """
    parsed = parse(target)
    return sorted({name for tree in _trees(parsed.file, parsed.module) for name in _names(tree)})


def _trees(file: Optional[str], module: str) -> Iterator[ast.Module]:
    base = module.replace(".", os.sep)
    for path in [file] if file else [f"{base}.py", os.path.join(base, "__init__.py")]:
        try:
            with open(path, "rb") as source:
                yield ast.parse(source.read(_MOST_BYTES))
        except (OSError, ValueError, SyntaxError, RecursionError, MemoryError):
            continue


def _names(tree: ast.Module) -> Iterator[str]:
    for node in tree.body:
        if not isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            continue
        if any(map(_is_stage, node.decorator_list)):
            yield from (f"{node.name}.{name}" for name in _settable(node.args))


def _is_stage(decorator: ast.expr) -> bool:
    called = decorator.func if isinstance(decorator, ast.Call) else decorator
    name = called.attr if isinstance(called, ast.Attribute) else getattr(called, "id", "")
    return name == "stage"


def _settable(arguments: ast.arguments) -> Iterator[str]:
    positional = [*arguments.posonlyargs, *arguments.args]
    first = len(positional) - len(arguments.defaults)
    for number, each in enumerate(positional):
        if number >= first or _is_builtin(each.annotation):
            yield each.arg
    for each, default in zip(arguments.kwonlyargs, arguments.kw_defaults):
        if default is not None or _is_builtin(each.annotation):
            yield each.arg


def _is_builtin(annotation: Optional[ast.expr]) -> bool:
    """Tell whether an annotation is the name of a plain type, or its text."""
    if isinstance(annotation, ast.Constant):
        return annotation.value in _PLAIN
    name = annotation.attr if isinstance(annotation, ast.Attribute) else None
    return (getattr(annotation, "id", None) if name is None else name) in _PLAIN


_PLAIN = {
    *("str", "int", "float", "bool", "bytes", "Path", "Decimal"),
    *("date", "datetime", "timedelta", "UUID"),
}
