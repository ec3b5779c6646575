"""Mistakes in the command line itself: exit code 2, what is wrong, and what was meant."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, List, cast

import pytest

if TYPE_CHECKING:
    from tests.cli.conftest import Cli, Write


def edits(word: str) -> List[str]:
    """Return a word with each letter left out, and with each two neighbours swapped."""
    without = [word[:n] + word[n + 1 :] for n in range(len(word))]
    swapped = [word[:n] + word[n + 1] + word[n] + word[n + 2 :] for n in range(len(word) - 1)]
    return [each for each in (*without, *swapped) if each != word]


def as_id(value: object) -> str:
    """Return a command line as it is written, as far as that is ASCII."""
    words = cast("List[str]", value) if isinstance(value, list) else []
    return " ".join(words).encode("ascii", "replace").decode()


@pytest.mark.parametrize("command", ["run", "plan", "list", "graph", "explain"])
def test_a_misspelt_command_gets_its_near_miss(command: str, cli: Cli) -> None:
    """Every command one edit away is named."""
    for typo in edits(command):
        done = cli(typo, "shop")
        assert 2 == done.code
        assert f"there is no command {typo!r}; did you mean " in done.err
        assert command in done.err.partition("did you mean")[2]


OPTIONS = [
    *("select", "exclude", "from", "until", "executor", "workers", "keep-going", "fail-fast"),
    *("json", "events", "quiet", "verbose", "progress", "color", "help"),
]


@pytest.mark.parametrize("option", OPTIONS)
def test_a_misspelt_option_gets_its_near_miss(option: str, cli: Cli) -> None:
    """Every option one edit away is named, with and without a value."""
    for typo in edits(option):
        for written in (f"--{typo}", f"--{typo}=1"):
            done = cli("run", "shop", written)
            assert 2 == done.code
            assert f"there is no option --{typo}; did you mean " in done.err
            assert f"--{option}" in done.err.partition("did you mean")[2]


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (
            ["run", "none.py", "--year", "1"],
            "--set year=...; put arguments for stages that take `Arguments` after `--`: -- --year",
        ),
        (["run", "shop", "--year", "1"], "there is no option --year; stagekit run -h lists them"),
        (["plan", "shop", "--year"], "there is no option --year; stagekit plan -h lists them"),
        (["explain", "SK201", "SK202"], "error: nothing takes SK202 after SK201\n"),
        (["list", "shop", "\x1b[1m"], r"nothing takes '\x1b[1m' after shop"),
        (
            ["run", "shop", "--executor", "thread"],
            "'--executor': there is no 'thread'; did you mean threads?",
        ),
        (
            ["run", "shop", "--executor", "ray"],
            "there is no 'ray'; there are auto, inline, threads, processes, dask",
        ),
        (
            ["graph", "shop", "--format", "png"],
            "there is no 'png'; there are tree, mermaid, dot, svg, json",
        ),
        (["run", "shop", "--color", "nevr"], "there is no 'nevr'; did you mean never?"),
        (["run", "shop", "--workers", "0"], "takes a whole number from 1 on, got '0'"),
        (["run", "shop", "--workers", "-1"], "takes a whole number from 1 on, got '-1'"),
        (["run", "shop", "--workers", "two"], "takes a whole number from 1 on, got 'two'"),
        (["run", "shop", "--workers"], "--workers"),  # said by click, in its words
        (["run", "shop", "--json", "--json"], "--json is given twice; give it once"),
        (["run", "shop", "--workers=2", "--workers", "3"], "--workers is given twice"),
        (["run", "shop", "--keep-going", "--fail-fast"], "--keep-going and --fail-fast contradict"),
        (["run", "shop", "-q", "-v"], "--quiet and --verbose contradict each other"),
        (["run", "shop", "--json", "--events", "-"], "--json and --events - both write to stdout"),
        (["run", "shop", "--progress", "rich"], "--progress rich draws on a terminal"),
        (["run", "shop", "--events", "no/such/folder"], "--events no/such/folder: "),
        (["run", ""], "error: TARGET is empty; name a module or a file"),
        (["shop.py"], "there is no command 'shop.py'; to run it write: stagekit run shop.py"),
        (["zzz"], "there is no command 'zzz'; there are run, plan, list, graph, bench, explain"),
        (["--jsn"], "there is no option --jsn"),
        (["explain", "SK2001"], "there is no code 'SK2001'; did you mean SK201"),
        (["explain", "SK999"], "there is no code 'SK999'; stagekit explain lists them"),
        (["explain", "zzz"], "there is no code 'zzz'; stagekit explain lists them"),
        (["run", "shop", "--\udcff\x1b[31m"], r"there is no option --\udcff\x1b[31m"),
        (["run", "shop", "--executor", "\x1b\u202e"], r"there is no '\\x1b\\u202e'"),
    ],
    ids=as_id,
)
def test_a_mistake_is_told(arguments: List[str], told: str, cli: Cli, shop: str) -> None:
    """What is wrong, the value, and what is allowed; nothing has run."""
    done = cli(*arguments)
    assert (2, "--json" in arguments) == (done.code, bool(done.out))
    assert told in done.err
    assert done.err.startswith("error: ")
    assert "\x1b" not in done.err


def test_words_without_two_dashes_are_told_where_they_may_stand(
    cli: Cli, shop: str, write: Write
) -> None:
    """A word too many may be a stage to select, or an argument, where stages take any."""
    select = "`stagekit run shop --select report --select 'a b'` (stages or tags)"
    said = "error: nothing takes report 'a b' after shop; did you mean "
    assert f"{said}{select}?\n" in cli("run", shop, "report", "a b").err
    path = write("shop.py", "from stagekit import Arguments, stage\n@stage\ndef a(): Arguments\n")
    after = "`stagekit run shop -- report 'a b'` (Arguments of the stages)"
    assert f"{said}{select} or {after}?\n" in cli("run", shop, "report", "a b").err
    path.unlink()  # nothing is known of it
    assert f"{said}{select} or {after}?\n" in cli("run", shop, "report", "a b").err
    assert (
        "error: nothing takes load after shop; did you mean "
        "`stagekit plan shop --select load` (stages or tags)?\n"
    ) in cli("plan", shop, "load").err


def test_too_many_workers_are_fewer(cli: Cli, shop: str) -> None:
    """A number beyond all sense is cut, with a note."""
    done = cli("run", shop, "--workers", "1000000000", "-q")
    assert 0 == done.code
    assert "note: --workers 1,000,000,000 is more than there can be; 1,024 are used\n" in done.err


@pytest.mark.parametrize("command", ["run", "plan", "list"])
def test_a_mistake_is_a_document_too(command: str, cli: Cli) -> None:
    """With --json, stdout can be parsed whatever happens."""
    done = cli(command, "shop", "--json", "--jsn")
    document = json.loads(done.out)
    assert ("error", 2) == (document["status"], document["exit_code"])
    assert "--jsn" in document["error"]["message"]
    assert "--jsn" in done.err


def test_what_looks_like_an_option_behind_two_dashes_is_none(cli: Cli, shop: str) -> None:
    """``--json`` after ``--`` is the stages' own."""
    done = cli("run", shop, "--jsn", "--", "--json")
    assert (2, "") == (done.code, done.out)


def test_an_error_is_in_colour_if_asked_for(cli: Cli) -> None:
    """--color is obeyed even by a command line that is wrong."""
    assert "\x1b[1;31merror\x1b[0m: " in cli("run", "shop", "--jsn", "--color", "always").err
    assert "\x1b[1;31merror\x1b[0m: " in cli("run", "shop", "--jsn", "--color=always").err
    assert "\x1b" not in cli("run", "shop", "--jsn").err


@pytest.mark.parametrize(
    ("arguments", "command"),
    [(["run", "shop", "--workers"], "run"), (["plan", "shop", "-s"], "plan"), (["--jsn"], "")],
)
def test_a_mistake_names_the_help_of_its_command(
    arguments: List[str], command: str, cli: Cli
) -> None:
    """Also where an option at the end lacks its value."""
    assert f"\n\nhelp: {f'stagekit {command}'.rstrip()} -h\n" in cli(*arguments).err


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["run", "shop", "--junit", "x"], "no option --junit; did you mean --junit-xml?"),
        (["run", "shop", "--bad"], "no option --bad; stagekit run -h lists them"),
        (["run", "shop", "-j", "4"], "no option -j; did you mean --workers?"),
        (["run", "shop", "--jobs=4"], "no option --jobs; did you mean --workers?"),
        (["run", "shop", "--dry-run"], "no option --dry-run; did you mean stagekit plan?"),
        (["run", "shop", "--tag", "io"], "no option --tag; did you mean --select tag:NAME?"),
        (["list", "shop", "--jobs", "3"], "no option --jobs; stagekit list -h lists them"),
        (["list", "shop", "--grace", "3"], "no option --grace of list; run, bench have it"),
        (["list", "shop", "--show"], "no option --show of list; run has it"),
        (["explain", "SK999"], "no code 'SK999'; stagekit explain lists them"),
    ],
    ids=as_id,
)
def test_a_hint_makes_sense(arguments: List[str], told: str, cli: Cli, shop: str) -> None:
    """F18: what begins so, another program's word for it, the command that has it; or nothing."""
    assert shop
    done = cli(*arguments)
    assert 2 == done.code
    assert f"there is {told}\n" in f"{done.err}\n"
