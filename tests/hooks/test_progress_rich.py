"""Tests of progress on a terminal."""

from __future__ import annotations

import argparse
import io
import re
import subprocess
import sys
from typing import TYPE_CHECKING, List, Optional, Sequence

import pytest

from stagekit import Registry, run
from stagekit.events import Event, Reason, RunStatus
from stagekit.hooks import RichProgress

if TYPE_CHECKING:
    from tests.hooks.conftest import FakeTime, Story

ESCAPE = "\x1b"


class Terminal(io.StringIO):
    """A stream that says it is a terminal of 80 columns and 24 lines."""

    encoding = "utf-8"

    def isatty(self) -> bool:
        """Say yes."""
        return True


class AsciiTerminal(Terminal):
    """A terminal that shows ASCII only."""

    encoding = "ascii"


@pytest.fixture(autouse=True)
def _plain_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """No setting of the machine that runs the tests decides what they see."""
    for name in ("NO_COLOR", "FORCE_COLOR", "CI", "COLORTERM", "TTY_COMPATIBLE", "JPY_PARENT_PID"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.setenv("LINES", "24")


def hook_on(
    stream: io.StringIO,
    fake_time: FakeTime,
    *,
    color: Optional[bool] = None,
    animate: Optional[bool] = None,
) -> RichProgress:
    """Return a hook that draws when a test ticks."""
    return RichProgress(
        stream, color=color, animate=animate, clock=fake_time.clock, ticker=fake_time.ticker
    )


def shown(stream: io.StringIO) -> List[str]:
    """Return the lines written since the last time, but for empty ones and escape sequences."""
    text = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", stream.getvalue()).replace("\r", "\n")
    stream.seek(0)
    stream.truncate()
    return [line.rstrip() for line in text.split("\n") if line.strip()]


def told(events: Sequence[Event], fake_time: FakeTime) -> List[str]:
    """Return the lines that events are told with where nothing is drawn in place."""
    stream = io.StringIO()
    hook = hook_on(stream, fake_time)
    for event in events:
        hook.on_event(event)
    assert ESCAPE not in stream.getvalue()
    return stream.getvalue().splitlines()


def test_a_run_reads_as_the_mock_up_says(fake_time: FakeTime, story: Story) -> None:
    """A headline, a line for each stage that has ended, and the counts."""
    events = [
        story.begin("load_orders", "load_customers", "clean", "publish", "mail", "audit", "tidy"),
        story.start("load_orders"),
        story.ok("load_orders"),
        story.fail("load_customers", ValueError("two\n!"), critical=False),
        story.skip("clean", "load_customers", Reason.NO_VALUE),
        story.fail("publish", PermissionError("out/report.csv")),
        story.skip("mail", "publish"),
        story.cancel("audit"),
        story.cancel("tidy", Reason.INTERRUPTED),
        story.end(status=RunStatus.FAILED),
    ]
    expected = [
        "stagekit · 7 stages · threads ×2 · run r7k2",
        "",
        "  ✓ load_orders     0.42 s",
        "  ✗ load_customers  0.02 s   examples/sales.py:61  ValueError: two\\n!  (not critical)",
        "  ↷ clean           skipped: load_customers gave no value",
        "  ✗ publish         0.02 s   examples/sales.py:61  PermissionError: out/report.csv",
        "  ↷ mail            skipped: publish failed",
        "  ⊘ tidy            interrupted",
        "  ⊘ audit           cancelled: the run stopped",
        "",
        "  1 ran · 2 failed · 2 skipped · 2 cancelled   4.9 s",
    ]
    assert expected == told(events, fake_time)


def test_a_parser_that_ends_the_program_is_no_failure(fake_time: FakeTime, story: Story) -> None:
    """Argparse has printed its help; any other exit of a stage is a failure."""
    with pytest.raises(SystemExit) as helped:
        argparse.ArgumentParser("shop").parse_args(["--help"])
    with pytest.raises(SystemExit) as left:
        sys.exit(0)
    errors = (helped.value, left.value, SystemExit(0))
    names = [f"stage_{number}" for number in range(len(errors))]
    events = [story.begin(*names), *map(story.fail, names, errors), story.end()]
    assert [
        "⊘ stage_0  0.02 s   argparse ends the program",
        "✗ stage_1  0.02 s   examples/sales.py:61  SystemExit: 0 (sys.exit was called)",
    ] == [line.strip() for line in told(events, fake_time)[2:4]]


def test_what_runs_is_drawn_below_with_a_bar(fake_time: FakeTime, story: Story) -> None:
    """Each drawing has the running stages with their time, who waits, and how far the run is."""
    terminal = Terminal()
    hook = hook_on(terminal, fake_time)
    hook.on_event(story.begin("load", "customers", "clean", "enrich", "report"))
    hook.on_event(story.start("load"))
    hook.on_event(story.start("customers"))
    assert ["stagekit · 5 stages · threads ×2 · run r7k2"] == shown(terminal)
    fake_time.tick(0.5)
    expected = [
        "  ⠴ load       0.50 s",
        "  ⠴ customers  0.50 s",
        "  · 3 waiting: clean, enrich, report",
        "  0/5  ━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━  0.50 s",
    ]
    assert expected == shown(terminal)
    for event in (story.ok("load"), story.start("clean"), story.ok("customers", 0.1)):
        hook.on_event(event)
    assert [] == shown(terminal)
    fake_time.tick(1.0)
    lines = shown(terminal)
    assert ["  ✓ load       0.42 s", "  ✓ customers  0.10 s"] == lines[:2]
    expected = [
        "  ⠴ clean      1.0 s",
        "  · 2 waiting: enrich, report",
        "  2/5  ━━━━━━━━━━━━━━━━╺━━━━━━━━━━━━━━━━━━━━━━━  1.5 s",
    ]
    assert expected == lines[-3:]


def test_the_drawing_goes_away_with_the_run(fake_time: FakeTime, story: Story) -> None:
    """At the end the cursor is back, nothing ticks, and the lines stay."""
    terminal = Terminal()
    hook = hook_on(terminal, fake_time)
    for event in (story.begin("load"), story.start("load"), story.ok("load")):
        hook.on_event(event)
    fake_time.tick(0.1)
    hook.on_event(story.end())
    text = terminal.getvalue()
    assert text.count("\x1b[?25l") == text.count("\x1b[?25h") == 1
    assert [] == fake_time.calls
    assert "  1 ran · 0 failed · 0 skipped   4.9 s" == shown(terminal)[-1]
    assert sys.stdout.__class__.__name__ != "FileProxy"


def test_a_board_is_at_most_a_screenful(fake_time: FakeTime, story: Story) -> None:
    """Of a thousand running stages a few are drawn, and the rest is counted."""
    terminal = Terminal()
    hook = hook_on(terminal, fake_time)
    names = [f"stage{number}" for number in range(2_000)]
    hook.on_event(story.begin(*names))
    for name in names[:1_000]:
        hook.on_event(story.start(name))
    shown(terminal)
    fake_time.tick(1.0)
    lines = shown(terminal)
    assert 24 > len(lines)
    assert "  … 982 more running" == lines[-3]
    assert lines[-2].startswith("  · 1,000 waiting: stage1000, stage1001, ")
    assert lines[-2].endswith(", …")
    assert all(len(line) <= 80 for line in lines)


def test_of_very_many_stages_at_once_some_are_printed(fake_time: FakeTime, story: Story) -> None:
    """What ends between two drawings is printed up to a bound for each outcome, then counted."""
    names = [f"stage{number}" for number in range(10_000)]
    events: List[Event] = [story.begin(*names)]
    events += [story.ok(name) for name in names[:9_000]]
    events += [story.skip(name, names[0]) for name in names[9_000:]]
    lines = told([*events, story.end()], fake_time)
    assert 2 + 40 + 40 + 2 + 2 == len(lines)
    assert ["  ✓ 8,960 more succeeded", "  ↷ 960 more skipped"] == lines[-4:-2]


def test_two_runs_may_share_a_board(fake_time: FakeTime, story: Story) -> None:
    """Runs that overlap are drawn below each other; the board goes with the last."""
    terminal = Terminal()
    hook = hook_on(terminal, fake_time)
    other = type(story)("r7k3")
    events: List[Event] = [story.begin("a"), other.begin("b"), story.start("a"), other.start("b")]
    for event in events:
        hook.on_event(event)
    shown(terminal)
    fake_time.tick(0.0)
    bars = [line for line in shown(terminal) if "0/1" in line]
    hook.on_event(story.end())
    assert (2, 1) == (len(bars), len(fake_time.calls))
    hook.on_event(other.end())
    assert [] == fake_time.calls


def test_events_of_a_run_that_has_ended_are_not_told(fake_time: FakeTime, story: Story) -> None:
    """An event after the last one of its run prints nothing."""
    assert 4 == len(told([story.begin("a"), story.end(), story.ok("a")], fake_time))


@pytest.mark.parametrize(("name", "value"), [("NO_COLOR", "1"), ("CI", "true"), ("TERM", "dumb")])
def test_nothing_is_drawn_where_it_is_not_wanted(
    monkeypatch: pytest.MonkeyPatch, fake_time: FakeTime, story: Story, name: str, value: str
) -> None:
    """Under NO_COLOR, on a build server, on a dumb terminal no line is drawn in place."""
    monkeypatch.setenv(name, value)
    terminal = Terminal()
    hook = hook_on(terminal, fake_time)
    for event in (story.begin("load"), story.start("load"), story.ok("load")):
        hook.on_event(event)
        fake_time.tick(1.0)
    hook.on_event(story.end())
    text = terminal.getvalue()
    assert "\x1b[?25l" not in text
    assert "\x1b[2K" not in text
    assert (name == "CI") == (ESCAPE in text)


def test_colour_and_drawing_are_decided_apart(
    monkeypatch: pytest.MonkeyPatch, fake_time: FakeTime, story: Story
) -> None:
    """FORCE_COLOR colours a file and draws nothing in it; drawing works without colour."""
    monkeypatch.setenv("FORCE_COLOR", "1")
    file, terminal = io.StringIO(), Terminal()
    hooks = [hook_on(file, fake_time), hook_on(terminal, fake_time, color=False, animate=True)]
    for event in (story.begin("load"), story.ok("load"), story.end()):
        for hook in hooks:
            hook.on_event(event)
    assert "\x1b[32m✓" in file.getvalue()
    assert "\r" not in file.getvalue()
    assert "\x1b[?25l" not in file.getvalue()
    assert "\x1b[?25l" in terminal.getvalue()
    assert not re.search(r"\x1b\[[0-9;]*m", terminal.getvalue())


def test_a_terminal_without_unicode_gets_ascii(fake_time: FakeTime, story: Story) -> None:
    """Marks and bar are drawn with ASCII, and names with escapes."""
    terminal = AsciiTerminal()
    hook = hook_on(terminal, fake_time, color=False)
    for event in (story.begin("grün", "b", "c"), story.ok("grün"), story.start("b")):
        hook.on_event(event)
    fake_time.tick(0.5)
    terminal.getvalue().encode("ascii")
    lines = shown(terminal)
    assert "stagekit, 3 stages, threads x2, run r7k2" == lines[0]
    assert "  + gr\\xfcn  0.42 s" == lines[1]
    assert "  . 1 waiting: c" == lines[-2]


def test_no_control_character_reaches_the_terminal(fake_time: FakeTime, story: Story) -> None:
    """Names, errors and markup written by an enemy are shown as they are, escaped."""
    evil = "\x1b]0;title\x07[bold]\u202e"
    terminal = Terminal()
    hook = hook_on(terminal, fake_time, color=False)
    hook.on_event(story.begin(evil, "b"))
    hook.on_event(story.start(evil))
    fake_time.tick(0.1)
    hook.on_event(story.fail(evil, OSError(f"{evil}[/bold] :smile:")))
    fake_time.tick(0.1)
    lines = shown(terminal)
    assert all(line.isprintable() for line in lines)
    told = " ".join(" ".join(lines).split())  # a line that is too long goes on below
    assert "OSError: \\x1b]0;title\\x07[bold]\\u202e[/bold] :smile:" in told


def test_a_reader_that_goes_away_ends_the_drawing_only(fake_time: FakeTime, story: Story) -> None:
    """A closed stream is written to no more, and nothing is raised."""
    terminal = Terminal()
    hook = hook_on(terminal, fake_time)
    hook.on_event(story.begin("load"))
    terminal.close()
    hook.on_event(story.ok("load"))
    fake_time.tick(0.1)
    hook.on_event(story.end())


def test_a_narrow_terminal_is_no_error(
    monkeypatch: pytest.MonkeyPatch, fake_time: FakeTime, story: Story
) -> None:
    """Whatever its size, a terminal is drawn on within its width."""
    monkeypatch.setenv("COLUMNS", "10")
    monkeypatch.setenv("LINES", "2")
    terminal = Terminal()
    hook = hook_on(terminal, fake_time)
    hook.on_event(story.begin("a_long_name", "b", "c"))
    hook.on_event(story.start("a_long_name"))
    shown(terminal)
    fake_time.tick(0.1)
    assert all(len(line) <= 10 for line in shown(terminal))


def test_prints_of_stages_stand_above_the_board(
    monkeypatch: pytest.MonkeyPatch, fake_time: FakeTime, story: Story
) -> None:
    """Prints on the terminal do not tear the board; prints that go elsewhere go there."""
    terminal, output, file = Terminal(), Terminal(), io.StringIO()
    for stream in (output, file):
        monkeypatch.setattr(sys, "stdout", stream)
        hook = hook_on(terminal, fake_time)
        hook.on_event(story.begin("load"))
        print("said by a stage")  # noqa: T201 - the point
        hook.on_event(story.end())
    assert "" == output.getvalue()
    assert "said by a stage\n" == file.getvalue()
    assert 1 == terminal.getvalue().count("said by a stage")


def test_a_real_run_is_drawn(monkeypatch: pytest.MonkeyPatch) -> None:
    """With a run of our own, the thread that draws ends with it."""
    terminal = Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)
    registry = Registry()
    registry.add(lambda: None, id="m:first")
    registry.add(lambda: None, id="m:second", depends_on="m:first")
    run(registry=registry, hooks=[RichProgress(title="flow", summary=False)])
    lines = shown(terminal)
    assert lines[0].startswith("flow · 2 stages · inline ×1 · run ")
    assert {"✓ first", "✓ second"} <= {" ".join(line.split()[:2]) for line in lines}


def test_rich_is_loaded_where_a_board_is_made_only() -> None:
    """Importing the hooks, or using the plain one, loads neither rich nor loguru."""
    script = (
        "import sys, stagekit.hooks\n"
        "from stagekit.hooks import PlainProgress, RichProgress\n"
        "PlainProgress(); assert 'rich' not in sys.modules and 'loguru' not in sys.modules\n"
        "RichProgress(); assert 'rich' in sys.modules\n"
        "assert sorted(stagekit.hooks.__all__) == [n for n in dir(stagekit.hooks) if n[0].isupper()"
        " and n != 'TYPE_CHECKING']\n"
        "try: stagekit.hooks.Nothing\n"
        "except AttributeError as error: print(error)"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=False
    )
    assert ("", 0) == (done.stderr, done.returncode)
    assert "module 'stagekit.hooks' has no attribute 'Nothing'\n" == done.stdout
