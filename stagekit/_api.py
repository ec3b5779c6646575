"""The front doors: ``plan``, ``run``, ``arun``. The only place where running meets executors."""

from __future__ import annotations

from stagekit._base.frames import shortened
from stagekit._plan import plan as _plans
from stagekit._run.start import aexecute, execute
from stagekit._settings import planned, prepared, said

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Dict, Literal, Mapping, Optional, Sequence, Tuple, Union

    from stagekit._base.cancel import CancelToken
    from stagekit._base.outcome import Outcome
    from stagekit._base.ports import CallPool, Decider, Hook, Pool
    from stagekit._base.rollback import Rollback
    from stagekit._declare.registry import Registry
    from stagekit._run.clock import Clock
    from stagekit._run.result import Result
    from stagekit._settings import Values

    Target = Any  # a function, an id, a StageRef, a module, several of these, a plan, or None


class Plan(_plans.Plan):
    __doc__ = _plans.Plan.__doc__
    __slots__ = ()

    def run(self, **options: Any) -> Result:
        """Run this plan; takes the options of ``stagekit.run`` that concern running."""
        try:
            if not options.keys() <= (run.__kwdefaults__ or {}).keys():
                run(self, **options)  # raises what Python says of what it does not know
            plan, settings = prepared(Plan, self, options)
            return execute(plan, settings)
        except BaseException as error:  # noqa: BLE001 - raised again
            __tracebackhide__ = True  # of pytest
            raise shortened(error)  # noqa: B904 - the same error

    async def arun(self, **options: Any) -> Result:
        """Run this plan in the running event loop; takes the options of ``run``."""
        try:
            return await arun(self, **options)
        except BaseException as error:  # noqa: BLE001 - raised again
            __tracebackhide__ = True  # of pytest
            raise shortened(error)  # noqa: B904 - the same error

    def explain(self) -> str:
        """Return the plan as a table for people."""
        from stagekit._render.table import explain

        return explain(self)

    def to_tree(self, *, columns: int = 100, fold: bool = True) -> str:
        """Return the graph as a picture made of characters, or as a list where that reads better.

        Args:
            columns: how wide the picture may be; a graph that needs more becomes a list.
            fold: equal stages share a place, where the picture would be too large without.
        """
        from stagekit._render.tree import to_tree

        return to_tree(self, columns=columns, fold=fold)

    def to_mermaid(self, *, fold: bool = True) -> str:
        """Return the graph as a Mermaid flowchart.

        Args:
            fold: let stages share boxes, as ``to_svg`` does.
        """
        from stagekit._render.graphs import to_mermaid

        return to_mermaid(self, fold=fold)

    def to_dot(self, *, fold: bool = True) -> str:
        """Return the graph in Graphviz' DOT language.

        Args:
            fold: let stages share boxes, as ``to_svg`` does.
        """
        from stagekit._render.graphs import to_dot

        return to_dot(self, fold=fold)

    def to_svg(self, *, fold: bool = True) -> str:
        """Return the graph as an SVG picture.

        Args:
            fold: let three or more equal stages share one box (``fit ×12``). A picture of more
                than 60 boxes is folded further, by names and modules, and says so.

        Example:
            >>> from stagekit import Registry, plan
            >>> registry = Registry()
            >>> def fit() -> None: ...
            >>> for number in range(12):
            ...     _ = registry.add(fit, id=f"fit.{number}")
            >>> "fit ×12" in plan(registry=registry).to_svg()
            True
        """
        from stagekit._render.svg import to_svg

        return to_svg(self, fold=fold)

    def _draw_run(
        self,
        ended: Mapping[int, Tuple[Outcome, str]],
        status: str,
        *,
        fold: bool = True,
        is_inline: bool = False,
    ) -> str:
        """Return the picture of a run of this plan, for ``Result``."""
        from stagekit._render.svg import to_svg

        return to_svg(self, fold=fold, is_inline=is_inline, ended=ended, status=status)

    def to_json(self) -> str:
        """Return the plan as JSON; equal plans give equal bytes."""
        from stagekit._render.document import to_json

        return to_json(self)

    def _repr_mimebundle_(
        self,
        include: Optional[Sequence[str]] = None,  # noqa: ARG002 - the notebook's protocol
        exclude: Optional[Sequence[str]] = None,  # noqa: ARG002 - the same
    ) -> Dict[str, str]:
        from stagekit._render.html import mimebundle

        return mimebundle(self)


def plan(
    target: Target = None,
    *,
    registry: Optional[Registry] = None,
    select: Union[str, Sequence[str]] = (),
    exclude: Union[str, Sequence[str]] = (),
    values: Values = (),
    overrides: Optional[Mapping[Any, object]] = None,
    params: Optional[Mapping[str, object]] = None,
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
        params: values of parameters that no stage fills and whose type is plain: a text, a number,
            a path, a date, a list of these and so on. ``"load.path"`` sets one, ``"path"`` all
            of that name. Values are checked and passed as they are.
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
    try:
        return planned(Plan, target, said(locals(), plan.__kwdefaults__))
    except BaseException as error:  # noqa: BLE001 - raised again
        __tracebackhide__ = True  # of pytest
        raise shortened(error)  # noqa: B904 - the same error


def run(
    target: Target = None,
    *,
    registry: Optional[Registry] = None,
    select: Union[str, Sequence[str]] = (),
    exclude: Union[str, Sequence[str]] = (),
    values: Values = (),
    overrides: Optional[Mapping[Any, object]] = None,
    params: Optional[Mapping[str, object]] = None,
    strict: bool = False,
    arguments: Sequence[str] = (),
    executor: Union[
        Literal["auto", "inline", "threads", "processes", "dask"], str, Pool, CallPool  # noqa: PYI051 - the words are for editors
    ] = "auto",
    workers: Optional[int] = None,
    limits: Optional[Mapping[str, int]] = None,
    on_failure: Literal["stop", "continue", "cancel"] = "stop",
    check: bool = True,
    hooks: Sequence[Hook] = (),
    cancel: Optional[CancelToken] = None,
    deadline: Optional[float] = None,
    grace: Optional[float] = None,
    rollback: Union[bool, Rollback] = False,
    seed: Optional[int] = None,
    order: Optional[Sequence[Any]] = None,
    check_mutation: bool = False,
    measure: Union[bool, Literal["tracemalloc"]] = False,
    keep: Union[Literal["all", "targets"], Sequence[Any]] = "all",
    decider: Optional[Decider] = None,
    clock: Optional[Clock] = None,
) -> Result:
    """Plan and run; return what became of every stage.

    Args:
        target: as for ``plan``, or a ``Plan``.
        registry: as for ``plan``, and so are *select*, *exclude*, *overrides*, *strict*.
        params: as for ``plan``: ``{"load.path": "a.csv", "folds": 10}``.
        values: as for ``plan``; for a plan that is made already, the objects of its keys.
        arguments: what stages receive as ``Arguments``.
        executor: ``"auto"``, ``"inline"``, ``"threads"``, ``"processes"``, ``"dask"``, or an object
            with ``submit``.
        workers: how many plain stages may run at once.
        limits: how many there are of each slot that stages take (``resources=``); a slot that is
            not named has as many as the most demanding stage takes. ``{"async": n}`` bounds the
            ``async def`` stages that may run at once.
        on_failure: ``"stop"`` (start nothing new), ``"continue"`` (independent branches go on)
            or ``"cancel"`` (running async stages are cancelled too).
        check: raise if the run failed; ``False`` returns the result instead.
        hooks: objects whose ``on_event(event)`` is called for each event of the run.
        cancel: a token; the run is cancelled when it is.
        deadline: seconds after which the run is cancelled.
        grace: seconds that stages have to end once they are asked to: then those in processes are
            ended, and those in threads given up on. 10 unless said.
        rollback: call the ``undo=`` of stages that succeeded, last first, if the run fails;
            ``Rollback(on_cancel=True)``: if it is cancelled, too, or its deadline has passed;
            ``Rollback(partial=True)``: also of stages that were called and did not succeed, where
            ``undo`` does not take what they return.
        seed: a number that decides which of the ready stages comes first, instead of priorities and
            the longest way, and how retries jitter: without it otherwise in each run. One seed is
            one order where one worker runs; several find stages that rely on an order that the
            graph does not have.
        order: all stages of the plan, by function or id, each after those that it waits for: run
            them inline in this order. A resource is opened when it is needed all the same, and
            while a stage waits for its next attempt the one after it may start.
        check_mutation: compare the arguments of each call before and after it, as far as they can
            be pickled, and warn of stages that have changed one: that is an object which others
            take, too. With ``executor="inline"`` it is sure which of two stages did.
        measure: have the CPU seconds of each stage in its report, and by how many bytes memory rose
            above what there was when it began. It is None where nothing can measure it: for
            stages that overlap in one process. ``"tracemalloc"`` counts what Python allocates, on
            every system, and makes stages slower; else it is what the process has, on Linux.
        keep: whose values are kept until the result is dropped. ``"targets"``: those of *target*,
            or without one of the stages that nobody uses; or a list of stages. Each other value is
            let go of as soon as the last stage that uses it has ended; with ``rollback``, at the
            end of the run.
        decider: an object whose ``before(call)`` says whether a stage is called, skipped, or given
            a value, and whose ``after(call, value)`` takes what a call has returned.
        clock: the time, for tests; see ``stagekit.testing.VirtualClock``.

    Raises:
        PlanError: the stages cannot be planned; none was called.
        RunFailedError: a critical stage failed; ``.result`` has everything.
        RunCancelledError: the run was cancelled, or its deadline has passed.
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
    try:
        plan, settings = prepared(Plan, target, said(locals(), run.__kwdefaults__))
        return execute(plan, settings)
    except BaseException as error:  # noqa: BLE001 - raised again
        __tracebackhide__ = True  # of pytest
        raise shortened(error)  # noqa: B904 - the same error


async def arun(
    target: Target = None,
    *,
    registry: Optional[Registry] = None,
    select: Union[str, Sequence[str]] = (),
    exclude: Union[str, Sequence[str]] = (),
    values: Values = (),
    overrides: Optional[Mapping[Any, object]] = None,
    params: Optional[Mapping[str, object]] = None,
    strict: bool = False,
    arguments: Sequence[str] = (),
    executor: Union[
        Literal["auto", "inline", "threads", "processes", "dask"], str, Pool, CallPool  # noqa: PYI051 - the words are for editors
    ] = "auto",
    workers: Optional[int] = None,
    limits: Optional[Mapping[str, int]] = None,
    on_failure: Literal["stop", "continue", "cancel"] = "stop",
    check: bool = True,
    hooks: Sequence[Hook] = (),
    cancel: Optional[CancelToken] = None,
    deadline: Optional[float] = None,
    grace: Optional[float] = None,
    rollback: Union[bool, Rollback] = False,
    seed: Optional[int] = None,
    order: Optional[Sequence[Any]] = None,
    check_mutation: bool = False,
    measure: Union[bool, Literal["tracemalloc"]] = False,
    keep: Union[Literal["all", "targets"], Sequence[Any]] = "all",
    decider: Optional[Decider] = None,
    clock: Optional[Clock] = None,
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
    try:
        plan, settings = prepared(Plan, target, said(locals(), run.__kwdefaults__))
        return await aexecute(plan, settings)
    except BaseException as error:  # noqa: BLE001 - raised again
        __tracebackhide__ = True  # of pytest
        raise shortened(error)  # noqa: B904 - the same error
