"""Protocols between floors: what a hook and a pool must be able to do."""

from __future__ import annotations

from typing import (
    TYPE_CHECKING,
    Any,
    Callable,
    Optional,
    Protocol,
    Sequence,
    Tuple,
    Union,
    runtime_checkable,
)

if TYPE_CHECKING:
    from typing_extensions import TypeGuard

    from stagekit._base.decisions import Reuse, Skip, StageCall
    from stagekit._base.pool_call import Batch, PoolCall
    from stagekit.events import Event


class Hook(Protocol):
    """An object that gets the events of a run.

    stagekit calls it on the thread that called ``run()`` (on the loop's thread under ``arun()``),
    one event at a time, so it needs no locks. An error in a hook does not fail the run: stagekit
    warns of it at the end of the run and does not call the hook again.
    """

    def on_event(self, event: Event, /) -> None:
        """Observe *event*."""


class Future(Protocol):
    """The part of ``concurrent.futures.Future`` that a pool's answers must have."""

    def result(self) -> Any:  # Any: whatever the submitted function returns
        """Return the value of the call, or raise what it raised."""

    def cancel(self) -> object:
        """Try to take the call back."""

    def add_done_callback(self, fn: Callable[[Any], object], /) -> object:
        """Call *fn* with this future once it is done."""


@runtime_checkable
class Handle(Protocol):
    """A value that stays where it was made until somebody needs it here.

    Given as an argument to another call of the same pool, alone or in lists and tuples, it stands
    for the value over there.

    Attributes:
        is_handle: True, and on the class, so that a handle is known from all other values.
        is_here: nobody else is needed to ``fetch`` it: at most, its pickle has to be read.
            One that is not here has ``pool``: the ``CallPool`` that ``fetch_together`` is asked of.
    """

    is_handle: bool

    @property
    def is_here(self) -> bool:
        """Whether nobody else is needed to ``fetch`` it."""
        ...

    def fetch(self) -> Any:  # Any: whatever the call returned
        """Return the value, brought here once.

        Raises:
            WorkerDiedError: it was lost with the worker that held it.
        """

    def __getitem__(self, item: int, /) -> Handle:
        """Return a handle of one item, where the value is a tuple."""
        ...


class Pool(Protocol):
    """Anything with ``submit``: ``concurrent.futures.Executor``, MPI pools, a Dask client."""

    def submit(self, fn: Callable[..., Any], /, *args: Any) -> Any:  # Any: a Future of its own kind
        """Have *fn* called with *args*; return a future."""


class Decider(Protocol):
    """An object that decides about each call of a stage before it is made.

    It is asked once a stage, as soon as everything the stage needs has ended but for resources,
    and once an item; attempts that follow a failed one are not asked about. Until it has answered
    for all stages that are ready, nothing is started. It is called on the thread that called
    ``run()`` (on the loop's thread under ``arun()``), so it needs no locks. What it raises fails
    the stage.
    """

    def before(self, call: StageCall, /) -> Union[Reuse, Skip, None]:
        """Return what becomes of a call instead of its being made; None to make it."""

    def after(self, call: StageCall, value: Any, /) -> object:  # Any: whatever the call returned
        """Take in what a call that was made has returned; it may be a handle.

        The stage becomes a success only after this has returned.
        """


class CallPool(Protocol):
    """A pool as a run uses it; ``executors.futures`` makes one of anything with ``submit``.

    Who derives a pool from this has to say how many workers it has, how it starts, withdraws and
    recalls calls, and how it is shut down; the rest is for pools that can do more.

    Attributes:
        workers: how many calls the pool makes at once.
        capacity: how many calls it wants to have at the moment: one for each worker, and those that
            it holds ahead of their turn. It changes while calls end.
        is_elsewhere: whether calls are made outside of this process, where all is sent to.
        can_stop: whether ``stop`` ends calls that have begun.
        recalls_at_once: whether ``recall`` is quick, and may be called even in a signal handler.
        returns_handles: whether what a call returned may be a ``Handle``.
        left_out: the names of context variables that could not travel.
    """

    is_elsewhere: bool = False
    can_stop: bool = False
    recalls_at_once: bool = False
    returns_handles: bool = False
    left_out: Tuple[str, ...] = ()

    @property
    def workers(self) -> int:
        """How many calls the pool makes at once."""
        ...

    @property
    def capacity(self) -> int:
        """How many calls the pool wants to have."""
        return self.workers

    def start_call(self, call: PoolCall, /) -> None:
        """Have a call made; it may end before this returns.

        Raises:
            BadValueError: the function or an argument cannot be sent; names it.
            RuntimeError: the pool is shut down.
        """

    def withdraw(self, call: PoolCall, /) -> bool:
        """Withdraw a call that has not begun; return whether it was never made."""
        ...

    def recall(self, batch: Batch, /) -> None:
        """Withdraw all calls of a batch that have not begun; none of it begins any more."""

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:  # noqa: FBT001, FBT002 - as concurrent.futures has it
        """Take no more calls; end when those that there are have ended."""

    def stop(self, call: PoolCall, /, *, force: bool = False) -> None:
        """Withdraw a call, or end what makes it, where the pool can: it ends in its own time.

        Args:
            call: which.
            force: leave it no time to tidy up.
        """
        del force
        self.withdraw(call)

    def takes(self, handle: Handle, /) -> bool:
        """Return whether a handle may be an argument of a call, and stands for its value there."""
        del handle
        return False

    def fetch_together(self, handles: Sequence[Handle], /) -> None:
        """Bring the values of many handles here in one go; what fails is left to ``fetch``."""
        del handles

    def check(self, fn: Callable[..., Any], /) -> Optional[str]:
        """Return why a function cannot be sent to a worker, or None."""
        del fn
        return None


def is_call_pool(executor: object) -> TypeGuard[CallPool]:
    """Return whether an executor is a ``CallPool``."""
    return callable(getattr(executor, "start_call", None)) and not isinstance(executor, type)


def can_stop(executor: object) -> bool:
    """Return whether an executor can end calls that have begun."""
    return executor == "processes" or (is_call_pool(executor) and executor.can_stop)


def is_cluster(executor: object) -> bool:
    """Return whether an executor is a Dask cluster: the address of its scheduler, or a client.

    A client has ``submit``, and yet is no pool: it gives the same answer to equal calls, an error,
    too, and makes calls again by itself.
    """
    if isinstance(executor, str):
        return "://" in executor
    return any(
        (each.__module__, each.__name__) == ("distributed.client", "Client")
        for each in type(executor).__mro__
    )
