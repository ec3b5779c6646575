"""A signal at any instant from the start of the process to its end, and the exit code it gives."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Generator, List, Tuple

import pytest

from tests.unwatched import unwatched

if os.name == "nt":
    pytest.skip("signals are POSIX only", allow_module_level=True)

ROOT = Path(__file__).resolve().parent.parent.parent
LIMIT = 60.0  # seconds until a test gives up
SIGNALS = [signal.SIGINT, signal.SIGTERM, signal.SIGHUP]
SLOW = [pytest.mark.slow]
QUICK = "from stagekit import stage\n@stage\ndef one() -> int:\n    return 1\n"
MODULE = ["-m", "stagekit"]
SCRIPT = ["-c", "import sys\nfrom stagekit.__main__ import main\nsys.exit(main())"]


def start(folder: Path, *arguments: str, way: List[str] = MODULE) -> subprocess.Popen[bytes]:
    """Start a command line whose signals are not ignored, whatever this process ignores."""

    def reset() -> None:
        signal.signal(signal.SIGINT, signal.default_int_handler)
        for number in SIGNALS[1:]:
            signal.signal(number, signal.SIG_DFL)

    return subprocess.Popen(
        [sys.executable, *way, *arguments],
        cwd=folder,
        env={**unwatched(), "PYTHONPATH": str(ROOT), "PYTHONUNBUFFERED": ""},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        preexec_fn=reset,  # noqa: PLW1509 - this process starts no thread before it forks
    )


@contextmanager
def ended(process: subprocess.Popen[bytes]) -> Generator[Tuple[IO[bytes], IO[bytes]], None, None]:
    """Yield standard output and standard error of a process that is killed if it takes too long."""
    watchdog = threading.Timer(LIMIT, process.kill)
    watchdog.start()
    try:
        assert process.stdout is not None
        assert process.stderr is not None
        yield process.stdout, process.stderr
    finally:
        watchdog.cancel()
        process.kill()
        process.communicate()


def read_until(stream: IO[bytes], word: bytes) -> bytes:
    """Return the lines of a stream up to the first that has a word in it."""
    seen = b""
    while word not in seen:
        line = stream.readline()
        assert line, seen
        seen += line
    return seen


def sent_at(delay: float, number: int, folder: Path, way: List[str]) -> Tuple[int, bytes]:
    """Send a signal some seconds after the start; return exit code and what was written."""
    process = start(folder, "run", "quick", way=way)
    with ended(process):
        time.sleep(delay)  # the very thing that is tested: any instant will do
        process.send_signal(number)
        _, told = process.communicate(timeout=LIMIT)
        return process.returncode, told


@pytest.mark.parametrize(
    ("way", "instants"),
    [
        (SCRIPT, 6),
        pytest.param(SCRIPT, 18, marks=pytest.mark.slow),
        pytest.param(MODULE, 90, marks=pytest.mark.slow),
    ],
)
def test_a_signal_at_any_instant_gives_its_exit_code(
    way: List[str], instants: int, tmp_path: Path
) -> None:
    """Imports, planning, the run, printing and the end: none of them loses the signal.

    Before the first line of stagekit Python ends as it does without us, most often by the signal.
    """
    (tmp_path / "quick.py").write_text(QUICK, encoding="utf-8")
    since = time.monotonic()
    process = start(tmp_path, "run", "quick", way=way)
    with ended(process):
        process.communicate(timeout=LIMIT)
        assert 0 == process.returncode
    whole = time.monotonic() - since
    codes: List[int] = []
    for instant in range(instants):
        number = SIGNALS[instant % len(SIGNALS)]
        code, told = sent_at(whole * instant / instants, number, tmp_path, way)
        codes.append(code)
        if code == 1 and b"__main__.py" not in told:  # Ctrl-C while Python itself was starting
            continue
        assert code in {0, 128 + number, -number}, (instant, code, told)
        if code == 0:
            assert b"summary: 1 ran" in told
        elif code > 0:  # Python shows an exception that gets lost in a callback of an import
            assert b"Traceback" not in told or b"Exception ignored" in told, (instant, told)
    assert [code for code in codes if code > 0], codes


# The exception that a signal raises gets lost here: in a destructor it is printed, and that is all.
LOST = """
import os, signal
from stagekit import stage

class Deaf:
    def __del__(self):
        os.kill(os.getpid(), signal.{name})
        for _ in range(100_000):
            pass

Deaf()
print("imported", flush=True)

@stage
def one() -> None:
    print("ran", flush=True)
"""


@pytest.mark.parametrize(
    ("name", "code"), [("SIGINT", 130), pytest.param("SIGTERM", 143, marks=pytest.mark.slow)]
)
def test_a_signal_whose_exception_gets_lost_keeps_the_run_from_starting(
    name: str, code: int, tmp_path: Path
) -> None:
    """A module that goes on being imported is noticed before the first stage."""
    (tmp_path / "lost.py").write_text(LOST.format(name=name), encoding="utf-8")
    process = start(tmp_path, "run", "lost")
    with ended(process):
        out, told = process.communicate(timeout=LIMIT)
    assert (code, b"imported\n") == (process.returncode, out)
    assert b"interrupted; no stage was run" in told


# Short sleeps: CPython looks for a signal that comes just before a call when the call returns.
SLOW_IMPORT = """
import time
try:
    print("inside", flush=True)
    while True:
        time.sleep(0.01)
finally:
    print("cleaning", flush=True)
    while True:
        time.sleep(0.01)
"""


def test_the_second_signal_outside_of_a_run_ends_the_process(tmp_path: Path) -> None:
    """A module that does not end its import is left at once."""
    (tmp_path / "slow.py").write_text(SLOW_IMPORT, encoding="utf-8")
    process = start(tmp_path, "run", "slow")
    with ended(process) as (out, _):
        for word in (b"inside", b"cleaning"):
            read_until(out, word)
            process.send_signal(signal.SIGTERM)
        assert 143 == process.wait(LIMIT)


# What a stage prints fits neither into a pipe that nobody reads nor into one write.
BLOCKED = """
from stagekit import stage

@stage
def one() -> None:
    print("x" * 65_535)
    print("y" * 4_000)
"""
# A thread that the program has started keeps the process alive after its main thread.
ALIVE = """
import threading
from stagekit import stage

@stage
def one() -> None:
    threading.Thread(target=threading.Event().wait).start()
"""


@pytest.mark.parametrize(
    ("number", "text"),
    [
        pytest.param(
            number,
            text,
            marks=[] if (number, text) in {(SIGNALS[0], BLOCKED), (SIGNALS[1], ALIVE)} else SLOW,
        )
        for number in SIGNALS
        for text in (BLOCKED, ALIVE)
    ],
)
def test_a_signal_after_the_run_ends_the_process(text: str, number: int, tmp_path: Path) -> None:
    """While the last output is written, and while threads of the user go on."""
    (tmp_path / "late.py").write_text(text, encoding="utf-8")
    process = start(tmp_path, "run", "late", "--executor", "inline")
    with ended(process) as (_, errors):
        read_until(errors, b"summary: 1 ran")
        while process.poll() is None:  # the first may come before the wait that the second ends
            process.send_signal(number)
            time.sleep(0.05)
        assert 128 + number == process.returncode
        assert b"Traceback" not in errors.read()


def test_signals_that_are_ignored_stay_ignored(tmp_path: Path) -> None:
    """With ``nohup`` a closed terminal ends nothing, from the first line to the last."""
    (tmp_path / "waits.py").write_text(
        "import os, signal\nfrom stagekit import stage\n@stage\ndef one() -> None:\n"
        "    os.kill(os.getpid(), signal.SIGHUP)\n",
        encoding="utf-8",
    )
    code = f"import signal\nsignal.signal(signal.SIGHUP, signal.SIG_IGN)\n{SCRIPT[1]}"
    process = start(tmp_path, "run", "waits", way=["-c", code])
    with ended(process):
        _, told = process.communicate(timeout=LIMIT)
    assert 0 == process.returncode, told


IN_EXEC = """
print("inside", flush=True)
exec("import time\\nwhile True: time.sleep(0.01)")
"""


def test_a_signal_in_generated_code_gives_its_own_exit_code(tmp_path: Path) -> None:
    """Python remembers Ctrl-C that has left ``exec``, and would end as if nobody had handled it."""
    (tmp_path / "generated.py").write_text(IN_EXEC, encoding="utf-8")
    process = start(tmp_path, "run", "generated")
    with ended(process) as (out, errors):
        read_until(out, b"inside")
        process.send_signal(signal.SIGTERM)
        assert 143 == process.wait(LIMIT)
        assert b"interrupted; no stage was run\n" == errors.read()


THREADS = """
import sys, threading, time
sys.argv = ["stagekit", "run", "quick", *sys.argv[1:]]
from stagekit.__main__ import main
code = main()
until = time.monotonic() + 60
while [each for each in threading.enumerate() if each.name.startswith("stagekit")]:
    assert time.monotonic() < until, threading.enumerate()
    time.sleep(0.001)
print("alone", code)
"""


@pytest.mark.parametrize(
    "options",
    [
        pytest.param([], marks=SLOW),
        ["--executor", "threads"],
        pytest.param(["-vv"], marks=SLOW),
    ],
    ids=" ".join,
)
def test_no_thread_outlives_the_command(options: List[str], tmp_path: Path) -> None:
    """Neither the one that watches for signals, nor that of progress, nor workers."""
    (tmp_path / "quick.py").write_text(QUICK, encoding="utf-8")
    process = start(tmp_path, *options, way=["-c", THREADS])
    with ended(process):
        out, told = process.communicate(timeout=LIMIT)
    assert b"alone 0\n" == out, told
