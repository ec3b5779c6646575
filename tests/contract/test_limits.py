"""What ends calls before their time, on every executor: tokens, deadlines, time limits."""

from __future__ import annotations

import asyncio
import threading
from typing import TYPE_CHECKING, Any, List

import pytest

from stagekit import CancelToken, Result, RunCancelledError
from stagekit.errors import StageTimeoutError
from stagekit.events import Outcome, Reason, RunStatus

if TYPE_CHECKING:
    from tests.contract.conftest import Flow

PATIENCE = 30.0
SHORT = 0.03  # seconds
pytestmark = pytest.mark.filterwarnings("ignore:SK224")


def declare(flow: Flow, *, longest: float, **options: Any) -> Any:
    """Declare a stage that ends when it is told to, and one after it; return what they note.

    Args:
        flow: where.
        longest: seconds that it waits, where nobody can tell it while it runs.
        options: of the first stage.
    """
    noted: List[str] = flow.list()
    inside = flow.event()
    is_inline = "inline" in flow.way

    def a(token: CancelToken) -> None:
        noted.append("a")
        inside.set()
        assert token.wait(longest if is_inline else PATIENCE) or is_inline
        token.raise_if_cancelled()

    async def a_on_loop() -> None:
        noted.append("a")
        inside.set()
        await asyncio.sleep(PATIENCE)

    flow.registry.stage(id="a", **options)(a_on_loop if flow.is_async else a)
    flow.add(id="b", depends_on="a")(lambda: noted.append("b"))
    return noted, inside


def test_a_token_ends_what_runs_and_nothing_begins(flow: Flow) -> None:
    """The call is told, wherever it is made; the run is cancelled, and says why."""
    noted, inside = declare(flow, longest=PATIENCE)
    token = CancelToken()

    def cancel() -> None:
        assert inside.wait(PATIENCE)
        token.cancel("enough")

    canceller = threading.Thread(target=cancel)
    canceller.start()
    try:
        result = flow.run(cancel=token, check=False)
    finally:
        canceller.join()
    assert ["a"] == list(noted)
    check_cancelled(result, "enough")


def test_a_deadline_ends_what_runs_and_nothing_begins(flow: Flow) -> None:
    """The same; inline, once the call has ended by itself."""
    noted, _ = declare(flow, longest=2 * SHORT)
    result = flow.run(deadline=SHORT, check=False)
    assert list(noted) in ([], ["a"])
    is_done = Outcome.SUCCEEDED is result.report("a").outcome
    check_cancelled(result, "deadline", is_done=is_done and "inline" in flow.way)


def check_cancelled(result: Result, reason: str, *, is_done: bool = False) -> None:
    """Check what is said of a run that was cancelled during its first stage."""
    assert RunStatus.CANCELLED is result.status
    outcome = Outcome.SUCCEEDED if is_done else Outcome.CANCELLED
    assert [outcome, Outcome.CANCELLED] == [report.outcome for report in result.reports()]
    assert () == result.abandoned
    with pytest.raises(RunCancelledError, match="was cancelled") as caught:
        result.raise_for_failures()
    assert reason == caught.value.reason


def test_a_time_limit_ends_an_attempt(flow: Flow) -> None:
    """It has failed, and is tried again as any other; inline, once it has ended by itself."""
    limit = 10 * SHORT if flow.is_beyond else SHORT  # a worker may have to import things first
    noted, _ = declare(flow, longest=2 * SHORT, timeout=limit, retries=1)
    result = flow.run(check=False)
    report = result.report("a")
    assert (["a", "a"] == list(noted)) or (flow.is_beyond and "b" not in noted)
    assert [Outcome.FAILED, Outcome.SKIPPED] == [each.outcome for each in result.reports()]
    assert Reason.TIMED_OUT is report.reason
    assert [StageTimeoutError] * 2 == [type(each.error) for each in report.attempts]
    assert () == result.abandoned
