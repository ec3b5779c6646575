"""The short text of a value: bounded, whatever the value is and whatever its class does."""

from __future__ import annotations

import sys
from collections import OrderedDict
from dataclasses import dataclass, field
from typing import Any, List, NamedTuple, Tuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stagekit._base.handles import HandleList
from stagekit._base.value_text import LIMIT, item_text, short_text, size_text


@dataclass
class Params:
    """Two fields that are shown, and one that is not."""

    kind: str
    c: float
    hidden: str = field(default="x", repr=False)


@dataclass(repr=False)
class Own:
    """A text of its own."""

    secret: str

    def __repr__(self) -> str:
        return "Own(***)"


class Broken:
    """A repr that raises."""

    def __repr__(self) -> str:
        raise RuntimeError


class Plain:
    """No text of its own."""


class Slow:
    """As large as it says, and never to be written out."""

    def __len__(self) -> int:
        return 10**6

    def __repr__(self) -> str:
        raise AssertionError("was written out")


class Unsized(Slow):
    """It does not even know its length."""

    def __len__(self) -> int:
        raise RuntimeError


class Table:
    """Looks like a data frame; its text takes long."""

    shape = (12480, 5)
    columns = ("a",)

    def __repr__(self) -> str:
        raise AssertionError("was written out")


class Array(Table):
    """Looks like an array."""

    shape = (3, 4)
    columns: Any = None


class Point(NamedTuple):
    """A tuple with names."""

    x: int
    y: List[int]


CASE: OrderedDict[str, int] = OrderedDict(a=1)
CASES: List[Tuple[object, str]] = [
    (None, "None"),
    (3, "3"),
    (1.5, "1.5"),
    ("svc", "'svc'"),
    (b"ab", "b'ab'"),
    ([1, "a"], "[1, 'a']"),
    ((1,), "(1,)"),
    ((), "()"),
    (set(), "set()"),
    ({2}, "{2}"),
    (frozenset({2}), "frozenset({2})"),
    ({"a": [1]}, "{'a': [1]}"),
    (list(range(3000)), "list of 3,000"),
    (dict.fromkeys(range(1234)), "dict of 1,234"),
    ([[[[1]]]], "[[[list of 1]]]"),
    (Params("svc", 10.0), "Params(kind='svc', c=10.0)"),
    (Params(list(range(99)), 1.0), "Params(kind=list of 99, c=1.0)"),  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    (Own("word"), "Own(***)"),
    (Point(1, [2]), "Point(x=1, y=[2])"),
    (CASE, repr(CASE)),
    (Broken(), "<unprintable Broken>"),
    ([Broken()], "[<unprintable Broken>]"),
    (Plain(), "Plain"),
    (Slow(), "Slow of 1,000,000"),
    (Unsized(), "<unprintable Unsized>"),
    (Table(), "Table 12,480 rows × 5 columns"),
    (10**400, "int of 1,329 bits"),
    ("\x1b[31m\n", r"'\x1b[31m\n'"),
    ("\u202e", r"'\u202e'"),
]


@pytest.mark.parametrize(("value", "text"), CASES, ids=[text for _, text in CASES])
def test_small_values_are_written_out_and_large_ones_counted(value: object, text: str) -> None:
    """One line each."""
    assert text == short_text(value)


def test_a_long_text_is_cut_and_its_length_said() -> None:
    """So is one of bytes."""
    assert short_text("a" * 500).endswith("… (500 characters)")
    assert short_text(b"a" * 500).endswith("… (500 bytes)")
    assert len(short_text("a" * 500)) <= LIMIT
    assert "…" == short_text(Params("k" * 60, 1.0), limit=9)[-1]


def test_a_list_that_holds_itself_has_a_text() -> None:
    """As deep as anybody would read."""
    endless: List[object] = [1]
    endless.append(endless)
    assert "[1, [1, [1, list of 2]]]" == short_text(endless)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (Table(), "12,480 rows × 5 columns"),
        (Array(), "3 × 4"),
        ([1], "1 item"),
        ({}, "0 items"),
        ("abc", ""),
        (3, ""),
        (Table, ""),
        (Slow(), ""),
        (Point(1, []), ""),
        (HandleList([1, 2]), "2 items"),
        (Unsized(), ""),
    ],
)
def test_the_size_of_a_value_is_its_rows_or_its_length(value: object, text: str) -> None:
    """Nothing is said of what has none."""
    assert text == size_text(value)


def test_frames_and_arrays_of_real_libraries() -> None:
    """Rows and columns; never their text."""
    pandas = pytest.importorskip("pandas", reason="shapes of real frames need pandas")
    frame = pandas.DataFrame({"a": [1, 2], "b": [3, 4]})
    assert "DataFrame 2 rows × 2 columns" == short_text(frame)
    assert "Series 2 rows" == short_text(frame["a"])
    assert "ndarray 2 items" == short_text(frame["a"].to_numpy())
    assert "2 rows × 2 columns" == size_text(frame)


def test_records_of_attrs_have_their_fields_bounded() -> None:
    """As those of dataclasses."""
    attr = pytest.importorskip("attr", reason="records of attrs need attrs")

    made: Any = attr.make_class("Row", ["items"])
    assert "Row(items=list of 99)" == short_text(made(list(range(99))))


def test_records_of_pydantic_have_their_fields_bounded() -> None:
    """As those of dataclasses."""
    from pydantic import create_model

    model: Any = create_model("Row", items=(List[int], ...))
    assert "Row(items=list of 99)" == short_text(model(items=list(range(99))))


@given(st.recursive(st.none() | st.integers() | st.text() | st.binary(), st.lists))
def test_no_text_is_longer_than_its_limit_or_has_more_lines(value: object) -> None:
    """Whatever is nested in whatever."""
    text = short_text(value)
    assert len(text) <= LIMIT
    assert text.isprintable()
    assert len(short_text(value, limit=10)) <= 10


def test_ctrl_c_in_a_repr_is_not_survived() -> None:
    """It is the user's."""

    class Interrupted:
        def __repr__(self) -> str:
            raise KeyboardInterrupt

        @property
        def shape(self) -> object:
            raise KeyboardInterrupt

    for show in (short_text, size_text):
        with pytest.raises(KeyboardInterrupt):
            show(Interrupted())


def test_nothing_is_imported_for_a_text() -> None:
    """Libraries of frames are asked by what their values look like."""
    before = set(sys.modules)
    short_text([Table(), Params("a", 1.0)])
    assert not {"pandas", "numpy"} & (set(sys.modules) - before)


@dataclass
class Nested:
    """A record that holds another one."""

    inner: Any = None


def test_records_in_records_end_with_a_name() -> None:
    """However deep they are; nothing is said of an item without a list."""
    value: Any = None
    for _ in range(50):
        value = Nested(value)
    text = short_text(value)
    assert text.startswith("Nested(inner=Nested(")
    assert "None" not in text
    assert "" == item_text(None, 3)
