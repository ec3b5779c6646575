"""Lists of lists as one list and a shape, and back: what ``Each`` takes items of."""

from __future__ import annotations

from typing import Any, Callable, Container, List, Sequence, Tuple, Union

from stagekit._base.handles import with_handles

# How many items there are; for lists of lists the shape of each.
Shape = Union[int, Tuple[Any, ...]]  # Any: a Shape, which type checkers cannot nest


NO_LISTS = (str, bytes, bytearray, dict)


class NoListError(TypeError):
    """What should be a list is none; the text is the name of its type."""


def _itself(value: Any) -> Any:
    return value


def flat(value: Any, depth: int, fetch: Callable[[Any], Any] = _itself) -> Tuple[List[Any], Shape]:
    """Return the items that are *depth* deep in lists, in order, and the shape of the lists.

    Args:
        value: a list, or whatever else has items.
        depth: 1 for the items of a list, 2 for those of a list of lists, and so on.
        fetch: brings a list here that may be elsewhere.

    Raises:
        NoListError: what should be a list is none; texts and dictionaries have items, and are none.
    """
    value = fetch(value)
    kind: Any = value.__class__
    has_items = hasattr(kind, "__iter__") or hasattr(kind, "__getitem__")
    if issubclass(kind, NO_LISTS) or not has_items:
        raise NoListError(kind.__name__)
    if depth == 1:
        items = list(value)
        return items, len(items)
    found: List[Any] = []
    shapes: List[Shape] = []
    for part in value:
        items, shape = flat(part, depth - 1, fetch)
        found += items
        shapes.append(shape)
    return found, tuple(shapes)


def size(shape: Shape) -> int:
    """Return how many items lists of this shape have."""
    return shape if isinstance(shape, int) else sum(map(size, shape))


def smaller(shape: Shape, gone: Container[int]) -> Shape:
    """Return the shape that lists have without the items of these indices."""
    return _smaller(shape, gone, 0)[0]


def _smaller(shape: Shape, gone: Container[int], start: int) -> Tuple[Shape, int]:
    if isinstance(shape, int):
        end = start + shape
        return sum(item not in gone for item in range(start, end)), end
    found: List[Shape] = []
    for part in shape:
        inner, start = _smaller(part, gone, start)
        found.append(inner)
    return tuple(found), start


def nested(items: Sequence[Any], shape: Shape) -> List[Any]:
    """Return lists of this shape, filled with as many items in their order; see ``HandleList``."""
    return _filled(items, shape, 0)[0]


def _filled(items: Sequence[Any], shape: Shape, start: int) -> Tuple[List[Any], int]:
    if isinstance(shape, int):
        return with_handles(list(items[start : start + shape])), start + shape
    found: List[Any] = []
    for part in shape:
        inner, start = _filled(items, part, start)
        found.append(inner)
    return with_handles(found), start
