"""Functions on their way to workers: each is sent to each worker once, and called by its number."""

from __future__ import annotations

import pickle
from collections import OrderedDict
from hashlib import blake2b
from types import BuiltinFunctionType, FunctionType
from typing import Any, Callable, Dict, NamedTuple, Optional, Tuple

from stagekit._base.pickling import mentions_main
from stagekit._base.sending import mistake_in, name_of
from stagekit.errors import BadValueError
from stagekit.executors._processes.packing import PROTOCOL, by_value, pack

# Any: functions of users

MOST = 256  # functions that are sent by value: what is beyond is forgotten, oldest first
_PLAIN = (FunctionType, BuiltinFunctionType, type)


class Definition(NamedTuple):
    """A function as it is sent: ``data`` is the pickle of its number and its own pickle."""

    number: int
    name: str
    data: bytes


class Functions:
    """Gives functions their numbers.

    What can be imported is known by its identity. All others are pickled for each call, for what
    they refer to may have changed since, and known by what came of it.
    """

    def __init__(self, forget: Callable[[int], object]) -> None:
        self._forget = forget
        self._imported: Dict[int, Tuple[Any, Definition]] = {}
        self._by_value: OrderedDict[bytes, Definition] = OrderedDict()
        self._next = 0

    def known(self, fn: Callable[..., Any]) -> Optional[Definition]:
        """Return what is sent for a function that can be imported, if it was sent before."""
        known = self._imported.get(id(fn))
        return known[1] if known is not None and known[0] is fn else None

    def define(self, fn: Callable[..., Any]) -> Definition:
        """Return what is sent for a function.

        Raises:
            BadValueError: it cannot be sent; names what of it.
        """
        known = self.known(fn)
        if known is not None:
            return known
        data = _by_reference(fn)
        if data is not None:
            definition = self._new(fn, data)
            self._imported[id(fn)] = (fn, definition)
            return definition
        try:
            data = pack(fn)[0]
        except Exception as error:
            raise BadValueError(mistake_of(fn) or str(error)) from error
        digest = blake2b(data, digest_size=16).digest()
        found = self._by_value.get(digest)
        if found is not None:
            self._by_value.move_to_end(digest)
            return found
        definition = self._by_value[digest] = self._new(fn, data)
        if len(self._by_value) > MOST:
            self._forget(self._by_value.popitem(last=False)[1].number)
        return definition

    def _new(self, fn: Callable[..., Any], data: bytes) -> Definition:
        self._next += 1
        return Definition(self._next, name_of(fn), pickle.dumps((self._next, data), PROTOCOL))


def mistake_of(fn: Callable[..., Any]) -> Optional[str]:
    """Return what keeps a function from being sent to a worker, naming the value."""
    return mistake_in(fn, by_value)


def _by_reference(fn: Callable[..., Any]) -> Optional[bytes]:
    """Pickle a function that a worker can import; None for all others."""
    if not isinstance(fn, _PLAIN):
        return None
    try:
        data = pickle.dumps(fn, PROTOCOL)
    except Exception:  # noqa: BLE001 - one that is in no module
        return None
    return None if mentions_main(data) else data
