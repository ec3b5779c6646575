"""Functions that are not plain: wrappers, partials, methods, objects, classes, generators."""

from __future__ import annotations

import functools
import sys
from types import CodeType, FunctionType, MethodType
from typing import Any, Dict, Generic, List, Optional, Tuple, TypeVar, get_args, get_origin

from stagekit._base.compat import Annotated
from stagekit._base.keys import BadTypeError
from stagekit._declare.callables import unwrap_partial
from stagekit._plan.annotation import (
    Evaluator,
    UnresolvedError,
    annotations_of,
    innermost,
    scope_of,
)
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
    _read_kind(fn, inner, reading)
    import inspect  # 12 ms

    try:
        signature = inspect.signature(_read_as(fn))
    except (ValueError, TypeError) as error:
        if not _has_all(fn, inner):
            reading.support = f"its parameters cannot be read ({error}); wrap it in a function"
        reading.parameters = NOTHING
        return EMPTY
    signature = _with_own_annotations(fn, signature)
    reading.raw = (fn, signature)
    if isinstance(fn, type):
        return fn
    returned = signature.return_annotation
    return EMPTY if returned is inspect.Signature.empty else returned


def _read_as(fn: Any) -> Any:
    """Return what ``inspect`` reads a callable from.

    Before Python 3.9 ``typing.Generic`` has a ``__new__`` that hides the ``__init__``.
    """
    is_class = isinstance(fn, type) and not hasattr(fn, "__signature__")
    if is_class and "__new__" in vars(Generic):  # pragma: no cover - older interpreters
        init, own = innermost(fn), fn.__new__
        if own is Generic.__new__ and isinstance(init, FunctionType):
            return MethodType(init, fn)
    return fn


def _with_own_annotations(fn: Any, signature: Any) -> Any:
    """Return a signature with what a wrapper says itself, where it differs from what it wraps.

    ``functools.wraps`` copies the annotations, and ``inspect`` reads those of what is wrapped.
    """
    wrapper = unwrap_partial(getattr(fn, "__func__", fn))
    if not isinstance(wrapper, FunctionType) or "__wrapped__" not in wrapper.__dict__:
        return signature
    signature = _without_what_is_filled(wrapper, signature)
    own = annotations_of(wrapper)
    code, seen = wrapper.__code__, wrapper.__globals__
    if any(name in own and name not in signature.parameters for name in code.co_varnames):
        return signature  # what stands at the ``def`` of the wrapper: of its ``*args``
    own = {
        name: said
        for name, said in own.items()
        if not _is_open(seen.get(said, said) if isinstance(said, str) else said)
    }
    parameters = [
        each.replace(annotation=own.get(name, each.annotation))
        for name, each in signature.parameters.items()
    ]
    returned = own.get("return", signature.return_annotation)
    return signature.replace(parameters=parameters, return_annotation=returned)


def _without_what_is_filled(wrapper: FunctionType, signature: Any) -> Any:
    """Return a signature without the parameters that a decorator's own types say it fills.

    ``(fn: Callable[Concatenate[Db, P], R]) -> Callable[P, R]`` fills the first one, though
    ``functools.wraps`` shows it. Where the returned callable has ``Concatenate``, too, the wrapper
    takes parameters of its own in their place.
    """
    filled, added = _filled_and_added(wrapper)
    if not filled and not added:
        return signature
    import inspect

    names, kind = wrapper.__code__.co_varnames, inspect.Parameter.POSITIONAL_ONLY
    own = [inspect.Parameter(names[n], kind, annotation=each) for n, each in enumerate(added)]
    return signature.replace(parameters=[*own, *[*signature.parameters.values()][filled:]])


def _filled_and_added(wrapper: FunctionType) -> Tuple[int, Tuple[Any, ...]]:
    """Return how many leading parameters a decorator fills, and the types that it asks for."""
    decorator = _decorator_of(wrapper)
    if decorator is None:
        return 0, ()
    scope, evaluator = scope_of(decorator), Evaluator()
    leading: Dict[bool, Tuple[Any, ...]] = {False: (), True: ()}
    for name, said in annotations_of(decorator).items():
        try:
            called = get_args(evaluator.evaluate(said, scope))
        except UnresolvedError:
            return 0, ()
        if called and "Concatenate" in str(get_origin(called[0])):
            leading[name == "return"] = get_args(called[0])[:-1]
    return len(leading[False]), leading[True]


_decorators: Dict[int, Tuple[CodeType, Optional[FunctionType]]] = {}  # by the id of the code


def _decorator_of(wrapper: FunctionType) -> Optional[FunctionType]:
    """Return the function that defines a wrapper, if its types name ``Concatenate``.

    All that one decorator has wrapped share the code of its wrapper: it is looked for once.
    """
    code = wrapper.__code__
    known = _decorators.get(id(code))
    if known is None:
        known = _decorators[id(code)] = (code, _defining(code, wrapper.__globals__))
    return known[1]


def _defining(code: CodeType, names: Dict[str, Any]) -> Optional[FunctionType]:
    for found in tuple(names.values()):
        if isinstance(found, FunctionType) and any(c is code for c in found.__code__.co_consts):
            return found if "Concatenate" in str(annotations_of(found)) else None
    return None


def _is_open(annotation: object) -> bool:
    is_open = isinstance(annotation, TypeVar) or bool(getattr(annotation, "__parameters__", ()))
    return is_open or annotation is Any


def _read_kind(fn: Any, inner: Any, reading: Reading) -> None:
    """Read whether a call opens or is awaited: the object's own code says so, not what it wraps."""
    opens = opener(fn)
    code = _own_code(opens)
    flags = 0 if code is None else code.co_flags
    wrapped = getattr(inner, "__code__", None)
    if code is not None and flags & IS_GENERATOR:
        read_generator(reading, code)
        reading.call = None if opens is fn else opens
    elif flags & ASYNC:
        reading.is_async = True
    elif isinstance(wrapped, CodeType) and wrapped.co_flags & ASYNC:
        reading.is_async = True
        reading.call = AwaitIfNeeded(fn)


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
    """Return whether *fn* binds arguments of a builtin without a signature: nobody can add more."""
    if inner is fn or not [*getattr(fn, "args", ()), *_bound_keywords(fn)]:
        return False
    import inspect

    try:
        inspect.signature(inner)
    except (ValueError, TypeError):
        return not hasattr(inner, "__code__")
    return False


def _own_code(fn: Any) -> Optional[CodeType]:
    """Return the code that a call of *fn* itself runs; None for classes and builtins."""
    while True:
        if isinstance(fn, MethodType):
            fn = fn.__func__
        elif hasattr(fn, "func") and hasattr(fn, "keywords"):
            fn = fn.func
        else:
            break
    if isinstance(fn, type):
        return None
    if not isinstance(fn, FunctionType):
        kind: Any = type(fn)  # pyright: ignore[reportUnknownVariableType]
        fn = getattr(kind, "__call__", None)  # noqa: B004 - the function is wanted
    code = getattr(fn, "__code__", None)
    return code if isinstance(code, CodeType) else None


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
