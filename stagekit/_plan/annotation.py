"""From an annotation as written to the object it means: texts, forward references, closures."""

from __future__ import annotations

import sys
from typing import Any, Dict, List, NamedTuple, Optional, Tuple

from stagekit._base.keys import builtin_names
from stagekit._base.refs import Collect, From, Named

__all__ = ["Evaluator", "Scope", "UnresolvedError", "closure_names", "markers_of"]

MARKERS = (From, Named, Collect)


class UnresolvedError(Exception):
    """An annotation cannot be evaluated; *name* is the name that is not known, if it is that."""

    def __init__(self, text: str, cause: BaseException, name: Optional[str]) -> None:
        super().__init__(text, cause, name)
        self.text = text
        self.cause = cause
        self.name = name


class Scope(NamedTuple):
    """The names that the annotations of one function can see."""

    globals: Dict[str, Any]
    locals: Dict[str, Any]


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
        if type(annotation) is not str:
            text = getattr(annotation, "__forward_arg__", None)
            if text is None:
                return annotation
            annotation = text
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
            code = self._codes.get(text)
            if code is None:
                code = self._codes[text] = compile(text.strip(), "<annotation>", "eval")
            return eval(code, scope.globals, scope.locals)  # noqa: S307 - the user's own code
        except TypeError as error:
            return _evaluate_backport(text, scope, error)
        except Exception as error:
            raise UnresolvedError(
                text, error, getattr(error, "name", None) or _name(error)
            ) from error


def _name(error: BaseException) -> Optional[str]:
    """Return the unknown name of a ``NameError``; its attribute exists from Python 3.10 on."""
    if not isinstance(error, NameError):
        return None
    parts = str(error).split("'")
    return parts[1] if len(parts) > 1 else None


def _evaluate_backport(text: str, scope: Scope, error: TypeError) -> Any:
    """Evaluate ``X | None`` and ``list[int]`` where the interpreter is older than they are."""
    if sys.version_info < (3, 10):
        import typing

        from eval_type_backport import eval_type_backport  # 15 ms

        try:
            return eval_type_backport(
                typing.ForwardRef(text), scope.globals, scope.locals, try_default=False
            )
        except Exception as inner:
            raise UnresolvedError(text, inner, _name(inner)) from inner
    raise UnresolvedError(text, error, None) from error


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
        if any(type(item) in MARKERS for item in getattr(member, "__metadata__", ())):
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
        if type(item) in MARKERS:
            markers.append(item)
        elif isinstance(item, type) and item in MARKERS:
            mistake = f"`{item.__name__}` stands in `Annotated` without its parentheses"
    names = [type(marker).__name__ for marker in markers]
    if len(names) > 1:
        mistake = f"only one of {' and '.join(names)} can stand in one `Annotated`"
    return annotation.__origin__, markers, mistake
