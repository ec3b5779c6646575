"""What every picture of a plan shows: boxes and arrows with their texts, stages folded or not."""

from __future__ import annotations

from typing import Dict, Hashable, List, Mapping, NamedTuple, Optional, Sequence, Tuple

from stagekit._base.outcome import Outcome
from stagekit._base.text import escape_control, plural, short_name
from stagekit._declare.callables import unwrap_partial
from stagekit._plan.plan import Plan
from stagekit._plan.slots import ORDER
from stagekit._render.facts import Row, called, data_labels, rows, several
from stagekit._render.folding import Folded, Stage, common_name, folded, unfolded, words

UNFOLD = "--unfold, or fold=False, draws each stage"
_LINE = 100  # characters, of what is shown where somebody points


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
    names = called(plan)
    outcomes = ended or {}
    made = unfolded(plan.parents)
    if fold:
        outcome = [
            None if each is None else each[0] for each in map(outcomes.get, range(len(plan)))
        ]
        made = folded(plan.parents, _stages(plan, names, outcome))
    described = {row.step: row for row in rows(plan)}
    nodes = tuple(
        _node(plan, steps, [names[step] for step in steps], described, outcomes, made)
        for steps in made.members
    )
    note = ""
    if made.is_coarse:
        note = f"{plural(len(plan), 'stage')} in {plural(len(nodes), 'box', 'boxes')}; {UNFOLD}"
    return Picture(nodes, _links(plan, nodes), note)


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
        parts = ["#" if each.isdecimal() else each for each in words(short_name(names[step]))]
        kind: Hashable
        if users[codes[step]] > 1:
            kind = (codes[step], *parts[:1])
        else:
            takes = tuple((each.parameter, str(each.key)) for each in bindings[step])
            kind = (tuple(parts), takes, tuple(map(str, provides[step])))
        alike = (kind if parts else step, stage.critical, plan.is_async[step], outcomes[step])
        found.append(Stage(short_name(names[step]), alike, stage.module))
    return found


def _code(fn: object) -> object:
    """Return what functions that are made anew for each stage have in common."""
    plain = unwrap_partial(fn)
    return getattr(plain, "__code__", plain)


def _node(
    plan: Plan,
    steps: Tuple[int, ...],
    names: Sequence[str],
    described: Mapping[int, Row],
    ended: Mapping[int, Ended],
    made: Folded,
) -> Node:
    is_optional = not any(plan.critical[step] for step in steps)
    stages = [plan.stages[step] for step in steps]
    row = described[steps[0]]
    ends = [ended[step] for step in steps if step in ended]
    outcome = max((each[0] for each in ends), key=_WORST.index) if ends else None
    if not names[1:]:
        description = escape_control(stages[0].description)
        lines = [
            escape_control(stages[0].id),
            description,
            *(escape_control(text) for _, text in ends),
        ]
        name = names[0]
    else:
        modules = {stage.module for stage in stages}
        common = common_name([short_name(each) for each in names])
        common = common or (escape_control(modules.pop()) if len(modules) == 1 else "")
        is_equal = not made.is_coarse
        name = f"{common} ×{len(names):,}" if is_equal else f"{common} · {len(names):,} stages"
        name = name if common else plural(len(names), "stage")
        descriptions = {escape_control(stage.description) for stage in stages}
        same = descriptions.pop() if len(descriptions) == 1 else ""
        lines = [f"{plural(len(names), 'stage')}: {several(names, _LINE)}", same]
        counts: Dict[str, int] = {}
        for each, _ in ends:
            counts[each.value] = counts.get(each.value, 0) + 1
        lines += [", ".join(f"{count:,} {word}" for word, count in counts.items())]
    shapes = {(described[step].needs, described[step].gives) for step in steps}
    if len(shapes) == 1:
        lines += [f"needs {several(row.needs, _LINE)}" if row.needs else ""]
        lines += [f"gives {several(row.gives, _LINE)}" if row.gives else ""]
    return Node(name, steps, is_optional, "\n".join(filter(None, lines)), outcome)


_WORST = (Outcome.REUSED, Outcome.SUCCEEDED, Outcome.SKIPPED, Outcome.CANCELLED, Outcome.FAILED)


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
        ends: several(list(dict.fromkeys(label for label, _, _ in found if label)), _LINE)
        for ends, found in edges.items()
    }
    same: Dict[Tuple[bool, int, str], int] = {}  # arrows of one label at either side of a box
    for (before, after), label in types.items():
        for key in ((False, before, label), (True, after, label)):
            same[key] = same.get(key, 0) + 1
    found: List[Link] = []
    for (before, after), parts in sorted(edges.items()):
        label = types[before, after]
        is_told = same[False, before, label] == same[True, after, label] == 1
        reason = escape_control(parts[0][2])
        if len(parts) > 1:
            reason = f"{plural(len(parts), 'edge')}{f': {label}' if label else ''}"
        title = f"{nodes[before].name} → {nodes[after].name}\n{reason}"
        is_order = all(kind for _, kind, _ in parts)
        found.append(Link(before, after, is_order, label if is_told else "", title))
    return tuple(found)
