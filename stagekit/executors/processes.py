"""``ProcessPool``: calls carried out by processes of this machine, one call in each at a time.

Example:
    >>> from stagekit.executors import ProcessPool
    >>> with ProcessPool(2) as pool:
    ...     pool.submit(pow, 2, 5).result()
    32
"""

from __future__ import annotations

import contextvars
import math
import os
import weakref
from functools import partial
from itertools import count
from threading import RLock
from typing import TYPE_CHECKING, Any, Callable, Dict, Mapping, Optional, Sequence, Tuple

from stagekit._base.variables import are_ours, travelling
from stagekit.errors import BadValueError, UsageError
from stagekit.executors._processes.call import AnyFuture, Call, CallFuture, Pending, Recallable
from stagekit.executors._processes.crew import Crew
from stagekit.executors._processes.functions import Functions, mistake_of
from stagekit.executors._processes.packing import article, pack, reason_of
from stagekit.executors._processes.twins import WORKER

if TYPE_CHECKING:
    from types import TracebackType

    from typing_extensions import Self

    from stagekit._base.cancel import CancelToken
    from stagekit.executors._processes.launching import Ended, Launcher

__all__ = ["ProcessPool"]

# Any: functions and values of stages

METHODS = ("forkserver", "spawn")
CAN_FORK = os.name == "posix"
_crews: weakref.WeakSet[Crew] = weakref.WeakSet()


class ProcessPool:
    """Carries calls out in worker processes, which stay for the next calls.

    Functions and classes of modules go by their names; closures, lambdas and what belongs to the
    main module go by value, so that this module is never imported in a worker. A worker that dies
    costs the call that it was making, which raises ``WorkerDiedError``, and is replaced. When this
    process ends, however it does, its workers and all they have started end with it.

    Args:
        workers: how many processes at most; one a processor unless said.
        method: ``"forkserver"``, which starts workers fast, or ``"spawn"``, the only one that
            Windows has.
        grace: seconds that workers have to leave when the pool is closed.
        max_value_bytes: how large a value may be that a call returns, pickled: the call of a larger
            one fails in its worker, and this process never holds it. None for any size.

    Attributes:
        left_out: the names of context variables that could not travel.

    Raises:
        UsageError: an argument is wrong; the method ``"fork"`` is, too.
    """

    can_stop = True
    keeps_values = False
    ahead_ns = 2_000_000  # of work that a worker may have before it; it takes 0.1 ms to send more

    def __init__(
        self,
        workers: Optional[int] = None,
        *,
        method: Optional[str] = None,
        grace: float = 10.0,
        max_value_bytes: Optional[int] = None,
    ) -> None:
        if WORKER.is_worker and WORKER.is_reading:
            raise UsageError(
                "a module starts a pool while a worker process imports it; "
                'put that below:  if __name__ == "__main__":'
            )
        _check(workers, method, grace)
        _check_count("max_value_bytes", max_value_bytes)
        self._max_workers = workers or os.cpu_count() or 1
        self.left_out: Tuple[str, ...] = ()
        self._crew = crew = Crew(
            self._max_workers, partial(_launcher, method), grace, max_value_bytes
        )
        self._functions = Functions(crew.forget)
        self._defining = RLock()
        self._numbers = count(1)
        # The last one that has nothing but ours in it, how much that is, and what of it travels.
        self._last_context: Tuple[object, int, Tuple[bytes, Tuple[str, ...]]] = (None, 0, (b"", ()))
        if not _crews and hasattr(os, "register_at_fork"):
            _let_go_when_forked()
        _crews.add(crew)
        self._close = weakref.finalize(self, crew.close_later)

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> CallFuture:
        """Have *fn* called in a worker."""
        future = CallFuture(self._crew.take_back)
        self.submit_call(fn, args, kwargs, context=contextvars.copy_context(), future=future)
        return future

    def pending(self, then: Callable[[Pending], object]) -> Pending:
        """Return a future for ``submit_call`` that costs less than one of ``concurrent.futures``.

        Args:
            then: called with it when the call has ended, on any thread.
        """
        return Pending(self._crew.take_back, then)

    def submit_call(  # noqa: PLR0913 - the contract of pools
        self,
        fn: Callable[..., Any],
        args: Sequence[Any],
        kwargs: Mapping[str, Any],
        *,
        context: contextvars.Context,
        promise: int = 0,
        tell: Optional[Callable[[Any], object]] = None,
        future: Optional[AnyFuture] = None,
        batch: Optional[Recallable] = None,
        begun: Optional[Callable[[], object]] = None,
    ) -> AnyFuture:
        """Have *fn* called in a worker.

        A ``Progress`` or a ``CancelToken`` anywhere in the arguments has its twin over there.

        Args:
            fn: what is called.
            args: its positional arguments.
            kwargs: its arguments by name.
            context: what the call starts from, as far as it can travel.
            promise: what the value must be, checked in the worker.
            tell: called with (done, total, note) when the call tells its progress.
            future: what is returned: one of ``pending``, or a ``CallFuture`` unless said.
            batch: what the call can be withdrawn with, see ``recall``.
            begun: called, on any thread, when a worker begins the call.

        Raises:
            BadValueError: *fn* or an argument cannot be sent; names it.
            RuntimeError: the pool is shut down.
        """
        variables, left_out = self._travelling(context)
        if left_out:
            self.left_out = tuple(dict.fromkeys((*self.left_out, *left_out)))
        definition = self._functions.known(fn)
        if definition is None:
            with self._defining:
                definition = self._functions.define(fn)
        parts = (definition.number, promise, variables, tuple(args), dict(kwargs))
        try:
            body, tokens = pack(parts)
        except Exception as error:
            raise _bad_argument(definition.name, args, kwargs, error) from error
        if future is None:
            future = CallFuture(self._crew.take_back)
        call = future.call = Call(
            next(self._numbers), definition, body, future, tell, batch=batch, begun=begun
        )
        if tokens:
            call.tokens = tokens
            for place, token in enumerate(tokens):
                call.leaves.append(token.on_cancel(partial(_pass_on, call, place, token)))
        self._crew.add(call)
        return future

    def _travelling(self, context: contextvars.Context) -> Tuple[bytes, Tuple[str, ...]]:
        """Return what of a context travels, which is known where the last call had the same one.

        A run gives most of its calls one context, that nobody enters; where others than we have set
        something in it, what that is may have changed since.
        """
        last, size, found = self._last_context
        if last is context and size == len(context):
            return found
        found = travelling(context)
        if are_ours(context):
            self._last_context = (context, len(context), found)
        return found

    def stop(self, future: AnyFuture, *, force: bool = False) -> None:
        """End a call: withdraw it, or end its worker and what that has started.

        Args:
            future: of the call.
            force: with SIGKILL, not SIGTERM, which a call may use to tidy up, and may ignore.
        """
        call = future.call
        if call is not None and not future.done() and self._crew.stop(call, force=force):
            future.withdrawn()

    def recall(self, batch: Recallable) -> None:
        """Withdraw all calls of a batch that have not begun; none of it begins any more.

        On any thread, and even in a handler of signals. How the calls end is told later.
        """
        self._crew.recall(batch)

    def check(self, fn: Callable[..., Any]) -> Optional[str]:
        """Return why *fn* cannot be sent to a worker, or None."""
        return mistake_of(fn)

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:  # noqa: FBT001, FBT002 - as concurrent.futures has it
        """Take no more calls, and let the workers leave when they have made those there are.

        Args:
            wait: until they have left.
            cancel_futures: withdraw what has not begun.
        """
        self._crew.shut(cancels=cancel_futures, ends=False)
        if wait:
            self._crew.join()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: Optional[type[BaseException]],
        error: Optional[BaseException],
        trace: Optional[TracebackType],
    ) -> None:
        is_interrupted = kind is not None and not issubclass(kind, Exception)
        self._crew.shut(cancels=is_interrupted, ends=is_interrupted)
        self._crew.join()

    def __reduce__(self) -> Any:
        raise TypeError("a pool cannot be sent to another process")


def _check(workers: object, method: object, grace: object) -> None:
    _check_count("workers", workers)
    if method == "fork":
        raise UsageError(
            "method 'fork' is refused: a process forked off one with threads can hang for ever; "
            f"choose from {', '.join(map(repr, METHODS))}"
        )
    if method is not None and method not in METHODS:
        raise UsageError(f"method must be one of {', '.join(map(repr, METHODS))}, got {method!r}")
    if method == "forkserver" and not CAN_FORK:
        raise UsageError("method 'forkserver' is not to be had on this system; leave it out")
    if not isinstance(grace, (int, float)) or not 0 <= grace < math.inf:
        raise UsageError(f"grace must be a number of seconds of 0 or more, got {grace!r}")


def _check_count(name: str, value: object) -> None:
    if value is not None and (type(value) is not int or value < 1):
        raise UsageError(f"{name} must be a whole number of 1 or more, got {value!r}")


def _launcher(method: Optional[str], ended: Ended) -> Launcher:
    if method == "spawn" or not CAN_FORK:
        from stagekit.executors._processes.launching import Spawning

        return Spawning(ended)
    from stagekit.executors._processes.forking import Forking

    return Forking(ended)


def _pass_on(call: Call, place: int, token: CancelToken) -> None:
    if call.link is not None:
        call.link.cancel(call.number, place, token.reason)


def _bad_argument(
    name: str, args: Sequence[Any], kwargs: Mapping[str, Any], error: BaseException
) -> BadValueError:
    """Find the argument that cannot be sent."""
    named: Dict[str, Any] = {f"argument {place}": each for place, each in enumerate(args, 1)}
    named.update({f"argument {key!r}": each for key, each in kwargs.items()})
    for which, value in named.items():
        try:
            pack(value)
        except Exception as found:  # noqa: BLE001 - whatever the value raises
            return BadValueError(
                f"{which} of {name}, {article(value)}, cannot be sent to another process: "
                f"{reason_of(found)}"
            )
    return BadValueError(
        f"the arguments of {name} cannot be sent to another process: {reason_of(error)}"
    )


def _let_go_when_forked() -> None:
    def forked() -> None:
        for crew in tuple(_crews):
            crew.forked()

    os.register_at_fork(after_in_child=forked)
