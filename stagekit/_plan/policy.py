"""``Policy``: what a step needs of a run besides being called. Only plans with policies load it."""

from __future__ import annotations

from stagekit._base.record import Record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Optional, Tuple, Union

    from stagekit._base.ports import Pool
    from stagekit._base.retry import Retry
    from stagekit._plan.slots import Call

    Place = Union[int, str]

CALL, RESOURCE = "call", "resource"


class Policy(Record, kw_only=True):
    """What was said of a step beyond its needs; equal for equal declarations.

    Attributes:
        retry: how it is tried again, or None.
        timeout: seconds that one attempt may take, or None.
        executor: where this step runs: a name, a pool, or None for where the run does.
        slots: names of slots and how many of each it takes, by name.
        kind: ``"call"``, or ``"resource"``: a generator function, whose yielded value is the
            step's, and which is resumed when the last step that uses it has ended.
        throws: of a resource, the failure of a stage that used it is raised at its ``yield``, as
            ``with`` does it under ``@contextmanager``; else the ``yield`` returns it.
        each: the arguments that take one item at a time of the list they are bound to: positions,
            or names where a parameter is passed by keyword. Empty: the step is one call.
        depth: how deep the items are in lists of lists: 1 for those of a list. What the step
            provides is nested as deeply.
        skips: items that fail are left out of what the step provides.
        undo: the call that makes the step undone, or None. It reads the same slots as the step's
            call; the step's own value is in its own slot.
        is_undo_async: whether that call returns an awaitable.
    """

    retry: Optional[Retry] = None
    timeout: Optional[float] = None
    executor: Union[str, Pool, None] = None
    slots: Tuple[Tuple[str, int], ...] = ()
    kind: str = CALL
    throws: bool = False
    each: Tuple[Place, ...] = ()
    depth: int = 1
    skips: bool = False
    undo: Optional[Call] = None
    is_undo_async: bool = False

    @property
    def is_plain(self) -> bool:
        """Whether nothing has to be judged when a call returns, nor be there for it."""
        is_bounded = self.retry is not None or self.timeout is not None or bool(self.slots)
        return not is_bounded and self.undo is None and self.kind == CALL

    @property
    def leaves_caller(self) -> bool:
        """Whether a run that is inline as nothing can overlap calls the step on other threads.

        It does to bound the wait for it, and where its items can overlap.
        """
        is_free = self.executor in {None, "auto"}
        return is_free and (self.timeout is not None or bool(self.each))

    @property
    def is_of_failure(self) -> bool:
        """Whether it has no meaning, where stages are called inline, until a call raises."""
        is_here = self.executor in {None, "auto", "inline"}
        is_free = self.timeout is None and not self.slots
        return is_here and is_free and self.kind == CALL and not self.each


PLAIN = Policy()
