"""Cold as users have it: a fresh process, the garbage collector on, one build and one run.

`python -m benchmarks.groups.fresh KIND STAGES` is the process that is measured. It makes the
functions, as importing a module does; then it declares, plans and runs them once, and prints the
seconds of that, and of graphlib and a dict loop on copies of the same functions.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import time
from pathlib import Path
from typing import Callable, Dict, Iterator, List, Tuple

import stagekit
from benchmarks import subject
from benchmarks.baselines import GRAPHLIB
from benchmarks.measurement import Measurement
from benchmarks.settings import Settings
from benchmarks.shapes import chain
from benchmarks.work import Work, fresh, make_work

__all__ = ["measure"]

SMALL, MIDDLE, LARGE = 1_000, 10_000, 100_000
KINDS = ("order", "typed")
ROOT = Path(__file__).resolve().parent.parent.parent


def measure(settings: Settings) -> Iterator[Measurement]:
    """Time a chain in processes of its own, the sizes in turn; and how time grows with size."""
    sizes = [SMALL, MIDDLE] if settings.is_quick else [SMALL, MIDDLE, LARGE]
    for kind in KINDS:
        found: Dict[int, List[Tuple[float, float]]] = {size: [] for size in sizes}
        for number in range(min(settings.rounds, 3)):
            for size in sizes:
                if size < LARGE or not number:
                    found[size].append(_in_a_process(kind, min(size, settings.largest)))
        stage = {size: min(ours for ours, _ in times) / size for size, times in found.items()}
        for size, times in found.items():
            ratio = statistics.median(ours / theirs for ours, theirs in times)
            key = ("fresh process", f"{kind}, chain {size}", "stagekit")
            value = stage[size] * 1e6
            yield Measurement(*key, value, "us/stage", ratio=ratio, rounds=len(times))
        key = ("fresh process", f"{kind}, a stage of {sizes[-1]} / of {SMALL}", "stagekit")
        yield Measurement(*key, stage[sizes[-1]] / stage[SMALL], "x")


def _in_a_process(kind: str, size: int) -> Tuple[float, float]:
    paths = [str(ROOT), os.environ.get("PYTHONPATH", "")]
    printed = subprocess.run(  # noqa: S603 - this very module
        [sys.executable, "-m", "benchmarks.groups.fresh", kind, str(size)],
        check=True,
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, paths))},
    ).stdout
    ours, theirs = map(float, printed.split())
    return ours, theirs


def _make(kind: str, size: int) -> Work:
    """Make the functions: of kind `typed` each asks for a type of its own, by an object."""
    work = make_work(chain(size), passes_values=kind == "typed")
    if kind != "typed":
        return fresh(work)
    types = [type(f"T{node}", (), {}) for node in range(size)]

    def annotations(node: int) -> Dict[str, object]:
        asked: Dict[str, object] = dict.fromkeys(work.before[node], types[node - 1])
        return {**asked, "return": types[node]}

    return fresh(work, annotations)


def _declare_and_run(work: Work) -> None:
    if work.passes_values:
        registry = stagekit.Registry()
        for name, function in zip(work.names, work.functions):
            registry.add(function, id=name)
    else:
        registry = subject.add_all(work)
    stagekit.plan(registry=registry).run(executor="inline")


def _seconds(call: Callable[[Work], object], work: Work) -> float:
    """Return the seconds of processor that a call took."""
    start = time.process_time()
    call(work)
    return time.process_time() - start


def main(kind: str, size: int) -> None:
    """Measure once, in this process."""
    _declare_and_run(_make(kind, 16))  # imports belong to the first run of all
    plain = fresh(make_work(chain(size)))
    work = _make(kind, size)
    theirs = _seconds(lambda made: GRAPHLIB.build(made).run(), plain)
    print(_seconds(_declare_and_run, work), theirs)


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
