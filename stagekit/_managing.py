"""The checks of options that few runs have; not loaded for any other run."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, List, Mapping, Optional, Sequence, Set

from stagekit._base.problem import Code
from stagekit._base.retry import seconds_mistake
from stagekit._plan.policies import beyond_problems
from stagekit._plan.problems_policy import depends_on_run, timeout_on

if TYPE_CHECKING:
    from stagekit._base.problem import Problem
    from stagekit._plan.plan import Plan
    from stagekit._prepare import RunOptions


def check_plan(
    plan: Plan, options: RunOptions, limits: Mapping[str, int], given: Mapping[object, object]
) -> None:
    """Refuse what of a plan cannot be run with these options, which have been checked.

    Raises:
        UsageError: a limit is below what one stage takes, or no stage takes its slot.
        PlanError: something cannot be where it is needed.
    """
    _check_demand(plan, limits)
    problems = tuple(beyond_problems(plan, options.executor, given))
    if problems:
        from stagekit.errors import PlanError

        raise PlanError(problems)


def kept_warnings(
    problems: Sequence[Problem], executor: Any, limits: Optional[Mapping[str, int]] = None
) -> List[Problem]:
    """Return the warnings of a plan that hold where *executor* carries it out within *limits*.

    A process can be ended when its time is over, so no wait has to be bounded there; inline, not
    even a wait can be bounded; and who says how many of a slot there are has nothing to be guessed.
    """
    problems = [timeout_on(each, executor) if depends_on_run(each) else each for each in problems]
    is_hard = executor == "processes" or getattr(executor, "can_stop", False)
    said = tuple(f"nothing says how many `{name}` there are" for name in limits or {})
    return [
        each
        for each in problems
        if not (is_hard and depends_on_run(each))
        and not (each.code is Code.GUESSED_LIMIT and each.message.startswith(said))
    ]


def option_mistakes(said: Mapping[str, Any]) -> List[str]:
    """Return what is wrong with the options that only managed runs have."""
    from stagekit._base.cancel import CancelToken

    mistakes: List[str] = []
    cancel, deadline, grace = said.get("cancel"), said.get("deadline"), said.get("grace")
    if cancel is not None and not isinstance(cancel, CancelToken):
        mistakes.append(f"cancel takes a CancelToken, got {cancel!r}")
    if deadline is not None and deadline != 0:
        mistake = seconds_mistake(deadline)
        if mistake is not None:
            mistakes.append(f"deadline {mistake}, got {deadline!r}")
    if grace is not None and grace != 0:
        mistake = seconds_mistake(grace)
        if mistake is not None:
            mistakes.append(f"grace {mistake}, got {grace!r}")
    for name in ("rollback", "rollback_on_cancel", "compensate_partial"):
        value = said.get(name, False)
        if not isinstance(value, bool):
            mistakes.append(f"{name} takes True or False, got {value!r}")
        elif value and not said.get("rollback"):
            mistakes.append(f"{name}=True says how to undo; write rollback=True beside it")
    return mistakes


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
