"""From the options of ``run`` to a plan and what a run obeys; everything is checked here."""

from __future__ import annotations

import os
from _operator import is_not
from itertools import compress

from stagekit._base.executor_names import HERE
from stagekit._base.keys import BadTypeError, NamedKey, NoneType, describe, normalise
from stagekit._declare.context import Arguments, Context, RunInfo, importing, of_call
from stagekit._declare.registry import current_registry
from stagekit._plan.build import Request, make_plan, parameters_of
from stagekit._plan.plan import Plan
from stagekit._run.settings import RunSettings

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import (
        Any,
        Dict,
        FrozenSet,
        Iterable,
        List,
        Mapping,
        Optional,
        Sequence,
        Set,
        Tuple,
        Type,
        TypeVar,
        Union,
    )

    from stagekit._base.parameters import Setting
    from stagekit._base.ports import CallPool, Pool
    from stagekit._base.problem import Problem
    from stagekit._base.rollback import Rollback
    from stagekit._plan.parameters import PlanParameter

    Values = Union[Iterable[object], Mapping[Any, object]]  # Any: keys are types of whatever kind
    Options = Mapping[str, Any]  # by the name of the option: whatever a user has given
    P = TypeVar("P", bound=Plan)

_PROCESSORS = os.cpu_count() or 1  # asked once: 10 us, as long as a run of ten stages
_MOST_THREADS = min(32, _PROCESSORS + 4)
_WHERE = frozenset(["executor", "workers"])
_LISTS = frozenset(["select", "exclude", "arguments", "hooks", "order"])
_READ = _LISTS | {"values"}
_AS_SAID = frozenset([
    *("on_failure", "check", "cancel", "deadline", "seed", "decider", "clock", "measure"),
])  # fmt: skip


def planned(kind: Type[P], target: object, options: Options) -> P:
    """Return the plan that the options of ``plan`` ask for.

    Raises:
        PlanError: the stages cannot be planned.
        UsageError: an option cannot be taken.
    """
    options, given = _checked(target, options, has_plan=False)
    return _planned(kind, target, options, given, is_strict=bool(options.get("strict")))


def _planned(
    kind: Type[P],
    target: object,
    options: Options,
    given: Mapping[object, object],
    *,
    is_strict: bool = False,
) -> P:
    return make_plan(kind, _request(target, options, given, is_strict=is_strict))


def known_parameters(target: object, options: Options) -> Tuple[PlanParameter, ...]:
    """Return the parameters that can be set of what the options of ``plan`` ask for."""
    options, given = _checked(target, options, has_plan=False)
    return parameters_of(_request(target, options, given))


def _request(
    target: object, options: Options, given: Mapping[object, object], *, is_strict: bool = False
) -> Request:
    registry, overrides = options.get("registry"), options.get("overrides")
    params = options.get("params")
    return Request(
        (registry if registry is not None else current_registry()).snapshot(),
        target,
        _words(options.get("select", ())),
        _words(options.get("exclude", ())),
        tuple(given),
        tuple(overrides.items()) if overrides else (),
        is_strict,
        (),
        _settings(params) if params else (),
    )


def said(options: Options, defaults: Optional[Options]) -> Options:
    """Return the options that are not left at their defaults."""
    assert defaults is not None  # noqa: S101 - typed so because most functions have none
    others = map(is_not, map(options.__getitem__, defaults), defaults.values())
    return {name: options[name] for name in compress(defaults, others)}


def prepared(kind: Type[Plan], target: object, options: Options) -> Tuple[Plan, RunSettings]:
    """Return the plan and the settings that the options of ``run`` ask for.

    Args:
        kind: the class of a plan that is made here.
        target: what is to be run.
        options: what is said of it, by name.

    Raises:
        PlanError: the stages cannot be planned, or not be run with these options.
        UsageError: options cannot be taken; all of them are listed.
        RunAtImportError: a module that is imported for its stages runs them.
    """
    if importing.get():
        from stagekit.errors import RunAtImportError

        raise RunAtImportError
    is_made = isinstance(target, Plan)
    given: Mapping[object, object] = {}
    if not _READ.isdisjoint(options):
        options, given = _checked(target, options, has_plan=is_made)
    elif options:
        _check(options, has_plan=is_made, target=target)
    plan = target if isinstance(target, Plan) else _newly_planned(kind, target, options, given)
    settings = settings_for(plan, options, given, warns=is_made)
    if options.get("check_mutation"):
        from stagekit._run.mutation import watched

        plan = watched(plan, settings.notices)
    return plan, settings


def _checked(
    target: object, options: Options, *, has_plan: bool
) -> Tuple[Options, Mapping[object, object]]:
    """Return the options, lists among them read once, and the values given by key.

    Raises:
        UsageError: options cannot be taken; all of them are listed.
    """
    read = dict(options)
    wrong: List[str] = []
    for name in _LISTS.intersection(options):
        if not isinstance(options[name], (str, bytes, list, tuple, type)):
            wrong += _read_once(name, read)
    values = options.get("values", ())
    given: Mapping[object, object] = {}
    if not isinstance(values, tuple) or values:
        given, mistakes = _keyed(values)
        wrong += mistakes
    _check(read, has_plan=has_plan, target=target, more=wrong)
    return read, given


def _read_once(name: str, options: Dict[str, Any]) -> Sequence[str]:
    """Read a list that may be a generator; return what is wrong with it."""
    try:
        options[name] = tuple(options[name])
    except TypeError:  # it is none
        return ()
    except Exception as error:  # noqa: BLE001 - of a user's class
        from stagekit._base.text import error_line

        del options[name]
        return [f"{name} cannot be read: {error_line(error)}"]
    return ()


def _check(
    options: Options, *, has_plan: bool, target: object = None, more: Sequence[str] = ()
) -> None:
    """Refuse options that cannot be taken; loads the checks, and puts them in its own place."""
    global _check  # noqa: PLW0603 - an import in a function costs a run 1 us each time
    from stagekit._options import check as _check

    _check(options, has_plan=has_plan, target=target, more=more)


def _newly_planned(
    kind: Type[P], target: object, options: Options, given: Mapping[object, object]
) -> P:
    """Plan what is to be run; warn of what holds for this run, or refuse it."""
    executor, limits = options.get("executor", "auto"), options.get("limits")
    if options.get("strict"):
        from stagekit.errors import PlanError

        try:
            return _planned(kind, target, options, given, is_strict=True)
        except PlanError as error:
            kept = kept_warnings(error.problems, executor, limits)
        if kept:
            raise PlanError(tuple(kept))
        return _planned(kind, target, options, given)
    plan = _planned(kind, target, options, given)
    if plan.warnings:
        import warnings

        from stagekit.errors import StagekitWarning

        for problem in kept_warnings(plan.warnings, executor, limits):
            warnings.warn(str(problem), StagekitWarning, stacklevel=4)
    return plan


def _settings(params: Any) -> Tuple[Setting, ...]:  # Any: what a user has given
    """Return the settings of ``params=``; the command line gives some already."""
    if isinstance(params, tuple):
        return params  # pyright: ignore[reportUnknownVariableType]
    from stagekit._base.parameters import from_python

    return from_python(params)


def _words(value: Union[str, Sequence[str]]) -> Tuple[str, ...]:
    if isinstance(value, str):
        return (value,)
    return value if isinstance(value, tuple) else tuple(value)  # the command line's know more


def _keyed(values: Any) -> Tuple[Dict[object, object], Sequence[str]]:  # Any: as a user gives it
    """Return the given values by key, and what is wrong with them."""
    from collections.abc import Mapping

    from stagekit._base.refs import Given, Named
    from stagekit._base.value_text import short_text
    from stagekit._options import values_mistakes
    from stagekit._plan.annotation import markers_of

    if values_mistakes("values", values):
        return {}, ()  # it is told with the other options
    try:
        if isinstance(values, Mapping):
            pairs = [Given(values[key], key, None) for key in values]  # pyright: ignore[reportUnknownArgumentType, reportUnknownVariableType]
        else:
            pairs = [v if isinstance(v, Given) else Given(v, None, None) for v in values]
    except Exception as error:  # noqa: BLE001 - of a user's class
        from stagekit._base.text import error_line

        return {}, [f"values cannot be read: {error_line(error)}"]
    found: Dict[object, object] = {}
    mistakes: List[str] = []
    for pair in pairs:
        asked, markers, _ = markers_of(type(pair.value) if pair.as_ is None else pair.as_)
        names = [marker.name for marker in markers if isinstance(marker, Named)]
        try:
            key = normalise(asked)
        except BadTypeError as error:
            mistakes.append(f"{short_text(pair)}: {error}")
            continue
        name = pair.name if pair.name is not None else names[0] if names else None
        if name is not None:
            key = NamedKey(key, name)
        if key is NoneType:
            mistakes.append("None has no type of its own; write given(None, as_=...)")
        elif key in found:
            mistakes.append(
                f"two values for `{describe(key)}`; give each a name: given(..., name=...)"
            )
        found[key] = pair.value
    return found, ["values: " + "; ".join(mistakes)] if mistakes else ()


def settings_for(
    plan: Plan, options: Options, given: Mapping[object, object], *, warns: bool = True
) -> RunSettings:
    """Return the settings of a run of *plan*; warn of values that it does not use, if asked to.

    Args:
        plan: what is to be run.
        options: those of ``run`` that are said, by name, checked.
        given: the values by key.

    Raises:
        UsageError: a limit is below what one stage takes, or no stage takes its slot.
        PlanError: the plan needs a value that is not given, or something cannot be where it is
            needed.
    """
    executor, workers = options.get("executor", "auto"), options.get("workers")
    info = RunInfo(executor, workers or _MOST_THREADS)
    settings = RunSettings(info, workers, RunPools)
    if executor in HERE:
        settings.mode = executor
    else:
        settings.mode, settings.pool = "pool", executor
        if not isinstance(executor, str):
            info.executor, info.workers = type(executor).__name__, workers or _workers_of(executor)
    if not options.keys() <= _WHERE:
        _heed(settings, options, plan)
    if given or settings.limits or settings.pool is not None:
        _check_plan(plan, executor, settings.limits, given)
    if plan.slots:
        settings.constants = _bind(plan, given, options.get("arguments", ()), info)
    if given and warns:
        _warn_unused(plan, given)
    return settings


def _heed(settings: RunSettings, options: Options, plan: Plan) -> None:
    """Have a run obey what is said of it beyond where it runs."""
    for name in _AS_SAID.intersection(options):
        setattr(settings, name, options[name])
    limits = options.get("limits")
    if limits:
        settings.limits = {slot: limits[slot] for slot in limits if slot != "async"}
        settings.async_limit = limits.get("async")
    if options.get("grace") is not None:
        settings.grace = float(options["grace"])
    if options.get("rollback"):
        settings.rollback = _rollback(options["rollback"])
    settings.hooks = tuple(options.get("hooks", ()))
    if settings.seed is not None:
        from stagekit._run.drawn import drawn_rank

        settings.rank = drawn_rank(len(plan), settings.seed)
    if options.get("order") is not None:
        from stagekit._plan.given_order import rank_of

        settings.rank = rank_of(
            plan, options["order"], executor=options.get("executor", "auto"), seed=settings.seed
        )
        settings.mode = settings.info.executor = "inline"
    if options.get("keep", "all") != "all":
        settings.kept = _kept(plan, options["keep"])


def _kept(plan: Plan, keep: Union[str, Sequence[Any]]) -> FrozenSet[int]:
    """Return the steps whose values a run keeps."""
    from stagekit._base.text import error_line, safe_repr

    if isinstance(keep, str):
        last = [step for step, children in enumerate(plan.children) if not children]
        return frozenset(plan.targets or last)
    steps: List[int] = []
    mistakes: List[str] = []
    for stage in keep:
        try:
            steps.append(plan.step_of(stage))
        except LookupError as error:
            mistakes.append(f"keep: {error.args[0]}")
        except Exception as error:  # noqa: BLE001 - of the object, whose methods are the user's
            mistakes.append(f"keep has {safe_repr(stage)}, which is no stage: {error_line(error)}")
    if mistakes:
        from stagekit.errors import UsageError

        raise UsageError("; ".join(mistakes))
    return frozenset(steps)


def _is_beyond(executor: object) -> bool:
    from stagekit._base.ports import is_call_pool, is_cluster

    is_far = isinstance(executor, str) or is_cluster(executor)
    return is_far or (is_call_pool(executor) and executor.is_elsewhere)


def _rollback(said: object) -> Rollback:
    from stagekit._base.rollback import Rollback

    return said if isinstance(said, Rollback) else Rollback()


def _workers_of(executor: Union[Pool, CallPool]) -> int:
    from stagekit.executors.futures import workers_of

    return workers_of(executor)


def _bind(
    plan: Plan, given: Mapping[object, object], arguments: Sequence[str], info: RunInfo
) -> List[Any]:
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
                shared[key] = _injected(key, given, arguments, info)
            value = shared[key]
            found.append(of_call(value, info, *slot.value) if key is Context else value)
    if missing:
        _refuse_missing(missing)
    return found


def _injected(
    key: object, given: Mapping[object, object], arguments: Sequence[str], info: RunInfo
) -> object:
    if key is RunInfo:
        return info
    if key is Arguments:
        return Arguments(arguments)
    if key is Context:
        return Context(given, Arguments(arguments))
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


class RunPools:
    """Finds the pools of one run: made when first needed, closed after it."""

    __slots__ = ("_by_name", "_grace", "_made", "_workers")

    def __init__(self, settings: RunSettings) -> None:
        self._workers = settings.said_workers
        self._grace = settings.grace
        self._made: List[Any] = []
        self._by_name: Dict[object, Tuple[Any, str, int]] = {}

    def of(self, executor: Any, /) -> Tuple[CallPool, str, int]:  # Any: a name or a pool
        """Return a pool, its name for people, and how many calls of this run it makes at once.

        Raises:
            UsageError: no cluster is where one is said to be.
            MissingExtraError: Dask is not installed.
        """
        from stagekit._base.ports import is_cluster
        from stagekit.executors.futures import call_pool

        is_there = is_cluster(executor)
        if not isinstance(executor, str) and not is_there:
            pool = call_pool(executor, self._workers)
            return pool, type(executor).__name__, self._workers or pool.workers
        found = self._by_name.get(executor)
        if found is None:
            pool = self._join(executor) if is_there else self._make(executor)
            self._made.append(pool)
            name = "dask" if is_there else executor
            found = self._by_name[executor] = (pool, name, self._workers or pool.workers)
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


def kept_warnings(
    problems: Sequence[Problem], executor: Any, limits: Optional[Mapping[str, int]] = None
) -> List[Problem]:
    """Return the warnings of a plan that hold where *executor* carries it out within *limits*.

    A process can be ended when its time is over, so no wait has to be bounded there; inline, not
    even a wait can be bounded; and who says how many of a slot there are has nothing to be guessed.
    """
    from stagekit._base.ports import can_stop
    from stagekit._base.problem import Code
    from stagekit._plan.problems_policy import depends_on_run, timeout_on

    kept: List[Problem] = []
    for problem in problems:
        if depends_on_run(problem):
            if not can_stop(executor):
                kept.append(timeout_on(problem, executor))
        elif problem.code is not Code.GUESSED_LIMIT or problem.subject not in (limits or ()):
            kept.append(problem)
    return kept


def _check_plan(
    plan: Plan, executor: object, limits: Mapping[str, int], given: Mapping[object, object]
) -> None:
    """Refuse what of a plan cannot be run on *executor* within *limits*."""
    if not (plan.policies or limits or _is_beyond(executor)):
        return
    from stagekit._plan.policies import beyond_problems

    _check_demand(plan, limits)
    problems = tuple(beyond_problems(plan, executor, given))
    if problems:
        from stagekit.errors import PlanError

        raise PlanError(problems)


def _check_demand(plan: Plan, limits: Mapping[str, int]) -> None:
    """Refuse limits below what a single stage takes: it could never start."""
    mistakes = [
        f"limits[{name!r}] is {limits[name]}, and stage {plan.order[step]!r} takes {count}"
        for step, policy in plan.policies.items()
        for name, count in policy.slots
        if name in limits and count > limits[name]
    ]
    known = {name for policy in plan.policies.values() for name, _ in policy.slots}
    mistakes += [_unknown_slot(name, known) for name in limits if name not in known]
    if mistakes:
        from stagekit.errors import UsageError

        raise UsageError("; ".join(mistakes))


def _unknown_slot(name: str, known: Set[str]) -> str:
    from stagekit._base.text import did_you_mean

    near = did_you_mean(name, [*sorted(known), "async"])
    hint = f"; did you mean {near[0]!r}?" if near else ""
    there = ", ".join(map(repr, sorted(known))) or "none"
    return f"limits names {name!r}, which no stage of the plan takes (slots: {there}){hint}"
