"""The command line: `python -m benchmarks --help`."""

from __future__ import annotations

import argparse
import sys
import time
import traceback
from dataclasses import replace
from pathlib import Path
from typing import Callable, Iterable, Iterator, List, Mapping, Optional, Sequence

from benchmarks.budgets import compared, read_budgets, write_budgets
from benchmarks.compare import compare
from benchmarks.groups import (
    cancel,
    everyday,
    footprint,
    fresh,
    growth,
    mixed,
    overhead,
    parallel,
    planning,
    processes,
    scheduling,
    typed,
    walk,
)
from benchmarks.limits import judge
from benchmarks.measurement import (
    Measurement,
    Record,
    describe_machine,
    installed_versions,
    read_record,
    write_record,
)
from benchmarks.report import (
    budget_table,
    group_tables,
    limit_table,
    machine_line,
    performance_page,
)
from benchmarks.settings import QUICK, Settings, default_workloads

__all__ = ["GROUPS", "main", "run_groups"]

GROUPS: Mapping[str, Callable[[Settings], Iterable[Measurement]]] = {
    "warm": overhead.measure_warm,
    "cold": overhead.measure_cold,
    "growth": growth.measure,
    "typed": typed.measure,
    "debian": planning.measure_debian,
    "deep": planning.measure_deep,
    "import": footprint.measure_import,
    "version": footprint.measure_version,
    "memory": footprint.measure_memory,
    "threads": parallel.measure_threads,
    "asyncio": parallel.measure_asyncio,
    "mixed": mixed.measure,
    "cancel": cancel.measure,
    "processes": processes.measure,
    "everyday": everyday.measure,
    "walk": walk.measure,
    "fresh": fresh.measure,
    "command": footprint.measure_commands,
    "schedule": scheduling.measure,
}

FAILED = "the whole group"
TINY_LARGEST = 100


def main(arguments: Optional[Sequence[str]] = None) -> int:
    """Run the command; return 1 where a group failed, or with `--check` a gate or a budget."""
    parser = _parser()
    options = parser.parse_args(arguments)
    if options.compare is not None:
        before, after = map(read_record, options.compare)
        print(compare(before, after))
        return 0
    unknown = [name for name in options.groups if name not in GROUPS]
    if unknown:
        parser.error(f"unknown group {unknown[0]!r}: choose from {', '.join(GROUPS)}")
    settings = _settings(options)
    names = options.groups or list(GROUPS)
    measured = run_groups(names, settings)
    chosen = {"groups": names, "quick": options.quick, "sizes": list(settings.sizes)}
    record = Record(tuple(measured), describe_machine(chosen), installed_versions())
    if options.json is not None:
        write_record(record, options.json)
    if options.keep_budgets is not None:
        write_budgets(record, options.keep_budgets)
    budgets = read_budgets()
    _print(record, budgets, markdown=options.markdown)
    if any(one.case == FAILED for one in measured):
        return 1
    passed = all(verdict.is_passed for verdict in judge(record))
    kept = all(one.is_kept for one in compared(record, budgets))
    return 1 if options.check and not (passed and kept) else 0


def run_groups(names: Sequence[str], settings: Settings) -> List[Measurement]:
    """Measure groups one after another, telling on standard error where it is."""
    measured: List[Measurement] = []
    for name in names:
        start = time.perf_counter()
        print(f"{name} ...", end=" ", file=sys.stderr, flush=True)
        measured.extend(_measure_group(name, settings))
        print(f"{time.perf_counter() - start:.0f} s", file=sys.stderr, flush=True)
    return measured


def _measure_group(name: str, settings: Settings) -> Iterator[Measurement]:
    """Measure a group; one that fails is a measurement too, and does not end the run."""
    try:
        yield from GROUPS[name](settings)
    except Exception as error:  # noqa: BLE001 - what was measured before must not be lost
        traceback.print_exc()
        text = f"{type(error).__name__}: {error}".splitlines()[0]
        yield Measurement(name, FAILED, "stagekit", None, "", error=text)


def _print(record: Record, budgets: Mapping[str, float], *, markdown: bool) -> None:
    if markdown:
        print(performance_page(record, budgets))
        return
    print(machine_line(record), group_tables(record), sep="\n\n", end="\n\n")
    print(limit_table(record), budget_table(record, budgets), sep="\n\n")


def _settings(options: argparse.Namespace) -> Settings:
    settings = QUICK if options.quick else Settings()
    workloads: Optional[Path] = options.workloads or default_workloads()
    settings = replace(settings, workloads=workloads, workers=options.workers)
    if options.sizes:
        settings = replace(settings, sizes=tuple(options.sizes))
    if options.peer_limit is not None:
        settings = replace(settings, peer_limit=options.peer_limit)
    if options.seconds is not None:
        settings = replace(settings, seconds=options.seconds)
    if options.tiny:
        settings = replace(
            settings, rounds=1, processes=1, debian=(630, 2_560), largest=TINY_LARGEST
        )
    return replace(settings, peers=not options.no_peers)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks", description="Measure what stagekit adds to the functions."
    )
    add = parser.add_argument
    add("groups", nargs="*", metavar="GROUP", help=f"what to measure: {', '.join(GROUPS)}")
    add("--quick", action="store_true", help="a short form, in about a minute")
    add("--tiny", action="store_true", help="one round of everything, to see that it works")
    add("--sizes", type=int, nargs="+", metavar="N", help="sizes of the graphs of warm and cold")
    add("--seconds", type=float, metavar="S", help="how long to time what is timed together")
    add("--workers", type=int, default=16, metavar="W", help="threads (16)")
    add("--no-peers", action="store_true", help="only raw, graphlib and stagekit")
    add("--peer-limit", type=int, metavar="N", help="largest graph for the peers (10000)")
    add("--workloads", type=Path, metavar="DIR", help="folder of stg_sample.json.gz")
    add("--json", type=Path, metavar="FILE", help="write the measurements")
    add("--compare", type=Path, nargs=2, metavar=("A", "B"), help="compare two such files")
    add("--markdown", action="store_true", help="print docs/performance.md")
    add("--keep-budgets", type=Path, metavar="FILE", help="write figures that are not to get worse")
    add("--check", action="store_true", help="exit with 1 where a gate or a budget does not hold")
    return parser
