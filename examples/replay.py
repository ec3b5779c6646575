"""Replay a task graph with sleeps in place of work, and draw who worked on what, and when.

python -m stagekit run examples.replay                            50 tasks on 4 workers
python -m stagekit run examples.replay -- --workers 8
python -m stagekit run examples.replay -- graphs.json.gz --name stg100-rand0007
"""

from __future__ import annotations

import gzip
import json
from argparse import ArgumentParser
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from time import sleep
from typing import Dict, List

from stagekit import Arguments, Registry, Result, run, stage

SHIPPED = Path(__file__).parent / "data" / "stg50-rand0031.json"


@dataclass(frozen=True)
class Options:
    """What to replay, on how many workers, and how many seconds a unit of work takes."""

    file: Path
    name: str
    workers: int
    unit: float


@dataclass(frozen=True)
class Graph:
    """Tasks with their durations and needs; the shortest makespan known, by number of workers."""

    name: str
    durations: Dict[str, float]
    needs: Dict[str, List[str]]
    optimum: Dict[str, float]


@dataclass(frozen=True)
class Bar:
    """A task as it ran: who worked on it, and from when to when, in seconds."""

    task: str
    worker: str
    start: float
    end: float


@stage
def parse(arguments: Arguments) -> Options:
    """Read the arguments after ``--``."""
    parser = ArgumentParser(prog="python -m stagekit run examples.replay --")
    parser.add_argument("file", nargs="?", type=Path, default=SHIPPED, help=".json or .json.gz")
    parser.add_argument("--name", default="", help="which graph of the file; default: the first")
    parser.add_argument("--workers", type=int, default=4, help="default: 4")
    parser.add_argument("--unit", type=float, default=0.01, help="seconds to sleep for 1 of work")
    return Options(**vars(parser.parse_args(arguments)))


@stage
def read(options: Options) -> Graph:
    """Read one graph from a file of graphs."""
    data = options.file.read_bytes()
    graphs = json.loads(gzip.decompress(data) if options.file.suffix == ".gz" else data)
    graph = next(g for g in graphs if options.name in ("", g["name"]))
    return Graph(
        graph["name"],
        {task["id"]: task["runtime_s"] for task in graph["tasks"]},
        {task["id"]: task["deps"] for task in graph["tasks"]},
        graph.get("optimal_makespan", {}),
    )


@stage
def replay(graph: Graph, options: Options) -> Result:
    """Make a stage of each task, and run them: a run inside a run."""
    registry = Registry()
    for task, duration in graph.durations.items():
        work = partial(pretend, duration * options.unit)
        registry.add(work, id=f"task-{task}", depends_on=[f"task-{t}" for t in graph.needs[task]])
    return run(registry=registry, executor="threads", workers=options.workers)


def pretend(seconds: float) -> None:
    """Sleep in place of work."""
    sleep(seconds)


@stage
def show(graph: Graph, options: Options, result: Result) -> None:
    """Print the Gantt chart, and how much faster this was than one worker."""
    attempts = {task: result.report(f"task-{task}").attempts[0] for task in graph.needs}
    bars = [Bar(task, a.worker, a.start, a.end) for task, a in attempts.items()]
    edges = sum(len(needs) for needs in graph.needs.values())
    wall, work = result.seconds, result.work_seconds
    print(f"{graph.name}: {len(bars)} tasks, {edges} edges, {result.workers} workers\n")
    print(gantt(bars))
    print(f"\n{wall:.2f} s for {work:.2f} s of work: {work / wall:.2f} times as fast as one worker")
    best = graph.optimum.get(str(result.workers))
    if best is not None:
        print(f"no schedule takes less than {best * options.unit:.2f} s")


def gantt(bars: List[Bar], width: int = 64) -> str:
    """Draw a row for each worker; a task is its id, dashes for as long as it took, and a bar."""
    scale = width / max(bar.end for bar in bars)
    rows: Dict[str, str] = {}
    for bar in sorted(bars, key=lambda bar: bar.start):
        row = rows.get(bar.worker, "").ljust(round(bar.start * scale))
        length = max(1, round(bar.end * scale) - len(row))
        rows[bar.worker] = row + f"{bar.task:-<{length}}"[: length - 1] + "|"
    return "\n".join(f"{worker:10} {rows[worker]}" for worker in sorted(rows))


if __name__ == "__main__":
    run()
