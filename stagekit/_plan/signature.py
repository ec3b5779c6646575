"""What a stage asks for and provides, read from its function once."""

from __future__ import annotations

from types import CodeType, FunctionType, MethodType
from typing import Any, Dict, List, NamedTuple, Optional, Tuple

from stagekit._base.keys import BadTypeError, NamedKey, NoKeyError, NoneType, UnionOf, normalise
from stagekit._base.refs import Collect, From, Named
from stagekit._declare.stage import Declaration, namespace_of
from stagekit._plan.annotation import (
    Evaluator,
    Scope,
    UnresolvedError,
    closure_names,
    markers_of,
)

__all__ = ["EMPTY", "TRIVIAL", "Fault", "Parameter", "Reader", "Reading"]

ASYNC, GENERATOR, ASYNC_GENERATOR = 0x80, 0x20, 0x200  # inspect.CO_*


class _Empty:
    __slots__ = ()

    def __repr__(self) -> str:
        return "<none>"


EMPTY: Any = _Empty()


class Fault(NamedTuple):
    """Something wrong with one annotation, told later with its place."""

    kind: str  # "unresolved", "no_key", "marker", "open"
    text: str
    name: Optional[str] = None


class Parameter:
    """One parameter: what it asks for, and what it falls back on."""

    __slots__ = ("default", "fault", "is_keyword", "key", "marker", "name")

    def __init__(self, name: str, default: Any, is_keyword: bool) -> None:  # noqa: FBT001
        self.name = name
        self.default = default
        self.is_keyword = is_keyword
        self.key: object = None
        self.marker: Any = None
        self.fault: Optional[Fault] = None


class Reading:
    """What was read from one function.

    Attributes:
        provides: (key, item) pairs; item is None, or the place in the returned tuple.
        promise: see ``Plan``: 0 anything, 1 not None, k a tuple of k values.
        parameters: None until they are asked for.
        support: why the function cannot be a stage yet, or None.
    """

    __slots__ = ("_raw", "fault", "is_async", "needs_await", "parameters", "promise", "provides",
                 "returns", "returns_none", "support")  # fmt: skip

    def __init__(self) -> None:
        self.provides: Tuple[Tuple[object, Optional[int]], ...] = ()
        self.returns: object = None
        self.returns_none = False
        self.promise = 0
        self.is_async = False
        self.needs_await = False
        self.fault: Optional[Fault] = None
        self.support: Optional[str] = None
        self.parameters: Optional[Tuple[Parameter, ...]] = None
        self._raw: Any = None


NOTHING: Tuple[Parameter, ...] = ()
TRIVIAL = Reading()  # of every plain function that takes nothing and says nothing
TRIVIAL.parameters = NOTHING


def _is_trivial(fn: FunctionType) -> bool:
    code = fn.__code__
    return (
        not code.co_argcount
        and not code.co_kwonlyargcount
        and not code.co_flags & (ASYNC | GENERATOR | ASYNC_GENERATOR)
        and "__wrapped__" not in fn.__dict__
        and "__signature__" not in fn.__dict__
        and not _annotations(fn)
    )


def fn_module(fn: object) -> str:
    """Return the name of the module as the function has it."""
    return str(getattr(fn, "__module__", None))


class Reader:
    """Reads functions; each declaration once, however often it is planned."""

    __slots__ = ("evaluator",)

    def __init__(self) -> None:
        self.evaluator = Evaluator()

    def read(self, declaration: Declaration) -> Reading:
        """Return what a stage provides, how it is called, and the raw parameters."""
        cached: Any = declaration.cache  # Any: only this method writes it, a Reading
        if cached is not None:
            found: Reading = cached
            return found
        fn = declaration.fn
        if type(fn) is FunctionType and _is_trivial(fn) and declaration.options.provides is None:
            return TRIVIAL
        reading = Reading()
        if type(fn) is FunctionType and "__wrapped__" not in fn.__dict__:
            code = fn.__code__
            reading.is_async = code.co_flags & ASYNC != 0
            reading.support = _support(code)
            simple = "__signature__" not in fn.__dict__
        else:
            simple = False
        if simple:
            annotations = _annotations(fn)  # type: ignore[arg-type]  # a plain function by the line above
            returned = annotations.get("return", EMPTY)
            count = fn.__code__.co_argcount + fn.__code__.co_kwonlyargcount
            reading._raw = (fn, annotations) if count else None
            if not count:
                reading.parameters = NOTHING
        else:
            returned = self._read_slowly(fn, reading)
        if returned is not EMPTY or declaration.options.provides is not None:
            self._read_provides(declaration, returned, reading)
        if fn_module(fn) != "__main__" or "__file__" in namespace_of(fn):
            declaration.cache = reading
        return reading

    def read_stand_in(self, declaration: Declaration, original: Declaration) -> Reading:
        """Return what a stage that stands in for another provides: the same, unless it says."""
        reading, other = self.read(declaration), self.read(original)
        if reading.provides or reading.returns_none or reading.fault is not None:
            return reading
        if reading is TRIVIAL:
            reading = Reading()
            reading.parameters = NOTHING
        reading.provides, reading.promise = other.provides, other.promise
        reading.returns = other.returns
        return reading

    def _read_slowly(self, fn: Any, reading: Reading) -> Any:
        """Read what is not a plain function through ``inspect``; return its return annotation."""
        import inspect  # 12 ms

        inner = innermost(fn)
        code = getattr(inner, "__code__", None)
        if isinstance(code, CodeType):
            reading.support = _support(code)
        reading.is_async = _is_async(fn)
        if not reading.is_async and isinstance(code, CodeType) and code.co_flags & ASYNC:
            reading.is_async = reading.needs_await = True
        try:
            signature = inspect.signature(fn)
        except (ValueError, TypeError) as error:
            reading.support = f"its parameters cannot be read ({error}); wrap it in a function"
            reading.parameters = NOTHING
            return EMPTY
        reading._raw = (fn, signature)
        if isinstance(fn, type):
            return fn
        returned = signature.return_annotation
        return EMPTY if returned is inspect.Signature.empty else returned

    def _read_provides(self, declaration: Declaration, returned: Any, reading: Reading) -> None:
        scope = _scope(declaration.fn)
        said = declaration.options.provides
        try:
            key = None if returned is EMPTY else self._provided_key(returned, scope)
            reading.returns = key
            reading.returns_none = returned in (None, "None", NoneType)
            if said is None:
                if key is not None:
                    reading.provides = ((key, None),)
                    reading.promise = 0 if _may_be_none(key) else 1
            elif isinstance(said, tuple) and len(said) > 1:  # pyright: ignore[reportUnknownArgumentType]
                parts: Tuple[Any, ...] = said  # pyright: ignore[reportUnknownVariableType]
                reading.provides = tuple(
                    (self._provided_key(part, scope), item) for item, part in enumerate(parts)
                )
                reading.promise = len(parts)
            else:
                one: Any = next(iter(said)) if isinstance(said, tuple) else said  # pyright: ignore[reportUnknownArgumentType]
                reading.provides = ((self._provided_key(one, scope), None),)
                reading.promise = 0 if key is not None and _may_be_none(key) else 1
            reading.provides = tuple(pair for pair in reading.provides if pair[0] is not None)
        except UnresolvedError as error:
            reading.fault = Fault("unresolved", error.text, error.name)
        except BadTypeError as error:
            reading.fault = Fault("open", str(error))

    def _provided_key(self, annotation: Any, scope: Scope) -> object:
        """Return the key of a return annotation; None where it provides nothing."""
        found = self.evaluator.evaluate(annotation, scope)
        if type(found) is type and found is not object:
            return None if found is NoneType else found
        inner, markers, _ = markers_of(found)
        try:
            key = normalise(inner, lambda text: self.evaluator.evaluate(text, scope))
        except NoKeyError:
            return None
        if key is NoneType or getattr(key, "_name", None) in {"NoReturn", "Never"}:
            return None
        for marker in markers:
            if isinstance(marker, Named):
                return _named(key, marker.name)
        return key

    def parameters(self, declaration: Declaration, reading: Reading) -> Tuple[Parameter, ...]:
        """Return the parameters of a stage, their annotations evaluated."""
        unread = reading._raw  # looked at first: it is cleared after `parameters` is there
        found = reading.parameters
        if found is None:
            fn, source = unread
            raw = _from_code(fn, source) if isinstance(source, dict) else _from_inspect(fn, source)  # pyright: ignore[reportUnknownArgumentType]
            scope = _scope(declaration.fn)
            found = tuple([self._parameter(*each, scope) for each in raw])
            reading.parameters = found
            reading._raw = None
        return found

    def _parameter(
        self,
        name: str,
        annotation: Any,
        default: Any,
        is_keyword: bool,  # noqa: FBT001 - stands in a tuple of positional arguments
        scope: Scope,
    ) -> Parameter:
        parameter = Parameter(name, default, is_keyword)
        if annotation is EMPTY:
            if default is EMPTY:
                parameter.fault = Fault("bare", "")
            return parameter
        try:
            found = self.evaluator.evaluate(annotation, scope)
            if type(found) is type and found is not object:
                parameter.key = found
                return parameter
            inner, markers, mistake = markers_of(found)
            if mistake is not None:
                parameter.fault = Fault("marker", mistake)
                return parameter
            marker = markers[0] if markers else None
            parameter.marker = marker
            parameter.key = self._asked_key(inner, marker, scope)
        except UnresolvedError as error:
            parameter.fault = Fault("unresolved", error.text, error.name)
        except NoKeyError as error:
            if default is EMPTY:
                parameter.fault = Fault("no_key", str(error))
        except BadTypeError as error:
            parameter.fault = Fault("open", str(error))
        return parameter

    def _asked_key(self, inner: Any, marker: Any, scope: Scope) -> object:
        try:
            key = normalise(inner, lambda text: self.evaluator.evaluate(text, scope))
        except NoKeyError:
            if isinstance(marker, From):
                return None  # any type will do
            raise
        if isinstance(marker, Named):
            return _named(key, marker.name)
        if isinstance(marker, Collect):
            return _collected(key)
        return key


def _named(key: object, name: str) -> object:
    """Return the key with a name; in a union each member carries it, so that None stays None."""
    if not isinstance(key, UnionOf):
        return NamedKey(key, name)
    return UnionOf(tuple(m if m is NoneType else NamedKey(m, name) for m in key.members))


def _collected(key: object) -> object:
    """Check that a ``Collect`` stands on a list, tuple or sequence of something."""
    origin = getattr(key, "origin", None)
    args: Tuple[object, ...] = getattr(key, "args", ())
    name = getattr(origin, "__name__", "")
    is_tuple = origin is tuple and len(args) == 2 and args[1] is ...  # noqa: PLR2004
    if is_tuple or (name in {"list", "Sequence", "Collection", "Iterable"} and len(args) == 1):
        return key
    raise BadTypeError("`Collect()` needs a list: Annotated[list[T], Collect()]")


def _may_be_none(key: object) -> bool:
    inner = key.type if isinstance(key, NamedKey) else key
    return isinstance(inner, UnionOf) and NoneType in inner.members


def _annotations(fn: FunctionType) -> Dict[str, Any]:
    try:
        return fn.__annotations__
    except Exception:  # noqa: BLE001 - 3.14 evaluates here, and user code may raise anything
        import annotationlib  # type: ignore[import-not-found]  # pyright: ignore[reportMissingImports]  # 3.14

        return annotationlib.get_annotations(fn, format=annotationlib.Format.FORWARDREF)  # type: ignore[no-any-return]  # pyright: ignore[reportUnknownMemberType, reportUnknownVariableType]


def _scope(fn: Any) -> Scope:
    owner: Any = None
    if type(fn) is not FunctionType or "__wrapped__" in fn.__dict__:
        owner = getattr(fn, "__self__", None) if isinstance(fn, MethodType) else None
        cls = fn if isinstance(fn, type) else type(owner) if owner is not None else None
        fn = innermost(fn)
        if cls is not None:
            names = dict(vars(cls))
            if isinstance(fn, FunctionType):
                names.update(closure_names(fn))
            return Scope(namespace_of(fn), names)
    if isinstance(fn, FunctionType):
        if fn.__closure__ is None and not getattr(fn, "__type_params__", ()):
            return Scope(fn.__globals__, {})
        return Scope(fn.__globals__, closure_names(fn))
    return Scope(namespace_of(fn), {})


def innermost(fn: Any) -> Any:
    """Return the plain function inside wrappers, partials, methods, objects and classes."""
    for _ in range(100):
        if "__wrapped__" in getattr(fn, "__dict__", {}):
            fn = fn.__wrapped__
        elif isinstance(fn, MethodType):
            fn = fn.__func__
        elif hasattr(fn, "func") and hasattr(fn, "keywords"):
            fn = fn.func
        elif isinstance(fn, type):
            init = vars(fn).get("__init__")
            return init if isinstance(init, FunctionType) else fn
        elif not isinstance(fn, FunctionType) and callable(fn):
            kind: Any = type(fn)
            call = getattr(kind, "__call__", None)  # noqa: B004 - the function is wanted
            return call if isinstance(call, FunctionType) else fn
        else:
            return fn
    return fn


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


def _support(code: CodeType) -> Optional[str]:
    if code.co_flags & (GENERATOR | ASYNC_GENERATOR):
        return "a generator function cannot be a stage yet; return the value instead of yielding it"
    return None


def _from_code(fn: FunctionType, annotations: Dict[str, Any]) -> List[Tuple[str, Any, Any, bool]]:
    code = fn.__code__
    count, keywords = code.co_argcount, code.co_kwonlyargcount
    names = code.co_varnames
    defaults = fn.__defaults__ or ()
    first = count - len(defaults)
    found: List[Tuple[str, Any, Any, bool]] = []
    for place in range(count):
        default = defaults[place - first] if place >= first else EMPTY
        found.append((names[place], annotations.get(names[place], EMPTY), default, False))
    given = fn.__kwdefaults__ or {}
    for name in names[count : count + keywords]:
        found.append((name, annotations.get(name, EMPTY), given.get(name, EMPTY), True))  # noqa: PERF401
    return found


def _from_inspect(fn: Any, signature: Any) -> List[Tuple[str, Any, Any, bool]]:
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


def _bound_keywords(fn: Any) -> Dict[str, Any]:
    """Return what ``functools.partial`` has fixed by name: no longer asked for."""
    found: Dict[str, Any] = {}
    while hasattr(fn, "func") and hasattr(fn, "keywords"):
        found.update(fn.keywords)
        fn = fn.func
    return found
