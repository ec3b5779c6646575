"""From an annotation as written to the object it means: texts, forward references, closures."""

from __future__ import annotations

import sys
from types import FunctionType, MethodType

from stagekit._base.keys import builtin_names
from stagekit._base.record import Record
from stagekit._base.refs import Marker
from stagekit._declare.callables import namespace_of, unwrap_partial

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Dict, List, Mapping, Optional, Tuple

_NO_ARGUMENTS: Mapping[Any, Any] = {}


class UnresolvedError(Exception):
    """An annotation cannot be evaluated; *name* is the name that is not known, if it is that."""

    def __init__(self, text: str, cause: BaseException, name: Optional[str]) -> None:
        super().__init__(text, cause, name)
        self.text = text
        self.cause = cause
        self.name = name


class Scope(Record):
    """The names that the annotations of one function can see.

    ``arguments`` has the type that each type variable stands for: ``int`` for the ``T`` of
    ``Repo[T]`` in a method of a subclass of ``Repo[int]``.
    """

    globals: Dict[str, Any]
    locals: Dict[str, Any]
    arguments: Mapping[Any, Any]


class Evaluator:
    """Evaluates the annotations of one planning, each text once per module."""

    __slots__ = ("_codes", "_known")

    def __init__(self) -> None:
        self._codes: Dict[str, Any] = {}
        self._known: Dict[Tuple[int, str], Any] = {}

    def evaluate(self, annotation: Any, scope: Scope) -> Any:
        """Return what a text or ``ForwardRef`` means; anything else as it is.

        Raises:
            UnresolvedError: a name is unknown, or the text is not an expression.
        """
        is_text = type(annotation) is str
        text = annotation if is_text else getattr(annotation, "__forward_arg__", None)
        found = annotation if text is None else self._of_text(text, scope)
        kind = type(found).__name__
        if kind == "InitVar":  # of a dataclass: the type of the parameter stands in it
            return self.evaluate(found.type, scope)
        return scope.arguments.get(found, found) if kind == "TypeVar" else found

    def _of_text(self, annotation: str, scope: Scope) -> Any:
        if scope.locals:
            return self._evaluate(annotation, scope)
        key = (id(scope.globals), annotation)
        if key in self._known:
            return self._known[key]
        found = self._known[key] = self._evaluate(annotation, scope)
        return found

    def _evaluate(self, text: str, scope: Scope) -> Any:
        if text in scope.locals:
            return scope.locals[text]
        if text in scope.globals:
            return scope.globals[text]
        if text in builtin_names():
            return builtin_names()[text]
        try:
            parts = _subscript(text, scope)
            if parts is not None:
                return parts[0][parts[1]]
            code = self._codes.get(text)
            if code is None:
                code = self._codes[text] = compile(text.strip(), "<annotation>", "eval")
            return eval(code, scope.globals, scope.locals)  # noqa: S307 - the user's own code
        except TypeError as error:
            return _evaluate_backport(text, scope, error)
        except KeyboardInterrupt:
            raise
        except BaseException as error:  # even SystemExit: it is the user's code
            raise UnresolvedError(
                text, error, getattr(error, "name", None) or _name(error)
            ) from error


def _subscript(text: str, scope: Scope) -> Optional[Tuple[Any, Any]]:
    """Return what the names in ``A[B]`` mean, so that the most common text is not compiled."""
    base, _, rest = text.partition("[")
    names, argument = scope.globals, rest[:-1]
    if scope.locals or rest[-1:] != "]" or base not in names or argument not in names:
        return None
    return names[base], names[argument]


def _name(error: BaseException) -> Optional[str]:
    """Return the unknown name of a ``NameError``; its attribute exists from Python 3.10 on."""
    if not isinstance(error, NameError):
        return None
    parts = str(error).split("'")
    return parts[1] if len(parts) > 1 else None


def _evaluate_backport(text: str, scope: Scope, error: TypeError) -> Any:
    """Evaluate ``X | None`` and ``list[int]`` where the interpreter is older than they are."""
    if sys.version_info < (3, 10):  # pragma: no cover - older interpreters
        import typing

        from eval_type_backport import eval_type_backport  # 15 ms

        try:
            return eval_type_backport(
                typing.ForwardRef(text), scope.globals, scope.locals, try_default=False
            )
        except Exception as inner:
            raise UnresolvedError(text, inner, _name(inner)) from inner
    raise UnresolvedError(text, error, None) from error


def annotations_of(fn: FunctionType) -> Dict[str, Any]:
    """Return the annotations of a function; as texts or references where evaluating them fails."""
    try:
        return fn.__annotations__
    except KeyboardInterrupt:  # pragma: no cover - as below
        raise
    except BaseException:  # noqa: BLE001  # pragma: no cover - 3.14 evaluates here; any code may raise
        import annotationlib  # type: ignore[import-not-found]  # pyright: ignore[reportMissingImports]  # 3.14

        forms: Any = annotationlib.Format  # pyright: ignore[reportUnknownMemberType, reportUnknownVariableType]
        try:
            found: Dict[str, Any] = annotationlib.get_annotations(fn, format=forms.FORWARDREF)  # pyright: ignore[reportUnknownMemberType, reportUnknownVariableType]
        except BaseException:  # noqa: BLE001 - no unknown name: the code of the annotation itself
            found = annotationlib.get_annotations(fn, format=forms.STRING)  # pyright: ignore[reportUnknownMemberType, reportUnknownVariableType]
        return found  # pyright: ignore[reportUnknownVariableType]


def closure_names(fn: Any) -> Dict[str, Any]:  # Any: a function of the user's
    """Return the enclosing names that a function has kept, and its type parameters."""
    found: Dict[str, Any] = {}
    for parameter in getattr(fn, "__type_params__", ()):
        found[parameter.__name__] = parameter
    cells = getattr(fn, "__closure__", None)
    for name, cell in zip(fn.__code__.co_freevars, cells or ()):
        try:
            found[name] = cell.cell_contents
        except ValueError:  # not bound yet
            continue
    return found


def _hidden(annotation: Any) -> Optional[str]:
    """Return what is wrong where a marker stands inside a union instead of around it."""
    for member in getattr(annotation, "__args__", None) or ():
        if any(isinstance(item, Marker) for item in getattr(member, "__metadata__", ())):
            return (
                "a marker inside a union is not seen; "
                "write it around the whole: Annotated[Optional[T], ...]"
            )
    return None


def markers_of(annotation: Any) -> Tuple[Any, List[Any], Optional[str]]:
    """Split ``Annotated``: the type, our markers in order, and what is wrong with them."""
    metadata = getattr(annotation, "__metadata__", None)
    if metadata is None or not hasattr(annotation, "__origin__"):
        return annotation, [], _hidden(annotation)
    markers: List[Any] = []
    mistake: Optional[str] = None
    for item in metadata:
        if isinstance(item, Marker):
            markers.append(item)
        elif isinstance(item, type) and issubclass(item, Marker):
            mistake = f"`{item.__name__}` is in `Annotated` without parentheses"
    names = [type(marker).__name__ for marker in markers]
    if any(marker.is_each for marker in markers):
        markers, mistake = _each(markers, mistake)
    elif len(names) > 1:
        mistake = f"only one of {' and '.join(names)} can be in one `Annotated`"
    return annotation.__origin__, markers, mistake


def _each(markers: List[Any], mistake: Optional[str]) -> Tuple[List[Any], Optional[str]]:
    """Make one marker of ``Each`` and what stands beside it; say what is wrong."""
    from stagekit._base.each import each_of
    from stagekit._plan.sources import rule_of

    if len(markers) == 1:
        return markers, mistake
    eaches = [marker for marker in markers if marker.is_each]
    others = [marker for marker in markers if not marker.is_each]
    if len(markers) == 2 and len(others) == 1:  # noqa: PLR2004
        rule = rule_of(others[0])
        if rule is not None and rule.goes_with_each:
            return [each_of(others[0], eaches[0])], mistake
    names = [type(marker).__name__ for marker in markers]
    return markers, f"{' and '.join(names)} cannot be in one `Annotated`"


def scope_of(fn: Any) -> Scope:  # Any: whatever was declared
    """Return where the names in the annotations of a stage are looked up."""
    names: Dict[str, Any] = {}
    arguments = _NO_ARGUMENTS
    if type(fn) is not FunctionType or "__wrapped__" in fn.__dict__:
        owner: Any = unwrap_partial(fn)
        inner = innermost(fn)
        if isinstance(owner, (MethodType, type)):
            owner = getattr(owner, "__self__", owner)
            names = dict(vars(owner if isinstance(owner, type) else type(owner)))
        arguments = _type_arguments(owner, inner)
        fn = inner
    elif fn.__closure__ is None and not getattr(fn, "__type_params__", ()):
        return Scope(fn.__globals__, names, arguments)
    if isinstance(fn, FunctionType):
        names.update(closure_names(fn))
    return Scope(namespace_of(fn), names, arguments)


def _type_arguments(owner: Any, fn: Any) -> Mapping[Any, Any]:
    """Return what the type variables stand for in a method of an object, or in its class's call."""
    cls: Any = owner if isinstance(owner, type) else type(owner)
    if not hasattr(cls, "__orig_bases__"):
        return _NO_ARGUMENTS
    name = getattr(fn, "__name__", None)
    home = next((each for each in cls.__mro__ if _defines(each, name, fn)), None)
    return _arguments_in(home, getattr(owner, "__orig_class__", cls), {}) or _NO_ARGUMENTS


def _defines(cls: type, name: Any, fn: Any) -> bool:
    found = vars(cls).get(name)
    return innermost(getattr(found, "__func__", found)) is fn  # a class method has it


def _arguments_in(home: Any, generic: Any, known: Mapping[Any, Any]) -> Optional[Mapping[Any, Any]]:
    """Return the arguments of a base class, as the bases of *generic* give them; None: no base."""
    import typing

    origin = typing.get_origin(generic) or generic
    variables = getattr(origin, "__parameters__", ())
    given = [_filled(argument, known) for argument in typing.get_args(generic)]
    own = dict(zip(variables, given))
    if origin is home:
        return own
    bodies: Mapping[str, Any] = vars(origin) if isinstance(origin, type) else {}
    bases: Tuple[Any, ...] = bodies.get("__orig_bases__", getattr(origin, "__bases__", ()))
    for base in bases:
        found = _arguments_in(home, base, own)
        if found is not None:
            return found
    return None


def _filled(argument: Any, known: Mapping[Any, Any]) -> Any:
    if type(argument).__name__ == "TypeVar":
        return known.get(argument, argument)
    variables = getattr(argument, "__parameters__", ())
    if not variables or isinstance(argument, type):
        return argument
    return argument[tuple(known.get(each, each) for each in variables)]


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
            if "__init__" not in vars(fn) and hasattr(fn, "__signature__"):
                return fn  # as attrs and pydantic make them
            init: Any = getattr(fn, "__init__")  # noqa: B009 - of the class, maybe inherited
            return init if isinstance(init, FunctionType) else fn
        elif not isinstance(fn, FunctionType) and callable(fn):
            kind: Any = type(fn)
            call = getattr(kind, "__call__", None)  # noqa: B004 - the function is wanted
            return call if isinstance(call, FunctionType) else fn
        else:
            return fn
    return fn
