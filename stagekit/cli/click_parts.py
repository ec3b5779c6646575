"""Our click commands: examples in the help, near misses, options said once, ``--`` for stages."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any, Dict, Iterable, List, Mapping, Optional, Sequence, Tuple

import click
from click.core import ParameterSource

from stagekit._base.parameters import PREFIX
from stagekit._base.text import did_you_mean, escape_control
from stagekit._options import PLANNING

if TYPE_CHECKING:
    from stagekit.cli.completion import Outline

_COLUMNS = 80
_NARROW, _LEAST = 60, 24  # columns
_LONGEST = 200  # characters of what a command does
_CONTINUED = " \\"  # the line goes on below, for a shell, too
_MOST = 3  # parameters that are proposed
_PREFIX = "STAGEKIT_"
_NO_SETTINGS = {"help", "help_params", "set"}  # questions; and STAGEKIT_PARAM_... sets parameters
_ALIKE = 0.75
_FEWEST = 3  # letters that an option may be begun with
_OF_OTHER_TOOLS = {  # what the option of another program is called here
    **dict.fromkeys(("-j", "--jobs", "--parallel", "--threads", "--max-workers"), "--workers"),
    "--timeout": "--deadline",
    "--tag": "--select tag:NAME",
    "--param": "--set NAME=VALUE",
    "--dry-run": "stagekit plan",
}
_PLANNING = {"start", "end", "adopt"}.union(
    flag.parameter for option in PLANNING for flag in option.flags
)
_ENVIRONMENT = (
    "In the environment, STAGEKIT_COLOR=never stands for --color never, and so on for every option."
)


class _WithHelp(click.Command):
    """A command whose option ``--help`` looks for no translations: there are none of our texts."""

    _help: Optional[click.Option] = None

    def get_help(self, ctx: click.Context) -> str:
        """Return the help, in the width of the terminal: that of click has at least 50 columns."""
        from stagekit._base.columns import terminal_columns

        columns = terminal_columns()
        formatter = click.HelpFormatter(width=max(min(columns, _COLUMNS) - 2, _LEAST))
        self.format_help(ctx, formatter)
        return formatter.getvalue().rstrip("\n")

    def get_help_option(self, ctx: click.Context) -> Optional[click.Option]:  # noqa: ARG002
        """Return the option that prints the help."""
        if self._help is None:
            self._help = click.Option(
                ["-h", "--help"],
                is_flag=True,
                is_eager=True,
                expose_value=False,
                callback=_print_help,
                help="Show this message and exit.",
            )
        return self._help


class Command(_WithHelp):
    """A command whose help ends with examples.

    Args:
        examples: command lines, each with what it does.
        takes_arguments: whether the words after ``--`` reach the stages.
        script: the file of the script whose stages they are; empty where TARGET says it.
    """

    def __init__(
        self,
        *args: Any,  # Any: what click takes
        examples: Sequence[Tuple[str, str]] = (),
        takes_arguments: bool = False,
        script: str = "",
        **kwargs: Any,
    ) -> None:
        super().__init__(*args, **kwargs)
        self.examples = examples
        self.takes_arguments = takes_arguments
        self.script = script
        for option, variable in variables(self).items():
            option.envvar = variable

    def parse_args(self, ctx: click.Context, args: List[str]) -> List[str]:
        """Read the arguments, those for stages apart; refuse an option that is said twice."""
        own, rest = args, []
        if self.takes_arguments and "--" in args:
            at = args.index("--")
            own, rest = args[:at], args[at + 1 :]
        ctx.meta["stagekit.arguments"] = tuple(rest)
        try:
            if not ctx.resilient_parsing:  # for completion anything goes
                self._refuse_twice(ctx, own)
                ctx.allow_extra_args = True
            left = super().parse_args(ctx, list(own))
        except click.NoSuchOption as error:
            raise self._no_such_option(error, ctx, own) from None
        except click.BadParameter as error:
            if error.param is not None and _is_from_environment(ctx, error.param):
                error.param_hint = str(error.param.envvar)
            raise
        if left and not ctx.resilient_parsing:
            raise self._too_many(left, ctx)
        return left

    def invoke(self, ctx: click.Context) -> Any:  # Any: an exit code, as click does not know
        """Do what the command does; warn before of variables that are nearly those of options."""
        _warn_of_variables(ctx)
        return super().invoke(ctx)

    def _no_such_option(
        self, error: click.NoSuchOption, ctx: click.Context, own: Sequence[str]
    ) -> click.UsageError:
        """Return what to say of an option that is none; a parameter may be meant."""
        name, found = error.option_name, None
        if any(each.name == "params" for each in self.params):
            found = self._outline(ctx, [each for each in own if not each.startswith("-")])
        value = _value_of(name, own)
        typed = escape_control(name if value == "..." else f"{name} {_quoted(value)}")
        after = f"put arguments for stages that take `Arguments` after `--`: -- {typed}"
        if found is None and not any(each.name == "params" for each in self.params):
            return _no_such_option(error, ctx)
        if found is None:
            hint = f"set a parameter of a stage with --set {escape_control(name.lstrip('-'))}=..."
            hint += f"; {after}" if self.takes_arguments else ""
            return _no_such_option(error, ctx, hint)
        word = name.lstrip("-").replace("-", "_")
        meant = found.called(word)
        if meant:
            stages = " and ".join(f"`{each.partition('.')[0]}`" for each in meant)
            written = word if len(meant) == 1 else meant[0]
            text = f"`{word}` is a parameter of {stages}: --set {_quoted(f'{written}={value}')}"
            return click.UsageError(f"there is no option {escape_control(name)}; {text}", ctx)
        names = dict.fromkeys(each.partition(".")[2] for each in found.parameters)
        near = [f"--set {_quoted(f'{each}={value}')}" for each in did_you_mean(word, names)]
        shown = _either(found.parameters[:_MOST])
        hints = [f"--set sets {shown}"] if shown else []
        hints += [after] if self.takes_arguments and found.takes_arguments else []
        return _no_such_option(error, ctx, "; ".join(hints), near)

    def _outline(self, ctx: click.Context, words: Sequence[str]) -> Optional[Outline]:
        """Return what is known, without importing it, of the stages of a script, or of TARGET."""
        from stagekit.cli.completion import outline

        target = self.script or ctx.params.get("target")
        return outline([str(target)] if target else words)

    def _too_many(self, words: Sequence[str], ctx: click.Context) -> click.UsageError:
        """Return what to say of words that nothing is left to take."""
        shown = [_quoted(word) for word in words]
        text, line = f"nothing takes {' '.join(shown)}", ctx.command_path
        if any(isinstance(each, click.Argument) for each in self.params):  # a script has none
            target = _quoted(str(ctx.params.get("target") or next(iter(ctx.params.values()), "")))
            text, line = f"{text} after {target}", f"{line} {target}"
        known = {each.name for each in self.params}
        found = self._outline(ctx, ()) if "select" in known else None
        meant: List[str] = []
        if "select" in known and not any("." in word or "/" in word for word in words):
            select = " ".join([line, *(f"--select {word}" for word in shown)])
            meant.append(f"`{select}` (stages or tags)")
        if found is not None and found.parameters and len(words) == 1:
            is_one = len(found.parameters) == 1
            name = found.parameters[0] if is_one else "NAME"
            which = "a parameter" if is_one else f"NAME is {_either(found.parameters[:_MOST])}"
            meant.append(f"`{line} --set {name}={shown[0]}` ({which})")
        if self.takes_arguments and (found is None or found.takes_arguments or not meant):
            meant.append(f"`{' '.join([line, '--', *shown])}` (Arguments of the stages)")
        if meant:
            text += f"; did you mean {_either(meant)}?"
        return click.UsageError(text, ctx)

    def _refuse_twice(self, ctx: click.Context, args: List[str]) -> None:
        _, _, order = self.make_parser(ctx).parse_args(args=list(args))
        said: List[click.Parameter] = []
        for each in order:
            is_option = isinstance(each, click.Option) and not each.multiple and not each.count
            if is_option and each in said:
                raise click.UsageError(f"{each.opts[-1]} is given twice; give it once", ctx)
            said.append(each)

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the options; on a narrow terminal what each does stands below it."""
        options = [each for each in self.get_params(ctx) if isinstance(each, click.Option)]
        records = [each.get_help_record(ctx) for each in options]
        with formatter.section("Options"):
            _write_pairs([record for record in records if record is not None], formatter)

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002
        """Write below the options how the environment sets them, and the examples."""
        if variables(self):
            formatter.write_paragraph()
            formatter.write_text(_ENVIRONMENT)
        _format_examples(self.examples, formatter)

    def format_usage(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the usage line, with the words that may follow ``--``."""
        pieces = self.collect_usage_pieces(ctx)
        if self.takes_arguments:
            pieces.append("[-- ARGUMENTS...]")
        formatter.write_usage(ctx.command_path, " ".join(pieces))


class Group(_WithHelp, click.Group):
    """The command above all others."""

    def __init__(self, *args: Any, examples: Sequence[Tuple[str, str]] = (), **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.examples = examples

    def resolve_command(
        self, ctx: click.Context, args: List[str]
    ) -> Tuple[Optional[str], Optional[click.Command], List[str]]:
        """Find the command that a word means; a word that means none gets its near misses."""
        name = args[0]
        command = self.get_command(ctx, name)
        if command is not None:
            return name, command, args[1:]
        raise click.UsageError(_no_such_command(name, self.list_commands(ctx)), ctx)

    def parse_args(self, ctx: click.Context, args: List[str]) -> List[str]:
        """Read the options before the command."""
        try:
            return super().parse_args(ctx, args)
        except click.NoSuchOption as error:
            raise _no_such_option(error, ctx) from None

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002
        """Write the commands; on a narrow terminal what each does stands below it."""
        commands = self.commands.items()
        with formatter.section("Commands"):
            _write_pairs(
                [(name, each.get_short_help_str(_LONGEST)) for name, each in commands], formatter
            )

    def list_commands(self, ctx: click.Context) -> List[str]:  # noqa: ARG002
        """Return the commands in the order in which they are met."""
        return list(self.commands)

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002
        """Write the examples below the commands."""
        _format_examples(self.examples, formatter)


def variables(command: click.Command) -> Dict[click.Option, str]:
    """Return the options of a command that the environment sets, each with its variable.

    Example:
        >>> from stagekit.cli.app import stagekit
        >>> list(variables(stagekit.commands["explain"]).values())
        ['STAGEKIT_JSON', 'STAGEKIT_COLOR']
    """
    return {
        each: _PREFIX + each.opts[-1].lstrip("-").replace("-", "_").upper()
        for each in command.params
        if isinstance(each, click.Option) and each.name not in _NO_SETTINGS
    }


def set_in_environment(ctx: click.Context, *, plans: bool = False) -> List[str]:
    """Return ``VARIABLE=value`` for each option of a command that the environment has set.

    Args:
        ctx: of the command.
        plans: whether only those are meant that say what is planned, and how.
    """
    found = [
        str(each.envvar)
        for each in ctx.command.params
        if _is_from_environment(ctx, each) and not (plans and each.name not in _PLANNING)
    ]
    return [escape_control(f"{name}={os.environ.get(name, '')}") for name in found]


def _is_from_environment(ctx: click.Context, parameter: click.Parameter) -> bool:
    source = ctx.get_parameter_source(str(parameter.name))
    return source is ParameterSource.ENVIRONMENT


def typed_wins(ctx: click.Context, options: Dict[str, Any], *names: str) -> List[Any]:
    """Return some options, without those of the environment where another one is typed."""
    sources = {name: ctx.get_parameter_source(name) for name in names}
    if ParameterSource.COMMANDLINE in sources.values():
        for name, source in sources.items():
            if source is ParameterSource.ENVIRONMENT:
                options[name] = None
    return [options[name] for name in names]


def _warn_of_variables(ctx: click.Context) -> None:
    """Warn of variables whose names are nearly those of options, and set nothing."""
    set_there = [each for each in os.environ if each.startswith(_PREFIX)]
    if not set_there:
        return
    root = ctx.find_root().command
    commands = list(root.commands.values()) if isinstance(root, click.Group) else [root]
    known = {name for each in commands for name in variables(each).values()}
    unknown = [each for each in sorted(set_there) if each not in known]
    for name in unknown:
        if not name.startswith(PREFIX):
            hint = _variable_meant(name, known)
            if hint:
                from stagekit.cli.output import ColorChoice, Output

                output = Output(ColorChoice(ctx.params.get("color", "auto")))
                output.warn(f"{escape_control(name)} sets nothing; did you mean {hint}?")


def _variable_meant(name: str, known: Iterable[str]) -> str:
    import difflib

    if name == f"{_PREFIX}SET":
        return f"{PREFIX}NAME"
    words = {each[len(_PREFIX) :]: each for each in known}
    near = difflib.get_close_matches(name[len(_PREFIX) :], sorted(words), 1, _ALIKE)
    return words[near[0]] if near else ""


def _print_help(context: click.Context, _: click.Parameter, value: object) -> None:
    if value and not context.resilient_parsing:
        click.echo(context.get_help(), color=context.color)
        context.exit()


def _write_pairs(rows: Sequence[Tuple[str, str]], formatter: click.HelpFormatter) -> None:
    formatter.write_dl(rows, col_max=2 if formatter.width < _NARROW else 30)


def _format_examples(examples: Sequence[Tuple[str, str]], formatter: click.HelpFormatter) -> None:
    import textwrap

    with formatter.section("Examples"):
        for command, meaning in examples:
            indent = " " * formatter.current_indent
            room = formatter.width - len(_CONTINUED)
            lines = (
                textwrap.wrap(
                    command,
                    room,
                    initial_indent=indent,
                    subsequent_indent=f"{indent}    ",
                    break_long_words=False,
                    break_on_hyphens=False,
                )
                if len(indent + command) > formatter.width
                else [indent + command]
            )
            formatter.write(f"{_CONTINUED}\n".join(lines) + "\n")
            below = f"{indent}    "
            for line in textwrap.wrap(meaning, formatter.width - len(below)):
                formatter.write(f"{below}{line}\n")


def _no_such_command(word: str, known: Sequence[str]) -> str:
    shown = escape_control(word)
    near = did_you_mean(word, known)
    if near:
        return f"there is no command {shown!r}; did you mean {_either(near)}?"
    if word.endswith(".py") or ":" in word or "." in word:
        return f"there is no command {shown!r}; to run it write: stagekit run {shown}"
    return f"there is no command {shown!r}; there are {', '.join(known)}"


def _no_such_option(
    error: click.NoSuchOption, ctx: click.Context, hint: str = "", others: Sequence[str] = ()
) -> click.UsageError:
    typed = error.option_name
    known = [each for p in ctx.command.get_params(ctx) for each in (*p.opts, *p.secondary_opts)]
    # Those that click finds are too many: --slect would get --shuffle and --seed as well.
    words = [each[2:] for each in known if each.startswith("--")]
    word = typed.lstrip("-")
    begun = [each for each in words if len(word) >= _FEWEST and each.startswith(word)]
    near = [f"--{each}" for each in begun or did_you_mean(word, words)]
    elsewhere = _OF_OTHER_TOOLS.get(typed, "")
    if elsewhere.partition(" ")[0] in known or elsewhere.startswith("stagekit "):
        near = [elsewhere]
    takers = _commands_with(typed, ctx)
    text = f"there is no option {escape_control(typed)}"
    if near or others:
        text += f"; did you mean {_either([*near, *others])}?"
    elif takers:
        text += f" of {ctx.command.name}; {', '.join(takers)} {'have' if takers[1:] else 'has'} it"
    else:
        text += f" ({hint})" if hint else f"; {ctx.command_path} -h lists them"
    return click.UsageError(text, ctx)


def _commands_with(option: str, ctx: click.Context) -> List[str]:
    """Return the commands that have an option."""
    root = ctx.find_root().command
    commands: Mapping[str, click.Command] = root.commands if isinstance(root, click.Group) else {}
    return [name for name, each in commands.items() if any(option in p.opts for p in each.params)]


def _value_of(option: str, words: Sequence[str]) -> str:
    """Return what stands behind an option on a command line; dots for nothing."""
    for word, following in zip(words, (*words[1:], "")):
        name, is_assigned, value = word.partition("=")
        if name == option:
            value = value if is_assigned else "" if following.startswith("-") else following
            return value or "..."
    return "..."


def _quoted(word: str) -> str:
    import shlex

    return escape_control(shlex.quote(word))


def _either(words: Sequence[str]) -> str:
    return " or ".join(words)
