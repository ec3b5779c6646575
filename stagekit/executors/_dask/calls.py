"""A call under way, as its pool knows it; and calls that were sent together."""

from __future__ import annotations

from functools import partial
from time import perf_counter_ns
from typing import TYPE_CHECKING, Any, Callable, List, Optional, Sequence, Tuple

if TYPE_CHECKING:
    from stagekit._base.cancel import CancelToken
    from stagekit._base.pool_call import PoolCall
    from stagekit.executors._dask.work import Ticket

# Any: what a stage says of its progress, and Dask's own futures, which may have no types


class Sending:
    """A call as it is sent.

    Attributes:
        held: Dask's futures of values that its arguments stand for.
        tokens: those of its arguments.
    """

    __slots__ = ("envelope", "held", "ticket", "tokens")

    def __init__(
        self, ticket: Ticket, envelope: bytes, held: List[Any], tokens: List[CancelToken]
    ) -> None:
        self.ticket = ticket
        self.envelope = envelope
        self.held = held
        self.tokens = tokens


class Call:
    """A call that has not ended, as its pool knows it.

    Attributes:
        wanted: what was asked for, and is told how the call ends.
        task: Dask's future, where it has one of its own.
        data: the value, pickled, where it was sent home.
        group: those that it was sent with, and its place among them.
        leaves: unsubscribe from tokens.

    Args:
        cancel: has the twin of a token cancelled that the call with a key has.
    """

    def __init__(
        self,
        wanted: PoolCall,
        sending: Sending,
        cancel: Callable[[str, CancelToken], object],
    ) -> None:
        self._cancel = cancel
        self._since = perf_counter_ns()
        self.wanted = wanted
        self.sending = sending
        self.task: Any = None
        self.data: Optional[bytes] = None
        self.group: Optional[Tuple[Together, int]] = None
        self.leaves: List[Callable[[], object]] = []

    def listen(self, key: str) -> None:
        """Pass the cancelling of tokens on, once."""
        if not self.leaves:
            self.leaves += [
                token.on_cancel(partial(self._cancel, key, token)) for token in self.sending.tokens
            ]

    def leave(self) -> None:
        """Listen to tokens no more."""
        for leave in self.leaves:
            leave()

    def took(self, running: int, workers: int) -> int:
        """Return about how many nanoseconds a worker has had the call, now that it ends.

        Args:
            running: how many calls the cluster has, of which each waits for those before it.
            workers: how many it makes at once.
        """
        return int((perf_counter_ns() - self._since) * min(1.0, workers / max(running, 1)))


class Together:
    """Calls that one task makes, one after another.

    Attributes:
        key: of the task.
        keys: of the calls.
        begun: the place of the call that has begun last, or -1.
        kept: the places of those whose values stay on the cluster.
        is_over: nothing more is to be learned of the task.
    """

    def __init__(self, key: str, keys: Sequence[str]) -> None:
        self.key = key
        self.keys = keys
        self.task: Any = None
        self.begun = -1
        self.kept: List[int] = []
        self.is_over = False
