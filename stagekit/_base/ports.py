"""Protocols between floors: what a hook and a pool must be able to do."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Callable, Protocol, runtime_checkable

if TYPE_CHECKING:
    from stagekit.events import Event


class Hook(Protocol):
    """An object that is told the events of a run.

    Called on the thread that called ``run()`` (on the loop's thread under ``arun()``), one event
    at a time, so it needs no locks. What it raises never reaches the run: the first error of a
    hook is reported as a warning when the run ends, and the hook is not called again.
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
    """

    is_handle: bool

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
    """An object that may decide about a call of a stage before it is made."""

    def before(self, call: Any, /) -> Any:  # Any: what it says instead of the call, or None
        """Return what becomes of a call that is about to be made; None to make it."""

    def after(self, call: Any, value: Any, /) -> object:  # Any: whatever the call returned
        """Take in what a call that was made has returned."""


def is_far(executor: object) -> bool:
    """Tell whether an executor is more than a pool with ``submit`` alone: by name, or made so."""
    return isinstance(executor, str) or hasattr(executor, "submit_call") or is_cluster(executor)


def is_cluster(executor: object) -> bool:
    """Tell whether an executor is a Dask cluster: the address of its scheduler, or a client.

    A client has ``submit``, and yet is no pool: it gives the same answer to equal calls, an error,
    too, and makes calls again by itself.
    """
    if isinstance(executor, str):
        return "://" in executor
    return any(
        (each.__module__, each.__name__) == ("distributed.client", "Client")
        for each in type(executor).__mro__
    )
