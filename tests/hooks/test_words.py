"""What progress hooks say while stages run: attempts to come, and how far stages are."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any, List, Optional

import pytest

from stagekit.events import Event, Reason, StageProgress, StageRetrying, StageSkipped
from stagekit.hooks import PlainProgress, RichProgress
from stagekit.hooks.words import how_far, retry_words

if TYPE_CHECKING:
    from tests.hooks.conftest import FakeTime, Story


def progress(
    stage: str = "load",
    done: Optional[float] = None,
    total: Optional[float] = None,
    note: Optional[str] = None,
    item: Optional[int] = None,
) -> StageProgress:
    """Return what a stage of the story says."""
    return StageProgress("r7k2", 0.0, f"sales:{stage}", 1, done, total, note, item)


def retrying(stage: str = "load", **more: Any) -> StageRetrying:
    """Return that a stage of the story is tried again."""
    error = ConnectionError("reset\nby peer")
    return StageRetrying("r7k2", 0.0, f"sales:{stage}", 1, 0.5, error, **more)


@pytest.mark.parametrize(
    ("event", "expected"),
    [
        (progress(done=7, total=20), "7/20"),
        (progress(done=7, total=20, note="a\x1bb"), "7/20  a\\x1bb"),
        (progress(done=1_234_567), "1,234,567"),
        (progress(done=0.25, total=1.0), "0.2/1"),
        (progress(total=20), "of 20"),
        (progress(note="reading"), "reading"),
        (progress(note="reading", item=3), "item 3: reading"),
        (progress(), ""),
    ],
)
def test_how_far_a_stage_is(event: StageProgress, expected: str) -> None:
    """In its own words, harmless to print; what it has not said is left out."""
    assert expected == how_far(event)


@pytest.mark.parametrize(
    ("event", "expected"),
    [
        (retrying(attempts=3), "attempt 2 of 3 in 0.50 s: ConnectionError: reset"),
        (retrying(), "attempt 2 in 0.50 s: ConnectionError: reset"),
        (retrying(item=4), "item 4: attempt 2 in 0.50 s: ConnectionError: reset"),
    ],
)
def test_which_attempt_comes_next(event: StageRetrying, expected: str) -> None:
    """When, and because of what."""
    assert expected == retry_words(event)


def test_plain_lines_tell_retries_and_now_and_then_progress(
    fake_time: FakeTime, story: Story
) -> None:
    """A line for each retry; of progress one in five seconds, however much a stage says."""
    stream = io.StringIO()
    hook = PlainProgress(stream, clock=fake_time.clock, ticker=fake_time.ticker)
    hook.on_event(story.begin("load"))
    hook.on_event(story.start("load"))
    hook.on_event(retrying(attempts=3))
    for number in range(1, 25):
        fake_time.now += 0.5
        hook.on_event(progress(done=number, total=24))
    hook.on_event(story.ok("load", 12.0))
    assert [
        "[ 1/1] start  load",
        "[ 1/1] retry  load  attempt 2 of 3 in 0.50 s: ConnectionError: reset",
        "[ 1/1] at     load  10/24",
        "[ 1/1] at     load  20/24",
        "[ 1/1] ok     load  12.0s",
    ] == lines(stream)


def lines(stream: io.StringIO) -> List[str]:
    """Return the lines that were written."""
    return stream.getvalue().splitlines()


def test_silence_is_broken_with_how_far_what_runs_is(fake_time: FakeTime, story: Story) -> None:
    """The line that says what runs has the last word of each stage."""
    stream = io.StringIO()
    hook = PlainProgress(stream, clock=fake_time.clock, ticker=fake_time.ticker)
    hook.on_event(story.begin("load"))
    hook.on_event(story.start("load"))
    hook.on_event(progress(done=7, total=20))
    fake_time.tick(31.0)
    assert "[ 0/1] wait   load 31.0s (7/20)" == lines(stream)[-1]


def board(events: List[Event], fake_time: FakeTime) -> str:
    """Return what a board shows after some events."""
    stream = io.StringIO()
    hook = RichProgress(
        stream, color=False, animate=True, clock=fake_time.clock, ticker=fake_time.ticker
    )
    for event in events:
        hook.on_event(event)
    fake_time.tick(0.1)
    return stream.getvalue()


def test_the_board_shows_how_far_running_stages_are(fake_time: FakeTime, story: Story) -> None:
    """Beside the time that each has taken."""
    shown = board(
        [story.begin("load"), story.start("load"), progress(done=7, total=20, note="page 7")],
        fake_time,
    )
    assert "7/20  page 7" in shown


def test_the_board_counts_items_rather_than_telling_one(fake_time: FakeTime, story: Story) -> None:
    """Where both are known."""
    shown = board(
        [
            story.begin("load"),
            story.start("load"),
            progress(done=7, total=20),
            progress(note="reading", item=8),
        ],
        fake_time,
    )
    assert "7/20" in shown
    assert "reading" not in shown


def test_the_board_tells_what_is_tried_again(fake_time: FakeTime, story: Story) -> None:
    """As a line that stays, and beside the stage that waits."""
    shown = board([story.begin("load"), story.start("load"), retrying(attempts=3)], fake_time)
    assert "attempt 2 of 3 in 0.50 s: ConnectionError: reset" in shown
    assert 2 == shown.count("attempt 2 of 3")


def test_many_retries_are_counted(fake_time: FakeTime, story: Story) -> None:
    """A screen shows so many lines of a kind in one drawing; the rest is a number."""
    events: List[Event] = [story.begin("load"), story.start("load")]
    events += [retrying(item=number) for number in range(100)]
    assert "60 more tried again" in board(events, fake_time)


def test_what_nobody_needed_is_told_without_a_culprit(fake_time: FakeTime, story: Story) -> None:
    """Neither in lines nor above the board."""
    skipped = StageSkipped("r7k2", 0.0, "sales:load", Reason.NOT_NEEDED, None)
    stream = io.StringIO()
    hook = PlainProgress(stream, clock=fake_time.clock, ticker=fake_time.ticker)
    hook.on_event(story.begin("load"))
    hook.on_event(skipped)
    assert ["[ 1/1] skip   load  nobody needed it"] == lines(stream)
    assert "skipped: nobody needed it" in board([story.begin("load"), skipped], fake_time)
