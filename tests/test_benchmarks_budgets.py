"""What is not to get worse: figures that are kept, compared, and counted."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any, Callable, Dict, Iterator, List

import pytest

from benchmarks import cli
from benchmarks.budgets import GROUPS, Comparison, compared, figures, read_budgets, write_budgets
from benchmarks.cli import main
from benchmarks.groups import everyday, footprint, fresh, parallel, walk
from benchmarks.limits import LIMITS, NOT_YET
from benchmarks.measurement import Measurement, Record
from benchmarks.report import budget_table, limit_table
from benchmarks.settings import QUICK, Settings
from benchmarks.timing import Budget, Paired, _measure, time_beside

TINY = replace(QUICK, seconds=0.0, rounds=1, processes=1, many=100, peers=False)


def record(*measurements: Measurement) -> Record:
    """Make the record of a run that measured so much."""
    return Record(measurements, {"processors": 2}, {"python": "3.11.7"})


def figure(value: float, *, subject: str = "plain") -> Measurement:
    """Make a measurement of a group that has budgets."""
    return Measurement("everyday", "chain 10", subject, 1.0, "us/stage", ratio=value)


@pytest.mark.parametrize(
    ("measured", "word"), [(4.0, "kept"), (4.9, "kept"), (5.1, "WORSE"), (3.1, "better")]
)
def test_a_figure_may_be_worse_by_what_noise_explains(measured: float, word: str) -> None:
    """A quarter more than the budget is kept, a quarter less is said."""
    assert word == Comparison("w", measured, 4.0).word
    assert (word != "WORSE") == Comparison("w", measured, 4.0).is_kept


def test_what_cost_nothing_must_go_on_to_cost_nothing() -> None:
    """A count of 0 has no noise."""
    assert "kept" == Comparison("calls of a stage more on threads", 0.0, 0.0).word
    assert "WORSE" == Comparison("calls of a stage more on threads", 1.0, 0.0).word


def test_figures_are_ratios_and_counts_of_our_own() -> None:
    """Neither microseconds, which mean another thing elsewhere, nor baselines, nor errors."""
    counted = Measurement("walk", "a stage more, inline", "calls", 3.0, "count")
    made = record(
        figure(2.5),
        figure(1.0, subject="floor"),
        replace(figure(9.0, subject="with a hook"), error="KeyError"),
        Measurement("everyday", "chain 10", "with a deadline", 7.0, "us/stage"),
        Measurement("warm", "chain 10", "stagekit", 1.0, "us/stage", ratio=4.0),
        counted,
    )
    assert {
        "everyday / chain 10 / plain": 2.5,
        "walk / a stage more, inline / calls": 3.0,
    } == figures(made)


def test_budgets_are_written_and_read_back(tmp_path: Path) -> None:
    """With four digits, and with what they were measured on."""
    path = tmp_path / "budgets.json"
    write_budgets(record(figure(2.123456)), path)
    assert {"everyday / chain 10 / plain": 2.123} == read_budgets(path)
    assert "3.11.7" == json.loads(path.read_text(encoding="utf-8"))["made on"]["python"]


def test_only_what_has_a_budget_is_compared() -> None:
    """The table shows budget, figure and verdict; it is empty where nothing was measured."""
    made = record(figure(2.5), figure(3.0, subject="with a hook"))
    budgets = {"everyday / chain 10 / plain": 1.0, "everyday / gone / plain": 1.0}
    assert [2.5] == [one.figure for one in compared(made, budgets)]
    last = budget_table(made, budgets).splitlines()[-1]
    assert last.split() == ["everyday", "/", "chain", "10", "/", "plain", "1.000", "2.50", "WORSE"]
    assert 2 == len(budget_table(record(), budgets).splitlines())


def test_the_check_fails_where_a_budget_is_not_kept(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Only where it is asked for; without it the table says so, and the command ends well."""

    def measured(_: Settings) -> Iterator[Measurement]:
        yield figure(2.5)

    monkeypatch.setattr(cli, "GROUPS", {"good": measured})
    monkeypatch.setattr(cli, "read_budgets", lambda: {"everyday / chain 10 / plain": 1.0})
    assert 0 == main(["good"])
    assert "WORSE" in capsys.readouterr().out
    assert 1 == main(["good", "--check"])
    monkeypatch.setattr(cli, "read_budgets", lambda: {"everyday / chain 10 / plain": 2.4})
    assert 0 == main(["good", "--check"])


def test_budgets_are_kept_of_everything_that_is_bounded_where_people_feel_it() -> None:
    """The file of this repository has the figures of each row; none names a case that is gone."""
    kept = read_budgets()
    for limit in LIMITS:
        if limit.key[0] in GROUPS and (limit.unit != "ms"):
            assert " / ".join(limit.key) in kept
    assert len(NOT_YET) == len(set(NOT_YET))


def test_a_bound_is_judged_as_measured() -> None:
    """No baseline makes a bound wider: what is printed is what is judged."""
    slow = Measurement("cold, order edges only", "chain 1000", "stagekit", 16.0, "us/stage")
    fast = Measurement("cold, order edges only", "chain 1000", "graphlib", 9.0, "us/stage")
    row = limit_table(record(slow, fast)).splitlines()[-1].split()
    assert ["16.0", "us/stage", "FAIL"] == row[-3:]


def test_a_case_is_timed_right_after_its_baseline() -> None:
    """So that both meet the same instant; the ratio is the median of those of the rounds."""
    calls: List[str] = []
    cases: Dict[str, Callable[[], object]] = {
        "a": lambda: calls.append("a"),
        "b": lambda: calls.append("b"),
    }
    found = time_beside(lambda: calls.append("base"), cases, Budget(0.0, least=2, most=2))
    runs = [one for one, before in zip(calls, ["", *calls]) if one != before]
    assert ["base", "a", "base", "a", "base", "b", "base", "b"] == runs[-8:]
    assert {"a", "b"} == set(found)
    assert 3.0 == Paired((9.0,) * 3, (2.0, 3.0, 40.0), (1.0, 1.0, 10.0)).ratio


def test_the_floor_makes_the_calls() -> None:
    """Each once, with the value of the one before."""
    floor: Any = everyday._floor(5)
    calls: List[int] = []
    floor.__globals__.update(s4=calls.append)
    floor()
    assert [3] == calls


def test_calls_of_ours_are_counted_on_every_thread() -> None:
    """Functions of other modules are not, and nothing is counted afterwards."""
    import stagekit

    def one() -> int:
        return 1

    registry = stagekit.Registry()
    registry.add(one, retries=1)
    plan = stagekit.plan(registry=registry)
    here = walk.walked(lambda: plan.run(executor="inline"))
    assert here.calls >= len(here.functions) >= len(here.files) > 1
    assert here.changes < here.calls
    with_threads = walk.walked(lambda: plan.run(executor="threads"))
    assert any(name.startswith(walk.HOME) for name in with_threads.files)
    before = here.calls
    plan.run(executor="inline")
    assert before == here.calls


@pytest.mark.slow
def test_a_fresh_process_prints_what_it_took() -> None:
    """Both kinds, ours and graphlib's: seconds of processor, of as many stages."""
    for kind in fresh.KINDS:
        ours, theirs = fresh._in_a_process(kind, 20)
        assert ours > 0
        assert theirs > 0


@pytest.mark.slow
def test_commands_are_timed_beside_the_import_of_click() -> None:
    """Whole processes, as a ratio of the same round."""
    found = {one.subject: one for one in footprint.measure_commands(TINY)}
    assert {"import click", "run", "list"} == set(found)
    assert 1.0 == found["import click"].ratio


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


@pytest.mark.slow
def test_import_is_timed_beside_the_import_of_dataclasses() -> None:
    """What kind of day the machine has is measured in the same rounds as ours."""
    subjects = {one.subject: one.ratio for one in footprint.measure_import(TINY)}
    assert {"bare python", "stagekit", "import dataclasses"} == set(subjects)
    assert 1.0 == subjects["import dataclasses"]


def test_no_case_is_timed_much_longer_than_the_budget() -> None:
    """A peer that takes half a second a run gets as many rounds as fit in twice the budget."""
    calls: List[int] = []

    def timer(loops: int) -> float:
        calls.append(loops)
        return 0.5

    samples = _measure({"slow": timer, "fast": lambda loops: 0.001 * loops}, Budget(0.75, least=5))
    assert 3 == len(samples["slow"].seconds)
    assert 4 == len(calls)
