"""Find declarations in code that is imported already."""

from __future__ import annotations

import sys
from copy import copy
from types import FunctionType, ModuleType
from typing import Any, Dict, Iterator, List

from stagekit._declare.declaration import MARK, Adopted, Declaration, declare, own_mark
from stagekit._declare.options import Options


def from_module(module: ModuleType) -> List[Declaration]:
    """Return the stages bound in a module and its imported submodules, in order of definition."""
    prefix = module.__name__ + "."
    modules = [module]
    modules += [m for name, m in sorted(sys.modules.items()) if name.startswith(prefix)]
    found: Dict[int, Declaration] = {}
    for each in modules:
        for value in tuple(vars(each).values()):
            mark = own_mark(value)
            if mark is not None and "." not in _local_part(mark):
                found.setdefault(id(mark), mark)
    return list(found.values())


def adopted(module: ModuleType) -> List[Declaration]:
    """Return the public functions that a module defines, in their order; decorated ones as such."""
    found: List[Declaration] = []
    for name, fn in tuple(vars(module).items()):
        mark = own_mark(fn)
        if mark is not None:
            found.append(mark)
        elif type(fn) is FunctionType and fn.__module__ == module.__name__ and _is_public(name, fn):
            made = declare(fn, {})
            found.append(Adopted(fn, made.id, made.depends_on, made.options, made.spec))
    return found


def _is_public(name: str, fn: FunctionType) -> bool:
    return name == fn.__name__ and not name.startswith("_") and name != "main"


def _local_part(mark: Declaration) -> str:
    """Return the qualified name below any enclosing function; a dot in it means: in a class."""
    return str(getattr(mark.fn, "__qualname__", "")).rpartition("<locals>.")[2]


def from_instance(instance: object) -> Iterator[Declaration]:
    """Return the decorated methods of an object's class, bound to it, in order of definition.

    Raises:
        ValueError: its class has none.
    """
    bodies: Dict[str, Any] = {}  # Any: whatever a class body binds
    for cls in reversed(type(instance).__mro__):
        bodies.update(vars(cls))
    found: List[Declaration] = []
    for name, value in bodies.items():
        raw = getattr(value, "__func__", value)  # of a staticmethod or classmethod
        mark = getattr(raw, "__dict__", {}).get(MARK)
        if isinstance(mark, Declaration) and mark.fn is raw:
            bound: Any = getattr(instance, name)
            options = _bound_undo(instance, mark.options)
            found.append(Declaration(bound, mark.id, mark.depends_on, options, mark.spec))
    if not found:
        kind = type(instance).__qualname__
        raise ValueError(
            f"{kind} has no stages: decorate its methods with @stage, or pass a module"
        )
    return iter(found)


def _bound_undo(instance: object, options: Options) -> Options:
    """Return options whose ``undo`` is a method of the object, where it is one of its class."""
    policy = options.policy
    if policy is None or policy.undo is None:
        return options
    undo = policy.undo
    for cls in type(instance).__mro__:
        for name, value in vars(cls).items():
            if value is undo or getattr(value, "__func__", None) is undo:
                bound = copy(options)
                bound.policy = copy(policy)
                bound.policy.undo = getattr(instance, name)
                return bound
    return options
