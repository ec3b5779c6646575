"""Options that several commands share, and the checks of their values."""

from __future__ import annotations

import enum
import math
from typing import TYPE_CHECKING, Any, Callable, Iterable, List, Optional, Tuple, Type, TypeVar

import click

from stagekit._base.executor_names import NAMES
from stagekit._base.ports import is_cluster
from stagekit._base.text import did_you_mean, escape_control
from stagekit._options import PLANNING, RUNNING, Flag
from stagekit.cli.output import ColorChoice

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem

    from stagekit.cli.completion import Outline

F = TypeVar("F", bound=Callable[..., Any])


class Traceback(enum.Enum):
    """The values of ``--tb``."""

    SHORT = "short"
    FULL = "full"


if TYPE_CHECKING:
    _ParamType = click.ParamType[Any, Any]  # generic since click 8.4
else:
    _ParamType = click.ParamType


class Choice(_ParamType):
    """One word of several; a word that is none of them gets its near misses."""

    name = "choice"

    def __init__(self, words: Tuple[str, ...]) -> None:
        self.words = words

    def convert(
        self, value: Any, param: Optional[click.Parameter], ctx: Optional[click.Context]
    ) -> str:
        """Return the word.

        Raises:
            BadParameter: it is none of the words.
        """
        if value in self.words:
            return str(value)
        near = did_you_mean(str(value), self.words)
        hint = (
            f"did you mean {' or '.join(near)}?" if near else f"there are {', '.join(self.words)}"
        )
        raise click.BadParameter(f"there is no {escape_control(str(value))!r}; {hint}", ctx, param)

    def shell_complete(
        self,
        ctx: click.Context,  # noqa: ARG002
        param: click.Parameter,  # noqa: ARG002
        incomplete: str,
    ) -> List[CompletionItem]:
        """Return the words that begin so."""
        from click.shell_completion import CompletionItem

        return [CompletionItem(each) for each in self.words if each.startswith(incomplete)]


class Executor(Choice):
    """The name of an executor, or the address of a Dask cluster."""

    name = "executor"

    def convert(
        self, value: Any, param: Optional[click.Parameter], ctx: Optional[click.Context]
    ) -> str:
        """Return it; raises as of a word."""
        return str(value) if is_cluster(value) else super().convert(value, param, ctx)


class Number(_ParamType):
    """A number with a lower bound; click's own ranges take ``nan``, and say less of a word.

    Args:
        kind: ``int`` or ``float``.
        least: the least number that is taken; infinity is not.
        meaning: what is taken, for people.
    """

    name = "number"

    def __init__(self, kind: Callable[[str], float], least: float, meaning: str) -> None:
        self._kind = kind
        self._least = least
        self._meaning = meaning

    def convert(
        self, value: Any, param: Optional[click.Parameter], ctx: Optional[click.Context]
    ) -> float:
        """Return the number.

        Raises:
            BadParameter: it is none, or out of bounds.
        """
        try:
            number = self._kind(value)
        except ValueError:
            number = -math.inf
        if not self._least <= number < math.inf:
            text = f"takes {self._meaning}, got {escape_control(str(value))!r}"
            raise click.BadParameter(text, ctx, param)
        return number


class Limit(_ParamType):
    """``NAME=N``: how many slots of a name there are."""

    name = "limit"

    def convert(
        self, value: Any, param: Optional[click.Parameter], ctx: Optional[click.Context]
    ) -> Tuple[str, int]:
        """Return name and number.

        Raises:
            BadParameter: there is no name, or no whole number from 1 on.
        """
        if isinstance(value, tuple):  # click converts what it has converted
            return value  # pyright: ignore[reportUnknownVariableType]
        name, _, number = str(value).partition("=")
        if not name or not number.isdecimal() or int(number) < 1:
            shown = escape_control(str(value))
            text = f"takes a name and a whole number from 1 on, such as db=4; got {shown!r}"
            raise click.BadParameter(text, ctx, param)
        return name, int(number)


class _Completed(_ParamType):
    """A text that is not converted: whoever uses it says what is wrong. Here it is completed."""

    name = "text"

    def offered(self, ctx: click.Context, word: str) -> Iterable[Tuple[str, str]]:
        """Return what a word may become, each with what it is."""
        raise NotImplementedError

    def shell_complete(
        self,
        ctx: click.Context,
        param: click.Parameter,  # noqa: ARG002
        incomplete: str,
    ) -> List[CompletionItem]:
        """Return what a shell offers."""
        from click.shell_completion import CompletionItem

        offered = dict(self.offered(ctx, incomplete))
        return [
            CompletionItem(each, help=text or None)
            for each, text in offered.items()
            if each.startswith(incomplete)
        ]


def _outline(ctx: click.Context) -> Outline:
    """Return what the file of TARGET tells, read without importing it."""
    from stagekit.cli.completion import Outline, outline

    target = ctx.params.get("target") or next(iter(ctx.args), "")  # where parsing gave up
    found = outline([str(target)], adopts=bool(ctx.params.get("adopt")))
    return Outline([], takes_arguments=False) if found is None else found


class Assignment(_Completed):
    """``NAME=VALUE``: a parameter of TARGET, and for its value a file."""

    def offered(self, ctx: click.Context, word: str) -> Iterable[Tuple[str, str]]:
        """Return parameters, or files."""
        if "=" not in word:
            return [(f"{each}=", "") for each in _outline(ctx).parameters]
        from stagekit.cli.completion import paths

        name, _, value = word.partition("=")
        return [(f"{name}={each}", "") for each in paths(value)]


class File(_Completed):
    """The path of a file."""

    def offered(self, ctx: click.Context, word: str) -> Iterable[Tuple[str, str]]:  # noqa: ARG002
        """Return files and folders."""
        from stagekit.cli.completion import paths

        return [(each, "") for each in paths(word)]


class TargetName(_Completed):
    """TARGET."""

    def offered(self, ctx: click.Context, word: str) -> Iterable[Tuple[str, str]]:  # noqa: ARG002
        """Return files, modules and their stages."""
        from stagekit.cli.completion import targets

        return targets(word)


class StageName(_Completed):
    """The name of a stage of TARGET."""

    def offered(self, ctx: click.Context, word: str) -> Iterable[Tuple[str, str]]:  # noqa: ARG002
        """Return the names of stages."""
        return _outline(ctx).stages.items()


class StageWords(_Completed):
    """Words that select stages: names, also behind ``+`` and ``@``, and tags."""

    def offered(self, ctx: click.Context, word: str) -> Iterable[Tuple[str, str]]:
        """Return names and tags."""
        name = word.lstrip("+@0123456789")
        before, found = word[: len(word) - len(name)], _outline(ctx)
        named = [(f"{before}{each}", text) for each, text in found.stages.items()]
        return [*named, *((f"{before}tag:{each}", "") for each in found.tags)]


class StageFile(_Completed):
    """``STAGE=FILE``."""

    def offered(self, ctx: click.Context, word: str) -> Iterable[Tuple[str, str]]:
        """Return the names of stages, or files."""
        if "=" in word:
            return Assignment().offered(ctx, word)
        return [(f"{each}=", text) for each, text in _outline(ctx).stages.items()]


class CodeName(_Completed):
    """The code of an error."""

    def offered(self, ctx: click.Context, word: str) -> Iterable[Tuple[str, str]]:  # noqa: ARG002
        """Return the codes, each with its title."""
        from stagekit.cli.commands.explain import page
        from stagekit.errors import Code

        return [(each.value, page(each).title) for each in Code]


_TYPES = {  # of what follows a flag, by its kind
    "count": Number(int, 1, "a whole number from 1 on"),
    "seconds": Number(float, 0, "a number of seconds"),
    "number": click.INT,
    "slot": Limit(),
    "words": StageWords(),
    "executor": Executor(NAMES),
    "assignments": Assignment(),
    "file": File(),
}
_REPEATED = ("slot", "words", "assignments")


def option_of(flag: Flag) -> Callable[[F], F]:
    """Return the option that click makes of a flag of the table of options."""
    if flag.kind == "switch":
        return click.option(*flag.names, is_flag=True, help=flag.help)
    return click.option(
        *flag.names,
        type=_TYPES[flag.kind],
        multiple=flag.kind in _REPEATED,
        metavar=flag.metavar,
        help=flag.help,
    )


def choice_option(flag: str, kind: Type[enum.Enum], help_text: str) -> Callable[[F], F]:
    """Take an option whose values are those of an enum; the first one is the default."""
    choice = Choice(tuple(each.value for each in kind))
    return click.option(
        flag, type=choice, metavar="|".join(choice.words), default=choice.words[0], help=help_text
    )


def target_argument(function: F) -> F:
    """Take TARGET."""
    return click.argument("target", metavar="TARGET", type=TargetName())(function)


def color_option(function: F) -> F:
    """Take ``--color``."""
    text = "Colour the output; auto: on a terminal, unless NO_COLOR is set."
    return choice_option("--color", ColorChoice, text)(function)


def json_option(what: str) -> Callable[[F], F]:
    """Take ``--json``."""
    return click.option("--json", "is_json", is_flag=True, help=f"Print {what} as JSON.")


def tb_option(function: F) -> F:
    """Take ``--tb``."""
    return choice_option(
        "--tb", Traceback, "Tracebacks: short shows only the frames of your code."
    )(function)


def help_params_option(function: F) -> F:
    """Take ``--help-params``."""
    text = "List the parameters that you can set, and exit."
    return click.option("--help-params", is_flag=True, help=text)(function)


def running_options(function: F) -> F:
    """Take ``--executor`` and all else that says how stages run."""
    return some_running_options(*(option.name for option in RUNNING))(function)


def some_running_options(*names: str) -> Callable[[F], F]:
    """Take the flags of some options of a run."""

    def take(function: F) -> F:
        flags = [flag for option in RUNNING if option.name in names for flag in option.flags]
        for flag in reversed(flags):
            function = option_of(flag)(function)
        return function

    return take


def selection_options(function: F) -> F:
    """Take ``--select`` and its like."""
    narrow = (
        click.option(
            "--from",
            "start",
            type=StageName(),
            metavar="NAME",
            help="Start at NAME: run it and all that needs it.",
        ),
        click.option(
            "--until",
            "end",
            type=StageName(),
            metavar="NAME",
            help="Stop at NAME: run it and all that it needs.",
        ),
    )
    flags = [option_of(flag) for option in PLANNING for flag in option.flags]
    text = "Treat every public function of the module as a stage."
    adopt = click.option("--adopt", is_flag=True, help=text)
    for option in reversed((*flags, *narrow, adopt)):
        function = option(function)
    return function
