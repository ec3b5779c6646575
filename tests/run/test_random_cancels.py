"""Cancels at random instants, on all engines of this process: what must hold whenever they come."""

from __future__ import annotations

import asyncio
import random
import threading
from collections import Counter
from typing import Any, Dict, List, Tuple

import pytest

from stagekit import CancelToken, Registry, Result, Retry
from stagekit.events import (
    Event,
    Outcome,
    RunFinished,
    RunStarted,
    RunStatus,
    StageCancelled,
    StageFailed,
    StageSkipped,
    StageSucceeded,
)
from tests.run.timed import PATIENCE, Timed

WAYS = ("inline", "threads", "asyncio", "pool", "arun threads", "arun asyncio", "arun inline")
QUICK, ALL = 63, 301
STAGES, MOMENTS = 9, 24
ENDS = (StageSucceeded, StageFailed, StageSkipped, StageCancelled)


class Story:
    """One run, cancelled by another thread at a moment that the seed draws.

    A moment is when a stage is called, or has what it will return, or an event is told. A stage
    that waits to be told to end brings the cancel about as well.
    """

    def __init__(self, seed: int) -> None:
        self.chance = random.Random(seed)  # noqa: S311 - a schedule, no secret
        self.timed = Timed(WAYS[seed % len(WAYS)])
        self.token, self.instant = CancelToken(), threading.Event()
        self.log: List[Tuple[str, str]] = []  # appended to by any thread
        self.parents: Dict[str, List[str]] = {}
        self.left = self.chance.randrange(MOMENTS)
        for number in range(STAGES):
            self.declare(f"s{number}", [f"s{other}" for other in range(number)])

    def declare(self, name: str, earlier: List[str]) -> None:
        """Declare one stage."""
        chance = self.chance
        self.parents[name] = [other for other in earlier if chance.random() < 0.25]
        kinds = ["returns"] * 6 + ["fails", "fails once", "waits"]
        kind = chance.choice(kinds[: -1 if self.timed.is_inline else None])
        retries = Retry(chance.randint(1, 3), wait=chance.choice([0, 5]))
        self.timed.registry.add(
            self.made(name, kind),
            id=name,
            depends_on=self.parents[name],
            retries=retries,
            critical=chance.random() < 0.9,
        )

    def made(self, name: str, kind: str) -> Any:
        """Return the function of one stage."""

        def called() -> None:
            self.log.append(("called", name))
            self.moment()
            if kind == "fails" or (kind == "fails once" and self.count("called", name) == 1):
                self.log.append(("raised", name))
                raise OSError(name)

        def ends() -> str:
            self.moment()
            self.log.append(("returned", name))
            return name

        def plain(token: CancelToken) -> str:
            called()
            if kind == "waits":
                self.instant.set()
                assert token.wait(PATIENCE)
                token.raise_if_cancelled()
            return ends()

        async def on_loop() -> str:
            called()
            if kind == "waits":
                self.instant.set()
                await asyncio.Event().wait()
            await asyncio.sleep(0)
            return ends()

        return on_loop if self.timed.is_async else plain

    def count(self, what: str, name: str) -> int:
        """Return how often something happened to a stage."""
        return self.log.count((what, name))

    def on_event(self, _: Event) -> None:
        """Take an event as a moment like any."""
        self.moment()

    def moment(self) -> None:
        """Count one down; at the last one the other thread cancels."""
        self.left -= 1
        if self.left <= 0:
            self.instant.set()

    def cancel(self) -> None:
        """Cancel at the instant."""
        assert self.instant.wait(PATIENCE)
        self.token.cancel("at random")
        self.log.append(("cancelled", ""))

    def play(self) -> Result:
        """Run, and check."""
        canceller = threading.Thread(target=self.cancel)
        canceller.start()
        policy = self.chance.choice(["stop", "continue", "cancel"])
        try:
            result = self.timed.run(
                cancel=self.token,
                on_failure=policy,
                workers=None if self.timed.name == "pool" else self.chance.choice([1, 3]),
                hooks=[self],
            )
        finally:
            self.instant.set()
            canceller.join(PATIENCE)
            self.timed.close()
        self.check(result)
        return result

    def check(self, result: Result) -> None:
        """Check what must hold whenever the cancel came."""
        order = result.plan.order
        place = self.log.index(("cancelled", ""))
        ended_before = {name for what, name in self.log[:place] if what == "returned"}
        raised = Counter(name for what, name in self.log[:place] if what == "raised")
        failed_before = {n for n, c in raised.items() if c == len(result.report(n).attempts)}
        for name in ended_before:
            assert Outcome.SUCCEEDED is result.report(name).outcome, f"{name} had returned"
        for what, name in self.log[place:]:
            if what == "called":
                done = ended_before | (failed_before - {name})
                late = [each for each in self.parents[name] if each not in done]
                soft = [each for each in late if not result.report(each).attempts]
                assert late == soft, f"{name} was called, and its parents ended after the cancel"
        assert () == result.abandoned
        events = self.timed.hook.events
        assert isinstance(events[0], RunStarted)
        assert isinstance(events[-1], RunFinished)
        assert Counter(order) == Counter(
            each.stage_id for each in events if isinstance(each, ENDS)
        ), "each stage ends once"
        for name in order:
            report = result.report(name)
            assert self.count("called", name) <= len(report.attempts) <= 3
        if result.status is not RunStatus.CANCELLED:
            assert Outcome.CANCELLED not in {
                each.outcome for each in result.reports() if each.reason is None
            }


def play(seed: int) -> Result:
    """Play one seed; a failure names it."""
    story = Story(seed)
    try:
        return story.play()
    except AssertionError as error:
        raise AssertionError(f"seed {seed}, {story.timed.name}: {error}\n{story.log}") from error


def test_cancels_at_random_instants() -> None:
    """What had returned counts, nothing follows on what ended later, and all stages end once."""
    statuses = Counter(play(seed).status for seed in range(QUICK))
    assert statuses[RunStatus.CANCELLED] > QUICK / 3


@pytest.mark.slow
def test_many_cancels_at_random_instants() -> None:
    """The same, three hundred times."""
    statuses = Counter(play(seed).status for seed in range(QUICK, QUICK + ALL))
    assert statuses[RunStatus.CANCELLED] > ALL / 3


def test_stories_are_as_their_seeds_draw_them() -> None:
    """Graphs and stages are the same each time; only threads take turns as they like."""
    assert Story(5).parents == Story(5).parents
    assert isinstance(Story(5).timed.registry, Registry)
