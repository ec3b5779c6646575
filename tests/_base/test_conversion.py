"""Plain types: what they are, text and data that stand for their values, checks of values."""

from __future__ import annotations

import enum
import json
import uuid
from dataclasses import asdict, dataclass, field
from datetime import date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any, Dict, FrozenSet, List, NewType, Optional, Set, Tuple, Union

import pytest
from hypothesis import given
from hypothesis import strategies as st
from typing_extensions import Annotated, Literal

from stagekit import Named
from stagekit._base.conversion import (
    UnfitError,
    check,
    example,
    from_data,
    from_text,
    is_plain,
    shown,
)
from stagekit._base.keys import NamedKey, UnionOf, named, normalise

Folds = NewType("Folds", int)
NO_DAYS: List[int] = []


class Color(enum.Enum):
    """Values that are numbers."""

    RED = 1
    GREEN = 2


class Mode(enum.Enum):
    """Values that are texts, one of them the name of another member."""

    FAST = "fast"
    SLOW = "FAST"
    BOTH = ("a", 1)


@dataclass(frozen=True)
class Inner:
    """A dataclass of scalars."""

    a: int = 1
    b: Optional[str] = None


@dataclass
class Outer:
    """A dataclass of another one, and of a list."""

    inner: Inner
    days: List[int] = field(default_factory=lambda: [*NO_DAYS])
    made: int = field(default=0, init=False)


@dataclass
class Recursive:
    """A dataclass that holds itself."""

    inner: Optional[Recursive] = None


@dataclass
class Broken:
    """A dataclass whose annotation means nothing."""

    x: Nothing  # type: ignore[name-defined]  # noqa: F821  # pyright: ignore[reportUndefinedVariable]


@dataclass
class Open:
    """A dataclass with a field of any type."""

    x: Any


PLAIN: List[Any] = [
    *(str, int, float, bool, bytes, Path, Decimal, date, datetime, timedelta, uuid.UUID),
    *(Color, Mode, Literal["a", 1], Optional[int], List[int], Set[str], FrozenSet[int]),
    *(Tuple[int, str], Tuple[int, ...], Tuple[()], Dict[str, List[float]], Inner, Outer, Folds),
    Optional[List[Optional[date]]],
]
OTHERS: List[Any] = [
    *(list, dict, Union[int, str], List[Any], Recursive, Broken, Open, complex, type(None)),
    *(Optional[Union[int, str]], Dict[str, object], enum.Flag.__mro__[-2], Exception),
]


@pytest.mark.parametrize("kind", PLAIN, ids=str)
def test_a_type_whose_values_can_be_written_is_plain(kind: Any) -> None:
    """Also with a name, and there is an example of each."""
    key = normalise(kind)
    assert is_plain(key)
    assert is_plain(named(key, "n"))
    assert example(key)


@pytest.mark.parametrize("kind", [each for each in OTHERS if each is not enum.Enum], ids=str)
def test_any_other_type_is_not(kind: Any) -> None:
    """Unions, types of anything, and what refers to itself."""
    assert not is_plain(normalise(kind))


TEXTS: List[Tuple[Any, str, object]] = [
    (str, "5", "5"),
    (Optional[str], "null", "null"),
    (int, "-3", -3),
    (int, "1_000", 1000),
    (float, "1e3", 1000.0),
    (float, "2", 2.0),
    (bool, "true", True),
    (bool, "no", False),
    (bytes, "ä", "ä".encode()),
    (Path, "[1]", Path("[1]")),
    (Decimal, "1.20", Decimal("1.20")),
    (date, "2026-11-30", date(2026, 11, 30)),
    (datetime, "2026-11-30T12:00:00", datetime(2026, 11, 30, 12)),  # noqa: DTZ001
    (timedelta, "90", timedelta(seconds=90)),
    (timedelta, "01:30:00", timedelta(hours=1.5)),
    (timedelta, "PT5M", timedelta(minutes=5)),
    (
        uuid.UUID,
        "12345678-1234-5678-1234-567812345678",
        uuid.UUID(int=0x12345678123456781234567812345678),
    ),
    (Color, "2", Color.GREEN),
    (Color, "RED", Color.RED),
    (Mode, "fast", Mode.FAST),
    (Mode, "FAST", Mode.SLOW),
    (Mode, "BOTH", Mode.BOTH),
    (Literal[1, "b"], "1", 1),
    (Literal[1, "b"], "b", "b"),
    (Optional[int], "null", None),
    (Optional[int], "4", 4),
    (Folds, "4", 4),
    (List[int], "[1, 2]", [1, 2]),
    (Set[str], '["a"]', {"a"}),
    (Tuple[int, str], '[1, "a"]', (1, "a")),
    (Dict[int, float], '{"1": 2}', {1: 2.0}),
    (Outer, '{"inner": {"a": 2}, "days": [1]}', Outer(Inner(2), [1])),
    (NamedKey(int, "n"), "4", 4),
    (named(normalise(Optional[int]), "n"), "4", 4),
]


@pytest.mark.parametrize(("kind", "text", "value"), TEXTS, ids=[f"{t} {x}" for t, x, _ in TEXTS])
def test_a_text_is_converted_by_the_type(kind: Any, text: str, value: object) -> None:
    """A scalar is written as it is; what has parts, as JSON."""
    key = kind if isinstance(kind, (NamedKey, UnionOf)) else normalise(kind)
    found = from_text(text, key)
    assert (type(value), value) == (type(found), found)


INTEGER = "input should be a valid integer, unable to parse string as an integer"
WRONG_TEXTS: List[Tuple[Any, str, Tuple[str, ...]]] = [
    (int, "x", (INTEGER,)),
    (int, "1.5", (INTEGER,)),
    (int, "true", (INTEGER,)),
    (Optional[int], "", (INTEGER,)),
    (bool, "2", ("input should be a valid boolean, unable to interpret input",)),
    (float, "x", ("input should be a valid number, unable to parse string as a number",)),
    (datetime, "2026", ("input should be a valid datetime, not a number",)),
    (Color, "3", ("input should be 1 or 2",)),
    (Literal["a", "b"], "c", ("input should be 'a' or 'b'",)),
    (List[int], "1", ("input should be a valid array",)),
    (List[int], "[1],[2]", ("it is not JSON: Extra data: line 1 column 4 (char 3)",)),
    (Set[str], '"abc"', ("input should be a valid array",)),
    (Tuple[int, str], "[1]", ("[1]: field required",)),
    (
        Outer,
        '{"inner": {"q": 1}, "days": [1, true, "3"]}',
        (
            "inner.q: unexpected keyword argument",
            "days[1]: input should be a valid integer",
            "days[2]: input should be a valid integer",
        ),
    ),
]


@pytest.mark.parametrize(
    ("kind", "text", "why"), WRONG_TEXTS, ids=[f"{t} {x}" for t, x, _ in WRONG_TEXTS]
)
def test_a_text_that_stands_for_no_value_is_refused(
    kind: Any, text: str, why: Tuple[str, ...]
) -> None:
    """With a line for each part that is wrong."""
    with pytest.raises(UnfitError) as caught:
        from_text(text, normalise(kind))
    assert why == caught.value.mistakes


def test_of_very_many_mistakes_the_first_are_told() -> None:
    """And how many more there are."""
    with pytest.raises(UnfitError) as caught:
        from_text(json.dumps(["x"] * 9), normalise(List[int]))
    assert 6 == len(caught.value.mistakes)
    assert "and 4 more" == caught.value.mistakes[-1]


def test_json_that_nests_too_deeply_is_refused() -> None:
    """It is no crash."""
    with pytest.raises(UnfitError):
        from_text("[" * 100_000, normalise(List[int]))


@pytest.mark.parametrize(
    ("kind", "data", "value"),
    [
        (int, 3, 3),
        (float, 3, 3.0),
        (Path, "a", Path("a")),
        (date, date(2026, 1, 1), date(2026, 1, 1)),
        (List[date], [date(2026, 1, 1), "2026-01-02"], [date(2026, 1, 1), date(2026, 1, 2)]),
        (timedelta, 90, timedelta(seconds=90)),
        (Mode, "BOTH", Mode.BOTH),
        (Color, 1, Color.RED),
        (Tuple[int, ...], [1, 2], (1, 2)),
        (Outer, {"inner": {}}, Outer(Inner())),
    ],
    ids=str,
)
def test_data_of_a_file_is_converted(kind: Any, data: object, value: object) -> None:
    """As far as the file has no such type of its own."""
    found = from_data(data, normalise(kind))
    assert (type(value), value) == (type(found), found)


@pytest.mark.parametrize(
    ("kind", "data"),
    [(int, "3"), (int, True), (int, 1.0), (str, 3), (bool, 1), (List[str], "abc"), (Color, "x")],
    ids=str,
)
def test_data_of_another_type_is_refused(kind: Any, data: object) -> None:
    """A file has numbers and booleans of its own: a text is none."""
    with pytest.raises(UnfitError):
        from_data(data, normalise(kind))


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        *((int, 3), (float, 3), (Path, Path("a")), (Color, Color.RED), (Inner, Inner())),
        *((Optional[int], None), (Folds, 3), (List[int], [1]), (Literal["a"], "a")),
    ],
    ids=str,
)
def test_an_object_of_the_type_is_taken(kind: Any, value: object) -> None:
    """An int may stand for a float, as type checkers have it."""
    check(value, normalise(kind))


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        *((int, "3"), (int, True), (str, b"a"), (Path, "a"), (Color, 1), (Inner, {"a": 1})),
        *((Optional[int], "x"), (List[int], (1,)), (List[int], [True]), (Literal["a"], "b")),
        *((date, datetime(2026, 1, 1)), (datetime, date(2026, 1, 1))),  # noqa: DTZ001
    ],
    ids=str,
)
def test_an_object_of_another_type_is_refused(kind: Any, value: object) -> None:
    """Nothing is converted, and ``bool`` is not ``int``."""
    with pytest.raises(UnfitError):
        check(value, normalise(kind))


def value_of(member: Color) -> str:
    """Return what is typed for a member."""
    return str(member.value)


SCALARS: Dict[Any, Any] = {
    int: (st.integers(), str),
    float: (st.floats(allow_nan=False), repr),
    bool: (st.booleans(), json.dumps),
    str: (st.text(), str),
    bytes: (st.text(st.characters(exclude_categories=["Cs"])).map(str.encode), bytes.decode),
    Decimal: (st.decimals(allow_nan=False, allow_infinity=False), str),
    date: (st.dates(), date.isoformat),
    datetime: (st.datetimes(), datetime.isoformat),
    uuid.UUID: (st.uuids(), str),
    Color: (st.sampled_from(Color), value_of),
}


@given(st.data(), st.sampled_from(list(SCALARS)))
def test_what_is_written_is_read(data: st.DataObject, kind: Any) -> None:
    """The usual text of a value stands for it, alone and where it may be None."""
    values, write = SCALARS[kind]
    value = data.draw(values)
    assert value == from_text(write(value), normalise(kind))
    assert value == from_text(write(value), normalise(Optional[kind]))


@given(
    st.builds(
        Outer,
        st.builds(
            Inner,
            st.integers(-(2**62), 2**62),
            st.none() | st.text(st.characters(exclude_categories=["Cs"])),
        ),
        st.lists(st.integers(-(2**62), 2**62)),
    )
)
def test_a_dataclass_is_its_json(value: Outer) -> None:
    """From text and from data; and it passes the check as it is."""
    data = asdict(value)
    del data["made"]
    key = normalise(Outer)
    assert value == from_text(json.dumps(data), key) == from_data(data, key)
    check(value, key)


@given(st.text(), st.sampled_from(PLAIN))
def test_no_text_does_harm(text: str, kind: Any) -> None:
    """It is converted to a value that passes the check, or refused."""
    key = normalise(kind)
    try:
        value = from_text(text, key)
    except UnfitError:
        return
    check(value, key)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        *((None, "null"), (True, "true"), ("a", "a"), (" a", "' a'"), ("", "''"), (3, "3")),
        *(
            (Color.RED, "1"),
            (Mode.BOTH, "BOTH"),
            (Path("a"), "a"),
            (date(2026, 1, 1), "2026-01-01"),
        ),
        *(
            ([1], "[1]"),
            (Inner(), "Inner(a=1, b=None)"),
            ("a\x1b", "a\\x1b"),
            (object, repr(object)),
        ),
        ("x" * 99, "x" * 59 + "…"),
    ],
    ids=str,
)
def test_a_value_is_shown_as_it_is_typed(value: object, text: str) -> None:
    """Harmless to print, and no longer than a line."""
    assert text == shown(value)


def test_a_marker_is_no_part_of_the_type() -> None:
    """What is beside the type in ``Annotated`` is not looked at."""
    assert is_plain(normalise(Annotated[int, Named("n")]))
