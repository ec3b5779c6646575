"""Time that passes when a test says so, and the events of a run that never took place."""

from __future__ import annotations

from typing import Callable, Dict, List, Tuple

import pytest

from stagekit.events import (
    Outcome,
    Reason,
    RunFinished,
    RunStarted,
    RunStatus,
    StageCancelled,
    StageFailed,
    StageSkipped,
    StageStarted,
    StageSucceeded,
)


class FakeTime:
    """A clock and a ticker that a test moves by hand."""

    def __init__(self) -> None:
        self.now = 0.0
        self.calls: List[Callable[[], None]] = []

    def clock(self) -> float:
        """Return the time."""
        return self.now

    def ticker(self, seconds: float, call: Callable[[], None]) -> FakeTime:
        """Begin to tick."""
        assert seconds > 0
        self.calls.append(call)
        return self

    def stop(self) -> None:
        """Tick no more."""
        self.calls.pop()

    def tick(self, seconds: float) -> None:
        """Let time pass, then tick once."""
        self.now += seconds
        for call in self.calls:
            call()


class Story:
    """Makes the events of one run."""

    def __init__(self, run_id: str = "r7k2", module: str = "sales") -> None:
        self.run_id = run_id
        self.module = module
        self.counts: Dict[Outcome, int] = {}

    def begin(self, *names: str, workers: int = 2) -> RunStarted:
        """The run starts."""
        ids = tuple(self._id(name) for name in names)
        return RunStarted(self.run_id, 0.0, ids, "threads", workers)

    def end(self, seconds: float = 4.9, status: RunStatus = RunStatus.SUCCEEDED) -> RunFinished:
        """The run is over."""
        return RunFinished(self.run_id, 0.0, status, seconds, tuple(self.counts.items()))

    def start(self, name: str) -> StageStarted:
        """A stage starts."""
        return StageStarted(self.run_id, 0.0, self._id(name), 1, "worker-1")

    def ok(self, name: str, seconds: float = 0.42) -> StageSucceeded:
        """A stage succeeds."""
        self._count(Outcome.SUCCEEDED)
        return StageSucceeded(self.run_id, 0.0, self._id(name), 1, seconds, "worker-1")

    def fail(self, name: str, error: BaseException, *, critical: bool = True) -> StageFailed:
        """A stage fails."""
        self._count(Outcome.FAILED)
        place: Tuple[float, str] = (0.02, "worker-1")
        return StageFailed(
            *(self.run_id, 0.0, self._id(name), 1),
            *place,
            reason=Reason.RAISED,
            error=error,
            location="examples/sales.py:61",
            critical=critical,
        )

    def skip(self, name: str, cause: str, reason: Reason = Reason.UPSTREAM_FAILED) -> StageSkipped:
        """A stage is skipped."""
        self._count(Outcome.SKIPPED)
        return StageSkipped(self.run_id, 0.0, self._id(name), reason, self._id(cause))

    def cancel(self, name: str, reason: Reason = Reason.STOPPED) -> StageCancelled:
        """A stage is cancelled."""
        self._count(Outcome.CANCELLED)
        return StageCancelled(self.run_id, 0.0, self._id(name), reason)

    def _id(self, name: str) -> str:
        return f"{self.module}:{name}"

    def _count(self, outcome: Outcome) -> None:
        self.counts[outcome] = self.counts.get(outcome, 0) + 1


@pytest.fixture
def fake_time() -> FakeTime:
    """A clock that stands at 0."""
    return FakeTime()


@pytest.fixture
def story() -> Story:
    """A run of the module ``sales``."""
    return Story()
