"""What every picture of a plan shows: boxes and arrows with their texts, stages folded or not."""

from __future__ import annotations

from typing import Dict, Hashable, List, Mapping, NamedTuple, Optional, Sequence, Tuple

from stagekit._base.outcome import Outcome
from stagekit._base.text import escape_control, plural, short_name
from stagekit._declare.callables import unwrap_partial
from stagekit._plan.plan import Plan
from stagekit._plan.slots import ORDER
from stagekit._render.facts import Row, called, data_labels, rows, several
from stagekit._render.folding import Stage, common_name, folded, unfolded, words

UNFOLD = "--unfold, or fold=False, draws each stage"
_LINE, _LABEL = 100, 30  # characters: where somebody points, and at an arrow


Ended = Tuple[Outcome, str]  # what became of a stage, and that with its time and reason


class Node(NamedTuple):
    """One box; its texts are harmless to print.

    Attributes:
        name: what stands in it: of equal stages ``fit ×12``.
        steps: the stages that it stands for.
        is_optional: none of them fails the run.
        title: what is shown where somebody points at it; of several lines.
        outcome: how its stages ended, where it is a picture of a run.
    """

    name: str
    steps: Tuple[int, ...]
    is_optional: bool
    title: str
    outcome: Optional[Outcome] = None


class Link(NamedTuple):
    """One arrow between boxes.

    Attributes:
        before: the number of the box where it begins.
        after: that of the box where it ends.
        is_order: no value is passed.
        label: the types that are passed, where no other arrow of either box has the same.
        title: what is shown where somebody points at it.
    """

    before: int
    after: int
    is_order: bool
    label: str
    title: str


class Picture(NamedTuple):
    """Boxes in a topological order, and arrows.

    Attributes:
        nodes: the boxes.
        links: the arrows, by the numbers of their boxes.
        note: that stages which are not equal share boxes, and how to see them; else empty.
    """

    nodes: Tuple[Node, ...]
    links: Tuple[Link, ...]
    note: str

    @property
    def parents(self) -> List[List[int]]:
        """For each box the boxes before it."""
        found: List[List[int]] = [[] for _ in self.nodes]
        for link in self.links:
            found[link.after].append(link.before)
        return found


def picture(
    plan: Plan,
    *,
    fold: bool = True,
    ended: Optional[Mapping[int, Ended]] = None,
) -> Picture:
    """Return what is drawn of a plan.

    Args:
        plan: what is drawn.
        fold: equal stages share a box, and more where there are too many boxes.
        ended: by step, what became of it; then stages share a box only if they ended alike.
    """
    outcomes = ended or {}
    made = unfolded(plan.parents)
    full = called(plan)
    short = [
        short_name(name) if stage.options.name is None else name
        for name, stage in zip(full, plan.stages)
    ]
    if fold:
        found = [outcomes[step][0] if step in outcomes else None for step in range(len(plan))]
        made = folded(plan.parents, _stages(plan, short, found))
    common = [_common(plan, steps, short) for steps in made.members]
    names: List[str] = []
    for steps, name in zip(made.members, common):
        if not steps[1:]:
            names.append(full[steps[0]])
        elif not made.is_coarse:
            names.append(f"{name} ×{len(steps):,}")
        elif common.count(name) > 1:  # the name alone would not say which box it is
            names.append(f"{short[steps[0]]} and {len(steps) - 1:,} more")
        else:
            names.append(f"{name} · {len(steps):,} stages" if name else plural(len(steps), "stage"))
    described = {row.step: row for row in rows(plan)}
    nodes = tuple(
        Node(
            name,
            steps,
            not any(plan.critical[step] for step in steps),
            _title(plan, steps, described, outcomes),
            max((outcomes[step][0] for step in steps), key=_WORST.index) if outcomes else None,
        )
        for name, steps in zip(names, made.members)
    )
    note = ""
    if made.is_coarse:
        note = f"{plural(len(plan), 'stage')} in {plural(len(nodes), 'box', 'boxes')}; {UNFOLD}"
    return Picture(nodes, _links(plan, nodes), note)


_WORST = (Outcome.REUSED, Outcome.SUCCEEDED, Outcome.SKIPPED, Outcome.CANCELLED, Outcome.FAILED)


def _stages(plan: Plan, names: Sequence[str], outcomes: Sequence[object]) -> List[Stage]:
    """Return what stages are folded by.

    Equal ones have names that begin with the same word, and the same function; or their names
    differ in numbers only, and they take and return the same types.
    """
    found: List[Stage] = []
    users: Dict[int, int] = {}
    codes = [id(_code(plan.stages[step].fn)) for step in range(len(plan))]
    for code in codes:
        users[code] = users.get(code, 0) + 1
    provides, bindings = plan.provides, plan.bindings
    for step, stage in enumerate(plan.stages):
        parts = ["#" if each.isdecimal() else each for each in words(names[step])]
        kind: Hashable
        if users[codes[step]] > 1:
            kind = (codes[step], *parts[:1])
        else:
            takes = tuple((each.parameter, str(each.key)) for each in bindings[step])
            kind = (tuple(parts), takes, tuple(map(str, provides[step])))
        alike = (kind if parts else step, stage.critical, plan.is_async[step], outcomes[step])
        found.append(Stage(names[step], alike, stage.module))
    return found


def _code(fn: object) -> object:
    """Return what functions that are made anew for each stage have in common."""
    plain = unwrap_partial(fn)
    return getattr(plain, "__code__", plain)


def _common(plan: Plan, steps: Sequence[int], short: Sequence[str]) -> str:
    """Return what the names of the stages in a box have in common, else their module."""
    modules = {plan.stages[step].module for step in steps}
    module = escape_control(modules.pop()) if len(modules) == 1 else ""
    return common_name([short[step] for step in steps]) or module


def _title(
    plan: Plan,
    steps: Sequence[int],
    described: Mapping[int, Row],
    ended: Mapping[int, Ended],
) -> str:
    """Return what is shown of a box where somebody points at it."""
    stages = [plan.stages[step] for step in steps]
    told = {escape_control(stage.description) for stage in stages}
    description = told.pop() if len(told) == 1 else ""
    if not steps[1:]:
        lines = [escape_control(stages[0].id), description]
        lines += [escape_control(ended[step][1]) for step in steps if step in ended]
    else:
        names = [described[step].name for step in steps]
        lines = [f"{plural(len(steps), 'stage')}: {several(names, _LINE)}", description]
        counts: Dict[str, int] = {}
        for step in steps:
            if step in ended:
                word = ended[step][0].value
                counts[word] = counts.get(word, 0) + 1
        lines += [", ".join(f"{count:,} {word}" for word, count in counts.items())]
    shapes = {(described[step].needs, described[step].gives) for step in steps}
    if len(shapes) == 1:
        needs, gives = shapes.pop()
        lines += [f"needs {several(needs, _LINE)}" if needs else ""]
        lines += [f"gives {several(gives, _LINE)}" if gives else ""]
    return "\n".join(filter(None, lines))


def _links(plan: Plan, nodes: Sequence[Node]) -> Tuple[Link, ...]:
    labels = data_labels(plan)
    node_of = {step: number for number, node in enumerate(nodes) for step in node.steps}
    edges: Dict[Tuple[int, int], List[Tuple[str, bool, str]]] = {}
    for edge in plan.edges:
        ends = node_of[edge.before], node_of[edge.after]
        if ends[0] != ends[1]:
            label = labels.get((edge.before, edge.after), "")
            edges.setdefault(ends, []).append((label, edge.kind == ORDER, edge.reason))
    types = {
        ends: list(dict.fromkeys(label for label, _, _ in found if label))
        for ends, found in edges.items()
    }
    drawn = {ends: several(labels, _LABEL) for ends, labels in types.items()}
    same: Dict[Tuple[bool, int, str], int] = {}  # arrows of one label at either side of a box
    for (before, after), label in drawn.items():
        for key in ((False, before, label), (True, after, label)):
            same[key] = same.get(key, 0) + 1
    found: List[Link] = []
    for (before, after), parts in sorted(edges.items()):
        label = drawn[before, after]
        is_told = same[False, before, label] == same[True, after, label] == 1
        reason = escape_control(parts[0][2])
        if len(parts) > 1:
            reason = ": ".join(
                filter(None, (plural(len(parts), "edge"), several(types[before, after], _LINE)))
            )
        title = f"{nodes[before].name} → {nodes[after].name}\n{reason}"
        is_order = all(kind for _, kind, _ in parts)
        found.append(Link(before, after, is_order, label if is_told else "", title))
    return tuple(found)
