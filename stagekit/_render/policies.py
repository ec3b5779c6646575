"""What is shown of policies: retries, time limits, executors, slots, resources, items, undoing."""

from __future__ import annotations

from typing import Dict, List, Optional, Sequence, Tuple

from stagekit._base.retry import retry_of
from stagekit._base.text import escape_control, plural, seconds
from stagekit._declare.callables import function_name
from stagekit._declare.declaration import Declaration
from stagekit._declare.options import PolicyOptions
from stagekit._plan.plan import Plan
from stagekit._plan.policy import CALL, RESOURCE, Policy
from stagekit._plan.signature import Reader
from stagekit._plan.slots import Binding


def items_of(policy: Policy, bindings: Sequence[Binding]) -> Tuple[str, ...]:
    """Return the parameters of a step that take one item at a time."""
    return tuple(
        place if isinstance(place, str) else bindings[place].parameter for place in policy.each
    )


def lines(plan: Plan, names: Sequence[str]) -> List[Tuple[str, ...]]:
    """Return for each step with a policy its name and what is to be known, in one text."""
    bindings = plan.bindings
    return [
        (names[step], facts(plan.stages[step], plan.policies[step], bindings[step]))
        for step in sorted(plan.policies)
    ]


def declared_policy(stage: Declaration) -> Policy:
    """Return what a declaration alone says of a policy: without a plan, items have no depth."""
    reader = Reader()
    reading = reader.read(stage)
    asked = reader.parameters(stage, reading) if reading.has_each else ()
    said = stage.options.policy or PolicyOptions()
    return Policy(
        retry=retry_of(said.retries),
        timeout=None if said.timeout is None else float(said.timeout),
        executor=said.executor,
        slots=said.resources,
        kind=RESOURCE if reading.is_resource else CALL,
        each=tuple([one.name for one in asked if one.takes_items]),
        skips=any(one.marker.skips for one in asked if one.takes_items),
    )


def facts(stage: Declaration, policy: Policy, bindings: Sequence[Binding] = ()) -> str:
    """Return what is to be known of a policy, on one line; empty where it is that of any stage."""
    found: List[str] = []
    if policy.kind == RESOURCE:
        found.append("a resource")
    if policy.each:
        deep = f", {policy.depth} deep" if policy.depth > 1 else ""
        kept = ", without those that fail" if policy.skips else ""
        found.append(f"once for each of {', '.join(items_of(policy, bindings))}{deep}{kept}")
    if policy.retry is not None:
        found.append(f"up to {plural(policy.retry.attempts, 'attempt')}")
    if policy.timeout is not None:
        found.append(f"at most {seconds(policy.timeout)} each")
    if policy.executor is not None:
        found.append(f"on {executor_name(policy)}")
    found += [f"takes {count:,} {name}" for name, count in policy.slots]
    undo = undo_name(stage)
    if undo is not None:
        found.append(f"undone by {undo}")
    return escape_control(" · ".join(found))


def executor_name(policy: Policy) -> str:
    """Return the name of an executor, of a pool that of its class."""
    executor = policy.executor
    return executor if isinstance(executor, str) else type(executor).__name__


def undo_name(stage: Declaration) -> Optional[str]:
    """Return the name of the function that undoes a stage, or None."""
    said = stage.options.policy
    return None if said is None or said.undo is None else function_name(said.undo)


def document(
    stage: Declaration, policy: Policy, bindings: Sequence[Binding] = ()
) -> Dict[str, object]:
    """Return a policy for machines."""
    retry = policy.retry
    tried: Optional[Dict[str, object]] = None
    if retry is not None:
        tried = {
            "attempts": retry.attempts,
            "on": [f"{each.__module__}.{getattr(each, '__qualname__', each)}" for each in retry.on],
            "wait": retry.wait,
            "backoff": retry.backoff,
            "jitter": retry.jitter,
            "max_wait": retry.max_wait,
        }
    return {
        "kind": policy.kind,
        "each": list(items_of(policy, bindings)),
        "depth": policy.depth if policy.each else 0,
        "retry": tried,
        "timeout": policy.timeout,
        "executor": None if policy.executor is None else executor_name(policy),
        "slots": dict(policy.slots),
        "undo": undo_name(stage),
    }
