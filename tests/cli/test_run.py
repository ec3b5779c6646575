"""``stagekit run``: what is printed, at each verbosity, and what the documents say."""

from __future__ import annotations

import importlib
import json
import re
from operator import attrgetter
from pathlib import Path
from typing import TYPE_CHECKING, Any, Dict, List, cast

import pytest

import stagekit.cli

if TYPE_CHECKING:
    from tests.cli.conftest import Cli, Write

VALIDATOR: Any = importlib.import_module("jsonschema").Draft202012Validator  # has no types
SCHEMAS = Path(stagekit.cli.__file__).resolve().parent / "schemas"

DIAMOND = """
import asyncio
from stagekit import stage

class Orders(list): ...
class Prices(dict): ...

@stage
def start() -> None:
    print("start")

@stage(depends_on=start)
def orders() -> Orders:
    return Orders([1, 2])

@stage(depends_on=start)
def prices() -> Prices:
    raise LookupError("no prices")

@stage
def total(orders: Orders, prices: Prices) -> None:
    print("total")

@stage
def count(orders: Orders) -> None:
    print("count", len(orders))
"""


def masked(text: str) -> str:
    """Return what was printed without times, ids of runs, and marks below lines of tracebacks.

    Nor that hooks were slow, as all is on a busy machine.
    """
    text = re.sub(r"^warning: the hook \w+ was slow .*\n", "", text, flags=re.MULTILINE)
    text = re.sub(r"\(run \w{8}\)", "(run r)", text)
    text = re.sub(r"\b\d+(\.\d+)?m?s\b", "0s", text)
    return re.sub(r"^ +[~^]+\n", "", text, flags=re.MULTILINE)


def as_id(value: object) -> str:
    """Return a list of options as they are written."""
    return " ".join(cast("List[str]", value)) if isinstance(value, list) else ""


def validated(schema: str, document: Dict[str, Any]) -> Dict[str, Any]:
    """Return a document that a schema shipped with stagekit allows."""
    loaded = json.loads((SCHEMAS / f"{schema}.json").read_text(encoding="utf-8"))
    VALIDATOR.check_schema(loaded)
    VALIDATOR(loaded).validate(document)
    return document


def outcomes(document: Dict[str, Any]) -> Dict[str, str]:
    """Return the outcome of each stage by its short name."""
    return {each["id"].rpartition(":")[2]: each["outcome"] for each in document["stages"]}


PLAIN = """\
[ 1/3] start  load
[ 1/3] ok     load      0s
[ 2/3] start  total
[ 2/3] ok     total     0s
[ 3/3] start  announce
[ 3/3] ok     announce  0s
summary: 3 ran, 0 failed, 0 skipped in 0s (run r)
"""
VERBOSE = """\
[ 1/3] start  load
[ 1/3] ok     load      0s
[ 2/3] start  total
        orders: Orders = load
[ 2/3] ok     total     0s
[ 3/3] start  announce
[ 3/3] ok     announce  0s
summary: 3 ran, 0 failed, 0 skipped in 0s (run r)
"""


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ([], PLAIN),
        (["--progress", "plain"], PLAIN),
        (["-v"], VERBOSE),
        (["-q"], "summary: 3 ran, 0 failed, 0 skipped in 0s (run r)\n"),
        (["--progress", "none"], "summary: 3 ran, 0 failed, 0 skipped in 0s (run r)\n"),
        (["-q", "--progress", "plain"], PLAIN),
    ],
    ids=as_id,
)
def test_a_run_that_succeeds_is_told_like_this(
    options: List[str], expected: str, cli: Cli, shop: str
) -> None:
    """Plain lines, inputs with -v, the summary alone with -q; stages' prints go to stdout."""
    done = cli("run", shop, *options)
    assert (0, "done\n") == (done.code, done.out)
    assert expected == masked(done.err)


FAILED = """\
[ 1/5] start  start
[ 1/5] ok     start   0s
[ 2/5] start  orders
[ 2/5] ok     orders  0s
[ 3/5] start  prices
[ 3/5] FAILED prices  0s  diamond.py:18  LookupError: no prices
[ 4/5] skip   total   prices failed
[ 5/5] cancel count   the run stopped

error[SK301]: stage `prices` failed: LookupError: no prices

   diamond.py:18
   17 │ def prices() -> Prices:
   18 │     raise LookupError("no prices")
      │     ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^ raised here

   Traceback (most recent call last):
     File "diamond.py", line 18, in prices
       raise LookupError("no prices")
   LookupError: no prices

   skipped because of it: total

more: stagekit explain SK301

summary: 2 ran, 1 failed, 1 skipped, 1 cancelled in 0s (run r)
"""


def test_a_run_that_fails_is_told_like_this(cli: Cli, write: Write) -> None:
    """Where, in the user's own frames, and what was skipped because of it."""
    write("diamond.py", DIAMOND)
    done = cli("run", "diamond", "--executor", "inline")
    assert 1 == done.code
    assert FAILED == masked(done.err)


def test_a_quiet_failure_is_told_without_progress(cli: Cli, write: Write) -> None:
    """-q leaves failures and the summary."""
    write("diamond.py", DIAMOND)
    done = cli("run", "diamond", "--executor", "inline", "-q")
    assert FAILED.partition("\n\n")[2] == masked(done.err)


@pytest.mark.parametrize(
    ("option", "expected"),
    [
        ([], {"total": "skipped", "count": "cancelled"}),
        (["--keep-going"], {"total": "skipped", "count": "succeeded"}),
        (["--fail-fast"], {"total": "skipped", "count": "cancelled"}),
    ],
)
def test_what_goes_on_after_a_failure(
    option: List[str], expected: Dict[str, str], cli: Cli, write: Write
) -> None:
    """By default nothing new starts; --keep-going runs all that does not need what failed."""
    write("diamond.py", DIAMOND)
    done = cli("run", "diamond", "--json", "--executor", "inline", *option)
    assert 1 == done.code
    found = outcomes(validated("run-1", json.loads(done.out)))
    assert {"start": "succeeded", "orders": "succeeded", "prices": "failed", **expected} == found


def test_fail_fast_cancels_what_can_be(cli: Cli, write: Write) -> None:
    """Async stages that run are cancelled, others are let end."""
    text = """
    import asyncio
    from stagekit import stage

    @stage
    async def fails() -> None:
        await asyncio.sleep(0)
        raise ValueError

    @stage
    async def waits() -> None:
        await asyncio.Event().wait()
    """
    write("fast.py", text)
    done = cli("run", "fast", "--json", "--fail-fast")
    assert {"fails": "failed", "waits": "cancelled"} == outcomes(json.loads(done.out))


def test_a_soft_failure_is_told_and_fails_nothing(cli: Cli, write: Write) -> None:
    """A stage with critical=False is a warning, and the exit code stays 0."""
    text = "from stagekit import stage\n@stage(critical=False)\ndef load() -> None:\n    1 / 0\n"
    write("soft.py", text)
    done = cli("run", "soft")
    assert 0 == done.code
    assert "[ 1/1] failed load" in done.err
    assert "warning[SK301]: stage `load` failed: ZeroDivisionError" in done.err


def test_types_of_arguments_are_told_and_causes_kept(cli: Cli, write: Write) -> None:
    """Types and sizes, never values; the chain of causes; notes of the user, not ours."""
    text = """
    from stagekit import Arguments, stage

    class Orders(list): ...

    @stage
    def load() -> Orders:
        return Orders([1])

    @stage
    def codes() -> dict:
        return {"secret": 1}

    @stage
    def total(orders: Orders, codes: dict, arguments: Arguments, *, part: int = 3) -> None:
        try:
            codes["x"]
        except KeyError as error:
            raise ValueError("no x") from error
    """
    write("types_of.py", text)
    done = cli("run", "types_of", "-q", "--", "a", "b")
    assert 1 == done.code
    assert "   called with orders: Orders, codes: dict of 1, arguments: Arguments\n" in done.err
    assert "KeyError: 'x'\n\n   The above exception was the direct cause" in done.err
    assert "secret" not in done.err
    assert "stagekit: stage" not in done.err


def test_notes_of_the_user_stay(cli: Cli, write: Write) -> None:
    """What a stage has noted on its exception is shown, where exceptions take notes."""
    if not hasattr(BaseException, "add_note"):
        pytest.skip("exceptions take notes from Python 3.11 on")
    text = """
    from stagekit import stage

    @stage
    def load() -> None:
        error = ValueError("x")
        error.add_note("look into the log")
        raise error
    """
    write("noted.py", text)
    assert "\n   look into the log\n" in cli("run", "noted", "-q").err


@pytest.mark.parametrize(
    ("body", "told"),
    [
        ("raise SystemExit(0)", "SystemExit: 0 (sys.exit was called)"),
        ("raise Odd", "Odd: <unprintable Odd>"),
        (
            "raise ExceptionGroup('many', [ValueError('a'), TypeError('b')])",
            "many (2 sub-exceptions)",
        ),
        ("def f(n): return f(n + 1)\n    f(0)", "RecursionError"),
        ("import asyncio\n    raise asyncio.CancelledError", "CancelledError"),
    ],
)
def test_whatever_a_stage_raises_is_told(body: str, told: str, cli: Cli, write: Write) -> None:
    """R3, R5 to R7: no exception of a stage ends the command in another way."""
    import builtins

    if "ExceptionGroup" in body and not hasattr(builtins, "ExceptionGroup"):
        pytest.skip("there are groups from Python 3.11 on")
    text = (
        "from stagekit import stage\nclass Odd(Exception):\n    def __str__(self): return 1 / 0\n"
    )
    write("odd.py", f"{text}@stage\ndef load() -> None:\n    {body}\n")
    done = cli("run", "odd", "--json")
    assert 1 == done.code
    assert "error[SK301]: stage `load` failed: " in done.err
    assert told in done.err
    validated("run-1", json.loads(done.out))


def test_arguments_reach_the_stages(cli: Cli, write: Write) -> None:
    """What stands after ``--``, options included, word by word."""
    text = """
    from stagekit import Arguments, stage

    @stage
    def show(arguments: Arguments) -> None:
        print(list(arguments))
    """
    write("args.py", text)
    assert "[]\n" == cli("run", "args").out
    words = ["--year", "2013", "", "-h", "--", "x y"]
    assert f"{words}\n" == cli("run", "args", "-q", "--", *words).out


@pytest.mark.parametrize("executor", ["auto", "inline", "threads"])
@pytest.mark.parametrize("workers", [[], ["--workers", "2"]])
def test_every_executor_runs_the_same(
    executor: str, workers: List[str], cli: Cli, shop: str
) -> None:
    """Names of executors are those of ``run()``."""
    done = cli("run", shop, "--executor", executor, "--json", *workers)
    document = validated("run-1", json.loads(done.out))
    assert 0 == done.code == document["exit_code"]
    assert {"load": "succeeded", "total": "succeeded", "announce": "succeeded"} == outcomes(
        document
    )


def test_every_kind_of_input_is_told(cli: Cli, write: Write) -> None:
    """With -v, each parameter with what fills it."""
    text = """
    from typing import List, Optional
    from stagekit import Arguments, Collect, plan, stage
    from typing_extensions import Annotated

    class A(int): ...
    class B(int): ...
    class C(int): ...
    class D(int): ...

    @stage
    def one() -> A: return A(1)
    @stage
    def two() -> B: return B(2)
    @stage
    def all_of(
        a: A,
        many: Annotated[List[C], Collect()],
        some: Annotated[List[B], Collect()],
        d: Optional[D],
        arguments: Arguments,
        e: int = 3,
    ) -> None: ...

    @stage
    def last(b: B) -> None: ...

    flow = plan(last, overrides={two: B(7)})
    """
    write("kinds.py", text)
    told = (
        "        a: A = one, many: list[C] = nothing, some: list[B] = two, "
        "d: Optional[D] = None, as nothing provides it, arguments: Arguments = of the run, "
        "e: int = 3 (default)\n"
    )
    assert told in cli("run", "kinds:all_of", "-v").err
    assert "        b: B = stands in for a stage\n" in cli("run", "kinds:flow", "-v").err


def test_the_log_is_there_if_asked_for(cli: Cli, shop: str) -> None:
    """-vv prints what the run logs, and leaves loguru as it was."""
    from loguru import logger

    core: Any = attrgetter("_core")(logger)  # nothing public tells of sinks
    handlers = set(core.handlers)
    done = cli("run", shop, "-vv")
    assert "DEBUG   shop:load started on " in done.err
    assert "INFO    shop:load succeeded in " in done.err
    assert "        orders: Orders = load\n" in done.err
    assert set(core.handlers) <= handlers


def test_events_are_written_as_lines(cli: Cli, write: Write, tmp_path: Path) -> None:
    """Each event is a line of JSON that the schema allows; the file is complete at the end."""
    write("diamond.py", DIAMOND)
    done = cli("run", "diamond", "--events", "events.jsonl", "--executor", "inline")
    assert (1, "start\n") == (done.code, done.out)
    lines = (tmp_path / "events.jsonl").read_text(encoding="utf-8").splitlines()
    events = [validated("event-1", json.loads(line)) for line in lines]
    names = [event["event"] for event in events]
    assert ["RunStarted", *["StageStarted", "StageSucceeded"] * 2] == names[:5]
    assert ["StageStarted", "StageFailed", "StageSkipped", "StageCancelled"] == names[5:9]
    assert ["RunFinished"] == names[9:]
    failed, finished = events[6], events[-1]
    assert {"type": "builtins.LookupError", "message": "no prices"} == failed["error"]
    assert {"succeeded": 2, "failed": 1, "skipped": 1, "cancelled": 1} == finished["counts"]


def test_a_document_has_every_problem(cli: Cli, write: Write) -> None:
    """With code, place, parameter, notes and fixes, in the order of the file."""
    write("bad.py", "from stagekit import stage\n@stage\ndef load(x: bytes, y: str) -> None: ...\n")
    problems = json.loads(cli("run", "bad", "--json").out)["error"]["problems"]
    assert [("SK201", "x", 3), ("SK201", "y", 3)] == [
        (each["code"], each["parameter"], each["location"]["line"]) for each in problems
    ]


def test_a_keyboard_interrupt_of_a_stage_ends_the_run(cli: Cli, write: Write) -> None:
    """R4: like Ctrl-C, with a summary and its exit code."""
    text = "from stagekit import stage\n@stage\ndef load() -> None:\n    raise KeyboardInterrupt\n"
    write("stops.py", text)
    done = cli("run", "stops", "--json")
    assert 130 == done.code
    assert "1 cancelled" in done.err
    document = validated("run-1", json.loads(done.out))
    assert ("cancelled", 130) == (document["status"], document["exit_code"])


def test_warnings_of_the_run_are_told(
    cli: Cli, write: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A hook that fails is named once, and the run goes on."""
    from stagekit.cli import documents

    def broken(event: object) -> Dict[str, Any]:
        raise OSError("disk full")

    monkeypatch.setattr(documents, "event_document", broken)
    write("one.py", "from stagekit import stage\n@stage\ndef load() -> None: ...\n")
    done = cli("run", "one", "--events", "events.jsonl")
    assert 0 == done.code
    assert "warning: the hook EventLines raised OSError: disk full at RunStarted" in done.err


def test_a_seed_by_chance_is_printed_and_can_be_given(cli: Cli, write: Write) -> None:
    """``--shuffle`` says the number; ``--seed`` with it starts stages in the same order."""
    text = "from stagekit import stage\n"
    text += "".join(
        f"@stage\ndef s{number}() -> None:\n    print({number})\n" for number in range(20)
    )
    write("flow.py", text)
    drawn = cli("run", "flow.py", "--shuffle", "--executor", "inline", "-q")
    found = re.search(
        r"^note: stages that are ready start as --seed (\d+) has it$", drawn.err, re.MULTILINE
    )
    assert found, drawn.err
    again = cli("run", "flow.py", "--seed", found.group(1), "--executor", "inline", "-q")
    assert drawn.out == again.out
    assert [str(number) for number in range(20)] == sorted(drawn.out.split(), key=int)
    other = cli(
        "run", "flow.py", "--seed", str(int(found.group(1)) + 1), "-q", "--executor", "inline"
    )
    assert drawn.out != other.out


def test_measure_prints_what_each_stage_has_used(cli: Cli, write: Write) -> None:
    """A table on standard error, and two facts more of each attempt in JSON."""
    write("flow.py", "from stagekit import stage\n\n@stage\ndef load() -> int:\n    return 1\n")
    done = cli("run", "flow.py", "--measure")
    assert re.search(
        r"^  stage +wall +CPU +memory\n  load +.* m?s +\S+ m?s +", done.err, re.MULTILINE
    )
    document = json.loads(cli("run", "flow.py", "--measure", "--json").out)
    validated("run-1", document)
    assert document["stages"][0]["attempts"][0]["cpu_seconds"] >= 0


PARSES = """
import argparse
from stagekit import Arguments, stage

class Options: ...

@stage
def options(arguments: Arguments) -> Options:
    parser = argparse.ArgumentParser("shop")
    parser.add_argument("--year", type=int, required=True, help="which year")
    parser.parse_args(arguments)
    return Options()

@stage
def report(options: Options) -> None:
    print("done")
"""


def test_the_help_and_the_mistakes_of_argparse_are_no_failures(cli: Cli, write: Write) -> None:
    """What it has printed is what there is to say; its exit code is that of the command."""
    write("parses.py", PARSES)
    assert (0, "done\n") == cli("run", "parses", "--", "--year", "2013")[:2]
    helped = cli("run", "parses", "--progress", "plain", "--", "--help")
    assert 0 == helped.code
    assert "which year" in helped.out
    assert "exit   options" in helped.err
    for text in ("FAILED", "error[", "summary", "SystemExit"):
        assert text not in helped.err
    wrong = cli("run", "parses", "--progress", "none", "--", "--yaer", "3")
    assert (2, "") == wrong[:2]
    assert wrong.err.endswith("error: the following arguments are required: --year\n")
    assert 2 == json.loads(cli("run", "parses", "--json", "--", "--yaer", "3").out)["exit_code"]
    for executor in ("threads", "processes"):
        assert 0 == cli("run", "parses", "--executor", executor, "--", "--help").code


def test_any_other_exit_of_a_stage_is_a_failure(cli: Cli, write: Write) -> None:
    """Also one with the code of a success; and where another stage fails beside a parser."""
    write(
        "leaves.py",
        "import sys\nfrom stagekit import stage\n@stage\ndef a() -> None: sys.exit(0)\n",
    )
    done = cli("run", "leaves")
    assert 1 == done.code
    assert "sys.exit() in a stage is a failure" in done.err
    write("both.py", PARSES + "\n@stage\ndef other() -> None: raise ValueError(3)\n")
    done = cli("run", "both", "--keep-going", "--", "--help")
    assert (1, True) == (done.code, "ValueError: 3" in done.err)
