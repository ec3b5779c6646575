"""``stagekit plan``: what would run."""

from __future__ import annotations

from stagekit.cli import ExitCode
from stagekit.cli.output import Output
from stagekit.cli.planning import Selection, plan_of


def show_plan(target: str, selection: Selection, output: Output, *, is_json: bool) -> ExitCode:
    """Print the plan of a target as a table, or as JSON."""
    made = plan_of(target, selection, output, shows_warnings=is_json)  # the table has them
    if is_json:
        output.print_result(made.to_json())
    else:
        from stagekit._render.table import explain

        output.print_text(explain(made, columns=output.columns, paint=output.style.paint))
    return ExitCode.OK
