"""Keeping a resource: its generator is run to the ``yield``, and later to its end, in one place.

Set-up and tear-down are on one and the same thread, or in one task, because what they make may
belong to it (a SQLite connection, a cancel scope).
"""

from __future__ import annotations

import asyncio
import sys
from threading import Event, Thread
from typing import TYPE_CHECKING, Any, Callable, List, Optional

from stagekit._base.promise import check_value
from stagekit._base.text import error_line
from stagekit.errors import BadValueError

if TYPE_CHECKING:
    from stagekit._run.backends.job import Job, Post
    from stagekit._run.backends.loop import Tasks

Closed = Callable[[Optional[BaseException]], object]  # told once a resource has been torn down
NO_VALUE = "yielded nothing; a resource yields its value once"
_forsaken: List[Any] = []  # generators that nobody may resume, nor clear away
TWICE = "yielded a second time; a resource yields its value once"


def _opened(job: Job) -> Any:
    """Return the generator of a resource and what it has yielded.

    One that yields what it has not promised is torn down at once.
    """
    generator = job.context.run(job.fn, *job.args, **job.kwargs)
    try:
        value = job.context.run(next, generator)
    except StopIteration:
        raise BadValueError(NO_VALUE) from None
    finally:
        job.flush()
    try:
        check_value(value, job.promise)
    except BadValueError as error:
        _note(error, _closed(job, generator))
        raise
    return generator, value


def _note(error: BaseException, failure: Optional[BaseException]) -> None:
    """Tell with an error what a tear-down because of it has raised."""
    if failure is not None and sys.version_info >= (3, 11):
        error.add_note(f"stagekit: and could not be torn down: {error_line(failure)}")


def _closed(job: Job, generator: Any) -> Optional[BaseException]:
    """Run a generator to its end; return what it raised."""
    try:
        job.context.run(next, generator)
    except StopIteration:
        return None
    except BaseException as error:  # noqa: BLE001 - told with the result
        return error
    twice = BadValueError(TWICE)
    try:
        job.context.run(generator.close)
    except BaseException as found:  # noqa: BLE001 - told with the result
        twice.__cause__ = found
    return twice


class HereKeeper:
    """Keeps a resource on the calling thread."""

    def __init__(self, job: Job, post: Post) -> None:
        self._job = job
        self._generator: Any = None
        try:
            self._generator, value = _opened(job)
        except BaseException as error:  # noqa: BLE001 - judged by the owner
            post(job.ticket, None, error)
        else:
            post(job.ticket, value, None)

    def close(self, closed: Closed) -> None:
        """Tear the resource down."""
        closed(_closed(self._job, self._generator))

    def abandon(self) -> None:
        """Tear the resource down: it has been set up, but too late."""
        _closed(self._job, self._generator)

    def stop(self) -> None:
        """Do nothing: it has been torn down before anybody can ask."""

    def give_up(self) -> None:
        """Do nothing, as above."""

    def forsake(self) -> None:
        """Keep the resource open: somebody may use it still."""
        _forsaken.append(self._generator)

    def leave(self, patience: Optional[float] = None) -> bool:  # noqa: ARG002 - as others have it
        """Say that nothing is left behind."""
        return True


class ThreadKeeper:
    """Keeps a resource on a thread of its own."""

    def __init__(self, job: Job, post: Post) -> None:
        self._job = job
        self._post = post
        self._is_wanted = Event()
        self._is_forsaken = False
        self._told: Optional[Closed] = None
        self._thread = Thread(target=self._keep, name=f"stagekit-{job.name}", daemon=True)
        self._thread.start()

    def close(self, closed: Closed) -> None:
        """Have the resource torn down."""
        self._told = closed
        self._is_wanted.set()

    def abandon(self) -> None:
        """Have the resource torn down as soon as it has been set up after all."""
        self._is_wanted.set()

    def stop(self) -> None:
        """Cancel the token of the resource, which is all that a thread can be told."""
        self._job.token.cancel("timeout")

    def give_up(self) -> None:
        """Leave the thread alone."""

    def forsake(self) -> None:
        """Let the thread go, and the resource stay open: somebody may use it still."""
        self._is_forsaken = True
        self._is_wanted.set()

    def leave(self, patience: Optional[float] = None) -> bool:
        """Wait for the thread, which has nothing more to do; tell whether it has ended."""
        self._thread.join(patience)
        return not self._thread.is_alive()

    def _keep(self) -> None:
        job = self._job
        try:
            generator, value = _opened(job)
        except BaseException as error:  # noqa: BLE001 - judged by the owner
            self._post(job.ticket, None, error)
            return
        self._post(job.ticket, value, None)
        del value
        self._is_wanted.wait()
        if self._is_forsaken:
            _forsaken.append(generator)
            return
        failure = _closed(job, generator)
        if self._told is not None:
            self._told(failure)


class AsyncKeeper:
    """Keeps an async resource in a task of its own."""

    def __init__(self, job: Job, tasks: Tasks, post: Post) -> None:
        self._job = job
        self._post = post
        self._tasks = tasks
        self._is_wanted: Optional[asyncio.Event] = None
        self._told: Optional[Closed] = None
        self._fn, job.fn = job.fn, self._keep
        job.promise, self._promise = 0, job.promise
        tasks.start(job)

    def close(self, closed: Closed) -> None:
        """Have the resource torn down."""
        self._told = closed
        if self._is_wanted is not None:
            self._tasks.loop.call_soon_threadsafe(self._is_wanted.set)

    def abandon(self) -> None:
        """Have the resource torn down as soon as it has been set up after all."""
        if self._is_wanted is not None:
            self._tasks.loop.call_soon_threadsafe(self._is_wanted.set)

    def stop(self) -> None:
        """Cancel the task, and the token of the resource."""
        self._job.token.cancel("timeout")
        self._tasks.stop(self._job.ticket, force=False)

    def forsake(self) -> None:
        """Leave the task to the end of its loop."""

    def give_up(self) -> None:
        """Leave the task alone."""
        self._tasks.abandon(self._job.ticket)

    def leave(self, patience: Optional[float] = None) -> bool:  # noqa: ARG002 - as others have it
        """Say that nothing is left behind: the loop that the task is on is waited for."""
        return True

    async def _keep(self, *args: Any, **kwargs: Any) -> None:
        job = self._job
        self._is_wanted = asyncio.Event()
        generator = self._fn(*args, **kwargs)
        try:
            try:
                value = await generator.__anext__()
            except StopAsyncIteration:
                raise BadValueError(NO_VALUE) from None
            finally:
                job.flush()
            try:
                check_value(value, self._promise)
            except BadValueError as error:
                _note(error, await _aclosed(generator))
                raise
        except BaseException as error:  # noqa: BLE001 - judged by the owner
            self._post(job.ticket, None, error)
            return
        self._post(job.ticket, value, None)
        del value
        await self._is_wanted.wait()
        failure = await _aclosed(generator)
        if self._told is not None:
            self._told(failure)


async def _aclosed(generator: Any) -> Optional[BaseException]:
    """Run an async generator to its end; return what it raised."""
    try:
        await generator.__anext__()
    except StopAsyncIteration:
        return None
    except BaseException as error:  # noqa: BLE001 - told with the result
        return error
    twice = BadValueError(TWICE)
    try:
        await generator.aclose()
    except BaseException as found:  # noqa: BLE001 - told with the result
        twice.__cause__ = found
    return twice
