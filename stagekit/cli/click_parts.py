"""Our click commands: examples in the help, near misses, options said once, ``--`` for stages."""

from __future__ import annotations

from typing import Any, List, Optional, Sequence, Tuple

import click

from stagekit._base.text import did_you_mean, escape_control

_SETTINGS = {"max_content_width": 80}
_COLUMNS = 80


class _WithHelp(click.Command):
    """A command whose option ``--help`` looks for no translations: there are none of our texts."""

    _help: Optional[click.Option] = None

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
    """

    def __init__(
        self,
        *args: Any,  # Any: what click takes
        examples: Sequence[Tuple[str, str]] = (),
        takes_arguments: bool = False,
        **kwargs: Any,
    ) -> None:
        kwargs.setdefault("context_settings", _SETTINGS)
        super().__init__(*args, **kwargs)
        self.examples = examples
        self.takes_arguments = takes_arguments

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
            raise _no_such_option(error, ctx, takes_arguments=self.takes_arguments) from None
        if left and not ctx.resilient_parsing:
            raise self._too_many(left, ctx)
        return left

    def _too_many(self, words: Sequence[str], ctx: click.Context) -> click.UsageError:
        """Return what to say of words that nothing is left to take."""
        import shlex

        shown = [escape_control(shlex.quote(word)) for word in words]
        text, line = f"nothing takes {' '.join(shown)}", ctx.command_path
        if any(isinstance(each, click.Argument) for each in self.params):  # a script has none
            first = ctx.params.get("target") or next(iter(ctx.params.values()), "")
            target = escape_control(shlex.quote(str(first)))
            text, line = f"{text} after {target}", f"{line} {target}"
        meant: List[str] = []
        if any(each.name == "select" for each in self.params):
            select = " ".join([line, *(f"--select {word}" for word in shown)])
            meant.append(f"`{select}` (stages or tags)")
        if self.takes_arguments:
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

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002
        """Write the examples below the options."""
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
        kwargs.setdefault("context_settings", _SETTINGS)
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
            raise _no_such_option(error, ctx, takes_arguments=False) from None

    def list_commands(self, ctx: click.Context) -> List[str]:  # noqa: ARG002
        """Return the commands in the order in which they are met."""
        return list(self.commands)

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002
        """Write the examples below the commands."""
        _format_examples(self.examples, formatter)


def _print_help(context: click.Context, _: click.Parameter, value: object) -> None:
    if value and not context.resilient_parsing:
        click.echo(context.get_help(), color=context.color)
        context.exit()


def _format_examples(examples: Sequence[Tuple[str, str]], formatter: click.HelpFormatter) -> None:
    with formatter.section("Examples"):
        for command, meaning in examples:
            formatter.write(f"{' ' * formatter.current_indent}{command}\n")
            formatter.write(f"{' ' * formatter.current_indent}    {meaning}\n")


def _no_such_command(word: str, known: Sequence[str]) -> str:
    shown = escape_control(word)
    near = did_you_mean(word, known)
    if near:
        return f"there is no command {shown!r}; did you mean {_either(near)}?"
    if word.endswith(".py") or ":" in word or "." in word:
        return f"there is no command {shown!r}; to run it write: stagekit run {shown}"
    return f"there is no command {shown!r}; there are {', '.join(known)}"


def _no_such_option(
    error: click.NoSuchOption, ctx: click.Context, *, takes_arguments: bool
) -> click.UsageError:
    name = escape_control(error.option_name)
    known = [each for p in ctx.command.get_params(ctx) for each in (*p.opts, *p.secondary_opts)]
    # Those that click finds are too many: --slect would get --shuffle and --seed as well.
    words = [each[2:] for each in known if each.startswith("--")]
    near = [f"--{each}" for each in did_you_mean(error.option_name.lstrip("-"), words)]
    text = f"there is no option {name}"
    if near:
        text += f"; did you mean {_either(near)}?"
    elif takes_arguments:
        text += f" (put arguments for your stages after `--`: -- {name})"
    else:
        text += f"; {ctx.command_path} -h lists them"
    return click.UsageError(text, ctx)


def _either(words: Sequence[str]) -> str:
    return " or ".join(words)
