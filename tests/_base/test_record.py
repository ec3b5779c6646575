"""Records: what a class gets from its annotations."""

from __future__ import annotations

import copy
import inspect
import pickle
from typing import Any, List, Tuple

import pytest

from stagekit._base.record import Record, Row


class Point(Record):
    """A record with a default."""

    x: int
    y: int
    name: str = "here"


class Options(Record, kw_only=True):
    """A record whose fields have names only."""

    depth: int = 1
    text: str


class Pair(Row):
    """A record that can be unpacked."""

    left: str
    right: str = "r"


class Holder(Record):
    """A record of something without a hash."""

    value: List[int]


class Own(Record):
    """A record with a constructor of its own."""

    value: int

    def __init__(self, text: str) -> None:
        self.value = int(text)


class Older(Record):
    """A record that names its slots."""

    __slots__ = ("value",)

    def __init__(self, value: int) -> None:
        self.value = value


class Named(Older):
    """A record of a record."""

    __slots__ = ("name",)

    def __init__(self, value: int, name: str) -> None:
        super().__init__(value)
        self.name = name


def test_annotations_are_the_constructor() -> None:
    """Fields are taken in their order or by name, and defaults stand in."""
    assert (1, 2, "here") == (Point(1, 2).x, Point(1, 2).y, Point(1, 2).name)
    assert Point(1, 2, "there") == Point(name="there", y=2, x=1)
    assert ["x", "y", "name"] == list(inspect.signature(Point).parameters)
    assert (2, "a") == (Options(text="a", depth=2).depth, Options(text="a").text)
    assert 1 == Options(text="a").depth


def test_a_wrong_call_says_what_is_missing() -> None:
    """What is left out, or too much, is a ``TypeError`` that names the field."""
    with pytest.raises(TypeError, match=r"__init__\(\).* 'y'"):
        Point(1)  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
    with pytest.raises(TypeError, match=r"__init__\(\).* 'z'"):
        Point(1, 2, z=3)  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
    with pytest.raises(TypeError, match="positional"):
        Options("a")  # type: ignore[call-arg, arg-type]  # pyright: ignore[reportCallIssue]


def test_a_record_has_its_fields_and_no_others() -> None:
    """They are slots: there is no ``__dict__``, and no room for what nobody declared."""
    point = Point(1, 2)
    assert ("x", "y", "name") == vars(Point)["__slots__"]
    assert not hasattr(point, "__dict__")
    with pytest.raises(AttributeError):
        point.z = 3  # type: ignore[attr-defined]  # pyright: ignore[reportAttributeAccessIssue]


def test_records_are_equal_by_their_fields_and_class() -> None:
    """Equal records hash alike; another class, or another field, makes a difference."""
    assert Point(1, 2) == Point(1, 2)
    assert 1 == len({Point(1, 2), Point(1, 2)})
    assert Point(1, 2) != Point(1, 3)
    assert Pair("a", "b") != ("a", "b")
    assert Named(1, "a") != Named(2, "a")  # fields of its base count, too
    assert Named(1, "a") != Named(1, "b")
    unhashable: List[int] = []
    assert hash(Holder(unhashable)) == hash(Holder([1]))


def test_a_record_shows_its_fields() -> None:
    """The text of a record is a call that makes it."""
    assert "Point(1, 2, 'here')" == repr(Point(1, 2))
    assert "Named(1, 'a')" == repr(Named(1, "a"))


def test_a_row_can_be_unpacked() -> None:
    """Its fields come in their order."""
    left, right = Pair("a")
    assert ("a", "r") == (left, right)


@pytest.mark.parametrize("made", [Point(1, 2), Options(text="a"), Own("3"), Named(1, "a")])
def test_records_travel(made: Record) -> None:
    """Copies, and what comes out of a pickle, are equal to what went in."""
    texts: Tuple[bytes, ...] = tuple(pickle.dumps(made, protocol) for protocol in (2, 4, 5))
    assert [made, made, made] == [pickle.loads(text) for text in texts]  # noqa: S301
    assert made == copy.copy(made) == copy.deepcopy(made)


def test_a_constructor_of_its_own_is_kept() -> None:
    """A record may check or change what it is given."""
    assert 3 == Own("3").value
    assert 3 == Older(3).value


@pytest.mark.parametrize("count", range(11))
def test_a_record_keeps_up_to_ten_fields(count: int) -> None:
    """By place and by name."""
    names = [f"field{number}" for number in range(count)]
    annotations = dict.fromkeys(names, "int")
    made: Any = type("Made", (Record,), {"__annotations__": annotations, "__module__": __name__})
    values = list(range(count))
    for one in (made(*values), made(**dict(zip(names, values)))):
        assert values == [getattr(one, name) for name in names]
