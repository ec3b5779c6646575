"""The public interface: names, signatures and fields, compared with a checked-in snapshot.

After a change that is meant: ``python -m tests.test_public_api > tests/snapshots/public_api.txt``.
The text is read from the source, so that overloads and annotations show as they are written.
"""

from __future__ import annotations

import ast
import difflib
import importlib
import inspect
import sys
from functools import lru_cache
from pathlib import Path
from typing import Iterator, List, Set, Tuple, Union

import pytest

SNAPSHOT = Path(__file__).resolve().parent / "snapshots" / "public_api.txt"
MODULES = (
    "stagekit",
    "stagekit.errors",
    "stagekit.events",
    "stagekit.executors",
    "stagekit.hooks",
    "stagekit.testing",
)
# Special methods that a user meets through an operator or a statement.
OPERATORS = {
    *("__init__", "__call__", "__getitem__", "__contains__", "__iter__", "__len__", "__bool__"),
    *("__enter__", "__exit__", "__aenter__", "__aexit__"),
}
# Decorators that change what a caller may do.
SHOWN = {"overload", "property", "classmethod", "staticmethod", "contextmanager"}

Function = Union[ast.FunctionDef, ast.AsyncFunctionDef]
Definition = Union[Function, ast.ClassDef]


@lru_cache(maxsize=None)
def tree(module: str) -> ast.Module:
    """Return the syntax tree of one of our modules."""
    return ast.parse(inspect.getsource(importlib.import_module(module)))


def definitions(node: ast.AST, path: Tuple[str, ...]) -> List[Definition]:
    """Return what defines the name *path* below *node*: several where it is overloaded."""
    found: List[Definition] = []
    for child in ast.iter_child_nodes(node):
        if not isinstance(child, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
            found += definitions(child, path[:1])  # under an `if` or a `try`
        elif child.name == path[0]:
            found.append(child)
    if len(path) == 1:
        return found
    return [inner for outer in found for inner in definitions(outer, path[1:])]


def signature(node: Function) -> str:
    """Return one function as it is declared, without its body."""
    marks = [ast.unparse(mark) for mark in node.decorator_list]
    shown = "".join(f"@{mark} " for mark in marks if mark.split(".")[-1] in SHOWN)
    kind = "async def" if isinstance(node, ast.AsyncFunctionDef) else "def"
    returns = f" -> {ast.unparse(node.returns)}" if node.returns else ""
    return f"{shown}{kind} {node.name}({ast.unparse(node.args)}){returns}"


def functions(nodes: List[Function]) -> Iterator[str]:
    """Yield the overloads of one function, or its only signature."""
    overloads = [node for node in nodes if "@overload" in signature(node)]
    for node in overloads or nodes:
        yield signature(node)


def assigned(node: ast.stmt) -> List[str]:
    """Return the names that a statement assigns."""
    targets = node.targets if isinstance(node, ast.Assign) else []
    targets = [node.target] if isinstance(node, ast.AnnAssign) else targets
    return [ast.unparse(target) for target in targets]


def members(cls: type) -> Iterator[str]:
    """Yield the fields and methods that *cls* and its bases of ours declare."""
    seen: Set[str] = set()
    for base in cls.__mro__:
        if not base.__module__.startswith("stagekit"):
            continue
        found = definitions(tree(base.__module__), tuple(base.__qualname__.split(".")))
        body = [item for node in found if isinstance(node, ast.ClassDef) for item in node.body]
        names: List[str] = []
        for item in body:
            if isinstance(item, (ast.FunctionDef, ast.AsyncFunctionDef)):
                names.append(item.name)
            names += assigned(item)
        for name in dict.fromkeys(names):
            if name in seen or (name.startswith("_") and name not in OPERATORS):
                continue
            seen.add(name)
            yield from member(name, body)


def member(name: str, body: List[ast.stmt]) -> Iterator[str]:
    """Yield the lines of one field or method of a class."""
    methods = [
        item
        for item in body
        if isinstance(item, (ast.FunctionDef, ast.AsyncFunctionDef)) and item.name == name
    ]
    yield from functions(methods)
    for item in body:
        if name in assigned(item):
            yield ast.unparse(item)


def describe(name: str, value: object) -> Iterator[str]:
    """Yield the lines of one public name."""
    module = str(getattr(value, "__module__", ""))
    if not module.startswith("stagekit") or not hasattr(value, "__qualname__"):
        yield f"{name}: {type(value).__module__}.{type(value).__qualname__}"
        return
    if isinstance(value, type):
        bases = ", ".join(base.__name__ for base in value.__bases__ if base is not object)
        yield f"class {name}({bases})" if bases else f"class {name}"
        yield from (f"    {line}" for line in members(value))
        return
    path = tuple(str(getattr(value, "__qualname__", "")).split("."))
    nodes = definitions(tree(module), path)
    yield from functions([n for n in nodes if not isinstance(n, ast.ClassDef)])


def snapshot() -> str:
    """Return the whole public interface as text."""
    lines: List[str] = []
    for name in MODULES:
        module = importlib.import_module(name)
        lines += [f"[{name}]", ""]
        for public in sorted(module.__all__):
            lines += [*describe(public, getattr(module, public)), ""]
    return "\n".join(lines)


@pytest.mark.skipif(sys.version_info < (3, 9), reason="ast.unparse is new in 3.9")
def test_the_public_interface_is_the_one_of_the_snapshot() -> None:
    """No name, parameter or field comes, goes or changes unseen."""
    difference = difflib.unified_diff(
        SNAPSHOT.read_text(encoding="utf-8").splitlines(),
        snapshot().splitlines(),
        "snapshot",
        "source",
        lineterm="",
    )
    assert [] == list(difference), f"if this is meant: {__doc__}"


@pytest.mark.parametrize("name", MODULES)
def test_every_public_name_is_there_and_documented(name: str) -> None:
    """What ``__all__`` lists can be had, and says what it is for."""
    module = importlib.import_module(name)
    assert len(set(module.__all__)) == len(module.__all__)
    undocumented = [
        public
        for public in module.__all__
        if callable(getattr(module, public)) and not inspect.getdoc(getattr(module, public))
    ]
    assert [] == undocumented
    assert set(module.__all__) <= set(dir(module))


def test_the_front_door_has_no_name_that_is_not_there() -> None:
    """A misspelt name is the usual error, not one of the lazy table."""
    with pytest.raises(AttributeError, match="stagee"):
        getattr(importlib.import_module("stagekit"), "stagee")  # noqa: B009  # for type checkers


@pytest.mark.parametrize("name", ["errors", "events", "executors", "hooks", "testing"])
def test_public_modules_need_no_import_of_their_own(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """``import stagekit`` is enough for ``stagekit.errors``, loaded when it is first used."""
    front = importlib.import_module("stagekit")
    module = importlib.import_module(f"stagekit.{name}")
    monkeypatch.delattr(front, name)
    assert module is getattr(front, name)
    assert name in dir(front)


if __name__ == "__main__":
    sys.stdout.write(snapshot())
