"""What a run that does not know ``start_call`` has of a call. It goes with the last such run."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any, Callable, Optional

from stagekit._base.handles import fetched
from stagekit._base.packed import aside

if TYPE_CHECKING:
    from stagekit._base.pool_call import PoolCall


class Pending:
    """As much of a future as a run needs, without a lock.

    Args:
        withdraw: of the pool.
        then: called with this object when the call has ended, on any thread.
    """

    __slots__ = ("_then", "_withdraw", "call")

    def __init__(
        self, withdraw: Callable[[PoolCall], bool], then: Callable[[Pending], object]
    ) -> None:
        self.call: Optional[PoolCall] = None
        self._withdraw = withdraw
        self._then = then

    @property
    def took(self) -> Optional[int]:
        """As of a ``PoolCall``."""
        return None if self.call is None else self.call.took

    def done(self) -> bool:
        """Tell whether the call has ended."""
        return self.call is not None and self.call.is_done

    def cancelled(self) -> bool:
        """Tell whether the call was withdrawn before it began."""
        return self.call is not None and self.call.is_withdrawn

    def result(self) -> Any:
        """Return the value of a call that has ended, or raise what it raised."""
        assert self.call is not None  # noqa: S101 - who asks has been told
        return fetched(self.call.result())

    def cancel(self) -> bool:
        """Withdraw the call if it has not begun; tell whether it is withdrawn."""
        return self.call is not None and not self.call.is_done and self._withdraw(self.call)

    def ended(self, call: PoolCall) -> None:
        """Tell that the call has ended; aside, where its value takes time to be read."""
        if getattr(call.value.__class__, "is_handle", False) is True:
            aside(partial(self._then, self))
        else:
            self._then(self)
