"""Which stages a command line selects."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, List, Tuple

import pytest

if TYPE_CHECKING:
    from tests.cli.conftest import Cli, Write

# a ─▶ b ─▶ d ─▶ e, and a ─▶ c ─▶ d; f alone; order edges only, so that every part can be planned.
FLOW = """
from stagekit import stage

@stage(tags=["io"])
def a(): ...
@stage(depends_on=a)
def b(): ...
@stage(depends_on=a, tags=["slow"])
def c(): ...
@stage(depends_on=[b, c])
def d(): ...
@stage(depends_on=d, tags=["io"])
def e(): ...
@stage
def f(): ...
"""

TABLE: List[Tuple[List[str], str]] = [
    ([], "abcdef"),
    (["-s", "b"], "b"),
    (["--select", "b"], "b"),
    (["--select=b"], "b"),
    (["-s", "flow:b"], "b"),
    (["-s", "b", "-s", "f"], "bf"),
    (["-s", "b f"], "bf"),
    (["-s", "+d"], "abcd"),
    (["-s", "1+d"], "bcd"),
    (["-s", "c+"], "cde"),
    (["-s", "c+1"], "cd"),
    (["-s", "@b"], "abcde"),
    (["-s", "tag:io"], "ae"),
    (["-s", "+tag:slow"], "ac"),
    (["-s", "[bc]"], "bc"),
    (["-s", "*"], "abcdef"),
    (["-s", "+d,c+"], "cd"),
    (["--exclude", "d+"], "abcf"),
    (["--exclude", "d+", "--exclude", "f"], "abc"),
    (["-s", "tag:io", "--exclude", "e"], "a"),
    (["--from", "c"], "cde"),
    (["--until", "c"], "ac"),
    (["--from", "b", "--until", "d"], "bd"),
    (["--from", "b", "-s", "tag:io"], "e"),
    (["--until", "d", "-s", "b e", "-s", "c"], "bc"),
    (["--from", "c", "--exclude", "d"], "ce"),
    (["--from", "tag:slow"], "cde"),
]


@pytest.mark.parametrize(("options", "expected"), TABLE, ids=[" ".join(o) for o, _ in TABLE])
def test_a_selection_means_these_stages(
    options: List[str], expected: str, cli: Cli, write: Write
) -> None:
    """Each option, and options together, select what the manual says."""
    write("flow.py", FLOW)
    done = cli("plan", "flow", "--json", *options)
    assert 0 == done.code, done.err
    stages = sorted(each["id"].rpartition(":")[2] for each in json.loads(done.out)["stages"])
    assert list(expected) == stages


@pytest.mark.parametrize(
    ("command", "shown"),
    [("run", "[ 2/2] ok     e"), ("plan", "2 of 6 stages"), ("graph", "d ─▶ e\n")],
)
def test_every_command_that_plans_selects_alike(
    command: str, shown: str, cli: Cli, write: Write
) -> None:
    """--select and its like are the same on all of them."""
    write("flow.py", FLOW)
    done = cli(command, "flow", "--from", "d")
    assert 0 == done.code
    assert shown in done.both


@pytest.mark.parametrize(
    "options",
    [["-s", "tag:x*"], ["-s", "x*"], ["--exclude", "*"], ["--from", "e", "--until", "a"]],
)
def test_a_selection_of_nothing_is_told(options: List[str], cli: Cli, write: Write) -> None:
    """No stage selected is no success: exit code 4."""
    write("flow.py", FLOW)
    done = cli("run", "flow", *options)
    assert (4, "") == (done.code, done.out)
    assert "error: the selection leaves no stage of flow\n" == done.err


@pytest.mark.parametrize(
    ("word", "near"), [("bb", None), ("flow:x", None), ("lod", "load"), ("totla", "total")]
)
def test_a_misspelt_stage_gets_its_near_miss(word: str, near: str, cli: Cli, shop: str) -> None:
    """A stage one edit away is named, ready to copy."""
    done = cli("run", shop, "--select", f"+{word}")
    assert 3 == done.code
    assert f"error[SK204]: the selection `+{word}` names no stage of this target" in done.err
    assert (near is not None) == (f"help: +{near}" in done.err)


@pytest.mark.parametrize("flag", ["--from", "--until"])
@pytest.mark.parametrize(
    ("word", "code", "told"),
    [
        ("nosuch", "SK204", "names no stage of this target\n\n   there is: `load`, `total`, "),
        ("totla", "SK204", "names no stage of this target\n\n   did you mean `total`?"),
        ("a+b", "SK213", "cannot be read: write `+` before or after a name"),
        ("a b", "SK213", "cannot be read: it takes one name"),
        ("load,total", "SK213", "cannot be read: it takes one name"),
    ],
)
def test_a_mistake_behind_a_flag_is_told_as_it_was_typed(
    flag: str, word: str, code: str, told: str, cli: Cli, shop: str
) -> None:
    """The flag and its word, not the selection that they are short for."""
    done = cli("plan", shop, flag, word)
    assert (3, True) == (done.code, f"error[{code}]: `{flag} {word}` {told}" in done.err), done.err
    assert ("mean" in told) == (f"help: {flag} total\n" in done.err)


@pytest.mark.parametrize("flag", ["--from", "--until"])
def test_a_tag_behind_a_flag_is_told_as_it_was_typed(flag: str, cli: Cli, shop: str) -> None:
    """As of a name."""
    done = cli("plan", shop, flag, "tag:laet")
    assert f"warning[SK226]: `{flag} tag:laet` means no stage" in done.err
    assert f"help: {flag} tag:late\n" in done.err


def test_an_ambiguous_name_behind_a_flag_is_told_as_it_was_typed(cli: Cli, write: Write) -> None:
    """With the flag before each whole id."""
    write("one.py", "from stagekit import stage\n@stage\ndef a(): ...\n")
    write(
        "two.py", "from stagekit import stage\nfrom one import a as first\n@stage\ndef a(): ...\n"
    )
    done = cli("plan", "two.py", "--from", "a")
    assert "error[SK210]: `--from a` may mean 2 stages: `one:a`, `two:a`" in done.err
    assert "help: --from one:a\n" in done.err


@pytest.mark.parametrize("command", ["plan", "run"])
def test_a_misspelt_tag_gets_its_near_miss(command: str, cli: Cli, shop: str) -> None:
    """A tag that no stage has is warned of before it is said that nothing is left."""
    done = cli(command, shop, "--select", "tag:laet+")
    assert 4 == done.code
    assert "warning[SK226]: the selection `tag:laet+` means no stage" in done.err
    assert "help: tag:late+" in done.err
    assert "error: the selection leaves no stage of shop" in done.err


def test_an_empty_selection_is_refused(cli: Cli, shop: str) -> None:
    """An option without a word in it is a mistake, not everything."""
    done = cli("plan", shop, "--select", " ", "--from", "load")
    assert 3 == done.code
    assert "error[SK213]" in done.err


@pytest.mark.parametrize("command", ["run", "plan", "graph"])
def test_warnings_of_a_plan_are_errors_where_that_is_asked_for(
    command: str, cli: Cli, shop: str
) -> None:
    """``--strict`` has nothing run; ``--select`` and its like say so, too."""
    done = cli(command, shop, "--select", "tag:laet+", "--strict")
    assert 3 == done.code
    assert "error[SK226]: the selection `tag:laet+` means no stage" in done.err


def test_a_plan_that_is_made_already_is_not_made_strictly(cli: Cli, write: Write) -> None:
    """The flag would do nothing, and is refused."""
    write("made.py", f"{FLOW}\nfrom stagekit import plan\nflow = plan([a, b])\n")
    done = cli("run", "made:flow", "--strict")
    assert 2 == done.code
    assert "made:flow is a plan, made already; say it where it is made" in done.err
