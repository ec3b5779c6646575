"""What stands for a value that a run has let go of: what it was, and how large."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, NoReturn


class Released:
    """Stands for a value that is gone; whoever asks for it is told why.

    Attributes:
        type_name: the type of the value, as module and name.
        size: how large it was, for people; empty where it had no size.
    """

    __slots__ = ("_why", "size", "type_name")
    is_handle = True

    def __init__(self, type_name: str, size: str, why: str) -> None:
        self.type_name = type_name
        self.size = size
        self._why = why

    def fetch(self) -> NoReturn:
        """Say that it is gone.

        Raises:
            NoValueError: with the option of the run that keeps it.
        """
        from stagekit.errors import NoValueError

        raise NoValueError(self._why)


def released(value: Any, why: str) -> Released:
    """Return what stands for a value."""
    from stagekit._base.handles import type_name
    from stagekit._base.value_text import size_text

    return Released(type_name(value), size_text(value), why)
