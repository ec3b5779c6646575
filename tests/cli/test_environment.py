"""Options that the environment sets: each has a variable, below what is typed, above defaults."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Dict, List

import click
import pytest

from stagekit._options import OPTIONS
from stagekit.cli.app import stagekit
from stagekit.cli.click_parts import variables
from tests.cli.conftest import SHOP

if TYPE_CHECKING:
    from tests.cli.conftest import Cli, Write

QUESTIONS = {"help", "help_params", "set"}  # and STAGEKIT_PARAM_... sets parameters
KINDS = """
from stagekit import stage

@stage
def info() -> int:
    return 3
"""
# A value of each kind of option that no command takes.
BAD = {
    "run": {"WORKERS": "0", "EXECUTOR": "thread", "LIMIT": "db=x", "DEADLINE": "-1", "SEED": "x"},
    "plan": {"STRICT": "maybe", "COLOR": "red", "TB": "long", "SELECT": "nowhere"},
    "list": {"JSON": "perhaps", "COLOR": "\x1b[31m"},
    "graph": {"FORMAT": "gif", "UNTIL": "nowhere"},
    "bench": {"REPEAT": "0", "WARMUP": "x", "FAIL_OVER": "much", "EXECUTORS": "fast"},
    "explain": {"JSON": "perhaps"},
}


@pytest.fixture(autouse=True)
def _wide(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")


@pytest.mark.parametrize("command", list(stagekit.commands))
def test_every_option_has_a_variable(command: str) -> None:
    """Called after the option; only what asks a question has none, and what sets parameters."""
    found = stagekit.commands[command]
    for option in found.params:
        if isinstance(option, click.Option) and option.name not in QUESTIONS:
            flag = option.opts[-1]
            assert option.envvar == "STAGEKIT_" + flag[2:].upper().replace("-", "_")
            assert option.envvar == variables(found)[option]


def test_every_flag_of_the_table_has_a_variable() -> None:
    """The table of options is where they come from."""
    known = set(variables(stagekit.commands["run"]).values())
    flags = [flag for option in OPTIONS for flag in option.flags if flag.parameter != "set"]
    assert {f"STAGEKIT_{each.parameter.upper()}" for each in flags} <= known


@pytest.mark.parametrize("command", list(stagekit.commands))
def test_the_help_says_so_once(command: str, cli: Cli) -> None:
    """In one sentence, not with every option."""
    assert bool(variables(stagekit.commands[command])) == cli(command, "-h").out.count("STAGEKIT_")


def test_what_is_typed_comes_first_then_the_environment(
    cli: Cli, write: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Flag, variable, default."""
    write("kinds.py", KINDS)

    def shown(*words: str) -> str:
        found = json.loads(cli("run", "kinds", "--json", *words).out)
        return f"{found['executor']} {found['workers']}"

    assert "inline 1" == shown()
    monkeypatch.setenv("STAGEKIT_EXECUTOR", "threads")
    monkeypatch.setenv("STAGEKIT_WORKERS", "3")
    assert "threads 3" == shown()
    assert "threads 2" == shown("--workers", "2")
    assert "inline 1" == shown("--executor", "inline")
    monkeypatch.setenv("STAGEKIT_WORKERS", "")
    monkeypatch.setenv("STAGEKIT_EXECUTOR", "")
    assert "inline 1" == shown()


def test_several_words_and_switches(cli: Cli, shop: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """What may be repeated has its values apart by spaces; a switch takes 1 and 0."""
    monkeypatch.setenv("STAGEKIT_SELECT", "load total")
    monkeypatch.setenv("STAGEKIT_LIMIT", "async=2")
    monkeypatch.setenv("STAGEKIT_JSON", "1")
    monkeypatch.setenv("STAGEKIT_QUIET", "0")
    found = json.loads(cli("run", shop).out)
    assert ["load", "total"] == [each["id"].rpartition(":")[2] for each in found["stages"]]
    monkeypatch.setenv("STAGEKIT_JSON", "no")
    assert "summary: 2 ran" in cli("run", shop).err
    monkeypatch.setenv("STAGEKIT_SHOW", "total")
    monkeypatch.setenv("STAGEKIT_VERBOSE", "1")
    done = cli("run", shop)
    assert "amount=7" in done.out
    assert "orders: Orders = load" in done.err


@pytest.mark.parametrize(
    ("variable", "flag"),
    [
        ("KEEP_GOING", "--fail-fast"),
        ("QUIET", "-v"),
        ("SHUFFLE", "--seed=3"),
        ("SEED", "--shuffle"),
    ],
)
def test_a_flag_wins_over_a_variable_that_contradicts_it(
    variable: str, flag: str, cli: Cli, shop: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is typed holds; two flags, or two variables, are an error as before."""
    monkeypatch.setenv(f"STAGEKIT_{variable}", "1")
    done = cli("run", shop, flag)
    assert 0 == done.code
    if variable == "SEED":
        assert "--seed 1 " not in done.err
    monkeypatch.setenv("STAGEKIT_VERBOSE", "1")
    monkeypatch.setenv("STAGEKIT_QUIET", "1")
    done = cli("run", shop)
    assert 2 == done.code
    assert "error: --quiet and --verbose contradict each other" in done.err
    assert "note: set in the environment: " in done.err


@pytest.mark.parametrize(
    ("command", "variable", "value"),
    [(command, name, value) for command, bad in BAD.items() for name, value in bad.items()],
)
def test_a_bad_value_is_an_error_that_names_the_variable(
    command: str,
    variable: str,
    value: str,
    cli: Cli,
    shop: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """With nothing that a terminal would obey; a variable of another command does nothing."""
    monkeypatch.setenv(f"STAGEKIT_{variable}", value)
    base = ["--compare", "none.json"] if variable == "FAIL_OVER" else []
    done = cli(command, "SK201" if command == "explain" else shop, *base)
    assert done.code in {2, 3}
    assert f"STAGEKIT_{variable}" in done.err
    assert "\x1b" not in done.err
    if variable not in {"COLOR", "JSON"}:
        assert 0 == cli("explain").code


def test_the_error_says_the_variable_and_not_the_option(
    cli: Cli, shop: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Unless the option is typed."""
    monkeypatch.setenv("STAGEKIT_WORKERS", "0")
    told = "error: Invalid value for STAGEKIT_WORKERS: takes a whole number from 1 on, got '0'\n"
    assert told in cli("run", shop).err
    done = cli("run", shop, "--workers", "-1")
    assert "error: Invalid value for '--workers': " in done.err
    assert "STAGEKIT_WORKERS" not in done.err


def test_with_a_variable_for_json_a_usage_error_has_its_document(
    cli: Cli, shop: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As with the flag."""
    monkeypatch.setenv("STAGEKIT_JSON", "true")
    assert "stagekit.error/1" == json.loads(cli("run", shop, "--unknown").out)["schema"]
    monkeypatch.setenv("STAGEKIT_COLOR", "always")
    assert "\x1b[1;31merror\x1b[0m" in cli("plan", shop, "--unknown").err


@pytest.mark.parametrize(
    ("variable", "meant"),
    [
        ("STAGEKIT_WORKER", "STAGEKIT_WORKERS"),
        ("STAGEKIT_EXECUTER", "STAGEKIT_EXECUTOR"),
        ("STAGEKIT_KEEPGOING", "STAGEKIT_KEEP_GOING"),
        ("STAGEKIT_REPEATS", "STAGEKIT_REPEAT"),
        ("STAGEKIT_SET", "STAGEKIT_PARAM_NAME"),
    ],
)
def test_a_variable_that_is_nearly_one_is_warned_of(
    variable: str, meant: str, cli: Cli, shop: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Once; what is like no option is somebody else's, and a parameter is none."""
    monkeypatch.setenv(variable, "4")
    for other in ("STAGEKIT_WORKLOADS", "STAGEKIT_TEST_MARK", "STAGEKIT_REPEAT"):
        monkeypatch.setenv(other, "4")
    told = f"warning: {variable} sets nothing; did you mean {meant}?\n"
    assert 1 == cli("run", shop).err.count(told) == cli("run", shop).err.count("sets nothing")
    assert "" == cli("list", shop).err.replace(told, "")


def test_a_script_that_is_a_program_takes_them_too(write: Write) -> None:
    """``python shop.py``, with ``stagekit.main()`` in it."""
    script = write("kinds.py", f"{KINDS}\nif __name__ == '__main__':\n    import stagekit\n")
    with script.open("a", encoding="utf-8") as file:
        file.write("    stagekit.main()\n")
    root = Path(__file__).resolve().parent.parent.parent
    environment: Dict[str, str] = {"PYTHONPATH": str(root), "STAGEKIT_JSON": "1"}
    done = subprocess.run(
        [sys.executable, str(script), "-q"],
        env={**environment, "STAGEKIT_WORKERS": "3", "STAGEKIT_EXECUTOR": "threads"},
        capture_output=True,
        encoding="utf-8",
        timeout=60,
        check=True,
    )
    found = json.loads(done.stdout)
    assert ("threads", 3) == (found["executor"], found["workers"])


@pytest.mark.parametrize(
    ("variable", "words", "expected"),
    [
        ("JSON=1", ["--show", "load"], "rows"),
        ("EVENTS=-", ["--show", "load"], "rows"),
        ("SHOW=load", ["--json"], '"schema": "stagekit.run/1"'),
        ("EVENTS=-", ["--json"], '"schema": "stagekit.run/1"'),
    ],
)
def test_what_is_typed_has_standard_output(
    variable: str, words: List[str], expected: str, cli: Cli, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A variable that would write there as well steps back."""
    Path("shop.py").write_text(SHOP, encoding="utf-8")
    name, _, value = variable.partition("=")
    monkeypatch.setenv(f"STAGEKIT_{name}", value)
    done = cli("run", "shop", *words)
    assert (0, True) == (done.code, expected in done.out)
    assert "RunStarted" not in done.out


def test_a_fault_of_the_pipeline_is_no_fault_of_the_environment(
    cli: Cli, shop: str, write: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of a plan that is wrong only variables are named that plan."""
    write("bad.py", "from stagekit import stage\n@stage\ndef load(x: bytes) -> None: ...\n")
    monkeypatch.setenv("STAGEKIT_COLOR", "never")
    assert "STAGEKIT_" not in cli("run", "bad").err
    monkeypatch.setenv("STAGEKIT_EXCLUDE", "*")
    told = "note: set in the environment: STAGEKIT_EXCLUDE=*\n"
    assert told in cli("plan", shop).err
