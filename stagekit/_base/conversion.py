"""Plain types: which they are, values of theirs from text and from data, checks of values.

Pydantic converts and checks, all but what needs neither. It takes 100 ms to import, and is loaded
only for a parameter that is set.
"""

from __future__ import annotations

import sys

from stagekit._base.keys import NamedKey, NoneType, Parametrised, UnionOf, may_be_none, members_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Callable, Dict, List, Tuple

# Any: types, and values of them

_BUILTIN = (str, int, float, bool, bytes)
_OTHERS = {  # classes that no key can be where their module is not loaded
    "pathlib": ("Path", "PurePath"),
    "decimal": ("Decimal",),
    "datetime": ("date", "datetime", "timedelta"),
    "uuid": ("UUID",),
}
_CONTAINERS = {list: "List", set: "Set", frozenset: "FrozenSet", tuple: "Tuple", dict: "Dict"}
_EXAMPLES = {
    "int": "1",
    "float": "0.5",
    "bool": "true",
    "Decimal": "1.50",
    "date": "2026-11-30",
    "datetime": "2026-11-30T12:00:00",
    "timedelta": "90",
    "UUID": "12345678-1234-5678-1234-567812345678",
}
_MOST_MISTAKES = 5  # of one value
_MOST_SHOWN = 60  # characters of a value


class UnfitError(Exception):
    """A value does not fit its type.

    Attributes:
        mistakes: why, a line for each part of the value.
    """

    def __init__(self, *mistakes: str) -> None:
        super().__init__(*mistakes)
        self.mistakes = mistakes


def is_plain(key: object) -> bool:
    """Return whether values of a type can be written as text."""
    return _is_plain(key, ())


def is_simple(key: object) -> bool:
    """Return whether values of a plain type are one word each: a number, a text, a path, a day."""
    found = _inner(key)
    if isinstance(found, Parametrised):
        return _is_literal(found)
    is_made = hasattr(found, "__supertype__") or hasattr(found, "__dataclass_fields__")
    return is_plain(key) and not is_made


def _is_plain(key: Any, around: Tuple[object, ...]) -> bool:
    key = _unnamed(key)
    if key in _BUILTIN or _is_leaf(key):
        return True
    if isinstance(key, UnionOf):
        (first, *others) = members_of(key)
        return not others and may_be_none(key) and _is_plain(first, around)
    if isinstance(key, Parametrised):
        if _is_literal(key):
            return True
        parts = [each for each in key.args if each is not ...]
        return _container(key) != "" and all(_is_plain(each, around) for each in parts)
    if hasattr(key, "__supertype__"):  # a NewType
        return _is_plain(_normalised(key.__supertype__), around)
    if not isinstance(key, type) or not hasattr(key, "__dataclass_fields__") or key in around:
        return False
    return all(_is_plain(each, (*around, key)) for each in _fields(key))


def _unnamed(key: object) -> Any:
    return key.type if isinstance(key, NamedKey) else key


def _container(key: Parametrised) -> str:
    """Return what ``typing`` calls a container of values; of another generic nothing."""
    origin: Any = key.origin
    return _CONTAINERS.get(origin, "")


def _is_leaf(key: Any) -> bool:
    import enum

    if isinstance(key, type) and issubclass(key, enum.Enum):
        return True
    for module, names in _OTHERS.items():
        loaded = sys.modules.get(module)
        if loaded is not None and any(key is getattr(loaded, name, None) for name in names):
            return True
    return False


def _is_literal(key: Parametrised) -> bool:
    return getattr(key.origin, "_name", None) == "Literal"


def _normalised(annotation: Any) -> object:
    from stagekit._base.keys import BadTypeError, normalise

    try:
        return normalise(annotation)
    except BadTypeError:
        return None


def _fields(cls: Any) -> List[object]:
    """Return the keys of the fields of a dataclass; of one that cannot be read, None."""
    import typing

    try:
        hints = typing.get_type_hints(cls)
    except Exception:  # noqa: BLE001 - whatever an annotation raises: it is the user's code
        return [None]
    fields = cls.__dataclass_fields__
    return [_normalised(hints[name]) for name in fields if fields[name].init]


def _as_type(key: Any) -> Any:
    """Return what ``typing`` calls the type of a plain key."""
    import typing

    key = _unnamed(key)
    if isinstance(key, UnionOf):
        return typing.Optional[_as_type(members_of(key)[0])]
    if not isinstance(key, Parametrised):
        return key
    origin: Any = key.origin
    parts: List[Any] = [*key.args]
    if _is_literal(key):
        return origin[tuple([each.value for each in parts])]
    args = tuple([each if each is ... else _as_type(each) for each in parts])
    return getattr(typing, _container(key))[args]


def _inner(key: object) -> Any:
    """Return a key without its name, and without None."""
    found = _unnamed(key)
    return _unnamed(members_of(found)[0]) if isinstance(found, UnionOf) else found


def _adapter(key: object) -> Any:
    """Return what converts to a tuple of one value of a type; fields that it lacks are refused."""
    import typing

    from pydantic import ConfigDict, TypeAdapter

    one: Any = typing.Tuple
    return TypeAdapter(one[_as_type(key)], config=ConfigDict(extra="forbid"))


def from_text(text: str, key: object) -> object:
    """Return the value of a plain type that a text stands for.

    The text itself, where that is of the type; else what it says as JSON.

    Raises:
        UnfitError: it stands for none.
    """
    kind = _inner(key)
    if kind is str:
        return text
    member = _member(text, kind)
    if member is not None:
        return member
    import json

    adapter = _adapter(key)
    ways: List[Callable[[], Any]] = [
        lambda: adapter.validate_json(f"[{json.dumps(text)}]", strict=True),
        lambda: adapter.validate_json(f"[{_checked_json(text)}]", strict=True),
    ]
    if _is_moment(kind) and _is_number(text):  # pydantic would count seconds since 1970
        raise UnfitError("input should be a valid datetime, not a number")
    if _is_duration(kind) and _is_number(text):
        ways = [lambda: adapter.validate_python((float(text),))]  # seconds
    elif kind in {int, float, bool}:
        ways.append(lambda: adapter.validate_python((text,)))  # also `yes`, and `1_000`
        ways.reverse()
    elif _is_dataclass(kind) or (isinstance(kind, Parametrised) and not _is_literal(kind)):
        del ways[0]
    return _first(ways)


def _checked_json(text: str) -> str:
    """Return a text that is one JSON value: two of them would be two items of the tuple."""
    import json

    json.loads(text)
    return text


def from_data(value: object, key: object) -> object:
    """Return the value of a plain type that data from a file stands for.

    Raises:
        UnfitError: it stands for none.
    """
    kind = _inner(key)
    if type(value) is kind:
        return value
    if isinstance(value, str):
        member = _member(value, kind)
        if member is not None:
            return member
    import json

    adapter = _adapter(key)
    data = json.dumps([value], default=str)  # dates of TOML as text, which JSON has for them
    ways: List[Callable[[], Any]] = [lambda: adapter.validate_json(data, strict=True)]
    if _is_duration(kind) and type(value) in {int, float}:
        ways.append(lambda: adapter.validate_python((value,)))  # seconds
    return _first(ways)


def check(value: object, key: object) -> None:
    """Refuse an object that is not of a plain type.

    Raises:
        UnfitError: it is not.
    """
    if type(value) is not _inner(key):
        adapter = _adapter(key)
        _first([lambda: adapter.validate_python((value,), strict=True)])


def _first(ways: List[Callable[[], Any]]) -> object:
    """Return what the first way finds that finds anything; the mistakes are of the first one."""
    from pydantic import ValidationError

    mistakes: List[str] = []
    for way in ways:
        try:
            (found,) = way()
        except ValidationError as error:
            mistakes = mistakes or _mistakes(error)
        except (ValueError, RecursionError) as error:  # no JSON
            mistakes = mistakes or [f"it is not JSON: {str(error) or 'it nests too deeply'}"]
        else:
            return found
    raise UnfitError(*mistakes)


def _mistakes(error: Any) -> List[str]:
    lines: Dict[str, None] = {}
    for each in error.errors(include_url=False):
        where = "".join(f"[{p}]" if type(p) is int else f".{p}" for p in each["loc"][1:])
        message = each["msg"][:1].lower() + each["msg"][1:]
        lines[f"{where.lstrip('.')}: {message}" if where else message] = None
    shown = list(lines)[:_MOST_MISTAKES]
    more = len(lines) - len(shown)
    return [*shown, *([f"and {more} more"] if more else [])]


def _member(text: str, kind: Any) -> object:
    """Return the member of an enumeration that a text names, unless a value is that text."""
    import enum

    if not (isinstance(kind, type) and issubclass(kind, enum.Enum)):
        return None
    by_value = [each for each in kind if each.value == text]
    return by_value[0] if by_value else kind.__members__.get(text)


def _is_duration(kind: object) -> bool:
    return kind is getattr(sys.modules.get("datetime"), "timedelta", NoneType)


def _is_moment(kind: object) -> bool:
    return kind is getattr(sys.modules.get("datetime"), "datetime", NoneType)


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def _is_dataclass(kind: object) -> bool:
    return hasattr(kind, "__dataclass_fields__")


def shown(value: object) -> str:
    """Return a value for people, where one can as it is typed, and not longer than a line."""
    import enum

    from stagekit._base.text import escape_control, safe_text
    from stagekit._base.value_text import short_text

    if isinstance(value, enum.Enum):
        value = value.value if isinstance(value.value, (str, int)) else value.name
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    if isinstance(value, str):
        return cut(escape_control(value if value and value == value.strip() else repr(value)))
    if _is_leaf(type(value)) or hasattr(value, "__fspath__"):
        return cut(escape_control(safe_text(value)))
    return short_text(value, _MOST_SHOWN)


def cut(text: str) -> str:
    """Return a text that is not longer than a line."""
    return text if len(text) <= _MOST_SHOWN else f"{text[: _MOST_SHOWN - 1]}…"


def example(key: object) -> str:
    """Return a text that stands for some value of a plain type, to be typed in its place."""
    import enum

    kind: Any = _inner(key)
    if isinstance(kind, type) and issubclass(kind, enum.Enum):
        return shown(next(iter(kind), None))
    if isinstance(kind, Parametrised):
        values: List[Any] = [*kind.args]
        if _is_literal(kind):
            return shown(values[0].value)
        return "'{...}'" if kind.origin is dict else "'[...]'"
    if _is_dataclass(kind):  # pyright: ignore[reportUnknownArgumentType]
        return "'{...}'"
    return _EXAMPLES.get(str(getattr(kind, "__name__", "")), "...")  # pyright: ignore[reportUnknownArgumentType]
