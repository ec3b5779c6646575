"""How graphs, registries and orders are drawn. The only module that imports hypothesis."""

from __future__ import annotations

from heapq import heapify, heappop, heappush
from typing import Callable, Dict, List, Tuple

from hypothesis import strategies as st
from hypothesis.strategies import DrawFn, SearchStrategy

from stagekit._declare.registry import Registry
from stagekit._plan.plan import Plan
from stagekit.testing.dag import Dag
from stagekit.testing.functions import MAX_PARAMETERS, Recipe, declare_all

__all__ = ["dags", "legal_orders", "registries"]

Parents = List[Tuple[int, ...]]
MOST_PARENTS = 3


def dags(min_size: int, max_size: int, shapes: Tuple[str, ...]) -> SearchStrategy[Dag]:
    """Draw a graph of one of the shapes."""
    sizes = st.integers(min_size, max_size)
    return st.one_of([sizes.flatmap(_SHAPES[shape]) for shape in shapes]).map(
        lambda parents: Dag(tuple(parents))
    )


def _chain(size: int) -> SearchStrategy[Parents]:
    return st.just([(node - 1,) if node else () for node in range(size)])


def _wide(size: int) -> SearchStrategy[Parents]:
    fan_out: Parents = [(0,) if node else () for node in range(size)]
    fan_in: Parents = [() for _ in range(size - 1)]
    fan_in.append(tuple(range(size - 1)))
    return st.sampled_from([fan_out, fan_in])


@st.composite
def _diamond(draw: DrawFn, size: int) -> Parents:
    width = draw(st.integers(1, max(1, size - 2)))
    found: Parents = []
    while len(found) < size:
        place = len(found) % (width + 1)
        last = len(found) - 1
        found.append(
            tuple(range(last - width + 1, last + 1))
            if found and not place
            else (last - place + 1,)
            if found
            else ()
        )
    return found


@st.composite
def _layered(draw: DrawFn, size: int) -> Parents:
    width = draw(st.integers(1, size))
    found: Parents = []
    for node in range(size):
        first = node - node % width
        before = max(0, first - width)
        chosen = _some(draw, before, first, MOST_PARENTS) if before < first else ()
        found.append(chosen or tuple(range(before, first))[:1])
    return found


@st.composite
def _random(draw: DrawFn, size: int) -> Parents:
    return [_some(draw, 0, node, MOST_PARENTS) for node in range(size)]


def _some(draw: DrawFn, first: int, end: int, most: int) -> Tuple[int, ...]:
    """Draw up to *most* numbers of a range, ascending; shrinks towards none."""
    choices = st.integers(0, end - first)  # 0 is none; sets of integers take ten times as long
    chosen = {draw(choices) for _ in range(min(most, end - first))}
    return tuple(first + each - 1 for each in sorted(chosen) if each)


_SHAPES: Dict[str, Callable[[int], SearchStrategy[Parents]]] = {
    "chain": _chain,
    "wide": _wide,
    "diamond": _diamond,
    "layered": _layered,
    "random": _random,
}


@st.composite
def registries(
    draw: DrawFn, graphs: SearchStrategy[Dag], *, is_async: bool, may_fail: bool
) -> Registry:
    """Draw a registry of functions that are wired like a graph."""
    dag = draw(graphs)
    recipes = [
        _recipe(draw, node, above, (is_async, may_fail)) for node, above in enumerate(dag.parents)
    ]
    return declare_all(recipes, draw(st.permutations(range(dag.n))))


def _recipe(draw: DrawFn, node: int, above: Tuple[int, ...], allowed: Tuple[bool, bool]) -> Recipe:
    """Draw what one stage is like; it shrinks towards plain functions and data edges."""
    is_async, may_fail = allowed
    order_only = draw(st.integers(0, 2 ** len(above) - 1))  # a bit for each of its parents
    passed = [parent for bit, parent in enumerate(above) if not order_only >> bit & 1]
    data = tuple(passed[:MAX_PARAMETERS])
    traits = draw(st.integers(0, 31))
    return Recipe(
        number=node,
        data=data,
        order=tuple(parent for parent in above if parent not in data),
        is_class=bool(traits & 1),
        is_async=is_async and bool(traits & 2),
        priority=(0, 0, 0, 0, 0, 1, 1, 2)[traits >> 2],
        fails=may_fail and draw(st.integers(0, 3)) == 1,
        is_critical=not may_fail or draw(st.integers(0, 2)) != 1,
    )


def legal_orders(plan: Plan) -> SearchStrategy[Tuple[str, ...]]:
    """Draw a permutation, and let it choose among the steps that may come next.

    A failing example then prints as the tuple of ids that a test was passed.
    """
    return _legal_order(plan)


@st.composite
def _legal_order(draw: st.DrawFn, plan: Plan) -> Tuple[str, ...]:
    return _sorted(plan, draw(st.permutations(range(len(plan)))))


def _sorted(plan: Plan, rank: List[int]) -> Tuple[str, ...]:
    left = list(plan.indegree)
    ready = [(rank[step], step) for step, waits_for in enumerate(left) if not waits_for]
    heapify(ready)
    found: List[str] = []
    while ready:
        _, step = heappop(ready)
        found.append(plan.order[step])
        for child in plan.children[step]:
            left[child] -= 1
            if not left[child]:
                heappush(ready, (rank[child], child))
    return tuple(found)
