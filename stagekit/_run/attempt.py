"""One call of a stage: its arguments, its promise, and what is kept of its exception."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any, Dict, List, Optional, Tuple

if TYPE_CHECKING:
    from types import TracebackType

    from stagekit._plan.slots import Call

__all__ = ["arguments", "check_value", "cut", "invoke", "is_broken_promise"]

_NOTE = "stagekit: stage "
# Whose frames may stand between a run and the user's function.
_BETWEEN = ("stagekit._run.", "stagekit._plan.", "concurrent.futures.")


def invoke(call: Call, values: List[Any]) -> Any:
    """Make one call; the loops of the engines do the same in place."""
    fn, a, b, rest, _ = call
    if rest is None:
        if a < 0:
            return fn()
        return fn(values[a]) if b < 0 else fn(values[a], values[b])
    return fn(*[values[slot] for slot in rest]) if rest else fn(values)


def arguments(call: Call, values: List[Any]) -> Tuple[Any, Tuple[Any, ...], Dict[str, Any]]:
    """Return the function of a call and its arguments, for who calls it elsewhere."""
    fn, a, b, rest, _ = call
    if rest is None:
        return fn, tuple([values[slot] for slot in (a, b) if slot >= 0]), {}
    if rest:
        return fn, tuple([values[slot] for slot in rest]), {}
    found: Tuple[Any, Tuple[Any, ...], Dict[str, Any]] = fn.split(values)  # type: ignore[attr-defined]  # a PackedCall  # pyright: ignore[reportFunctionMemberAccess]
    return found


def check_value(value: object, promise: int) -> None:
    """Check what a stage returned against what it promises: see ``Plan``.

    Raises:
        BadValueError: saying what was returned and what was promised.
    """
    if promise == 0 or (promise == 1 and value is not None):
        return
    from stagekit.errors import BadValueError

    if promise == 1:
        raise BadValueError(
            "returned None, although its return annotation promises a value; "
            "annotate it `-> Optional[...]` if None is meant"
        )
    if not isinstance(value, tuple):
        raise BadValueError(
            f"returned {type(value).__name__}, where `provides` promises a tuple of {promise}"
        )
    parts: Tuple[object, ...] = value  # pyright: ignore[reportUnknownVariableType]
    if len(parts) != promise:
        raise BadValueError(
            f"returned a tuple of {len(parts)}, where `provides` promises {promise} values"
        )
    missing = [str(place) for place, part in enumerate(parts) if part is None]
    if missing:
        raise BadValueError(f"returned None for {', '.join(missing)} of the values it promises")


def is_broken_promise(error: BaseException) -> bool:
    """Tell a ``BadValueError`` of ours from one that a stage raised; after ``cut``."""
    from stagekit.errors import BadValueError

    return type(error) is BadValueError and error.__traceback__ is None


def cut(error: BaseException) -> BaseException:
    """Take our own frames, and a pool's, from the front of a traceback: the user's comes first."""
    trace: Optional[TracebackType] = error.__traceback__
    while trace is not None and _is_ours(trace):
        trace = trace.tb_next
    return BaseException.with_traceback(error, trace)


def _is_ours(trace: TracebackType) -> bool:
    module = trace.tb_frame.f_globals.get("__name__")
    return isinstance(module, str) and module.startswith(_BETWEEN)


if sys.version_info >= (3, 11):

    def annotate(error: BaseException, stage: str, call: Call, values: List[Any]) -> None:
        """Note on an exception, once, which stage raised it, and the types of its arguments."""
        try:
            notes: List[object] = getattr(error, "__notes__", [])
            if not any(isinstance(note, str) and note.startswith(_NOTE) for note in notes):
                BaseException.add_note(error, f"{_NOTE}{stage}{_types(call, values)}")
        except Exception:  # noqa: BLE001, S110 - the class of a user; a note is not worth an error
            pass

else:

    def annotate(error: BaseException, stage: str, call: Call, values: List[Any]) -> None:
        """Do nothing: exceptions take no notes on this Python."""


def _types(call: Call, values: List[Any]) -> str:
    _, args, kwargs = arguments(call, values)
    shown = [type(value).__name__ for value in args]
    shown += [f"{name}: {type(value).__name__}" for name, value in kwargs.items()]
    return f", called with ({', '.join(shown)})" if shown else ""
