"""``PoolCall``: one call on its way through a pool, from who wants it made to how it has ended."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Callable, Mapping, Optional, Sequence

from stagekit._base.promise import check_value

if TYPE_CHECKING:
    import contextvars

# Any: functions and values of users


class Batch:
    """Calls that a pool withdraws together: ``CallPool.recall``.

    Attributes:
        is_recalled: none of them begins any more. Only the pool writes it.
    """

    __slots__ = ("is_recalled",)

    def __init__(self) -> None:
        self.is_recalled: bool = False


class PoolCall:
    """A call that a ``CallPool`` is asked to make.

    A runner makes it, hands it to ``start_call``, and is told by *on_end* how it has ended. A pool
    ends it once, by ``returned``, ``raised`` or ``withdrawn``, on any thread.

    Args:
        fn: what is called.
        args: its positional arguments.
        kwargs: its arguments by name.
        context: the context variables that the call starts from, as far as they can travel.
        on_end: called with this object when the call has ended.
        promise: what the value must be, see ``promise.check_value``; the pool has it checked.
        on_begin: called, on any thread, when a worker begins the call.
        on_progress: called, on any thread, with (done, total, note) when the call tells its
            progress by a ``Progress`` among its arguments.
        batch: what the call can be withdrawn with.
        may_repeat: whether the call may be made again where its value is lost with a worker.

    Attributes:
        took: nanoseconds that a worker has had the call, once it has ended, where that is known.
        inner: what the pool keeps with the call; nobody else looks at it.
        is_done: whether the call has ended.
        is_withdrawn: whether it was taken back before it began.
        value: what it returned, or the handle of that.
        error: what it raised, or what has kept it from being made.
    """

    __slots__ = (
        "args",
        "batch",
        "context",
        "error",
        "fn",
        "inner",
        "is_done",
        "is_withdrawn",
        "kwargs",
        "may_repeat",
        "on_begin",
        "on_end",
        "on_progress",
        "promise",
        "took",
        "value",
    )

    def __init__(  # noqa: PLR0913 - the parts of a call
        self,
        fn: Callable[..., Any],
        args: Sequence[Any],
        kwargs: Mapping[str, Any],
        *,
        context: contextvars.Context,
        on_end: Callable[[PoolCall], object],
        promise: int = 0,
        on_begin: Optional[Callable[[], object]] = None,
        on_progress: Optional[Callable[[Any], object]] = None,
        batch: Optional[Batch] = None,
        may_repeat: bool = False,
    ) -> None:
        self.fn: Callable[..., Any] = fn
        self.args: Sequence[Any] = args
        self.kwargs: Mapping[str, Any] = kwargs
        self.context: contextvars.Context = context
        self.promise: int = promise
        self.on_end: Callable[[PoolCall], object] = on_end
        self.on_begin: Optional[Callable[[], object]] = on_begin
        self.on_progress: Optional[Callable[[Any], object]] = on_progress
        self.batch: Optional[Batch] = batch
        self.may_repeat: bool = may_repeat
        self.took: Optional[int] = None
        self.inner: Any = None
        self.is_done: bool = False
        self.is_withdrawn: bool = False
        self.value: Any = None
        self.error: Optional[BaseException] = None

    def result(self) -> Any:
        """Return the value of a call that has ended, or a handle of it; raise what it raised.

        Raises:
            CancelledError: of ``concurrent.futures``; the call was withdrawn.
        """
        error = self.error
        if error is not None:
            try:
                raise error
            finally:
                del error
        if self.is_withdrawn:
            from concurrent.futures import CancelledError

            raise CancelledError
        return self.value

    # For pools.

    def make(self) -> None:
        """Make the call in this thread, and end it."""
        self.begun()
        try:
            value = self.context.copy().run(self.fn, *self.args, **self.kwargs)
            check_value(value, self.promise)
        except BaseException as error:  # noqa: BLE001 - whatever the call raises
            self.raised(error)
        else:
            self.returned(value)

    def begun(self) -> None:
        """Tell that a worker has begun the call."""
        if self.on_begin is not None:
            self.on_begin()

    def progressed(self, told: Any) -> None:
        """Tell what the call says of its progress: done, total and note."""
        if self.on_progress is not None:
            self.on_progress(told)

    def returned(self, value: Any, took: Optional[int] = None) -> None:
        """End the call with its value, or the handle of it."""
        if not self.is_done:
            self.value = value
            self._end(took)

    def raised(self, error: BaseException, took: Optional[int] = None) -> None:
        """End the call with what it raised, or what has kept it from being made."""
        if not self.is_done:
            self.error = error
            self._end(took)

    def withdrawn(self) -> None:
        """End the call that has not begun, and will not."""
        if not self.is_done:
            self.is_withdrawn = True
            self._end(None)

    def _end(self, took: Optional[int]) -> None:
        self.took = took
        self.is_done = True
        self.inner = None
        self.on_end(self)
