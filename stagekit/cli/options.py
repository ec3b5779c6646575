"""Options that several commands share, and the checks of their values."""

from __future__ import annotations

import enum
from typing import Any, Callable, Optional, Tuple, Type, TypeVar

import click

from stagekit._base.text import did_you_mean, escape_control
from stagekit.cli.terminal import ColorChoice

__all__ = ["Choice", "color_option", "json_option", "selection_options", "target_argument", "tb_option"]

F = TypeVar("F", bound=Callable[..., Any])
E = TypeVar("E", bound=enum.Enum)


class Choice(click.ParamType):
    """One word of several; a word that is none of them gets its near misses."""

    name = "choice"

    def __init__(self, words: Tuple[str, ...]) -> None:
        self.words = words

    @classmethod
    def of(cls, kind: Type[enum.Enum]) -> Choice:
        """Return a choice of the values of an enum."""
        return cls(tuple(each.value for each in kind))

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
        hint = f"did you mean {' or '.join(near)}?" if near else f"there are {', '.join(self.words)}"
        raise click.BadParameter(f"there is no {escape_control(str(value))!r}; {hint}", ctx, param)

    def get_metavar(self, param: click.Parameter, ctx: Optional[click.Context] = None) -> str:
        """Return how the help shows it."""
        return "|".join(self.words)


def target_argument(function: F) -> F:
    """Take TARGET."""
    return click.argument("target", metavar="TARGET")(function)


def color_option(function: F) -> F:
    """Take ``--color``."""
    return click.option(
        "--color",
        type=Choice.of(ColorChoice),
        default=ColorChoice.AUTO.value,
        help="Colour: auto is NO_COLOR, FORCE_COLOR, then the terminal.",
    )(function)


def json_option(what: str) -> Callable[[F], F]:
    """Take ``--json``."""
    return click.option("--json", "is_json", is_flag=True, help=f"Print {what} as JSON.")


def tb_option(function: F) -> F:
    """Take ``--tb``."""
    return click.option(
        "--tb",
        type=Choice(("short", "full")),
        default="short",
        help="Tracebacks: short has your frames only.",
    )(function)


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
