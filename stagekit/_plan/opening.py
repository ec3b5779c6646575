"""Generator functions as resources: what they provide, and what is called to open them."""

from __future__ import annotations

import functools
import sys
from types import FunctionType, MethodType
from typing import Any, get_args, get_origin

from stagekit._base.compat import Annotated
from stagekit._base.keys import BadTypeError

_KINDS = {
    *("Iterator", "Generator", "Iterable", "AsyncIterator", "AsyncGenerator", "AsyncIterable"),
}


def yielded(annotation: Any) -> Any:  # Any: an annotation, and the part of it
    """Return what a generator function yields, by its return annotation.

    Raises:
        BadTypeError: the annotation is not that of a generator function.
    """
    metadata = getattr(annotation, "__metadata__", None)
    if metadata is not None and hasattr(annotation, "__origin__"):
        parts = (yielded(annotation.__origin__), *metadata)
        return Annotated[parts]
    origin = get_origin(annotation)
    args = get_args(annotation)
    name = getattr(origin or annotation, "__name__", None) or getattr(annotation, "_name", "")
    if name in _KINDS and args:
        return args[0]
    if name in _KINDS:
        raise BadTypeError(f"`{name}` does not say what is yielded; write `{name}[T]`")
    raise BadTypeError(
        "a generator function returns an iterator; write `Iterator[T]` for the `T` that it yields"
    )


def opener(fn: Any) -> Any:  # Any: whatever was registered
    """Return the generator function below ``@contextmanager``; else the very function."""
    if isinstance(fn, MethodType):
        inner = opener(fn.__func__)
        return fn if inner is fn.__func__ else MethodType(inner, fn.__self__)
    if isinstance(fn, functools.partial):
        inner = opener(fn.func)
        return fn if inner is fn.func else functools.partial(inner, *fn.args, **fn.keywords)  # pyright: ignore[reportUnknownVariableType]
    if isinstance(fn, FunctionType) and _is_context_manager(fn):
        return fn.__wrapped__  # type: ignore[attr-defined]  # pyright: ignore[reportFunctionMemberAccess]  # has it
    return fn


def _is_context_manager(fn: FunctionType) -> bool:
    contextlib = sys.modules.get("contextlib")
    return (
        contextlib is not None
        and fn.__globals__ is vars(contextlib)
        and fn.__code__.co_name == "helper"
        and "__wrapped__" in fn.__dict__
    )
