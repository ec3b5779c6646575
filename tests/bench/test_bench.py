"""``stagekit.bench``: what is run, how often, in which order, and what is said of it."""

from __future__ import annotations

import gc
import json
from dataclasses import replace
from typing import Any, Dict, List, Tuple

import pytest

from stagekit import Benchmark, Registry, RunFailedError, RunInfo, bench, plan
from stagekit._bench.measures import ExecutorBenchmark
from stagekit._bench.samples import Sample
from stagekit._bench.table import noise_text
from stagekit.errors import UsageError


def counted() -> Tuple[Registry, List[str]]:
    """Return a registry of two stages, and the executors that have run them."""
    registry = Registry()
    ran: List[str] = []

    def first(info: RunInfo) -> int:
        ran.append(info.executor)
        return 1

    def second(number: int) -> str:
        assert gc.isenabled()
        return str(number)

    registry.stage(id="first")(first)
    registry.stage(id="second")(second)
    return registry, ran


def test_each_executor_has_two_runs_a_round_in_turn() -> None:
    """The one that begins a round ends the next one, so that none always follows another."""
    registry, ran = counted()
    measured = bench(registry=registry, repeat=3, warmup=1, executors=["inline", "threads"])
    one, other = ["inline"] * 2, ["threads"] * 2
    assert [*one, *other, *other, *one, *one, *other, *other, *one] == ran
    assert (3, 1, ["inline", "threads"]) == (
        measured.repeat,
        measured.warmup,
        list(measured.executors),
    )


def test_stages_and_whole_runs_are_measured() -> None:
    """Wall and CPU time; memory where it was asked for; the first executor stands for all."""
    registry, _ = counted()
    plain = bench(registry=registry, repeat=2, warmup=0, executors=["inline"])
    assert ["first", "second"] == list(plain.stages)
    for measures in (plain.total, *plain.stages.values()):
        assert 0 < measures.wall.median
        assert measures.cpu is not None
        assert measures.memory is None
    assert plain.first is plain.executors["inline"]
    assert (1.0, ("first", "second")) == (plain.first.speed_up, plain.first.critical_path)
    traced = bench(
        registry=registry, repeat=1, warmup=0, executors=["inline"], memory="tracemalloc"
    )
    assert traced.total.memory is not None
    assert traced.stages["first"].memory is not None


def test_a_plan_can_be_measured_with_its_values() -> None:
    """As it can be run; options of a run reach it."""
    registry = Registry()
    seen: List[int] = []

    def stage(number: int) -> None:
        seen.append(number)

    registry.stage(id="stage")(stage)
    made = plan("stage", registry=registry, values=[0])
    bench(made, values=[7], repeat=1, warmup=0)
    bench("stage", registry=registry, values=[8], repeat=1, warmup=0, workers=1)
    assert [7, 7, 8, 8] == seen


def test_a_failure_is_raised_and_nothing_is_measured() -> None:
    """With the result of the run that failed."""
    registry = Registry()
    ran: List[int] = []

    def bad() -> None:
        ran.append(1)
        if len(ran) == 3:
            raise ValueError("third")

    registry.add(bad, id="bad")
    with pytest.raises(RunFailedError) as caught:
        bench(registry=registry, repeat=5, warmup=0)
    assert "bad" == caught.value.result.failures[0].stage_id
    assert 3 == len(ran)


def test_all_mistakes_are_told_at_once_and_nothing_is_run() -> None:
    """Each with the value, and what is allowed."""
    registry, ran = counted()
    wrong: Dict[str, Any] = {
        "repeat": 0,
        "warmup": -1,
        "executors": ["inlin", "threads", "threads"],
        "memory": "psutil",
        "worker": 2,
        "workers": 0,
        "check": False,
    }
    with pytest.raises(UsageError) as caught:
        bench(registry=registry, **wrong)
    for part in (
        "repeat takes a whole number from 1 to 1000000, got 0",
        "warmup takes a whole number from 0 to 1000000, got -1",
        "did you mean 'inline'?",
        "executors names 'threads' twice",
        "memory takes 'rss', 'tracemalloc' or None, got 'psutil'",
        "there is no option 'worker' of a benchmark; did you mean 'workers'?",
        "workers takes a whole number",
        "there is no option 'check' of a benchmark",
    ):
        assert part in str(caught.value)
    with pytest.raises(UsageError, match="executors takes a list such as"):
        bench(registry=registry, executors="inline")
    assert [] == ran


def made(median: float, mad: float = 0.0, **others: Any) -> Benchmark:
    """Return a benchmark whose runs took so long."""
    registry, _ = counted()
    found = bench(registry=registry, repeat=1, warmup=0, executors=["inline"])
    wall = Sample(median, mad, median)
    noise = others.pop("noise", 0.05)
    first = replace(found.first, total=replace(found.total, wall=wall), noise=noise)
    return replace(found, executors={"inline": first}, **others)


@pytest.mark.parametrize(
    ("now", "noise", "verdict", "is_over"),
    [
        (1.2, 0.05, "slower", True),
        (1.08, 0.05, "slower", False),
        (1.2, 0.25, "noise", False),
        (0.8, 0.05, "faster", False),
        (1.2, None, "unknown", False),
    ],
)
def test_a_difference_counts_past_the_threshold_and_the_noise(
    now: float, noise: Any, verdict: str, is_over: object
) -> None:
    """Slower by more than a tenth, and by more than both spreads explain."""
    found = made(now, noise=noise).compare(made(1.0))["inline"]
    assert (verdict, is_over) == (found.verdict, found.is_over(0.10))
    assert pytest.approx(now) == found.ratio


def test_a_benchmark_comes_back_from_json() -> None:
    """Equal in all."""
    registry, _ = counted()
    found = bench(
        registry=registry, repeat=5, warmup=0, executors=["inline", "threads"], memory="tracemalloc"
    )
    assert found == Benchmark.from_json(found.to_json())


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("no json", "is not JSON: Expecting value: line 1"),
        ("[]", "has the schema None, and is to have 'stagekit.bench/1'"),
        ('{"schema": "stagekit.bench/2"}', "has the schema 'stagekit.bench/2', and is to have"),
        ('{"schema": "stagekit.bench/1"}', "damaged: KeyError: 'executors'"),
        ('{"schema": "stagekit.bench/1", "executors": {}}', "damaged: ValueError: no executor"),
        ('{"schema": "stagekit.bench/1", "executors": 3}', "damaged: AttributeError"),
    ],
)
def test_what_is_no_benchmark_is_refused(text: str, told: str) -> None:
    """With what it is."""
    with pytest.raises(UsageError) as caught:
        Benchmark.from_json(text)
    assert told in str(caught.value)


def test_another_pipeline_is_not_compared() -> None:
    """Its stages are named; so is an executor that it lacks."""
    registry = Registry()
    for number in range(5):
        registry.add(lambda: None, id=f"other{number}")
    other = bench(registry=registry, repeat=1, warmup=0, executors=["threads"])
    with pytest.raises(UsageError) as caught:
        made(1.0).compare(other)
    assert str(caught.value) == (
        "is of another pipeline: it has other0, other1, other2 and 2 more, which this one has not; "
        "it lacks first, second; has nothing of inline; it has threads"
    )


def test_what_more_workers_would_take_is_simulated() -> None:
    """With the medians of the stages; past the critical path no worker helps."""
    registry = Registry()
    for name in ("a", "b", "c", "d"):
        registry.add(lambda: None, id=name)
    registry.add(lambda: None, id="last", depends_on=["a", "b"])
    found = bench(registry=registry, repeat=1, warmup=0, executors=["inline"])
    took = {"a": 4.0, "b": 2.0, "c": 2.0, "d": 2.0, "last": 2.0}
    stages = {
        name: replace(each, wall=Sample(took[name], 0, 0)) for name, each in found.stages.items()
    }
    found = replace(found, executors={"inline": replace(found.first, stages=stages)})
    estimates = found.what_if(plan(registry=registry), [1, 2, 4, 8])
    assert [(1, 12.0, 1.0), (2, 6.0, 2.0), (4, 6.0, 2.0), (8, 6.0, 2.0)] == [
        (each.workers, each.seconds, each.speed_up) for each in estimates
    ]


def test_noise_is_said_in_words() -> None:
    """Of one executor, of several, and of too few runs."""
    one = made(1.0)
    assert "differences under 5% are within noise" == noise_text(one.executors)
    both: Dict[str, ExecutorBenchmark] = {
        "inline": one.first,
        "threads": replace(one.first, noise=0.2),
    }
    two = replace(one, executors=both)
    assert "differences under 5% (inline), 20% (threads) are within noise" == noise_text(
        two.executors
    )
    few = made(1.0, noise=None)
    assert "the noise is unknown: fewer than 5 runs" == noise_text(few.executors)


def test_json_names_the_first_executor_at_the_top() -> None:
    """``total`` and ``stages`` are its own."""
    registry, _ = counted()
    found = bench(registry=registry, repeat=1, warmup=0, executors=["threads", "inline"])
    document = json.loads(found.to_json())
    first = document["executors"]["threads"]
    assert (first["total"], first["stages"]) == (document["total"], document["stages"])


def test_stages_are_compared_by_their_own_noise() -> None:
    """Which one got slower is told; of few runs nothing can be."""
    one, base = replace(made(1.0), repeat=20), replace(made(1.0), repeat=20)
    walls = {"first": Sample(3.0, 0.0, 3.0), "second": Sample(1.0, 0.2, 1.0)}
    for name, found in (("one", walls), ("base", {**walls, "first": Sample(1.0, 0.0, 1.0)})):
        old = one if name == "one" else base
        stages = {stage: replace(old.stages[stage], wall=found[stage]) for stage in found}
        new = replace(old, executors={"inline": replace(old.first, stages=stages)})
        one, base = (new, base) if name == "one" else (one, new)
    told = one.compare_stages(base)
    assert ("slower", 3.0) == (told["first"].verdict, told["first"].ratio)
    assert ("noise", 1.0) == (told["second"].verdict, told["second"].ratio)
    few = replace(base, repeat=4)
    assert "unknown" == one.compare_stages(few)["first"].verdict


def test_a_benchmark_is_shown_as_tables() -> None:
    """As text by ``print``, as HTML in a notebook; on one line where it stands among others."""
    registry, _ = counted()
    for number in range(14):
        registry.add(lambda: None, id=f"s{number}")
    found = bench(registry=registry, repeat=1, warmup=0, executors=["inline"], memory="rss")
    shown = str(found).splitlines()
    assert shown[0].startswith("all stages · 1 run after 0 warm-up · ")
    assert "  executor  median" in str(found)
    assert "  stage " in str(found)
    assert "  and 4 more; to_json() has all" in shown
    assert "  note           the noise is unknown: fewer than 5 runs" == shown[-1]
    assert [line for line in shown if line.startswith("  memory ")]
    assert repr(found).startswith("<Benchmark of all stages: ")
    assert repr(found).endswith(", median of 1 run on inline>")
    html = found._repr_html_()
    assert 2 == html.count("<table>")
    assert 1 + 16 + 2 == html.count("<tr>")
    named = replace(found, pipeline="<i>")
    assert "<b>&lt;i&gt;</b>" in named._repr_html_()
    assert repr(named).startswith("<Benchmark of <i>: ")
