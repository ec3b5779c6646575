"""Types of generic classes: what a type variable stands for in a method, an object or a class."""

from __future__ import annotations

import inspect
from dataclasses import InitVar, dataclass, field
from typing import Any, Dict, Generic, List, NewType, Tuple, TypeVar

import pytest

from stagekit import PlanError, Registry, plan, run
from stagekit._base.keys import describe

T = TypeVar("T")
U = TypeVar("U")


class Repo(Generic[T]):
    """A generic base class."""

    def load(self) -> List[T]:
        """Return all."""
        return []

    def first(self, found: List[T]) -> T:
        """Return the first one."""
        return found[0]

    @classmethod
    def empty(cls) -> Dict[str, T]:
        """Return none by name."""
        return {}


class IntRepo(Repo[int]):
    """Of one type."""


class Listed(Repo[List[U]], Generic[T, U]):
    """The variable of the base is another one, though it has the same name here."""

    def pair(self) -> Tuple[T, U]:
        """Return one of each."""
        raise AssertionError


class Leaf(Listed[str, int]):
    """Two levels below."""


class Box0(Generic[T]):
    """A generic class that nobody gave an argument."""


class Called(Generic[T]):
    """An object that is called."""

    def __call__(self) -> List[T]:
        return []


class CalledInt(Called[int]):
    """Of one type."""


class Other(Generic[T]):
    """Another generic class."""


class Both(Other[str], Repo[int]):
    """The second base has the methods."""


class OfClasses(Repo[Box0]):  # type: ignore[type-arg]  # pyright: ignore[reportMissingTypeArgument]
    """A class that is generic itself may be an argument."""


def provided(fn: Any) -> str:  # Any: whatever can be a stage
    """Return what a stage provides, as text."""
    registry = Registry()
    registry.add(fn, id="one")
    (keys,) = plan(registry=registry).provides
    return describe(keys[0])


@pytest.mark.parametrize(
    ("fn", "expected"),
    [
        (IntRepo().load, "list[int]"),
        (IntRepo.empty, "dict[str, int]"),
        (Repo[str]().load, "list[str]"),
        (Leaf().pair, "tuple[str, int]"),
        (Leaf().load, "list[list[int]]"),
        (CalledInt(), "list[int]"),
        (Both().load, "list[int]"),
        (OfClasses().load, "list[Box0]"),
    ],
)
def test_a_type_variable_stands_for_what_the_base_class_was_given(fn: Any, expected: str) -> None:
    """Of methods, class methods, objects, at any level."""
    assert expected == provided(fn)


def test_parameters_are_filled_by_it() -> None:
    """A method asks for the type that the variable stands for."""
    registry = Registry()
    registry.add(lambda: [3, 4], id="numbers", provides=List[int])
    first = registry.add(IntRepo().first)
    assert 3 == run(registry=registry)[first]


def test_an_open_variable_is_a_problem() -> None:
    """Nobody said what it stands for."""
    registry = Registry()
    registry.add(Repo().load)
    with pytest.raises(PlanError, match="the type variable `T` is open"):
        plan(registry=registry)


@dataclass
class Box(Generic[T]):
    """A generic dataclass."""

    item: T


class IntBox(Box[int]):
    """Its ``__init__`` is that of the base class."""


@dataclass
class Opened:
    """A dataclass that keeps something else than it takes."""

    start: InitVar[int]
    kept: int = field(default=0)

    def __post_init__(self, start: int) -> None:
        self.kept = start + 1


def three() -> int:
    """Return what the classes take."""
    return 3


def test_a_class_takes_what_its_base_was_given() -> None:
    """The ``__init__`` of a generic base class has the types of the subclass."""
    registry = Registry()
    registry.add(three)
    box = registry.add(IntBox)
    assert IntBox(3) == run(registry=registry)[box]


def test_init_vars_are_parameters_of_their_type() -> None:
    """``InitVar[int]`` asks for an ``int``."""
    registry = Registry()
    registry.add(three)
    opened = registry.add(Opened)
    assert 4 == run(registry=registry)[opened].kept


class Signed:
    """A class that hides its parameters behind a signature, as pydantic makes them."""

    def __init__(self, **data: Any) -> None:
        vars(self).update(data)


class Model(Signed):
    """It has another class's ``__init__``, and a signature of its own."""

    __signature__ = inspect.Signature(
        [inspect.Parameter("start", inspect.Parameter.KEYWORD_ONLY, annotation="Start")]
    )
    start: Start


Start = NewType("Start", int)


def test_a_signature_of_a_class_is_read_where_the_class_stands() -> None:
    """Its texts are not looked up where the inherited ``__init__`` does."""
    registry = Registry()
    registry.add(lambda: Start(5), id="start", provides=Start)
    model = registry.add(Model)
    assert 5 == run(registry=registry)[model].start
