"""How good schedules are, on the Standard Task Graph Set, whose optimal makespans are known.

Source, form and licence of the data: ``tests/data/README.md``. Where an optimum is open its lower
bound stands in, which makes the ratios larger than they are.
"""

from __future__ import annotations

import gzip
import json
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from statistics import mean
from typing import Any, Dict, Mapping, Optional, Tuple

import pytest

from stagekit import Plan, Registry, plan
from stagekit.testing import simulate

MOST_BOXES, MOST_ARROWS = 60, 240
DATA = Path(__file__).resolve().parent.parent / "data" / "stg_sample.json.gz"
NOTHING: Mapping[str, float] = {}


@dataclass(frozen=True)
class Graph:
    """One graph of the set, planned."""

    plan: Plan
    durations: Mapping[str, float]
    optimum: Mapping[int, float]


def nothing() -> None:
    """Stand for a task: only the clock knows how long it takes."""


@lru_cache(maxsize=None)
def graphs() -> Tuple[Graph, ...]:
    """Return every graph of the sample."""
    with gzip.open(DATA, "rt", encoding="utf-8") as file:
        return tuple(planned(each) for each in json.load(file))


def planned(graph: Dict[str, Any]) -> Graph:  # Any: JSON, described in tests/data/README.md
    """Return one graph of the file as a plan."""
    registry = Registry()
    durations: Dict[str, float] = {}
    for task in graph["tasks"]:
        before = [f"t{each}" for each in task["deps"]]
        durations[registry.add(nothing, id=f"t{task['id']}", depends_on=before).id] = task[
            "runtime_s"
        ]
    known = {int(workers): seconds for workers, seconds in graph["optimal_makespan"].items()}
    lower = {int(workers): low for workers, (low, _) in graph.get("bounds", {}).items()}
    return Graph(plan(registry=registry), durations, {**lower, **known})


def ratio(workers: int, estimates: Optional[Mapping[str, float]], size: Optional[int]) -> float:
    """Return mean makespan / optimum over the graphs of one size, or over all."""
    return mean(
        simulate(graph.plan, graph.durations, workers, estimates=estimates).makespan
        / graph.optimum[workers]
        for graph in graphs()
        if size is None or len(graph.plan) == size
    )


@pytest.mark.parametrize(("workers", "most"), [(2, 1.005), (4, 1.010), (8, 1.008), (16, 1.000)])
def test_known_durations_give_nearly_optimal_schedules_of_50_tasks(
    workers: int, most: float
) -> None:
    """By longest remaining path, graphs of 50 tasks take hardly longer than the optimum."""
    assert most >= ratio(workers, None, 50)


def test_known_durations_give_nearly_optimal_schedules_of_the_whole_sample() -> None:
    """With four workers, all graphs take at most one percent longer than the optimum."""
    assert ratio(4, None, None) <= 1.01


@pytest.mark.parametrize(("workers", "most"), [(4, 1.040), (8, 1.035)])
def test_structure_alone_gives_good_schedules_of_50_tasks(workers: int, most: float) -> None:
    """Where no duration is known, what follows a stage decides, and comes close to the optimum."""
    assert most >= ratio(workers, NOTHING, 50)


def test_structure_alone_gives_good_schedules_of_the_whole_sample() -> None:
    """With four workers and no duration known, schedules are within 3.5 % of the optimum."""
    assert ratio(4, NOTHING, None) <= 1.035


def test_no_schedule_beats_the_optimum() -> None:
    """The simulation obeys edges and workers: what is proven to be the least time stays it."""
    assert [] == [
        (len(graph.plan), workers)
        for graph in graphs()
        for workers, least in graph.optimum.items()
        if simulate(graph.plan, graph.durations, workers).makespan < least
    ]


def test_every_graph_has_a_picture_that_can_be_looked_at() -> None:
    """Those of 50 tasks are drawn as they are, larger ones in few boxes that stand for all."""
    for graph in graphs():
        drawn = graph.plan.to_svg()
        boxes = drawn.count('class="box"')
        assert 0 < boxes <= MOST_BOXES
        assert drawn.count('class="edge"') <= MOST_ARROWS
        is_folded = f"{len(graph.plan)} stages in {boxes} boxes; " in drawn
        assert is_folded or "×" in drawn or boxes == len(graph.plan)
        assert not is_folded or len(graph.plan) > MOST_BOXES or len(graph.plan.edges) > MOST_ARROWS
