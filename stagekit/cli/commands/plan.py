"""``stagekit plan``: what would run."""

from __future__ import annotations

from stagekit.cli import ExitCode
from stagekit.cli.output import Output
from stagekit.cli.planning import Selection, plan_of


def show_plan(target: str, selection: Selection, output: Output, *, is_json: bool) -> ExitCode:
    """Print the plan of a target as a table, or as JSON."""
    made = plan_of(target, selection, output, shows_warnings=is_json)  # the table has them
    output.print_result(made.to_json() if is_json else made.explain())
    return ExitCode.OK
