"""From declarations to policies: what a run hears of a step, and what of it cannot be kept."""

from __future__ import annotations

from typing import Any, Dict, Iterator, List, Mapping, Optional, Sequence, Tuple

from stagekit._base.keys import UnionOf
from stagekit._base.ports import can_stop, is_call_pool, is_cluster
from stagekit._base.problem import Problem
from stagekit._base.retry import retry_of
from stagekit._base.sending import is_imported, mistake_in, refusal, try_sending
from stagekit._declare.declaration import Declaration
from stagekit._declare.options import PolicyOptions
from stagekit._plan.index import is_per_attempt
from stagekit._plan.plan import Plan
from stagekit._plan.policy import CALL, PLAIN, RESOURCE, Policy
from stagekit._plan.problems_policy import (
    beyond_sending,
    guessed_limit,
    resource_beyond,
    resource_moved,
    soft_timeout,
    value_beyond_sending,
)
from stagekit._plan.resolve import Resolver
from stagekit._plan.signature_data import Parameter, Reading
from stagekit._plan.slots import GIVEN, INJECTABLE, Slot
from stagekit._plan.wiring import sources_of, stages_in

TYPE_CHECKING = False
if TYPE_CHECKING:
    from stagekit._plan.policy import Place
    from stagekit._plan.slots import Binding, Call
    from stagekit._plan.wiring import AnyWiring

NOTHING_SAID = PolicyOptions()
_BEYOND = {"processes": "worker processes", "dask": "a Dask cluster"}


def policies_of(
    stages: Sequence[Declaration],
    readings: Sequence[Reading],
    wirings: Sequence[AnyWiring],
    undos: Mapping[int, Tuple[Call, bool]],
    fanout: Mapping[int, int],
) -> Dict[int, Policy]:
    """Return the policy of each step that has one. All arguments are by step."""
    found: Dict[int, Policy] = {}
    for step, (stage, reading, wiring) in enumerate(zip(stages, readings, wirings)):
        if not reading.has_policy:
            continue
        said = stage.options.policy or NOTHING_SAID
        undo, is_undo_async = undos.get(step, (None, False))
        items = [each for each in _arguments(reading, wiring) if each[1].takes_items]
        policy = Policy(
            retry=retry_of(said.retries),
            timeout=None if said.timeout is None else float(said.timeout),
            executor=said.executor,
            slots=said.resources,
            kind=RESOURCE if reading.is_resource else CALL,
            throws=reading.is_resource and reading.call is not None,
            each=tuple([place for place, _, _ in items]),
            depth=fanout.get(step, 1),
            skips=any(parameter.marker.skips for _, parameter, _ in items),
            undo=undo,
            is_undo_async=is_undo_async,
        )
        if policy != PLAIN:
            found[step] = policy
    return found


def fresh_of(
    readings: Sequence[Reading], wirings: Sequence[AnyWiring]
) -> Dict[int, Tuple[Tuple[Place, type], ...]]:
    """Return for each step the arguments that each attempt has its own of."""
    found: Dict[int, Tuple[Tuple[Place, type], ...]] = {}
    for step, (reading, wiring) in enumerate(zip(readings, wirings)):
        fresh: List[Tuple[Place, type]] = []
        for place, _, source in _arguments(reading, wiring):
            if isinstance(source, Slot) and source.kind == INJECTABLE:
                key: Any = source.key  # a class, as every injectable
                if is_per_attempt(key):
                    fresh.append((place, key))
        if fresh:
            found[step] = tuple(fresh)
    return found


def _arguments(reading: Reading, wiring: AnyWiring) -> Iterator[Tuple[Place, Parameter, Any]]:
    """Yield where each parameter stands in a call: its position, or its name."""
    position = 0
    for parameter, source in zip(reading.parameters or (), sources_of(wiring)):
        if parameter.is_keyword:
            yield parameter.name, parameter, source
        else:
            yield position, parameter, source
            position += 1


def where_beyond(executor: Any) -> Optional[str]:  # Any: a name, a pool, or None
    """Return where an executor runs what it is given, if that is not in this process."""
    if is_cluster(executor):
        return _BEYOND["dask"]
    if executor is None or isinstance(executor, str):
        return _BEYOND.get(executor or "")
    names = {kind.__name__ for kind in type(executor).__mro__}
    if (is_call_pool(executor) and executor.is_elsewhere) or "ProcessPoolExecutor" in names:
        return f"`{type(executor).__name__}`"
    return None


def crossings(resolver: Resolver, places: Sequence[int]) -> Iterator[Problem]:
    """Yield a problem for each resource that would have to be used outside of this process."""
    index = resolver.index
    for place in places:
        if place not in resolver.with_policy:
            continue
        stage, reading = index.stages[place], index.readings[place]
        where = where_beyond((stage.options.policy or NOTHING_SAID).executor)
        if where is None:
            continue
        if reading.is_resource:
            yield resource_moved(stage, where)
            continue
        yield from _function_beyond(stage, where)
        for parameter, source in zip(reading.parameters or (), sources_of(resolver.wirings[place])):
            for other in stages_in(source):
                if index.readings[other].is_resource:
                    yield resource_beyond(stage, parameter.name, index.stages[other], where)


def beyond_problems(plan: Plan, executor: Any, given: Mapping[object, object]) -> Iterator[Problem]:
    """Yield what of a plan cannot be where it is needed.

    Args:
        plan: the plan; what stages need that say themselves where they run has been looked at.
        executor: where all others run: a name, or a pool.
        given: the values of this run.
    """
    resources = {step for step, policy in plan.policies.items() if policy.kind == RESOURCE}
    refused: Dict[object, Optional[str]] = {}
    common = where_beyond(executor)
    own = {step: policy.executor for step, policy in plan.policies.items()}
    own = {step: said for step, said in own.items() if said not in {None, "auto"}}
    bindings = plan.bindings if own or common is not None else ()
    for step in own if common is None else range(len(plan)):
        is_own = step in own
        where = where_beyond(own[step]) if is_own else common
        if where is None or step in resources or (plan.is_async[step] and not is_own):
            continue
        stage = plan.stages[step]
        if not is_own:
            yield from _function_beyond(stage, where)
        for binding in bindings[step]:
            for other in () if is_own else binding.providers:
                if other in resources:
                    yield resource_beyond(stage, binding.parameter, plan.stages[other], where)
            for key in _given_to(binding, given):
                if key not in refused:
                    refused[key] = refusal(given[key], try_sending)
                why = refused[key]
                if why is not None:
                    yield value_beyond_sending(stage, binding.parameter, key, where, why)


def _given_to(binding: Binding, given: Mapping[object, object]) -> Sequence[object]:
    """Return the key of the value that a parameter is given, if it is."""
    keys = binding.key.members if isinstance(binding.key, UnionOf) else (binding.key,)
    return [key for key in keys if key in given][:1] if binding.kind == GIVEN else ()


def _function_beyond(stage: Declaration, where: str) -> Iterator[Problem]:
    """Yield a problem where the function of a stage cannot be sent."""
    if not is_imported(stage.fn):
        reason = mistake_in(stage.fn, try_sending)
        if reason is not None:
            yield beyond_sending(stage, where, reason)


def soft_timeouts(resolver: Resolver, places: Sequence[int]) -> Iterator[Problem]:
    """Yield a warning for each time limit that can end no call in a thread, or inline."""
    for place in places:
        said = resolver.index.stages[place].options.policy
        if said is None or said.timeout is None:
            continue
        if resolver.index.readings[place].is_async and where_beyond(said.executor) is None:
            continue
        if not can_stop(said.executor):
            yield soft_timeout(resolver.index.stages[place], said.executor)


def guessed_limits(resolver: Resolver, places: Sequence[int]) -> Iterator[Problem]:
    """Yield a warning for each slot: a plan does not know how many of it there are."""
    most: Dict[str, Tuple[int, Declaration]] = {}
    for place in places:
        said = resolver.index.stages[place].options.policy
        for name, count in () if said is None else said.resources:
            if name not in most or count > most[name][0]:
                most[name] = (count, resolver.index.stages[place])
    for name in sorted(most):
        yield guessed_limit(name, *most[name])
