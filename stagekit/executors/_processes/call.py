"""A call of a process pool that has not ended."""

from __future__ import annotations

import pickle
from functools import partial
from typing import TYPE_CHECKING, Any, Callable, List, Tuple

from stagekit._base.packed import aside, value_of
from stagekit.executors._processes import protocol
from stagekit.executors._remote_exceptions import is_quick_error, unpack_error

if TYPE_CHECKING:
    from stagekit._base.cancel import CancelToken
    from stagekit._base.pool_call import PoolCall
    from stagekit.executors._processes.functions import Definition
    from stagekit.executors._processes.protocol import Frame


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

    def heard(self, frame: Frame) -> None:
        """Take in what its worker says of it, and tell who wanted the call."""
        wanted = self.wanted
        if frame.kind == protocol.TOLD:
            told = pickle.loads(frame.body)  # noqa: S301 - from our own worker
            if hasattr(told, "deliver"):  # prints of the stage
                told.deliver()
            else:
                wanted.progressed(told)
        elif frame.kind == protocol.BEGUN:
            wanted.begun()
        elif frame.kind == protocol.NAMED:
            self.type_name = frame.body.decode()
        elif frame.kind == protocol.RETURNED:
            self.leave()
            value = value_of(frame.body, self.definition.name, self.type_name)
            wanted.returned(value, frame.took)
        elif is_quick_error(frame.body):
            self._raised(frame)
        else:  # its class may take as long as it likes to make it again
            aside(partial(self._raised, frame))

    def _raised(self, frame: Frame) -> None:
        self.leave()
        self.wanted.raised(unpack_error(frame.body), frame.took)

    def failed(self, error: BaseException) -> None:
        """End a call that its worker cannot end."""
        self.leave()
        self.wanted.raised(error)

    def leave(self) -> None:
        """Listen to its tokens no more: it has ended."""
        for leave in self.leaves:
            leave()

    def withdrawn(self) -> None:
        """End a call that will not be made."""
        self.leave()
        self.wanted.withdrawn()
