"""``NotebookProgress``: one display that is updated."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, Dict, Iterator, List

import pytest

from stagekit import Registry, run
from stagekit.events import RunFinished, RunStarted, RunStatus, StageFailed, StageStarted
from stagekit.hooks import NotebookProgress
from tests.notebook.conftest import Cells


class Shown:
    """What a notebook has been told to show."""

    def __init__(self, cells: Cells) -> None:
        self.calls: List[Dict[str, Any]] = []
        cells.shell.kernel = object()
        cells.shell.display_pub = SimpleNamespace(publish=self._publish)

    def _publish(self, data: Dict[str, str], **options: Any) -> None:
        self.calls.append({**data, **options})

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


def test_the_display_of_a_run_is_updated_in_place(shown: Shown) -> None:
    """With what runs, what has failed, and the counts at the end; names are harmless."""
    order = ("m:<b>", "m:two", *(f"m:s{number}" for number in range(6)))
    hook = NotebookProgress(clock=clock().__next__)
    hook.on_event(RunStarted("r", 0.0, order, "threads", 2))
    for stage in order:
        hook.on_event(StageStarted("r", 0.0, stage, 1, "main"))
    reason: Any = None
    failed = StageFailed(
        "r", 0.0, "m:two", 1, 1.0, "main", reason, ValueError(), None, critical=True
    )
    hook.on_event(failed)
    hook.on_event(RunFinished("r", 0.0, RunStatus.FAILED, 2.0, ()))
    assert {"stagekit-r"} == {each["transient"]["display_id"] for each in shown.calls}
    assert [False] + [True] * 10 == [each["update"] for each in shown.calls]
    assert "0 of 8  <b> 0.0 ms" == shown.texts[1]
    assert "&lt;b&gt; 0.0 ms" in shown.calls[1]["text/html"]
    assert shown.texts[8].endswith("s2 3.0 s and 3 more")
    assert shown.texts[9].endswith("; failed: two")
    assert shown.texts[-1] == "1 of 8  0 ran, 0 failed, 0 skipped in 2.0 s; failed: two"
    hook.on_event(failed)  # of a run that is over
    assert 11 == len(shown.calls)


def test_updates_are_not_more_often_than_can_be_read(shown: Shown) -> None:
    """The first and the last always; a stage says how far it is."""
    registry = Registry()
    for number in range(50):
        registry.add(lambda: None, id=f"s{number}")
    run(registry=registry, executor="inline", hooks=[NotebookProgress(clock=lambda: 1.0)])
    assert 2 == len(shown.calls)
    assert shown.texts[-1].startswith("50 of 50  50 ran, 0 failed")


def test_outside_of_a_notebook_nothing_is_shown(capsys: pytest.CaptureFixture[str]) -> None:
    """Not even an error."""
    registry = Registry()
    registry.add(lambda: 1, id="one")
    assert 1 == run(registry=registry, hooks=[NotebookProgress()])["one"]
    assert ("", "") == tuple(capsys.readouterr())
