"""The command line as click sees it: commands, options, help."""

from __future__ import annotations

import functools
import os
import sys
from types import ModuleType
from typing import TYPE_CHECKING, Any, List, Optional, Sequence, Tuple

import click

from stagekit._base.text import escape_control
from stagekit.cli import ExitCode
from stagekit.cli.click_parts import Command, Group, set_in_environment, typed_wins
from stagekit.cli.command_runner import CommandOptions, run_command
from stagekit.cli.interruption import Interruption
from stagekit.cli.options import (
    Choice,
    CodeName,
    File,
    Number,
    StageFile,
    StageName,
    choice_option,
    color_option,
    help_params_option,
    json_option,
    running_options,
    selection_options,
    some_running_options,
    target_argument,
    tb_option,
)
from stagekit.cli.output import ColorChoice, Output, PrintsChoice, ProgressChoice
from stagekit.cli.streams import NotWrittenError, results_to

if TYPE_CHECKING:
    from stagekit.cli.planning import Selection
    from stagekit.cli.target import Where

BENCH_OPTIONS = ("workers", "limits", "deadline", "grace")  # of a run, that a benchmark takes, too


def main(
    arguments: Sequence[str],
    interruption: Optional[Interruption] = None,
    script: Optional[ModuleType] = None,
) -> int:
    """Run a command line; return its exit code.

    Args:
        arguments: the words after the name of the program.
        interruption: handles signals, and knows which one has ended the command.
        script: the module whose stages are run, where it calls ``stagekit.main()``: its words are
            those of ``stagekit run`` behind TARGET.
    """
    obj = interruption if interruption is not None else Interruption()
    instruction = os.environ.get("_STAGEKIT_COMPLETE")
    try:
        if instruction and script is None:
            return _complete(instruction)
        with results_to(sys.stdout, are_asked=False):  # click prints help itself
            return int(_run(list(arguments), obj, script))
    except NotWrittenError as error:
        Output().print_error(str(error))
        return int(ExitCode.NOT_WRITTEN)


def _complete(instruction: str) -> int:
    """Answer a shell that completes a command line."""
    from stagekit.cli.shells import answer

    text = answer(stagekit, instruction, os.environ)
    if text:
        Output().print_result(text)
    return 0


def _run(given: List[str], interruption: Interruption, script: Optional[ModuleType]) -> int:
    command, name = (stagekit, "stagekit") if script is None else _script_command(script)
    try:
        code = command.main(given, prog_name=name, standalone_mode=False, obj=interruption)
    except click.ClickException as error:
        return _refuse(error, given, name, is_script=script is not None)
    except click.Abort:  # what click makes of Ctrl-C
        raise KeyboardInterrupt from None
    return code or 0


def _script_command(script: ModuleType) -> Tuple[click.Command, str]:
    """Return ``run`` for the stages of a script, and how the script was called."""
    whole = stagekit.commands["run"]
    run_stages: Any = whole.callback
    spec, file = getattr(script, "__spec__", None), getattr(script, "__file__", None)
    name = "python" if file is None else f"python {os.path.basename(file)}"
    name = name if spec is None else f"python -m {spec.name}"
    command = Command(
        name,
        params=[each for each in whole.params if each.name != "target"],
        callback=functools.partial(run_stages, target=script),
        help="Run the stages of this script. Stages get the words after -- as Arguments.",
        takes_arguments=True,
        script=file or "",
        examples=(
            (f"{name} --workers 8 --keep-going", "Run on 8 workers and continue after a failure."),
            (
                f"{name} -s +report -- --year 2013",
                "Run report and what it needs; pass --year 2013 to stages.",
            ),
        ),
    )
    return command, name


def _refuse(
    error: click.ClickException, given: Sequence[str], program: str, *, is_script: bool
) -> ExitCode:
    """Report what is wrong with a command line; as a document as well, where one was asked for."""
    own = given[: given.index("--")] if "--" in given else given
    output = Output(_color_of(own))
    context = getattr(error, "ctx", None)  # none where the parser of a command gives up
    command = own[0] if own and own[0] in stagekit.commands and not is_script else ""
    path = f"{program} {command}".rstrip() if context is None else context.command_path
    text = _message(error)
    output.print_error(f"{escape_control(text)}\n\nhelp: {path} -h")
    if context is not None:
        output.note_environment(set_in_environment(context))
    if _is_json(own):
        from stagekit.cli.documents import as_text, error_document

        output.print_result(as_text(error_document("error", ExitCode.USAGE, text)))
    return ExitCode.USAGE


def _is_json(given: Sequence[str]) -> bool:
    """Tell whether a command line that click has given up on asks for a document."""
    words = [*given, ""]
    is_graph = given[:1] == ["graph"]
    formats = [w.partition("=")[2] or n for w, n in zip(words, words[1:]) if "--format" in w]
    return "--json" in given or _is_on("STAGEKIT_JSON") or (is_graph and "json" in formats)


def _is_on(variable: str) -> bool:
    try:
        return bool(click.BOOL.convert(os.environ.get(variable) or "0", None, None))
    except click.BadParameter:
        return False


def _message(error: click.ClickException) -> str:
    missing = error.param if isinstance(error, click.MissingParameter) else None
    if missing is None or missing.name != "target":
        return error.format_message()
    from stagekit.cli.suggestions import scripts

    taken = _taken_by_show(error)
    if taken:
        return (
            f"TARGET is missing, as --show has taken {taken!r}; write TARGET first: {taken} --show"
        )
    here = ", ".join(scripts("."))
    return f"TARGET is missing; name a module or a file{f', such as {here}' if here else ''}"


def _taken_by_show(error: click.ClickException) -> str:
    """Return what --show has taken for its STAGE."""
    context = getattr(error, "ctx", None)
    shown = () if context is None else context.params.get("show") or ()
    return str(shown[-1]) if shown and shown[-1] else ""


def _color_of(given: Sequence[str]) -> ColorChoice:
    """Return ``--color`` of a command line that click has given up on."""
    for number, word in enumerate(given):
        said = given[number + 1 : number + 2] if word == "--color" else [word.partition("=")[2]]
        if word.partition("=")[0] == "--color" and said in [[each.value] for each in ColorChoice]:
            return ColorChoice(said[0])
    said = [os.environ.get("STAGEKIT_COLOR", "")]
    return (
        ColorChoice(said[0]) if said in [[each.value] for each in ColorChoice] else ColorChoice.AUTO
    )


def _print_version(context: click.Context, _: click.Parameter, value: object) -> None:
    if value and not context.resilient_parsing:
        from stagekit.cli.version import version_line

        Output().print_result(version_line())
        context.exit()


@click.group(
    cls=Group,
    invoke_without_command=True,
    subcommand_metavar="COMMAND [ARGS]...",
    examples=(
        ("stagekit run shop", "Run all stages of the module shop in parallel."),
        (
            "stagekit plan shop --select +report",
            "Show what would run for report, and in which order.",
        ),
    ),
)
@click.option(
    "-V",
    "--version",
    is_flag=True,
    expose_value=False,
    is_eager=True,
    callback=_print_version,
    help="Print the version.",
)
@click.pass_context
def stagekit(context: click.Context, /) -> None:
    """Run scripts of decorated functions as checked, parallel pipelines.

    TARGET of a command is pkg.mod, pkg.mod:attribute, path/file.py or path/file.py:attribute; the
    attribute is a stage, a Registry, a Plan, or a list of stages.
    """
    if context.invoked_subcommand is None:
        click.echo(context.get_help())


@stagekit.command(
    cls=Command,
    takes_arguments=True,
    examples=(
        (
            "stagekit run flows/shop.py --workers 8 --keep-going",
            "Run on 8 workers and continue after a failure.",
        ),
        (
            "stagekit run shop:report -- --year 2013",
            "Run report and what it needs; pass --year 2013 to stages.",
        ),
    ),
)
@target_argument
@selection_options
@help_params_option
@running_options
@json_option("the result of every stage")
@click.option(
    "--show",
    multiple=True,
    is_flag=False,
    flag_value="",
    type=StageName(),
    metavar="[STAGE]",
    help="Print the value of STAGE; without STAGE, of the target.",
)
@click.option(
    "--output",
    "outputs",
    multiple=True,
    type=StageFile(),
    metavar="STAGE=FILE",
    help="Write the value of STAGE to a .json, .csv, .parquet, .pickle or .txt file.",
)
@click.option(
    "--events",
    type=File(),
    metavar="FILE|-",
    help="Write events as JSON lines while the run goes on.",
)
@click.option(
    "--junit-xml",
    metavar="FILE",
    type=File(),
    help="Write the stages as test results, for CI servers.",
)
@choice_option(
    "--prints",
    PrintsChoice,
    "Prints of stages: grouped when a stage ends, prefixed with its name, or raw; auto: prefixed "
    "on a terminal, else grouped, and raw where one stage runs at a time.",
)
@click.option(
    "--durations",
    type=Number(int, 0, "a whole number from 0 on"),
    metavar="N",
    help="List the N slowest stages after the run; 0 lists all.",
)
@click.option("-q", "--quiet", is_flag=True, help="Print only failures and the summary.")
@click.option("-v", "--verbose", count=True, help="Print inputs of stages; -vv: the log, too.")
@choice_option("--progress", ProgressChoice, "Progress display: rich redraws, plain writes lines.")
@color_option
@tb_option
@click.pass_context
def run(context: click.Context, /, target: Where, tb: str, color: str, **options: Any) -> int:
    """Run the stages of TARGET. Stages get the words after -- as Arguments."""
    from stagekit.cli.commands.run import RunRequest, run_target
    from stagekit.cli.progress import Watching
    from stagekit.cli.target import target_of

    is_json, events = options["is_json"], options["events"]
    _refuse_both(context, options, "keep_going", "fail_fast")
    _refuse_both(context, options, "quiet", "verbose")
    typed_wins(context, options, "seed", "shuffle")
    if is_json and events == "-":
        is_json, events = typed_wins(context, options, "is_json", "events")
    if is_json and events == "-":
        raise click.UsageError("--json and --events - both write to stdout; name a file", context)
    if options["show"] and is_json:
        _, is_json = typed_wins(context, options, "show", "is_json")
    if options["show"] and events == "-":
        _, events = typed_wins(context, options, "show", "events")
    if options["show"] and (is_json or events == "-"):
        both = "--json" if is_json else "--events -"
        text = f"{both} and --show both write to stdout; write --output STAGE=FILE"
        raise click.UsageError(text, context)
    if options["help_params"]:
        return _show_parameters(context, target, {**options, "tb": tb, "color": color})
    if options["junit_xml"] is not None:
        from stagekit.cli.junit import check_file

        wrong = check_file(options["junit_xml"])
        if wrong:
            raise click.UsageError(f"--junit-xml {options['junit_xml']}: {wrong}", context)
    request = RunRequest(
        target,
        context.meta["stagekit.arguments"],
        _selection(options),
        options,
        is_json,
        events,
        Watching(
            ProgressChoice(options["progress"]),
            options["quiet"],
            options["verbose"],
            PrintsChoice(options["prints"]),
        ),
        tb == "full",
        options["show"] or (),
        options["outputs"],
        options["junit_xml"],
    )
    common = CommandOptions(
        color,
        is_json,
        tb == "full",
        is_json or events == "-",
        target_of(target).text,
        options["junit_xml"],
    )
    return run_command(common, context.obj, lambda out: run_target(request, context.obj, out))


@stagekit.command(
    cls=Command,
    examples=(
        ("stagekit plan shop", "Show a table: levels, what each stage needs and gives."),
        ("stagekit plan shop --until report --json", "Print report and what it needs as JSON."),
    ),
)
@target_argument
@selection_options
@help_params_option
@json_option("the plan")
@color_option
@tb_option
@click.pass_context
def plan(context: click.Context, /, target: str, **options: Any) -> int:
    """Check the stages of TARGET and print what would run. No stage is called."""
    from stagekit.cli.commands.plan import show_plan

    if options["help_params"]:
        return _show_parameters(context, target, options)
    selection, is_json = _selection(options), options["is_json"]
    common = CommandOptions(options["color"], is_json, options["tb"] == "full")
    return run_command(
        common, context.obj, lambda out: show_plan(target, selection, out, is_json=is_json)
    )


@stagekit.command(
    "list",
    cls=Command,
    examples=(
        ("stagekit list shop", "List every stage with its place, tags and description."),
        ("stagekit list flows/shop.py --json", "Print the same as JSON, with full ids."),
    ),
)
@target_argument
@json_option("the stages")
@color_option
@tb_option
@click.pass_context
def list_(context: click.Context, /, target: str, **options: Any) -> int:
    """List the stages of TARGET without checking the pipeline."""
    from stagekit.cli.commands.list import list_stages

    is_json = options["is_json"]
    common = CommandOptions(options["color"], is_json, options["tb"] == "full")
    return run_command(common, context.obj, lambda out: list_stages(target, out, is_json=is_json))


@stagekit.command(
    cls=Command,
    examples=(
        ("stagekit graph shop", "Draw the graph with characters."),
        ("stagekit graph shop -o shop.svg", "Write a picture; .png, .dot and .mmd work, too."),
    ),
)
@target_argument
@selection_options
@click.option(
    "--format",
    "graph_format",
    type=Choice(("tree", "mermaid", "dot", "svg", "json")),
    metavar="tree|mermaid|dot|svg|json",
    help="What to print (default: tree).",
)
@click.option(
    "-o",
    "--output",
    "file",
    type=File(),
    metavar="FILE",
    help="Write to FILE: .svg, .png, .dot, .mmd, .json or .txt.",
)
@click.option("--unfold", is_flag=True, help="Draw every stage, and no box for several equal ones.")
@color_option
@tb_option
@click.pass_context
def graph(context: click.Context, /, target: str, **options: Any) -> int:
    """Draw the stages of TARGET. No stage is called."""
    from stagekit.cli.commands.graph import GraphFormat, GraphRequest, show_graph

    selection, said, file = _selection(options), options["graph_format"], options["file"]
    request = GraphRequest(said and GraphFormat(said), file, not options["unfold"])
    is_json = said == "json" and file is None
    common = CommandOptions(options["color"], is_json, options["tb"] == "full")
    return run_command(common, context.obj, lambda out: show_graph(target, selection, out, request))


@stagekit.command(
    cls=Command,
    takes_arguments=True,
    examples=(
        ("stagekit bench shop --executors inline,threads --save base.json", "Measure and save."),
        (
            "stagekit bench shop --compare base.json --fail-over 10%",
            "Exit with code 6 if it got slower.",
        ),
    ),
)
@target_argument
@selection_options
@click.option("--repeat", metavar="N", default="20", help="Measure N rounds (default 20).")
@click.option("--warmup", metavar="N", default="3", help="Run N rounds before (default 3).")
@click.option(
    "--executors",
    metavar="NAMES",
    default="auto",
    help="Measure on each of these: inline,threads,processes.",
)
@some_running_options(*BENCH_OPTIONS)
@click.option("--memory", metavar="tracemalloc|rss", help="Measure memory, too.")
@click.option("--save", type=File(), metavar="FILE", help="Save the measurements.")
@click.option(
    "--compare", type=File(), metavar="FILE", help="Compare with a file that --save wrote."
)
@click.option(
    "--fail-over",
    metavar="N%",
    help="Exit with code 6 if runs got more than N% slower and it is not noise.",
)
@click.option("--what-if", metavar="N,N", help="Estimate how long N workers would take.")
@json_option("the measurements")
@color_option
@tb_option
@click.pass_context
def bench(context: click.Context, /, target: str, tb: str, color: str, **options: Any) -> int:
    """Measure how long the stages of TARGET take."""
    from stagekit._options import RUNNING
    from stagekit.cli.commands.bench import BenchRequest, bench_target
    from stagekit.cli.running import typed_options

    is_json, is_full = options["is_json"], tb == "full"
    running = typed_options([each for each in RUNNING if each.name in BENCH_OPTIONS], options)
    running["arguments"] = context.meta["stagekit.arguments"]
    request = BenchRequest(
        target=target,
        selection=_selection(options),
        running=running,
        typed=options,
        is_json=is_json,
        is_full=is_full,
    )
    common = CommandOptions(color, is_json, is_full)
    return run_command(common, context.obj, lambda out: bench_target(request, context.obj, out))


@stagekit.command(
    cls=Command,
    examples=(
        ("stagekit explain SK201", "Explain error[SK201]."),
        ("stagekit explain", "List all codes."),
    ),
)
@click.argument("code", required=False, type=CodeName())
@json_option("the pages")
@color_option
@click.pass_context
def explain(context: click.Context, /, code: Optional[str], color: str, *, is_json: bool) -> int:
    """Explain an error code: cause, example and fix."""
    from stagekit.cli.commands.explain import explain_code

    common = CommandOptions(color, is_json)
    return run_command(common, context.obj, lambda out: explain_code(code, out, is_json=is_json))


@stagekit.command(
    cls=Command,
    examples=(
        ('eval "$(stagekit completion bash)"', "A line for ~/.bashrc; zsh has ~/.zshrc."),
        (
            "stagekit completion fish > ~/.config/fish/completions/stagekit.fish",
            "Once; fish finds it there.",
        ),
    ),
)
@click.argument("shell", type=Choice(("bash", "zsh", "fish")), metavar="bash|zsh|fish")
@click.pass_context
def completion(context: click.Context, /, shell: str) -> int:
    """Print the script that lets Tab complete in a shell."""
    from stagekit.cli.shells import SCRIPTS

    def show(output: Output) -> ExitCode:
        output.print_result(SCRIPTS[shell])
        return ExitCode.OK

    return run_command(CommandOptions(), context.obj, show)


def _show_parameters(context: click.Context, target: Where, options: Any) -> int:
    from stagekit.cli.commands.parameters import show_parameters

    selection, is_json = _selection(options), options["is_json"]
    common = CommandOptions(options["color"], is_json, options["tb"] == "full")
    return run_command(
        common, context.obj, lambda out: show_parameters(target, selection, out, is_json=is_json)
    )


def _selection(options: Any) -> Selection:
    from stagekit._options import PLANNING
    from stagekit.cli.planning import Selection
    from stagekit.cli.running import typed_options

    others = typed_options(PLANNING, options)
    select, exclude = others.pop("select"), others.pop("exclude")
    start, end, adopts = (options[name] for name in ("start", "end", "adopt"))
    return Selection(select, exclude, start, end, others, adopts)


def _refuse_both(context: click.Context, options: Any, *names: str) -> None:
    typed_wins(context, options, *names)
    if all(options[name] for name in names):
        first, second = (f"--{name.replace('_', '-')}" for name in names)
        raise click.UsageError(f"{first} and {second} contradict each other", context)
