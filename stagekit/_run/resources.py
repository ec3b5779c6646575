"""Resources: the generator of each is run to its ``yield``, and later to its end, in one place.

Set-up and tear-down are on one and the same thread, or in one task, because what they make may
belong to it (a SQLite connection, a cancel scope).
"""

from __future__ import annotations

import contextlib
from threading import Event, Thread
from typing import TYPE_CHECKING, Any, Callable, Dict, Generator, List, NamedTuple, Optional

from stagekit._base.promise import check_value
from stagekit._base.text import error_line, note
from stagekit._run.attempt import attribute, cut
from stagekit._run.backends.threads import no_thread
from stagekit._run.record import users_of
from stagekit._run.state.agenda import SECOND
from stagekit.errors import BadValueError

if TYPE_CHECKING:
    import asyncio

    from stagekit._run.backends.job import Job, Post
    from stagekit._run.backends.loop import LoopBackend
    from stagekit._run.backends.placement import Placement
    from stagekit._run.session import Session

Closed = Callable[[Optional[BaseException]], object]  # told once a resource has been torn down
NO_VALUE = "yielded nothing; a resource yields its value once"
_leaked: List[Any] = []  # leaked generators, kept alive on purpose
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
    if failure is not None:
        note(error, f"stagekit: and could not be torn down: {error_line(failure)}")


class Failure(NamedTuple):
    """The failure of a stage that used a resource, and how the resource hears of it.

    Attributes:
        error: what the first such stage failed with, or None.
        is_thrown: it is raised at the ``yield``; else the ``yield`` returns it.
    """

    error: Optional[BaseException] = None
    is_thrown: bool = False

    def after(self, raised: BaseException) -> Optional[BaseException]:
        """Return what a tear-down has failed with: not with the failure that it was told of."""
        error = self.error
        is_wrapped = isinstance(error, (StopIteration, StopAsyncIteration)) and (
            type(raised) is RuntimeError and raised.__cause__ is error
        )
        return None if raised is error or is_wrapped else raised


NO_FAILURE = Failure()


@contextlib.contextmanager
def _as_it_was(error: Optional[BaseException]) -> Generator[None, None, None]:
    """Have an error keep its traceback, whoever raises it again."""
    trace = None if error is None else attribute(error, "__traceback__")
    try:
        yield
    finally:
        if error is not None:
            BaseException.with_traceback(error, trace)


def _closed(job: Job, generator: Any, failure: Failure = NO_FAILURE) -> Optional[BaseException]:
    """Run a generator to its end; return what it raised."""
    resume = generator.throw if failure.is_thrown and failure.error else generator.send
    with _as_it_was(failure.error):
        try:
            job.context.run(resume, failure.error)
        except StopIteration:
            return None
        except BaseException as error:  # noqa: BLE001 - told with the result
            return failure.after(error)
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

    def close(self, closed: Closed, failure: Failure) -> None:
        """Tear the resource down."""
        closed(_closed(self._job, self._generator, failure))

    def abandon(self) -> None:
        """Tear the resource down: it has been set up, but too late."""
        _closed(self._job, self._generator)

    def stop(self) -> None:
        """Do nothing: it has been torn down before anybody can ask."""

    def give_up(self) -> None:
        """Do nothing, as above."""

    def leak(self) -> None:
        """Keep the resource open: somebody may use it still."""
        _leaked.append(self._generator)

    def leave(self) -> None:
        """Do nothing: it has been torn down."""


class ThreadKeeper:
    """Keeps a resource on a thread of its own."""

    def __init__(self, job: Job, post: Post) -> None:
        self._job = job
        self._post = post
        self._is_wanted = Event()
        self._is_leaked = False
        self._told: Optional[Closed] = None
        self._failure = NO_FAILURE
        self._thread = Thread(target=self._keep, name=f"stagekit-{job.name}", daemon=True)
        try:
            self._thread.start()
        except (RuntimeError, MemoryError) as error:
            post(job.ticket, None, no_thread(error))

    def close(self, closed: Closed, failure: Failure) -> None:
        """Have the resource torn down."""
        self._told, self._failure = closed, failure
        self._is_wanted.set()

    def abandon(self) -> None:
        """Have the resource torn down as soon as it has been set up after all."""
        self._is_wanted.set()

    def stop(self) -> None:
        """Cancel the token of the resource, which is all that a thread can be told."""
        self._job.token.cancel("timeout")

    def give_up(self) -> None:
        """Leave the thread alone."""

    def leak(self) -> None:
        """Let the thread go, and the resource stay open: somebody may use it still."""
        self._is_leaked = True
        self._is_wanted.set()

    def leave(self) -> None:
        """Wait for the thread, which has nothing more to do."""
        if self._thread.ident is not None:  # else it could not be started
            self._thread.join()

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
        if self._is_leaked:
            _leaked.append(generator)
            return
        failed = _closed(job, generator, self._failure)
        if self._told is not None:
            self._told(failed)


class AsyncKeeper:
    """Keeps an async resource in a task of its own."""

    def __init__(self, job: Job, tasks: LoopBackend, post: Post) -> None:
        self._job = job
        self._post = post
        self._tasks = tasks
        self._is_wanted: Optional[asyncio.Event] = None
        self._is_leaked = False
        self._told: Optional[Closed] = None
        self._failure = NO_FAILURE
        self._fn, job.fn = job.fn, self._keep
        job.promise, self._promise = 0, job.promise
        tasks.start(job)

    def close(self, closed: Closed, failure: Failure) -> None:
        """Have the resource torn down."""
        self._told, self._failure = closed, failure
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

    def leak(self) -> None:
        """Leave the task to the end of its loop."""
        self._is_leaked = True

    def give_up(self) -> None:
        """Leave the task alone."""
        self._tasks.abandon(self._job.ticket)

    def leave(self) -> None:
        """Do nothing: the task has nothing more to do."""

    async def _keep(self, *args: Any, **kwargs: Any) -> None:
        from asyncio import Event as AsyncEvent

        job = self._job
        self._is_wanted = AsyncEvent()
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
        await self._wait()
        failed = await _aclosed(generator, self._failure)
        if self._told is not None:
            self._told(failed)

    async def _wait(self) -> None:
        """Wait until the resource is to be torn down.

        The opening is over. Where it was asked to end while the owner did not know that, the asking
        has no meaning any more: what was opened is closed.
        """
        from asyncio import CancelledError, current_task

        assert self._is_wanted is not None  # noqa: S101 - made before the generator
        while not self._is_wanted.is_set():
            try:
                await self._is_wanted.wait()
            except CancelledError:
                if self._is_leaked:
                    raise
                task: Any = current_task()  # Any: what it has depends on the Python
                getattr(task, "uncancel", int)()  # from 3.11 on


async def _aclosed(generator: Any, failure: Failure = NO_FAILURE) -> Optional[BaseException]:
    """Run an async generator to its end; return what it raised."""
    resume = generator.athrow if failure.is_thrown and failure.error else generator.asend
    with _as_it_was(failure.error):
        try:
            await resume(failure.error)
        except StopAsyncIteration:
            return None
        except BaseException as error:  # noqa: BLE001 - told with the result
            return failure.after(error)
    twice = BadValueError(TWICE)
    try:
        await generator.aclose()
    except BaseException as found:  # noqa: BLE001 - told with the result
        twice.__cause__ = found
    return twice


class Resources:
    """Opens and closes the resources of one run, on the owner's thread.

    Args:
        session: the run.
        placement: where stages are called.
        post_end: takes how an opening ended.
        post: brings a message to the owner's thread.
        now: reads the clock of the run.

    Attributes:
        due: when the wait is over for resources that were opened after their time limit; None
            where there are none.
    """

    def __init__(
        self,
        session: Session,
        placement: Placement,
        *,
        post_end: Post,
        post: Callable[[Callable[[], None]], object],
        now: Callable[[], int],
    ) -> None:
        self._session = session
        self._placement = placement
        self._post_end = post_end
        self._post = post
        self._now = now
        self._keepers: Dict[int, Any] = {}
        self._closing: Dict[int, Any] = {}
        self._late: Dict[int, Any] = {}  # were opened too late, and are being torn down
        self.due: Optional[int] = None

    def open(self, step: int, job: Job, lane: int) -> None:
        """Begin to open a resource; how that ends is posted."""
        if self._session.plan.is_async[step]:
            keeper: Any = AsyncKeeper(job, self._placement.loop(), self._post_end)
        elif self._placement.is_owners(lane):
            keeper = HereKeeper(job, self._post_end)
        else:
            keeper = ThreadKeeper(job, self._post_end)
        self._keepers[step] = keeper

    def close(self, step: int, closed: Callable[[Optional[BaseException]], None]) -> None:
        """Begin to close a resource; *closed* is called on the owner's thread."""
        self._closing[step] = self._keepers.pop(step)
        self._end(self._closing, step, closed, self._failure_of(step))

    def _failure_of(self, step: int) -> Failure:
        """Return what the first stage that used a resource has failed with, as it hears of it."""
        plan, columns = self._session.plan, self._session.columns
        if not columns.errors and not columns.teardowns:
            return NO_FAILURE
        users = users_of(plan, step)
        failed = [each for each in users if each in columns.errors]
        if failed:
            first = min(failed, key=lambda each: (columns.ends[each], each))
            return Failure(columns.errors[first], plan.policies[step].throws)
        torn = [columns.teardowns[each] for each in sorted(users) if each in columns.teardowns]
        return Failure(torn[0], plan.policies[step].throws) if torn else NO_FAILURE

    def stop_closing(self, step: int) -> None:
        """Ask a resource that is being closed to end that, as far as it can be asked."""
        keeper = self._closing.get(step)
        if keeper is not None:
            keeper.stop()

    def abandon_closing(self, step: int) -> None:
        """Wait no longer for a resource that is being closed."""
        keeper = self._closing.pop(step, None)
        if keeper is not None:
            keeper.give_up()

    def failed(self, step: int) -> None:
        """Forget a resource that could not be opened."""
        keeper = self._keepers.pop(step, None)  # none where it was never begun
        if keeper is not None:
            keeper.leave()

    def too_late(self, step: int) -> None:
        """Tear down what was opened after its time limit: the stage has failed."""
        self._late[step] = self._keepers.pop(step)
        if self.due is None:
            self.due = self._now() + int(self._session.settings.grace * SECOND)

        def closed(error: Optional[BaseException]) -> None:
            if error is not None:
                self._session.columns.teardowns[step] = error
            if not self._late:
                self.due = None

        self._end(self._late, step, closed)

    def abandon(self, step: int) -> None:
        """Wait no longer for a resource to be opened; should it ever be, it is torn down."""
        keeper = self._keepers.pop(step, None)
        if keeper is not None:
            keeper.abandon()

    def give_up_late(self) -> List[int]:
        """Wait no longer for what was opened too late, if that is due; return the steps."""
        if self.due is None or self.due > self._now():
            return []
        gone = list(self._late)
        for step in gone:
            self._late.pop(step).give_up()
        self.due = None
        return gone

    def leak(self) -> None:
        """Keep open what is left: a call that was given up on may use it."""
        for keeper in self._keepers.values():
            keeper.leak()

    def _end(
        self,
        keepers: Dict[int, Any],
        step: int,
        closed: Callable[[Optional[BaseException]], None],
        failure: Failure = NO_FAILURE,
    ) -> None:
        """Have a keeper tear down, and call *closed* unless it was given up on meanwhile."""

        def end(error: Optional[BaseException]) -> None:
            keeper = keepers.pop(step, None)
            if keeper is not None:
                keeper.leave()
                closed(None if error is None else cut(error))

        def post(error: Optional[BaseException]) -> None:
            self._post(lambda: end(error))

        keepers[step].close(post, failure)
