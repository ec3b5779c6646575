"""The command line as a process: exit codes, streams, and both ways to start it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from shutil import which
from typing import TYPE_CHECKING, Callable, Dict, List

import pytest

from stagekit import __version__
from stagekit.cli import ExitCode

if TYPE_CHECKING:
    from tests.cli.conftest import Write

SideBySide = Callable[..., List["subprocess.CompletedProcess[str]"]]

ROOT = Path(__file__).resolve().parent.parent.parent
LIMIT = 60
FAILS = "from stagekit import stage\n@stage\ndef load() -> None:\n    print('begun')\n    1 / 0\n"
SABOTAGE = """
from stagekit import stage
from stagekit._run.state.scheduler import Scheduler

def succeed(self, step, value):
    raise ZeroDivisionError("sabotage")

Scheduler.succeed = succeed

@stage
def load() -> None: ...
"""
# What an installed console script does: its folder, and not the current one, is on the path.
SCRIPT = "import sys\nfrom stagekit.__main__ import main\nsys.exit(main())\n"


def environment(**more: str) -> Dict[str, str]:
    """Return the variables of this process without those that have a say in output."""
    silent = ("CI", "COLUMNS", "FORCE_COLOR", "NO_COLOR", "PYTHONIOENCODING", "TERM")
    kept = {name: value for name, value in os.environ.items() if name not in silent}
    return {**kept, "PYTHONPATH": str(ROOT), "PYTHONDONTWRITEBYTECODE": "1", **more}


def started(folder: Path, *arguments: str, **more: str) -> subprocess.CompletedProcess[str]:
    """Carry out a command line in a process of its own."""
    return subprocess.run(
        [sys.executable, "-m", "stagekit", *arguments],
        cwd=folder,
        env=environment(**more),
        capture_output=True,
        encoding="utf-8",
        timeout=LIMIT,
        check=False,
    )


EXITS = [
    (ExitCode.OK, ["run", "shop"], "summary: 3 ran"),
    (ExitCode.STAGE_FAILED, ["run", "fails.py"], "error[SK301]: stage `load` failed"),
    (ExitCode.USAGE, ["run", "shop", "--slect", "x"], "did you mean --select?"),
    (ExitCode.INVALID_PIPELINE, ["run", "shpo"], "error[SK010]: there is no module"),
    (ExitCode.NOTHING_SELECTED, ["run", "shop", "-s", "tag:x"], "leaves no stage of shop"),
    (ExitCode.INTERNAL_ERROR, ["run", "sabotage"], "error[SK500]: "),
]


@pytest.mark.slow
def test_each_exit_code_is_that_of_a_process(
    tmp_path: Path, shop: str, write: Write, side_by_side: SideBySide
) -> None:
    """Scripts can tell how it went. Those of signals are in test_signals.py."""
    assert (tmp_path / f"{shop}.py").exists()
    write("fails.py", FAILS)
    write("sabotage.py", SABOTAGE)
    ended = side_by_side(started, [(tmp_path, *arguments) for _, arguments, _ in EXITS])
    for (code, _, told), done in zip(EXITS, ended):
        assert code == done.returncode, done.stderr
        assert told in done.stderr


def test_a_defect_of_ours_asks_to_be_reported(tmp_path: Path, write: Write) -> None:
    """The traceback is whole then, whatever --tb says."""
    write("sabotage.py", SABOTAGE)
    done = started(tmp_path, "run", "sabotage", "--json", "--tb", "short")
    assert "ZeroDivisionError: sabotage" in done.stderr
    assert "sabotage.py" in done.stderr
    assert "_run" in done.stderr
    assert "please report it" in done.stderr
    document = json.loads(done.stdout)
    assert (5, "SK500") == (document["exit_code"], document["error"]["problems"][0]["code"])


def test_the_meaning_of_exit_codes_is_public() -> None:
    """The enum has the codes that are in use, and no others."""
    assert [0, 1, 2, 3, 4, 5, 6, 7, 74, 124, 129, 130, 143] == [int(each) for each in ExitCode]


@pytest.mark.slow
def test_both_ways_to_start_find_the_same(
    tmp_path: Path, write: Write, side_by_side: SideBySide
) -> None:
    """``python -m stagekit`` and the console script take the same forms of a target."""
    write("flows/pkg/__init__.py", "")
    write("flows/pkg/shop.py", FAILS.replace("1 / 0", "").replace("begun", "ran"))
    module, script = ["-m", "stagekit"], [str(write("bin/stagekit_script.py", SCRIPT))]
    cases = [
        (module, "pkg.shop"),
        (module, "pkg/shop.py:load"),
        (script, "pkg.shop:load"),
        (script, "pkg/shop.py"),
    ]

    def run_by(way: List[str], target: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, *way, "run", target, "-q"],
            cwd=tmp_path / "flows",
            env=environment(),
            capture_output=True,
            encoding="utf-8",
            timeout=LIMIT,
            check=False,
        )

    for done in side_by_side(run_by, cases):
        assert (0, "ran\n") == (done.returncode, done.stdout), done.stderr


@pytest.mark.parametrize("option", ["--version", "-V"])
def test_the_version_is_told_at_once(option: str, tmp_path: Path) -> None:
    """One line, in an empty folder; neither click nor code of the user is imported for it."""
    (tmp_path / "click.py").write_text("raise SystemExit('imported')", encoding="utf-8")
    (tmp_path / "rich.py").write_text("raise SystemExit('imported')", encoding="utf-8")
    done = started(tmp_path, option)
    python = ".".join(map(str, sys.version_info[:3]))
    assert (0, "") == (done.returncode, done.stderr)
    assert done.stdout.startswith(f"stagekit {__version__} (")
    assert done.stdout.endswith(f" {python}, {sys.platform})\n")


@pytest.mark.slow
def test_the_version_is_told_among_other_options(tmp_path: Path) -> None:
    """What is not the shortest command line takes the long way to the same text."""
    long = started(tmp_path, "--version", "run")
    assert (0, started(tmp_path, "--version").stdout) == (long.returncode, long.stdout)


LOUD = """
import os, subprocess, sys
from stagekit import stage

@stage
def loud() -> None:
    print("python")
    sys.stdout.flush()
    os.write(1, b"descriptor\\n")
    subprocess.run([sys.executable, "-c", "print('child')"], check=True)
"""


def test_stdout_is_what_stages_print_and_nothing_else(tmp_path: Path, write: Write) -> None:
    """Progress, warnings and the summary go to stderr."""
    write("loud.py", LOUD)
    done = started(tmp_path, "run", "loud", "-v")
    assert "python\ndescriptor\nchild\n" == done.stdout
    assert done.stderr.startswith("[ 1/1] start  loud\n")


@pytest.mark.parametrize(
    "option", [["--json"], pytest.param(["--events", "-"], marks=pytest.mark.slow)]
)
def test_stdout_is_the_documents_and_nothing_else(
    option: List[str], tmp_path: Path, write: Write
) -> None:
    """What stages, their descriptors and their children print goes to stderr then."""
    write("loud.py", LOUD)
    done = started(tmp_path, "run", "loud", "-q", *option)
    assert 0 == done.returncode
    assert done.stderr.startswith("python\ndescriptor\nchild\nsummary: ")
    if option == ["--json"]:
        assert "stagekit.run/1" == json.loads(done.stdout)["schema"]
    else:
        events = [json.loads(line)["event"] for line in done.stdout.splitlines()]
        assert ["RunStarted", "StageStarted", "StageSucceeded", "RunFinished"] == events


MANY_LINES = """
from pathlib import Path
from stagekit import stage

@stage
def shout() -> None:
    for _ in range(50):
        print("x" * 10_000, flush=True)

@stage(depends_on=shout)
def after() -> None:
    Path("after").touch()
"""


@pytest.mark.parametrize("stream", ["stdout", pytest.param("stderr", marks=pytest.mark.slow)])
def test_a_reader_that_has_gone_ends_the_output_and_not_the_run(
    stream: str, tmp_path: Path, write: Write
) -> None:
    """O7: ``| head`` hides what comes after; stages print on, and the exit code is theirs."""
    write("flow.py", MANY_LINES)
    source, sink = os.pipe()
    os.close(source)
    kept = tmp_path / "kept"
    with kept.open("wb") as other:
        is_out = stream == "stdout"
        process = subprocess.Popen(
            [sys.executable, "-m", "stagekit", "run", "flow"],
            cwd=tmp_path,
            env=environment(),
            stdout=sink if is_out else other,
            stderr=other if is_out else sink,
        )
        os.close(sink)
        assert 0 == process.wait(LIMIT)
    assert (tmp_path / "after").exists()
    assert b"Traceback" not in kept.read_bytes()
    assert b"Exception ignored" not in kept.read_bytes()


@pytest.mark.slow
def test_a_plan_that_nobody_reads_is_no_failure(tmp_path: Path, shop: str) -> None:
    """``stagekit graph shop | true`` says nothing about pipes."""
    source, sink = os.pipe()
    os.close(source)
    done = subprocess.run(
        [sys.executable, "-m", "stagekit", "graph", shop],
        cwd=tmp_path,
        env=environment(),
        stdout=sink,
        stderr=subprocess.PIPE,
        timeout=LIMIT,
        check=False,
    )
    os.close(sink)
    assert (0, b"") == (done.returncode, done.stderr)


@pytest.mark.skipif(os.name == "nt", reason="a shell closes the streams")
@pytest.mark.slow
def test_a_process_without_streams_runs(tmp_path: Path, write: Write) -> None:
    """Started with closed descriptors, as by some daemons, stages run all the same."""
    write("flow.py", MANY_LINES)
    command = f'"{sys.executable}" -m stagekit run flow >&- 2>&-'
    shell = which("sh") or which("bash")
    assert shell is not None
    done = subprocess.run(
        [shell, "-c", command], cwd=tmp_path, env=environment(), timeout=LIMIT, check=False
    )
    assert 0 == done.returncode
    assert (tmp_path / "after").exists()


@pytest.mark.slow
def test_an_encoding_without_our_characters_is_written_in_others(
    tmp_path: Path, write: Write, shop: str
) -> None:
    """O8: with ASCII, frames are bars, and names of the user are escaped; nothing fails."""
    text = "from stagekit import stage\n@stage\ndef größe(x: bytes) -> None:\n    print('ü')\n"
    write("flow.py", text)
    done = started(tmp_path, "run", "flow", PYTHONIOENCODING="ascii")
    assert 3 == done.returncode
    assert r"of stage `gr\xf6\xdfe`" in done.stderr
    assert "   3 | def gr\\xf6\\xdfe(x: bytes) -> None:\n" in done.stderr
    write("flow.py", text.replace("x: bytes", ""))
    done = started(tmp_path, "run", "flow", PYTHONIOENCODING="ascii")
    assert (0, "\\xfc\n") == (done.returncode, done.stdout)
    graph = started(tmp_path, "graph", shop, PYTHONIOENCODING="ascii")
    assert "load -> total -> announce\n" == graph.stdout.replace("-->", "->").replace("->", "->")


@pytest.mark.slow
def test_without_a_terminal_nothing_is_drawn(
    tmp_path: Path, write: Write, side_by_side: SideBySide
) -> None:
    """FORCE_COLOR gives colour, and no carriage return, no cursor that is hidden."""
    write("fails.py", FAILS)

    def run_with(variables: Dict[str, str]) -> subprocess.CompletedProcess[str]:
        return started(tmp_path, "run", "fails", **variables)

    cases: List[Dict[str, str]] = [{}, {"FORCE_COLOR": "1"}, {"TERM": "dumb"}, {"CI": "true"}]
    for variables, done in zip(cases, side_by_side(run_with, [(case,) for case in cases])):
        assert 1 == done.returncode
        assert "[ 1/1] FAILED load" in done.stderr
        assert "\r" not in done.stderr
        assert "\x1b[?25l" not in done.stderr
        assert ("\x1b[1;31merror[SK301]\x1b[0m" in done.stderr) == ("FORCE_COLOR" in variables)


@pytest.mark.slow
def test_arguments_that_are_no_text_are_shown_escaped(tmp_path: Path) -> None:
    """C8: bytes that the encoding has no characters for."""
    if os.name == "nt":
        pytest.skip("arguments are texts there")
    done = subprocess.run(
        [os.fsencode(sys.executable), b"-m", b"stagekit", b"run", b"\xff\x1b[31m", b"--jso\xfe"],
        cwd=tmp_path,
        env=environment(),
        capture_output=True,
        timeout=LIMIT,
        check=False,
    )
    assert 2 == done.returncode
    assert b"there is no option --jso\\udcfe; did you mean --json?" in done.stderr
    assert b"\x1b" not in done.stderr


@pytest.mark.parametrize(
    "body",
    [
        "    return helper(0)\n",
        (
            "    try:\n        return helper(0)\n    except ZeroDivisionError as error:\n"
            "        raise ValueError('two\\nlines') from error\n"
        ),
        "    assert helper(0.5) == 3, 'a text'\n    return 1\n",
    ],
)
def test_a_failure_elsewhere_is_shown_as_one_here(tmp_path: Path, body: str) -> None:
    """The frames once, the error once: as on threads."""
    text = "from stagekit import stage\ndef helper(n):\n    return 1 // n\n@stage\n"
    (tmp_path / "flow.py").write_text(f"{text}def load() -> int:\n{body}", encoding="utf-8")
    shown: List[str] = []
    for executor in ("threads", "processes"):
        command = [sys.executable, "-m", "stagekit", "run", "flow.py", "--executor", executor, "-q"]
        done = subprocess.run(
            command, cwd=tmp_path, capture_output=True, check=False, timeout=120, text=True
        )
        assert 1 == done.returncode
        shown.append(done.stderr[: done.stderr.index("summary:")])
    assert shown[0] == shown[1]
    assert 'File "flow.py", line' in shown[1]
