"""The short text of a value, for people: the one place where values are written out.

What it costs does not grow with the value: of what is large only its size is said. Errors of a
user's ``__repr__`` are survived, and nothing that a terminal would obey is let through.
"""

from __future__ import annotations

from typing import Any, Iterable, Iterator, List, Mapping, Optional, Sequence, Tuple

from stagekit._base.handles import HandleList, is_handle, type_name
from stagekit._base.text import escape_control, safe_repr

LIMIT = 80
_MOST_ITEMS = 20  # of a collection that is written out
_MOST_DEEP = 3
_MOST_BITS = 256
_PLAIN = (type(None), bool, float, complex)
_BRACKETS = {list: "[]", tuple: "()", set: "{}", frozenset: "{}"}
_SIZELESS = frozenset([int, float, bool])  # not looked into, as a hook hears of each value
_COUNTED = (list, tuple, dict, set, frozenset, HandleList)
_SIZED_TEXT = {str: "character", bytes: "byte", bytearray: "byte"}

# Any: values of whatever kind


def short_text(value: Any, limit: int = LIMIT) -> str:
    """Return one line that shows a value, at most *limit* characters long.

    Small values are written out; of large ones the type and the size are said:
    ``DataFrame 12,480 rows × 5 columns``, ``list of 3,000``.
    """
    text = escape_control(_text(value, limit, 0))
    return text if len(text) <= limit else text[: max(0, limit - 1)] + "…"


def size_text(value: Any) -> str:
    """Return how large a value is: rows and columns, or a length; empty where it has none.

    Nothing is computed for it: of classes that are no plain collections ``len`` is not asked.
    """
    try:
        if type(value) in _COUNTED:
            return _counted(len(value), "item")
        if type(value) in _SIZELESS:
            return ""
        shape = None if is_handle(value) else _shape(value)
        return "" if shape is None else _shape_text(value, shape)
    except KeyboardInterrupt:
        raise
    except BaseException:  # noqa: BLE001 - code of a user's class
        return ""


def type_text(value: Any) -> str:
    """Return the type of a value, and how large it is: ``list of 2``, ``DataFrame 3 rows × …``.

    Of a value that a run has let go of, too.
    """
    if is_handle(value):
        name, size = type_name(value).rpartition(".")[2], str(getattr(value, "size", ""))
    else:
        name, size = _name(value), size_text(value)
    if size.endswith((" item", " items")):
        return escape_control(f"{name} of {size.partition(' ')[0]}")
    return escape_control(f"{name} {size}".rstrip())


def item_text(lists: Optional[Mapping[str, Sequence[Any]]], item: int) -> str:
    """Return which item of its lists this is, with a short text of it; empty without lists."""
    if not lists:
        return ""
    count = len(next(iter(lists.values())))
    return f"item {item} of {count:,}, counted from 0: {value_of_item(lists, item)}"


def value_of_item(lists: Mapping[str, Sequence[Any]], item: int) -> str:
    """Return a short text of an item; of items that go side by side with their parameters."""
    if len(lists) == 1:
        return short_text(next(iter(lists.values()))[item])
    return ", ".join(f"{name}={short_text(values[item])}" for name, values in lists.items())


def _text(value: Any, limit: int, depth: int) -> str:
    try:
        return _written(value, limit, depth)
    except KeyboardInterrupt:
        raise
    except BaseException:  # noqa: BLE001 - code of a user's class
        return f"<unprintable {_name(value)}>"


def _written(value: Any, limit: int, depth: int) -> str:
    kind: Any = type(value)  # pyright: ignore[reportUnknownVariableType]  # of any types
    if is_handle(value):
        return type_name(value).rpartition(".")[2]
    if kind in _PLAIN or (kind is int and value.bit_length() <= _MOST_BITS):
        return repr(value)
    if kind is int:
        return f"int of {value.bit_length():,} bits"
    if kind in _SIZED_TEXT:
        return _cut_text(value, limit, _SIZED_TEXT[kind])
    shape = _shape(value)
    if shape is not None:
        return f"{_name(value)} {_shape_text(value, shape)}"
    if kind in _BRACKETS or kind is dict:
        return _collection(value, limit, depth)
    parts = _parts(value)
    if parts is not None:
        return _fields(value, parts, limit, depth)
    return _name(value) if kind.__repr__ is object.__repr__ else _own_text(value, kind)


def _own_text(value: Any, kind: Any) -> str:
    """Return what the class of a value says of it, unless the value is large."""
    if hasattr(kind, "__len__") and len(value) > _MOST_ITEMS:
        return f"{_name(value)} of {len(value):,}"
    return safe_repr(value)


def _name(value: Any) -> str:
    return str(type(value).__qualname__).rpartition("<locals>.")[2]


def _cut_text(value: Any, limit: int, unit: str) -> str:
    if len(value) <= limit:
        return repr(value)
    more = f"… ({len(value):,} {unit}s)"
    return repr(value[: max(0, limit - len(more) - 3)]) + more


def _shape(value: Any) -> Optional[Tuple[int, ...]]:
    """Return the shape of what is like an array or a table."""
    if isinstance(value, type):
        return None
    shape = getattr(value, "shape", None)
    if type(shape) is not tuple or not all(type(each) is int for each in shape):  # pyright: ignore[reportUnknownVariableType, reportUnknownArgumentType]
        return None
    return shape  # pyright: ignore[reportUnknownVariableType]


def _shape_text(value: Any, shape: Tuple[int, ...]) -> str:
    if getattr(value, "columns", None) is not None and len(shape) == 2:  # noqa: PLR2004 - rows and columns
        return f"{_counted(shape[0], 'row')} × {_counted(shape[1], 'column')}"
    if len(shape) == 1:
        return _counted(shape[0], "row" if hasattr(value, "index") else "item")
    return " × ".join(f"{each:,}" for each in shape) or "scalar"


def _counted(count: int, noun: str) -> str:
    return f"{count:,} {noun}{'' if count == 1 else 's'}"


def _collection(value: Any, limit: int, depth: int) -> str:
    kind: Any = type(value)  # pyright: ignore[reportUnknownVariableType]  # of any types
    name, count = kind.__name__, len(value)
    if count <= _MOST_ITEMS and depth < _MOST_DEEP:
        text = _literal(value, kind, limit, depth)
        if len(text) <= limit:
            return text
    return f"{name} of {count:,}"


def _literal(value: Any, kind: Any, limit: int, depth: int) -> str:
    if kind is dict:
        pairs = (
            f"{_text(key, limit, depth + 1)}: {_text(each, limit, depth + 1)}"
            for key, each in value.items()
        )
        return "{" + _joined(pairs, limit) + "}"
    if not value:
        return repr(value)
    brackets = _BRACKETS[kind]
    inner = _joined((_text(each, limit, depth + 1) for each in value), limit)
    if kind is tuple and len(value) == 1:
        inner += ","
    return f"frozenset({{{inner}}})" if kind is frozenset else f"{brackets[0]}{inner}{brackets[1]}"


def _joined(texts: Iterable[str], limit: int) -> str:
    """Join texts with commas, until they are too long anyway."""
    found: List[str] = []
    room = limit + 1
    for text in texts:
        found.append(text)
        room -= len(text) + 2
        if room < 0:
            break
    return ", ".join(found)


def _parts(value: Any) -> Optional[Iterator[Tuple[str, Any]]]:
    """Return names and values of the fields of a record whose text its library has made."""
    kind: Any = type(value)  # pyright: ignore[reportUnknownVariableType]  # of any types
    if isinstance(value, tuple):
        names: Any = getattr(kind, "_fields", None)
        return None if names is None else zip(names, value)  # pyright: ignore[reportUnknownArgumentType, reportUnknownVariableType]
    made: Any = kind.__repr__
    names = ()
    if hasattr(kind, "__dataclass_fields__") and hasattr(made, "__wrapped__"):  # not the user's own
        names = [each.name for each in kind.__dataclass_fields__.values() if each.repr]
    elif hasattr(kind, "__attrs_attrs__") and _file(made).startswith("<attrs "):
        names = [each.name for each in kind.__attrs_attrs__ if each.repr is True]
    elif str(getattr(made, "__module__", "")).startswith("pydantic"):
        return ((str(name), each) for name, each in value.__repr_args__())
    else:
        return None
    return ((name, getattr(value, name)) for name in names if hasattr(value, name))


def _file(function: Any) -> str:
    return str(getattr(getattr(function, "__code__", None), "co_filename", ""))


def _fields(value: Any, parts: Iterator[Tuple[str, Any]], limit: int, depth: int) -> str:
    name = _name(value)
    if depth >= _MOST_DEEP:
        return name
    room = max(16, limit - len(name) - 2)
    inner = _joined((f"{field}={_text(each, room, depth + 1)}" for field, each in parts), limit)
    return f"{name}({inner})"
