"""``stagekit plan``: what would run."""

from __future__ import annotations

from stagekit.cli.exitcode import ExitCode
from stagekit.cli.output import Output
from stagekit.cli.planning import plan_of
from stagekit.cli.selection import Selection


def show_plan(target: str, selection: Selection, output: Output, *, is_json: bool) -> ExitCode:
    """Print the plan of a target as a table, or as JSON."""
    made = plan_of(target, selection, output, tells_warnings=is_json)  # the table has them
    output.answer(made.to_json() if is_json else made.explain())
    return ExitCode.OK
