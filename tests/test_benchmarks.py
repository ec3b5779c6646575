"""The benchmarks measure what they say: shapes, checks, limits, and what they print."""

from __future__ import annotations

import json
from dataclasses import replace
from functools import partial
from graphlib import TopologicalSorter
from pathlib import Path
from typing import Any, Callable, Dict, Iterator, List, Tuple, cast

import pytest

from benchmarks import cli, subject
from benchmarks.adapter import Adapter, Built
from benchmarks.baselines import GRAPHLIB, RAW
from benchmarks.checking import WrongResultError, check, run_once
from benchmarks.cli import main
from benchmarks.compare import compare
from benchmarks.groups.scheduling import read_graphs
from benchmarks.limits import LIMITS, Limit, Verdict, judge
from benchmarks.measurement import Measurement, Record, read_record, write_record
from benchmarks.peers import PEERS, Peer, installed, peer_adapters
from benchmarks.report import limit_table, performance_page
from benchmarks.settings import Settings, default_workloads
from benchmarks.shapes import (
    DEBIAN_EDGES,
    DEBIAN_NODES,
    SHAPES,
    Shape,
    chain,
    debian,
    layered,
    wide,
)
from benchmarks.table import markdown_table, number, text_table
from benchmarks.timing import Budget, Sample, _measure, time_cold, time_warm
from benchmarks.work import Work, fresh, make_work

KINDS = ("sync", "threads", "async")


def one(value: float, *, case: str = "chain 10", ratio: float | None = None) -> Measurement:
    """Make a measurement of group `warm` of stagekit."""
    return Measurement("warm", case, "stagekit", value, "us/stage", ratio=ratio)


def record(*measurements: Measurement) -> Record:
    """Make the record of a run that measured so much."""
    return Record(measurements, {"processors": 2}, {"python": "3.11.7"})


@pytest.mark.parametrize(
    ("shape", "size", "edges", "sinks"),
    [
        (chain(10), 10, 9, (9,)),
        (wide(10), 10, 16, (9,)),
        (layered(9), 9, 12, None),
        (layered(10_000), 10_000, 19_800, None),
    ],
)
def test_a_shape_has_the_nodes_and_edges_it_says(
    shape: Shape, size: int, edges: int, sinks: Tuple[int, ...] | None
) -> None:
    """Chain, wide and layered graphs have exact counts, and end where they should."""
    assert (size, edges) == (shape.size, shape.edges)
    assert sinks is None or sinks == shape.sinks()


@pytest.mark.parametrize("name", SHAPES)
def test_every_parent_comes_before_its_dependents(name: str) -> None:
    """Node numbers of the three shapes are a topological order, and generations respect it."""
    shape = SHAPES[name](400)
    assert all(parent < node for node, row in enumerate(shape.parents) for parent in row)
    level = {node: i for i, nodes in enumerate(shape.generations()) for node in nodes}
    assert all(level[parent] < level[node] for node in level for parent in shape.parents[node])


@pytest.mark.parametrize(
    ("nodes", "edges"), [(6_300, 25_600), pytest.param(63_000, 256_000, marks=pytest.mark.slow)]
)
def test_the_debian_graph_has_its_counts_and_no_cycle(nodes: int, edges: int) -> None:
    """63,000 nodes and 256,000 edges, the same for the same seed, declared out of order."""
    assert (63_000, 256_000) == (DEBIAN_NODES, DEBIAN_EDGES)
    shape = debian(nodes, edges)
    assert (nodes, edges) == (shape.size, shape.edges)
    assert nodes == len(list(TopologicalSorter(dict(enumerate(shape.parents))).static_order()))
    assert any(row and row[-1] > node for node, row in enumerate(shape.parents))
    assert debian(500, 2_000, seed=1) == debian(500, 2_000, seed=1)
    assert debian(500, 2_000, seed=1) != debian(500, 2_000, seed=2)


def test_the_debian_graph_is_skewed_like_packages() -> None:
    """A few nodes have very many dependents, most have hardly any."""
    dependents: Dict[int, int] = {}
    for row in debian(6_300, 25_600).parents:
        for parent in row:
            dependents[parent] = dependents.get(parent, 0) + 1
    counts = sorted(dependents.values(), reverse=True)
    assert counts[0] > 50 * counts[len(counts) // 2]


def test_functions_have_the_names_and_parameters_of_their_edges() -> None:
    """Node 5 of a chain is `s5(s4)`, and copies share neither function nor code."""
    work = make_work(chain(6))
    function = work.functions[5]
    assert ("s5", ("s4",)) == (function.__name__, function.__code__.co_varnames)
    copy = fresh(work, lambda node: {"return": node}).functions[5]
    assert copy.__code__ is not function.__code__
    assert {"return": 5} == copy.__annotations__
    assert 41 == copy(40)


@pytest.mark.parametrize("adapter", [RAW, GRAPHLIB], ids=["raw", "graphlib"])
def test_the_baselines_do_the_whole_work(adapter: Adapter) -> None:
    """What everything is compared with calls each function once, in order, on right values."""
    check(adapter)
    check(adapter, passes_values=False)


def test_calls_by_hand_follow_the_edges_where_numbers_do_not() -> None:
    """A graph whose parents are declared later gives the same values by hand and by graphlib."""
    work = make_work(debian(60, 200))
    assert run_once(GRAPHLIB, work) == run_once(RAW, work)


def _lazy(work: Work) -> Built:
    def run() -> List[object]:
        return []

    return Built(run, lambda _: tuple(0 for _ in work.final))


def _backwards(work: Work) -> Built:
    def run() -> Tuple[object, ...]:
        for function in reversed(work.functions):
            function()
        values: Tuple[object, ...] = RAW.build(RAW.prepare(work)).run()
        return values

    return Built(run, tuple)


@pytest.mark.parametrize("build", [_lazy, _backwards], ids=["lazy", "backwards"])
def test_a_library_that_does_not_do_the_work_is_found_out(build: Callable[[Work], Built]) -> None:
    """Skipped calls, calls out of order and invented values are refused before any timing."""
    with pytest.raises(WrongResultError):
        check(Adapter("cheat", lambda work: work, build), passes_values=False)


@pytest.mark.parametrize("kind", KINDS)
def test_stagekit_does_the_whole_work(kind: str) -> None:
    """The three engines call each function once, in order, on the values of its parents."""
    check(subject.adapters(4)[kind])
    if kind != "async":
        check(subject.adapters(4)[kind], passes_values=False)


@pytest.mark.parametrize("peer", PEERS, ids=lambda peer: peer.distribution)
def test_a_peer_that_is_installed_gives_the_values_of_calls_by_hand(peer: Peer) -> None:
    """Every adapter of an installed peer runs the same functions and is right."""
    if peer not in installed():
        pytest.skip("not installed")
    for kind in KINDS:
        for adapter in peer_adapters(kind, workers=4, peers=[peer]):
            check(adapter)


def test_cases_are_timed_in_turn() -> None:
    """Each round times every case once, so that ratios compare the same moment."""
    calls: List[str] = []

    def timer(name: str) -> Callable[[int], float]:
        def stop_watch(loops: int) -> float:
            calls.append(name)
            return 0.0004 * loops

        return stop_watch

    samples = _measure({"a": timer("a"), "b": timer("b")}, Budget(9.0, least=3, most=3))
    assert list("aabb" + "ababab") == calls
    assert {"a": 3, "b": 3} == {name: len(sample.seconds) for name, sample in samples.items()}


def test_a_slow_case_takes_part_in_fewer_rounds() -> None:
    """What takes seconds is timed twice, what takes milliseconds as often as fits."""

    def taking(seconds: float) -> Callable[[int], float]:
        return lambda loops: seconds * loops

    timers = {"slow": taking(5.0), "fast": taking(0.001)}
    samples = _measure(timers, Budget(1.0, least=3, most=40))
    assert {"slow": 2, "fast": 40} == {name: len(one.seconds) for name, one in samples.items()}


def test_a_cold_case_gets_a_preparation_for_each_call() -> None:
    """Nothing that one call leaves behind warms up the next, and preparing is not timed."""
    made = iter(range(10**6))
    seen: List[int] = []
    time_cold({"cold": (lambda: next(made), seen.append)}, Budget(0.0, least=2, most=2))
    assert len(set(seen)) == len(seen) >= 2


def test_a_case_that_fails_is_reported_and_the_others_are_timed() -> None:
    """The name of the error stands in the sample; it stops nothing else."""

    def fail() -> None:
        raise RecursionError

    samples = time_warm({"bad": fail, "good": int}, Budget(0.0, least=2, most=2))
    assert "RecursionError" == samples["bad"].error
    assert 2 == len(samples["good"].seconds)


def test_a_sample_tells_its_best_and_its_median() -> None:
    """The best is the least disturbed round, the median the usual one."""
    sample = Sample((3.0, 1.0, 2.0))
    assert (1.0, 2.0) == (sample.best, sample.median)


def test_a_ratio_is_of_the_same_statistic() -> None:
    """A measurement by median is compared with the baseline's median."""
    sample, base = Sample((4.0, 6.0, 8.0)), Sample((1.0, 2.0, 3.0))
    made = Measurement.of(("g", "c", "s"), sample, unit="s", scale=1.0, base=base)
    assert (4.0, 4.0) == (made.value, made.ratio)
    how: Dict[str, Any] = {"unit": "s", "scale": 1.0, "base": base, "statistic": "median"}
    assert 3.0 == Measurement.of(("g", "c", "s"), sample, **how).ratio


@pytest.mark.parametrize(
    ("measured", "word"), [(4.0, "goal"), (6.0, "pass"), (9.0, "FAIL"), (None, "FAIL")]
)
def test_a_limit_is_judged_by_goal_and_gate(measured: float | None, word: str) -> None:
    """Within the goal, within the gate, beyond both, or not measurable."""
    limit = Limit("w", ("g", "c", "s"), goal=4.5, gate=8.0, unit="x")
    assert word == Verdict(limit, measured).word


def test_an_efficiency_must_be_at_least_its_gate() -> None:
    """Where more is better the comparison turns round."""
    limit = Limit("w", ("g", "c", "s"), goal=0.95, gate=0.9, unit="x", at_least=True)
    assert ["goal", "pass", "FAIL"] == [Verdict(limit, x).word for x in (0.96, 0.92, 0.5)]


def test_limits_of_what_was_not_measured_are_left_out() -> None:
    """A run of one group is judged by the limits of that group only."""
    verdicts = judge(record(replace(one(0.2, case="chain 1000"), ratio=4.0)))
    assert [("warm, chain 1000, to raw", 4.0)] == [(v.limit.what, v.measured) for v in verdicts]


def test_a_failed_measurement_fails_its_limit() -> None:
    """An error is never a pass, and stands where the number would."""
    broken = Measurement("typed", "objects", "stagekit", None, "us/stage", error="KeyError")
    assert ["FAIL"] == [verdict.word for verdict in judge(record(broken))]
    assert "KeyError" in limit_table(record(broken))


def test_a_record_survives_its_file(tmp_path: Path) -> None:
    """What is written as JSON is read back equal."""
    made = record(one(1.0, ratio=2.0), one(3.0, case="wide 10"))
    write_record(made, tmp_path / "a.json")
    assert made == read_record(tmp_path / "a.json")


@pytest.mark.parametrize("text", ["{}", "[]", "not json", '{"schema": 99}'])
def test_a_file_that_is_no_record_is_refused(tmp_path: Path, text: str) -> None:
    """The error names the file."""
    path = tmp_path / "b.json"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(ValueError, match=r"b\.json"):
        read_record(path)


def test_a_comparison_shows_both_runs_and_marks_what_changed() -> None:
    """Ratios are compared where both runs have them; a star marks more than 15 percent."""
    before = record(one(1.0, ratio=4.0), one(2.0, case="wide 10"), one(9.0, case="gone"))
    after = record(one(5.0, ratio=6.0), one(2.1, case="wide 10"))
    expected = (
        "group / case / subject            unit  before  after  after/before\n"
        "-------------------------------------------------------------------\n"
        "warm / chain 10 / stagekit  x baseline    4.00   6.00        1.50 *\n"
        "warm / wide 10 / stagekit     us/stage    2.00   2.10          1.05\n"
        "only before: 1"
    )
    assert expected == compare(before, after)


def test_numbers_are_short() -> None:
    """Three significant digits, thousands grouped, a dash for nothing."""
    values = (None, 0.0, 0.1234, 2.345, 12.34, 12_345.6, float("inf"))
    assert ["-", "0.00", "0.123", "2.35", "12.3", "12,346", "any"] == list(map(number, values))


def test_tables_are_aligned_or_markdown() -> None:
    """The first column stands to the left, the others to the right."""
    assert "a     b\n-------\nlong  1" == text_table(["a", "b"], [["long", "1"]])
    assert "| a | b |\n| --- | ---: |\n| c | 1 |" == markdown_table(["a", "b"], [["c", "1"]])


def test_the_page_of_performance_names_its_command() -> None:
    """A reader can make the page again, and sees limits and budgets with it."""
    found = one(1.0, case="chain 1000", ratio=4.0)
    page = performance_page(record(found), {" / ".join(found.key): 2.0})
    assert "python -m benchmarks --quick --markdown" in page
    assert "| stagekit | 4.00x |" in page
    assert ["# Performance", "## Limits", "## Budgets"] == [
        line for line in page.splitlines() if line.startswith("#")
    ]


@pytest.mark.slow
def test_a_tiny_run_ends_well_and_writes_json(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The command measures, prints a table with verdicts, and writes what it measured."""
    path = tmp_path / "run.json"
    groups = ["warm", "typed"]  # all of them in the slow test below
    options = ["--tiny", "--seconds", "0", "--sizes", "10", "--no-peers", "--json", str(path)]
    assert 0 == main([*groups, *options])
    assert "verdict" in capsys.readouterr().out
    document = json.loads(path.read_text(encoding="utf-8"))
    measured = {one["group"] for one in document["measurements"]}
    assert set(groups) <= measured
    assert [] == [one for one in document["measurements"] if one["error"]]
    assert 0 == main(["--compare", str(path), str(path)])
    assert "1.00" in capsys.readouterr().out


def _at_most(make: Callable[[int], Shape], size: int) -> Shape:
    return make(min(size, 25))


@pytest.mark.slow
def test_a_tiny_run_of_everything_measures_every_limit(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each limit finds its measurement: none names a case that is not measured."""
    for name, make in tuple(SHAPES.items()):
        monkeypatch.setitem(
            cast("Dict[str, Callable[[int], Shape]]", SHAPES), name, partial(_at_most, make)
        )
    path = tmp_path / "run.json"
    sizes = ["1000", "10000"]
    options = ["--tiny", "--seconds", "0", "--no-peers", "--json", str(path), "--sizes", *sizes]
    assert 0 == main(options)
    judged = {verdict.limit.what for verdict in judge(read_record(path))}
    ours = [limit.what for limit in LIMITS if limit.over != "dask.threaded"]
    assert [] == [what for what in ours if what not in judged]


def test_a_group_that_fails_does_not_lose_the_others(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Its error is printed in place of its numbers, and the command ends with 1."""

    def broken(settings: Settings) -> Iterator[Measurement]:
        yield one(3.5)
        raise RuntimeError(f"no {settings.workers}")

    def working(settings: Settings) -> Iterator[Measurement]:
        yield one(1.25, case=f"chain {settings.workers}")

    monkeypatch.setattr(cli, "GROUPS", {"bad": broken, "good": working})
    assert 1 == main(["bad", "good"])
    printed = capsys.readouterr().out
    assert "RuntimeError: no 16" in printed
    assert "3.50" in printed
    assert "1.250" in printed


def test_an_unknown_group_is_a_usage_error(capsys: pytest.CaptureFixture[str]) -> None:
    """The message lists the groups there are."""
    with pytest.raises(SystemExit) as stopped:
        main(["wram"])
    assert 2 == stopped.value.code
    assert "unknown group 'wram': choose from warm, cold" in capsys.readouterr().err


def test_real_graphs_are_read_with_their_optima() -> None:
    """The STG sample has 36 graphs, and an optimum for most numbers of workers."""
    folder = default_workloads()
    if folder is None:
        pytest.skip("no stg_sample.json.gz: set STAGEKIT_WORKLOADS")
    graphs = read_graphs(folder / "stg_sample.json.gz")
    assert 36 == len(graphs)
    assert 140 == sum(graph.least(w) is not None for graph in graphs for w in (2, 4, 8, 16))
