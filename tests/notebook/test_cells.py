"""Cells that are run again: stages replaced, types defined again, stages that are gone."""

from __future__ import annotations

import asyncio
import sys
import threading
from typing import Any, Callable, List

import pytest

from stagekit import PlanError, Registry, RunFailedError, arun, plan, run
from stagekit.errors import Code, RunningLoopError, StagekitWarning, UsageError
from tests.notebook.conftest import Cells

TYPES = "A = NewType('A', int)\nclass B:\n    pass\n"
LOAD = "@stage\ndef load() -> A:\n    return A(1)\n"
USE = "@stage\ndef use(a: A) -> str:\n    return f'got {a}'\n"


def refusal(ask: Callable[[], Any]) -> str:
    """Return the text of the error of a plan."""
    with pytest.raises(PlanError) as caught:
        ask()
    return str(caught.value)


def test_a_cell_that_is_run_again_replaces_its_stage(cells: Cells) -> None:
    """Changed or not."""
    for code in (TYPES, LOAD, USE, USE, USE.replace("got", "has")):
        cells.run(code)
    assert "has 1" == run("use")["use"]


@pytest.mark.parametrize(
    ("last", "text", "fix"),
    [
        (USE, "`A` was defined again after `load`  (Cell In[3], line 2)", "the cell of `load`"),
        (LOAD, "`A` was defined again after `use`  (Cell In[4], line 2)", "the cell of `use`"),
    ],
    ids=["the provider is older", "the consumer is older"],
)
def test_a_type_defined_again_names_the_cell_to_run(
    cells: Cells, last: str, text: str, fix: str
) -> None:
    """Of the stage that was declared before it."""
    for code in (TYPES, LOAD, USE, TYPES, last):
        cells.run(code)
    told = refusal(plan)
    assert text in told
    assert f"fix: run {fix} again" in told
    cells.run(LOAD if last is USE else USE)
    assert "got 1" == run("use")["use"]


def test_a_type_in_a_list_or_with_a_name_is_found_too(cells: Cells) -> None:
    """Wherever it stands in what is asked for."""
    cells.run(TYPES)
    cells.run("@stage\ndef load() -> Annotated[List[A], Named('x')]:\n    return []\n")
    cells.run(TYPES)
    cells.run("@stage\ndef use(a: Annotated[List[A], Named('x')]) -> str: ...\n")
    assert "run the cell of `load` again" in refusal(plan)


def test_a_type_defined_twice_since_names_both_cells(cells: Cells) -> None:
    """Where both stages have another one than there is now."""
    for code in (TYPES, LOAD, TYPES, USE, TYPES):
        cells.run(code)
    assert "run the cell of `load` and that of `use` again" in refusal(plan)


def test_a_stage_named_by_from_that_returns_an_older_type(cells: Cells) -> None:
    """It is no other type that it should be annotated with."""
    cells.run(TYPES)
    cells.run(LOAD)
    cells.run(TYPES)
    cells.run("@stage\ndef use(a: Annotated[A, From(load)]) -> str: ...\n")
    told = refusal(plan)
    assert "fix: run the cell of `load` again" in told
    assert "annotate" not in told


def test_a_value_of_an_older_type_is_made_again(cells: Cells) -> None:
    """It is no stage that has to be run."""
    cells.run(TYPES)
    cells.run("found = given(1, as_=A)")
    value = vars(cells.main)["found"]
    cells.run(TYPES)
    cells.run(USE)
    told = refusal(lambda: plan("use", values=[value]))
    assert "`A` was defined again after the value was made" in told


def test_types_of_modules_are_told_apart_as_before(cells: Cells) -> None:
    """Nothing of a notebook is said of them."""
    cells.run("class A: ...\nother = type('A', (), {})\n")
    cells.run(
        "del A\n@stage\ndef load() -> other: ...\n@stage\ndef use(a: List[int]) -> str: ...\n"
    )
    assert "defined again" not in refusal(plan)


TWO = "@stage\ndef first() -> A: ...\n"


def test_a_renamed_function_is_taken_out_by_what_its_error_says(cells: Cells) -> None:
    """Where the notebook does not say which cell it runs, the older one may be meant."""
    for code in (TYPES, TWO, LOAD, USE):
        cells.run(code)
    told = refusal(plan)
    assert 'fix: or, if `first` was renamed since: Registry.current().remove("first")' in told
    Registry.current().remove("first")
    assert "got 1" == run("use")["use"]


def test_a_stage_whose_cell_was_run_again_without_it_is_named_first(cells: Cells) -> None:
    """A notebook that says which cell it runs makes it sure."""
    cells.run(TYPES, "t")
    cells.run(TWO, "c")
    cells.run(LOAD, "c")
    cells.run(USE, "u")
    told = refusal(plan)
    assert (
        '`first` is no longer in its cell, take it out: Registry.current().remove("first")\n'
        in told
    )
    cells.run(TWO, "c")  # as it was: then it is the other one
    assert '.remove("load")' in refusal(plan)


@pytest.mark.filterwarnings("ignore:SK228")
def test_problems_and_failures_of_a_stage_that_is_gone_say_so(cells: Cells) -> None:
    """Nobody looks for it in the notebook."""
    cells.run(TYPES, "t")
    cells.run("@stage\ndef old(b: B) -> str: ...\n", "c")
    cells.run(LOAD, "c")
    assert "fix: `old` is no longer in its cell, take it out: Registry" in refusal(plan)
    Registry.current().clear()
    cells.run("@stage\ndef old() -> str:\n    1 / 0\n", "d")
    cells.run(LOAD, "d")
    with pytest.raises(RunFailedError, match="`old` is no longer in its cell"):
        run()


def gone(target: Any = None) -> List[Any]:
    """Return the stages of a plan that are no longer in their cells."""
    return [each.stage_id for each in plan(target).warnings if each.code is Code.GONE_STAGE]


OLD = "@stage\ndef a() -> A:\n    return A(1)\n"


@pytest.mark.parametrize(
    "new",
    [OLD.replace("def a", "def b"), OLD.replace("@stage\n", ""), "nothing = 1\n"],
    ids=["renamed", "no longer a stage", "taken away"],
)
def test_a_stage_that_is_gone_and_still_fills_a_parameter_is_told(cells: Cells, new: str) -> None:
    """The parameter bears its name, so nothing else would be said."""
    cells.run(TYPES, "t")
    cells.run(OLD, "c")
    cells.run(USE, "u")
    assert not gone()
    cells.run(new, "c")
    assert ["__main__:a"] == gone("use")
    with pytest.warns(StagekitWarning) as told:
        assert "got 1" == run("use")["use"]
    (warning,) = [str(each.message) for each in told]
    assert warning == (
        "SK228: stage `a` is planned as it was, and is no longer in its cell "
        '(Cell In[3], line 2)\n    fix: take it out: Registry.current().remove("a")'
    )
    with pytest.raises(PlanError, match="SK228") as caught:
        plan("use", strict=True)
    assert 1 == str(caught.value).count("remove(")


def test_what_is_still_in_its_cell_is_never_said_to_be_gone(cells: Cells) -> None:
    """Run again as it is, below what plans, after an error, and where another cell adds it."""
    both = OLD + "found = plan(registry=Registry.current())\n@stage\ndef c() -> str: ...\n"
    cells.run(TYPES, "t")
    for code in (both, both, both.replace("A(1)", "A(2)")):
        assert not cells.run(code, "c").warnings
        assert not gone()
    with pytest.raises(ZeroDivisionError):
        cells.run(OLD + "1 / 0\n@stage\ndef c() -> str: ...\n", "c")
    assert not gone()
    cells.run("def d() -> float: ...\n", "d")
    cells.run("def e() -> bytes: ...\n", "e")
    cells.run("for each in (d, e):\n    Registry.current().add(each, tags=['x'])", "f")
    assert not gone()


def test_an_error_in_a_changed_cell_leaves_no_doubt_of_a_renamed_stage(cells: Cells) -> None:
    """The new code of the cell has no such function."""
    cells.run(TYPES, "t")
    cells.run(OLD, "c")
    with pytest.raises(ZeroDivisionError):
        cells.run(OLD.replace("def a", "def b") + "1 / 0", "c")
    assert ["__main__:a"] == gone()


def test_a_loop_of_a_notebook_does_not_keep_run_from_running(cells: Cells) -> None:
    """Async stages have a loop of their own; afterwards the notebook's runs as before."""
    cells.run(
        "import asyncio\n@stage\nasync def one() -> int:\n    await asyncio.sleep(0)\n    return 1"
    )
    cells.run("@stage(depends_on=one)\ndef two() -> str:\n    return 'two'")
    seen: List[Any] = []

    async def cell() -> None:
        loop, task = asyncio.get_running_loop(), asyncio.current_task()
        seen.append(run()["two"])
        with pytest.raises(RunFailedError):
            run(registry=failing())
        assert (loop, task) == (asyncio.get_running_loop(), asyncio.current_task())
        await asyncio.sleep(0)
        seen.append((await arun("one"))["one"])

    asyncio.run(cell())
    assert ["two", 1] == seen


def failing() -> Registry:
    """Return a registry with a stage that fails."""
    registry = Registry()
    registry.add(lambda: 1 / 0, id="fails")
    return registry


@pytest.mark.usefixtures("cells")
def test_a_loop_is_not_blocked_where_it_is_not_the_notebooks() -> None:
    """In a thread, and in a stage of a run on the notebook's own loop."""

    async def main() -> None:
        with pytest.raises(RunningLoopError, match="await arun"):
            run(registry=Registry())

    thread = threading.Thread(target=lambda: asyncio.run(main()))
    thread.start()
    thread.join()
    registry = Registry()
    registry.add(main, id="inner")

    async def cell() -> None:
        await arun(registry=registry)

    asyncio.run(cell())


def test_without_a_notebook_a_running_loop_is_refused() -> None:
    """As ever."""

    async def main() -> None:
        with pytest.raises(RunningLoopError, match="await arun"):
            run(registry=Registry())

    asyncio.run(main())


def seven(_: object) -> int:
    """Stand in for a command that ends with 7."""
    return 7


def test_main_is_for_scripts(cells: Cells, monkeypatch: pytest.MonkeyPatch) -> None:
    """The command line is the kernel's, ``-f kernel.json``; a file that is run is a script."""
    with pytest.raises(UsageError, match=r"in a notebook call run\(\)"):
        cells.run("import stagekit\nstagekit.main()\n")
    assert 3 == cells.run("@stage\ndef three() -> int:\n    return 3\nfound = run()['three']\n")
    monkeypatch.setattr("stagekit.__main__.main", seven)
    for name, value in (("__file__", "/nowhere/shop.py"), ("IPython", None)):
        if value is None:
            vars(cells.main).pop("__file__")
            vars(sys.modules["IPython"])["get_ipython"] = lambda: None
        else:
            vars(cells.main)[name] = value
        with pytest.raises(SystemExit) as caught:
            cells.run(f"import stagekit\nstagekit.main()  # {name}\n")
        assert 7 == caught.value.code
