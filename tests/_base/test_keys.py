"""Keys: equal for one type, different for two, and shown as users write them."""

from __future__ import annotations

import itertools
from typing import Any, Callable, Dict, Generic, List, NewType, Optional, Tuple, TypeVar, Union

import pytest
from typing_extensions import Annotated, Literal

from stagekit._base.keys import (
    BadTypeError,
    NamedKey,
    NoKeyError,
    Parametrised,
    UnionOf,
    class_of,
    describe,
    describe_fully,
    is_scalar,
    normalise,
)

T = TypeVar("T")


class Orders:
    """A class."""

    class Row:
        """A class in a class."""


class Repo(Generic[T]):
    """A generic class."""


UserId = NewType("UserId", int)

TEXTS = [
    (Orders, "Orders"),
    (Orders.Row, "Orders.Row"),
    (None, "None"),
    (UserId, "UserId"),
    (List[int], "list[int]"),
    (Dict[str, List[Orders]], "dict[str, list[Orders]]"),
    (Tuple[()], "tuple[()]"),
    (Tuple[int, ...], "tuple[int, ...]"),
    (Repo[Orders], "Repo[Orders]"),
    (Repo[Any], "Repo[Any]"),
    (Optional[Orders], "Optional[Orders]"),
    (Union[str, int], "int | str"),
    (Union[str, int, None], "int | str | None"),
    (Callable[[int, str], Orders], "Callable[[int, str], Orders]"),
    (Literal["a", 1], "Literal['a', 1]"),
]


@pytest.mark.parametrize(("annotation", "text"), TEXTS, ids=[text for _, text in TEXTS])
def test_a_key_is_shown_as_it_is_written(annotation: object, text: str) -> None:
    """In messages a type looks as in source code, whatever the interpreter calls it."""
    assert text == describe(normalise(annotation))


def test_a_key_with_a_name_is_shown_with_it() -> None:
    """And the full form has the modules, to tell types of one name apart."""
    key = NamedKey(normalise(List[Orders]), "eu")
    assert "list[Orders] named 'eu'" == describe(key)
    assert f"list[{__name__}.Orders] named 'eu'" == describe_fully(key)
    assert "Optional[int]" == describe_fully(normalise(Optional[int]))


def test_keys_can_be_printed() -> None:
    """In a debugger a key reads like the type."""
    assert "list[int]" == repr(normalise(List[int]))
    assert "int | str" == repr(normalise(Union[int, str]))


def test_keys_of_different_kinds_differ() -> None:
    """A generic, a union and a class are never equal; equal ones have equal hashes."""
    keys = [Orders, int, normalise(List[int]), normalise(Union[int, str]), NamedKey(int, "n")]
    assert [] == [(a, b) for a, b in itertools.combinations(keys, 2) if a == b]
    assert Parametrised(list, (int,)) == normalise(List[int])
    assert UnionOf((str, int)) == normalise(Union[int, str])
    assert 1 == len({normalise(Union[int, str]), UnionOf((str, int))})
    assert 1 == len({normalise(List[int]), Parametrised(list, (int,))})


def test_a_union_of_one_is_that_one() -> None:
    """Spelled with other spellings of itself, a type is no union."""
    assert int is normalise(Union[int, Annotated[int, "meta"]])


def test_the_class_behind_a_key() -> None:
    """Near misses compare ``list[int]`` with ``list[str]`` by what they share."""
    assert list is class_of(normalise(List[int]))
    assert list is class_of(NamedKey(normalise(List[int]), "n"))
    assert Orders is class_of(Orders)
    assert class_of(normalise(Union[int, str])) is None


@pytest.mark.parametrize("annotation", [Any, object])
def test_what_every_value_is_selects_nothing(annotation: object) -> None:
    """An error of its own kind, for a default may then be what is meant."""
    with pytest.raises(NoKeyError, match="selects nothing"):
        normalise(annotation)


@pytest.mark.parametrize("annotation", [T, 3, [int], "text", object()], ids=repr)
def test_what_is_no_type_is_refused(annotation: object) -> None:
    """Open type variables, values, and texts that nobody can read."""
    with pytest.raises(BadTypeError):
        normalise(annotation)


def test_scalars_are_the_builtins_that_anything_might_return() -> None:
    """Numbers, texts, bytes and None; not containers, and no type that a user made."""
    scalars = [bool, int, float, complex, str, bytes, type(None)]
    assert all(map(is_scalar, scalars))
    others: List[object] = [list, dict, tuple, UserId, Orders, normalise(List[int])]
    assert not any(map(is_scalar, others))
