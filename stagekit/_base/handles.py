"""Handles: values that are where they were made, alone and in lists; and what awaits a value."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Callable, Dict, List, Tuple

    _List = List[Any]
else:
    _List = list


class HandleList(_List):
    """A list of values of which some, however deep in lists, are handles: a handle itself.

    So are lists in it that have some. Nobody looks for handles in other lists in lists.
    """

    is_handle = True
    type_name = "builtins.list"

    @property
    def is_here(self) -> bool:
        """Whether nobody else is needed to ``fetch`` it."""
        return all(handle.is_here for handle in handles_in(self))

    def fetch(self) -> List[Any]:
        """Return the list with all values in it, many brought here at once."""
        found: List[Any] = fetched(self)
        return found

    def __reduce__(self) -> Tuple[Any, ...]:
        return list, (list(self),)


def qualified(kind: type) -> str:
    """Return a type as module and name."""
    return f"{kind.__module__}.{kind.__qualname__}"


def type_name(value: object) -> str:
    """Return the type of a value as module and name; of what a handle stands for, if known."""
    found: str = getattr(value, "type_name", "") if is_handle(value) else ""
    return found or qualified(type(value))


def is_handle(value: Any) -> bool:
    """Return whether a value is a handle."""
    return getattr(value.__class__, "is_handle", False) is True


def is_remote(value: Any) -> bool:
    """Return whether a value, or an item of a list or tuple, is a handle."""
    kind: Any = value.__class__
    if kind is list or kind is tuple:
        return any(map(is_handle, value))
    return getattr(kind, "is_handle", False) is True


def handles_in(value: Any) -> List[Any]:
    """Return the handles that a value is, or has among its items."""
    if value.__class__ in (list, tuple, HandleList):
        return [found for item in value if is_handle(item) for found in handles_in(item)]
    return [value] if is_handle(value) else []


def with_handles(value: List[Any]) -> List[Any]:
    """Return a list, as a ``HandleList`` where some of its items are handles."""
    kinds = set(map(type, value))
    is_any = any(getattr(kind, "is_handle", False) is True for kind in kinds)
    return HandleList(value) if is_any else value


def opened(value: Any) -> Any:
    """Return a value whose items are asked for: brought here, but for the items of a list."""
    return value.fetch() if is_handle(value) and value.__class__ is not HandleList else value


def fetched(value: Any) -> Any:
    """Return a value, brought here where it is a handle of a pool; of many handles all at once."""
    if not is_remote(value):
        return value
    if value.__class__ in (list, tuple, HandleList):
        _fetch_together(handles_in(value))
    return _fetched(value)


def _fetched(value: Any) -> Any:
    if not is_remote(value):
        return value
    if value.__class__ is tuple:
        return tuple(map(_item, value))
    return list(map(_item, value)) if value.__class__ in (list, HandleList) else value.fetch()


def _item(value: Any) -> Any:
    return _fetched(value) if is_handle(value) else value


def _fetch_together(handles: List[Any]) -> None:
    """Have each pool fetch several values in one go; ``fetch`` then has them at once."""
    by_pool: Dict[int, Tuple[Any, List[Any]]] = {}
    for handle in handles:
        if not handle.is_here:  # else it belongs to no pool any more
            by_pool.setdefault(id(handle.pool), (handle.pool, []))[1].append(handle)
    for pool, together in by_pool.values():
        if len(together) > 1:
            pool.fetch_together(together)


class Awaited:
    """Calls an async function, and runs what it returns to its end, on a loop of its own.

    Args:
        func: the function. It can be sent wherever that can be.
    """

    def __init__(self, func: Callable[..., Any]) -> None:
        self.func = func
        self.args: Tuple[Any, ...] = ()  # as a functools.partial, for who looks into it
        self.keywords: Dict[str, Any] = {}

    def __call__(self, *args: Any, **kwargs: Any) -> Any:  # Any: as of the function
        """Return what awaiting gives."""
        import asyncio

        return asyncio.run(self.func(*args, **kwargs))
