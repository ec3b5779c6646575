"""``dataclass(frozen=True)`` without compiling code for each class, which costs a millisecond each.

For data that users get: events, reports. What ``dataclasses`` offers for its classes works with
them: ``fields``, ``replace``, ``asdict``, ``match``. For records of our own there is ``Record``.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from inspect import Parameter, Signature
    from typing import Any, Callable, Tuple, TypeVar

    T = TypeVar("T")


def dataclass(*, frozen: bool) -> Callable[[type[T]], type[T]]:  # noqa: ARG001 - as its twin
    """Make a class a frozen data class: of its annotations, and of those of its bases.

    Type checkers are shown the one of ``dataclasses``, so that they know what is made here.
    """

    def decorate(cls: type[T]) -> type[T]:
        made: Any = cls  # Any: attributes are added that no type has
        inherited: Tuple[str, ...] = getattr(cls, "__match_args__", ())
        own = [
            name
            for name, annotation in cls.__annotations__.items()  # texts, as of our own modules
            if name not in inherited and not annotation.startswith("ClassVar[")
        ]
        made.__match_args__ = (*inherited, *own)  # type: ignore[misc]  # of any class
        if not inherited:
            for name, method in _METHODS.items():
                setattr(cls, name, method)
        return cls

    return decorate


def field_names(cls: Any) -> Tuple[str, ...]:
    """Return the names of the fields of such a class, those of its bases first."""
    names: Tuple[str, ...] = cls.__match_args__
    return names


def _init(self: Any, *args: Any, **kwargs: Any) -> None:
    names = self.__match_args__
    if kwargs or len(args) != len(names):
        signature: Signature = _class_of(self).__signature__
        bound = signature.bind(*args, **kwargs)
        bound.apply_defaults()
        args = bound.args
    self.__dict__.update(zip(names, args))


def _class_of(value: Any) -> Any:
    return type(value)  # pyright: ignore[reportUnknownVariableType]  # of any value


def _eq(self: Any, other: Any) -> Any:
    return self.__dict__ == other.__dict__ if type(self) is type(other) else NotImplemented


def _hash(self: Any) -> int:
    return hash(tuple(self.__dict__.values()))


def _repr(self: Any) -> str:
    parts = ", ".join(f"{name}={value!r}" for name, value in self.__dict__.items())
    return f"{type(self).__qualname__}({parts})"


def _set(_self: Any, name: str, _value: object) -> None:
    from dataclasses import FrozenInstanceError

    raise FrozenInstanceError(f"cannot assign to field {name!r}")


def _delete(_self: Any, name: str) -> None:
    from dataclasses import FrozenInstanceError

    raise FrozenInstanceError(f"cannot delete field {name!r}")


def _replace(self: Any, /, **changes: Any) -> Any:
    from dataclasses import replace

    return replace(self, **changes)


def _signature(cls: Any) -> Signature:
    from inspect import Parameter, Signature

    annotations = {
        name: annotation
        for base in reversed(cls.__mro__)
        for name, annotation in getattr(base, "__annotations__", {}).items()
    }
    parameters = [
        Parameter(
            name,
            Parameter.POSITIONAL_OR_KEYWORD,
            default=getattr(cls, name, Parameter.empty),
            annotation=annotations[name],
        )
        for name in cls.__match_args__
    ]
    return Signature(parameters, return_annotation=None)


def _twin(cls: Any) -> Any:
    """Return a class that ``dataclasses`` has made of the same fields."""
    from dataclasses import MISSING, field, make_dataclass

    fields = [
        (each.name, each.annotation, field(default=_default(each, MISSING)))
        for each in cls.__signature__.parameters.values()
    ]
    return make_dataclass(cls.__name__, fields, frozen=True)


def _default(parameter: Parameter, missing: Any) -> Any:
    return missing if parameter.default is parameter.empty else parameter.default


class _Made:
    """An attribute of a class that is made when it is asked for."""

    def __init__(self, make: Callable[[Any], Any]) -> None:
        self._make = make
        self._made: dict[Any, Any] = {}

    def __get__(self, _instance: object, owner: Any) -> Any:
        if owner not in self._made:
            self._made[owner] = self._make(owner)
        return self._made[owner]


_METHODS = {
    "__init__": _init,
    "__eq__": _eq,
    "__hash__": _hash,
    "__repr__": _repr,
    "__setattr__": _set,
    "__delattr__": _delete,
    "__replace__": _replace,
    "__signature__": _Made(_signature),
    "__dataclass_fields__": _Made(lambda cls: _twin(cls).__dataclass_fields__),
    "__dataclass_params__": _Made(lambda cls: _twin(cls).__dataclass_params__),
}
