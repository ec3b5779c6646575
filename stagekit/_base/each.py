"""``Each``: a parameter that takes the items of a list, one at a time.

A module of its own: until somebody loads it, planning need not look for it.
"""

from __future__ import annotations

from stagekit._base.refs import Marker

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Optional

    from stagekit._base.refs import From, Named


class Each(Marker):
    """``Annotated[T, Each()]``: call the stage once for each item of the provider of ``list[T]``.

    The stage then provides the list of what it returned, in the order of the items. Several such
    parameters take their items side by side, from lists of one length. ``From`` and ``Named`` may
    stand beside it: ``Annotated[T, From(load), Each()]``.
    """

    __slots__ = ("source",)
    is_each = True
    source: Optional[Marker]

    def __init__(self) -> None:
        self.source = None

    def __repr__(self) -> str:
        return "Each()" if self.source is None else f"Each() of {self.source!r}"


def each_of(source: From | Named) -> Each:
    """Return what ``From(...), Each()`` in one ``Annotated`` mean together."""
    found = Each()
    found.source = source
    return found
