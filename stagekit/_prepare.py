"""From the options of a run to the settings that an engine obeys; everything checked here."""

from __future__ import annotations

import os

from stagekit._base.keys import describe
from stagekit._base.record import Record
from stagekit._declare.context import Arguments, Context, RunInfo, of_call
from stagekit._run.settings import GRACE, RunSettings

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Dict, Iterable, List, Mapping, Optional, Sequence, Tuple, Union

    from stagekit._base.ports import Hook, Pool
    from stagekit._base.rollback import Rollback
    from stagekit._declare.registry import Registry
    from stagekit._plan.plan import Plan

    Values = Union[Iterable[object], Mapping[Any, object]]  # Any: keys are types of whatever kind

MODES = ("auto", "inline", "threads")
BEYOND = ("processes", "dask")  # executors that other processes carry out
POLICIES = ("stop", "continue", "cancel")
MAX_WORKERS = 1024
_PROCESSORS = os.cpu_count() or 1  # asked once: 10 us, as long as a run of ten stages


class PlanOptions(Record):
    """The options of one call of ``run`` or ``arun`` that concern planning."""

    __slots__ = ("registry", "select", "exclude", "values", "overrides", "strict")

    def __init__(
        self,
        registry: Optional[Registry],
        select: Union[str, Sequence[str]],
        exclude: Union[str, Sequence[str]],
        values: Values,
        overrides: Optional[Mapping[Any, object]],
        strict: bool,  # noqa: FBT001 - as above
    ) -> None:
        self.registry = registry
        self.select = select
        self.exclude = exclude
        self.values = values
        self.overrides = overrides
        self.strict = strict


class RunOptions(Record):
    """The options of one call of ``run`` or ``arun`` that concern running."""

    __slots__ = (
        "arguments",
        "executor",
        "workers",
        "limits",
        "on_failure",
        "check",
        "hooks",
        "managed",
        "seed",
        "check_mutation",
    )

    def __init__(  # noqa: PLR0913, PLR0917 - as many as the public functions take
        self,
        arguments: Sequence[str],
        executor: Union[str, Pool],
        workers: Optional[int],
        limits: Optional[Mapping[str, int]],
        on_failure: str,
        check: bool,  # noqa: FBT001 - as above
        hooks: Sequence[Hook],
        managed: Optional[Mapping[str, Any]] = None,
        seed: Optional[int] = None,
        check_mutation: bool = False,  # noqa: FBT001, FBT002 - as above
    ) -> None:
        self.arguments = arguments
        self.executor = executor
        self.workers = workers
        self.limits = limits
        self.on_failure = on_failure
        self.check = check
        self.hooks = hooks
        self.managed = managed
        self.seed = seed
        self.check_mutation = check_mutation


def settings_for(
    plan: Plan, options: RunOptions, given: Dict[object, object], *, warns: bool = True
) -> RunSettings:
    """Return the settings of a run of *plan*; warn of values that it does not use, if asked to.

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
        or options.managed
        or options.seed is not None
        or isinstance(options.arguments, str)
    ):
        _check(options)
    limits = options.limits
    slots = {name: limits[name] for name in limits if name != "async"} if limits else {}
    if plan.policies or slots or (executor not in MODES and is_far(executor)):
        from stagekit._managing import check_plan  # what plain runs do not need

        check_plan(plan, options, slots, given)
    said = options.managed or {}
    grace = said.get("grace")
    grace = GRACE if grace is None else float(grace)
    workers = options.workers or _default_workers(executor)
    pool: Any = None if executor in MODES else executor  # Any: a pool, or the name of one
    mode = "pool" if pool is not None else str(executor)
    name = executor if isinstance(executor, str) else type(pool).__name__
    info = RunInfo(name, workers)
    rank: Optional[Tuple[int, ...]] = None
    if options.seed is not None:
        from stagekit._run.drawn import drawn_rank

        rank = drawn_rank(len(plan), options.seed)
    constants: List[Any] = []
    if plan.slots:
        constants = _bind(plan, given, options, info)
    if given and warns:
        _warn_unused(plan, given)
    return RunSettings(
        mode=mode,
        pool=pool,
        workers=workers,
        async_limit=limits.get("async") if limits else None,
        on_failure=options.on_failure,
        check=options.check,
        hooks=tuple(options.hooks),
        constants=constants,
        rank=rank,
        info=info,
        pools=RunPools(options.workers, grace),
        cancel=said.get("cancel"),
        deadline=said.get("deadline"),
        grace=grace,
        rollback=_rollback(said) if said.get("rollback") else None,
        limits=slots,
        clock=said.get("clock"),
        seed=options.seed,
    )


def _rollback(said: Mapping[str, Any]) -> Rollback:
    from stagekit._base.rollback import Rollback

    return Rollback(on_cancel=said["rollback_on_cancel"], partial=said["compensate_partial"])


class RunPools:
    """Finds the pools of one run: made when first needed, closed after it.

    Args:
        workers: how many calls each may carry out at once; None for one a processor.
        grace: seconds that a worker has to end before it is ended.
    """

    __slots__ = ("_by_name", "_grace", "_made", "_workers")

    def __init__(self, workers: Optional[int], grace: float) -> None:
        self._workers = workers
        self._grace = grace
        self._made: List[Any] = []
        self._by_name: Dict[object, Tuple[Any, str, int]] = {}

    def of(self, executor: Any, /) -> Tuple[Pool, str, int]:  # Any: a name or a pool
        """Return a pool, its name for people, and how many calls it carries out at once.

        Raises:
            UsageError: no cluster is where one is said to be.
            MissingExtraError: Dask is not installed.
        """
        from stagekit._base.ports import is_cluster
        from stagekit.executors.futures import workers_of

        is_there = is_cluster(executor)
        if not isinstance(executor, str) and not is_there:
            return executor, type(executor).__name__, self._workers or workers_of(executor)
        found = self._by_name.get(executor)
        if found is None:
            pool = self._join(executor) if is_there else self._make(executor)
            self._made.append(pool)
            name = "dask" if is_there else executor
            found = self._by_name[executor] = (pool, name, self._workers or workers_of(pool))
        return found

    def close(self) -> None:
        """Close the pools that were made here."""
        for pool in self._made:
            pool.shutdown()

    def _make(self, name: str) -> Any:
        if name == "processes":
            from stagekit.executors import ProcessPool

            return ProcessPool(self._workers or _PROCESSORS, grace=self._grace)
        from stagekit.executors.dask import DaskPool

        return DaskPool(workers=self._workers)

    def _join(self, cluster: object) -> Any:
        from stagekit.executors.dask import DaskPool

        return DaskPool(cluster)


def _default_workers(executor: Union[str, Pool]) -> int:
    if isinstance(executor, str):
        return min(32, _PROCESSORS + 4)
    from stagekit.executors.futures import workers_of

    return workers_of(executor)


def _bind(plan: Plan, given: Dict[object, object], options: RunOptions, info: RunInfo) -> List[Any]:
    """Return the constants of a run: values given, defaults, injectables."""
    found: List[Any] = []
    missing: List[object] = []
    shared: Dict[object, Any] = {}
    for slot in plan.slots:
        kind, key = slot.kind, slot.key
        if kind == "value":
            found.append(slot.value)
        elif kind == "given":
            if key in given:
                found.append(given[key])
            else:
                missing.append(key)
        else:
            if key not in shared:
                shared[key] = _injected(key, given, options, info)
            value = shared[key]
            found.append(of_call(value, info, *slot.value) if key is Context else value)
    if missing:
        _refuse_missing(missing)
    return found


def _injected(
    key: object, given: Dict[object, object], options: RunOptions, info: RunInfo
) -> object:
    if key is RunInfo:
        return info
    arguments = Arguments(options.arguments)
    if key is Arguments:
        return arguments
    if key is Context:
        return Context(given, arguments)
    # a class of which every attempt gets an object of its own; who undoes gets this one
    made: Any = key
    return made()


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


def _warn_unused(plan: Plan, given: Mapping[object, object]) -> None:
    used = [slot.key for slot in plan.slots if slot.kind in {"given", "injectable"}]
    unused = [] if Context in used else [key for key in given if key not in used]
    if not unused:
        return
    import warnings

    from stagekit.errors import StagekitWarning

    names = ", ".join(f"`{describe(key)}`" for key in unused)
    warnings.warn(f"the plan does not use the value given for {names}", StagekitWarning, 5)


def _check(options: RunOptions) -> None:
    mistakes = [
        mistake
        for mistake in (
            _executor_mistake(options.executor),
            _count_mistake("workers", options.workers, MAX_WORKERS),
            *_limit_mistakes(options.limits),
            _policy_mistake(options.on_failure),
            _seed_mistake(options.seed),
            "arguments takes a list of texts, got a text"
            if isinstance(options.arguments, str)
            else None,
        )
        if mistake is not None
    ]
    if options.managed:
        from stagekit._managing import option_mistakes

        mistakes += option_mistakes(options.managed)
    if mistakes:
        from stagekit.errors import UsageError

        raise UsageError("; ".join(mistakes))


def is_far(executor: object) -> bool:
    """Tell whether an executor is more than a pool with ``submit`` alone, looked at when needed."""
    from stagekit._base import ports

    return ports.is_far(executor)


def _executor_mistake(executor: object) -> Optional[str]:
    from stagekit._base.ports import is_cluster

    if not isinstance(executor, str):
        from stagekit.executors.futures import is_pool

        if is_pool(executor):
            return None
        known = (*MODES, *BEYOND)
        return f"executor takes {_either(known)} or an object with submit(), got {executor!r}"
    if executor in MODES or executor in BEYOND or is_cluster(executor):
        return None
    known = (*MODES, *BEYOND)
    return f"executor takes {_either(known)} or an object with submit(), got {executor!r}" + _near(
        executor, known
    )


def _count_mistake(name: str, value: object, most: int) -> Optional[str]:
    if value is None or (type(value) is int and 1 <= value <= most):
        return None
    return f"{name} takes a whole number from 1 to {most}, got {value!r}"


def _limit_mistakes(limits: Optional[Mapping[str, int]]) -> Tuple[Optional[str], ...]:
    if not limits:
        return ()
    return tuple(
        "limits takes names of slots and how many there are of each, "
        f'{{"db": 4, "async": 100}}, got the name {name!r}'
        if not isinstance(name, str)  # pyright: ignore[reportUnnecessaryIsInstance]  # users may be unchecked
        else _count_mistake(f'limits["{name}"]', count, 10**6)
        for name, count in limits.items()
    )


def _seed_mistake(seed: object) -> Optional[str]:
    return None if seed is None or type(seed) is int else f"seed takes a whole number, got {seed!r}"


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
