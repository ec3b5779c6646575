"""The front doors: ``plan``, ``run``, ``arun``. The only place where running meets executors."""

from __future__ import annotations

from typing import (
    TYPE_CHECKING,
    Any,
    Dict,
    Iterable,
    List,
    Mapping,
    NamedTuple,
    Optional,
    Sequence,
    Tuple,
    Union,
    cast,
)

from stagekit._base.keys import BadTypeError, NamedKey, NoneType, describe, normalise
from stagekit._base.refs import Given, Named
from stagekit._declare.context import importing
from stagekit._declare.registry import Registry, current_registry
from stagekit._plan import plan as _plans
from stagekit._plan.annotation import markers_of
from stagekit._plan.build import Request, make_plan
from stagekit._prepare import RunOptions, settings_for

if TYPE_CHECKING:
    from stagekit._base.ports import Hook, Pool
    from stagekit._run.result import Result
    from stagekit._run.settings import RunSettings

__all__ = ["Plan", "arun", "plan", "run"]

# Any: a target is a function, an id, a StageRef, a module, several of these, a plan, or None
Target = Any
Values = Union[Iterable[object], Mapping[Any, object]]  # Any: keys are types of whatever kind


class Plan(_plans.Plan):
    __doc__ = _plans.Plan.__doc__
    __slots__ = ()

    def run(self, **options: Any) -> Result:
        """Run this plan; takes the options of ``stagekit.run`` that concern running."""
        return run(self, **options)

    async def arun(self, **options: Any) -> Result:
        """Run this plan in the running event loop; takes the options of ``run``."""
        return await arun(self, **options)


class _Order(NamedTuple):
    """The options of one call of ``run`` or ``arun``."""

    registry: Optional[Registry]
    select: Union[str, Sequence[str]]
    exclude: Union[str, Sequence[str]]
    values: Values
    overrides: Optional[Mapping[Any, object]]
    strict: bool
    options: RunOptions


def plan(
    target: Target = None,
    *,
    registry: Optional[Registry] = None,
    select: Union[str, Sequence[str]] = (),
    exclude: Union[str, Sequence[str]] = (),
    values: Values = (),
    overrides: Optional[Mapping[Any, object]] = None,
    strict: bool = False,
) -> Plan:
    """Check everything that can be known and return what would run; no stage is called.

    Args:
        target: a stage (its function, id or reference), several, or a module; None for the whole
            registry. A target brings its ancestors, nothing else.
        registry: where the stages are; the current one unless said.
        select: which of them: names, globs, ``tag:x``, ``+a``, ``a+``, ``2+a``.
        exclude: which of them not, in the same words.
        values: objects that parameters are filled with. A plan keeps their keys only.
        overrides: stage → the value, or the function, that stands in for it.
        strict: make warnings errors.

    Raises:
        PlanError: with every problem; each has a code, a place and fixes.

    Example:
        >>> from stagekit import Registry, plan
        >>> registry = Registry()
        >>> load = registry.add(lambda: 1, id="load")
        >>> show = registry.add(lambda: 2, id="show", depends_on="load")
        >>> plan("load", registry=registry).order
        ('load',)
    """
    given = _keyed(values)
    request = Request(
        (registry if registry is not None else current_registry()).snapshot(),
        target,
        _texts("select", select),
        _texts("exclude", exclude),
        tuple(given),
        tuple(overrides.items()) if overrides else (),
        strict,
    )
    return make_plan(Plan, request)


def run(
    target: Target = None,
    *,
    registry: Optional[Registry] = None,
    select: Union[str, Sequence[str]] = (),
    exclude: Union[str, Sequence[str]] = (),
    values: Values = (),
    overrides: Optional[Mapping[Any, object]] = None,
    strict: bool = False,
    arguments: Sequence[str] = (),
    executor: Union[str, Pool] = "auto",
    workers: Optional[int] = None,
    limits: Optional[Mapping[str, int]] = None,
    on_failure: str = "stop",
    check: bool = True,
    hooks: Sequence[Hook] = (),
) -> Result:
    """Plan and run; return what became of every stage.

    Args:
        target: as for ``plan``, or a ``Plan``.
        registry: as for ``plan``, and so are *select*, *exclude*, *values*, *overrides*, *strict*.
        select: see *registry*.
        exclude: see *registry*.
        values: see *registry*; a plan binds them here.
        overrides: see *registry*.
        strict: see *registry*.
        arguments: what stages receive as ``Arguments``.
        executor: ``"auto"``, ``"inline"``, ``"threads"``, or an object with ``submit``.
        workers: how many plain stages may run at once.
        limits: ``{"async": n}`` bounds the ``async def`` stages that may run at once.
        on_failure: ``"stop"`` (start nothing new), ``"continue"`` (independent branches go on)
            or ``"cancel"`` (running async stages are cancelled too).
        check: raise if the run failed; ``False`` returns the result instead.
        hooks: objects that are told the events of the run.

    Raises:
        PlanError: the stages cannot be planned; none was called.
        RunFailedError: a critical stage failed; ``.result`` has everything.
        RunningLoopError: called in a running event loop; write ``await arun(...)``.

    Example:
        >>> from stagekit import Registry, run
        >>> registry = Registry()
        >>> @registry.stage
        ... def answer() -> int:
        ...     return 42
        >>> run(answer, registry=registry)[answer]
        42
    """
    options = RunOptions(arguments, executor, workers, limits, on_failure, check, hooks)
    order = _Order(registry, select, exclude, values, overrides, strict, options)
    made, settings = _prepare(target, order)
    from stagekit._run.start import execute

    return execute(made, settings)


async def arun(
    target: Target = None,
    *,
    registry: Optional[Registry] = None,
    select: Union[str, Sequence[str]] = (),
    exclude: Union[str, Sequence[str]] = (),
    values: Values = (),
    overrides: Optional[Mapping[Any, object]] = None,
    strict: bool = False,
    arguments: Sequence[str] = (),
    executor: Union[str, Pool] = "auto",
    workers: Optional[int] = None,
    limits: Optional[Mapping[str, int]] = None,
    on_failure: str = "stop",
    check: bool = True,
    hooks: Sequence[Hook] = (),
) -> Result:
    """Plan and run in the running event loop; the twin of ``run``, with the same options.

    Plain stages run in threads, so the loop stays free. Cancelling the task that awaits this
    cancels the async stages, waits for the plain ones that run, and starts nothing new.

    Example:
        >>> import asyncio
        >>> from stagekit import Registry, arun
        >>> registry = Registry()
        >>> @registry.stage
        ... async def answer() -> int:
        ...     return 42
        >>> asyncio.run(arun(answer, registry=registry))[answer]
        42
    """
    options = RunOptions(arguments, executor, workers, limits, on_failure, check, hooks)
    order = _Order(registry, select, exclude, values, overrides, strict, options)
    made, settings = _prepare(target, order)
    from stagekit._run.start import aexecute

    return await aexecute(made, settings)


def _prepare(target: Target, order: _Order) -> Tuple[_plans.Plan, RunSettings]:
    """Return the plan and the settings of a run; everything that can be wrong is, here."""
    if importing.get():
        from stagekit.errors import RunAtImportError

        raise RunAtImportError
    order = order._replace(values=_fixed(order.values))
    given = _keyed(order.values)
    made: _plans.Plan
    if isinstance(target, _plans.Plan):
        _refuse_planning_options(order)
        made = target
    else:
        made = plan(
            target,
            registry=order.registry,
            select=order.select,
            exclude=order.exclude,
            values=order.values,
            overrides=order.overrides,
            strict=order.strict,
        )
        if made.warnings:
            _warn([str(problem) for problem in made.warnings])
    return made, settings_for(made, order.options, given)


def _refuse_planning_options(order: _Order) -> None:
    wrong = [
        name
        for name, value in (
            ("registry", order.registry),
            ("select", order.select),
            ("exclude", order.exclude),
            ("overrides", order.overrides),
            ("strict", order.strict),
        )
        if value
    ]
    if wrong:
        from stagekit.errors import UsageError

        raise UsageError(f"a plan is made already; say {', '.join(wrong)} to plan(...) instead")


def _warn(texts: Sequence[str]) -> None:
    import warnings

    from stagekit.errors import StagekitWarning

    for text in texts:
        warnings.warn(text, StagekitWarning, stacklevel=4)


def _texts(option: str, value: Union[str, Sequence[str]]) -> Tuple[str, ...]:
    if isinstance(value, str):
        return (value,)
    found = tuple(value)
    wrong = [each for each in found if not isinstance(each, str)]  # pyright: ignore[reportUnnecessaryIsInstance]
    if wrong:
        from stagekit.errors import UsageError

        raise UsageError(f"{option} takes texts such as '+report', got {wrong[0]!r}")
    return found


def _fixed(values: Values) -> Values:
    """Return the values once and for all: they are looked at twice."""
    if isinstance(values, Mapping):
        return cast("Mapping[Any, object]", values)
    if isinstance(values, (str, bytes)):
        from stagekit.errors import UsageError

        raise UsageError(f"values takes a list of objects, got {values!r}; write values=[...]")
    return tuple(values)


def _keyed(values: Values) -> Dict[object, object]:
    """Return the given values by key.

    Raises:
        UsageError: a value cannot be keyed, or two have the same key; all are listed.
    """
    if not values:
        return {}
    if isinstance(values, Mapping):
        pairs = [
            Given(value, key, None)
            for key, value in cast("Mapping[object, object]", values).items()
        ]
    else:
        pairs = [v if isinstance(v, Given) else Given(v, None, None) for v in values]
    found: Dict[object, object] = {}
    mistakes: List[str] = []
    for pair in pairs:
        asked, markers, _ = markers_of(type(pair.value) if pair.as_ is None else pair.as_)
        names = [marker.name for marker in markers if isinstance(marker, Named)]
        try:
            key = normalise(asked)
        except BadTypeError as error:
            mistakes.append(f"{pair!r}: {error}")
            continue
        name = pair.name if pair.name is not None else names[0] if names else None
        if name is not None:
            key = NamedKey(key, name)
        if key is NoneType:
            mistakes.append("None has no type of its own; write given(None, as_=...)")
        elif key in found:
            mistakes.append(
                f"two values for `{describe(key)}`; tell them apart: given(..., name=...)"
            )
        found[key] = pair.value
    if mistakes:
        from stagekit.errors import UsageError

        raise UsageError("values: " + "; ".join(mistakes))
    return found
