"""Odd surroundings: a folder that is gone, files that hide modules, hints that lead on."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Dict, List, Sequence

import pytest

from stagekit._base import shadowing
from stagekit.cli import ExitCode
from tests.unwatched import unwatched

ROOT = Path(__file__).resolve().parent.parent.parent
LIMIT = 60
FLOW = """\
import stagekit
from stagekit import stage

@stage
def one() -> int:
    return 1

if __name__ == "__main__":
    stagekit.main()
"""
# Runs stagekit as the console script does: without a folder of the user first on the path.
CONSOLE = "import sys; del sys.path[0]; from stagekit.__main__ import main; sys.exit(main())"
WAYS: Dict[str, Sequence[str]] = {
    "module": ("-m", "stagekit", "run", "flow.py"),
    "console": ("-c", CONSOLE, "run", "flow.py"),
    "script": ("flow.py",),
    "processes": ("-m", "stagekit", "run", "flow.py", "--executor", "processes"),
    "log": ("-m", "stagekit", "run", "flow.py", "-vv", "--json"),
}


def python(folder: Path, *arguments: str, **environ: str) -> subprocess.CompletedProcess[str]:
    """Run Python in a folder, with this stagekit."""
    return subprocess.run(
        [sys.executable, *arguments],
        cwd=folder,
        env={**unwatched(), "PYTHONPATH": str(ROOT), **environ},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        encoding="utf-8",
        timeout=LIMIT,
        check=False,
    )


@pytest.mark.parametrize(
    ("way", "name"),
    [
        ("module", "click.py"),
        ("console", "queue.py"),
        ("script", "inspect.py"),
        *(
            pytest.param(way, name, marks=pytest.mark.slow)
            for name in (
                *("json.py", "loguru.py", "cloudpickle.py", "random.py", "typing.py", "click.py"),
                *("queue.py", "socket.py", "subprocess.py", "logging.py", "rich/__init__.py"),
            )
            for way in WAYS
            if (way, name) != ("script", "typing.py")  # Python reads that before us
        ),
    ],
)
def test_a_file_that_hides_a_module_breaks_nothing(tmp_path: Path, way: str, name: str) -> None:
    """What we need is imported from where it is; the warning names the file and the cure."""
    (tmp_path / "flow.py").write_text(FLOW, encoding="utf-8")
    (tmp_path / name).parent.mkdir(exist_ok=True)
    (tmp_path / name).write_text("VALUE = 1\n", encoding="utf-8")
    done = python(tmp_path, *WAYS[way])
    assert ExitCode.OK == done.returncode, done.stderr
    assert re.search(
        r"^warning: \S+ hides the module `\w+`.* rename it$", done.stderr, re.MULTILINE
    )
    assert "Traceback" not in done.stderr


def test_a_module_that_is_hidden_already_is_named(tmp_path: Path) -> None:
    """A script that has imported its own file first is answered in a line, not with a traceback."""
    (tmp_path / "click.py").write_text("VALUE = 1\n", encoding="utf-8")
    (tmp_path / "flow.py").write_text(f"import click\n{FLOW}", encoding="utf-8")
    done = python(tmp_path, "flow.py")
    said = "error: click.py hides the module `click`, which stagekit needs; rename the file\n"
    assert (ExitCode.INVALID_PIPELINE, said) == (done.returncode, done.stderr)


def test_an_error_because_of_a_hidden_module_is_no_defect(tmp_path: Path) -> None:
    """What is imported later is blamed on the file, too: the exit code is not that of a defect."""
    (tmp_path / "queue.py").write_text("VALUE = 1\n", encoding="utf-8")
    (tmp_path / "flow.py").write_text(f"import queue\n{FLOW}", encoding="utf-8")
    done = python(tmp_path, "flow.py", "--executor", "threads", "--workers", "2", "--deadline=9")
    assert ExitCode.INVALID_PIPELINE == done.returncode, done.stderr
    assert (
        "error[SK010]: queue.py hides the module `queue` of Python, which stagekit" in done.stderr
    )
    assert "help: rename the file\n" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("name", ["enum", "importlib"])
def test_an_import_of_stagekit_says_what_is_hidden(tmp_path: Path, name: str) -> None:
    """Where Python itself is broken by the file, the last line says what to do."""
    (tmp_path / f"{name}.py").write_text("VALUE = 1\n", encoding="utf-8")
    (tmp_path / "flow.py").write_text(FLOW, encoding="utf-8")
    last = python(tmp_path, "flow.py").stderr.splitlines()[-1]
    assert f"ImportError: {name}.py hides the module `{name}` of Python, which" in last
    assert last.endswith("rename the file")


@pytest.mark.parametrize("command", ["run", "plan", "list", "graph"])
def test_a_clone_beside_an_installed_stagekit_hides_nothing(tmp_path: Path, command: str) -> None:
    """F16: in the root of a clone nothing is wrong, and so nothing is said."""
    (tmp_path / "stagekit" / "_base").mkdir(parents=True)
    for name in ("__init__.py", "_base/__init__.py", "_base/shadowing.py"):
        (tmp_path / "stagekit" / name).write_text("", encoding="utf-8")
    (tmp_path / "flow.py").write_text(FLOW, encoding="utf-8")
    done = python(tmp_path, "-c", CONSOLE, command, "flow.py")
    assert ExitCode.OK == done.returncode
    assert "hides" not in done.stderr


def test_a_clone_of_another_stagekit_gives_no_workers(tmp_path: Path) -> None:
    """Worker processes find the stagekit of their parent, not the one in the current folder."""
    (tmp_path / "stagekit").mkdir()
    (tmp_path / "stagekit" / "__init__.py").write_text("raise SystemExit(9)\n", encoding="utf-8")
    (tmp_path / "flow.py").write_text(FLOW, encoding="utf-8")
    done = python(tmp_path, "-c", CONSOLE, "run", "flow.py", "--executor", "processes")
    assert ExitCode.OK == done.returncode, done.stderr
    assert "warning: stagekit hides stagekit itself from every import" in done.stderr


def test_files_that_hide_are_found_past(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """In this process: a module that we need is imported past the file, and the path is kept."""
    (tmp_path / "colorsys.py").write_text("", encoding="utf-8")  # nothing that we need
    (tmp_path / "graphlib.py").write_text("raise ValueError\n", encoding="utf-8")
    (tmp_path / "tomli.py").write_text("raise ValueError\n", encoding="utf-8")
    monkeypatch.syspath_prepend(str(tmp_path))  # pyright: ignore[reportUnknownMemberType]
    monkeypatch.delitem(sys.modules, "graphlib", raising=False)
    before = list(sys.path)
    assert {"colorsys", "graphlib"} - set(shadowing.shadows(str(tmp_path))) <= {"graphlib"}  # 3.8
    shadowing.import_past([str(tmp_path)])
    assert before == sys.path
    found = getattr(sys.modules.get("graphlib"), "__file__", "")
    assert str(tmp_path) not in str(found)
    assert str(tmp_path) == shadowing.safe_path(sys.path)[-1]
    assert [] == shadowing.shadows(str(tmp_path / "gone"))


class _SilentError(ImportError):
    def __str__(self) -> str:
        raise ValueError


def test_only_what_a_file_has_caused_is_blamed_on_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An error that neither names the module nor comes from its file has another cause."""
    (tmp_path / "queue").mkdir()
    (tmp_path / "queue" / "__init__.py").write_text("1 // 0\n", encoding="utf-8")
    fake = type(sys)("queue")
    fake.__file__ = str(tmp_path / "queue" / "__init__.py")
    monkeypatch.setitem(sys.modules, "queue", fake)
    monkeypatch.chdir(tmp_path)
    said = "queue hides the module `queue` of Python, which stagekit needs"
    assert said == shadowing.blamed(AttributeError("module 'queue' has no attribute 'Queue'"))
    assert shadowing.blamed(ValueError("3")) is None
    assert shadowing.blamed(_SilentError()) is None
    with pytest.raises(ZeroDivisionError) as raised:
        exec(compile("1 // 0", fake.__file__, "exec"))  # noqa: S102 - a text of ours
    assert said == shadowing.blamed(raised.value)


@pytest.mark.skipif(os.name != "posix", reason="a folder in use cannot be removed")
@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["run", "{flow}"], ExitCode.OK, "summary: 1 ran"),
        (["list", "flow"], ExitCode.INVALID_PIPELINE, "current folder, which is not there any"),
        pytest.param(
            ["plan", "flow.py"],
            ExitCode.INVALID_PIPELINE,
            "start from the current folder, which is not there any",
            marks=pytest.mark.slow,
        ),
        pytest.param(
            ["run", "{flow}", "--executor", "processes"],
            ExitCode.OK,
            "summary: 1 ran",
            marks=[
                pytest.mark.slow,
                pytest.mark.skipif(
                    sys.version_info[:2] == (3, 13),
                    reason="its import system fails there: SystemError in _get_exports_list",
                ),
            ],
        ),
    ],
)
def test_a_current_folder_that_is_gone(
    tmp_path: Path, arguments: List[str], code: ExitCode, said: str
) -> None:
    """A file with a whole path runs; of another one the cause is said, and what to do."""
    flow = tmp_path / "flow.py"
    flow.write_text(FLOW, encoding="utf-8")
    leave = (
        "import os, sys, tempfile; folder = tempfile.mkdtemp(); os.chdir(folder); os.rmdir(folder);"
        "os.execv(sys.executable, [sys.executable, '-m', 'stagekit', *sys.argv[1:]])"
    )
    done = python(tmp_path, "-c", leave, *(each.format(flow=flow) for each in arguments))
    assert code == done.returncode, done.stderr
    assert said in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    "environ",
    [
        {"PYTHONIOENCODING": "ascii", "HOME": ""},
        pytest.param({"LC_ALL": "C", "PYTHONUTF8": "0"}, marks=pytest.mark.slow),
        pytest.param({"PYTHONWARNINGS": "error"}, marks=pytest.mark.slow),
        pytest.param({"PYTHONOPTIMIZE": "2"}, marks=pytest.mark.slow),
        pytest.param({"TMPDIR": "/nowhere", "TERM": ""}, marks=pytest.mark.slow),
    ],
    ids=str,
)
def test_odd_surroundings_change_nothing(tmp_path: Path, environ: Dict[str, str]) -> None:
    """A run with worker processes ends well, and says nothing that it does not say elsewhere."""
    (tmp_path / "flow.py").write_text(FLOW, encoding="utf-8")
    done = python(tmp_path, *WAYS["processes"], **environ)
    assert ExitCode.OK == done.returncode, done.stderr
    lines = done.stderr.splitlines()
    assert ["[ 1/1] start  one", "[ 1/1] ok     one"] == [line[:17].rstrip() for line in lines[:2]]
    assert 3 == len(lines)  # and the summary


@pytest.mark.parametrize(
    "target", ["my flows", "my flows/pkg", "my flows.pi pe", "flo", "flows", "flows/", "flows.on"]
)
def test_what_is_proposed_for_a_target_is_taken(tmp_path: Path, target: str) -> None:
    """A hint is not refused in its turn: it is there, has stages, and may be so written."""
    files = ("my flows/pi pe.py", "my flows/pkg/__init__.py", "my flows/pkg/steps.py")
    for file in (*files, "flows/one.py", "flows/deep/two.py"):
        (tmp_path / file).parent.mkdir(exist_ok=True, parents=True)
        (tmp_path / file).write_text(FLOW, encoding="utf-8")
    (tmp_path / "flows" / "helpers.py").write_text("X = 1\n", encoding="utf-8")
    refused = python(tmp_path, "-m", "stagekit", "list", target)
    hints = re.findall(r"did you mean (.+?)\?", refused.stderr)
    assert hints or refused.returncode == ExitCode.NOTHING_SELECTED
    for hint in hints[:2]:
        done = python(tmp_path, "-m", "stagekit", "list", hint)
        assert ExitCode.OK == done.returncode, (hint, done.stderr)
