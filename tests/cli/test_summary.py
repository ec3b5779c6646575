"""The last lines of a run: counts, times, the critical path."""

from __future__ import annotations

from typing import Any, List

import pytest

from stagekit import Registry, run
from stagekit.cli.output import Style
from stagekit.cli.progress import RunningStages
from stagekit.cli.summary import plain_summary, summary
from stagekit.events import StageStarted, StageSucceeded

SECOND = 10**9


def timed(count: int, *, fails: bool = False) -> Any:  # Any: a result with its clock set by hand
    """Return the result of a chain of stages, each of a second, and of one beside it of half."""
    registry = Registry()
    last: List[Any] = []

    def work() -> None: ...

    def fail() -> None:
        raise ValueError

    for number in range(count):
        is_last = number == count - 1
        last = [registry.add(fail if is_last and fails else work, id=f"s{number}", depends_on=last)]
    registry.add(work, id="beside")
    result = run(
        registry=registry, executor="threads", workers=2, check=False, on_failure="continue"
    )
    columns = result._columns
    columns.began, columns.ended = SECOND, (count + 1) * SECOND
    columns.starts = [
        SECOND * (1 + int(each[1:])) if each != "beside" else SECOND for each in result.plan
    ]
    columns.ends[:] = [
        start + (SECOND if each != "beside" else SECOND // 2)
        for start, each in zip(columns.starts, result.plan)
    ]
    return result


LONG = """\
  2 ran · 1 failed · 0 skipped     2.0 s wall, 2.5 s work, ×1.2
  critical path  s0 → s1   2.0 s (100%)
  failed         s1  {place}"""
PLAIN = """\
  2 ran, 1 failed, 0 skipped     2.0 s wall, 2.5 s work, x1.2
  critical path  s0 -> s1   2.0 s (100%)
  failed         s1  {place}"""


@pytest.mark.parametrize(
    ("style", "expected"), [(Style(), LONG), (Style(has_unicode=False), PLAIN)]
)
def test_a_summary_looks_like_this(style: Style, expected: str) -> None:
    """In ASCII where the stream has no more; what failed is named with its place."""
    result = timed(2, fails=True)
    place = result.failures[0].location
    assert expected.format(place=place) == summary(result, style)


def test_a_long_critical_path_is_cut() -> None:
    """Its beginning and its end tell the most."""
    lines = summary(timed(40), Style()).split("\n")
    assert lines[1].startswith("  critical path  s0 → s1 → s2 ")
    assert " → … → s38 → s39   " in lines[1]


def test_a_summary_for_logs_is_one_line() -> None:
    """With the id of the run."""
    result = timed(2)
    expected = f"summary: 3 ran, 0 failed, 0 skipped in 2.0s (run {result.run_id})"
    assert expected == plain_summary(result)


def test_who_waits_is_told_for_whom() -> None:
    """The stages that have started and not ended, a few by name."""
    result = timed(9)
    running_stages = RunningStages(result.plan)
    assert "waiting for stages that run, 10 s at most; Ctrl-C again" in running_stages.text(10.0)
    for number in range(8):
        running_stages.on_event(StageStarted("r", 0.0, f"s{number}", 1, "main"))
    running_stages.on_event(StageSucceeded("r", 0.0, "s0", 1, 1.0, "main"))
    assert "waiting for s1, s2, s3, s4, s5 and 2 more, 0.5 s at most" in running_stages.text(0.5)
