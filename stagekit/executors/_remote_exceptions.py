"""What a call raised in another process: the object where it can travel, always what describes it.

Exceptions of users may take no attributes, and whatever they define may raise: nothing here sets
anything that is theirs, and all that calls their code is guarded.
"""

from __future__ import annotations

import pickle
from functools import partial
from typing import TYPE_CHECKING, Any, Callable, List, NamedTuple, Optional, Tuple

from stagekit._base.packed import QUICK
from stagekit._base.pickling import dumps
from stagekit._base.retry import class_names
from stagekit.errors import BadValueError, RemoteError

if TYPE_CHECKING:
    from types import TracebackType

# Any: exceptions of users, whose classes may do anything

PROTOCOL = 5
DEPTH = 8  # causes of causes
_CALLERS = ("stagekit.executors.", "stagekit._base.promise")  # what calls a stage in a worker


class Description(NamedTuple):
    """What a ``RemoteError`` is made of."""

    type_name: str
    message: str
    traceback: str
    notes: Tuple[str, ...]
    kinds: Tuple[str, ...]


class RemoteTraceback(Exception):  # noqa: N818 - it stands for where, not for what
    """Where an exception was raised in another process; its cause here.

    Attributes:
        text: the traceback.
        places: files and lines of its frames, the outermost first.
    """

    is_of_a_worker = True  # so that what a call raised is told from what we raise, as from here

    def __init__(self, text: str, places: Tuple[Tuple[str, int], ...] = ()) -> None:
        super().__init__(text)
        self.text = text
        self.places = places

    def __str__(self) -> str:
        return f'\n"""\n{self.text}"""'


# With the traceback as text: own processes.


def pack_error(error: BaseException, by_value: Callable[[Any], bytes]) -> bytes:
    """Take an exception apart, in the worker.

    Args:
        error: what a call raised.
        by_value: pickles what cannot be found by its name.
    """
    trace = inside(error)
    description = _described(error, _whole_text(error, trace))
    is_ours = type(error) is BadValueError and trace is None
    packed = _packed(error, partial(_dumps, by_value))
    is_quick = not packed or (description.kinds[0].startswith("builtins:") and _is_plain(packed))
    return pickle.dumps((packed, tuple(description), _places(trace), is_ours, is_quick), PROTOCOL)


def is_quick_error(data: bytes) -> bool:
    """Say whether an exception is made again in no time, as no code of a user is called for it."""
    is_quick: bool = pickle.loads(data)[4]  # noqa: S301 - made by a worker of ours
    return is_quick


def unpack_error(data: bytes) -> BaseException:
    """Return the exception, or a ``RemoteError`` where it cannot be had as an object."""
    packed, described, places, is_ours, _ = pickle.loads(data)  # noqa: S301 - as above
    description = Description(*described)
    error = _loaded(packed)
    if error is None:  # not `or`: whether it is true may be code of a user's class
        error = RemoteError(*description)
    if not is_ours:
        _set(error, "__cause__", RemoteTraceback(description.traceback, places))
    return error


# With the traceback as an object: Dask, which has the library for it.


class RemoteException(NamedTuple):
    """An exception as plain data.

    ``packed`` is the pickled object, empty where it has none; ``frames`` is its pickled traceback;
    ``cause`` was raised ``from``, or is the context.
    """

    packed: bytes
    frames: bytes
    description: Description
    cause: Optional[RemoteException]
    is_chosen: bool

    @classmethod
    def of(
        cls, error: BaseException, trace: Optional[TracebackType], *, depth: int = 0
    ) -> RemoteException:
        """Take an exception apart, with *trace* as its traceback."""
        is_chosen = _get(error, "__cause__") is not None or _get(error, "__suppress_context__")
        cause = _get(error, "__cause__" if is_chosen else "__context__")
        packed_cause = None
        if cause is not None and depth < DEPTH:
            packed_cause = cls.of(cause, _get(cause, "__traceback__"), depth=depth + 1)
        try:
            frames = b"" if trace is None else pickle.dumps(_tblib().Traceback(trace).to_dict())
        except Exception:  # noqa: BLE001 - the traceback is in the text, too
            frames = b""
        description = _described(error, _frames_text(trace))
        return cls(_packed(error, dumps), frames, description, packed_cause, is_chosen)

    def restored(self) -> BaseException:
        """Return the exception, or a ``RemoteError`` where it cannot be had as an object."""
        error = _loaded(self.packed)
        if error is None:  # not `or`: whether it is true may be code of a user's class
            error = RemoteError(*self.description)
        elif self.frames:
            frames = pickle.loads(self.frames)  # noqa: S301 - from the user's own worker
            trace: TracebackType = _tblib().Traceback.from_dict(frames).as_traceback()
            error = BaseException.with_traceback(error, trace)
        if self.cause is not None:
            _set(error, "__cause__" if self.is_chosen else "__context__", self.cause.restored())
        _set(error, "__suppress_context__", self.is_chosen)
        return error


def inside(error: BaseException) -> Optional[TracebackType]:
    """Return the traceback from the first frame that is not ours, if there is one."""
    trace: Optional[TracebackType] = _get(error, "__traceback__")
    while trace is not None and str(trace.tb_frame.f_globals.get("__name__")).startswith(_CALLERS):
        trace = trace.tb_next
    return trace


def _get(error: BaseException, name: str) -> Any:
    """Return what every exception has, whatever its class has under that name."""
    return BaseException.__dict__[name].__get__(error)


def _set(error: BaseException, name: str, value: object) -> None:
    BaseException.__dict__[name].__set__(error, value)


def _packed(error: BaseException, dump: Callable[[Any], bytes]) -> bytes:
    """Pickle an exception, if it comes back as what it is; else nothing."""
    try:
        data = dump(error)
        copy: object = pickle.loads(data)  # noqa: S301 - made in the line above
    except BaseException:  # noqa: BLE001 - code of a user's class, which may raise anything
        return b""
    return data if type(copy) is type(error) else b""


def _dumps(by_value: Callable[[Any], bytes], error: BaseException) -> bytes:
    try:
        return pickle.dumps(error, PROTOCOL)
    except Exception:  # noqa: BLE001 - what pickle cannot do, cloudpickle may
        return by_value(error)


def _loaded(packed: bytes) -> Optional[BaseException]:
    if not packed:
        return None
    try:
        error: object = pickle.loads(packed)  # noqa: S301 - made by a worker of ours
    except BaseException:  # noqa: BLE001 - code of a user's class; its description is there
        return None
    return error if issubclass(type(error), BaseException) else None  # type: ignore[return-value]  # pyright: ignore[reportReturnType]  # not isinstance(): it asks the object


def _is_plain(packed: bytes) -> bool:
    """Return whether a pickled exception holds nothing but its class and small plain data."""
    return len(packed) <= QUICK and packed.count(b"\x93") == 1


def _described(error: BaseException, traceback: str) -> Description:
    kinds = class_names(type(error))
    name = kinds[0].rpartition(":")[2].rpartition("<locals>.")[2]
    return Description(name, _message(error), traceback, _notes(error), kinds)


def _message(error: BaseException) -> str:
    try:
        return _plain(str(error))
    except BaseException:  # noqa: BLE001 - code of a user's class
        return "<no text: its __str__ raised>"


def _notes(error: BaseException) -> Tuple[str, ...]:
    try:
        notes: Any = getattr(error, "__notes__", ())
        return tuple([_plain(str(note)) for note in notes]) if type(notes) is list else ()  # pyright: ignore[reportUnknownVariableType, reportUnknownArgumentType]  # of any types
    except BaseException:  # noqa: BLE001 - code of a user's class
        return ()


def _whole_text(error: BaseException, trace: Optional[TracebackType]) -> str:
    import traceback

    try:
        return "".join(traceback.format_exception(type(error), error, trace))
    except BaseException:  # noqa: BLE001 - code of a user's class
        name = type.__getattribute__(type(error), "__qualname__")
        frames = _frames_text(trace)
        return f"Traceback (most recent call last):\n{frames}{name}: {_message(error)}\n"


def _frames_text(trace: Optional[TracebackType]) -> str:
    import traceback

    try:
        return "".join(traceback.format_tb(trace))
    except BaseException:  # noqa: BLE001 - no source, or one that cannot be read
        return ""


def _places(trace: Optional[TracebackType]) -> Tuple[Tuple[str, int], ...]:
    found: List[Tuple[str, int]] = []
    while trace is not None:
        found.append((trace.tb_frame.f_code.co_filename, trace.tb_lineno))
        trace = trace.tb_next
    return tuple(found)


def _plain(text: str) -> str:
    """Return a text without the class that a user may have derived from ``str``."""
    return text if type(text) is str else "".join(str.__iter__(text))


def _tblib() -> Any:  # Any: a library without types, which comes with Dask
    from importlib import import_module

    return import_module("tblib")
