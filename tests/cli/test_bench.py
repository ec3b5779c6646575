"""``stagekit bench``: tables, files, thresholds, and what cannot be measured."""

from __future__ import annotations

import importlib
import json
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, Dict

import pytest

import stagekit.cli

if TYPE_CHECKING:
    from tests.cli.conftest import Cli, Write

VALIDATOR: Any = importlib.import_module("jsonschema").Draft202012Validator  # has no types
SCHEMAS = Path(stagekit.cli.__file__).with_name("schemas")
FLOW = """
from pathlib import Path
from stagekit import stage

@stage
def load() -> int:
    with open("calls", "a") as file:
        file.write("x")
    return 1

@stage
def total(load: int) -> str:
    return str(load)
"""


def calls() -> int:
    """Return how often a stage was called."""
    path = Path("calls")
    return len(path.read_text("utf-8")) if path.exists() else 0


def faster(path: str, **others: Any) -> None:
    """Make what was kept a hundred times as fast as it was."""
    document: Dict[str, Any] = json.loads(Path(path).read_text("utf-8"))
    for each in document["executors"].values():
        each["total"]["wall"] = {
            "median": each["total"]["wall"]["median"] / 100,
            "mad": 0,
            "p95": 1,
        }
        each["noise"] = 0.01
    document.update(others)
    Path(path).write_text(json.dumps(document), "utf-8")


def test_what_is_printed(cli: Cli, write: Write) -> None:
    """A row an executor, a row a stage, the critical path, and the noise in words."""
    write("flow.py", FLOW)
    done = cli(
        *("bench", "flow.py", "--repeat", "5", "--warmup", "1", "--executors", "inline,threads"),
        *("--workers", "2", "--what-if", "1,2", "--memory", "tracemalloc"),
    )
    assert 0 == done.code, done.err
    assert 6 * 2 * 2 == calls()
    assert "note: 6 rounds of two runs each on inline, threads\n" in done.err
    lines = done.out.splitlines()
    assert lines[0].startswith("flow.py · 5 runs after 1 warm-up · ")
    heads = [
        line.split() for line in lines if line.startswith(("  executor", "  stage ", "  what if"))
    ]
    assert [
        ["executor", "median", "±MAD", "p95", "CPU", "work", "overhead/stage", "speed-up"],
        ["stage", "wall", "MAD", "p95", "CPU", "memory"],
        ["what", "if", "wall", "speed-up"],
    ] == heads
    starts = ("  inline ", "  threads ×2 ", "  load ", "  total ", "  1 worker ", "  2 workers ")
    assert [] == [each for each in starts if not any(line.startswith(each) for line in lines)]
    assert "  critical path  load → total" in done.out
    assert " are within noise" in done.out


def test_json_and_the_saved_file_are_valid(cli: Cli, write: Write) -> None:
    """The file has what the document has but for the comparison and estimates."""
    write("flow.py", FLOW)
    schema = json.loads((SCHEMAS / "bench-1.json").read_text(encoding="utf-8"))
    VALIDATOR.check_schema(schema)
    few = ("--repeat", "5", "--warmup", "0", "--executors", "inline")
    assert 0 == cli("bench", "flow.py", *few, "--save", "base.json").code
    VALIDATOR(schema).validate(json.loads(Path("base.json").read_text("utf-8")))
    done = cli(
        "bench",
        "flow.py",
        *few,
        "--compare",
        "base.json",
        "--what-if",
        "2",
        "--json",
        "--save",
        "b",
    )
    document = json.loads(done.out)
    VALIDATOR(schema).validate(document)
    assert {"inline"} == set(document["comparison"]["executors"])
    assert {"flow:load", "flow:total"} == set(document["comparison"]["stages"])
    assert [2] == [each["workers"] for each in document["what_if"]]
    kept = json.loads(Path("b").read_text("utf-8"))
    assert kept == {name: document[name] for name in kept}


def test_past_the_threshold_the_exit_code_is_6(cli: Cli, write: Write) -> None:
    """Without one the difference is shown, and no more."""
    write("flow.py", FLOW)
    few = ("--repeat", "5", "--warmup", "0", "--executors", "inline")
    cli("bench", "flow.py", *few, "--save", "base.json")
    faster("base.json", python="CPython 2.7")
    kept = Path("base.json").read_text("utf-8")
    shown = cli("bench", "flow.py", *few, "--compare", "base.json")
    assert 0 == shown.code
    assert 2 == shown.out.count("vs base")  # of executors, and of stages
    assert "slower" in shown.out
    assert "the base was measured elsewhere: CPython 2.7" in shown.out
    done = cli("bench", "flow.py", *few, "--compare", "base.json", "--fail-over", "10%")
    assert 6 == done.code
    assert "error: slower than base.json by more than 10.0% and the noise: inline " in done.err
    assert kept == Path("base.json").read_text("utf-8")


def test_a_pipeline_that_fails_is_shown_as_a_run_shows_it(cli: Cli, write: Write) -> None:
    """Exit 1, and no numbers."""
    write(
        "flow.py",
        "from stagekit import stage\n@stage\ndef bad() -> None:\n    raise ValueError('no')\n",
    )
    done = cli("bench", "flow.py", "--save", "base.json")
    assert (1, "") == (done.code, done.out)
    assert "error[SK301]: stage `bad` failed: ValueError: no" in done.err
    assert "nothing was measured: a run did not succeed" in done.err
    assert not Path("base.json").exists()
    document = json.loads(cli("bench", "flow.py", "--json").out)
    assert ("stagekit.error/1", 1) == (document["schema"], document["exit_code"])


def test_all_mistakes_are_told_at_once_and_nothing_runs(cli: Cli, write: Write) -> None:
    """Each with the flag, the value, and what to type."""
    write("flow.py", FLOW)
    write("broken.json", "{")
    done = cli(
        *("bench", "flow.py", "--repeat", "0", "--warmup", "x", "--executors", "inlin"),
        *("--memory", "psutil", "--save", "nowhere/x.json", "--compare", "broken.json"),
        *("--fail-over", "10", "--what-if", "1,none"),
    )
    assert (2, "", 0) == (done.code, done.out, calls())
    for part in (
        "--repeat '0': takes a whole number from 1 on; write --repeat 20",
        "--warmup 'x': takes a whole number from 0 on; write --warmup 3",
        "did you mean 'inline'?",
        "--memory 'psutil': there are tracemalloc and rss; write --memory tracemalloc",
        "--save nowhere/x.json: there is no folder 'nowhere'; make it",
        "--compare broken.json is not JSON: ",
        "write `stagekit bench TARGET --save broken.json` to make it",
        "--fail-over '10': is no percentage; write --fail-over 10%",
        "--what-if 'none': takes a whole number from 1 on; write --what-if 1,2,4,8",
    ):
        assert part in done.err


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["--fail-over", "5%"], "--fail-over compares with nothing; write --compare base.json"),
        (["--fail-over", "x"], "--fail-over 'x': is no percentage; write --fail-over 10%"),
        (
            ["--compare", "base.json", "--fail-over", "5%", "--repeat", "3"],
            "--repeat 3: of fewer than 5 runs the noise is unknown",
        ),
        (["--compare", "none.json"], "--compare none.json cannot be read: "),
        (["--executors", ","], "--executors '': names none; write --executors inline,threads"),
        (
            ["--compare", "base.json", "--select", "load"],
            "is of another pipeline: it has flow:total",
        ),
        (
            ["--compare", "base.json", "--executors", "threads"],
            "has nothing of threads; it has inline",
        ),
        (["--compare", "list.json"], "has the schema 'stagekit.list/1', and is to have"),
    ],
)
def test_a_mistake_is_told(words: Any, told: str, cli: Cli, write: Write) -> None:
    """Exit 2, and nothing runs."""
    write("flow.py", FLOW)
    write("list.json", '{"schema": "stagekit.list/1"}')
    few = ("--repeat", "5", "--warmup", "0", "--executors", "inline", "--save", "base.json")
    assert 0 == cli("bench", "flow.py", *few).code
    before = calls()
    executors = () if "--executors" in words else ("--executors", "inline")
    done = cli("bench", "flow.py", *executors, *words)
    assert (2, "", before) == (done.code, done.out, calls())
    assert told in done.err


def test_mistakes_come_before_a_pipeline_that_cannot_be_planned(cli: Cli, write: Write) -> None:
    """Without them, its problems are shown, exit 3."""
    write("flow.py", "from stagekit import stage\n@stage\ndef one(x: bytes) -> int: ...\n")
    assert 2 == cli("bench", "flow.py", "--repeat", "0").code
    done = cli("bench", "flow.py")
    assert 3 == done.code
    assert "SK201" in done.err


def test_a_pipeline_of_many_stages_shows_the_slowest(cli: Cli, write: Write) -> None:
    """And says where all are."""
    write(
        "flow.py",
        "from stagekit import Registry\nr = Registry()\n"
        "for n in range(20):\n"
        "    r.add(lambda: None, id=f's{n}', depends_on=f's{n - 1}' if n else ())\n",
    )
    done = cli("bench", "flow.py:r", "--repeat", "1", "--warmup", "0", "--executors", "inline")
    assert "  and 8 more; --json has all\n" in done.out
    assert "s0 → s1 → s2 → s3 → s4 → s5 → s6 → s7 → s8 → … → s18 → s19" in done.out
    assert "the noise is unknown: fewer than 5 runs" in done.out


def test_what_stops_a_run_stops_the_benchmark(cli: Cli, write: Write) -> None:
    """A deadline has its exit code, and so has Ctrl-C."""
    write(
        "flow.py",
        "from stagekit import CancelToken, stage\n@stage\ndef wait(token: CancelToken) -> None:\n"
        "    token.wait(60)\n    token.raise_if_cancelled()\n"
        "@stage\ndef interrupts() -> None:\n    raise KeyboardInterrupt\n",
    )
    late = cli("bench", "flow.py:wait", "--deadline", "0.05")
    assert (124, "") == (late.code, late.out)
    stopped = cli("bench", "flow.py:interrupts")
    assert (130, "") == (stopped.code, stopped.out)
    assert "interrupted; nothing was measured" in stopped.err


def test_a_file_that_cannot_be_written_is_told(cli: Cli, write: Write) -> None:
    """After what was measured has been printed."""
    write("flow.py", FLOW)
    Path("folder").mkdir()
    done = cli("bench", "flow.py", "--repeat", "1", "--warmup", "0", "--save", "folder")
    assert 74 == done.code
    assert "executor" in done.out


@pytest.mark.parametrize(("is_one", "shown"), [(True, "\r  round 2 of 2 \r"), (False, "")])
def test_on_a_terminal_the_round_is_told(
    is_one: object, shown: str, cli: Cli, write: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In one line, which is written over; elsewhere nothing is."""

    def can_animate(stream: object, environ: object) -> bool:
        del stream, environ
        return bool(is_one)

    monkeypatch.setattr("stagekit.cli.commands.bench.can_animate", can_animate)
    write("flow.py", FLOW)
    done = cli("bench", "flow.py", "--repeat", "1", "--warmup", "1")
    assert 0 == done.code
    assert shown in done.err
    assert bool(is_one) == ("round 1 of" in done.err)


@pytest.mark.parametrize("executor", ["inline", "threads", "processes"])
def test_prints_of_stages_are_shown_in_the_first_round_only(executor: str, write: Write) -> None:
    """Of the process itself and of those it starts; two runs a round."""
    path = write(
        "flow.py",
        """
        import subprocess, sys
        from stagekit import stage

        @stage
        def told() -> int:
            print("from Python", flush=True)
            subprocess.run([sys.executable, "-c", "print('from a child')"], check=True)
            return 1
        """,
    )
    command = ["bench", str(path), "--repeat", "2", "--warmup", "1", "--executors", executor]
    done = subprocess.run(
        [sys.executable, "-m", "stagekit", *command, "--json"],
        capture_output=True,
        check=True,
        timeout=120,
    )
    assert "stagekit.bench/1" == json.loads(done.stdout)["schema"]
    assert [2, 2] == [done.stderr.count(each) for each in (b"from Python", b"from a child")]


def test_an_estimate_says_that_items_count_as_one_call(cli: Cli, write: Write) -> None:
    """A stage that is called for each item is not spread over workers in it."""
    write(
        "flow.py",
        """
        from typing import List
        from typing_extensions import Annotated
        from stagekit import Each, stage

        @stage
        def numbers() -> List[int]: return [1, 2, 3]

        @stage
        def twice(number: Annotated[int, Each()]) -> str: return str(2 * number)
        """,
    )
    done = cli("bench", "flow.py", "--repeat", "2", "--warmup", "0", "--what-if", "1,2")
    assert "  twice: counted as one call, whatever its items could do side by side\n" in done.out
