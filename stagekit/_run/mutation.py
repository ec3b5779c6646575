"""``run(check_mutation=True)``: stages that change what they were passed are found out.

What several stages take is one object in one process. So what each argument pickles to is compared
before and after each call, and kept meanwhile. A data frame pickles to something else once it has
been looked into: those are compared by ``equals``. What cannot be pickled is not compared; what
another process was sent is a copy, that may be changed.
"""

from __future__ import annotations

import pickle
from inspect import signature
from typing import TYPE_CHECKING, Any, Callable, Dict, List, Optional, Set, Tuple, Union

from stagekit._plan.policy import RESOURCE
from stagekit._plan.slots import around

if TYPE_CHECKING:
    from stagekit._declare.declaration import Declaration
    from stagekit._plan.plan import Plan
    from stagekit._plan.slots import Call

# Any: functions and values of stages


def watched(plan: Plan, notices: List[str]) -> Plan:
    """Return a plan whose calls are compared; what is found is added to *notices*, once."""
    known: Set[Tuple[str, str]] = set()

    def tell(stage: str, parameter: str, kind: str) -> None:
        if (stage, parameter) not in known:
            known.add((stage, parameter))
            notices.append(
                f"stage `{stage}` has changed its argument `{parameter}` ({kind}) in place, which "
                "may be the very object that other stages take; return a new one"
            )

    return plan._with_calls(  # noqa: SLF001 - another view of it, for one run
        tuple([_watched(plan, step, tell) for step in range(len(plan))])
    )


Tell = Callable[[str, str, str], object]


def _watched(plan: Plan, step: int, tell: Tell) -> Call:
    call, policy = plan.calls[step], plan.policies.get(step)
    if policy is not None and policy.kind == RESOURCE:
        return call
    kind = _AsyncWatched if plan.is_async[step] else _Watched
    return around(call, lambda fn: kind(fn, plan.stages[step], tell))


class _Watched:
    """A function whose arguments are compared before and after it."""

    def __init__(self, fn: Callable[..., Any], stage: Declaration, tell: Tell) -> None:
        self.__wrapped__ = fn
        self._stage = stage
        self._tell = tell

    def __call__(self, /, *args: Any, **kwargs: Any) -> Any:
        before = _prints(args, kwargs)
        try:
            return self.__wrapped__(*args, **kwargs)
        finally:
            self._compare(before, args, kwargs)

    def for_attempt(self, attempt: int, item: Optional[int]) -> Callable[..., Any]:
        """Return what is called in one attempt: see ``testing.Chaos``."""
        inner: Any = self.__wrapped__
        if not hasattr(inner.__class__, "for_attempt"):
            return self
        return type(self)(inner.for_attempt(attempt, item), self._stage, self._tell)

    def __reduce__(self) -> Any:  # in another process it is called with copies
        return _itself, (self.__wrapped__,)

    def _compare(
        self, before: Dict[Any, Optional[bytes]], args: Tuple[Any, ...], kwargs: Dict[str, Any]
    ) -> None:
        for place, found in _prints(args, kwargs).items():
            value = kwargs[place] if isinstance(place, str) else args[place]
            old = before[place]
            if old is not None and found != old and not _is_same(pickle.loads(old), value):  # noqa: S301 - it was ours
                self._tell(self._stage.id, self._name(place), type(value).__name__)

    def _name(self, place: Union[int, str]) -> str:
        if isinstance(place, str):
            return place
        try:
            names: List[str] = list(signature(self._stage.fn).parameters)
            return names[place]
        except (IndexError, TypeError, ValueError):
            return str(place + 1)


class _AsyncWatched(_Watched):
    """The same of an asynchronous one."""

    async def __call__(self, /, *args: Any, **kwargs: Any) -> Any:
        before = _prints(args, kwargs)
        try:
            return await self.__wrapped__(*args, **kwargs)
        finally:
            self._compare(before, args, kwargs)


def _prints(args: Tuple[Any, ...], kwargs: Dict[str, Any]) -> Dict[Any, Optional[bytes]]:
    """Return what each argument pickles to, by place or name."""
    return {place: _print(value) for place, value in (*enumerate(args), *kwargs.items())}


def _print(value: Any) -> Optional[bytes]:
    try:
        return pickle.dumps(value, 5)
    except Exception:  # noqa: BLE001 - what cannot be pickled is not compared
        return None


def _is_same(old: Any, value: Any) -> bool:
    """Say whether values that pickle to different bytes are equal: data frames, lists of these."""
    if type(old) is not type(value):
        return False
    parts, others = _parts(old), _parts(value)
    if parts is not None and others is not None:
        return len(parts) == len(others) and all(map(_is_same, parts, others))
    try:
        return bool(value.equals(old)) and _print(_labels(old)) == _print(_labels(value))
    except Exception:  # noqa: BLE001 - no data frame, or one that cannot be compared
        return _print(old) == _print(value)


def _parts(value: Any) -> Optional[List[Any]]:
    if isinstance(value, dict):
        value = [*value, *value.values()]
    return list(value) if isinstance(value, (list, tuple)) else None  # pyright: ignore[reportUnknownArgumentType]


def _labels(frame: Any) -> List[Any]:
    """Return what ``equals`` does not look at: the names of axes, and attributes."""
    names = [list(axis.names) for axis in getattr(frame, "axes", ())]
    return [names, getattr(frame, "attrs", None), getattr(frame, "name", None)]


def _itself(fn: Any) -> Any:
    return fn
