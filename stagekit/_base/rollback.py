"""``Rollback``: after which ends of a run stages are undone, and which stages."""

from __future__ import annotations

from stagekit._base.record import Record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import NoReturn, Tuple


class Rollback(Record):
    """What is undone where a run fails: ``run(..., rollback=Rollback(on_cancel=True))``.

    The ``undo=`` of each stage that succeeded is called, last first. ``rollback=True`` is
    ``Rollback()``.

    Args:
        on_cancel: undo also where the run is cancelled, or its deadline has passed.
        partial: undo also stages that were called and did not succeed, where their ``undo`` does
            not take what they return.

    Raises:
        ValueError: an argument is not allowed; all of them are listed.

    Example:
        >>> from stagekit import Registry, Rollback, run
        >>> registry, rooms = Registry(), []
        >>> book = registry.add(lambda: rooms.append(7), id="book", undo=lambda: rooms.pop())
        >>> pay = registry.add(lambda: 1 // 0, id="pay", depends_on="book")
        >>> run(registry=registry, rollback=Rollback(on_cancel=True), check=False).ok
        False
        >>> rooms
        []
    """

    __slots__ = ("on_cancel", "partial")

    on_cancel: bool
    partial: bool

    def __init__(self, *, on_cancel: bool = False, partial: bool = False) -> None:
        parts: dict[str, object] = {"on_cancel": on_cancel, "partial": partial}
        mistakes = [
            f"{name} must be True or False, got {value!r}"
            for name, value in parts.items()
            if not isinstance(value, bool)
        ]
        if mistakes:
            raise ValueError("Rollback: " + "; ".join(mistakes))
        for name, value in parts.items():
            object.__setattr__(self, name, value)

    def __setattr__(self, name: str, value: object) -> NoReturn:
        raise AttributeError(f"a Rollback cannot be changed; make another to change {name!r}")

    def __delattr__(self, name: str) -> NoReturn:
        raise AttributeError(f"a Rollback cannot be changed; make another to change {name!r}")

    def __repr__(self) -> str:
        return f"Rollback(on_cancel={self.on_cancel}, partial={self.partial})"

    def __reduce__(self) -> Tuple[object, ...]:
        return _again, self._values()


def _again(on_cancel: bool, partial: bool) -> Rollback:  # noqa: FBT001 - the parts of a pickle
    """Make a pickled ``Rollback`` again."""
    return Rollback(on_cancel=on_cancel, partial=partial)
