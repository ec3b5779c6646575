"""What a stage asks for and provides, read from its function once."""

from __future__ import annotations

import sys
from types import FunctionType

from stagekit._base.keys import (
    BadTypeError,
    NoKeyError,
    NoneType,
    may_be_none,
    normalise,
)
from stagekit._base.refs import Marker
from stagekit._declare.callables import namespace_of
from stagekit._declare.declaration import Declaration
from stagekit._plan.annotation import (
    Evaluator,
    Scope,
    UnresolvedError,
    annotations_of,
    markers_of,
    scope_of,
)
from stagekit._plan.signature_data import (
    AS_DEFAULT,
    ASYNC,
    BARE,
    EMPTY,
    IS_GENERATOR,
    MARKER,
    NO_KEY,
    NOTHING,
    OPEN,
    TRIVIAL,
    UNRESOLVED,
    Fault,
    Parameter,
    Reading,
    read_generator,
    written,
)
from stagekit._plan.sources import BY_TYPE, rule_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Dict, FrozenSet, List, Optional, Tuple

EACH = "stagekit._base.each"
_NO_MARKERS: FrozenSet[Any] = frozenset(  # types of defaults
    {type(EMPTY), NoneType, bool, int, float, str, tuple}
)


def _is_trivial(fn: FunctionType) -> bool:
    code = fn.__code__
    return (
        not code.co_argcount
        and not code.co_kwonlyargcount
        and not code.co_flags & (ASYNC | IS_GENERATOR)
        and "__wrapped__" not in fn.__dict__
        and "__signature__" not in fn.__dict__
        and not annotations_of(fn)
    )


def fn_module(fn: object) -> str:
    """Return the name of the module as the function has it."""
    return str(getattr(fn, "__module__", None))


class Reader:
    """Reads functions; each declaration once, however often it is planned."""

    __slots__ = ("_keys", "evaluator")

    def __init__(self) -> None:
        self.evaluator = Evaluator()
        self._keys: Dict[int, Tuple[object, object]] = {}  # the annotation is kept with its key

    def read(self, declaration: Declaration) -> Reading:
        """Return what a stage provides, how it is called, and the raw parameters."""
        cached: Any = declaration.cache  # Any: only this method writes it, a Reading
        if cached is not None:
            found: Reading = cached
            return found
        fn = declaration.fn
        options = declaration.options
        if (
            type(fn) is FunctionType
            and _is_trivial(fn)
            and options.provides is None
            and options.policy is None
        ):
            return TRIVIAL
        reading = Reading()
        reading.has_policy = options.policy is not None
        if type(fn) is FunctionType and "__wrapped__" not in fn.__dict__:
            code = fn.__code__
            reading.is_async = code.co_flags & ASYNC != 0
            if code.co_flags & IS_GENERATOR:
                read_generator(reading, code)
            simple = "__signature__" not in fn.__dict__
        else:
            simple = False
        if simple:
            annotations = annotations_of(fn)  # type: ignore[arg-type]  # a plain function by the line above
            returned = annotations.get("return", EMPTY)
            count = fn.__code__.co_argcount + fn.__code__.co_kwonlyargcount
            reading.raw = (fn, annotations) if count else None
            if not count:
                reading.parameters = NOTHING
        else:
            from stagekit._plan.signature_inspect import read_callable

            returned = read_callable(fn, reading)
        if returned is not EMPTY or options.provides is not None:
            self._read_provides(declaration, returned, reading)
        if reading.raw is not None and (EACH in sys.modules or _says_each(reading.raw[1])):
            asked = self.parameters(declaration, reading)
            reading.has_each = any(each.takes_items for each in asked)
            reading.has_policy = reading.has_policy or reading.has_each
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

    def _read_provides(self, declaration: Declaration, returned: Any, reading: Reading) -> None:
        said = declaration.options.provides
        if said is None and _is_class(returned) and not reading.is_resource:
            reading.returns, reading.returns_none = returned, returned is NoneType
            if returned is not NoneType:
                reading.provides, reading.promise = ((returned, None),), 1
            return
        scope = scope_of(declaration.fn)
        try:
            if reading.is_resource and returned is not EMPTY:
                from stagekit._plan.signature_inspect import yielded

                returned = yielded(self.evaluator.evaluate(returned, scope))
            key = None if returned is EMPTY else self._provided_key(returned, scope)
            reading.returns = key
            reading.returns_none = returned in (None, "None", NoneType)
            if said is None:
                if key is not None:
                    reading.provides = ((key, None),)
                    reading.promise = 0 if may_be_none(key) else 1
            elif isinstance(said, tuple) and len(said) > 1:  # pyright: ignore[reportUnknownArgumentType]
                parts: Tuple[Any, ...] = said  # pyright: ignore[reportUnknownVariableType]
                reading.provides = tuple(
                    (self._provided_key(part, scope), item) for item, part in enumerate(parts)
                )
                reading.promise = len(parts)
            else:
                one: Any = next(iter(said)) if isinstance(said, tuple) else said  # pyright: ignore[reportUnknownArgumentType]
                reading.provides = ((self._provided_key(one, scope), None),)
                reading.promise = 0 if key is not None and may_be_none(key) else 1
            reading.provides = tuple(pair for pair in reading.provides if pair[0] is not None)
        except UnresolvedError as error:
            reading.fault = Fault(UNRESOLVED, error.text, error.name)
        except BadTypeError as error:
            reading.fault = Fault(OPEN, str(error))

    def _provided_key(self, annotation: Any, scope: Scope) -> object:
        """Return the key of a return annotation; None where it provides nothing."""
        found = self.evaluator.evaluate(annotation, scope)
        if _is_class(found):
            return None if found is NoneType else found
        inner, markers, mistake = self._split(found)
        rule = rule_of(markers[0] if markers else None)
        if mistake is None and markers and not (rule is not None and rule.names_value):
            mistake = f"`{type(markers[0]).__name__}` is for parameters; a returned value has none"
        if mistake is not None:
            raise BadTypeError(mistake)
        try:
            key = self._key_of(inner, scope)
        except NoKeyError:
            return None
        if key is NoneType or getattr(key, "_name", None) in {"NoReturn", "Never"}:
            return None
        return rule.key(markers[0], key) if rule is not None and markers else key

    def _split(self, found: Any) -> Tuple[Any, List[Any], Optional[str]]:
        if id(found) in self._keys:  # neither markers nor mistakes
            return found, [], None
        return markers_of(found)

    def _key_of(self, annotation: Any, scope: Scope) -> object:
        """Return the key of an annotation; the same for the same object, unless it has texts."""
        known = self._keys.get(id(annotation))
        if known is not None:
            return known[1]
        texts: List[object] = []

        def evaluate(text: object) -> object:
            texts.append(text)
            return self.evaluator.evaluate(text, scope)

        key = normalise(annotation, evaluate)
        if not texts and not hasattr(annotation, "__metadata__"):
            self._keys[id(annotation)] = (annotation, key)
        return key

    def parameters(self, declaration: Declaration, reading: Reading) -> Tuple[Parameter, ...]:
        """Return the parameters of a stage, their annotations evaluated."""
        unread = reading.raw  # looked at first: it is cleared after `parameters` is there
        found = reading.parameters
        if found is None:
            fn, source = unread
            if isinstance(source, dict):
                raw = written(fn, source)  # pyright: ignore[reportUnknownArgumentType]
            else:
                from stagekit._plan.signature_inspect import parameters_of

                raw = parameters_of(fn, source)
            scope: Optional[Scope] = None
            made: List[Parameter] = []
            for name, annotation, default, is_keyword in raw:
                parameter = Parameter(name, default, is_keyword)
                if _is_class(annotation):
                    parameter.key = annotation
                else:
                    scope = scope or scope_of(declaration.fn)
                    self._read_annotation(parameter, annotation, scope)
                if type(default) not in _NO_MARKERS and _is_marker(default):
                    parameter.fault = Fault(AS_DEFAULT, "")
                made.append(parameter)
            found = tuple(made)
            reading.parameters = found
            reading.raw = None
        return found

    def _read_annotation(self, parameter: Parameter, annotation: Any, scope: Scope) -> None:
        default = parameter.default
        if annotation is EMPTY:
            if default is EMPTY:
                parameter.fault = Fault(BARE, "")
            return
        try:
            found = self.evaluator.evaluate(annotation, scope)
            if _is_class(found):
                parameter.key = found
                return
            inner, markers, mistake = self._split(found)
            if mistake is not None:
                parameter.fault = Fault(MARKER, mistake)
                return
            marker = markers[0] if markers else None
            parameter.marker = marker
            if parameter.takes_items and default is not EMPTY:
                parameter.fault = Fault(MARKER, "`Each()` and a default exclude each other")
            beside = marker.source if marker is not None and marker.is_each else marker
            parameter.key = self._asked_key(inner, beside, scope)
        except UnresolvedError as error:
            parameter.fault = Fault(UNRESOLVED, error.text, error.name)
        except NoKeyError as error:
            if default is EMPTY:
                parameter.fault = Fault(NO_KEY, str(error))
        except BadTypeError as error:
            parameter.fault = Fault(OPEN, str(error))

    def _asked_key(self, inner: Any, marker: Any, scope: Scope) -> object:
        rule = rule_of(marker) or BY_TYPE
        try:
            key = self._key_of(inner, scope)
        except NoKeyError:
            if rule.needs_type:
                raise
            return None  # any type will do
        return rule.key(marker, key)


def _is_class(annotation: object) -> bool:
    """Return whether an annotation is a class, which is a key as it is."""
    return type(annotation) is type and annotation is not object


def _is_marker(default: object) -> bool:
    """Return whether what stands as a default is ``From(load)`` and the like, or its class."""
    return issubclass(default if isinstance(default, type) else type(default), Marker)


def _says_each(source: Any) -> bool:  # Any: annotations, or a signature with them
    """Say whether the text of an annotation has the word; objects load the module of ``Each``."""
    if not isinstance(source, dict):
        source = {name: each.annotation for name, each in source.parameters.items()}
    for annotation in source.values():  # noqa: SIM110  # pyright: ignore[reportUnknownVariableType] - on the way of every first plan
        if type(annotation) is str and "Each" in annotation:  # pyright: ignore[reportUnknownArgumentType]
            return True
    return False
