"""Bad modules, seen from the command line. Each test has the number of its row.

The rows stand in ``tests/data/reliability_rows.json``.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Callable, List, Tuple

import pytest

Done = Tuple[int, str, str]
SideBySide = Callable[..., List[Done]]
INVALID, EMPTY = 3, 4

LOAD = "from stagekit import stage\n@stage\ndef load() -> int:\n    return 1\n"


def stagekit(folder: Path, *arguments: str) -> Done:
    """Run the command line in a folder."""
    return python(folder, "-m", "stagekit", *arguments)


def python(folder: Path, *arguments: str) -> Done:
    """Run the interpreter in a folder."""
    done = subprocess.run(
        [sys.executable, *arguments],
        cwd=folder,
        capture_output=True,
        encoding="utf-8",
        check=False,
        timeout=60,
    )
    return done.returncode, done.stdout, done.stderr


def test_d05_one_file_imported_twice_names_both_imports_and_the_cure(tmp_path: Path) -> None:
    """``python -m shop.flow`` whose sibling imports ``shop.flow`` is an error, not a surprise."""
    package = tmp_path / "shop"
    package.mkdir()
    (package / "__init__.py").touch()
    (package / "flow.py").write_text(
        LOAD + "import shop.sibling\nimport stagekit\nstagekit.run()\n", encoding="utf-8"
    )
    (package / "sibling.py").write_text("import shop.flow\n", encoding="utf-8")
    code, out, err = python(tmp_path, "-m", "shop.flow")
    assert (1, "") == (code, out)
    assert "DuplicateStageError" in err
    for part in ("'__main__'", "'shop.flow'", "python -m stagekit run shop.flow"):
        assert part in err


@pytest.mark.slow
def test_d05_a_script_imported_by_name_is_the_same_error(tmp_path: Path) -> None:
    """A script whose helper imports the script."""
    (tmp_path / "flow.py").write_text(LOAD + "import part\n", encoding="utf-8")
    (tmp_path / "part.py").write_text("import flow\n", encoding="utf-8")
    code, _, err = python(tmp_path, "flow.py")
    assert 1 == code
    for part in ("DuplicateStageError", "'__main__'", "'flow'", "python -m stagekit run flow"):
        assert part in err


def test_d29_a_module_that_raises_shows_the_users_frame_first(tmp_path: Path) -> None:
    """The user's line stands before anything of ours, and nothing was run."""
    (tmp_path / "shop.py").write_text(LOAD + "\n1 / 0  # the mistake\n", encoding="utf-8")
    code, out, err = stagekit(tmp_path, "run", "shop")
    assert (INVALID, "") == (code, out)
    assert "ZeroDivisionError" in err
    assert "shop.py" in err
    assert "1 / 0  # the mistake" in err
    assert "stagekit/cli" not in err


AGAIN = """
import sys
from stagekit import plan
from stagekit.cli.importing import import_target
from stagekit.cli.target import parse
from stagekit.errors import TargetError
for _ in range(2):
    try:
        import_target(parse("shop"))
    except TargetError as error:
        cause = type(error.__cause__).__name__
        print(error.code.value, cause, plan().order, "shop" in sys.modules)
"""


@pytest.mark.slow
def test_d29_a_module_that_raises_leaves_no_stages_behind(tmp_path: Path) -> None:
    """What it had declared before it raised is taken out again, so that it can be tried again."""
    (tmp_path / "shop.py").write_text(f"{LOAD}1 / 0\n", encoding="utf-8")
    (tmp_path / "again.py").write_text(AGAIN, encoding="utf-8")
    done = python(tmp_path, "again.py")
    assert (0, "SK011 ZeroDivisionError () False\n" * 2, "") == done


@pytest.mark.slow
def test_d30_a_target_that_is_not_there_gets_the_right_spelling(
    tmp_path: Path, side_by_side: SideBySide
) -> None:
    """A misspelt module or stage is one message with what was most likely meant."""
    (tmp_path / "shop.py").write_text(LOAD, encoding="utf-8")
    meant = {"shpo": "shop", "shop.py.txt": "shop", "nowhere.shop": "shop", "shop:laod": "load"}
    ended = side_by_side(stagekit, [(tmp_path, "plan", target) for target in meant])
    for hint, (code, out, err) in zip(meant.values(), ended):
        assert (INVALID, "") == (code, out)
        assert hint in err
        assert "Traceback" not in err


@pytest.mark.slow
def test_d30_a_file_may_be_named_as_a_file(tmp_path: Path, side_by_side: SideBySide) -> None:
    """``shop.py`` where a module is meant is understood, as the file it is."""
    (tmp_path / "shop.py").write_text(LOAD, encoding="utf-8")
    targets = ("shop.py", "./shop.py", "shop")
    ended = side_by_side(stagekit, [(tmp_path, "plan", target) for target in targets])
    assert [(0, "")] * 3 == [(code, err) for code, _, err in ended]


@pytest.mark.parametrize("call", ["import sys; sys.exit(0)", "import stagekit; stagekit.run()"])
def test_d31_leaving_or_running_while_imported_is_refused(tmp_path: Path, call: str) -> None:
    """A module that exits or runs when it is imported is an error that says what to write."""
    (tmp_path / "shop.py").write_text(f"{LOAD}{call}\n", encoding="utf-8")
    code, out, err = stagekit(tmp_path, "run", "shop")
    assert (INVALID, "") == (code, out)
    assert call.partition(";")[0].split()[1] in err
    assert 'if __name__ == "__main__":' in err


@pytest.mark.parametrize("name", ["types", "stagekit"])
def test_d32_a_module_that_hides_another_is_warned_of(tmp_path: Path, name: str) -> None:
    """A file named like a module of Python, or like stagekit, beside the pipeline is named."""
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / "shop.py").write_text(LOAD, encoding="utf-8")
    (tmp_path / "folder" / f"{name}.py").write_text("", encoding="utf-8")
    _, _, err = stagekit(tmp_path, "plan", "folder/shop.py")
    assert f"{name}.py" in err
    assert "hides" in err


@pytest.mark.slow
def test_d33_a_module_without_stages_is_no_success(tmp_path: Path) -> None:
    """Nothing to run has an exit code of its own."""
    (tmp_path / "shop.py").write_text("x = 1\n", encoding="utf-8")
    code, _, err = stagekit(tmp_path, "run", "shop")
    assert EMPTY == code
    assert "no stages" in err
