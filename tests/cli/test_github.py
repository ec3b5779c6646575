"""GitHub Actions: annotations of failures and warnings, and the summary of the step."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, List

import pytest

from stagekit.cli.github import MOST_BYTES, print_annotation
from tests.cli.test_junit import MIXED

if TYPE_CHECKING:
    from tests.cli.conftest import Cli, Write

WARNS = "from stagekit import stage\n@stage(tags=['nightly'])\ndef load() -> None: ...\n"
HOSTILE = r"""
from stagekit import stage

TEXT = "100 %\n::error file=x::pwned\r\n \t::add-mask::x ##[error]old | \x1b[31m ```` <b> @user"

@stage
def hostile() -> None:
    raise ValueError(TEXT)
"""


@pytest.fixture(autouse=True)
def actions(cli: Cli, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Be a step of GitHub Actions, whose repository is the folder above."""
    _ = cli  # it forgets what the tests themselves run in
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    monkeypatch.setenv("GITHUB_WORKSPACE", str(tmp_path.parent))
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(tmp_path / "summary.md"))


def commands(text: str) -> List[str]:
    """Return what the runner of GitHub takes for commands: in the new form, and in the old one."""
    lines = re.split(r"\r\n|\r|\n", text)
    return [each for each in lines if each.lstrip().startswith("::") or "##[" in each]


def summary() -> str:
    """Return the summary of the step."""
    return Path("summary.md").read_text(encoding="utf-8")


def test_failures_are_annotations_of_their_lines(cli: Cli, write: Write, tmp_path: Path) -> None:
    """Errors, and warnings for what may fail, with a path from the root of the repository."""
    write("mixed.py", MIXED)
    done = cli("run", "mixed", "--keep-going", "-q")
    error, warning = commands(done.err)
    place = f"file={tmp_path.name}/mixed.py,line="
    assert error == (
        f"::error {place}12,title=stagekit (SK301)::stage `share` failed at item 1: "
        "ZeroDivisionError: division by zero"
    )
    assert warning.startswith(f"::warning {place}20,title=stagekit (SK301)::stage `extra` failed")


def test_nothing_is_annotated_elsewhere(
    cli: Cli, write: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nor with --json, whose reader has the failures."""
    write("mixed.py", MIXED)
    assert [] == commands(cli("run", "mixed", "--json").err)
    monkeypatch.delenv("GITHUB_ACTIONS")
    assert [] == commands(cli("run", "mixed").err)
    assert not Path("summary.md").exists()


@pytest.mark.parametrize("more", [[], ["-v"], ["-vv"], ["--json"], ["--tb", "full"]])
def test_texts_of_users_are_no_commands(more: List[str], cli: Cli, write: Write) -> None:
    """Neither at the start of a line nor in the old form; in annotations they are escaped."""
    write("hostile.py", HOSTILE)
    done = cli("run", "hostile", *more)
    found = commands(done.err)
    assert len(found) == (0 if more == ["--json"] else 1)
    for each in found:
        assert each.startswith("::error file=")
        assert "100 %25\\n::error file=x::pwned" in each
    assert ": :error file=x::pwned" in done.err


def test_an_annotation_is_escaped(capsys: pytest.CaptureFixture[str]) -> None:
    """As the toolkit of GitHub does it: commas and colons in properties, ends of lines in all."""
    print_annotation("error", "50 %\nb\r::c", file="a,b:c\n%.py", line="3")
    expected = "::error file=a%2Cb%3Ac\\n%25.py,line=3,title=stagekit::50 %25%0Ab\\r::c\n"
    assert expected == capsys.readouterr().err


def test_problems_and_warnings_of_a_plan_are_annotations(cli: Cli, write: Write) -> None:
    """Of each command that plans, with what helps; an error without a place has none."""
    write("bad.py", "from stagekit import stage\n@stage\ndef load(x: bytes, y: set) -> None: ...\n")
    for command in ("plan", "run"):
        found = commands(cli(command, "bad").err)
        assert [True] == list({bool(re.match(r"::error file=.+/bad.py,line=3,", e)) for e in found})
        assert ["(SK201)", "(SK201)"] == re.findall(r"\(SK201\)", "\n".join(found))
    write("warns.py", WARNS)
    (warning,) = commands(cli("plan", "warns", "-s", "load tag:nigthly").err)
    told = "the selection `tag:nigthly` means no stage: none of this target has that tag"
    assert f"::warning title=stagekit (SK226)::{told}%0Adid you mean `tag:nightly`?" in warning
    (error,) = commands(cli("run", "warns", "--exclude", "*").err)
    assert error.startswith("::error title=stagekit::")


def test_of_many_the_first_ten_are_annotations(cli: Cli, write: Write) -> None:
    """GitHub shows no more."""
    body = "from stagekit import stage\n"
    body += "".join(f"@stage\ndef s{n}() -> None: raise ValueError({n})\n" for n in range(15))
    write("many.py", body)
    assert 10 == len(commands(cli("run", "many", "--keep-going").err))


def test_the_summary_is_a_table_of_the_stages(cli: Cli, write: Write) -> None:
    """With marks, times and reasons, and the text of each failure; a second run is appended."""
    write("mixed.py", MIXED)
    write("summary.md", "# Before\n")
    cli("run", "mixed", "--keep-going")
    text = summary()
    assert text.startswith("# Before\n### ❌ mixed: failed\n\nsummary: 1 ran, 2 failed, 1 skipped")
    assert re.search(r"^\| ✅ \| load \| [\d.]+ .?s \|  \|$", text, re.MULTILINE)
    assert "| ❌ | share |" in text
    assert "| ⏭️ | total |  | it was skipped, because 'mixed:share' failed" in text
    assert "```text\nerror[SK301]: stage `share` failed at item 1" in text
    cli("run", "mixed", "-s", "load")
    assert "### ✅ mixed: succeeded" in summary()
    assert 2 == summary().count("| | stage | time | |\n|---|---|--:|---|\n")


def test_the_summary_has_the_critical_path(cli: Cli, write: Write) -> None:
    """Where there is one."""
    write(
        "slow.py",
        """
        import time
        from stagekit import stage
        @stage
        def load() -> int:
            time.sleep(0.12)
            return 1
        @stage
        def use(load: int) -> None: ...
        """,
    )
    cli("run", "slow")
    assert "**Critical path** load → use" in summary()


def test_the_summary_says_why_nothing_was_run(cli: Cli) -> None:
    """With the text of the error."""
    cli("run", "shpo")
    assert summary().startswith("### ❌ shpo: not run\n\n```text\nerror[SK010]: ")


def test_hostile_texts_are_no_markup(cli: Cli, write: Write) -> None:
    """No cell, no fence and no tag of a user's."""
    write("hostile.py", HOSTILE)
    cli("run", "hostile")
    (row,) = [each for each in summary().split("\n") if each.startswith("| ❌")]
    assert 5 == len(re.findall(r"(?<!\\)\|", row))
    assert "<b>" not in row
    assert "@" not in row
    assert "\n`````text\n" in summary()


@pytest.mark.parametrize("size", [MOST_BYTES - 1_000, MOST_BYTES - 60, MOST_BYTES + 5])
def test_a_summary_has_at_most_what_github_takes(size: int, cli: Cli, write: Write) -> None:
    """What does not fit is left out, and that is said."""
    write("mixed.py", MIXED)
    before = write("summary.md", "x" * size).stat().st_size
    cli("run", "mixed", "--keep-going")
    after = Path("summary.md").stat().st_size
    assert after <= max(MOST_BYTES, before)
    assert (after > before) == (size == MOST_BYTES - 1_000)
    assert ("The rest is left out" in summary()) == (after > before)


def test_a_large_run_fits(cli: Cli, write: Write) -> None:
    """What went wrong comes first; long texts are cut."""
    body = "from stagekit import stage\n"
    body += "".join(f"@stage\ndef s{n}() -> None: ...\n" for n in range(600))
    body += "@stage\ndef bad() -> None: raise ValueError('\\n' * 30_000 + 'end')\n"
    write("large.py", body)
    cli("run", "large", "--keep-going")
    assert "and 101 more stages" in summary()
    assert "| ❌ | bad |" in summary()
    assert Path("summary.md").stat().st_size < MOST_BYTES


def test_a_summary_that_cannot_be_written_is_a_warning(
    cli: Cli, shop: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The run counts."""
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", "nowhere/summary.md")
    done = cli("run", shop)
    assert 0 == done.code
    assert "warning: the summary of the step cannot be written: No such file" in done.err
    monkeypatch.delenv("GITHUB_STEP_SUMMARY")
    assert "warning" not in cli("run", shop).err
