"""Values that are where they were made, alone and in lists: found, and brought here."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Dict, List, Optional

DEPTH = 8  # lists in lists; deeper ones are not looked through


def is_remote(value: Any) -> bool:
    """Tell whether a value, or an item of a list or tuple, is a handle of a pool.

    Of lists in it the first item decides: they are what a stage for each item has given.
    """
    kind: Any = value.__class__
    if kind is list or kind is tuple:
        for item in value:
            kind = item.__class__
            if leads_to_handle(item) if kind is list else getattr(kind, "is_handle", False) is True:
                return True
        return False
    return getattr(kind, "is_handle", False) is True


def leads_to_handle(value: Any, depth: int = DEPTH) -> Optional[bool]:
    """Tell whether the first item in lists in lists is a handle; None where there is no item."""
    kind: Any = value.__class__
    if kind is not list:
        return None if value is None else getattr(kind, "is_handle", False) is True
    for item in value if depth else ():
        found = leads_to_handle(item, depth - 1)
        if found is not None:
            return found
    return None


def fetched(value: Any) -> Any:
    """Return a value, brought here where it is a handle of a pool; of many handles all at once."""
    if not is_remote(value):
        return value
    if value.__class__ in (list, tuple):
        _fetch_together(_handles(value))
    return _fetched(value)


def _fetched(value: Any) -> Any:
    if not is_remote(value):
        return value
    if value.__class__ is list:
        return list(map(_fetched, value))
    return tuple(map(_fetched, value)) if value.__class__ is tuple else value.fetch()


def _handles(value: Any) -> List[Any]:
    if value.__class__ in (list, tuple):
        return [handle for item in value for handle in _handles(item)]
    return [value] if getattr(value.__class__, "is_handle", False) is True else []


def _fetch_together(handles: List[Any]) -> None:
    """Have a pool that can do that fetch several values in one go; ``fetch`` has them at once."""
    by_pool: Dict[int, List[Any]] = {}
    for handle in handles:
        by_pool.setdefault(id(getattr(handle, "pool", None)), []).append(handle)
    for together in by_pool.values():
        pool: Any = getattr(together[0], "pool", None)
        if len(together) > 1 and hasattr(pool, "fetch_together"):
            pool.fetch_together(together)
