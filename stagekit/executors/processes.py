"""``ProcessPool``: makes calls in processes of this machine, one call in each at a time.

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
from typing import TYPE_CHECKING, Any, Callable, Dict, Mapping, Optional, Sequence, Tuple, Union

from stagekit._base.packed import PackedItem, PackedValue
from stagekit._base.pool_call import PoolCall
from stagekit._base.ports import CallPool
from stagekit._base.variables import are_ours, travelling
from stagekit.errors import BadValueError, UsageError
from stagekit.executors._processes.call import Call
from stagekit.executors._processes.functions import Functions, mistake_of
from stagekit.executors._processes.packing import article, needs_main, pack, reason_of
from stagekit.executors._processes.proxies import WORKER
from stagekit.executors._processes.supervisor import Supervisor
from stagekit.executors.futures import CallFuture, call_of, submitted

if TYPE_CHECKING:
    from types import TracebackType

    from typing_extensions import Self

    from stagekit._base.cancel import CancelToken
    from stagekit._base.pool_call import Batch
    from stagekit._base.ports import Handle
    from stagekit.executors._processes.spawn import Ended, Launcher

__all__ = ["ProcessPool"]

# Any: functions and values of stages

METHODS = ("forkserver", "spawn")
CAN_FORK = os.name == "posix"
_supervisors: weakref.WeakSet[Supervisor] = weakref.WeakSet()


class ProcessPool(CallPool):
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

    is_elsewhere = True
    can_stop = True
    recalls_at_once = True
    returns_handles = True

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
        self._workers = workers or os.cpu_count() or 1
        self.left_out: Tuple[str, ...] = ()
        self._supervisor = supervisor = Supervisor(
            self._workers, partial(_launcher, method), grace, max_value_bytes
        )
        self._prefetch = supervisor.prefetch
        self._functions = Functions(supervisor.forget)
        self._defining = RLock()
        self._numbers = count(1)
        # The last one that has nothing but ours in it, how much that is, and what of it travels.
        self._last_context: Tuple[object, int, Tuple[bytes, Tuple[str, ...]]] = (None, 0, (b"", ()))
        if not _supervisors and hasattr(os, "register_at_fork"):
            _let_go_when_forked()
        _supervisors.add(supervisor)
        self._close = weakref.finalize(self, supervisor.close_later)

    @property
    def workers(self) -> int:
        """How many calls the pool makes at once."""
        return self._workers

    @property
    def capacity(self) -> int:
        """How many calls the pool wants at the moment, those ahead of their turn included."""
        return self._workers + self._prefetch.ahead

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> CallFuture:
        """Have *fn* called in a worker."""
        return submitted(self, fn, args, kwargs, withdraw=self._supervisor.withdraw)

    def start_call(self, wanted: PoolCall, /) -> None:
        """Have a call made in a worker.

        A ``Progress`` or a ``CancelToken`` anywhere in the arguments has its twin over there.

        Raises:
            BadValueError: the function or an argument cannot be sent; names it.
            RuntimeError: the pool is shut down.
        """
        variables, left_out = self._travelling(wanted.context)
        if left_out:
            self.left_out = tuple(dict.fromkeys((*self.left_out, *left_out)))
        definition = self._functions.known(wanted.fn)
        if definition is None:
            with self._defining:
                definition = self._functions.define(wanted.fn)
        args, kwargs = wanted.args, wanted.kwargs
        parts = (definition.number, wanted.promise, variables, tuple(args), dict(kwargs))
        try:
            body, tokens = pack(parts)
        except Exception as error:
            raise _bad_argument(definition.name, args, kwargs, error) from error
        call = wanted.inner = Call(next(self._numbers), wanted, definition, body)
        if tokens:
            call.tokens = tokens
            for place, token in enumerate(tokens):
                call.leaves.append(token.on_cancel(partial(_pass_on, call, place, token)))
        self._supervisor.add(call)

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

    def withdraw(self, call: PoolCall, /) -> bool:
        """Withdraw a call that has not begun; return whether it was never made."""
        return self._supervisor.withdraw(call)

    def stop(self, call: Union[PoolCall, CallFuture], /, *, force: bool = False) -> None:
        """End a call: withdraw it, or end its worker and what that has started.

        Args:
            call: which, or its future.
            force: with SIGKILL, not SIGTERM, which a call may use to tidy up, and may ignore.
        """
        self._supervisor.stop(call_of(call), force=force)

    def recall(self, batch: Batch, /) -> None:
        """Withdraw all calls of a batch that have not begun; none of it begins any more.

        On any thread, and even in a handler of signals. How the calls ended is reported later.
        """
        self._supervisor.recall(batch)

    def takes(self, handle: Handle, /) -> bool:
        """Return whether a handle may be an argument: a value that this process has not read.

        What needs the main module is read here: over there, that has only what was sent to it.
        """
        whole = handle.whole if isinstance(handle, PackedItem) else handle
        return isinstance(whole, PackedValue) and not needs_main(whole.data)

    def check(self, fn: Callable[..., Any], /) -> Optional[str]:
        """Return why *fn* cannot be sent to a worker, or None."""
        return mistake_of(fn)

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:  # noqa: FBT001, FBT002 - as concurrent.futures has it
        """Take no more calls, and let the workers leave when they have made those there are.

        Args:
            wait: until they have left.
            cancel_futures: withdraw what has not begun.
        """
        self._supervisor.shut(cancels=cancel_futures, ends=False)
        if wait:
            self._supervisor.join()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: Optional[type[BaseException]],
        error: Optional[BaseException],
        trace: Optional[TracebackType],
    ) -> None:
        is_interrupted = kind is not None and not issubclass(kind, Exception)
        self._supervisor.shut(cancels=is_interrupted, ends=is_interrupted)
        self._supervisor.join()

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
        raise UsageError("method 'forkserver' does not exist on this system; leave it out")
    if not isinstance(grace, (int, float)) or not 0 <= grace < math.inf:
        raise UsageError(f"grace must be a number of seconds of 0 or more, got {grace!r}")


def _check_count(name: str, value: object) -> None:
    if value is not None and (type(value) is not int or value < 1):
        raise UsageError(f"{name} must be a whole number of 1 or more, got {value!r}")


def _launcher(method: Optional[str], ended: Ended) -> Launcher:
    if method == "spawn" or not CAN_FORK:
        from stagekit.executors._processes.spawn import SpawnLauncher

        return SpawnLauncher(ended)
    from stagekit.executors._processes.forkserver_client import ForkServerLauncher

    return ForkServerLauncher(ended)


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
        for supervisor in tuple(_supervisors):
            supervisor.forked()

    os.register_at_fork(after_in_child=forked)
