"""What all commands have in common: where output goes, and what becomes of errors."""

from __future__ import annotations

from typing import Callable, NamedTuple

from stagekit.cli.documents import ERROR, as_text, interrupted
from stagekit.cli.exitcode import ExitCode
from stagekit.cli.interruption import Interruption
from stagekit.cli.output import ColorChoice, Output
from stagekit.cli.streams import claimed_stdout


class CommandOptions(NamedTuple):
    """How a command talks.

    Attributes:
        color: ``--color``.
        is_json: ``--json``.
        is_full: ``--tb full``.
        claims: whether stdout is for what was asked for only, so that all else goes to stderr.
        schema: of the document that tells an error.
    """

    color: str = "auto"
    is_json: bool = False
    is_full: bool = False
    claims: bool = True
    schema: str = ERROR


def run_command(
    options: CommandOptions, interruption: Interruption, work: Callable[[Output], ExitCode]
) -> ExitCode:
    """Do the work of a command; tell what went wrong as its options says."""
    output = Output(ColorChoice(options.color))
    with claimed_stdout(claim=options.claims) as out:
        output.out = out
        try:
            return work(output)
        except KeyboardInterrupt:
            return _interrupted(options, interruption, output)
        except Exception as error:  # noqa: BLE001 - the last place that can tell it well
            from stagekit.cli.errors import report_of

            report = report_of(error)
            output.print_message(report.text(output.error_style, is_full=options.is_full))
            if options.is_json:
                output.print_result(as_text(report.document(options.schema)))
            return report.exit_code


def _interrupted(options: CommandOptions, interruption: Interruption, output: Output) -> ExitCode:
    what = "before it was told how the run went" if interruption.has_run else "no stage was run"
    message = f"interrupted; {what}"
    output.print_message(message)
    if options.is_json:
        output.print_result(as_text(interrupted(options.schema, interruption.exit_code, message)))
    return interruption.exit_code
