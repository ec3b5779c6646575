"""What a stage can ask about its run: ``Context``, ``RunInfo``, ``Arguments``."""

from __future__ import annotations

import contextvars
import os
import time
from _thread import allocate_lock

from stagekit._base.keys import NamedKey, describe, normalise
from stagekit._base.static import overload

TYPE_CHECKING = False
if TYPE_CHECKING:
    from datetime import datetime
    from typing import (
        Any,
        Dict,
        Iterator,
        Mapping,
        Optional,
        Tuple,
        Type,
        TypeVar,
        Union,
    )

    T = TypeVar("T")
    D = TypeVar("D")
    _Words = Tuple[str, ...]
else:
    _Words = tuple

importing: contextvars.ContextVar[bool] = contextvars.ContextVar(
    "stagekit_importing", default=False
)
_id_lock = allocate_lock()
_ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"  # Crockford's base 32: no i, l, o, u
_MISSING: Any = object()


class Arguments(_Words):
    """The arguments of the command line after ``--``, or ``run(arguments=[...])``.

    Example:
        >>> import argparse
        >>> parser = argparse.ArgumentParser()
        >>> _ = parser.add_argument("--year", type=int)
        >>> parser.parse_args(Arguments(["--year", "2013"])).year
        2013
    """

    __slots__ = ()


class RunInfo:
    """One execution of a plan: its id, its start, and what carries it out.

    Attributes:
        executor: ``"inline"``, ``"threads"``, ``"asyncio"`` or the class name of a pool.
        workers: how many plain stages can run at once.
        parent: the id of the run whose stage started this one, or None.
    """

    __slots__ = ("_id", "_started", "executor", "parent", "workers")

    def __init__(self, executor: str, workers: int, parent: Optional[str] = None) -> None:
        self.executor: str = executor
        self.workers: int = workers
        self.parent: Optional[str] = parent
        self._started = time.time()
        self._id: Optional[str] = None

    @property
    def id(self) -> str:
        """Eight characters, different for every run."""
        if self._id is None:
            number = int.from_bytes(os.urandom(5), "big")
            text = "".join(_ALPHABET[(number >> shift) & 31] for shift in range(0, 40, 5))
            with _id_lock:
                if self._id is None:
                    self._id = text
        return self._id

    @property
    def started_at(self) -> float:
        """The start in seconds since the epoch."""
        return self._started

    @property
    def started(self) -> datetime:
        """The start, in UTC."""
        from datetime import datetime, timezone  # 2 ms

        return datetime.fromtimestamp(self._started, timezone.utc)

    def __reduce__(self) -> Any:
        return RunInfo._again, (self.executor, self.workers, self.parent, self._started, self.id)

    @classmethod
    def _again(
        cls, executor: str, workers: int, parent: Optional[str], started: float, run_id: str
    ) -> RunInfo:
        """Return the same information for another process."""
        made = cls(executor, workers, parent)
        made._started = started
        made._id = run_id
        return made

    def __repr__(self) -> str:
        return f"<run {self.id}: {self.executor}, {self.workers} workers>"


class Context:
    """A read-only view of what the caller of a run gave: values and arguments.

    It holds nothing that stages return: those arrive by parameters, so that the plan knows them.

    Example:
        >>> context = Context({int: 3}, Arguments(["--fast"]))
        >>> context[int], context.get(str), context.arguments
        (3, None, ('--fast',))
    """

    __slots__ = ("_call", "_run", "_values", "arguments")

    def __init__(self, values: Mapping[Any, Any], arguments: Arguments) -> None:
        self._values: Dict[Any, Any] = dict(values)
        self.arguments: Arguments = arguments
        self._run: Optional[RunInfo] = None
        self._call: Tuple[str, ...] = ()  # a stage, and its item or "undo"

    @property
    def idempotency_key(self) -> str:
        """What a service can know this call by: the same for all its attempts, and for no other.

        A call is that of a stage in one run, or of one item that it takes (``Each``); the function
        that undoes a stage has a key of its own. 64 hexadecimal digits, a SHA-256.

        Example:
            >>> Context({}, Arguments()).idempotency_key[:8]
            'e3b0c442'
        """
        from hashlib import sha256

        run = "" if self._run is None else self._run.id
        return sha256("\0".join([run, *self._call]).encode()).hexdigest()

    @overload
    def get(self, key: Type[T], /, *, name: Optional[str] = None) -> Optional[T]: ...
    @overload
    def get(self, key: Type[T], default: D, /, *, name: Optional[str] = None) -> Union[T, D]: ...
    @overload
    def get(self, key: object, default: object = None, /, *, name: Optional[str] = None) -> Any: ...
    def get(self, key: object, default: object = None, /, *, name: Optional[str] = None) -> Any:
        """Return the value given for a type (and name), else *default*."""
        return self._values.get(_key(key, name), default)

    @overload
    def __getitem__(self, key: Type[T], /) -> T: ...
    @overload
    def __getitem__(self, key: object, /) -> Any: ...
    def __getitem__(self, key: object, /) -> Any:
        wanted = _key(key, None)
        value = self._values.get(wanted, _MISSING)
        if value is _MISSING:
            raise KeyError(self._explain(wanted))
        return value

    def __contains__(self, key: object) -> bool:
        return _key(key, None) in self._values

    def __iter__(self) -> Iterator[object]:
        return iter(tuple(self._values))

    def __len__(self) -> int:
        return len(self._values)

    def __repr__(self) -> str:
        return f"<Context of {', '.join(map(describe, self._values)) or 'nothing'}>"

    def _explain(self, wanted: object) -> str:
        named = [
            key.name for key in self._values if isinstance(key, NamedKey) and key.type == wanted
        ]
        if named:
            return f"{describe(wanted)} was given only with a name: {', '.join(map(repr, named))}"
        held = ", ".join(map(describe, self._values)) or "nothing"
        return f"no {describe(wanted)} was given to this run; it was given {held}"


def of_call(context: Context, run: Optional[RunInfo], *call: str) -> Context:
    """Return the objects that a call may take; it holds those that all calls of the run share."""
    made = Context.__new__(Context)
    made._values, made.arguments = context._values, context.arguments  # noqa: SLF001
    made._run, made._call = run, call  # noqa: SLF001
    return made


def of_item(context: Context, item: int) -> Context:
    """Return the objects that the call of one item of an ``Each`` stage may take."""
    return of_call(context, context._run, *context._call, str(item))  # noqa: SLF001


def _key(key: object, name: Optional[str]) -> object:
    normal = normalise(key)
    return normal if name is None else NamedKey(normal, name)
