"""``--help-params``: what can be set of a target."""

from __future__ import annotations

from stagekit._base.text import escape_control
from stagekit._render.table import parameter_lines
from stagekit.cli import ExitCode
from stagekit.cli.output import Output
from stagekit.cli.planning import Selection, parameters_in
from stagekit.cli.target import Where


def show_parameters(
    where: Where, selection: Selection, output: Output, *, is_json: bool
) -> ExitCode:
    """Print the parameters of what is selected of a target; no stage is called."""
    target, found = parameters_in(where, selection, output)
    if is_json:
        from stagekit.cli.documents import as_text, parameters_document

        output.print_result(as_text(parameters_document(target, found)))
        return ExitCode.OK
    lines = parameter_lines(found) or [f"{escape_control(target)} has no parameters to be set"]
    output.print_text("\n".join(lines))
    return ExitCode.OK
