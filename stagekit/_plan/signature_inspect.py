"""Functions that are not plain: wrappers, partials, methods, objects, classes, generators."""

from __future__ import annotations

import functools
import sys
from types import CodeType, FunctionType, MethodType
from typing import Any, Dict, List, Tuple, get_args, get_origin

from stagekit._base.compat import Annotated
from stagekit._base.keys import BadTypeError
from stagekit._plan.annotation import innermost
from stagekit._plan.signature_data import (
    ASYNC,
    EMPTY,
    IS_GENERATOR,
    NOTHING,
    Reading,
    read_generator,
)
from stagekit._plan.slots import AwaitIfNeeded

_KINDS = {
    *("Iterator", "Generator", "Iterable", "AsyncIterator", "AsyncGenerator", "AsyncIterable"),
}


def read_callable(fn: Any, reading: Reading) -> Any:  # Any: whatever was declared; an annotation
    """Read what is not a plain function through ``inspect``; return its return annotation."""
    inner = innermost(fn)
    code = getattr(inner, "__code__", None)
    reading.is_async = _is_async(fn)
    if isinstance(code, CodeType):
        if code.co_flags & IS_GENERATOR:
            _read_opener(fn, reading, code)
        elif code.co_flags & ASYNC and not reading.is_async:
            reading.is_async = True
            reading.call = AwaitIfNeeded(fn)
    import inspect  # 12 ms

    try:
        signature = inspect.signature(fn)
    except (ValueError, TypeError) as error:
        if not _has_all(fn, inner):
            reading.support = f"its parameters cannot be read ({error}); wrap it in a function"
        reading.parameters = NOTHING
        return EMPTY
    reading.raw = (fn, signature)
    if isinstance(fn, type):
        return fn
    returned = signature.return_annotation
    return EMPTY if returned is inspect.Signature.empty else returned


def _read_opener(fn: Any, reading: Reading, code: CodeType) -> None:
    own = getattr(fn, "__code__", None)  # a wrapper of a generator function may be one itself
    if isinstance(own, CodeType) and own.co_flags & IS_GENERATOR:
        code = own
    read_generator(reading, code)
    opens = opener(fn)
    reading.call = None if opens is fn else opens


def parameters_of(fn: Any, signature: Any) -> List[Tuple[str, Any, Any, bool]]:
    """Return name, annotation, default and whether it is keyword-only, of what is not bound yet."""
    bound = _bound_keywords(fn)
    empty = signature.empty
    found: List[Tuple[str, Any, Any, bool]] = []
    for each in signature.parameters.values():
        if each.kind in (each.VAR_POSITIONAL, each.VAR_KEYWORD) or each.name in bound:
            continue
        annotation = EMPTY if each.annotation is empty else each.annotation
        default = EMPTY if each.default is empty else each.default
        found.append((each.name, annotation, default, each.kind is each.KEYWORD_ONLY))
    return found


def _has_all(fn: Any, inner: Any) -> bool:
    """Tell whether *fn* binds arguments of a builtin without a signature: nobody can add more."""
    if inner is fn or not [*getattr(fn, "args", ()), *_bound_keywords(fn)]:
        return False
    import inspect

    try:
        inspect.signature(inner)
    except (ValueError, TypeError):
        return not hasattr(inner, "__code__")
    return False


def _is_async(fn: Any) -> bool:
    """Tell whether calling *fn* itself gives a coroutine."""
    while True:
        if isinstance(fn, MethodType):
            fn = fn.__func__
        elif hasattr(fn, "func") and hasattr(fn, "keywords"):
            fn = fn.func
        else:
            break
    if isinstance(fn, type):
        return False
    if not isinstance(fn, FunctionType):
        kind: Any = type(fn)  # pyright: ignore[reportUnknownVariableType]
        fn = getattr(kind, "__call__", None)  # noqa: B004 - the function is wanted
    code = getattr(fn, "__code__", None)
    return isinstance(code, CodeType) and code.co_flags & ASYNC != 0


def _bound_keywords(fn: Any) -> Dict[str, Any]:
    """Return what ``functools.partial`` has fixed by name: no longer asked for."""
    found: Dict[str, Any] = {}
    while hasattr(fn, "func") and hasattr(fn, "keywords"):
        found.update(fn.keywords)
        fn = fn.func
    return found


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
