"""``Result``: what is told of a run that has ended."""

from __future__ import annotations

import asyncio
import gc
import json
import re
import time
import weakref
from datetime import timedelta, timezone
from typing import Any, Callable, Dict, List, Optional, Tuple

import pytest
from typing_extensions import Annotated

from stagekit import Each, Registry, Result, RunFailedError, arun, run
from stagekit._run.state.columns import Columns
from stagekit.events import Event, RunStatus


def fail() -> None:
    """Fail with text that no page and no terminal may obey."""
    raise ValueError("<script>alert(1)</script>\x1b[31m")


def mixed_outcomes() -> Result:
    """Return a result with every outcome."""
    registry = Registry()
    registry.add(lambda: 1, id="a")
    registry.add(fail, id="b", depends_on="a")
    registry.add(lambda: None, id="c", depends_on="b")
    registry.add(lambda: None, id="d", depends_on=["e"])
    registry.add(lambda: None, id="e", priority=-1)
    return run(registry=registry, executor="inline", check=False)


def test_a_result_says_in_one_line_what_became_of_the_run() -> None:
    """The text of a result names run, status, counts and seconds."""
    result = mixed_outcomes()
    assert repr(result).startswith(f"<Result {result.run_id} failed: 1 succeeded, 1 failed, 1 skip")
    assert {"succeeded": 1, "failed": 1, "skipped": 1, "cancelled": 2} == result.counts()
    assert 5 == len(result)


def test_json_tells_of_each_attempt_where_it_raised() -> None:
    """Of an item that is left out, and of an attempt before the last, as of what failed."""
    registry = Registry()
    tries: List[int] = []

    @registry.stage
    def numbers() -> List[int]:
        return [1, 2]

    @registry.stage(retries=1)
    def share(number: Annotated[int, Each(on_error="skip")]) -> float:
        tries.append(number)
        if tries == [1]:
            raise ValueError
        if number == 1:
            raise KeyError
        return 0.5

    result = run(registry=registry, executor="inline")
    first = share.__code__.co_firstlineno
    attempts = json.loads(result.to_json())["stages"][1]["attempts"]
    errors = [each["error"] for each in attempts if each["error"] is not None]
    places = [int(each["location"].rpartition(":")[2]) for each in errors]
    assert [first + 4, first + 6] == places


def test_json_tells_outcomes_and_times_but_no_values() -> None:
    """Schema ``stagekit.run/1``: values appear as types, errors as type, message, place."""
    result = mixed_outcomes()
    found = json.loads(result.to_json())
    assert "stagekit.run/1" == found["schema"]
    assert (result.run_id, "failed", "inline", 1, None) == (
        found["run"],
        found["status"],
        found["executor"],
        found["workers"],
        found["parent"],
    )
    stages = {stage["id"]: stage for stage in found["stages"]}
    assert list(result.plan.order) == list(stages)
    assert ("succeeded", "builtins.int") == (stages["a"]["outcome"], stages["a"]["value_type"])
    (attempt,) = stages["b"]["attempts"]
    assert "builtins.ValueError" == attempt["error"]["type"]
    assert "<script>alert(1)</script>\x1b[31m" == attempt["error"]["message"]
    assert attempt["error"]["location"].rpartition(":")[0].endswith("test_result.py")
    assert 0 <= attempt["start"] <= attempt["end"]
    assert ("skipped", "upstream_failed", "b", []) == tuple(
        stages["c"][key] for key in ("outcome", "reason", "cause", "attempts")
    )
    assert ("cancelled", "stopped", None) == tuple(
        stages["d"][key] for key in ("outcome", "reason", "cause")
    )


def test_a_notebook_shows_a_table_in_which_data_stays_text() -> None:
    """HTML escapes everything that comes from stages; the text obeys no control character."""
    shown = mixed_outcomes()._repr_mimebundle_()
    assert "<script>" not in shown["text/html"]
    assert "&lt;script&gt;" in shown["text/html"]
    assert "\x1b" not in shown["text/html"] + shown["text/plain"]
    lines = shown["text/plain"].splitlines()
    assert 6 == len(lines)
    assert ["a", "succeeded"] == lines[1].split()[:2]


def test_outcomes_have_marks_and_colours_on_a_page() -> None:
    """What failed is seen at first sight; a number is never parted from its unit."""
    text = mixed_outcomes()._repr_mimebundle_()["text/html"]
    colors = [
        re.findall(rf'<span style="color:(#[^;"]*)[^>]*>{mark}</span>', text)
        for mark in ("✓ succeeded", "✗ failed", "↷ skipped", "⊘ cancelled")
    ]
    assert all(colors)
    assert 3 == len({each[0] for each in colors})
    assert text.startswith("<p>")
    assert "✗ failed</span>: " in text.partition("</p>")[0]
    assert re.search(r"<td>[\d.]+ m?s</td>", text)
    assert re.search(r'<td class="prose">[^<]*ValueError: ', text)
    assert "td{text-align:left;white-space:nowrap" in text


def test_a_run_that_was_measured_shows_what_it_has_cost() -> None:
    """CPU time and memory of each stage that was called; other runs have no such columns."""
    registry = Registry()
    registry.add(lambda: None, id="a")
    registry.add(lambda: 1 / 0, id="b", depends_on="a")
    registry.add(lambda: None, id="c", depends_on="b")
    result = run(registry=registry, measure=True, check=False, executor="inline")
    shown = result._repr_mimebundle_()
    lines = shown["text/plain"].splitlines()
    assert [1, 1, 0] == [line.count("CPU ") for line in lines[1:]]
    assert [1, 1, 0] == [line.count("memory ") for line in lines[1:]]
    assert all(f">{name}</th>" in shown["text/html"] for name in ("CPU", "memory"))
    other = run("a", registry=registry)._repr_mimebundle_()
    assert "CPU" not in other["text/plain"] + other["text/html"]


def test_times_are_told_against_the_clock_on_the_wall() -> None:
    """The start of a run is a time in UTC; seconds are measured apart from it."""
    before = time.time()
    result = mixed_outcomes()
    assert before <= result.info.started_at <= time.time()
    assert timedelta(0) == result.info.started.utcoffset()
    assert timezone.utc == result.info.started.tzinfo


def test_the_critical_path_is_the_chain_that_was_waited_for() -> None:
    """Each stage of it ended last among those that the next one waited for."""
    registry = Registry()
    for name, before in (("a", []), ("b", []), ("c", ["a", "b"]), ("d", ["a"]), ("e", ["c", "d"])):
        registry.add(lambda: None, id=name, depends_on=before)
    result = run(registry=registry, executor="inline")
    columns = result._columns
    order = result.plan.order
    columns.starts = [1] * 5
    columns.ends = [{"a": 5, "b": 3, "c": 6, "d": 9, "e": 12}[name] for name in order]
    assert ("a", "d", "e") == result.critical_path()


def test_stages_are_looked_up_by_function_reference_and_name() -> None:
    """What stands for a stage in a declaration stands for it in a result."""
    registry = Registry()

    @registry.stage
    def load() -> int:
        return 3

    other = registry.add(lambda: "x", id="pkg.other:name")
    result = run(registry=registry)
    assert 3 == result[load]
    assert "x" == result[other] == result["pkg.other:name"] == result["name"]
    assert result.report(load).stage_id.endswith("load")


def test_constants_are_found_by_whatever_stands_for_the_stage() -> None:
    """An overridden stage is found by function, reference, id and short name."""
    registry = Registry()

    @registry.stage
    def load() -> int:
        raise AssertionError

    @registry.stage
    def total(load: int) -> float:
        return load / 2

    ref = registry.add(fail, id="x:ref")
    registry.add(lambda: None, id="after", depends_on="x:ref")
    result = run([total, "after"], registry=registry, overrides={load: 8, ref: 9})
    assert (8, 4.0) == (result[load], result[total])
    assert [9, 9] == [result[each] for each in (ref.id, "ref")]
    assert "9" == str(result[ref])
    assert "9" == str(result[fail])
    with pytest.raises(LookupError):
        result[len]


def test_an_inline_run_keeps_two_columns_only() -> None:
    """Of a run in which all succeeded everything follows from values and ends."""
    result = run(registry=chain(50), executor="inline")
    columns: Columns = result._columns
    assert (None, None, None) == (columns.status, columns.starts, columns.workers)
    assert 50 == len(result.reports())
    assert all(report.attempts[0].worker == "main" for report in result.reports())
    spans = [report.attempts[0] for report in result.reports()]
    assert all(one.end == two.start for one, two in zip(spans, spans[1:]))


def chain(count: int) -> Registry:
    """Return a registry of stages, each after the one before it."""
    registry = Registry()
    for number in range(count):
        before = [f"s{number - 1}"] if number else []
        registry.add(lambda: None, id=f"s{number}", depends_on=before)
    return registry


class Big:
    """A value that one can wait for to be let go."""


def value() -> Big:
    """Return something big."""
    return Big()


async def async_value() -> Big:
    """Return something big, on a loop."""
    return Big()


class Deaf:
    """A hook that does nothing."""

    def on_event(self, event: Event) -> None:
        """Do nothing."""


def undo(big: Big) -> None:
    """Take something big back."""


# What a run may have that decides how it is carried out: options of the first stage, and of `run`.
KINDS: Dict[str, Tuple[Callable[[], Any], Dict[str, Any], Dict[str, Any]]] = {
    "plain": (value, {}, {}),
    "async": (async_value, {}, {}),
    "retries": (value, {"retries": 1}, {}),
    "async retries": (async_value, {"retries": 1}, {}),
    "hook": (value, {}, {"hooks": [Deaf()]}),
    "deadline": (value, {}, {"deadline": 60.0}),
    "rollback": (value, {"undo": undo}, {"rollback": True}),
}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("executor", ["inline", "threads", "arun"])
@pytest.mark.parametrize("check", [True, False])
def test_a_failed_run_holds_its_values_no_longer_than_its_result(
    kind: str, executor: str, check: bool
) -> None:
    """Neither the error nor its traceback keeps values in a circle that waits for the collector."""
    seen: List[Any] = []
    fn, declared, options = KINDS[kind]

    def breaks(big: Big) -> None:
        seen.append(weakref.ref(big))
        del big
        raise ValueError

    def carry_out() -> None:
        registry = Registry()
        registry.add(fn, id="value", **declared)
        registry.add(breaks, id="breaks", depends_on="value")
        assert (carried_out(registry, executor, check=check, **options) is None) is check

    gc.disable()
    try:
        carry_out()
        assert seen[0]() is None
    finally:
        gc.enable()


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("executor", ["inline", "threads", "arun"])
def test_values_live_as_long_as_their_result(kind: str, executor: str) -> None:
    """A result holds the values of its stages; without it they are gone."""
    fn, declared, options = KINDS[kind]
    registry = Registry()
    registry.add(fn, id="value", **declared)
    registry.add(lambda: None, id="after", depends_on="value")
    gc.disable()
    try:
        result = carried_out(registry, executor, **options)
        assert result is not None
        seen = weakref.ref(result["value"])
        assert seen() is not None
        del result
        assert seen() is None
    finally:
        gc.enable()


def carried_out(registry: Registry, executor: str, **options: Any) -> Optional[Result]:
    """Run a registry on an executor, or on a running loop; return None where that raised."""

    async def awaited() -> Optional[Result]:
        try:
            return await arun(registry=registry, **options)
        except RunFailedError:  # in asyncio.run() it would be held by its task
            return None

    if executor == "arun":
        return asyncio.run(awaited())
    try:
        return run(registry=registry, executor=executor, **options)
    except RunFailedError:
        return None


def test_a_failure_can_be_raised_later() -> None:
    """``raise_for_failures`` raises what ``check=True`` would have, each time anew."""
    result = mixed_outcomes()
    for _ in range(2):
        with pytest.raises(RunFailedError) as caught:
            result.raise_for_failures()
        assert caught.value.result is result
        assert isinstance(caught.value.__cause__, ValueError)
    run(registry=chain(1)).raise_for_failures()


def test_what_is_skipped_and_cancelled_is_listed_without_end() -> None:
    """The text of the error names ten of each and counts the rest."""
    registry = Registry()
    registry.add(fail, id="a", priority=1)
    for number in range(30):
        registry.add(lambda: None, id=f"s{number}", depends_on="a")
        registry.add(lambda: None, id=f"t{number}")
    with pytest.raises(RunFailedError) as caught:
        run(registry=registry, executor="inline")
    text = str(caught.value)
    assert "skipped because a failed: s0, s1, s2, s3, s4, s5, s6, s7, s8, s9 and 20 more" in text
    assert (
        "cancelled, as the run stopped: t0, t1, t2, t3, t4, t5, t6, t7, t8, t9 and 20 more" in text
    )
    assert RunStatus.FAILED is caught.value.result.status


def test_a_soft_failure_is_marked_in_the_text_of_a_hard_one() -> None:
    """All failures are listed; those that do not count are told apart."""
    registry = Registry()
    registry.add(fail, id="soft", critical=False)
    registry.add(fail, id="hard")
    with pytest.raises(RunFailedError) as caught:
        run(registry=registry, executor="inline", on_failure="continue")
    soft, hard = str(caught.value).splitlines()[1:3]
    assert soft.endswith("(not critical)")
    assert not hard.endswith("(not critical)")


def test_the_place_of_a_failure_is_the_last_frame_of_the_user() -> None:
    """Where a library raised, the line that called it is named."""
    registry = Registry()

    def parse() -> None:
        json.loads("{")

    registry.add(parse, id="parse")
    report = run(registry=registry, check=False).report("parse")
    assert report.location is not None
    assert f"test_result.py:{parse.__code__.co_firstlineno + 1}" in report.location
