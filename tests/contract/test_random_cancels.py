"""Cancels at random instants of runs in other processes: what must hold whenever they come."""

from __future__ import annotations

import random
import threading
from collections import Counter
from typing import TYPE_CHECKING, Any, List

import pytest

from stagekit import CancelToken, Registry, Result
from stagekit.events import (
    Event,
    Outcome,
    Reason,
    RunFinished,
    RunStatus,
    StageCancelled,
    StageFailed,
    StageSkipped,
    StageStarted,
    StageSucceeded,
)
from stagekit.testing import RecordingHook

if TYPE_CHECKING:
    from tests.contract.conftest import Flow

LIMIT = 60  # seconds until a test gives up
ENDS = (StageSucceeded, StageFailed, StageSkipped, StageCancelled)


class Story:
    """One run of stages elsewhere, cancelled at the event that the seed draws."""

    def __init__(self, flow: Flow, called: Any, seed: int) -> None:
        self.chance = random.Random(seed)  # noqa: S311 - a schedule, no secret
        self.token, self.hook = CancelToken(), RecordingHook()
        self.left = self.chance.randrange(1, 16)
        self.started_before: List[str] = []
        self.flow, self.called, self.registry = flow, called, Registry()
        names: List[str] = []
        for number in range(7):
            before = [name for name in names if self.chance.random() < 0.25]
            names.append(f"s{number}")
            kind = self.chance.choice(["returns", "returns", "returns", "fails", "waits"])
            self.registry.add(
                self.made(names[-1], kind), id=names[-1], depends_on=before, retries=1
            )

    def made(self, name: str, kind: str) -> Any:
        """Return a stage."""
        called = self.called

        def stage(token: CancelToken) -> str:
            called.append(name)
            if kind == "waits":
                assert token.wait(LIMIT)
                token.raise_if_cancelled()
            if kind == "fails":
                raise OSError(name)
            return name

        return stage

    def on_event(self, event: Event) -> None:
        """Count down; at the last one, and where only that can go on, cancel."""
        self.left -= 1
        if not self.token.is_cancelled:
            if isinstance(event, StageStarted):
                self.started_before.append(event.stage_id)
            if self.left <= 0:
                self.token.cancel("at random")

    def play(self) -> Result:
        """Run, and check what must hold whenever the cancel came."""
        waiter = threading.Timer(0.3, self.token.cancel)  # all that run may wait to be cancelled
        waiter.start()
        result = self.flow.run(
            registry=self.registry,
            cancel=self.token,
            on_failure=self.chance.choice(["stop", "continue"]),
            check=False,
            hooks=[self.hook, self],
            grace=LIMIT,
        )
        waiter.cancel()
        waiter.join()
        ends = [event.stage_id for event in self.hook.events if isinstance(event, ENDS)]
        assert Counter(result.plan.order) == Counter(ends), "each stage ends once"
        assert isinstance(self.hook.events[-1], RunFinished)
        assert () == result.abandoned
        called = set(self.called)
        for report in result.reports():
            if report.reason is Reason.STOPPED:
                assert report.stage_id not in called, "was called after the cancel"
            if report.outcome is Outcome.SUCCEEDED:
                assert report.stage_id == result[report.stage_id]
        if result.status is RunStatus.CANCELLED:
            assert called <= {*self.started_before, *self.hook.stage_ids(StageStarted)}
        return result


def cancels(flow: Flow, seeds: range) -> Counter[RunStatus]:
    """Play some seeds; a failure names its own."""
    found: Counter[RunStatus] = Counter()
    called = flow.list()
    for seed in seeds:
        called.clear()
        try:
            found[Story(flow, called, seed).play().status] += 1
        except AssertionError as error:
            raise AssertionError(f"seed {seed} on {flow.way}: {error}") from error
    return found


@pytest.mark.slow
def test_cancels_at_random_instants_elsewhere(far_flow: Flow) -> None:
    """P7: nothing is called after the cancel, what had ended counts, all stages end once."""
    assert cancels(far_flow, range(6))[RunStatus.CANCELLED] > 1


@pytest.mark.heavy
def test_many_cancels_at_random_instants_elsewhere(far_flow: Flow, is_deep: object) -> None:
    """P7: the same, a hundred times; three hundred times with --deep."""
    count = 300 if is_deep else 20 if far_flow.way == "dask" else 100
    assert cancels(far_flow, range(6, 6 + count))[RunStatus.CANCELLED] > count / 3
