"""``stagekit.main()``: a script is a program, with options, messages and exit codes of ``run``."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, List, Tuple

import pytest

import stagekit
from stagekit.cli.app import main as run_app
from stagekit.errors import RunAtImportError

if TYPE_CHECKING:
    from tests.cli.conftest import Cli, Write

ROOT = Path(stagekit.__file__).resolve().parent.parent
SCRIPT = """
import os, signal
from typing import List
import stagekit
from stagekit import Arguments, stage

@stage
def load(path: str) -> List[str]:
    if path == "none":
        raise FileNotFoundError(path)
    if path == "ctrl-c":
        os.kill(os.getpid(), signal.SIGINT)
    return [path]

@stage
def report(rows: List[str], arguments: Arguments, folds: int = 5) -> None:
    print(rows, folds, *arguments)

if __name__ == "__main__":
    stagekit.main()
"""


@pytest.fixture
def script(write: Write) -> str:
    """Write a script that is a program, in the folder in which commands are carried out."""
    write("shop.py", SCRIPT)
    return "shop.py"


def python(folder: Path, *words: str) -> Tuple[int, str, str]:
    """Run Python in a folder; return exit code, output and errors, run ids left out."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "COLUMNS": "80", "NO_COLOR": "1"}
    environment.pop("FORCE_COLOR", None)
    command = [sys.executable, *words]
    done = subprocess.run(
        command,
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    return done.returncode, done.stdout, done.stderr.partition("summary: ")[0]


@pytest.mark.parametrize(
    ("options", "code", "out"),
    [
        ("--set load.path=a.csv --progress none -- --year 2013", 0, "['a.csv'] 5 --year 2013\n"),
        pytest.param("--set path=none --progress none", 1, "", marks=pytest.mark.slow),
        ("--set path=a --set --bad", 3, ""),
        pytest.param("--workers x", 2, "", marks=pytest.mark.slow),
        pytest.param("", 3, "", marks=pytest.mark.slow),
        ("--set path=a --set flods=2", 3, ""),
        pytest.param("--set path=a -s tag:none --progress none", 4, "", marks=pytest.mark.slow),
    ],
)
def test_a_script_is_the_command(
    options: str, code: int, out: str, script: str, cli: Cli, tmp_path: Path
) -> None:
    """The same words, output, messages and exit codes; only the name of the program differs."""
    ours = python(tmp_path, script, *options.split())
    theirs = python(tmp_path, "-m", "stagekit", "run", script, *options.split())
    assert (code, out) == ours[:2] == theirs[:2]
    assert ours[2] == theirs[2].replace("help: stagekit run -h", "help: python shop.py -h")


@pytest.mark.slow
def test_a_module_is_a_program_too(script: str, write: Write, tmp_path: Path) -> None:
    """``python -m pkg.shop``, whose stages have the ids that they have elsewhere."""
    write("pkg/__init__.py", "")
    write("pkg/shop.py", SCRIPT)
    code, out, _ = python(tmp_path, "-m", "pkg.shop", "--set", "path=a", "--json", "-q")
    assert 0 == code
    assert ["pkg.shop:load", "pkg.shop:report"] == [
        each["id"] for each in json.loads(out)["stages"]
    ]
    code, out, _ = python(tmp_path, "-m", "pkg.shop", "-h")
    assert "Usage: python -m pkg.shop [OPTIONS] [-- ARGUMENTS...]\n" in out
    code, out, _ = python(tmp_path, script, "-s", "load", "--set", "path=a", "--json", "-q")
    assert ["shop:load"] == [each["id"] for each in json.loads(out)["stages"]]


@pytest.mark.slow
def test_stages_of_a_script_run_in_processes(script: str, tmp_path: Path) -> None:
    """Workers import it under its own name, and do not run it."""
    words = ("--set", "path=a", "--executor", "processes", "--progress", "none")
    assert (0, "['a'] 5\n") == python(tmp_path, script, *words)[:2]


@pytest.mark.skipif(os.name != "posix", reason="there are no such signals")
def test_a_signal_ends_a_script_as_it_ends_the_command(script: str, tmp_path: Path) -> None:
    """Ctrl-C cancels the run, says so, and is the exit code."""
    code, _, err = python(tmp_path, script, "--set", "path=ctrl-c", "--progress", "plain")
    assert (130, True) == (code, "cancel report" in err)


def test_the_help_of_a_script_is_its_own(script: str, cli: Cli, tmp_path: Path) -> None:
    """Its name, no TARGET, two examples, at most 80 columns."""
    code, out, err = python(tmp_path, script, "-h")
    assert (0, "") == (code, err)
    assert out.startswith("Usage: python shop.py [OPTIONS] [-- ARGUMENTS...]\n")
    assert 2 == out.partition("\nExamples:\n")[2].count("  python shop.py ")
    assert "[OPTIONS] TARGET" not in out
    assert max(map(len, out.split("\n"))) <= 80


def test_what_is_wrong_with_the_words_of_a_script_names_it(
    script: str, cli: Cli, tmp_path: Path
) -> None:
    """Not ``stagekit run``; and with ``--json`` it is a document, too."""
    code, out, err = python(tmp_path, script, "run", "--json")
    text = "nothing takes run; did you mean `python shop.py --select run` (stages or tags) or "
    text += "`python shop.py --set NAME=run` (NAME is load.path or report.folds) or "
    assert f"error: {text}`python shop.py -- run` (Arguments of the stages)?" in err
    _, _, err = python(tmp_path, script, "--path", "a.csv")
    assert "there is no option --path; `path` is a parameter of `load`: --set path=a.csv\n" in err
    assert err.endswith("\n\nhelp: python shop.py -h\n")
    document = json.loads(out)
    assert (2, "stagekit.error/1", 2) == (code, document["schema"], document["exit_code"])


def test_parameters_of_a_script_are_listed(script: str, cli: Cli, tmp_path: Path) -> None:
    """Under the name of its file."""
    expected = "load.path     str  required\nreport.folds  int  5         default\n"
    assert (0, expected) == python(tmp_path, script, "--help-params")[:2]
    _, out, _ = python(tmp_path, script, "--help-params", "--json")
    assert "shop.py" == json.loads(out)["target"]


def test_an_entry_point_may_call_it(script: str, write: Write, tmp_path: Path) -> None:
    """A function of an imported module runs the stages of that module."""
    write("tool.py", SCRIPT + "\ndef cli():\n    stagekit.main()\n")
    code = "import sys, tool; sys.argv[1:] = ['--set', 'path=a', '--progress', 'none']; tool.cli()"
    assert (0, "['a'] 5\n") == python(tmp_path, "-c", code)[:2]


def test_a_call_that_an_import_meets_is_refused(cli: Cli, write: Write, tmp_path: Path) -> None:
    """By the command line, and by Python: whoever imports a module does not mean to run it."""
    write("bare.py", "import stagekit\n@stagekit.stage\ndef a() -> None: ...\nstagekit.main()\n")
    done = cli("run", "bare.py")
    assert 3 == done.code
    assert "error[SK011]: `bare.py` called main() while it was imported" in done.err
    code, _, err = python(tmp_path, "-c", "import bare")
    assert 1 == code
    assert "RunAtImportError: main() was called while this module is being imported" in err
    assert "run() was called" in str(RunAtImportError())


def test_a_script_without_a_file_is_python(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    """As of ``python -c``."""
    from types import ModuleType

    assert cli("-V").code == 0
    assert 4 == run_app([], None, ModuleType("__main__"))
    assert 2 == run_app(["--bad"], None, ModuleType("__main__"))


def test_main_ends_the_program(monkeypatch: pytest.MonkeyPatch, cli: Cli) -> None:
    """With the exit code of the command; it runs the stages of the module that calls it."""
    assert cli("-V").code == 0
    found: List[object] = []

    def called(script: object) -> int:
        found.append(script)
        return 7

    monkeypatch.setattr("stagekit.__main__.main", called)
    with pytest.raises(SystemExit) as caught:
        stagekit.main()
    assert (7, [sys.modules[__name__]]) == (caught.value.code, found)


def test_a_script_has_the_name_that_it_is_imported_by(write: Write, tmp_path: Path) -> None:
    """Its plan, and so the board, says ``shop``, not ``__main__``."""
    asked = (
        "import sys\nprint(stagekit.plan(sys.modules['__main__'], params={'path': 'a'}).target)\n"
    )
    write("shop.py", SCRIPT.partition("if __name__")[0] + asked)
    assert (0, "shop\n") == python(tmp_path, "shop.py")[:2]
