"""Keys: what a parameter asks for and a stage provides.

A key is a normalised type, or a ``NamedKey`` of one. Types are normalised so that spellings of one
type are equal and different types are not: ``List[int]`` is ``list[int]``, ``Union[A, B]`` is
``B | A``, ``Annotated[T, "x"]`` is ``T``; a plain class is its own key.
"""

from __future__ import annotations

import sys

from stagekit._base.record import Record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Callable, Dict, FrozenSet, List, Optional, Tuple

NoneType = type(None)
_SCALARS: FrozenSet[object] = frozenset((bool, int, float, complex, str, bytes, NoneType))


class BadTypeError(Exception):
    """A type that cannot be a key; the text says why."""


class NoKeyError(BadTypeError):
    """A type that is fine, but that every value has: ``Any``, ``object``."""


class NamedKey(Record):
    """A key with a name: asked for by ``Annotated[T, Named(name)]``."""

    type: object
    name: str


class Parametrised:
    """A generic type with its arguments: ``list[int]`` is ``Parametrised(list, (int,))``."""

    __slots__ = ("_hash", "args", "origin")

    def __init__(self, origin: object, args: Tuple[object, ...]) -> None:
        self.origin = origin
        self.args = args
        self._hash = hash((origin, args))

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Parametrised):
            return NotImplemented
        return self.origin == other.origin and self.args == other.args

    def __hash__(self) -> int:
        return self._hash

    def __repr__(self) -> str:
        return describe(self)


class UnionOf:
    """A union of normalised types; the order of members does not count."""

    __slots__ = ("_set", "members")

    def __init__(self, members: Tuple[object, ...]) -> None:
        self.members = members
        self._set: FrozenSet[object] = frozenset(members)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, UnionOf):
            return NotImplemented
        return self._set == other._set

    def __hash__(self) -> int:
        return hash(self._set)

    def __repr__(self) -> str:
        return describe(self)


class _LiteralValue(Record):
    """A member of a ``Literal`` with its type, so that ``1`` and ``True`` differ."""

    type: type
    value: object


class _Members(tuple):  # type: ignore[type-arg]  # pyright: ignore[reportMissingTypeArgument]
    """The members of a ``Literal``: equal in any order, shown in the order as written."""

    __slots__ = ()

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Members) and set(self) == set(other)

    def __hash__(self) -> int:
        return hash(frozenset(self))  # pyright: ignore[reportUnknownArgumentType]


def is_scalar(key: object) -> bool:
    """Return whether *key* is a builtin type so common that a default must shield it."""
    return key in _SCALARS


def normalise(annotation: Any, evaluate: Optional[Callable[[Any], Any]] = None) -> object:
    """Return the key of an annotation that has been evaluated.

    Args:
        annotation: a type as the interpreter gives it. Any: annotations may be anything.
        evaluate: turns a string or ``ForwardRef`` inside a generic into a type.

    Raises:
        BadTypeError: the annotation selects nothing: ``Any``, ``object``, an open type variable.
    """
    if type(annotation) is type:
        if annotation is object:
            raise NoKeyError("`object` selects nothing, as every value is one")
        found: object = annotation
        return found
    return _normalise_special(annotation, evaluate)


def _normalise_special(annotation: Any, evaluate: Optional[Callable[[Any], Any]]) -> object:
    import typing

    if annotation is None:
        return NoneType
    if annotation is typing.Any:
        raise NoKeyError("`Any` selects nothing, as every value fits it")
    if hasattr(annotation, "__metadata__") and hasattr(annotation, "__origin__"):
        return normalise(annotation.__origin__, evaluate)
    if isinstance(annotation, (str, typing.ForwardRef, typing.TypeVar)):
        return _normalise_name(annotation, evaluate)
    origin = typing.get_origin(annotation)
    if type(annotation).__name__ == "TypeAliasType" or type(origin).__name__ == "TypeAliasType":
        return normalise(_alias_value(annotation, origin), evaluate)
    if origin is None:
        return _bare(annotation)
    # before Python 3.11, Tuple[()] has () as its only argument
    given: Tuple[Any, ...] = typing.get_args(annotation)
    args: Tuple[Any, ...] = () if given == ((),) else given
    if origin is typing.Union or type(annotation).__name__ == "UnionType":
        return _union(tuple(normalise(member, evaluate) for member in args))
    if getattr(origin, "_name", None) == "Literal":
        return Parametrised(origin, _Members([_LiteralValue(type(arg), arg) for arg in args]))  # pyright: ignore[reportUnknownArgumentType]
    if not args and origin is not tuple:
        return origin
    return Parametrised(origin, tuple(_argument(arg, evaluate) for arg in args))


def _normalise_name(annotation: Any, evaluate: Optional[Callable[[Any], Any]]) -> object:
    """Normalise what stands for a type: a text, a reference, a type variable."""
    found = annotation if evaluate is None else evaluate(annotation)
    if found is not annotation:
        return normalise(found, evaluate)
    name = getattr(annotation, "__name__", None)
    if name is None:
        raise BadTypeError(f"`{annotation}` is a text, not a type")
    raise BadTypeError(f"the type variable `{name}` is open; write the type it stands for")


def _argument(arg: Any, evaluate: Optional[Callable[[Any], Any]]) -> object:
    """Normalise an argument of a generic, where ``Any``, ``object`` and ``...`` are fine."""
    import typing

    if arg is ... or arg is typing.Any or arg is object:
        return arg
    if type(arg).__name__ == "ParamSpec":  # before Python 3.10 a list that contains itself
        raise BadTypeError(f"the parameters `{arg.__name__}` are open; write their types")
    if isinstance(arg, (list, tuple)):  # the parameters of a Callable
        parts: Tuple[Any, ...] = tuple(arg)  # pyright: ignore[reportUnknownArgumentType, reportUnknownVariableType]
        return tuple(_argument(part, evaluate) for part in parts)
    return normalise(arg, evaluate)


def _bare(annotation: Any) -> object:
    """Classes with a metaclass, NewTypes, protocols: keys of their own."""
    try:
        hash(annotation)
    except TypeError:
        raise BadTypeError(f"`{annotation!r}` is not a type") from None
    if isinstance(annotation, type) or hasattr(annotation, "__supertype__"):
        found: object = annotation
        return found
    if type(annotation).__module__ in {"typing", "typing_extensions"}:
        return annotation
    raise BadTypeError(f"`{annotation!r}` is not a type")


def _alias_value(annotation: Any, origin: Any) -> Any:
    """Look through ``type Alias = ...`` (PEP 695), filling in the arguments of a generic one."""
    import typing

    if origin is None or type(origin).__name__ != "TypeAliasType":
        return annotation.__value__
    return origin.__value__[typing.get_args(annotation)]


def _union(members: Tuple[object, ...]) -> object:
    flat: List[object] = []
    for member in members:
        for part in member.members if isinstance(member, UnionOf) else (member,):
            if part not in flat:
                flat.append(part)
    return flat[0] if len(flat) == 1 else UnionOf(tuple(flat))


def describe(key: object) -> str:
    """Return a key as a user would write it: ``list[Orders]``, ``Orders named 'eu'``."""
    return _text(key, _short)


def describe_fully(key: object) -> str:
    """Return a key with the modules of its types, to tell types of one name apart."""
    return _text(key, _full)


def _short(cls: Any) -> str:
    if hasattr(cls, "__supertype__"):  # a NewType; before Python 3.10 it is a function
        return str(cls.__name__)
    name = getattr(cls, "__qualname__", None) or getattr(cls, "__name__", None)
    return str(name).replace("<locals>.", "") if name else repr(cls).rpartition(".")[2]


def _full(cls: Any) -> str:
    module = getattr(cls, "__module__", "")
    return _short(cls) if module in {"builtins", "typing"} else f"{module}.{_short(cls)}"


def _text(key: object, name: Callable[[Any], str]) -> str:
    if isinstance(key, NamedKey):
        return f"{_text(key.type, name)} named {key.name!r}"
    if isinstance(key, UnionOf):
        return _union_text(key, name)
    if isinstance(key, Parametrised):
        inner = ", ".join(_text(arg, name) for arg in key.args) or "()"
        return f"{name(key.origin)}[{inner}]"
    if isinstance(key, _LiteralValue):
        return repr(key.value)
    if isinstance(key, tuple):
        return "[" + ", ".join(_text(part, name) for part in key) + "]"  # pyright: ignore[reportUnknownVariableType, reportUnknownArgumentType]
    if key is ...:
        return "..."
    return "None" if key is NoneType else name(key)


def _union_text(key: UnionOf, name: Callable[[Any], str]) -> str:
    texts = sorted(_text(member, name) for member in key.members if member is not NoneType)
    if NoneType not in key.members:
        return " | ".join(texts)
    return f"Optional[{texts[0]}]" if len(texts) == 1 else " | ".join([*texts, "None"])


def class_of(key: object) -> Optional[type]:
    """Return the class behind a key, for near misses: ``list`` for ``list[int]``."""
    if isinstance(key, NamedKey):
        return class_of(key.type)
    if isinstance(key, Parametrised):
        return class_of(key.origin)
    return key if isinstance(key, type) else None


def builtin_names() -> Dict[str, object]:
    """Return the names that every annotation can see."""
    return vars(sys.modules["builtins"])


def named(key: object, name: str) -> object:
    """Return the key with a name; in a union each member carries it, so that None stays None."""
    if not isinstance(key, UnionOf):
        return NamedKey(key, name)
    return UnionOf(tuple(m if m is NoneType else NamedKey(m, name) for m in key.members))


def may_be_none(key: object) -> bool:
    """Return whether None is a value of this key."""
    inner = key.type if isinstance(key, NamedKey) else key
    return isinstance(inner, UnionOf) and NoneType in inner.members


def members_of(key: object) -> Tuple[object, ...]:
    """Return the members of a union but for None; of any other key itself."""
    if isinstance(key, UnionOf):
        return tuple(member for member in key.members if member is not NoneType)
    return (key,)
