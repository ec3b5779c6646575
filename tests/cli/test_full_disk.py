"""Standard streams that cannot be written: ``/dev/full`` is a disk without space."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import List

import pytest

from stagekit.cli import ExitCode
from tests.unwatched import unwatched

if not Path("/dev/full").exists():
    pytest.skip("there is no /dev/full here", allow_module_level=True)

ROOT = Path(__file__).resolve().parent.parent.parent
SHELL = shutil.which("sh") or shutil.which("bash")  # there are systems without the first
LIMIT = 60
FLOW = "from stagekit import stage\n@stage\ndef one() -> int:\n    print('one')\n    return 1\n"
FAILS = FLOW.replace("return 1", "return 1 // 0")
SAID = "error: standard output cannot be written: No space left on device\n"


def in_shell(line: str, folder: Path) -> subprocess.CompletedProcess[str]:
    """Carry out a command of ours by a shell, which can close its streams."""
    return subprocess.run(  # noqa: S602 - a line of ours
        f'"{sys.executable}" -m stagekit {line}',
        shell=True,
        executable=SHELL,
        cwd=folder,
        env={**unwatched(), "PYTHONPATH": str(ROOT)},
        stderr=subprocess.PIPE,
        encoding="utf-8",
        timeout=LIMIT,
        check=False,
    )


def run(folder: Path, *arguments: str, full: str) -> subprocess.CompletedProcess[str]:
    """Run a command line with one of its streams on a full disk."""
    (folder / "flow.py").write_text(FLOW, encoding="utf-8")
    (folder / "fails.py").write_text(FAILS, encoding="utf-8")
    with Path("/dev/full").open("w", encoding="utf-8") as stream:
        return subprocess.run(
            [sys.executable, "-m", "stagekit", *arguments],
            cwd=folder,
            env={**unwatched(), "PYTHONPATH": str(ROOT), "PYTHONUNBUFFERED": ""},
            stdin=subprocess.DEVNULL,
            stdout=stream if full == "stdout" else subprocess.PIPE,
            stderr=stream if full == "stderr" else subprocess.PIPE,
            encoding="utf-8",
            timeout=LIMIT,
            check=False,
        )


@pytest.mark.parametrize(
    "arguments",
    [
        ["run", "flow"],
        ["--help"],
        *(
            pytest.param(line.split(), marks=pytest.mark.slow)
            for line in (
                "run flow --json",
                "run flow --events -",
                "plan flow",
                "list flow",
                "graph flow",
                "list nowhere --json",
                "list flow --unknown --json",
                "explain SK201",
                "run --help",
                "--version",
                "--version -V",
            )
        ),
    ],
    ids=" ".join,
)
def test_a_full_standard_output_is_said_in_a_line(arguments: List[str], tmp_path: Path) -> None:
    """Without a traceback, and without the exit code of anything else."""
    done = run(tmp_path, *arguments, full="stdout")
    assert (ExitCode.NOT_WRITTEN, 1) == (done.returncode, done.stderr.count("cannot be written"))
    assert "No space left on device\n" in done.stderr
    assert "Traceback" not in done.stderr
    assert "SK500" not in done.stderr


def test_a_failed_stage_comes_before_a_full_disk(tmp_path: Path) -> None:
    """Where only prints are lost, the exit code says how the run went."""
    done = run(tmp_path, "run", "fails", full="stdout")
    assert ExitCode.STAGE_FAILED == done.returncode
    assert done.stderr.endswith(SAID)


@pytest.mark.slow
def test_a_full_standard_error_changes_no_exit_code(tmp_path: Path) -> None:
    """There is nowhere to say it, and results are whole."""
    done = run(tmp_path, "run", "flow", "--json", full="stderr")
    assert ExitCode.OK == done.returncode
    assert "succeeded" == json.loads(done.stdout)["status"]
    assert ExitCode.STAGE_FAILED == run(tmp_path, "run", "fails", full="stderr").returncode


@pytest.mark.slow
def test_a_full_file_of_events_does_not_hide_the_run(tmp_path: Path) -> None:
    """The run and its document are whole; the exit code says that the file is not."""
    done = run(tmp_path, "run", "flow", "--events", "/dev/full", "--json", full="neither")
    assert ExitCode.NOT_WRITTEN == done.returncode
    assert "error: --events /dev/full cannot be written: No space left on device\n" in done.stderr
    document = json.loads(done.stdout)
    assert ("succeeded", 74) == (document["status"], document["exit_code"])
    done = run(tmp_path, "run", "fails", "--events", "/dev/full", full="neither")
    assert ExitCode.STAGE_FAILED == done.returncode


@pytest.mark.parametrize(
    "flags",
    [
        ["-u"],
        *(pytest.param(each, marks=pytest.mark.slow) for each in ([], ["-X", "dev"])),
    ],
    ids=" ".join,
)
def test_a_stage_is_not_at_fault_for_a_full_standard_output(
    flags: List[str], tmp_path: Path
) -> None:
    """What it prints is dropped, however early it is written; the command says so at its end."""
    flow = FLOW.replace("print('one')", "print('x' * 100_000)")
    (tmp_path / "loud.py").write_text(flow, encoding="utf-8")
    with Path("/dev/full").open("w", encoding="utf-8") as stream:
        done = subprocess.run(
            [sys.executable, *flags, "-m", "stagekit", "run", "loud"],
            cwd=tmp_path,
            env={**unwatched(), "PYTHONPATH": str(ROOT)},
            stdin=subprocess.DEVNULL,
            stdout=stream,
            stderr=subprocess.PIPE,
            encoding="utf-8",
            timeout=LIMIT,
            check=False,
        )
    assert ExitCode.NOT_WRITTEN == done.returncode
    assert "summary: 1 ran, 0 failed" in done.stderr
    assert done.stderr.endswith(SAID)


@pytest.mark.parametrize(
    ("line", "code"),
    [
        ("plan flow >&-", 74),
        ("run flow >&-", 0),
        *(
            pytest.param(*each, marks=pytest.mark.slow)
            for each in (
                ("run flow --json >&-", 74),
                ("run flow --events - >&-", 74),
                ("run flow --show >&-", 74),
                ("list flow >&- <&-", 74),
                ("graph flow >&- 2>&-", 74),
                ("explain SK201 >&-", 74),
                ("list nowhere --json >&-", 74),
                ("list nowhere >&-", 3),
                ("run flow <&- >&- 2>&-", 0),
            )
        ),
    ],
)
def test_a_closed_standard_output_is_said_where_it_matters(
    line: str, code: int, tmp_path: Path
) -> None:
    """Results that were asked for cannot be written; prints of stages are nobody's."""
    (tmp_path / "flow.py").write_text(FLOW, encoding="utf-8")
    done = in_shell(line, tmp_path)
    assert code == done.returncode, done.stderr
    said = "error: standard output cannot be written: it is closed\n"
    assert (code == ExitCode.NOT_WRITTEN and "2>&-" not in line) == done.stderr.endswith(said)
    assert "Traceback" not in done.stderr


def test_a_closed_stream_lends_its_number_to_no_file(tmp_path: Path) -> None:
    """What programs print that a stage starts does not get into the file of events."""
    flow = FLOW.replace("print('one')", "import os; os.write(1, b'stray'); os.write(0, b'stray')")
    (tmp_path / "flow.py").write_text(flow, encoding="utf-8")
    done = in_shell("run flow --events events.jsonl <&- >&-", tmp_path)
    assert ExitCode.OK == done.returncode, done.stderr
    text = (tmp_path / "events.jsonl").read_text("utf-8")
    assert "stray" not in text
    assert all(json.loads(each) for each in text.splitlines())
