"""``Job``: one call on its way to who carries it out, and what comes back of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Callable, Dict, Optional, Protocol, Tuple

from stagekit._base.handles import fetched, is_remote
from stagekit._base.promise import check_value

if TYPE_CHECKING:
    import contextvars

    from stagekit._base.cancel import CancelToken
    from stagekit._base.progress import Progress

# Tells the owner of the run, from any thread, how a call ended: ticket, value, error.
Post = Callable[[int, Any, Optional[BaseException]], object]
CHAINED: Any = object()  # what a job posts that has become another call: nothing, and that is made


class Job:
    """One call of a stage.

    Attributes:
        ticket: the number of the attempt.
        step: the stage that is called; -1 for a compensation.
        fn: what is called with *args* and *kwargs*.
        promise: see ``Plan``.
        context: the context variables that the call starts from; its own.
        token: cancelled when the call is to end.
        tell: takes the progress of the call, from any thread.
        name: of the worker, for people.
        progress: what the call was given to tell its progress, or None.
        again: whether the call may be made again where its value is lost with who has made it.
        took: nanoseconds that a worker has had the call, where it may have been sent ahead.
        begun: to be called, on any thread, when the call begins, where that may be a while yet.
    """

    __slots__ = (
        "again",
        "args",
        "begun",
        "context",
        "fn",
        "kwargs",
        "name",
        "progress",
        "promise",
        "step",
        "tell",
        "ticket",
        "token",
        "took",
    )

    def __init__(  # noqa: PLR0913 - the parts of a call
        self,
        ticket: int,
        fn: Callable[..., Any],
        args: Tuple[Any, ...],
        kwargs: Dict[str, Any],
        *,
        promise: int,
        context: contextvars.Context,
        token: CancelToken,
        tell: Callable[..., object],
        name: str,
        progress: Optional[Progress] = None,
        step: int = -1,
    ) -> None:
        self.ticket = ticket
        self.step = step
        self.fn = fn
        self.args = args
        self.kwargs = kwargs
        self.promise = promise
        self.context = context
        self.token = token
        self.tell = tell
        self.name = name
        self.progress = progress
        self.again = False
        self.took: Optional[int] = None
        self.begun: Optional[Callable[[], object]] = None

    def prepare(self) -> None:
        """Have function and arguments at hand, for who makes the call elsewhere."""

    def returned(self, value: Any, ahead: int) -> Any:
        """Return what is posted of a call that was made elsewhere; or ``CHAINED``.

        Args:
            value: what it has returned.
            ahead: how many calls are taken there ahead of their turn.
        """
        del ahead
        return value

    def raised(self) -> bool:
        """Return whether nothing is to begin any more, as the call has raised something."""
        return False

    def fetch(self) -> None:
        """Bring arguments here that were left where they were made; may take a while."""
        self.args = tuple([fetched(value) for value in self.args])
        self.kwargs = {name: fetched(value) for name, value in self.kwargs.items()}

    def has_handles(self) -> bool:
        """Return whether there is anything to fetch."""
        args, kwargs = self.args, self.kwargs
        if not args and not kwargs:
            return False
        return any(map(is_remote, args)) or any(map(is_remote, kwargs.values()))

    def call(self) -> Any:  # Any: whatever a stage returns
        """Make the call and check its promise; raises what it raises.

        Raises:
            StageCancelledError: it is to end before it has begun.
        """
        self.token.raise_if_cancelled()
        if self.has_handles():
            self.fetch()
        try:
            value = self.context.run(self.fn, *self.args, **self.kwargs)
        finally:
            self.flush()
        check_value(value, self.promise)
        return value

    def told(self, said: Tuple[Any, ...]) -> None:
        """Take what a call that is made elsewhere says of its progress."""
        self.tell(*said)

    def flush(self) -> None:
        """Have the last word of the call's progress told."""
        if self.progress is not None:
            self.progress.flush()


class Backend(Protocol):
    """Begins calls without blocking, and posts how each ended.

    Attributes:
        name: as in ``RunInfo.executor``.
        capacity: how many calls it makes at once.
        can_kill: whether a call can be ended against its will.
        reasks: whether a call must be asked to end again and again.
        walks: whether one plain call may follow another there, without a word to the owner.
        recalls: whether ``recall`` is quick, and may be called on any thread, even in a handler.
        returns_handles: whether what its calls return may be handles; it takes them, too.
        ahead: how many calls it takes ahead of their turn, at the moment; below 0, by how many
            fewer than its capacity it begins of those that can follow others.
        is_elsewhere: whether calls are made outside of this process, and can tell progress.
        queues: whether a call may have to wait there, for calls that are not of this run.
    """

    name: str
    capacity: int
    can_kill: bool
    reasks: bool
    walks: bool
    recalls: bool
    returns_handles: bool
    ahead: int
    queues: bool
    is_elsewhere: bool

    def start(self, job: Job) -> None:
        """Begin a call."""

    def stop(self, ticket: int, *, force: bool) -> None:
        """Have a call end; its token has been cancelled."""

    def recall(self) -> None:
        """Take back all calls that have not begun; each ends with a ``WithdrawnError``."""

    def abandon(self, ticket: int) -> None:
        """Wait no longer for a call."""

    def close(self) -> None:
        """Let go of what carried calls out; nothing is under way but what was abandoned."""
