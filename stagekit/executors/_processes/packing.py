"""Pickling between a pool and its workers: by reference where possible, by value where not."""

from __future__ import annotations

import contextvars
import io
import pickle
from functools import lru_cache
from types import FunctionType
from typing import Any, NewType, Optional, Tuple

from stagekit._base.cancel import CancelToken
from stagekit._base.pickling import MAIN_NAMES, mentions_main, pickler
from stagekit._base.progress import Progress
from stagekit._base.sending import is_nowhere, new_type
from stagekit._base.variables import place_of
from stagekit.errors import BadValueError
from stagekit.executors._processes.proxies import arrived, of_main, progress, token, variable

# Any: whatever users send, and cloudpickle, which has no types

PROTOCOL = 5


def pack(value: Any) -> Tuple[bytes, Tuple[CancelToken, ...]]:
    """Pickle for a worker; return the tokens, too, whose twins are to be cancelled with them.

    Whatever is of the main module goes by value, for that module is not imported over there.
    """
    try:
        data = pickle.dumps(value, PROTOCOL)
    except Exception:  # noqa: BLE001 - what pickle cannot do, cloudpickle may
        return by_value(value)
    return by_value(value) if mentions_main(data) else (data, ())


def needs_main(data: bytes) -> bool:
    """Return whether a pickle of ``pack_result`` asks for something of the main module."""
    return mentions_main(data) or of_main.__name__.encode() in data


def by_value(value: Any, *, back: bool = False) -> Tuple[bytes, Tuple[CancelToken, ...]]:
    """Pickle with all that could not be imported; *back* to the pool, with what came from there."""
    file = io.BytesIO()
    pickler = _pickler(back)(file, PROTOCOL)
    pickler.dump(value)
    return file.getvalue(), tuple(pickler.tokens)


def pack_result(value: Any) -> bytes:
    """Pickle in a worker what a call returned.

    Raises:
        BadValueError: it cannot be; names its type.
    """
    try:
        return pickle.dumps(value, PROTOCOL)
    except Exception:  # noqa: BLE001 - what pickle cannot do, cloudpickle may
        try:
            return by_value(value, back=True)[0]
        except Exception as error:  # noqa: BLE001 - whatever the value raises
            reason = reason_of(error)
            raise BadValueError(
                f"returned {article(value)}, which cannot be sent from its process: {reason}"
            ) from None


def reason_of(error: BaseException) -> str:
    """Return what an error of pickling says, for people."""
    if isinstance(error, RecursionError) or "excessively deep recursion" in str(error):
        return "it is too deeply nested"
    try:
        return str(error) or type(error).__name__
    except Exception:  # noqa: BLE001 - code of a user's class
        return type(error).__name__


def article(value: Any) -> str:
    """Return the type of a value, for people."""
    name = type(value).__name__
    return f"{'an' if name[:1].lower() in 'aeiou' else 'a'} {name}"


@lru_cache(maxsize=2)
def _pickler(back: object) -> Any:
    base: Any = pickler()

    def begin(self: Any, file: Any, protocol: int) -> None:
        base.__init__(self, file, protocol=protocol)
        self.tokens = []

    def reducer_override(self: Any, obj: Any) -> Any:
        kind = _kind(obj)
        if kind is Progress:
            return progress, ()
        if kind is CancelToken:
            self.tokens.append(obj)
            return token, (len(self.tokens) - 1,)
        if kind is contextvars.ContextVar:
            place = place_of(obj)
            return NotImplemented if place is None else (variable, (*place, obj.name))
        is_new_type = kind is NewType
        path = _path_in_main(obj) if is_new_type or isinstance(obj, (type, FunctionType)) else None
        if path is not None and back:
            return of_main, (path,)
        if is_new_type:  # cloudpickle knows it by its name alone
            base_type: Any = getattr(obj, "__supertype__", None)
            if path is not None:
                return arrived, (path, new_type, obj.__name__, base_type)
            return (new_type, (obj.__name__, base_type)) if is_nowhere(obj) else NotImplemented
        reduced: Any = base.reducer_override(self, obj)
        return reduced if reduced is NotImplemented else _arriving(reduced, path)

    # Not a class statement: type checkers know nothing of the base.
    return type("ByValue", (base,), {"__init__": begin, "reducer_override": reducer_override})


def _kind(value: object) -> object:
    return type(value)


def _path_in_main(obj: Any) -> Optional[str]:
    path = getattr(obj, "__qualname__", "")
    if getattr(obj, "__module__", None) not in MAIN_NAMES or not isinstance(path, str):
        return None
    try:
        return path if of_main(path) is obj else None
    except AttributeError:
        return None


def _arriving(reduced: Tuple[Any, ...], path: Optional[str]) -> Tuple[Any, ...]:
    """Have what is made put into the main module, where it comes from there."""
    make, args, *rest = reduced
    return (arrived, (path, make, *args), *rest) if path is not None and rest else reduced
