"""What a stage promises to return, checked wherever it is called."""

from __future__ import annotations

from types import CoroutineType

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Tuple

COROUTINE: Any = CoroutineType  # asked for by ``is`` in the hot loops


def check_value(value: Any, promise: int) -> None:
    """Check what a stage returned against what it promises: see ``Plan``.

    A coroutine is never a value: it is closed here, for nobody would await it.

    Raises:
        BadValueError: saying what was returned and what was promised.
    """
    is_coroutine = type(value) is COROUTINE
    if not is_coroutine and (promise == 0 or (promise == 1 and value is not None)):
        return
    from stagekit.errors import BadValueError

    if is_coroutine:
        value.close()  # pyright: ignore[reportOptionalMemberAccess]
        raise BadValueError(
            "returned a coroutine, which nobody awaits; make it an `async def` that awaits the call"
        )
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
