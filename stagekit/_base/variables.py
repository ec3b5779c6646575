"""Context variables on their way to another process.

A ``ContextVar`` cannot be pickled, but one that a module holds can be found again by the names of
both; its value travels where it can be pickled.
"""

from __future__ import annotations

import contextvars
import sys
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Dict, List, Optional, Tuple

from stagekit._base.pickling import dumps

if TYPE_CHECKING:
    Place = Tuple[str, str]  # module, name in it

# Any: a variable holds whatever its owner sets

_OURS = "stagekit."
_MAIN = "__main__"
_SMALL = 4096  # bytes: what is larger is not kept
_places: Dict[contextvars.ContextVar[Any], Optional[Place]] = {}


def travelling(context: contextvars.Context) -> Tuple[bytes, Tuple[str, ...]]:
    """Return what of *context* can travel, and the names of the variables that stay behind.

    Our own variables are in neither, for the other side has its own; but for a value that has
    a form ``as_it_travels``. Empty bytes stand for nothing.
    """
    if not context:
        return b"", ()
    import pickle

    found: List[Tuple[str, str, bytes]] = []
    left_out: List[str] = []
    for variable, value in context.items():
        place = place_of(variable)
        if place is not None and place[0].startswith(_OURS):
            if hasattr(value, "as_it_travels"):
                found.append((*place, value.as_it_travels()))
            continue
        data = b"" if place is None else _data(value)
        if place is None or not data:
            left_out.append(variable.name)
        else:
            found.append((*place, data))
    if not found:
        return b"", tuple(left_out)
    if len(found) == 1 and len(found[0][2]) < _SMALL:  # as a rule ours, the same in all of a run
        return _pickled(found[0]), tuple(left_out)
    return pickle.dumps(found), tuple(left_out)


@lru_cache(maxsize=64)
def _pickled(only: Tuple[str, str, bytes]) -> bytes:
    import pickle

    return pickle.dumps([only])


def are_ours(context: contextvars.Context) -> bool:
    """Return whether nobody else has set anything in a context."""
    places = map(place_of, context)
    return all(place is not None and place[0].startswith(_OURS) for place in places)


def restored(payload: bytes) -> contextvars.Context:
    """Return a context with the variables of *payload*, those that this process has."""
    context = contextvars.Context()
    if payload:
        import importlib
        import pickle

        unpickled = _unpickled if len(payload) < _SMALL else pickle.loads
        for module, name, value in unpickled(payload):  # made by travelling()
            try:
                owner = sys.modules.get(module) or importlib.import_module(module)
                context.run(getattr(owner, name).set, pickle.loads(value))  # noqa: S301 - the same
            except Exception:  # noqa: BLE001, S112 - a variable that is not here is not set here
                continue
    return context


@lru_cache(maxsize=64)
def _unpickled(payload: bytes) -> Any:
    import pickle

    return pickle.loads(payload)  # noqa: S301 - made by travelling()


def _data(value: object) -> bytes:
    try:
        return dumps(value)
    except Exception:  # noqa: BLE001 - whatever a value raises, it cannot travel
        return b""


def place_of(variable: contextvars.ContextVar[Any]) -> Optional[Place]:
    """Return the module that holds a variable, and under which name; looked for once."""
    try:
        place = _places[variable]
    except KeyError:
        place = None
    else:
        if place is None or _holds(place, variable):
            return place
    place = _places[variable] = _find(variable)
    return place


def _holds(place: Place, variable: contextvars.ContextVar[Any]) -> bool:
    return getattr(sys.modules.get(place[0]), place[1], None) is variable


def _find(variable: contextvars.ContextVar[Any]) -> Optional[Place]:
    found: List[Place] = []
    main = sys.modules.get(_MAIN)
    for module, owner in tuple(sys.modules.items()):
        if owner is main and module != _MAIN:
            continue  # multiprocessing has another name for it, which is of no use over there
        names: Dict[str, object] = getattr(owner, "__dict__", {})
        found += [(module, name) for name, each in tuple(names.items()) if each is variable]
    # One module defines it, others import it: the shortest path is the public one; __main__ may
    # be another module over there.
    return min(found, key=lambda place: (place[0] == _MAIN, len(place[0]))) if found else None
