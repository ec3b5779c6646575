"""Options that several commands share, and the checks of their values."""

from __future__ import annotations

import enum
import math
from typing import Any, Callable, Optional, Tuple, Type, TypeVar

import click

from stagekit._base.ports import is_cluster
from stagekit._base.text import did_you_mean, escape_control
from stagekit.cli.output import ColorChoice

F = TypeVar("F", bound=Callable[..., Any])


class Traceback(enum.Enum):
    """The values of ``--tb``."""

    SHORT = "short"
    FULL = "full"


class Choice(click.ParamType):  # type: ignore[type-arg]  # generic since click 8.4  # pyright: ignore[reportMissingTypeArgument]
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


class Executor(Choice):
    """The name of an executor, or the address of a Dask cluster."""

    name = "executor"

    def convert(
        self, value: Any, param: Optional[click.Parameter], ctx: Optional[click.Context]
    ) -> str:
        """Return it; raises as of a word."""
        return str(value) if is_cluster(value) else super().convert(value, param, ctx)


class Count(click.ParamType):  # type: ignore[type-arg]  # as above  # pyright: ignore[reportMissingTypeArgument]
    """A whole number from 1 on."""

    name = "count"

    def convert(
        self, value: Any, param: Optional[click.Parameter], ctx: Optional[click.Context]
    ) -> int:
        """Return the number.

        Raises:
            BadParameter: it is none, or less than 1.
        """
        try:
            number = int(value)
        except ValueError:
            number = 0
        if number < 1:
            shown = escape_control(str(value))
            raise click.BadParameter(f"takes a whole number from 1 on, got {shown!r}", ctx, param)
        return number


class Seconds(click.ParamType):  # type: ignore[type-arg]  # as above  # pyright: ignore[reportMissingTypeArgument]
    """A number of seconds, 0 or more."""

    name = "seconds"

    def convert(
        self, value: Any, param: Optional[click.Parameter], ctx: Optional[click.Context]
    ) -> float:
        """Return the number.

        Raises:
            BadParameter: it is none, less than 0, or has no end.
        """
        try:
            number = float(value)
        except ValueError:
            number = -1.0
        if not 0 <= number < math.inf:
            shown = escape_control(str(value))
            raise click.BadParameter(f"takes a number of seconds, got {shown!r}", ctx, param)
        return number


class Limit(click.ParamType):  # type: ignore[type-arg]  # as above  # pyright: ignore[reportMissingTypeArgument]
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


COUNT, SECONDS, LIMIT = Count(), Seconds(), Limit()
EXECUTORS = ("auto", "inline", "threads", "processes", "dask")


def choice_option(flag: str, kind: Type[enum.Enum], help_text: str) -> Callable[[F], F]:
    """Take an option whose values are those of an enum; the first one is the default."""
    choice = Choice(tuple(each.value for each in kind))
    return click.option(
        flag, type=choice, metavar="|".join(choice.words), default=choice.words[0], help=help_text
    )


def target_argument(function: F) -> F:
    """Take TARGET."""
    return click.argument("target", metavar="TARGET")(function)


def color_option(function: F) -> F:
    """Take ``--color``."""
    text = "auto: NO_COLOR, FORCE_COLOR, then the terminal."
    return choice_option("--color", ColorChoice, text)(function)


def json_option(what: str) -> Callable[[F], F]:
    """Take ``--json``."""
    return click.option("--json", "is_json", is_flag=True, help=f"Print {what} as JSON.")


def tb_option(function: F) -> F:
    """Take ``--tb``."""
    return choice_option("--tb", Traceback, "Tracebacks: short has the frames of your code only.")(
        function
    )


def running_options(function: F) -> F:
    """Take ``--executor`` and all else that says how stages run."""
    for option in reversed(
        (
            click.option(
                "--executor",
                type=Executor(EXECUTORS),
                metavar="NAME",
                default="auto",
                help=f"{', '.join(EXECUTORS)}, or the address of a Dask scheduler; auto is inline "
                "where nothing could overlap, else threads.",
            ),
            click.option(
                "--workers", type=COUNT, metavar="N", help="How many plain stages run at once."
            ),
            click.option(
                "--limit",
                type=LIMIT,
                multiple=True,
                metavar="NAME=N",
                help="How many slots NAME there are; async=N: async stages at once.",
            ),
            click.option(
                "--deadline",
                type=SECONDS,
                metavar="SECONDS",
                help="When the whole run is cancelled; the exit code is 124.",
            ),
            click.option(
                "--grace",
                type=SECONDS,
                metavar="SECONDS",
                help="How long stages may take to end once they are asked to: 10 unless said.",
            ),
            click.option(
                "--rollback", is_flag=True, help="After a failure, undo what has succeeded."
            ),
            click.option(
                "--rollback-on-cancel", is_flag=True, help="With --rollback: after Ctrl-C, too."
            ),
            click.option(
                "--compensate-partial",
                is_flag=True,
                help="With --rollback: undo what has begun and failed, too.",
            ),
            click.option(
                "--seed",
                type=int,
                metavar="N",
                help="Start the stages that are ready in an order that N decides.",
            ),
            click.option(
                "--shuffle",
                is_flag=True,
                help="The same with a number by chance, which is printed.",
            ),
            click.option(
                "--keep-going", is_flag=True, help="After a failure, run all that does not need it."
            ),
            click.option(
                "--fail-fast", is_flag=True, help="After a failure, cancel stages that run."
            ),
        )
    ):
        function = option(function)
    return function


def selection_options(function: F) -> F:
    """Take ``--select`` and its like."""
    for option in reversed(
        (
            click.option(
                "-s",
                "--select",
                multiple=True,
                metavar="WORDS",
                help="Only these: a name, 'load*', tag:x, +a, a+, 2+a; may be repeated.",
            ),
            click.option(
                "--exclude",
                multiple=True,
                metavar="WORDS",
                help="All but these, in the same words.",
            ),
            click.option("--from", "start", metavar="NAME", help="NAME and all that needs it."),
            click.option("--until", "end", metavar="NAME", help="NAME and all that it needs."),
        )
    ):
        function = option(function)
    return function
