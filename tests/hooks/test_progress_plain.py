"""Tests of progress as lines of text."""

from __future__ import annotations

import io
import sys
from typing import TYPE_CHECKING, List, Sequence

import pytest

from stagekit import Registry, run
from stagekit.events import Event, Outcome, Reason, RunStatus, StageEvent
from stagekit.hooks import PlainProgress

if TYPE_CHECKING:
    from tests.hooks.conftest import FakeTime, Story


def lines_of(events: Sequence[Event], fake_time: FakeTime) -> List[str]:
    """Return the lines that events are told with."""
    stream = io.StringIO()
    hook = PlainProgress(stream, clock=fake_time.clock, ticker=fake_time.ticker)
    for event in events:
        hook.on_event(event)
    return stream.getvalue().splitlines()


def test_a_run_reads_as_the_mock_up_says(fake_time: FakeTime, story: Story) -> None:
    """A line for each start and end, fixed columns, and a summary."""
    events = [
        story.begin("load_orders", "load_customers", "clean", "publish", "mail", "audit", "tidy"),
        story.start("load_orders"),
        story.ok("load_orders"),
        story.start("load_customers"),
        story.fail("load_customers", ValueError("two\nlines"), critical=False),
        story.skip("clean", "load_customers", Reason.NO_VALUE),
        story.start("publish"),
        story.fail("publish", PermissionError("out/report.csv")),
        story.skip("mail", "publish"),
        story.cancel("audit"),
        story.cancel("tidy", Reason.INTERRUPTED),
        story.end(status=RunStatus.FAILED),
    ]
    failure = "0.02s  examples/sales.py:61"
    expected = [
        "[ 1/7] start  load_orders",
        "[ 1/7] ok     load_orders     0.42s",
        "[ 2/7] start  load_customers",
        f"[ 2/7] failed load_customers  {failure}  ValueError: two\\nlines",
        "[ 3/7] skip   clean           load_customers gave no value",
        "[ 4/7] start  publish",
        f"[ 4/7] FAILED publish         {failure}  PermissionError: out/report.csv",
        "[ 5/7] skip   mail            publish failed",
        "[ 7/7] cancel tidy            interrupted",
        "[ 6/7] cancel audit           the run stopped",
        "summary: 1 ran, 2 failed, 2 skipped, 2 cancelled in 4.9s (run r7k2)",
    ]
    assert expected == lines_of(events, fake_time)


def test_numbers_of_many_stages_stand_below_each_other(fake_time: FakeTime, story: Story) -> None:
    """The number of a stage is as wide as the count of all, and stays with it."""
    names = [f"s{number}" for number in range(1_000)]
    events = [story.begin(*names), *map(story.start, names[::-1]), story.ok("s0", 61.0)]
    lines = lines_of(events, fake_time)
    assert "[   1/1000] start  s999" == lines[0]
    assert "[1000/1000] ok     s0    1min01s" == lines[-1]


def test_reused_stages_are_counted_apart(fake_time: FakeTime, story: Story) -> None:
    """The summary says how many stages came from a cache, where some did."""
    story.counts = {Outcome.SUCCEEDED: 5, Outcome.REUSED: 1, Outcome.FAILED: 1}
    expected = "summary: 5 ran, 1 cached, 1 failed, 0 skipped in 4.9s (run r7k2)"
    assert [expected] == lines_of([story.begin(), story.end()], fake_time)


def test_a_summary_may_be_left_to_others(fake_time: FakeTime, story: Story) -> None:
    """Who prints a summary of their own switches it off."""
    stream = io.StringIO()
    hook = PlainProgress(stream, summary=False, clock=fake_time.clock, ticker=fake_time.ticker)
    hook.on_event(story.begin())
    hook.on_event(story.end())
    assert "" == stream.getvalue()


def test_after_half_a_minute_of_silence_a_line_says_what_runs(
    fake_time: FakeTime, story: Story
) -> None:
    """The heartbeat names what runs and for how long; it beats again after as long a silence."""
    stream = io.StringIO()
    hook = PlainProgress(stream, clock=fake_time.clock, ticker=fake_time.ticker)
    hook.on_event(story.begin("a", "b", "c", "d", "e"))
    for name in "abcd":
        hook.on_event(story.start(name))
    stream.truncate(0)
    fake_time.tick(29.9)
    assert "" == stream.getvalue()
    fake_time.tick(0.1)
    fake_time.tick(29.9)
    hook.on_event(story.ok("a"))
    fake_time.tick(29.0)
    fake_time.tick(1.0)
    beats = [line for line in stream.getvalue().lstrip("\0").splitlines() if " wait " in line]
    expected = [
        "[ 0/5] wait   a 30.0s, b 30.0s, c 30.0s and 1 more",
        "[ 1/5] wait   b 1min30s, c 1min30s, d 1min30s",
    ]
    assert expected == beats


def test_silence_with_nothing_running_is_told_as_such(fake_time: FakeTime, story: Story) -> None:
    """Where no stage runs, as in a long start of a pool, the heartbeat says that."""
    stream = io.StringIO()
    hook = PlainProgress(stream, clock=fake_time.clock, ticker=fake_time.ticker)
    hook.on_event(story.begin("a"))
    fake_time.tick(30.0)
    assert "[ 0/1] wait   nothing runs\n" == stream.getvalue()


def test_the_heartbeat_ends_with_the_run(fake_time: FakeTime, story: Story) -> None:
    """No thread is left ticking when the last run of a hook is over."""
    hook = PlainProgress(io.StringIO(), clock=fake_time.clock, ticker=fake_time.ticker)
    other = type(story)("r7k3")
    for event in (story.begin("a"), other.begin("a"), story.end()):
        hook.on_event(event)
    assert 1 == len(fake_time.calls)
    hook.on_event(other.end())
    assert [] == fake_time.calls


def test_two_runs_may_share_a_hook(fake_time: FakeTime, story: Story) -> None:
    """Events of runs that overlap are told with the numbers of their own run."""
    other = type(story)("r7k3")
    events: List[Event] = [story.begin("a"), other.begin("b", "c"), other.start("c")]
    events += [story.start("a"), story.end(), other.end()]
    expected = ["[ 1/2] start  c", "[ 1/1] start  a"]
    assert expected == lines_of(events, fake_time)[:2]


def test_events_of_a_run_that_has_ended_are_not_told(fake_time: FakeTime, story: Story) -> None:
    """An event after the last one of its run, or of a kind not known yet, prints nothing."""
    late = [story.begin("a"), StageEvent("r7k2", 0.0, "sales:a"), story.end(), story.start("a")]
    assert 1 == len(lines_of(late, fake_time))


def test_names_that_clash_are_whole_ids(fake_time: FakeTime, story: Story) -> None:
    """Stages of one short name are told apart by their ids; long ids break no line."""
    events: List[Event] = [story.begin("a", "x.y:a", "b" * 80)]
    events += [story.start("a"), story.start("b" * 80)]
    expected = ["[ 1/3] start  sales:a", "[ 2/3] start  " + "b" * 80]
    assert expected == lines_of(events, fake_time)


def test_no_control_character_reaches_the_stream(fake_time: FakeTime, story: Story) -> None:
    """Names and errors written by an enemy are shown escaped, on one line; long ones are cut."""
    evil = "\x1b]0;title\x07\u202e\n[ 1/1] ok"
    events: List[Event] = [story.begin(evil), story.fail(evil, OSError(evil + "x" * 10_000))]
    lines = lines_of(events, fake_time)
    assert 1 == len(lines)
    assert lines[0].isprintable()
    assert 600 > len(lines[0])


class AsciiStream(io.StringIO):
    """A stream whose encoding has no more than ASCII."""

    encoding = "ascii"

    def write(self, text: str) -> int:
        """Refuse what ASCII lacks, as a terminal of that encoding does."""
        return super().write(text.encode("ascii").decode())


def test_a_stream_without_unicode_gets_escapes(fake_time: FakeTime, story: Story) -> None:
    """What an encoding lacks is written by its number."""
    stream = AsciiStream()
    hook = PlainProgress(stream, clock=fake_time.clock, ticker=fake_time.ticker)
    hook.on_event(story.begin("grün"))
    hook.on_event(story.start("grün"))
    assert "[ 1/1] start  gr\\xfcn\n" == stream.getvalue()


class ClosedPipe(io.StringIO):
    """A pipe whose reader goes away after one line."""

    writes = 0

    def write(self, text: str) -> int:
        """Take one line, then break."""
        self.writes += 1
        if self.writes > 1:
            raise BrokenPipeError
        return len(text)


class BrokenFlush(io.StringIO):
    """A pipe that breaks where it is flushed."""

    flushes = 0

    def flush(self) -> None:
        """Break."""
        self.flushes += 1
        raise BrokenPipeError


def test_a_reader_that_goes_away_ends_the_printing_only(fake_time: FakeTime, story: Story) -> None:
    """A broken pipe is written to no more, and nothing is raised."""
    pipe, flush = ClosedPipe(), BrokenFlush()
    for stream in (pipe, flush):
        hook = PlainProgress(stream, clock=fake_time.clock, ticker=fake_time.ticker)
        for event in (story.begin("a"), story.start("a"), story.ok("a"), story.end()):
            hook.on_event(event)
    assert (2, 1) == (pipe.writes, flush.flushes)


def test_a_closed_stream_is_no_error(fake_time: FakeTime, story: Story) -> None:
    """A stream that was closed before the run takes nothing and raises nothing."""
    stream = io.StringIO()
    stream.close()
    hook = PlainProgress(stream, clock=fake_time.clock, ticker=fake_time.ticker)
    for event in (story.begin("a"), story.start("a"), story.end()):
        hook.on_event(event)


def test_without_standard_error_nothing_is_told(
    monkeypatch: pytest.MonkeyPatch, fake_time: FakeTime, story: Story
) -> None:
    """A process started without standard error runs as well."""
    monkeypatch.setattr(sys, "stderr", None)
    hook = PlainProgress(clock=fake_time.clock, ticker=fake_time.ticker)
    for event in (story.begin("a"), story.start("a"), story.end()):
        hook.on_event(event)


@pytest.mark.parametrize("executor", ["inline", "threads"])
def test_a_real_run_is_told_on_standard_error(
    capsys: pytest.CaptureFixture[str], executor: str
) -> None:
    """With a run of our own and no stream said, lines go to standard error."""
    registry = Registry()
    registry.add(lambda: None, id="m:first")
    registry.add(lambda: None, id="m:second", depends_on="m:first")
    run(registry=registry, executor=executor, hooks=[PlainProgress()])
    told = capsys.readouterr()
    words = [line.split()[2:4] for line in told.err.splitlines()]
    assert "" == told.out
    assert ["start", "first"] == words[0]
    assert [["start", "first"], ["ok", "first"], ["start", "second"], ["ok", "second"]] == words[:4]
    assert told.err.splitlines()[4].startswith("summary: 2 ran, 0 failed, 0 skipped in ")
