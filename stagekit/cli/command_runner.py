"""What all commands have in common: where output goes, and what becomes of errors."""

from __future__ import annotations

import os
from typing import Callable, Optional, Tuple

import click

from stagekit._base.record import Record
from stagekit.cli import ExitCode
from stagekit.cli.click_parts import set_in_environment
from stagekit.cli.interruption import Interruption
from stagekit.cli.output import PLAIN, ColorChoice, Output
from stagekit.cli.streams import NotWrittenError, claimed_stdout, is_github
from stagekit.errors import Problem

_CALLERS = (ExitCode.USAGE, ExitCode.INVALID_PIPELINE, ExitCode.NOTHING_SELECTED)  # faults


class CommandOptions(Record):
    """The options of every command.

    Attributes:
        color: ``--color``.
        is_json: ``--json``.
        is_full: ``--tb full``.
        run: the target, where it is to be run: that it could not be run is told of it.
        junit: ``--junit-xml``.
        claims: whether stdout is for results only, so that all else that is printed goes to stderr.
    """

    color: str = "auto"
    is_json: bool = False
    is_full: bool = False
    claims: bool = True
    run: str = ""
    junit: Optional[str] = None


def run_command(
    options: CommandOptions, interruption: Interruption, work: Callable[[Output], ExitCode]
) -> ExitCode:
    """Do the work of a command; report what goes wrong as its options say."""
    output = Output(ColorChoice(options.color))
    output.annotates = is_github(os.environ) and not options.is_json
    try:
        with claimed_stdout(claim=options.claims) as out:
            output.out = out
            return _guarded(options, interruption, work, output)
    except NotWrittenError as error:
        output.print_error(str(error))
        return ExitCode.NOT_WRITTEN


def _guarded(
    options: CommandOptions,
    interruption: Interruption,
    work: Callable[[Output], ExitCode],
    output: Output,
) -> ExitCode:
    try:
        return work(output)
    except KeyboardInterrupt:
        what = "before it was told how the run went" if interruption.has_run else "no stage was run"
        message, code = f"interrupted; {what}", interruption.exit_code
        output.print_message(message)
        status, text = "cancelled", message
        problems: Tuple[Problem, ...] = ()
    except NotWrittenError:
        raise
    except Exception as error:  # noqa: BLE001 - the last place that can report it well
        from stagekit.cli.errors import report_of

        report = report_of(error)
        output.print_message(report.text(output.error_style, is_full=options.is_full))
        text = report.text(PLAIN)
        context = click.get_current_context(silent=True)
        if context is not None and report.exit_code in _CALLERS:
            plans = report.exit_code is not ExitCode.USAGE
            output.note_environment(set_in_environment(context, plans=plans))
        code, status, message, problems = report.exit_code, "error", report.message, report.problems
    _tell_servers(options, output, message, problems, text)
    if options.is_json:
        from stagekit.cli.documents import as_text, error_document

        output.print_result(as_text(error_document(status, code, message, problems)))
    return code


def _tell_servers(
    options: CommandOptions,
    output: Output,
    message: str,
    problems: Tuple[Problem, ...],
    text: str,
) -> None:
    """Tell CI servers why a command did nothing."""
    if options.junit is not None:
        from stagekit.cli.junit import write_error

        kind = problems[0].code.value if problems else "error"
        try:
            write_error(options.junit, options.run, kind, message, text)
        except NotWrittenError as error:
            output.print_error(str(error))
    if output.annotates:
        from stagekit.cli.github import annotate, print_annotation, summarize_error

        annotate("error", problems, os.environ)
        if not problems:
            print_annotation("error", message)
        if options.run:
            summarize_error(options.run, text, output, os.environ)
