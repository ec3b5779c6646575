"""One call of a stage: its arguments, its promise, and what is kept of its exception."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import TracebackType
    from typing import Any, Dict, List, Optional, Tuple

    from stagekit._plan.plan import Plan
    from stagekit._plan.slots import Call

_NOTE = "stagekit: stage "


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
        if a < 0:
            return fn, (), {}
        return fn, tuple([values[slot] for slot in (a, b) if slot >= 0]), {}
    if rest:
        return fn, tuple([values[slot] for slot in rest]), {}
    found: Tuple[Any, Tuple[Any, ...], Dict[str, Any]] = fn.split(values)  # type: ignore[attr-defined]  # a PackedCall  # pyright: ignore[reportFunctionMemberAccess]
    return found


def names_of(plan: Plan, step: int, kwargs: Dict[str, Any]) -> List[str]:
    """Return the parameters that the positional arguments of a call are for, in order."""
    return [each.parameter for each in plan.bindings[step] if each.parameter not in kwargs]


def is_broken_promise(error: BaseException) -> bool:
    """Tell a ``BadValueError`` of ours from one that a stage raised; after ``cut``."""
    from stagekit.errors import BadValueError

    cause = attribute(error, "__cause__")
    is_bare = attribute(error, "__traceback__") is None and not hasattr(cause, "is_of_a_worker")
    return type(error) is BadValueError and is_bare


def cut(error: BaseException) -> BaseException:
    """Take our own frames, and a pool's, from the front of a traceback: the user's comes first."""
    from stagekit._base.frames import is_caller  # only where a stage has failed

    trace: Optional[TracebackType] = attribute(error, "__traceback__")
    while trace is not None and is_caller(trace.tb_frame):
        trace = trace.tb_next
    return BaseException.with_traceback(error, trace)


def annotate(error: BaseException, stage: str, call: Call, values: List[Any]) -> None:
    """Note on an exception, once, which stage raised it, and the types of its arguments."""
    notes: Any = attribute(error, "__notes__")  # Any: whatever somebody has made of it
    if type(notes) is not list or not any(map(_is_ours, notes)):  # pyright: ignore[reportUnknownArgumentType]
        from stagekit._base.text import note  # only where a stage has failed

        note(error, f"{_NOTE}{stage}{_types(call, values)}")


def _is_ours(note: object) -> bool:
    return isinstance(note, str) and note.startswith(_NOTE)


def attribute(error: BaseException, name: str) -> Any:
    """Return an attribute of an exception as Python stores it, whatever its class says; or None."""
    try:
        return BaseException.__getattribute__(error, name)
    except Exception:  # noqa: BLE001 - it has none, or a property of a user's class raises
        return None


def _types(call: Call, values: List[Any]) -> str:
    _, args, kwargs = arguments(call, values)
    shown = [_type(value) for value in args]
    shown += [f"{name}: {_type(value)}" for name, value in kwargs.items()]
    return f", called with ({', '.join(shown)})" if shown else ""


def _type(value: Any) -> str:
    """Return the name of a type; of what a handle stands for, where that is known."""
    kind: Any = type(value)  # pyright: ignore[reportUnknownVariableType]  # of any types
    is_handle = getattr(kind, "is_handle", False) is True
    name: str = getattr(value, "type_name", "") if is_handle else ""
    return name.rpartition(".")[2] or str(kind.__name__)


def of_attempt(fn: Any, attempt: int, item: int = -1) -> Any:
    """Return the function of one attempt, where there is one of its own: see testing.Chaos."""
    for_attempt: Any = getattr(fn, "for_attempt", None)
    if for_attempt is None or not hasattr(fn.__class__, "for_attempt"):
        return fn
    return for_attempt(attempt, None if item < 0 else item)
