"""What a stage promises to return, checked wherever it is called."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Tuple


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
