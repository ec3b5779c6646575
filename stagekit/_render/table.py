"""``explain``: a plan as a table for people."""

from __future__ import annotations

from typing import TYPE_CHECKING, Dict, List, Optional, Sequence, Tuple

from stagekit._base.columns import Paint, seen_width, table, unpainted, wrapped
from stagekit._base.keys import describe
from stagekit._base.text import aligned, escape_control
from stagekit._plan.plan import Plan
from stagekit._plan.slots import (
    AMONG_SEVERAL,
    COLLECT,
    DEFAULT,
    GIVEN,
    ORDER,
    VALUE,
    Binding,
)
from stagekit._render.facts import headline, names_of, rows, several

if TYPE_CHECKING:
    from stagekit._plan.parameters import PlanParameter

_WIDEST_CELL = 48
_WIDEST_LIST = 88
_ROLES = ("dim", "strong", "", "help")
_OTHERS = {GIVEN: "a value given", VALUE: "what stands in for a stage"}


def explain(plan: Plan, *, columns: Optional[int] = None, paint: Paint = unpainted) -> str:
    """Return the plan as a table of level, stage, needs and gives; then the rest, as lists.

    Args:
        plan: what is shown.
        columns: how wide a line may be; None for any width.
        paint: colours a text by its role.
    """
    what, facts = headline(plan)
    lines = [f"{paint('strong', what)}      {facts}"]
    if columns is not None and seen_width(lines[0]) > columns:
        lines = [*wrapped(paint("strong", what), columns), *wrapped(f"  {facts}", columns, hang=2)]
    if len(plan):
        lines += ["", *_table(plan, columns, paint)]
    for title, found in sections(plan):
        role = "warning" if title == "warnings" else "strong"
        lines += ["", f"  {paint(role, title)}", *(f"    {line}" for line in found)]
    return "\n".join(lines)


def sections(plan: Plan) -> List[Tuple[str, List[str]]]:
    """Return what there is to say of a plan besides its table: titles, and the lines below each."""
    found = [
        ("parameters", parameter_lines(plan.parameters)),
        ("given by the caller", _given(plan)),
        ("chosen among several", _chosen(plan)),
        ("collected", _collected(plan)),
        ("order only", _order_only(plan)),
        ("policies", _policies(plan)),
        ("warnings", _warnings(plan)),
    ]
    return [(title, lines) for title, lines in found if lines]


def _table(plan: Plan, columns: Optional[int], paint: Paint) -> List[str]:
    cells: List[Tuple[str, ...]] = [("level", "stage", "needs", "gives")]
    before = -1
    for row in rows(plan):
        level = str(row.level + 1) if row.level != before else ""
        before = row.level
        needs, gives = several(row.needs, _WIDEST_CELL), several(row.gives, _WIDEST_CELL)
        cells.append((level, row.name, needs, gives))
    room = None if columns is None else columns - 2
    return [f"  {line}" for line in table(cells, _ROLES, room, paint)]


def parameter_lines(parameters: Sequence[PlanParameter]) -> List[str]:
    """Return a line for each parameter: what to write, its type, its value, and what says it."""
    cells = [
        (
            escape_control(each.name),
            escape_control(each.type),
            "required" if each.value is None else each.value,
            each.source
            if each.source in {"", DEFAULT} or each.default is None
            else f"{each.source}, default {each.default}",
        )
        for each in parameters
    ]
    return aligned(cells)


def _given(plan: Plan) -> List[str]:
    keys = [escape_control(describe(slot.key)) for slot in plan.slots if slot.kind == GIVEN]
    return [", ".join(keys)] if keys else []


def _chosen(plan: Plan) -> List[str]:
    """Return a line for each stage with a parameter whose type alone does not say what fills it."""
    names = names_of(plan)
    found: List[str] = []
    for name, bindings in zip(names, plan.bindings):
        ways: Dict[str, List[str]] = {}
        for each in bindings:
            if each.reason in AMONG_SEVERAL:
                taken = [names[step] for step in each.providers] or [_OTHERS[VALUE]]
                ways.setdefault(each.reason, []).append(", ".join(taken))
        found += [f"{name} takes {several(of, _WIDEST_LIST)} {why}" for why, of in ways.items()]
    return found


def _collected(plan: Plan) -> List[str]:
    """Return a line for each collection: which types alone do not tell what it holds."""
    names = names_of(plan)
    return [
        f"{name} takes {escape_control(describe(binding.key))} from "
        + (several(_sources(binding, names), _WIDEST_LIST) or "nothing")
        for name, bindings in zip(names, plan.bindings)
        for binding in bindings
        if binding.kind == COLLECT
    ]


def _sources(binding: Binding, names: Sequence[str]) -> List[str]:
    others = [_OTHERS[kind] for kind in binding.others]
    return [*dict.fromkeys(others), *(names[step] for step in binding.providers)]


def _order_only(plan: Plan) -> List[str]:
    """Return a line for each stage that waits for others without taking a value from them."""
    names = names_of(plan)
    waits: List[List[str]] = [[] for _ in names]
    for edge in plan.edges:
        if edge.kind == ORDER:
            waits[edge.after].append(names[edge.before])
    return [
        f"{name} after {several(before, _WIDEST_LIST)}"
        for name, before in zip(names, waits)
        if before
    ]


def _policies(plan: Plan) -> List[str]:
    """Return a line for each stage that is more than called; lined up as the table is."""
    if not plan.policies:
        return []
    from stagekit._render.policies import lines

    return aligned(lines(plan, names_of(plan)))


def _warnings(plan: Plan) -> List[str]:
    texts = [escape_control(str(problem), keep="\n") for problem in plan.warnings]
    return [line for text in texts for line in text.split("\n")]
