"""What a stage is called with: where it comes from, and of which types it was."""

from __future__ import annotations

from typing import Dict, Sequence

from stagekit._base.keys import describe
from stagekit._base.text import escape_control, short_names
from stagekit._plan.plan import Plan
from stagekit._plan.slots import Binding
from stagekit._run.result import Result, arguments_of

_SOURCES = {
    "given": "given by the caller",
    "value": "stands in for a stage",
    "injectable": "of the run",
    "default": "default",
    "none": "None, as nothing provides it",
}


def input_lines(plan: Plan) -> Dict[str, str]:
    """Return for each stage, by id, its parameters and what fills them."""
    names = short_names(plan.order)
    shown = [escape_control(names[each]) for each in plan.order]
    return {
        stage_id: ", ".join(_input(binding, shown) for binding in bindings)
        for stage_id, bindings in zip(plan.order, plan.bindings)
    }


def _input(binding: Binding, names: Sequence[str]) -> str:
    key = "" if binding.key is None else f": {escape_control(describe(binding.key))}"
    if binding.providers or binding.others:
        others = [_SOURCES[kind] for kind in dict.fromkeys(binding.others)]
        source = " + ".join([*others, *(names[step] for step in binding.providers)])
    elif binding.kind == "collect":
        source = "nothing"
    else:
        source = _SOURCES[binding.kind]
    return f"{binding.parameter}{key} = {source}"


def argument_types(result: Result, stage_id: str) -> str:
    """Return ``name: type`` for each argument that a stage was called with."""
    found = arguments_of(result, result.plan.step_of(stage_id))
    return ", ".join(f"{name}: {_type(value)}" for name, value in found.items())


def _type(value: object) -> str:
    """Return the name of a value's type; of the plain collections how many they hold."""
    name = escape_control(type(value).__qualname__.rpartition("<locals>.")[2])
    if type(value) in {list, tuple, dict, set, frozenset}:
        return f"{name} of {len(value):,}"  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    return name
