"""Errors of a run: the user's frames, and none of ours in front of or below them."""

from __future__ import annotations

import asyncio
import re
import signal
import subprocess
import sys
import threading
import traceback
import warnings
from pathlib import Path
from typing import Any, Callable, List

import pytest

from stagekit import Registry, RunFailedError, arun, plan, run
from stagekit.errors import PlanError, StagekitWarning, UsageError
from stagekit.testing import Chaos, simulate
from tests.notebook.conftest import Cells

FAILS = "@stage\ndef fails() -> int:\n    return 1 / 0\n"


def failing() -> Registry:
    """Return a registry with a stage that fails."""
    registry = Registry()
    registry.add(fails)
    return registry


def fails() -> None:
    """Fail."""
    raise ValueError("torn")


def lacking() -> Registry:
    """Return a registry whose stage lacks a value."""
    registry = Registry()

    @registry.stage
    def lacks(number: bytes) -> None: ...

    return registry


def interrupted() -> Registry:
    """Return a registry whose one stage is told to end while it is waited for."""
    registry = Registry()
    registry.add(end_main, id="end_main", executor="threads")
    return registry


def end_main() -> None:
    """Send what Ctrl-C sends to the main thread."""
    signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGINT)


def cancel() -> None:
    """Raise what ``arun`` raises when the task that awaits it is cancelled."""

    async def awaiting() -> BaseException:
        task = asyncio.current_task()
        assert task is not None
        registry = Registry()

        @registry.stage
        async def ends() -> None:
            task.cancel()
            await asyncio.sleep(60)

        with pytest.raises(asyncio.CancelledError) as caught:
            await arun(registry=registry)
        return caught.value

    raise asyncio.run(awaiting())


CALLS: List[Callable[[], Any]] = [
    lambda: run(registry=failing()),
    lambda: asyncio.run(arun(registry=failing())),
    lambda: plan(registry=failing()).run(),
    lambda: asyncio.run(plan(registry=failing()).arun()),
    lambda: run(registry=lacking()),
    lambda: plan(registry=lacking()),
    lambda: run(registry=failing(), check=False).raise_for_failures(),
    lambda: run(registry=interrupted()),
    lambda: run(registry=interrupted(), executor="threads"),
    lambda: simulate(plan(registry=failing()), {}, workers=1),
    lambda: simulate(plan(registry=failing()), {"fail": 1}, workers=1),
    lambda: Registry().remove("nobody"),
    lambda: Chaos(1, raise_=2),
    lambda: Chaos(1, seconds=-1),
    cancel,
]
RAISED = (
    *(RunFailedError, PlanError, UsageError, ValueError, KeyboardInterrupt),
    asyncio.CancelledError,
)


@pytest.mark.parametrize("call", CALLS)
def test_at_most_one_frame_of_ours_is_left(call: Callable[[], Any]) -> None:
    """The one that was called; pytest is told to hide it."""
    with pytest.raises(RAISED) as caught:
        call()
    ours = [
        frame
        for frame, _ in traceback.walk_tb(caught.value.__traceback__)
        if str(frame.f_globals["__name__"]).startswith("stagekit.")
    ]
    assert 1 == len(ours)
    assert ours[0].f_locals["__tracebackhide__"] is True
    cause = caught.value.__cause__
    if cause is not None:
        names = [frame.f_code.co_name for frame, _ in traceback.walk_tb(cause.__traceback__)]
        assert ["fails"] == names


def test_ctrl_c_in_a_stage_shows_the_stage() -> None:
    """And the frame that was called, none of those in between."""
    registry = Registry()

    @registry.stage
    def interrupted() -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt) as caught:
        run(registry=registry)
    names = [frame.f_code.co_name for frame, _ in traceback.walk_tb(caught.value.__traceback__)]
    assert ["run", "interrupted"] == names[1:]


@pytest.mark.skipif(not hasattr(signal, "pthread_kill"), reason="signals of one process")
@pytest.mark.parametrize("executor", ["inline", "threads"])
def test_ipython_is_given_no_frame_of_ours_for_ctrl_c(cells: Cells, executor: str) -> None:
    """Nor for a task that was cancelled: whoever pressed it knows what was waited for."""
    vars(cells.main)["end_main"] = end_main
    cells.run(f"def call() -> None:\n    run(executor={executor!r})\n")
    cells.run("@stage\ndef ends() -> None:\n    end_main()\n    sum(range(10_000))")
    with pytest.raises(KeyboardInterrupt) as caught:
        cells.run("call()")
    ctrl_c: Any = caught.value
    shown: List[str] = ctrl_c._render_traceback_()
    assert "KeyboardInterrupt" == shown[-1]
    assert '  File "Cell In[4]", line 1, in <module>' in shown
    assert not [line for line in shown if "stagekit/_" in line]
    with pytest.raises(asyncio.CancelledError) as ended:
        cancel()
    task_end: Any = ended.value
    assert "stagekit/_" not in "".join(task_end._render_traceback_())


def test_a_defect_of_ours_keeps_its_frames(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever mends it needs them."""
    monkeypatch.setattr("stagekit._api.prepared", None)
    with pytest.raises(TypeError) as caught:
        run(registry=Registry())
    assert 2 == len(list(traceback.walk_tb(caught.value.__traceback__)))


def test_the_traceback_of_a_script_has_one_line_of_ours(tmp_path: Path) -> None:
    """``sys.excepthook`` is Python's own."""
    script = tmp_path / "app.py"
    script.write_text(
        "import sys\nfrom stagekit import run, stage\n"
        f"{FAILS}\nassert sys.excepthook is sys.__excepthook__\nrun()\n",
        encoding="utf-8",
    )
    done = subprocess.run(
        [sys.executable, str(script)], capture_output=True, text=True, timeout=60, check=False
    )
    files = re.findall(r'File "([^"]*)"', done.stderr)
    assert [script.name, script.name, "_api.py"] == [Path(each).name for each in files]


def test_ipython_is_given_the_frames_of_the_user(cells: Cells) -> None:
    """Of the stage and of the call, by their cells; libraries are hidden, and that is said."""
    cells.run("import json\n@stage\ndef parse() -> str:\n    return json.loads('{')\n")
    with pytest.raises(RunFailedError) as caught:
        cells.run("run('parse')")
    shown = caught.value._render_traceback_()
    assert [
        '  File "Cell In[2]", line 4, in parse',
        '  File "Cell In[3]", line 1, in <module>',
    ] == [line for line in shown if "Cell" in line and "File" in line]
    assert not [line for line in shown if "stagekit/" in line or "json/" in line]
    assert "(what libraries did below is left out; traceback.print_last() shows it)" == shown[-1]


def test_a_warning_of_a_run_names_the_line_that_called_it(cells: Cells) -> None:
    """However deep it comes from; in a notebook, too, where a loop runs."""

    class Loud:
        def on_event(self, event: object) -> None:
            raise ValueError("loud")

    vars(cells.main)["hook"] = Loud()
    cells.run("@stage\ndef one() -> int:\n    return 1")

    async def cell() -> None:
        cells.run("\nrun('one', hooks=[hook])")

    for call in (lambda: asyncio.run(cell()), lambda: cells.run("\nrun('one', hooks=[hook])")):
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            call()
        assert [(StagekitWarning, 2)] == [(each.category, each.lineno) for each in caught]
        assert caught[0].filename.startswith("/nowhere/")
