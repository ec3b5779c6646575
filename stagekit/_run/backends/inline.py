"""The calling thread as a backend: one call after another, each to its end."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from stagekit._run.backends.job import Job, Post
    from stagekit._run.interrupts import Gate


class InlineBackend:
    """Makes calls in the thread that owns the run."""

    name = "inline"
    capacity = 1
    can_kill = False
    reasks = False
    walks = True
    recalls = False
    returns_handles = False
    queues = False
    is_elsewhere = False
    ahead = 0

    def __init__(self, post: Post, gate: Gate) -> None:
        self._post = post
        self._gate = gate

    def start(self, job: Job) -> None:
        """Make the call."""
        gate = self._gate
        try:
            try:
                gate.open()
                value = job.call()
            finally:
                gate.shut()
        except BaseException as error:  # noqa: BLE001 - judged by the owner
            self._post(job.ticket, None, error)
        else:
            self._post(job.ticket, value, None)
        finally:
            gate.leave()

    def stop(self, ticket: int, *, force: bool) -> None:
        """Do nothing: the call is over before anybody can ask."""

    def recall(self) -> None:
        """Do nothing, as above."""

    def abandon(self, ticket: int) -> None:
        """Do nothing, as above."""

    def close(self) -> None:
        """Do nothing: nothing was opened."""
