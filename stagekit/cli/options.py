"""Options that several commands share, and the checks of their values."""

from __future__ import annotations

import enum
from typing import Any, Callable, Optional, Tuple, Type, TypeVar

import click

from stagekit._base.text import did_you_mean, escape_control
from stagekit.cli.terminal import ColorChoice

__all__ = [
    "COUNT",
    "Choice",
    "choice_option",
    "color_option",
    "json_option",
    "selection_options",
    "target_argument",
    "tb_option",
]

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


COUNT = Count()


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
