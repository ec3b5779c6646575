"""What all commands have in common: where output goes, and what becomes of errors."""

from __future__ import annotations

from typing import Callable, NamedTuple

from stagekit.cli.documents import ERROR, as_text, interrupted
from stagekit.cli.exitcode import ExitCode
from stagekit.cli.interruption import Interruption
from stagekit.cli.output import Output
from stagekit.cli.streams import claimed_stdout
from stagekit.cli.terminal import ColorChoice


class Manner(NamedTuple):
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


def carry_out(
    manner: Manner, interruption: Interruption, work: Callable[[Output], ExitCode]
) -> ExitCode:
    """Do the work of a command; tell what went wrong as its manner says."""
    output = Output(ColorChoice(manner.color))
    with claimed_stdout(claim=manner.claims) as out:
        output.out = out
        try:
            return work(output)
        except KeyboardInterrupt:
            return _interrupted(manner, interruption, output)
        except Exception as error:  # noqa: BLE001 - the last place that can tell it well
            from stagekit.cli.complaint import complaint_of

            complaint = complaint_of(error)
            output.tell(complaint.text(output.error_style, is_full=manner.is_full))
            if manner.is_json:
                output.answer(as_text(complaint.document(manner.schema)))
            return complaint.exit_code


def _interrupted(manner: Manner, interruption: Interruption, output: Output) -> ExitCode:
    what = "before it was told how the run went" if interruption.has_run else "no stage was run"
    message = f"interrupted; {what}"
    output.tell(message)
    if manner.is_json:
        output.answer(as_text(interrupted(manner.schema, interruption.exit_code, message)))
    return interruption.exit_code
