"""What all renderings show of a plan: names, needs, gives, levels, the headline."""

from __future__ import annotations

from typing import Dict, List, NamedTuple, Sequence, Tuple

from stagekit._base.keys import describe
from stagekit._base.text import escape_control, plural, short_names
from stagekit._plan.plan import Plan
from stagekit._plan.slots import AMONG_SEVERAL, COLLECT, GIVEN, STAGE, Binding
from stagekit._plan.width import levels, widest

MOST_COUNTED = 1_000  # to count more exactly takes longer than anybody would wait
CHOSEN = (*AMONG_SEVERAL, "From")
_NEEDED = (STAGE, COLLECT, GIVEN)


class Row(NamedTuple):
    """One stage as a line of a table; all its texts are harmless to print."""

    step: int
    level: int
    name: str
    needs: Tuple[str, ...]
    gives: Tuple[str, ...]


def names_of(plan: Plan) -> List[str]:
    """Return the display name of each step: short where that is unambiguous."""
    names = short_names(plan.order)
    return [escape_control(names[stage_id]) for stage_id in plan.order]


def called(plan: Plan) -> List[str]:
    """Return what people call each step: the name it was declared with, else its display name."""
    given = [stage.options.name for stage in plan.stages]
    return [
        name if said is None else escape_control(said) for name, said in zip(names_of(plan), given)
    ]


def rows(plan: Plan) -> List[Row]:
    """Return the stages of a plan level by level, within a level in the order of their steps."""
    names = names_of(plan)
    bindings, provides, level = plan.bindings, plan.provides, levels(plan.parents)
    found: List[Row] = []
    for step in sorted(range(len(plan)), key=level.__getitem__):
        items = _items(plan, step, bindings[step])
        needs: Dict[str, List[str]] = {}  # what, and of which stages where the type is not enough
        for binding in bindings[step]:
            if binding.kind in _NEEDED:
                each = "each " if binding.parameter in items else ""
                chosen = needs.setdefault(each + _need(binding, names), [])
                if binding.reason in CHOSEN and binding.key is not None:
                    chosen += [names[provider] for provider in binding.providers]
        gives = tuple(escape_control(describe(key)) for key in provides[step])
        texts = [f"{what} of {', '.join(of)}" if of else what for what, of in needs.items()]
        found.append(Row(step, level[step], names[step], tuple(texts), gives))
    return found


def _items(plan: Plan, step: int, bindings: Sequence[Binding]) -> Tuple[str, ...]:
    policy = plan.policies.get(step)
    if policy is None or not policy.each:
        return ()
    from stagekit._render.policies import items_of

    return items_of(policy, bindings)


def _need(binding: Binding, names: Sequence[str]) -> str:
    if binding.key is None:  # any type will do: the stage says it all
        return ", ".join(f"value of {names[step]}" for step in binding.providers)
    return escape_control(describe(binding.key))


def headline(plan: Plan) -> Tuple[str, str]:
    """Return what was planned, and how much it is: ``5 of 7 stages · 4 levels · …``."""
    count = len(plan)
    what = escape_control(plan.target) or "all stages"
    stages = plural(count, "stage")
    if count != plan.total:
        stages = f"{count:,} of {plural(plan.total, 'stage')}"
    level = levels(plan.parents)
    facts = [stages, plural(max(level, default=-1) + 1, "level")]
    if 0 < count <= MOST_COUNTED:
        facts.append(f"at most {widest(plan.parents):,} at once")
    elif count:
        facts.append(f"widest level {max(_sizes(level)):,}")
    return what, " · ".join(facts)


def _sizes(level: Sequence[int]) -> List[int]:
    sizes = [0] * (max(level) + 1)
    for each in level:
        sizes[each] += 1
    return sizes


def data_labels(plan: Plan) -> Dict[Tuple[int, int], str]:
    """Return for each data edge the types it carries."""
    found: Dict[Tuple[int, int], List[str]] = {}
    for after, bindings in enumerate(plan.bindings):
        for binding in bindings:
            for before in binding.providers:
                label = "" if binding.key is None else escape_control(describe(binding.key))
                found.setdefault((before, after), []).append(label)
    return {
        edge: ", ".join(dict.fromkeys(label for label in labels if label))
        for edge, labels in found.items()
    }


def several(texts: Sequence[str], most: int) -> str:
    """Return the first of *texts*, about *most* characters of them, and how many more there are."""
    line = ""
    for number, text in enumerate(texts):
        longer = f"{line}, {text}" if number else text
        if number and len(longer) > most:
            return f"{line} and {len(texts) - number:,} more"
        line = longer
    return line
