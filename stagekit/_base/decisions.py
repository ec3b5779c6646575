"""What a ``Decider`` is asked about, and what it may answer: ``StageCall``, ``Reuse``, ``Skip``."""

from __future__ import annotations

from stagekit._base.record import Record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Callable, Dict, Optional, Tuple

# Any: values of stages


class Reuse(Record):
    """Instead of a call: the stage has this value, and its outcome is *reused*.

    Attributes:
        value: what the stage would have returned. It may be a handle, see ``ports.Handle``.
        note: where the value is from, for reports and hooks.

    Example:
        >>> from stagekit import Reuse
        >>> Reuse(7, "from yesterday")
        Reuse(7, 'from yesterday')
    """

    value: Any
    note: str = ""


class Skip(Exception):  # noqa: N818 - no error: a decider returns or raises it
    """Instead of a call: the stage is skipped.

    Attributes:
        note: why, for reports and hooks.

    Example:
        >>> from stagekit import Skip
        >>> Skip("only on Mondays").note
        'only on Mondays'
    """

    def __init__(self, note: str) -> None:
        super().__init__(note)
        self.note = note


class StageCall:
    """A call that a decider is asked about: of a stage, or of a stage for one item.

    Attributes:
        stage_id: the id of the stage.
        fn: the function that was declared.
        tags: the tags of the stage.
        item: the index of the item of an ``Each`` stage; None elsewhere.
        is_mapped: an ``Each`` stage as a whole: a call for each item may follow.
    """

    __slots__ = ("_arguments", "_take", "fn", "is_mapped", "item", "stage_id", "tags")

    def __init__(
        self,
        stage_id: str,
        fn: Callable[..., Any],
        tags: Tuple[str, ...],
        item: Optional[int],
        *,
        is_mapped: bool,
        take: Callable[[], Dict[str, Any]],
    ) -> None:
        self.stage_id: str = stage_id
        self.fn: Callable[..., Any] = fn
        self.tags: Tuple[str, ...] = tags
        self.item: Optional[int] = item
        self.is_mapped: bool = is_mapped
        self._take = take
        self._arguments: Optional[Dict[str, Any]] = None

    @property
    def arguments(self) -> Dict[str, Any]:
        """What the stage would be passed, by parameter.

        Values that a pool keeps elsewhere are handles: ``fetch()`` brings one here. Absent are
        defaults that Python fills in, what is made for each attempt (``Progress``,
        ``CancelToken``), and resources that are not open yet.
        """
        if self._arguments is None:
            self._arguments = self._take()
        return self._arguments

    def __repr__(self) -> str:
        item = "" if self.item is None else f"[{self.item}]"
        return f"<call of {self.stage_id}{item}>"
