"""What stands for stages and values in declarations: equal, hashed and printed by their parts."""

from __future__ import annotations

from typing import Any, List

import pytest

from stagekit import Collect, Each, From, Named, given, one_of, optional

EQUAL: List[Any] = [
    (From("a"), From("a")),
    (Named("a"), Named("a")),
    (Collect(), Collect()),
    (Each(), Each()),
    (Each(on_error="skip"), Each(on_error="skip")),
    (optional("a"), optional("a")),
    (one_of("a", "b"), one_of("a", "b")),
]
DIFFERENT: List[Any] = [
    (From("a"), From("b")),
    (From("a"), Named("a")),
    (Each(), Each(on_error="skip")),
    (one_of("a", "b"), one_of("b", "a")),
    (optional("a"), "a"),
]


@pytest.mark.parametrize(("one", "other"), EQUAL, ids=repr)
def test_markers_of_equal_parts_are_equal(one: object, other: object) -> None:
    """They stand in annotations, which typing compares and hashes."""
    assert one == other
    assert hash(one) == hash(other)
    assert repr(one) == repr(other)


@pytest.mark.parametrize(("one", "other"), DIFFERENT, ids=repr)
def test_markers_of_other_parts_differ(one: object, other: object) -> None:
    """By kind and by what they name."""
    assert one != other


def test_a_marker_of_what_cannot_be_hashed_can_be_hashed() -> None:
    """A stage may be an object that defines ``==`` and no hash."""

    class Unhashable:
        """An object that can be called."""

        __hash__: Any = None

        def __eq__(self, other: object) -> bool:
            return isinstance(other, Unhashable)

        def __call__(self) -> int:
            return 1

    assert hash(From(Unhashable())) == hash(From(Unhashable()))


def test_markers_and_given_values_can_be_printed() -> None:
    """As they are written; of a value only the type, for it may be large or secret."""
    assert "From('a')" == repr(From("a"))
    assert "Collect()" == repr(Collect())
    shown = repr(given("secret", as_=int, name="n"))
    assert "given(<str>, as_=<class 'int'>, name='n')" == shown
