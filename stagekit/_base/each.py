"""``Each``: a parameter that takes the items of a list, one at a time.

A module of its own: until somebody loads it, planning need not look for it.
"""

from __future__ import annotations

from stagekit._base.refs import Marker

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Literal, Optional

    from stagekit._base.refs import From, Named


class Each(Marker):
    """``Annotated[T, Each()]``: call the stage once for each item of the provider of ``list[T]``.

    The stage then provides the list of what it returned, in the order of the items. Several such
    parameters take their items side by side, from lists of one length. ``From`` and ``Named`` may
    stand beside it: ``Annotated[T, From(load), Each()]``.

    Args:
        on_error: ``"fail"``: an item that fails, its attempts used up, fails the stage.
            ``"skip"``: it is left out of the list, and the others go on; ``report.items`` says of
            each item what became of it. Where all of them failed the list is empty, and the run
            warns.

    Raises:
        ValueError: *on_error* is another word.
    """

    __slots__ = ("source", "on_error")
    is_each = True
    source: Optional[Marker]
    on_error: str

    def __init__(self, *, on_error: Literal["fail", "skip"] = "fail") -> None:
        if on_error not in {"fail", "skip"}:
            raise ValueError(f'Each(on_error=) takes "fail" or "skip", got {on_error!r}')
        self.source = None
        self.on_error = on_error

    @property
    def skips(self) -> bool:
        """Whether items that failed are left out."""
        return self.on_error == "skip"

    @property
    def written(self) -> str:
        """How it is written, without what stands beside it."""
        return 'Each(on_error="skip")' if self.skips else "Each()"

    def __repr__(self) -> str:
        text = self.written
        return text if self.source is None else f"{text} of {self.source!r}"


def each_of(source: From | Named, each: Each) -> Each:
    """Return what ``From(...), Each()`` in one ``Annotated`` mean together."""
    found = Each(on_error="skip" if each.skips else "fail")
    found.source = source
    return found
