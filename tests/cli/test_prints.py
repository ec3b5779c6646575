"""``--prints``: what stages print at the same time is kept apart, and none of it is lost."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Dict, List, Tuple

import pytest

from tests.cli.terminals import LIMIT

ROOT = Path(__file__).resolve().parent.parent.parent
SILENT = ("CI", "COLUMNS", "FORCE_COLOR", "NO_COLOR", "PYTHONUNBUFFERED", "TERM")

# Two stages that print in turns: each waits for what the other one has printed.
TURNS = """
import sys, threading, asyncio
from stagekit import stage

meet = threading.Barrier(2, timeout=60)

def speak(name):
    for number in range(3):
        meet.wait()
        print(name, number)
        meet.wait()
    print(name, "said", end=" ")
    print("so", file=sys.stderr)

@stage
def left() -> None:
    speak("left")

@stage
def right() -> None:
    speak("right")
"""
LEFT = ["left 0", "left 1", "left 2", "left said so"]
RIGHT = ["right 0", "right 1", "right 2", "right said so"]


def environment(**more: str) -> Dict[str, str]:
    """Return the variables of this process without those that have a say in output."""
    kept = {name: value for name, value in os.environ.items() if name not in SILENT}
    return {**kept, "PYTHONPATH": str(ROOT), "PYTHONDONTWRITEBYTECODE": "1", **more}


def ran(folder: Path, source: str, *options: str, apart: bool = False) -> Tuple[int, str, str]:
    """Run a script; return its code, and what it writes: all to one pipe unless *apart*."""
    (folder / "flow.py").write_text(source, encoding="utf-8")
    done = subprocess.run(
        [sys.executable, "-m", "stagekit", "run", "flow.py", *options],
        cwd=folder,
        env=environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE if apart else subprocess.STDOUT,
        encoding="utf-8",
        timeout=LIMIT,
        check=False,
    )
    return done.returncode, done.stdout, done.stderr or ""


def between(text: str, first: str, last: str) -> List[str]:
    """Return the lines after the one that is *first*, up to the one that begins with *last*."""
    lines = text.splitlines()
    rest = lines[lines.index(first) + 1 :]
    return rest[: next(number for number, line in enumerate(rest) if line.startswith(last))]


def test_prints_are_grouped_in_a_pipe(tmp_path: Path) -> None:
    """What a stage prints comes in one piece below its name, before its end is said."""
    code, out, _ = ran(tmp_path, TURNS, "--workers", "2")
    assert 0 == code
    lines = out.splitlines()
    for name, said in (("left", LEFT), ("right", RIGHT)):
        place = lines.index(f"── {name}")
        assert said == lines[place + 1 : place + 5]
        assert " ok " in lines[place + 5]
        assert name in lines[place + 5]


def test_each_line_may_begin_with_the_name_of_its_stage(tmp_path: Path) -> None:
    """Prefixed lines come at once, in the order in which they are printed."""
    code, out, _ = ran(tmp_path, TURNS, "--workers", "2", "--prints", "prefixed")
    assert 0 == code
    shown = [line for line in out.splitlines() if " │ " in line]
    assert ["left  │ left 0", "left  │ left 1", "left  │ left 2"] == [
        line for line in shown if line.startswith("left ") and "s" not in line
    ]
    assert {"left  │ left said ", "right │ so"} <= set(shown)
    assert shown.index("right │ right 0") < shown.index("left  │ left 1")


def test_raw_prints_are_as_they_come(tmp_path: Path) -> None:
    """Nothing is added, and a stage that prints does not wait for its end."""
    _, out, _ = ran(tmp_path, TURNS, "--workers", "2", "--prints", "raw")
    lines = out.splitlines()
    assert not [line for line in lines if "──" in line or "│" in line]
    assert lines.index("right 0") < lines.index("left 1")


def test_results_in_a_pipe_of_their_own_have_no_heading(tmp_path: Path) -> None:
    """Standard output has what stages print there and nothing else; each piece is whole."""
    _, out, err = ran(tmp_path, TURNS, "--workers", "2", apart=True)
    pieces = [f"{name} 0\n{name} 1\n{name} 2\n{name} said \n" for name in ("left", "right")]
    assert out in ("".join(pieces), "".join(reversed(pieces)))
    assert ["so"] == between(err, "── left", "[")


def test_with_json_prints_are_grouped_on_standard_error(tmp_path: Path) -> None:
    """Standard output is the document alone."""
    _, out, err = ran(tmp_path, TURNS, "--workers", "2", "--json", apart=True)
    assert "succeeded" == json.loads(out)["status"]
    assert LEFT == between(err, "── left", "[")


KINDS = {
    "threads": "@stage\ndef {name}() -> None:\n    speak('{name}')\n",
    "asyncio": "@stage\nasync def {name}() -> None:\n"
    "    await asyncio.sleep(0)\n    speak('{name}')\n    await asyncio.sleep(0)\n",
    "processes": "@stage(executor='processes')\ndef {name}() -> None:\n    speak('{name}')\n",
    "retried": "@stage(retries=1)\ndef {name}() -> None:\n    speak('{name}')\n",
    "inline": "@stage\ndef {name}() -> None:\n    speak('{name}')\n",
}
PLAIN = """
import asyncio, sys
from stagekit import stage

def speak(name):
    print(name, "one")
    print(name, "two", file=sys.stderr)
    print(name, "end", end="")

"""


@pytest.mark.parametrize("kind", KINDS)
def test_every_executor_groups(kind: str, tmp_path: Path) -> None:
    """Threads, tasks, processes, and the main thread: all prints of a stage are below its name."""
    source = PLAIN + "".join(KINDS[kind].format(name=name) for name in ("a", "b"))
    executor = ["--executor", "inline"] if kind == "inline" else []
    code, out, _ = ran(tmp_path, source, "--prints", "grouped", *executor)
    assert 0 == code, out
    for name in ("a", "b"):
        assert [f"{name} one", f"{name} two", f"{name} end"] == between(out, f"── {name}", "[")


FAILING = """
import threading
from stagekit import stage

ready = threading.Event()

@stage
def slow(token: "CancelToken") -> None:
    print("slow begins", end="")
    ready.set()
    token.wait(60)
    token.raise_if_cancelled()

@stage
def bad() -> None:
    ready.wait(60)
    print("bad begins")
    raise ValueError("no")

from stagekit import CancelToken
"""


@pytest.mark.parametrize("mode", ["grouped", "prefixed"])
def test_prints_of_stages_that_fail_or_are_cancelled_are_not_lost(
    mode: str, tmp_path: Path
) -> None:
    """Whatever a stage has printed is there when it ends, however it does."""
    code, out, _ = ran(tmp_path, FAILING, "--prints", mode, "--fail-fast", "--workers", "2")
    assert 1 == code
    head = {"grouped": "── {}\n", "prefixed": "{:<4} │ "}[mode]
    assert head.format("bad") + "bad begins\n" in out
    assert head.format("slow") + "slow begins\n" in out


def test_a_worker_that_dies_has_printed(tmp_path: Path) -> None:
    """Lines of a process are there, though the process is not any more."""
    source = PLAIN + (
        "import os\n@stage(executor='processes')\ndef a() -> None:\n"
        "    print('last words')\n    os._exit(3)\n@stage\ndef b() -> None: ...\n"
    )
    code, out, _ = ran(tmp_path, source, "--prints", "grouped")
    assert 1 == code
    assert ["last words"] == between(out, "── a", "[")


def test_a_name_cannot_draw(tmp_path: Path) -> None:
    """Control characters, directions and newlines in the name of a stage are shown escaped."""
    source = PLAIN + (
        "from stagekit import Registry\nregistry = Registry()\n"
        "registry.add(lambda: speak('a'), id='x\\x1b[31m\\u202e\\ny')\n"
        "registry.add(lambda: None, id='b')\n"
    )
    for mode in ("grouped", "prefixed"):
        _, out, _ = ran(tmp_path, source, "--prints", mode, "--executor", "threads")
        assert "x\\x1b[31m\\u202e\\ny" in out
        assert "\x1b" not in out
        assert "\u202e" not in out


def test_what_is_drawn_over_is_not_kept(tmp_path: Path) -> None:
    """Of a bar, prefixed lines show how it ended."""
    source = PLAIN + (
        "@stage\ndef a() -> None:\n    print('\\r10 %', end='')\n    print('\\r99 %')\n"
        "@stage\ndef b() -> None: ...\n"
    )
    _, out, _ = ran(tmp_path, source, "--prints", "prefixed", "--executor", "threads")
    assert "a │ 99 %\n" in out
    assert "10 %" not in out


MANY = """
from stagekit import Registry
registry = Registry()

def bad() -> bytes:
    raise ValueError("no")

def then() -> None: ...

registry.add(bad, id="bad")  # first, as most stages wait for it
for number in range(9):
    registry.add(then, id=f"then{number}", depends_on=[f"then{number - 1}" if number else "bad"])
    registry.add(then, id=f"alone{number}")
"""


def test_stages_that_a_stopped_run_has_not_started_are_counted(tmp_path: Path) -> None:
    """One line for all of them, rather than one for each."""
    _, out, _ = ran(tmp_path, MANY, "--executor", "threads", "--workers", "1")
    assert " cancel 9 stages were not started\n" in out
    assert "alone3" not in out


def test_the_slowest_stages_are_listed(tmp_path: Path) -> None:
    """As many as asked for, with their share of the run."""
    _, out, _ = ran(tmp_path, PLAIN + KINDS["inline"].format(name="a"), "--durations", "5")
    assert "  slowest stages (1 of 1 that ran)\n  stage  wall" in out


@pytest.mark.slow
@pytest.mark.parametrize("begun", ["", "half a line"])
def test_a_stage_that_runs_for_long_is_not_silent(begun: str, tmp_path: Path) -> None:
    """Its whole lines are seen while it runs: it goes on only when they have been."""
    source = (
        "import os, time\nfrom stagekit import stage\n\n"
        "@stage\ndef a() -> None:\n    print('up')\n"
        f"    print({begun!r}, end='')\n    end = time.monotonic() + 300\n"
        "    while not os.path.exists('seen') and time.monotonic() < end:\n"
        "        time.sleep(0.01)\n    print('down', os.path.exists('seen'))\n\n"
        "@stage\ndef b() -> None: ...\n"
    )
    (tmp_path / "flow.py").write_text(source, encoding="utf-8")
    with subprocess.Popen(
        [sys.executable, "-m", "stagekit", "run", "flow.py", "--prints", "grouped"],
        cwd=tmp_path,
        env=environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        encoding="utf-8",
    ) as process:
        assert process.stdout is not None
        assert "up\n" == process.stdout.readline()
        (tmp_path / "seen").touch()
        assert f"{begun}down True\n" == process.stdout.read()
