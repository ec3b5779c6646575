"""What stagekit costs before and beside the work: imports, `--version`, memory."""

from __future__ import annotations

import gc
import os
import statistics
import subprocess
import sys
import tempfile
import time
import tracemalloc
from pathlib import Path
from typing import Dict, Iterator, List, Mapping, Sequence, Tuple

import stagekit
from benchmarks import subject
from benchmarks.adapter import Adapter
from benchmarks.baselines import GRAPHLIB
from benchmarks.measurement import Measurement
from benchmarks.peers import installed, peer_adapters
from benchmarks.settings import Settings
from benchmarks.shapes import SHAPES
from benchmarks.timing import Sample
from benchmarks.work import Work, make_work

__all__ = ["measure_commands", "measure_import", "measure_memory", "measure_version"]

ROOT = Path(__file__).resolve().parent.parent.parent

FIRST_USE = """\
from stagekit import stage, run

@stage
def one() -> int:
    return 1

assert run(one, executor="inline")[one] == 1
"""

# What a run without hooks must not load, unless the interpreter itself did.
NOT_LOADED = (
    "asyncio concurrent.futures multiprocessing importlib.metadata logging json pickle argparse "
    "click rich sqlite3 loguru"
)
BEFORE = "import sys\nbefore = set(sys.modules)\n"
AFTER = f"\nprint(*sorted(set({NOT_LOADED!r}.split()) & (set(sys.modules) - before)))\n"


def measure_import(settings: Settings) -> Iterator[Measurement]:
    """Time `from stagekit import stage, run` and one run, over an empty script.

    `import dataclasses`, timed in the same rounds, says what kind of day the machine has.
    """
    peers = installed() if settings.peers else ()
    with tempfile.TemporaryDirectory() as folder:
        bare = {"bare python": _script(folder, "bare", "")}
        ours = {**bare, "stagekit": _script(folder, "stagekit", FIRST_USE)}
        ours["import dataclasses"] = _script(folder, "dataclasses_alone", "import dataclasses\n")
        theirs = {
            peer.distribution: _script(folder, peer.distribution, f"import {peer.imports}\n")
            for peer in peers
        }
        seconds = _time_processes(ours, settings.processes)
        for_peers = _time_processes({**bare, **theirs}, settings.processes // 4 if theirs else 0)
        loaded = subprocess.run(  # noqa: S603 - our own script
            _script(folder, "loaded", BEFORE + FIRST_USE + AFTER),
            check=True,
            capture_output=True,
            text=True,
            env=_environment(),
        ).stdout.split()
    yield Measurement(
        "import", "whole process", "bare python", _median_ms(seconds["bare python"]), "ms"
    )
    yield from _over_bare(seconds)
    yield from _over_bare(for_peers)
    key = ("import", "modules that must not load", "stagekit")
    error = f"loads {' '.join(loaded)}" if loaded else None
    yield Measurement(*key, value=float(len(loaded)), unit="modules", error=error)


def _over_bare(seconds: Mapping[str, List[float]]) -> Iterator[Measurement]:
    """The median of the differences to the empty script of the same round."""
    bare = seconds["bare python"]
    over = {
        name: [value - base for value, base in zip(values, bare)]
        for name, values in seconds.items()
        if name != "bare python"
    }
    day = over.get("import dataclasses")
    for name, values in over.items():
        ratio = statistics.median(values) / statistics.median(day) if day else None
        key = ("import", "over bare python", name)
        yield Measurement(*key, _median_ms(values), "ms", ratio=ratio, rounds=len(values))


def _median_ms(seconds: Sequence[float]) -> float:
    return statistics.median(seconds) * 1e3


def measure_version(settings: Settings) -> Iterator[Measurement]:
    """Time `stagekit --version`, the whole process, beside a bare interpreter."""
    commands = {"stagekit": [*_stagekit(), "--version"], "bare python": [sys.executable, "-c", ""]}
    seconds = _time_processes(commands, settings.processes)
    base = Sample(tuple(seconds["bare python"]))
    for name, values in seconds.items():
        yield Measurement.of(
            ("version", "--version", name),
            Sample(tuple(values)),
            unit="ms",
            scale=1e3,
            base=base,
            statistic="median",
        )


FLOW = """\
from stagekit import stage

@stage
def one() -> int:
    return 1

@stage
def two(number: int) -> str:
    return str(number)

@stage
def three(text: str) -> bytes:
    return text.encode()
"""


def measure_commands(settings: Settings) -> Iterator[Measurement]:
    """Time whole processes: `stagekit run` of three stages, `list`, and the import of click."""
    with tempfile.TemporaryDirectory() as folder:
        flow = Path(folder) / "flow.py"
        flow.write_text(FLOW, encoding="utf-8")
        base = "import click"
        commands = {
            base: [sys.executable, "-c", base],
            "run": [*_stagekit(), "run", str(flow)],
            "list": [*_stagekit(), "list", str(flow)],
        }
        seconds = _time_processes(commands, settings.processes)
    for name, values in seconds.items():
        pairs = zip(values, seconds[base])
        yield Measurement(
            *("command", "three stages", name),
            value=_median_ms(values),
            unit="ms",
            ratio=statistics.median(ours / theirs for ours, theirs in pairs),
            rounds=len(values),
        )


def _stagekit() -> List[str]:
    script = Path(sys.executable).with_name("stagekit")
    return [str(script)] if script.exists() else [sys.executable, "-m", "stagekit"]


def _script(folder: str, name: str, text: str) -> List[str]:
    path = Path(folder) / f"{name.replace(' ', '_').replace('-', '_')}_script.py"
    path.write_text(text, encoding="utf-8")
    return [sys.executable, str(path)]


def _environment() -> Dict[str, str]:
    """Let a script find this checkout where it is not installed, and write its byte code."""
    environment = {key: value for key, value in os.environ.items() if key != "PYTHONHASHSEED"}
    environment.pop("PYTHONDONTWRITEBYTECODE", None)
    paths = [str(ROOT), environment.get("PYTHONPATH", "")]
    environment["PYTHONPATH"] = os.pathsep.join(path for path in paths if path)
    return environment


def _time_processes(commands: Mapping[str, List[str]], rounds: int) -> Dict[str, List[float]]:
    """Time whole processes in turn; the first round, which fills caches, does not count."""
    environment = _environment()
    seconds: Dict[str, List[float]] = {name: [] for name in commands}
    for number in range(rounds + 1):
        for name, command in commands.items():
            start = time.perf_counter()
            subprocess.run(  # noqa: S603 - our own scripts
                command,
                check=True,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                env=environment,
            )
            if number:
                seconds[name].append(time.perf_counter() - start)
    return seconds


def measure_memory(settings: Settings) -> Iterator[Measurement]:
    """Bytes that stay allocated for registry and plan, and for one result, a stage."""
    kinds = ("order edges only",) if settings.is_quick else ("order edges only", "values")
    for shape in SHAPES:
        for kind in kinds:
            work = make_work(SHAPES[shape](settings.many), passes_values=kind == "values")
            case = f"{shape} {settings.many}, {kind}"
            yield from _memory_of_stagekit(work, case)
    if settings.is_quick:
        return
    work = make_work(SHAPES["layered"](1_000))
    adapters: Tuple[Adapter, ...] = (GRAPHLIB, subject.adapters(settings.workers)["sync"])
    adapters += peer_adapters("sync") if settings.peers else ()
    for adapter in adapters:
        yield _memory_of_peer(adapter, work)


def _memory_of_stagekit(work: Work, case: str) -> Iterator[Measurement]:
    prepared = subject.annotate(work)
    _warm_up()
    tracemalloc.start()
    try:
        before = _allocated()
        registry = subject.add_all(prepared)
        registered = _allocated()
        plan = stagekit.plan(registry=registry)
        planned = _allocated()
        first = plan.run(executor="inline")
        first_ran = _allocated()
        second = plan.run(executor="inline")
        ran = _allocated()
    finally:
        tracemalloc.stop()
    assert first.ok  # keeps what was measured alive until here
    assert second.ok
    one_run = ran - first_ran
    kept = first_ran - planned - one_run  # what the first run leaves in the plan
    parts = {
        "registry": registered - before,
        "plan": planned - registered + kept,
        "registry and plan": planned - before + kept,
        "one run": one_run,
        "together": planned - before + kept + one_run,
    }
    for name, size in parts.items():
        yield Measurement("memory", case, name, size / work.shape.size, "B/stage")


def _memory_of_peer(adapter: Adapter, work: Work) -> Measurement:
    key = ("memory, build and one run", "layered 1000", adapter.name)
    adapter.build(adapter.prepare(work)).run()  # imports are not counted
    prepared = adapter.prepare(work)
    tracemalloc.start()
    try:
        before = _allocated()
        built = adapter.build(prepared)
        product = built.run()
        size = _allocated() - before
    except Exception as error:  # noqa: BLE001 - a peer that fails is a result
        return Measurement(*key, value=None, unit="B/stage", error=type(error).__name__)
    finally:
        tracemalloc.stop()
    del product
    return Measurement(*key, value=size / work.shape.size, unit="B/stage")


def _warm_up() -> None:
    """Load what the first plan and run import, which is no memory of a stage."""
    for passes_values in (True, False):
        work = subject.annotate(make_work(SHAPES["layered"](16), passes_values=passes_values))
        stagekit.plan(registry=subject.add_all(work)).run(executor="inline")


def _allocated() -> int:
    gc.collect()
    return tracemalloc.get_traced_memory()[0]
