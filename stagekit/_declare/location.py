"""Where a function is defined: the line of its ``def``, not of its first decorator."""

from __future__ import annotations

from typing import Any, Optional

from stagekit._base.problem import Location
from stagekit._declare.stage import unwrap_partial


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
