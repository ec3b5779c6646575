"""Records: small classes with named parts, without the cost of making a ``NamedTuple`` of each.

``typing`` (13 ms to import) and ``collections.namedtuple`` (which compiles code) stay off the way
of a first run, see docs/architecture.md.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Iterator


class Record:
    """Equal if its parts are, and readable when printed: its ``__slots__``."""

    __slots__ = ()

    def _parts(self) -> tuple[object, ...]:
        names: tuple[str, ...] = self.__slots__
        return tuple([getattr(self, name) for name in names])

    def __eq__(self, other: object) -> bool:
        return type(self) is type(other) and self._parts() == getattr(other, "_parts", tuple)()

    def __hash__(self) -> int:
        try:
            return hash((type(self), self._parts()))
        except TypeError:  # a part that is equal to others, but has no hash
            return hash(type(self))

    def __repr__(self) -> str:
        return f"{type(self).__name__}({', '.join(map(repr, self._parts()))})"


class Row(Record):
    """A record that can be unpacked: ``for before, after, kind, reason in plan.edges``."""

    __slots__ = ()

    def __iter__(self) -> Iterator[Any]:
        return iter(self._parts())
