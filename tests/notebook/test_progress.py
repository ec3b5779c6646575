"""``NotebookProgress``: one display that is updated."""

from __future__ import annotations

import threading
from contextvars import ContextVar
from types import SimpleNamespace
from typing import Any, Callable, Dict, Iterator, List

import pytest

from stagekit import Registry, run
from stagekit.events import (
    RunFinished,
    RunStarted,
    RunStatus,
    StageFailed,
    StageProgress,
    StageStarted,
)
from stagekit.hooks import NotebookProgress
from tests.notebook.conftest import Cells

cell: ContextVar[str] = ContextVar("cell")  # whose output it is, as kernels keep it


class Shown:
    """What a notebook has been told to show."""

    def __init__(self, cells: Cells) -> None:
        self.calls: List[Dict[str, Any]] = []
        self._changed = threading.Condition()
        cells.shell.kernel = object()
        cells.shell.display_pub = SimpleNamespace(publish=self._publish)

    def _publish(self, data: Dict[str, str], **options: Any) -> None:
        with self._changed:
            self.calls.append({**data, **options, "cell": cell.get("")})
            self._changed.notify_all()

    def waits_for(self, word: str) -> bool:
        """Wait until the text that is shown has a word in it."""
        with self._changed:
            return self._changed.wait_for(lambda: word in self.texts[-1], timeout=60)

    @property
    def texts(self) -> List[str]:
        """The plain texts."""
        return [each["text/plain"] for each in self.calls]


@pytest.fixture
def shown(cells: Cells) -> Shown:
    """Give a notebook that shows things."""
    return Shown(cells)


def clock() -> Iterator[float]:
    """Yield the seconds, from 1, at most a hundred."""
    yield from map(float, range(1, 100))


class Ticks:
    """A ticker that ticks when it is told to.

    Attributes:
        draw: what it calls.
        pauses: the pauses of the tickers that were started.
        is_over: it was stopped.
    """

    def __init__(self) -> None:
        self.draw: Callable[[], object] = int
        self.pauses: List[float] = []
        self.is_over = False

    def start(self, seconds: float, call: Callable[[], object]) -> Ticks:
        """Start to tick."""
        self.pauses.append(seconds)
        self.draw = call
        return self

    def stop(self) -> None:
        """Tick no more."""
        self.is_over = True


def failed(stage: str) -> StageFailed:
    """Return the event of a failure."""
    reason: Any = None
    return StageFailed("r", 0.0, stage, 1, 1.0, "main", reason, ValueError(), None, critical=True)


def test_the_display_of_a_run_is_updated_in_place(shown: Shown) -> None:
    """With what runs, what has failed, and the counts at the end; names are harmless."""
    order = ("m:<b>", "m:two", *(f"m:s{number}" for number in range(6)))
    ticks = Ticks()
    hook = NotebookProgress(clock=clock().__next__, ticker=ticks.start)
    hook.on_event(RunStarted("r", 0.0, order, "threads", 2))
    assert ["0 of 8"] == shown.texts
    hook.on_event(StageStarted("r", 0.0, order[0], 1, "main"))
    ticks.draw()
    assert "0 of 8  <b> 1.0 s" == shown.texts[-1]
    assert "&lt;b&gt; 1.0 s" in shown.calls[-1]["text/html"]
    for stage in order[1:]:
        hook.on_event(StageStarted("r", 0.0, stage, 1, "main"))
    hook.on_event(StageProgress("r", 0.0, order[0], 1, 3.0, 4.0, "read"))
    ticks.draw()
    assert shown.texts[-1].startswith("0 of 8  <b> 10.0 s (3/4  read), two")
    assert shown.texts[-1].endswith("s2 5.0 s and 3 more")
    assert "accent-color" not in shown.calls[-1]["text/html"]
    hook.on_event(failed("m:two"))
    ticks.draw()
    assert shown.texts[-1].endswith("; failed: two")
    assert "accent-color" in shown.calls[-1]["text/html"]
    assert not ticks.is_over
    hook.on_event(RunFinished("r", 0.0, RunStatus.FAILED, 2.0, ()))
    assert ticks.is_over
    end = "1 of 8  ✗ failed  0 ran, 0 failed, 0 skipped in 2.0 s; failed: two"
    assert end == shown.texts[-1]
    assert {"stagekit-r"} == {each["transient"]["display_id"] for each in shown.calls}
    assert [False] + [True] * 4 == [each["update"] for each in shown.calls]
    hook.on_event(failed("m:two"))  # of a run that is over
    ticks.draw()
    assert 5 == len(shown.calls)


def test_many_failures_are_counted(shown: Shown) -> None:
    """Five are named, also where nothing runs."""
    order = tuple(f"m:s{number}" for number in range(7))
    ticks = Ticks()
    hook = NotebookProgress(clock=lambda: 1.0, ticker=ticks.start)
    hook.on_event(RunStarted("r", 0.0, order, "threads", 2))
    for stage in order:
        hook.on_event(failed(stage))
    ticks.draw()
    assert "7 of 7  failed: s0, s1, s2, s3, s4 and 2 more" == shown.texts[-1]


@pytest.mark.parametrize(
    ("status", "word", "is_marked"),
    [
        (RunStatus.SUCCEEDED, "✓ succeeded", False),
        (RunStatus.FAILED, "✗ failed", True),
        (RunStatus.CANCELLED, "⊘ cancelled", True),
    ],
)
def test_the_end_says_how_a_run_has_ended(
    shown: Shown, status: RunStatus, word: str, is_marked: bool
) -> None:
    """In words, and where it has not succeeded the bar has another colour."""
    hook = NotebookProgress(ticker=Ticks().start)
    hook.on_event(RunStarted("r", 0.0, ("a",), "inline", 1))
    hook.on_event(RunFinished("r", 0.0, status, 2.0, ()))
    assert f"0 of 1  {word}  0 ran" in shown.texts[-1]
    assert word in shown.calls[-1]["text/html"]
    assert is_marked == ("<progress style=" in shown.calls[-1]["text/html"])


@pytest.mark.parametrize("executor", ["inline", "threads"])
def test_a_stage_is_named_while_it_runs(shown: Shown, executor: str) -> None:
    """On whatever thread: another one draws, into the output of the cell that has started the run.

    The stage ends when it has seen itself.
    """
    registry = Registry()
    cell.set("In[7]")

    @registry.stage(id="busy")
    def busy() -> bool:
        return shown.waits_for("busy")

    @registry.stage(id="other")
    def other() -> int:
        return 1

    assert run(registry=registry, executor=executor, hooks=[NotebookProgress()])[busy]
    assert {"In[7]"} == {each["cell"] for each in shown.calls}
    assert shown.texts[-1].startswith("2 of 2  ✓ succeeded  2 ran, 0 failed")


def test_two_runs_of_one_hook_share_a_ticker(shown: Shown) -> None:
    """It ticks until both are over, and again for the next one."""
    ticks = Ticks()
    hook = NotebookProgress(ticker=ticks.start)
    for name in ("r", "s"):
        hook.on_event(RunStarted(name, 0.0, ("a",), "inline", 1))
    hook.on_event(RunFinished("r", 0.0, RunStatus.SUCCEEDED, 1.0, ()))
    assert (1, False) == (len(ticks.pauses), ticks.is_over)
    hook.on_event(RunFinished("s", 0.0, RunStatus.SUCCEEDED, 1.0, ()))
    assert ticks.is_over
    hook.on_event(RunStarted("t", 0.0, ("a",), "inline", 1))
    assert 2 == len(ticks.pauses)


def test_outside_of_a_notebook_nothing_is_shown(capsys: pytest.CaptureFixture[str]) -> None:
    """Not even an error."""
    registry = Registry()
    registry.add(lambda: 1, id="one")
    assert 1 == run(registry=registry, hooks=[NotebookProgress()])["one"]
    assert ("", "") == tuple(capsys.readouterr())
