"""A notebook in a real kernel, cell after cell."""

from __future__ import annotations

from typing import Any, Dict, List

import pytest

pytest.importorskip("ipykernel", reason="a real kernel needs ipykernel: the dev extra")
nbclient: Any = pytest.importorskip("nbclient", reason="a headless notebook needs nbclient")
nbformat: Any = pytest.importorskip("nbformat", reason="a notebook's file needs nbformat")

CELLS = {
    "types": "from typing import NewType\nfrom stagekit import *\nA = NewType('A', int)",
    "load": "@stage\ndef load() -> A:\n    return A(1)",
    "use": "@stage\nasync def use(a: A) -> str:\n    return f'got {a}'",
    "run": "result = run(use)\nprint(result[use])",
    "arun": "result = await arun(use)\nprint(result[use])",
    "loop": "import asyncio\nawait asyncio.sleep(0)\nprint(asyncio.current_task() is not None)",
    "plan": "plan(use)",
    "result": "result",
    "progress": (
        "from stagekit.hooks import NotebookProgress\n_ = run(use, hooks=[NotebookProgress()])"
    ),
    "fails": "@stage\ndef fails(a: A) -> float:\n    return 1 / (a - 1)\nrun(fails)",
    "types again": "A = NewType('A', int)",
    "use again": "@stage\nasync def use(a: A) -> str:\n    return f'has {a}'\nrun(use)",
    "load again": "@stage\ndef load() -> A:\n    return A(2)\nprint(run(use)[use])",
    "renamed": "@stage\ndef loaded() -> A:\n    return A(2)\nplan(use)",
    "removed": "Registry.current().remove('load')\nprint(run(use)[use])",
}


@pytest.fixture(scope="module")
def outputs() -> Dict[str, str]:
    """Run all cells in one kernel; give what each has put out."""
    cells = [nbformat.v4.new_code_cell(code) for code in CELLS.values()]
    notebook = nbformat.v4.new_notebook(cells=cells)
    client = nbclient.NotebookClient(
        notebook, timeout=60, startup_timeout=60, kernel_name="python3", allow_errors=True
    )
    client.execute()
    return {name: _shown(cell) for name, cell in zip(CELLS, notebook.cells)}


def _shown(cell: Any) -> str:
    shown: List[str] = []
    for each in cell.outputs:
        if each.output_type == "stream":
            shown.append(each.text)
        elif each.output_type == "error":
            shown += each.traceback
        else:
            shown += [each.data["text/plain"], each.data.get("text/html", "")]
    return "\n".join(shown)


def test_runs_in_both_ways_and_the_loop_lives_on(outputs: Dict[str, str]) -> None:
    """``run`` and ``await arun``."""
    assert ["got 1\n", "got 1\n", "True\n"] == [outputs[each] for each in ("run", "arun", "loop")]


def test_progress_is_one_display(outputs: Dict[str, str]) -> None:
    """Updated in place, to its end."""
    told = outputs["progress"]
    assert "2 of 2  ✓ succeeded  2 ran, 0 failed, 0 skipped in " in told
    assert 1 == told.count("<progress")


def test_a_failure_is_short_and_names_cells(outputs: Dict[str, str]) -> None:
    """The user's frames alone."""
    told = outputs["fails"]
    assert 'File "Cell In[10]", line 3, in fails' in told
    assert "__main__:fails  Cell In[10], line 3  ZeroDivisionError: division by zero" in told
    assert len(told.splitlines()) <= 15
    assert "stagekit/" not in told


def test_a_type_defined_again_and_a_renamed_stage_are_told(outputs: Dict[str, str]) -> None:
    """With what to run, or to type; after that it runs."""
    assert "`A` was defined again after `load`  (Cell In[2], line 2)" in outputs["use again"]
    assert "fix: run the cell of `load` again" in outputs["use again"]
    assert outputs["load again"] == "has 2\n"
    assert 'if `load` was renamed since: Registry.current().remove("load")' in outputs["renamed"]
    assert outputs["removed"] == "has 2\n"


def test_a_notebook_says_which_cell_it_runs() -> None:
    """As JupyterLab does: then a stage that is gone from its cell is named as that."""
    from jupyter_client.manager import KernelManager  # comes with nbclient

    manager: Any = KernelManager(kernel_name="python3")
    manager.start_kernel()
    client: Any = manager.client()
    reply: Any = None
    client.start_channels()
    try:
        client.wait_for_ready(timeout=60)
        cells = [
            ("a", CELLS["types"]),
            ("b", CELLS["load"]),
            ("b", CELLS["load"].replace("load", "loaded")),
            ("c", CELLS["use"]),
            ("d", "plan(use)"),
        ]
        for cell, code in cells:
            content: Any = {"code": code, "silent": False, "store_history": True}
            content.update(user_expressions={}, allow_stdin=False, stop_on_error=False)
            message = client.session.msg("execute_request", content, metadata={"cellId": cell})
            client.shell_channel.send(message)
            reply = client.get_shell_msg(timeout=60)
            while reply["parent_header"].get("msg_id") != message["header"]["msg_id"]:
                reply = client.get_shell_msg(timeout=60)  # that was one to waiting for it
    finally:
        client.stop_channels()
        manager.shutdown_kernel(now=True)
    assert "error" == reply["content"]["status"]
    assert 'take it out: Registry.current().remove("load")' in reply["content"]["evalue"]
