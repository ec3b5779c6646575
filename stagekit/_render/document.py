"""A plan as JSON, for machines."""

from __future__ import annotations

from typing import TYPE_CHECKING, Dict, List, Optional, Sequence

from stagekit._base.keys import describe, describe_fully
from stagekit._base.problem import Location, Problem
from stagekit._plan.plan import Plan
from stagekit._plan.slots import GIVEN, Binding
from stagekit._plan.width import levels

if TYPE_CHECKING:
    from stagekit._plan.parameters import PlanParameter

SCHEMA = "stagekit.plan/1"
PARAMETER_FIELDS = ("name", "stage", "parameter", "type", "default", "value", "source")


def to_json(plan: Plan) -> str:
    """Return the plan as one JSON document, in ASCII; equal plans give equal bytes."""
    import json  # 7 ms

    document = {
        "schema": SCHEMA,
        "target": plan.target,
        "stages_known": plan.total,
        "stages": _stages(plan),
        "edges": [
            {
                "before": plan.order[edge.before],
                "after": plan.order[edge.after],
                "kind": edge.kind,
                "reason": edge.reason,
            }
            for edge in plan.edges
        ],
        "parameters": [parameter_document(each) for each in plan.parameters],
        "given": [_key(slot.key) for slot in plan.slots if slot.kind == GIVEN],
        "warnings": [_problem(problem) for problem in plan.warnings],
    }
    return json.dumps(document, indent=2)


def parameter_document(parameter: PlanParameter) -> Dict[str, Optional[str]]:
    """Return a parameter that can be set; a default that is null: it is required."""
    return {name: getattr(parameter, name) for name in PARAMETER_FIELDS}


def _stages(plan: Plan) -> List[Dict[str, object]]:
    level, bindings, provides = levels(plan.parents), plan.bindings, plan.provides
    return [
        {
            "id": stage.id,
            "name": stage.name,
            "description": stage.description,
            "tags": list(stage.tags),
            "location": _location(stage.location),
            "level": level[step] + 1,
            "priority": stage.priority,
            "critical": stage.critical,
            "async": bool(plan.is_async[step]),
            "provides": [_key(key) for key in provides[step]],
            "parameters": [_parameter(plan, binding) for binding in bindings[step]],
            **_policy(plan, step, bindings[step]),
        }
        for step, stage in enumerate(plan.stages)
    ]


def _policy(plan: Plan, step: int, bindings: Sequence[Binding]) -> Dict[str, object]:
    if step not in plan.policies:
        return {}
    from stagekit._render.policies import document

    return {"policy": document(plan.stages[step], plan.policies[step], bindings)}


def _parameter(plan: Plan, binding: Binding) -> Dict[str, object]:
    return {
        "name": binding.parameter,
        **_key(binding.key),
        "kind": binding.kind,
        "providers": [plan.order[step] for step in binding.providers],
        "others": list(binding.others),
        "reason": binding.reason or None,
    }


def _key(key: object) -> Dict[str, Optional[str]]:
    """Return a key as it is read, and with the modules of its types."""
    if key is None:
        return {"key": None, "type": None}
    return {"key": describe(key), "type": describe_fully(key)}


def _location(location: Optional[Location]) -> Optional[Dict[str, object]]:
    return None if location is None else {"file": location.file, "line": location.line}


def _problem(problem: Problem) -> Dict[str, object]:
    return {
        "code": problem.code.value,
        "message": problem.message,
        "stage": problem.stage_id,
        "parameter": problem.parameter,
        "location": _location(problem.location),
        "notes": list(problem.notes),
        "fixes": list(problem.fixes),
    }
