"""From the options of a run to the settings that an engine obeys; everything checked here."""

from __future__ import annotations

import os
from typing import (
    TYPE_CHECKING,
    Any,
    Dict,
    List,
    Mapping,
    NamedTuple,
    Optional,
    Sequence,
    Tuple,
    Union,
)

from stagekit._base.keys import describe
from stagekit._declare.context import Arguments, Context, RunInfo
from stagekit._run.settings import RunSettings

if TYPE_CHECKING:
    from stagekit._base.ports import Hook, Pool
    from stagekit._plan.plan import Plan

__all__ = ["RunOptions", "settings_for"]

MODES = ("auto", "inline", "threads")
POLICIES = ("stop", "continue", "cancel")
MAX_WORKERS = 1024
_PROCESSORS = os.cpu_count() or 1  # asked once: 10 us, as long as a run of ten stages


class RunOptions(NamedTuple):
    """The options of one call of ``run`` or ``arun`` that concern running."""

    arguments: Sequence[str]
    executor: Union[str, Pool]
    workers: Optional[int]
    limits: Optional[Mapping[str, int]]
    on_failure: str
    check: bool
    hooks: Sequence[Hook]


def settings_for(plan: Plan, options: RunOptions, given: Dict[object, object]) -> RunSettings:
    """Return the settings of a run of *plan*.

    Raises:
        UsageError: an option cannot be taken; all of them are listed.
        PlanError: the plan needs a value that is not given.
    """
    executor = options.executor
    if (
        type(executor) is not str
        or options.workers is not None
        or options.limits
        or options.on_failure not in POLICIES
        or executor not in MODES
        or isinstance(options.arguments, str)
    ):
        _check(options)
    workers = options.workers or _default_workers(executor)
    mode, pool = (executor, None) if isinstance(executor, str) else ("pool", executor)
    name = mode if pool is None else type(pool).__name__
    info = RunInfo(name, workers)
    constants: List[Any] = []
    if plan.slots:
        constants = _bind(plan, given, options, info)
    elif given:
        _warn_unused(given)
    return RunSettings(
        mode=mode,
        pool=pool,
        workers=workers,
        async_limit=options.limits["async"] if options.limits else None,
        on_failure=options.on_failure,
        check=options.check,
        hooks=tuple(options.hooks),
        constants=constants,
        rank=None,
        info=info,
    )


def _default_workers(executor: Union[str, Pool]) -> int:
    if isinstance(executor, str):
        return min(32, _PROCESSORS + 4)
    from stagekit.executors.futures import workers_of

    return workers_of(executor)


def _bind(plan: Plan, given: Dict[object, object], options: RunOptions, info: RunInfo) -> List[Any]:
    """Return the constants of a run: values given, defaults, injectables."""
    found: List[Any] = []
    missing: List[object] = []
    used: List[object] = []
    for kind, key, value in plan.slots:
        if kind == "value":
            found.append(value)
        elif kind == "given":
            used.append(key)
            if key in given:
                found.append(given[key])
            else:
                missing.append(key)
        else:
            found.append(_injected(key, given, options, info))
            used += given if key is Context else ()
    if missing:
        _refuse_missing(missing)
    unused = {key: value for key, value in given.items() if key not in used}
    if unused:
        _warn_unused(unused)
    return found


def _injected(
    key: object, given: Dict[object, object], options: RunOptions, info: RunInfo
) -> object:
    if key is RunInfo:
        return info
    arguments = Arguments(options.arguments)
    return arguments if key is Arguments else Context(given, arguments)


def _refuse_missing(keys: Sequence[object]) -> None:
    from stagekit._base.problem import Code, Problem
    from stagekit.errors import PlanError

    raise PlanError(
        tuple(
            Problem(
                Code.VALUE_NOT_GIVEN,
                f"the plan needs a value for `{describe(key)}`, and none is given",
                fixes=(f"plan.run(values=[...]) with an object for `{describe(key)}`",),
            )
            for key in keys
        )
    )


def _warn_unused(given: Mapping[object, object]) -> None:
    import warnings

    from stagekit.errors import StagekitWarning

    names = ", ".join(f"`{describe(key)}`" for key in given)
    warnings.warn(f"the plan does not use the value given for {names}", StagekitWarning, 5)


def _check(options: RunOptions) -> None:
    mistakes = [
        mistake
        for mistake in (
            _executor_mistake(options.executor),
            _count_mistake("workers", options.workers, MAX_WORKERS),
            *_limit_mistakes(options.limits),
            _policy_mistake(options.on_failure),
            "arguments takes a list of texts, got a text"
            if isinstance(options.arguments, str)
            else None,
        )
        if mistake is not None
    ]
    if mistakes:
        from stagekit.errors import UsageError

        raise UsageError("; ".join(mistakes))


def _executor_mistake(executor: object) -> Optional[str]:
    if not isinstance(executor, str):
        from stagekit.executors.futures import is_pool

        if is_pool(executor):
            return None
        return f"executor takes {_either(MODES)} or an object with submit(), got {executor!r}"
    if executor in MODES:
        return None
    return f"executor takes {_either(MODES)} or an object with submit(), got {executor!r}" + _near(
        executor, MODES
    )


def _count_mistake(name: str, value: object, most: int) -> Optional[str]:
    if value is None or (type(value) is int and 1 <= value <= most):
        return None
    return f"{name} takes a whole number from 1 to {most}, got {value!r}"


def _limit_mistakes(limits: Optional[Mapping[str, int]]) -> Tuple[Optional[str], ...]:
    if not limits:
        return ()
    known = 'limits takes {"async": n}, got '
    wrong = [
        f"{known}{name!r}" + _near(str(name), ("async",)) for name in limits if name != "async"
    ]
    return (*wrong, _count_mistake('limits["async"]', limits.get("async"), 10**6))


def _policy_mistake(policy: object) -> Optional[str]:
    if policy in POLICIES:
        return None
    return f"on_failure takes {_either(POLICIES)}, got {policy!r}" + _near(str(policy), POLICIES)


def _either(words: Sequence[str]) -> str:
    return ", ".join(map(repr, words[:-1])) + f" or {words[-1]!r}"


def _near(word: str, known: Sequence[str]) -> str:
    from stagekit._base.text import did_you_mean

    near = did_you_mean(word, known)
    return f"; did you mean {near[0]!r}?" if near else ""
