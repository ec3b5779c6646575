"""What is known where a stage runs: in loguru's records run, stage, attempt; and who prints.

Both only where somebody asks: where loguru is loaded, and where ``stagekit._base.prints`` has a
sink.

The coordinator makes a context for each call, and binds there. The hot loops are given
calls that bind themselves: a run pays for it only where there is something to be bound to.

loguru keeps what ``logger.contextualize`` binds in a context variable. It is found by binding
something and looking for it, so that nothing private is asked for.
"""

from __future__ import annotations

import contextvars
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Callable, Dict, List, Optional, Tuple

    from stagekit._plan.plan import Plan
    from stagekit._plan.slots import Call

    Variable = contextvars.ContextVar[Dict[str, Any]]  # Any: whatever people bind

_PRINTS = "stagekit._base.prints"
_found: Optional[Variable] = None


def is_wanted() -> bool:
    """Tell whether anybody asks of which stage a record or a print is."""
    prints: Any = sys.modules.get(_PRINTS)
    return "loguru" in sys.modules or (prints is not None and bool(prints.sinks))


def bind(context: contextvars.Context, **words: object) -> None:
    """Have what is logged and printed in a context bear some words; nothing is loaded for it."""
    context.run(_set, words)


def _set(words: Dict[str, Any]) -> List[Tuple[Any, Any]]:
    """Bind words here; return each variable with what resets it."""
    tokens: List[Tuple[Any, Any]] = []
    variable = _found or _find()
    if variable is not None:
        tokens.append((variable, variable.set({**variable.get({}), **words})))
    prints: Any = sys.modules.get(_PRINTS)
    if prints is None or not prints.sinks:
        return tokens
    if "stage" in words and prints.SPEAKER.get() is None:
        tokens.append((prints.SPEAKER, prints.SPEAKER.set(prints.Speaker(words["stage"]))))
    return tokens


def _reset(tokens: List[Tuple[Any, Any]]) -> None:
    for variable, token in tokens:
        variable.reset(token)


def _find() -> Optional[Variable]:
    global _found  # noqa: PLW0603 - looked for once
    logger = getattr(sys.modules.get("loguru"), "logger", None)
    if logger is None:  # not loaded, or still being imported
        return None
    mark = object()
    with logger.contextualize(stagekit=mark):
        for variable, value in contextvars.copy_context().items():
            if isinstance(value, dict) and value.get("stagekit") is mark:  # pyright: ignore[reportUnknownMemberType]  # of whatever types
                _found = variable
    return _found


def bound_plan(plan: Plan) -> Plan:
    """Return a plan whose calls bind what they log; the plan itself where nobody asks."""
    prints: Any = sys.modules.get(_PRINTS)
    if "loguru" not in sys.modules and (prints is None or not prints.sinks):  # no call of ours
        return plan
    calls = tuple(map(_bound, plan.order, plan.calls, plan.is_async))
    return plan._with_calls(calls)  # noqa: SLF001 - another view of it, for one run


def _bound(stage: str, call: Call, is_async: int) -> Call:
    from stagekit._plan.slots import around

    kind = _BoundAsync if is_async else _Bound
    return around(call, lambda fn: kind(fn, stage))


class _Bound:
    """A function that is called with its stage and its attempt, the only one, bound."""

    __slots__ = ("__wrapped__", "stage")

    def __init__(self, fn: Callable[..., Any], stage: str) -> None:
        self.__wrapped__ = fn
        self.stage = stage

    def __call__(self, /, *args: Any, **kwargs: Any) -> Any:
        tokens = _set({"stage": self.stage, "attempt": 1})
        try:
            return self.__wrapped__(*args, **kwargs)
        finally:
            _reset(tokens)


class _BoundAsync(_Bound):
    """The same of an asynchronous one."""

    __slots__ = ()

    async def __call__(self, /, *args: Any, **kwargs: Any) -> Any:
        tokens = _set({"stage": self.stage, "attempt": 1})
        try:
            value = await self.__wrapped__(*args, **kwargs)
        except GeneratorExit:  # given up on, and thrown away: nobody is in its context any more
            raise
        except BaseException:
            _reset(tokens)
            raise
        _reset(tokens)
        return value
