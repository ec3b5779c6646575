"""Protocols between floors: what a hook and a pool must be able to do."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Callable, Protocol

if TYPE_CHECKING:
    from stagekit.events import Event

__all__ = ["Future", "Hook", "Pool"]


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


class Pool(Protocol):
    """Anything with ``submit``: ``concurrent.futures.Executor``, MPI pools, a Dask client."""

    def submit(self, fn: Callable[..., Any], /, *args: Any) -> Any:  # Any: a Future of its own kind
        """Have *fn* called with *args*; return a future."""
