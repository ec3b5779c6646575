"""What a call raised, on its way from a worker: the object where it can travel, always its text."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple, Optional, Tuple

from stagekit._base.pickling import dumps
from stagekit.errors import RemoteError

if TYPE_CHECKING:
    from types import TracebackType

DEPTH = 8  # causes of causes


class Thrown(NamedTuple):
    """An exception as plain data.

    ``error`` is the pickled object, empty where it has none; ``frames`` is its pickled traceback;
    ``text`` is what a ``RemoteError`` is made of; ``cause`` was raised ``from``, or is the context.
    """

    error: bytes
    frames: bytes
    text: Tuple[str, str, str, Tuple[str, ...]]
    cause: Optional[Thrown]
    is_chosen: bool

    @classmethod
    def of(cls, error: BaseException, trace: Optional[TracebackType], *, depth: int = 0) -> Thrown:
        """Take an exception apart, with *trace* as its traceback."""
        import pickle

        look = partial(object.__getattribute__, error)  # its class may hide what it has
        chosen: bool = look("__cause__") is not None or look("__suppress_context__")
        cause: Optional[BaseException] = look("__cause__" if chosen else "__context__")
        packed = None
        if cause is not None and depth < DEPTH:
            deeper: Any = object.__getattribute__(cause, "__traceback__")
            packed = cls.of(cause, deeper, depth=depth + 1)
        try:
            frames = b"" if trace is None else pickle.dumps(_tblib().Traceback(trace).to_dict())
        except Exception:  # noqa: BLE001 - the traceback is in the text, too
            frames = b""
        return cls(_object(error), frames, _text(error, trace), packed, chosen)

    def restored(self) -> BaseException:
        """Return the exception, or a ``RemoteError`` where it cannot be had as an object."""
        error = self._restored_object()
        if error is None:  # not `or`: whether it is true may be code of a user's class
            error = RemoteError(*self.text)
        if self.cause is not None:
            name = "__cause__" if self.is_chosen else "__context__"
            object.__setattr__(error, name, self.cause.restored())  # its class may refuse
        object.__setattr__(error, "__suppress_context__", self.is_chosen)
        return error

    def _restored_object(self) -> Optional[BaseException]:
        import pickle

        if not self.error:
            return None
        try:
            error: object = pickle.loads(self.error)  # noqa: S301 - from the user's own worker
        except BaseException:  # noqa: BLE001 - code of a user's class; its text is there
            return None
        if not isinstance(error, BaseException):
            return None
        if self.frames:
            frames = pickle.loads(self.frames)  # noqa: S301 - as above
            trace: TracebackType = _tblib().Traceback.from_dict(frames).as_traceback()
            error = BaseException.with_traceback(error, trace)
        return error


def _object(error: BaseException) -> bytes:
    """Pickle an exception, if it comes back as what it is; else nothing."""
    import pickle

    try:
        data = dumps(error)
        copy: object = pickle.loads(data)  # noqa: S301 - made in the line above
    except BaseException:  # noqa: BLE001 - code of a user's class, which may raise anything
        return b""
    return data if type(copy) is type(error) else b""


def _text(
    error: BaseException, trace: Optional[TracebackType]
) -> Tuple[str, str, str, Tuple[str, ...]]:
    import traceback

    try:
        message = _plain(str(error))
    except BaseException:  # noqa: BLE001 - code of a user's class
        message = "<no text: its __str__ raised>"
    try:
        lines = "".join(traceback.format_tb(trace))
    except BaseException:  # noqa: BLE001 - no source, or one that cannot be read
        lines = ""
    return str(type(error).__qualname__), message, lines, _notes(error)


def _notes(error: BaseException) -> Tuple[str, ...]:
    try:
        notes: Any = getattr(error, "__notes__", ())
        return tuple([_plain(str(note)) for note in notes]) if type(notes) is list else ()  # pyright: ignore[reportUnknownVariableType, reportUnknownArgumentType]  # of any types
    except BaseException:  # noqa: BLE001 - code of a user's class
        return ()


def _plain(text: str) -> str:
    return text if type(text) is str else str.__str__(text)


def _tblib() -> Any:  # Any: a library without types, which comes with Dask
    from importlib import import_module

    return import_module("tblib")
