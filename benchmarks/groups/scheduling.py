"""Quality of the schedule: simulated makespans of real task graphs, against their optima."""

from __future__ import annotations

import gzip
import heapq
import json
import statistics
from dataclasses import dataclass
from graphlib import TopologicalSorter
from pathlib import Path
from typing import Any, Dict, Iterator, List, Mapping, Sequence, Tuple

import stagekit
from benchmarks.measurement import Measurement
from benchmarks.settings import Settings

__all__ = ["measure", "read_graphs"]

WORKERS = (2, 4, 8, 16)


@dataclass(frozen=True)
class TaskGraph:
    """A real task graph: durations, dependencies, and what is proven of its makespans."""

    name: str
    ids: Tuple[str, ...]
    parents: Tuple[Tuple[str, ...], ...]
    seconds: Mapping[str, float]
    optimum: Mapping[int, float]

    def least(self, workers: int) -> float | None:
        """Return the proven optimum, or a lower bound where no optimum was ever published.

        `None` where the optimum for so many workers is an open problem.
        """
        if self.optimum:
            return self.optimum.get(workers)
        ends: Dict[str, float] = {}
        for name in _in_order(self):
            parents = self.parents[self.ids.index(name)]
            ends[name] = self.seconds[name] + max((ends[one] for one in parents), default=0.0)
        return max(*ends.values(), sum(self.seconds.values()) / workers)


def measure(settings: Settings) -> Iterator[Measurement]:
    """Simulate every graph of the folder on 2 to 16 workers, by five rules."""
    if settings.workloads is None:
        error = "no workloads: say --workloads DIR or set STAGEKIT_WORKLOADS"
        yield Measurement("schedule", "STG", "stagekit", None, "x", error=error)
        return
    graphs = read_graphs(settings.workloads / "stg_sample.json.gz")
    fifty = [graph for graph in graphs if len(graph.ids) <= 52]
    yield from _family("STG of 50", fifty)
    yield from _family("STG, all", graphs)
    traces = settings.workloads / "wf_sample.json.gz"
    if traces.is_file():
        yield from _family("workflow traces", read_graphs(traces))


def _family(name: str, graphs: Sequence[TaskGraph]) -> Iterator[Measurement]:
    """Yield the mean makespan over optimum (or proven lower bound) for each rule."""
    plans = [_plan(graph) for graph in graphs]
    for workers in WORKERS:
        ratios: Dict[str, List[float]] = {}
        for graph, plan in zip(graphs, plans):
            least = graph.least(workers)
            if least:
                for rule, makespan in _makespans(graph, plan, workers):
                    ratios.setdefault(rule, []).append(makespan / least)
        for rule, values in ratios.items():
            mean = statistics.mean(values)
            case = f"{name}, W={workers}"
            yield Measurement("schedule", case, rule, mean, "x optimum", rounds=len(values))


def _makespans(graph: TaskGraph, plan: stagekit.Plan, workers: int) -> Iterator[Tuple[str, float]]:
    from stagekit.testing import simulate  # its strategies may bring hypothesis

    seconds = graph.seconds
    yield "stagekit", simulate(plan, seconds, workers).makespan
    yield "stagekit, no durations", simulate(plan, seconds, workers, estimates={}).makespan
    yield "first ready first run", _first_ready(graph, workers)
    yield "barrier between levels", _by_level(graph, workers)


def _plan(graph: TaskGraph) -> stagekit.Plan:
    registry = stagekit.Registry()
    for name, parents in zip(graph.ids, graph.parents):
        registry.add(_nothing, id=name, depends_on=parents)
    return stagekit.plan(registry=registry)


def _nothing() -> None:
    """Stand for a task: only its duration is simulated."""


def _first_ready(graph: TaskGraph, workers: int) -> float:
    """List scheduling without priorities: ready tasks start in the order they became ready."""
    index = {name: i for i, name in enumerate(graph.ids)}
    missing = [len(parents) for parents in graph.parents]
    children: List[List[int]] = [[] for _ in graph.ids]
    for i, parents in enumerate(graph.parents):
        for parent in parents:
            children[index[parent]].append(i)
    ready = [i for i, count in enumerate(missing) if not count]
    running: List[Tuple[float, int]] = []
    now = 0.0
    while ready or running:
        while ready and len(running) < workers:
            task = ready.pop(0)
            heapq.heappush(running, (now + graph.seconds[graph.ids[task]], task))
        now, task = heapq.heappop(running)
        for child in children[task]:
            missing[child] -= 1
            if not missing[child]:
                ready.append(child)
    return now


def _by_level(graph: TaskGraph, workers: int) -> float:
    """Generations one after another, each on all workers, first come first served."""
    before = dict(zip(graph.ids, graph.parents))
    depth: Dict[str, int] = {}
    for name in _in_order(graph):
        depth[name] = max((depth[parent] + 1 for parent in before[name]), default=0)
    total = 0.0
    for level in range(max(depth.values(), default=-1) + 1):
        free = [0.0] * workers
        for name in graph.ids:
            if depth[name] == level:
                heapq.heapreplace(free, free[0] + graph.seconds[name])
        total += max(free)
    return total


def _in_order(graph: TaskGraph) -> Tuple[str, ...]:
    return tuple(TopologicalSorter(dict(zip(graph.ids, graph.parents))).static_order())


def read_graphs(path: Path) -> Tuple[TaskGraph, ...]:
    """Read the graphs of a workload file; tasks are renamed `t0`, `t1`, … in file order."""
    with gzip.open(path, "rt", encoding="utf-8") as file:
        documents: List[Dict[str, Any]] = json.load(file)  # Any: JSON
    return tuple(map(_graph, documents))


def _graph(document: Mapping[str, Any]) -> TaskGraph:  # Any: JSON
    tasks: List[Dict[str, Any]] = document["tasks"]
    ids = {str(task["id"]): f"t{i}" for i, task in enumerate(tasks)}
    optimum: Dict[str, float] = document.get("optimal_makespan") or {}
    return TaskGraph(
        name=str(document["name"]),
        ids=tuple(ids.values()),
        parents=tuple(
            tuple(dict.fromkeys(ids[str(parent)] for parent in task["deps"])) for task in tasks
        ),
        seconds={ids[str(task["id"])]: float(task["runtime_s"]) for task in tasks},
        optimum={int(workers): float(value) for workers, value in optimum.items()},
    )
