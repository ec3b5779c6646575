"""Functions and what wraps them: their names, their modules, and where they are defined."""

from __future__ import annotations

import os
from types import FunctionType

from stagekit._base.problem import Location

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Dict, Mapping, Optional

MAIN_NAMES = ("__main__", "__mp_main__")


def unwrap_partial(fn: Any) -> Any:  # Any: whatever was registered
    """Return the function inside ``functools.partial`` objects."""
    while not isinstance(fn, FunctionType) and hasattr(fn, "func") and hasattr(fn, "keywords"):
        fn = fn.func
    return fn


def function_name(fn: object) -> str:
    """Return the name of a function, class, partial or callable object."""
    inner = unwrap_partial(fn)
    return str(getattr(inner, "__name__", None) or type(inner).__name__)


def last_name(stage_id: str) -> str:
    """Return the last segment of an id: the name of the function, unless it was given one."""
    return stage_id.replace(":", ".").rpartition(".")[2]


def module_of(fn: object) -> str:
    """Return the module name of a function; for the main module the name of its file."""
    inner = unwrap_partial(fn)
    module = getattr(inner, "__module__", None) or "builtins"
    if module in MAIN_NAMES:
        return main_name(namespace_of(inner))
    return str(module)


def namespace_of(fn: Any) -> Dict[str, Any]:  # Any: whatever was registered
    """Return the globals that a function was defined in, below what wraps it."""
    for _ in range(100):
        if "__wrapped__" not in getattr(fn, "__dict__", {}):
            break
        fn = fn.__wrapped__
    found: Optional[Dict[str, Any]] = getattr(fn, "__globals__", None)
    if found is not None:
        return found
    import sys

    module = sys.modules.get(str(getattr(fn, "__module__", None) or ""))
    return dict(vars(module)) if module is not None else {}


def import_name(path: str) -> str:
    """Return the dotted name of a file, found by walking up the packages from its folder.

    Example:
        >>> import_name("/nowhere/shop.py")
        'shop'
    """
    folder, file = os.path.split(os.path.abspath(path))
    parts = [os.path.splitext(file)[0]]
    if parts[0] == "__init__":
        parts = []
    while os.path.isfile(os.path.join(folder, "__init__.py")):
        folder, package = os.path.split(folder)
        parts.append(package)
    return ".".join(reversed(parts))


def import_root(path: str) -> str:
    """Return the folder that must be on ``sys.path`` for ``import_name(path)`` to be found."""
    folder = os.path.dirname(os.path.abspath(path))
    while os.path.isfile(os.path.join(folder, "__init__.py")):
        folder = os.path.dirname(folder)
    return folder


def main_name(namespace: Mapping[str, Any]) -> str:
    """Return the name that the main module has when it is imported, given its globals."""
    spec = namespace.get("__spec__")
    if spec is not None:
        return str(spec.name)
    file = namespace.get("__file__")
    if not isinstance(file, str):
        return "__main__"  # an interactive session
    name = import_name(file)
    return "".join(c if c.isalnum() or c in "_-." else "_" for c in name)


def locate(fn: Any) -> Optional[Location]:  # Any: whatever was registered
    """Return the place of a function, class, method, partial or callable object, if it has one."""
    fn = unwrap_partial(fn)
    fn = getattr(fn, "__func__", fn)
    for _ in range(100):  # wrappers may go round in a circle
        if not hasattr(fn, "__wrapped__"):
            break
        fn = fn.__wrapped__
    if isinstance(fn, type):
        return _locate_class(fn)
    code = getattr(fn, "__code__", None)
    if code is None:
        kind: Any = type(fn)  # pyright: ignore[reportUnknownVariableType]
        code = getattr(getattr(kind, "__call__", None), "__code__", None)  # noqa: B004
    if code is None:
        return None
    return Location(code.co_filename, _def_line(code.co_filename, code.co_firstlineno))


def _def_line(file: str, first: int) -> int:
    """Return the line of ``def`` or ``class`` at or below the first decorator's line."""
    import linecache

    for line in range(first, first + 50):
        text = linecache.getline(file, line).lstrip()
        if not text:
            return first
        if text.startswith(("def ", "async def ", "class ")):
            return line
        if line == first and not text.startswith("@"):
            return first  # a lambda
    return first


def _locate_class(cls: type) -> Optional[Location]:
    import inspect  # 12 ms

    try:
        _, line = inspect.getsourcelines(cls)
        file = inspect.getsourcefile(cls)
    except (OSError, TypeError):
        return None
    return Location(file, _def_line(file, line)) if file else None
