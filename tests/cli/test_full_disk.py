"""Standard streams that cannot be written: ``/dev/full`` is a disk without space."""

from __future__ import annotations

import json
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
LIMIT = 60
FLOW = "from stagekit import stage\n@stage\ndef one() -> int:\n    print('one')\n    return 1\n"
FAILS = FLOW.replace("return 1", "return 1 // 0")
SAID = "error: standard output cannot be written: No space left on device\n"


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
