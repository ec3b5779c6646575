"""``Progress`` as a parameter: what a stage says of how far it is reaches hooks."""

from __future__ import annotations

import threading
from typing import Any, Iterator, List, Tuple

from typing_extensions import Annotated

from stagekit import Each, Progress, Registry, run
from stagekit.events import StageProgress, StageRetrying
from stagekit.testing import RecordingHook
from tests.run.things import Page, Size, pages
from tests.run.ways import Way


def said(hook: RecordingHook, stage: str = "size") -> List[Tuple[Any, ...]]:
    """Return what hooks were told of the progress of a stage."""
    return [
        (event.done, event.total, event.note, event.attempt, event.item)
        for event in hook.events
        if isinstance(event, StageProgress) and event.stage_id == stage
    ]


def test_what_a_stage_says_reaches_hooks(anyway: Way) -> None:
    """The first word at once, and the last one even where it came too soon after another."""
    hook = RecordingHook()

    @anyway.stage
    def size(progress: Progress) -> Size:
        for number in range(50):
            progress.update(number, 60, f"page {number}")
        return Size(1)

    assert anyway.run(hooks=[hook]).ok
    told = said(hook)
    assert (0, 60, "page 0", 1, None) == told[0]
    assert (49, 60, "page 49", 1, None) == told[-1]
    kinds = [type(event).__name__ for event in hook.events]
    assert kinds.index("StageStarted") < kinds.index("StageProgress")
    assert kinds.index("StageSucceeded") > max(
        place for place, kind in enumerate(kinds) if kind == "StageProgress"
    )


def test_what_is_tracked_is_counted(anyway: Way) -> None:
    """``track`` says how many of how many, and yields the very items."""
    hook = RecordingHook()

    @anyway.stage
    def size(progress: Progress) -> Size:
        return Size(sum(progress.track([1, 2, 3])))

    assert 6 == anyway.run(hooks=[hook])["size"]
    told = said(hook)
    assert (0, 3, None, 1, None) == told[0]
    assert (3, 3, None, 1, None) == told[-1]


def test_progress_tells_its_attempt(way: Way) -> None:
    """A new attempt begins anew; hooks hear in between that it is tried again."""
    hook = RecordingHook()
    tries: List[int] = []

    @way.stage(retries=1)
    def size(progress: Progress) -> Size:
        tries.append(1)
        progress.update(len(tries), 2)
        if len(tries) == 1:
            raise OSError("again")
        return Size(1)

    assert way.run(hooks=[hook]).ok
    assert [(1, 2, None, 1, None), (2, 2, None, 2, None)] == said(hook)
    (event,) = [event for event in hook.events if isinstance(event, StageRetrying)]
    assert (1, 2, 0.0) == (event.attempt, event.attempts, event.delay)


def test_progress_tells_its_item(way: Way) -> None:
    """Each item of a stage has a progress of its own; the stage counts them besides."""
    hook = RecordingHook()

    @way.stage
    def load() -> List[Page]:
        return pages(5, 6)

    @way.stage
    def size(page: Annotated[Page, Each()], progress: Progress) -> Size:
        progress.update(note=f"page {page.number}")
        return Size(page.number)

    assert way.run(hooks=[hook]).ok
    told = said(hook)
    assert {(None, None, "page 5", 1, 0), (None, None, "page 6", 1, 1)} <= set(told)
    assert (2, 2, None, 1, None) == [each for each in told if each[-1] is None][-1]


def test_a_resource_may_say_how_far_it_is(way: Way) -> None:
    """While it is being set up, like any stage."""
    hook = RecordingHook()

    @way.stage
    def size(progress: Progress) -> Iterator[Size]:
        progress.update(1, 2, "connecting")
        yield Size(1)

    way.run(hooks=[hook])
    assert [(1, 2, "connecting", 1, None)] == said(hook)


def test_threads_of_a_stage_may_use_its_progress() -> None:
    """What they say is told, and nothing is lost of the last word."""
    registry = Registry()
    hook = RecordingHook()

    @registry.stage(id="size")
    def size(progress: Progress) -> Size:
        helpers = [threading.Thread(target=progress.update, args=(n, 4)) for n in range(4)]
        for helper in helpers:
            helper.start()
        for helper in helpers:
            helper.join()
        progress.update(4)
        return Size(1)

    run(registry=registry, executor="threads", hooks=[hook])
    assert (4, 4, None, 1, None) == said(hook)[-1]


def test_progress_costs_nothing_without_hooks(way: Way) -> None:
    """And disturbs nobody."""

    @way.stage
    def size(progress: Progress) -> Size:
        for number in progress.track(range(1_000)):
            progress.update(note=str(number))
        return Size(1)

    assert 1 == way.run()["size"]


def test_a_wrong_word_fails_the_stage(way: Way) -> None:
    """A count that is no number is a mistake of the stage, and told as such."""

    @way.stage
    def size(progress: Progress) -> Size:
        progress.update("half")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]  # the mistake
        return Size(1)

    report = way.run(check=False).report("size")
    assert isinstance(report.error, ValueError)
