"""What is said of failed stages besides what they raised."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.cli.conftest import Cli, Write


@pytest.mark.parametrize(
    ("body", "told"),
    [
        ("sys.exit()", "SystemExit (sys.exit was called)"),
        ("sys.exit(0)", "SystemExit: 0 (sys.exit was called)"),
        ("sys.exit('no input')", "SystemExit: no input (sys.exit was called)"),
        ("optparse.OptionParser().parse_args(['--help'])", "SystemExit: 0 (sys.exit was called)"),
    ],
)
def test_a_stage_that_exits_has_failed_and_is_told_how_to_end(
    body: str, told: str, cli: Cli, write: Write
) -> None:
    """R3: sys.exit() in a stage, or in a library it calls (but argparse), is a failure."""
    text = f"import optparse, sys\nfrom stagekit import stage\n@stage\ndef load():\n    {body}\n"
    write("leave.py", text)
    done = cli("run", "leave", "-q")
    assert 1 == done.code
    assert f"error[SK301]: stage `load` failed: {told}\n" in done.err
    help_line = "help: end the stage with `return`: sys.exit() in a stage is a failure"
    assert 1 == done.err.count(help_line)
    assert done.err.index("Traceback") < done.err.index(help_line)


@pytest.mark.slow
def test_the_line_that_raised_in_a_process_is_shown(cli: Cli, write: Write) -> None:
    """As if it had been raised here."""
    text = "from stagekit import stage\n@stage(executor='processes')\ndef load():\n    1 / 0\n"
    write("far.py", text)
    told = cli("run", "far", "-q").err
    assert "   far.py:4\n" in told
    assert "   4 │     1 / 0\n" in told


def test_a_stage_that_was_tried_again_says_how_often(cli: Cli, write: Write) -> None:
    """Of items those of the one that failed; once is not said."""
    write(
        "flaky.py",
        """
        from typing import List
        from typing_extensions import Annotated
        from stagekit import Each, stage
        @stage
        def rows() -> List[int]:
            return [1, 0]
        @stage(retries=2)
        def shares(row: Annotated[int, Each()]) -> float:
            return 1 / row
        """,
    )
    told = cli("run", "flaky", "-q").err
    assert "failed at item 1: ZeroDivisionError" in told
    assert 1 == told.count("   item 1 of 2, counted from 0: 0\n")
    assert "   called with row: list of 2\n   tried 3 times\n" in told
    write("once.py", "from stagekit import stage\n@stage\ndef load(): 1 / 0\n")
    assert "tried" not in cli("run", "once", "-q").err
