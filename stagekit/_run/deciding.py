"""Asking the decider of a run: the one place where ``before`` and ``after`` are called."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Callable, Dict, Optional, Tuple, Union

from stagekit._base.decisions import Reuse, Skip, StageCall
from stagekit._base.handles import is_remote
from stagekit._base.promise import check_value
from stagekit._base.text import error_line, safe_repr
from stagekit._run.attempt import arguments, attribute, cut, names_of
from stagekit._run.state.columns import WAITING
from stagekit.errors import BadValueError, DeciderError

if TYPE_CHECKING:
    from stagekit._base.ports import Decider
    from stagekit._run.map_items import MapItems
    from stagekit._run.session import Session

Answer = Union[Reuse, Skip, DeciderError, None]


class Deciding:
    """The decider of one run, asked on the thread that owns the run.

    Args:
        decider: the user's.
        session: the run.
        items: what stages are called for.
    """

    def __init__(self, decider: Decider, session: Session, items: MapItems) -> None:
        self._decider = decider
        self._session = session
        self._items = items
        self._calls: Dict[Tuple[int, int], StageCall] = {}  # those that are to be made

    def before(self, step: int, item: int) -> Answer:
        """Ask about a stage, or an item of it that is not -1; an error is an answer, too.

        Raises:
            KeyboardInterrupt: the decider has.
        """
        call = self._call_of(step, item)
        found = self._ask(call, "before", lambda: self._decider.before(call))
        if found is None:
            self._calls[step, item] = call
            return None
        if isinstance(found, DeciderError):
            return found
        if isinstance(found, Skip):
            mistake = _wrong_skip(call, found)
        elif isinstance(found, Reuse):
            mistake = _wrong_reuse(call, found, self._session.plan.calls[step][4])
        else:
            mistake = _wrong_answer(found)
        return self._error(call, "before", mistake) if mistake else found

    def after(self, step: int, item: int, value: Any) -> Optional[DeciderError]:
        """Pass on what a call has returned; return what the decider failed with.

        Raises:
            KeyboardInterrupt: the decider has.
        """
        call = self._calls.pop((step, item))
        found = self._ask(call, "after", lambda: self._decider.after(call, value))
        return found if isinstance(found, DeciderError) else None

    def _call_of(self, step: int, item: int) -> StageCall:
        plan, items = self._session.plan, self._items
        declaration, policy = plan.stages[step], plan.policies.get(step)
        return StageCall(
            plan.order[step],
            declaration.fn,
            declaration.tags,
            None if item < 0 else item,
            is_mapped=item < 0 and policy is not None and bool(policy.each),
            take=lambda: _arguments(self._session, items, step, item),
        )

    def _ask(self, call: StageCall, method: str, ask: Callable[[], Any]) -> Any:
        """Return what the decider says, or the error that is made of what it raises."""
        try:
            return ask()
        except Skip as skip:
            return skip
        except KeyboardInterrupt:
            raise
        except BaseException as error:  # noqa: BLE001 - whatever it raises fails the stage
            found = self._error(call, method, f"raised {error_line(cut(error))}")
            found.__cause__ = error
            return found.with_traceback(attribute(error, "__traceback__"))

    def _error(self, call: StageCall, method: str, mistake: str) -> DeciderError:
        decider = type(self._decider).__qualname__
        return DeciderError(decider, method, call.stage_id, call.item, mistake)


def _wrong_skip(call: StageCall, found: Skip) -> str:
    """Return what is wrong with a skip; empty where nothing is."""
    if call.item is not None:
        return "skips an item; skip the whole stage, or return Reuse(value) for the item"
    return "" if isinstance(found.note, str) else "returned Skip(...) without a text that says why"  # pyright: ignore[reportUnnecessaryIsInstance]


def _wrong_reuse(call: StageCall, found: Reuse, promise: int) -> str:
    """Return what is wrong with a value that is to be reused; empty where nothing is."""
    value: object = found.value
    if is_remote(value):
        return ""
    if call.is_mapped:
        if isinstance(value, list):
            return ""
        kind = type(value).__qualname__
        return f"reuses {kind} for a stage that is called for each item: its value is a list"
    try:
        check_value(value, promise)
    except BadValueError as error:
        return f"reuses what the stage may not return: it {error}"
    return ""


def _wrong_answer(found: object) -> str:
    """Return what is wrong with an answer that is none."""
    close = getattr(found, "close", None)
    if hasattr(found, "__await__") and close is not None:
        close()  # a coroutine, which would complain that nobody has awaited it
        return "is async; write it as a plain method"
    return f"returned {safe_repr(found)}; it may return None, Reuse(value) or Skip(why)"


def _arguments(session: Session, items: MapItems, step: int, item: int) -> Dict[str, Any]:
    """Return the arguments that a call would have if it was made now."""
    plan, status = session.plan, session.scheduler.status
    if item < 0:
        _, args, kwargs = arguments(plan.calls[step], session.columns.values)
    else:
        _, args, kwargs = items.call(step, item)
    names = names_of(plan, step, kwargs)
    found = {**dict(zip(names, args)), **kwargs}
    for place, _ in plan.per_attempt.get(step, ()):
        del found[names[place] if isinstance(place, int) else place]
    for binding in plan.bindings[step]:
        if any(status[each] == WAITING for each in binding.providers):  # resources
            found.pop(binding.parameter, None)
    return found
