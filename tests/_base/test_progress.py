"""``Progress``: told as often as anybody can see it, and always to the end."""

from __future__ import annotations

import pickle
import threading
from typing import Any, Iterator, List, Optional, Tuple

import pytest

from stagekit._base.progress import EVERY, Progress

Said = Tuple[Optional[float], Optional[float], Optional[str]]


class Ear:
    """Who is told, and the clock that time is read from."""

    def __init__(self) -> None:
        self.now = 100.0
        self.said: List[Said] = []
        self.progress = Progress(self.hear, clock=lambda: self.now)

    def hear(self, *said: Any) -> None:
        """Keep what is told."""
        self.said.append(said)


def test_without_an_engine_it_tells_nobody() -> None:
    """A stage can be called by hand, with a progress of its own."""
    progress = Progress()
    progress.update(1, 2, "half")
    progress.flush()
    assert ["a", "b"] == list(progress.track("ab"))


def test_what_is_left_out_stays_as_it_was() -> None:
    """Each word has all that is known."""
    ear = Ear()
    words: List[Any] = [{"total": 4}, {"done": 1, "note": "first"}, {"done": 2}]
    for each in words:
        ear.progress.update(**each)
        ear.now += EVERY
    assert [(None, 4, None), (1, 4, "first"), (2, 4, "first")] == ear.said


def test_it_is_told_at_most_twenty_times_a_second() -> None:
    """Of 10,000 updates within a second only as many as can be seen."""
    ear = Ear()
    for number in range(10_000):
        ear.progress.update(number)
        ear.now += 0.0001
    assert 15 <= len(ear.said) <= 21


def test_the_last_word_is_always_told() -> None:
    """What was held back is told at the end, once."""
    ear = Ear()
    for number in range(3):
        ear.progress.update(number, note=f"file {number}")
    assert [(0, None, "file 0")] == ear.said
    ear.progress.flush()
    ear.progress.flush()
    assert [(0, None, "file 0"), (2, None, "file 2")] == ear.said


def test_that_all_is_done_is_told_at_once() -> None:
    """But not again and again."""
    ear = Ear()
    for number in (1, 2, 3, 3, 3):
        ear.progress.update(number, 3)
    assert [(1, 3, None), (3, 3, None)] == ear.said


def test_what_is_tracked_counts_the_items() -> None:
    """Each is done when the next is asked for; the total is their number."""
    ear = Ear()
    taken: List[str] = []
    for item in ear.progress.track(["a", "b"]):
        taken.append(item)
        ear.now += EVERY
    assert ["a", "b"] == taken
    assert [(0, 2, None), (1, 2, None), (2, 2, None)] == ear.said


def test_items_without_a_number_can_be_tracked() -> None:
    """Of a generator the total is unknown, unless it is said."""

    def items() -> Iterator[int]:
        yield from (1, 2)

    ear = Ear()
    list(ear.progress.track(items()))
    assert [(0, None, None), (2, None, None)] == ear.said
    ear = Ear()
    list(ear.progress.track(items(), 2))
    assert [(0, 2, None), (2, 2, None)] == ear.said


def test_what_is_tracked_and_left_early_tells_how_far_it_came() -> None:
    """By a break or by an error."""
    ear = Ear()
    tracked: Any = ear.progress.track(range(10))
    assert [0, 1, 2, 3] == [next(tracked) for _ in range(4)]
    tracked.close()
    assert (3, 10, None) == ear.said[-1]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ({"done": -1}, "done must be a number of 0 or more, got -1"),
        ({"done": float("nan")}, "done must be a number of 0 or more, got nan"),
        ({"total": float("inf")}, "total must be a number of 0 or more, got inf"),
        ({"total": "3"}, "total must be a number of 0 or more, got '3'"),
        ({"note": 3}, "note must be a text, got 3"),
    ],
)
@pytest.mark.parametrize("progress", [Progress(), Ear().progress])
def test_what_cannot_be_shown_is_refused(progress: Progress, words: Any, message: str) -> None:
    """With an engine or without, so that a test of the function finds it."""
    with pytest.raises(ValueError, match=message):
        progress.update(**words)


def test_threads_of_a_stage_may_share_it() -> None:
    """No word is lost that was the last."""
    ear = Ear()

    def work(start: int) -> None:
        for number in range(start, start + 1000):
            ear.progress.update(note=str(number))

    threads = [threading.Thread(target=work, args=(start,)) for start in (0, 5000, 10_000)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    ear.progress.flush()
    assert ear.said[-1][2] in {"999", "5999", "10999"}


def test_it_is_not_copied() -> None:
    """A copy would tell nobody."""
    with pytest.raises(TypeError, match="cannot be copied or sent to another process"):
        pickle.dumps(Progress())
