"""A selection of resolved stages: which are meant, and what they lose with the others."""

from __future__ import annotations

from typing import Dict, List, Sequence, Set, Tuple

from stagekit._base.problem import Code, Problem
from stagekit._base.text import did_you_mean, escape_control
from stagekit._plan.problems import left_out
from stagekit._plan.resolve import Resolver
from stagekit._plan.select import TAG, Atom, Graph, atoms_of, is_pattern, select
from stagekit._plan.wiring import Wiring, order_of, stages_in

TYPE_CHECKING = False
if TYPE_CHECKING:
    from stagekit._plan.wiring import Source

_MOST_NAMED = 5


def selected(
    resolver: Resolver,
    places: Sequence[int],
    include: Sequence[str],
    exclude: Sequence[str],
    general: List[Problem],
) -> Tuple[List[int], Tuple[Problem, ...]]:
    """Return which of the resolved stages are meant, and warnings; cut what they need of others."""
    number = {place: n for n, place in enumerate(places)}
    parents = [
        tuple(sorted(number[p] for p in resolver.stages_of(place) if p in number))
        for place in places
    ]
    children: List[List[int]] = [[] for _ in places]
    for child, above in enumerate(parents):
        for parent in above:
            children[parent].append(child)
    stages = [resolver.stages[place] for place in places]
    graph = Graph(
        tuple(stage.id for stage in stages),
        tuple(stage.tags for stage in stages),
        tuple(parents),
        tuple(map(tuple, children)),
    )
    chosen, wrong = select(graph, include, exclude)
    general += wrong
    kept = [places[n] for n in chosen]
    inside = set(kept)
    for place in kept:
        _cut(resolver, place, inside)
    return kept, _unknown_tags(graph, include, exclude)


def _cut(resolver: Resolver, place: int, inside: Set[int]) -> None:
    """Take what a selection leaves out from the wiring of one stage; report needed values."""
    wiring, stage = resolver.wirings[place], resolver.stages[place]
    order = tuple(p for p in order_of(wiring) if p in inside)
    if place in resolver.undos:
        from stagekit._plan.compensation import cut_undo

        cut_undo(resolver, place, inside)
    if not isinstance(wiring, Wiring):
        resolver.wirings[place] = order
        return
    parameters = resolver.readings[place].parameters or ()
    sources: List[Source] = []
    for number, source in enumerate(wiring.sources):
        lost = [p for p in stages_in(source) if p not in inside and p not in resolver.constants]
        if lost and number in wiring.instead:
            slot = wiring.instead[number]
            resolver.used.add(slot.key)
            source = slot  # noqa: PLW2901
        elif lost:
            problem = left_out(stage, parameters[number], resolver.stages[lost[0]])
            resolver.report(place, problem)
        sources.append(source)
    resolver.wirings[place] = Wiring(order, tuple(sources), wiring.soft, wiring.instead)


def _unknown_tags(
    graph: Graph, include: Sequence[str], exclude: Sequence[str]
) -> Tuple[Problem, ...]:
    """Return a warning for each tag that is written out and that no stage carries.

    Of what is left out only where another tag is near: no stage may carry what is never wanted.
    """
    known = tuple(dict.fromkeys(tag for own in graph.tags for tag in own))
    found: Dict[Problem, None] = {}
    for texts, is_wanted in ((include, True), (exclude, False)):
        for atom in atoms_of(texts):
            tag = atom.value[len(TAG) :]
            if not atom.value.startswith(TAG) or is_pattern(tag) or tag in known:
                continue
            near = did_you_mean(tag, known)
            if near or is_wanted:
                found[_unknown_tag(atom, near, known)] = None
    return tuple(found)


def _unknown_tag(atom: Atom, near: Sequence[str], known: Sequence[str]) -> Problem:
    notes = [f"did you mean {' or '.join(f'`{TAG}{escape_control(tag)}`' for tag in near)}?"]
    if not near:
        shown = [f"`{escape_control(tag)}`" for tag in known[:_MOST_NAMED]]
        more = f" and {len(known) - _MOST_NAMED:,} more" if len(known) > _MOST_NAMED else ""
        notes = [f"there is: {', '.join(shown) or 'no tag at all'}{more}"]
    return Problem(
        Code.UNKNOWN_TAG,
        f"the selection `{atom.spelt(atom.value)}` means no stage: none of this target has that "
        "tag",
        notes=tuple(notes),
        fixes=tuple(atom.spelt(TAG + tag) for tag in near),
    )
