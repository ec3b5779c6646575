"""Names in the file of a target, read without importing it: to complete, and for usage errors.

Code of the user is not run while he types, nor where what he has typed is wrong: so what can be
told is what stands in the one file.
"""

from __future__ import annotations

import ast
import os
from typing import Iterable, Iterator, List, Optional, Set

from stagekit._base.record import Record
from stagekit.cli.target import parse

_MOST_BYTES = 1_000_000


class Outline(Record):
    """What the file of a target tells.

    Attributes:
        parameters: ``stage.parameter`` for each parameter of its stages that may be set.
        takes_arguments: whether it speaks of ``Arguments``, or of the ``Context`` that has them.
    """

    parameters: List[str]
    takes_arguments: bool

    def called(self, name: str) -> List[str]:
        """Return the parameters of a name, with their stages."""
        return [each for each in self.parameters if each.partition(".")[2] == name]


def outline(words: Iterable[str]) -> Optional[Outline]:
    """Return what the file of the first of some words tells that is a target with stages."""
    for word in words:
        parsed = parse(word)
        for tree in _trees(parsed.file, parsed.module):
            defined = {each.id for each in ast.walk(tree) if isinstance(each, ast.Name)}
            defined |= {each.attr for each in ast.walk(tree) if isinstance(each, ast.Attribute)}
            if "stage" in defined:
                takes = not defined.isdisjoint({"Arguments", "Context"})
                return Outline(sorted(set(_names(tree))), takes)
    return None


def parameter_names(target: str) -> List[str]:
    """Return ``stage.parameter`` for each parameter of the stages of a target that may be set.

    Those with a default, or of a simple type and not called after a stage of the file.
    """
    found = outline([target])
    return [] if found is None else found.parameters


def _trees(file: Optional[str], module: str) -> Iterator[ast.Module]:
    base = module.replace(".", os.sep)
    for path in [file] if file else [f"{base}.py", os.path.join(base, "__init__.py")]:
        try:
            with open(path, "rb") as source:
                yield ast.parse(source.read(_MOST_BYTES))
        except (OSError, ValueError, SyntaxError, RecursionError, MemoryError):
            continue


def _names(tree: ast.Module) -> Iterator[str]:
    stages = [
        node
        for node in tree.body
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef))
        and any(map(_is_stage, node.decorator_list))
    ]
    called = {each.name for each in stages}
    for stage in stages:
        yield from (f"{stage.name}.{name}" for name in _settable(stage.args, called))


def _is_stage(decorator: ast.expr) -> bool:
    called = decorator.func if isinstance(decorator, ast.Call) else decorator
    name = called.attr if isinstance(called, ast.Attribute) else getattr(called, "id", "")
    return name == "stage"


def _settable(arguments: ast.arguments, called: Set[str]) -> Iterator[str]:
    """Yield the parameters with a default, and those of simple types that no stage is named as."""
    positional = [*arguments.posonlyargs, *arguments.args]
    first = len(positional) - len(arguments.defaults)
    for number, each in enumerate(positional):
        if number >= first or _is_unfilled(each, called):
            yield each.arg
    for each, default in zip(arguments.kwonlyargs, arguments.kw_defaults):
        if default is not None or _is_unfilled(each, called):
            yield each.arg


def _is_unfilled(parameter: ast.arg, called: Set[str]) -> bool:
    """Tell whether the annotation of a parameter is the name of a simple type, or its text."""
    annotation = parameter.annotation
    if annotation is None or parameter.arg in called:
        return False
    if isinstance(annotation, ast.Constant):
        return annotation.value in _SIMPLE
    name = annotation.attr if isinstance(annotation, ast.Attribute) else None
    return (getattr(annotation, "id", None) if name is None else name) in _SIMPLE


_SIMPLE = {
    *("str", "int", "float", "bool", "bytes", "Path", "Decimal"),
    *("date", "datetime", "timedelta", "UUID"),
}
