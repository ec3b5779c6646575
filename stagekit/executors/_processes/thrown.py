"""What a call raised: the object where it can be pickled there and back, always its text."""

from __future__ import annotations

import pickle
from typing import TYPE_CHECKING, Any, List, Optional, Tuple

from stagekit._base.packed import QUICK
from stagekit.errors import BadValueError, RemoteError
from stagekit.executors._processes.packing import PROTOCOL, by_value

if TYPE_CHECKING:
    from types import TracebackType

# Any: exceptions of users, whose classes may do anything


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


def pack_error(error: BaseException) -> bytes:
    """Take an exception apart, in the worker."""
    trace = _inside(error)
    text = (_name(error), _message(error), _text(error, trace), _notes(error))
    is_ours = type(error) is BadValueError and trace is None
    packed = _object(error)
    is_quick = not packed or (type(error).__module__ == "builtins" and _is_plain(packed))
    return pickle.dumps((packed, text, _places(trace), is_ours, is_quick), PROTOCOL)


def is_quick_error(data: bytes) -> bool:
    """Tell whether an exception is made again in no time, as no code of a user is called for it."""
    is_quick: bool = pickle.loads(data)[4]  # noqa: S301 - made by a worker of ours
    return is_quick


def _is_plain(packed: bytes) -> bool:
    """Tell whether a pickled exception holds nothing but its class and small plain data."""
    return len(packed) <= QUICK and packed.count(b"\x93") == 1


def unpack_error(data: bytes) -> BaseException:
    """Return the exception, or a ``RemoteError`` where it cannot be had as an object."""
    packed, text, places, is_ours, _ = pickle.loads(data)  # noqa: S301 - made by a worker of ours
    error: Optional[BaseException] = None
    if packed:
        try:
            loaded: object = pickle.loads(packed)  # noqa: S301 - the same
            error = loaded if isinstance(loaded, BaseException) else None
        except BaseException:  # noqa: BLE001 - code of a user's class; its text is there
            error = None
    if error is None:
        error = RemoteError(*text)
    if not is_ours:
        cause = RemoteTraceback(text[2], places)
        object.__setattr__(error, "__cause__", cause)  # its class may refuse
    return error


def _object(error: BaseException) -> bytes:
    """Pickle an exception, if it comes back as what it is; else nothing."""
    try:
        try:
            data = pickle.dumps(error, PROTOCOL)
        except Exception:  # noqa: BLE001 - what pickle cannot do, cloudpickle may
            data = by_value(error, back=True)[0]
        copy: object = pickle.loads(data)  # noqa: S301 - made in the line above
    except BaseException:  # noqa: BLE001 - code of a user's class, which may raise anything
        return b""
    return data if type(copy) is type(error) else b""


def _name(error: BaseException) -> str:
    return str(type(error).__qualname__)


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


def _text(error: BaseException, trace: Optional[TracebackType]) -> str:
    import traceback

    try:
        return "".join(traceback.format_exception(type(error), error, trace))
    except BaseException:  # noqa: BLE001, S110 - code of a user's class
        pass
    try:
        where = "".join(traceback.format_tb(trace))
    except BaseException:  # noqa: BLE001 - no source, or one that cannot be read
        where = ""
    return f"Traceback (most recent call last):\n{where}{_name(error)}: {_message(error)}\n"


def _places(trace: Optional[TracebackType]) -> Tuple[Tuple[str, int], ...]:
    found: List[Tuple[str, int]] = []
    while trace is not None:
        found.append((trace.tb_frame.f_code.co_filename, trace.tb_lineno))
        trace = trace.tb_next
    return tuple(found)


def _plain(text: str) -> str:
    return str.__str__(text) if type(text) is str else "".join(text)


def _inside(error: BaseException) -> Optional[TracebackType]:
    """Return the traceback from the first frame that is not ours, if there is one."""
    trace: Optional[TracebackType] = object.__getattribute__(error, "__traceback__")
    while trace is not None and str(trace.tb_frame.f_globals.get("__name__")).startswith(
        ("stagekit.executors.", "stagekit._base.promise")
    ):
        trace = trace.tb_next
    return trace
