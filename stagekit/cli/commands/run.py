"""``stagekit run``: plan, run, and report how it went."""

from __future__ import annotations

import contextlib
import os
import warnings
from typing import (
    TYPE_CHECKING,
    Any,
    Callable,
    Dict,
    Generator,
    List,
    Mapping,
    Optional,
    Sequence,
    Tuple,
)

from stagekit._api import Plan
from stagekit._base.frames import parser_exit
from stagekit._base.outcome import RunStatus
from stagekit._base.ports import Hook
from stagekit._base.record import Record
from stagekit._base.text import short_names
from stagekit._run.result import Result
from stagekit.cli import ExitCode
from stagekit.cli.interruption import Interruption, Phases
from stagekit.cli.output import PLAIN, Output, PrintsChoice, ProgressChoice
from stagekit.cli.planning import Selection, check_arguments, plan_of
from stagekit.cli.progress import RunningStages, Watching, chosen, watching
from stagekit.cli.running import patience, run_options
from stagekit.cli.streams import NotWrittenError, print_streams, results_to
from stagekit.cli.summary import measured, plain_summary, slowest, summary
from stagekit.cli.target import Where
from stagekit.errors import StagekitWarning, UsageError

if TYPE_CHECKING:
    from stagekit.cli.documents import EventLines
    from stagekit.cli.prints import Prints
    from stagekit.cli.results import Wanted


@contextlib.contextmanager
def _apart(
    request: RunRequest, names: Mapping[str, str], output: Output
) -> Generator[Optional[Prints], None, None]:
    """Yield what keeps prints of stages apart; None where they stay as they are."""
    if request.watching.prints is PrintsChoice.RAW or not print_streams():
        yield None
        return
    from stagekit.cli.prints import kept_apart

    with kept_apart(request.watching.prints, names, output.error_style) as prints:
        yield prints


def _last_words(hooks: Sequence[Hook], prints: Optional[Prints]) -> bytes:
    """Return what is written before the process ends at once: no board stays, no print is lost."""
    wiping = "".join(getattr(each, "wiping", "") for each in hooks)
    kept = "" if prints is None else prints.last_words()
    return f"{wiping}{kept}".encode("utf-8", "backslashreplace")


class RunRequest(Record):
    """What the command line says of a run."""

    target: Where
    arguments: Tuple[str, ...]
    selection: Selection
    typed: Mapping[str, Any]  # what click has read of each flag
    is_json: bool
    events: Optional[str]
    watching: Watching
    is_full: bool
    show: Tuple[str, ...] = ()  # the stages whose values are printed; "" for the target
    outputs: Tuple[str, ...] = ()  # STAGE=FILE
    junit: Optional[str] = None  # the file of test results


def run_target(request: RunRequest, interruption: Interruption, output: Output) -> ExitCode:
    """Run what a request says; print its failures, its summary, and the results asked for."""
    options = run_options(request.typed, output)
    made = plan_of(
        request.target,
        request.selection,
        output,
        executor=options.get("executor", "auto"),
        limits=options.get("limits"),
    )
    check_arguments(made, request.arguments)
    want = None
    if request.show or request.outputs:
        from stagekit.cli.results import wanted

        want = wanted(made, request.show, request.outputs)
    with contextlib.ExitStack() as stack:
        prints = stack.enter_context(_apart(request, short_names(made.order), output))
        events = stack.enter_context(_event_lines(request, output))
        hooks = stack.enter_context(watching(request.watching, made, output))
        listening: List[Hook] = [*([prints] if prints else []), *hooks]
        listening += [events] if events else []
        running_stages = RunningStages(made)
        if listening:  # events cost time: without another hook there are none
            listening.append(running_stages)
        phases = Phases(
            lambda: output.print_message(running_stages.text(patience(options))),
            lambda: _last_words(hooks, prints),
        )
        with interruption.phases(phases):
            interruption.has_run = True
            told: Dict[str, object] = {
                "arguments": request.arguments,
                "hooks": tuple(listening),
                "check": False,
            }
            told["keep"] = "targets" if want is None else want.stages  # nobody sees the others
            result = _run(made, {**options, **told}, output)
    exit_code = _exit_code(result, interruption)
    if exit_code is ExitCode.STAGE_FAILED and _is_parsers(result):
        exit_code = _code_of_parser(result)
    else:
        _report(result, request, output)
    if not _is_written(result, request, want, events, output):
        exit_code = exit_code or ExitCode.NOT_WRITTEN
    if request.is_json:
        from stagekit.cli.documents import as_text, run_document

        output.print_result(as_text(run_document(result, exit_code)))
    return exit_code


def _is_written(
    result: Result,
    request: RunRequest,
    want: Optional[Wanted],
    events: Optional[EventLines],
    output: Output,
) -> bool:
    """Write the values and files that are asked for; say whether all could be written.

    Raises:
        NotWrittenError: standard output could not.
    """
    is_written = True
    if want is not None and not _is_parsers(result):
        from stagekit.cli.results import hand_out

        is_written = hand_out(result, want, output)
    failed: List[NotWrittenError] = []
    if events is not None and events.error is not None:
        if request.events == "-":
            raise NotWrittenError("standard output", events.error)
        failed.append(NotWrittenError(f"--events {request.events}", events.error))
    if request.junit is not None:
        from stagekit.cli.junit import write_run

        try:
            write_run(request.junit, result)
        except NotWrittenError as error:
            failed.append(error)
    for each in failed:
        output.print_error(str(each))
    return is_written and not failed


def _shown_by(output: Output, show: Callable[..., None]) -> Callable[..., None]:
    """Return how warnings are shown: those of ours as all others that a command prints."""

    def shown(message: Any, category: Any, *where: Any, **more: Any) -> None:
        if issubclass(category, StagekitWarning):
            output.warn(str(message))
        else:
            show(message, category, *where, **more)

    return shown


def _run(
    made: Any, options: Dict[str, Any], output: Output
) -> Result:  # Any: a public plan, as its type has run()
    """Run a plan, to its end or to where it was interrupted.

    Raises:
        KeyboardInterrupt: it came before the run could note it.
    """
    plan: Plan = made
    try:
        with warnings.catch_warnings():
            # The result has them, and they are printed with it; but for what cannot wait so long.
            warnings.simplefilter("ignore", StagekitWarning)
            warnings.filterwarnings("always", "the Dask cluster at ", StagekitWarning)
            warnings.showwarning = _shown_by(output, warnings.showwarning)
            return plan.run(**options)
    except KeyboardInterrupt as error:
        result = getattr(error, "result", None)
        if isinstance(result, Result):
            return result
        raise


def _is_parsers(result: Result) -> bool:
    """Tell whether stages have ended only because ``argparse`` in them ends the program."""
    failures = result.failures
    return bool(failures) and all(parser_exit(each.error) is not None for each in failures)


def _code_of_parser(result: Result) -> ExitCode:
    """Return the code of ``argparse``, which has printed its help, or what is wrong."""
    is_mistake = any(parser_exit(each.error) for each in result.failures)
    return ExitCode.USAGE if is_mistake else ExitCode.OK


def _exit_code(result: Result, interruption: Interruption) -> ExitCode:
    if result.status is RunStatus.CANCELLED and result.cancel_reason != "deadline":
        return interruption.exit_code
    if any(each.teardown_error or each.undone is False for each in result.reports()):
        return ExitCode.INCOMPLETE
    if result.status is RunStatus.CANCELLED:
        return ExitCode.DEADLINE
    return ExitCode.OK if result.ok else ExitCode.STAGE_FAILED


@contextlib.contextmanager
def _event_lines(
    request: RunRequest, output: Output
) -> Generator[Optional[EventLines], None, None]:
    """Yield the hook that writes events, if they are asked for.

    Raises:
        UsageError: the file cannot be written.
    """
    if request.events is None:
        yield None
        return
    from stagekit.cli.documents import EventLines

    if request.events == "-":
        with results_to(output.out):  # or it is known now that nobody reads them
            pass
        yield EventLines(output.out)
    else:
        try:
            file = open(request.events, "w", encoding="utf-8")  # noqa: SIM115 - closed below
        except (OSError, ValueError) as error:
            raise UsageError(f"--events {request.events}: {error}") from None
        lines = EventLines(file)
        try:
            yield lines
        finally:
            try:
                file.close()
            except OSError as error:
                lines.error = error


def _report(result: Result, request: RunRequest, output: Output) -> None:
    """Print the failures, the warnings and the summary of a run."""
    progress = chosen(request.watching)
    failures = ""
    if result.failures:
        from stagekit.cli.failures import show_failures

        failures = show_failures(result, output.error_style, is_full=request.is_full)
        above = "" if progress is ProgressChoice.NONE else "\n"
        output.print_message(f"{above}{failures}")
    if failures or progress is ProgressChoice.RICH:
        output.print_message("")
    for warning in result.warnings:
        output.warn(warning)
    if request.typed["measure"]:
        output.print_message(f"{measured(result)}\n")
    if request.typed["durations"] is not None:
        output.print_message(f"{slowest(result, int(request.typed['durations']))}\n")
    if output.annotates:
        _tell_github(result, output)
    is_plain = progress is not ProgressChoice.RICH
    output.print_message(plain_summary(result) if is_plain else summary(result, output.error_style))


def _tell_github(result: Result, output: Output) -> None:
    """Print failures and warnings of a run as annotations; append it to the summary of the step."""
    from stagekit.cli.failures import failures_of
    from stagekit.cli.github import annotate, print_annotation, summarize

    failed = failures_of(result, PLAIN)
    for level in ("error", "warning"):
        annotate(level, [each.problem for each in failed if each.role == level], os.environ)
    for warning in result.warnings:
        print_annotation("warning", warning)
    summarize(result, output, os.environ)
