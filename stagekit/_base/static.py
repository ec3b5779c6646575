"""What only type checkers need, without importing ``typing``, which takes as long as all of us.

The modules of a first run import ``typing`` where type checkers look, and these stand-ins where
the interpreter does; see docs/architecture.md.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Generic, cast, overload
else:

    class Generic:
        """A base that takes its parameters and forgets them."""

        __slots__ = ()

        def __class_getitem__(cls, parameters: object) -> type:
            return cls

    def cast(_: object, value: object) -> object:
        """Return the value."""
        return value

    def overload(fn: object) -> object:
        """Return the function; its last definition counts."""
        return fn


__all__ = ["Generic", "cast", "overload"]
