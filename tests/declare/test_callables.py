"""Where a stage is defined: the line of its ``def``."""

from __future__ import annotations

import functools
import linecache
import sys
from typing import Any, Callable, Dict, Optional, Tuple, TypeVar

import pytest

from stagekit._declare.callables import locate

F = TypeVar("F", bound=Callable[..., Any])


def noted(*_: object) -> Callable[[F], F]:
    """Return a decorator with arguments that wraps."""

    def decorate(fn: F) -> F:
        @functools.wraps(fn)
        def wrapper(*args: object) -> object:
            return fn(*args)

        return wrapper  # type: ignore[return-value]  # pyright: ignore[reportReturnType]

    return decorate


# The line of each is told by its comment.
def plain() -> None:  # plain
    """Do nothing."""


@noted(
    1,
    2,
)
@noted()
def wrapped() -> None:  # wrapped
    """Do nothing."""


@noted()
async def waiting() -> None:  # waiting
    """Do nothing."""


class Shop:  # Shop
    """A class."""

    def method(self) -> None:  # method
        """Do nothing."""

    def __call__(self) -> None:  # call
        """Do nothing."""


anonymous = lambda: None  # noqa: E731  # anonymous


def line_of(mark: str) -> int:
    """Return the line of this file that ends with a comment."""
    with open(__file__, encoding="utf-8") as file:  # noqa: PTH123 - shorter
        (found,) = [n for n, line in enumerate(file, 1) if line.rstrip().endswith(f"# {mark}")]
    return found


PLACES: Dict[str, Any] = {
    "plain": plain,
    "wrapped": wrapped,
    "waiting": waiting,
    "Shop": Shop,
    "method": Shop().method,
    "call": Shop(),
    "anonymous": anonymous,
}


@pytest.mark.parametrize("mark", PLACES)
def test_the_line_is_that_of_the_definition(mark: str) -> None:
    """Not of the first decorator, and not of the wrapper inside it."""
    found = locate(PLACES[mark])
    assert found is not None
    assert (__file__, line_of(mark)) == (found.file, found.line)


def test_a_partial_is_where_its_function_is() -> None:
    """However deep."""
    assert locate(plain) == locate(functools.partial(functools.partial(plain)))


@pytest.mark.parametrize("fn", [len, "".join, type("Made", (), {}), sys.getsizeof], ids=repr)
def test_what_has_no_source_has_no_place(fn: Callable[..., object]) -> None:
    """Builtins, and classes made at run time."""
    assert locate(fn) is None


def made_of(source: str) -> Tuple[Any, Optional[int]]:
    """Return a function whose source is in no file, and the line told for it."""
    names: Dict[str, Any] = {}
    exec(compile(source, "<nowhere>", "exec"), names)  # noqa: S102 - the sources below
    found = locate(names["fn"])
    assert found is not None
    assert "<nowhere>" == found.file
    return names["fn"], found.line


def test_a_function_whose_source_is_gone_is_at_its_first_line() -> None:
    """What the interpreter remembers is all there is."""
    assert 2 == made_of("\ndef fn(): ...")[1]


def test_wrappers_that_go_round_in_a_circle_end() -> None:
    """A function that is said to wrap itself is where it is."""
    fn, line = made_of("def fn(): ...")
    fn.__wrapped__ = fn
    found = locate(fn)
    assert found is not None
    assert line == found.line


def test_a_long_list_of_decorators_ends() -> None:
    """Far below the first decorator nobody looks any more."""
    source = "@same\n" * 60 + "def fn(): ...\n"
    lines = [*source.splitlines(keepends=True)]
    linecache.cache["<long>"] = (len(source), None, lines, "<long>")
    names: Dict[str, Any] = {"same": lambda fn: fn}  # pyright: ignore[reportUnknownLambdaType]
    exec(compile(source, "<long>", "exec"), names)  # noqa: S102 - the source above
    found = locate(names["fn"])
    assert found is not None
    assert 1 <= found.line <= 61
