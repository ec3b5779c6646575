"""Bounds in seconds are judged at the pace of the machine that they were stated on."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import List

import pytest

from benchmarks.groups import footprint, parallel
from benchmarks.limits import LIMITS, Limit, Verdict, judge
from benchmarks.measurement import Measurement, Record
from benchmarks.pace import COLD, PLAIN_THREADS, THREADS_STARTED, TYPED, Pace, handing_over
from benchmarks.report import limit_table, pace_table
from benchmarks.settings import QUICK
from benchmarks.timing import Budget, _measure

ORDER = "cold, order edges only"
CASE = "chain 1000"


def record(*measurements: Measurement) -> Record:
    """Make the record of a run that measured so much."""
    return Record(measurements, {"processors": 2}, {"python": "3.11.7"})


def cold(ours: float, graphlib: float) -> Record:
    """Make a run whose chain of 1,000, order edges only, took so many microseconds a stage."""
    return record(
        Measurement(ORDER, CASE, "stagekit", ours, "us/stage"),
        Measurement(ORDER, CASE, "graphlib", graphlib, "us/stage"),
    )


@pytest.mark.parametrize(
    ("ours", "graphlib", "corrected", "word"),
    [
        (5.0, 2.5, 5.0, "goal"),  # the machine of the bounds
        (16.0, 5.0, 8.0, "pass"),  # half as fast
        (33.0, 5.0, 16.5, "FAIL"),  # half as fast, and too slow on any machine
        (8.0, 1.25, 16.0, "FAIL"),  # twice as fast: 8 us there are 16 us of the bounds' machine
    ],
)
def test_a_bound_in_microseconds_is_judged_at_the_reference_pace(
    ours: float, graphlib: float, corrected: float, word: str
) -> None:
    """A slow machine fails nothing, a fast one hides nothing: the baseline tells its pace."""
    [verdict] = judge(cold(ours, graphlib))
    assert (ours, corrected, word) == (verdict.measured, verdict.at_reference, verdict.word)


def test_without_its_baseline_a_bound_is_judged_as_measured() -> None:
    """A run that has no baseline, or one that failed, corrects nothing."""
    alone = record(Measurement(ORDER, CASE, "stagekit", 16.0, "us/stage"))
    failed = Measurement(ORDER, CASE, "graphlib", None, "us/stage", error="KeyError")
    for made in (alone, replace(alone, measurements=(*alone.measurements, failed))):
        assert [(16.0, None, "FAIL")] == [(v.at_reference, v.pace, v.word) for v in judge(made)]


def test_an_efficiency_is_judged_beside_threads_that_only_sleep() -> None:
    """Where plain threads reach 0.8, 0.76 is 0.95 of what this machine can do."""
    limit = Limit("w", ("g", "c", "s"), 0.95, 0.90, "of ideal", at_least=True)
    made = record(Measurement("thread efficiency", "64", PLAIN_THREADS, 0.8, "ideal/actual"))
    pace = THREADS_STARTED.of(made)
    verdicts = [Verdict(limit, value, pace=pace) for value in (0.77, 0.73, 0.6)]
    assert ["goal", "pass", "FAIL"] == [verdict.word for verdict in verdicts]


def test_ratios_growth_memory_and_schedules_are_never_corrected() -> None:
    """Only bounds in seconds have a pace, and one efficiency that depends on starting threads."""
    corrected = {limit.unit for limit in LIMITS if limit.pace is not None}
    assert {"us/stage", "ms", "of ideal"} == corrected
    assert [] == [limit.what for limit in LIMITS if limit.pace and (limit.over or limit.uses_ratio)]


def test_a_chain_on_threads_and_sizes_without_a_reference_are_judged_as_measured() -> None:
    """A baseline corrects only what it has in common with what is bounded."""
    assert handing_over("chain", 1_000) is None
    assert handing_over("wide", 10_000) is None
    assert handing_over("wide", 1_000) is not None


def test_a_baseline_is_of_the_same_graph_and_size() -> None:
    """Cold bounds compare with graphlib on the very graph that they are about."""
    for (shape, size), pace in COLD.items():
        assert (ORDER, f"{shape} {size}", "graphlib") == pace.key
    assert {"typed"} == {limit.key[0] for limit in LIMITS if limit.pace is TYPED}


def test_both_numbers_and_the_pace_are_printed() -> None:
    """A reader sees what was measured, what was judged, and by which factor."""
    made = cold(16.0, 5.0)
    row = limit_table(made).splitlines()[-1].split()
    assert ["16.0", "8.00", "us/stage", "pass"] == row[-4:]
    last = pace_table(made).splitlines()[-1]
    assert last.startswith(f"graphlib and a dict loop, {ORDER}, {CASE}")
    assert ["5.00", "2.50", "us/stage", "2.00"] == last.split()[-4:]


def test_a_pace_without_a_measurement_has_no_row() -> None:
    """What was not measured is not printed."""
    assert 2 == len(pace_table(record()).splitlines())


def test_threads_that_only_sleep_sleep_their_share(monkeypatch: pytest.MonkeyPatch) -> None:
    """The best that starting threads can do: 64 sleeps, in 16 shares of 4."""
    naps: List[float] = []
    monkeypatch.setattr("time.sleep", naps.append)
    parallel._nap_on_threads(64, 16)
    assert [parallel.NAP] * 64 == naps


def test_scripts_that_are_timed_may_keep_their_byte_code(monkeypatch: pytest.MonkeyPatch) -> None:
    """A first round fills the caches, also where the environment forbids it to us."""
    monkeypatch.setenv("PYTHONDONTWRITEBYTECODE", "1")
    environment = footprint._environment()
    assert "PYTHONDONTWRITEBYTECODE" not in environment
    assert environment["PYTHONPATH"].startswith(str(Path(footprint.ROOT)))


def test_import_is_timed_beside_the_import_of_dataclasses() -> None:
    """The pace of imports is measured in the same rounds as ours."""
    settings = replace(QUICK, processes=1, peers=False)
    subjects = {one.subject for one in footprint.measure_import(settings)}
    assert {"bare python", "stagekit", "import dataclasses"} == subjects


def test_no_case_is_timed_much_longer_than_the_budget() -> None:
    """A peer that takes half a second a run gets as many rounds as fit in twice the budget."""
    calls: List[int] = []

    def timer(loops: int) -> float:
        calls.append(loops)
        return 0.5

    samples = _measure({"slow": timer, "fast": lambda loops: 0.001 * loops}, Budget(0.75, least=5))
    assert 3 == len(samples["slow"].seconds)
    assert 4 == len(calls)


def test_a_pace_is_how_many_times_its_reference_a_baseline_took() -> None:
    """Twice the time is a pace of two."""
    made = record(Measurement("g", "c 1", "s", 26.0, "ms"))
    assert 2.0 == Pace("w", ("g", "c*", "s"), 13.0, "ms").of(made)
