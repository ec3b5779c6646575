"""A call of a process pool that has not ended."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Callable, List, Tuple

if TYPE_CHECKING:
    from stagekit._base.cancel import CancelToken
    from stagekit._base.pool_call import PoolCall
    from stagekit.executors._processes.functions import Definition


class Call:
    """A call that has not ended.

    Attributes:
        wanted: what was asked for, and is told how the call ends.
        number: its own, unlike that of any other call of the pool.
        definition: of its function.
        body: what is sent of it.
        batch: what it is withdrawn with; None for a call by itself.
        link: the worker that it was sent to, and not taken back from; its type is a floor above.
        tokens: those of its arguments, whose cancelling is passed on.
        leaves: unsubscribe from tokens.
        type_name: of the value, where its worker has told that before.
    """

    __slots__ = (
        "batch",
        "body",
        "definition",
        "leaves",
        "link",
        "number",
        "tokens",
        "type_name",
        "wanted",
    )

    def __init__(self, number: int, wanted: PoolCall, definition: Definition, body: bytes) -> None:
        self.wanted = wanted
        self.batch = wanted.batch
        self.number = number
        self.definition = definition
        self.body = body
        self.link: Any = None
        self.tokens: Tuple[CancelToken, ...] = ()
        self.type_name = ""
        self.leaves: List[Callable[[], object]] = []

    def leave(self) -> None:
        """Note that it has ended: tokens are not listened to any more."""
        for leave in self.leaves:
            leave()

    def withdrawn(self) -> None:
        """End a call that will not be made."""
        self.leave()
        self.wanted.withdrawn()
