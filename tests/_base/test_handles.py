"""Handles of values that are elsewhere: found in lists, and brought here."""

from __future__ import annotations

import pickle
from typing import Any, List

import pytest

from stagekit._base.handles import HandleList, fetched, is_handle, is_remote, opened
from stagekit._base.nested import nested


class Far:
    """Stands for a value."""

    is_handle = True
    is_here = False
    pool: Any = None

    def __init__(self, value: object) -> None:
        self.value = value

    def fetch(self) -> object:
        """Bring it here."""
        return self.value


@pytest.mark.parametrize(
    ("value", "here"),
    [
        (Far(1), 1),
        ([Far(1), 2], [1, 2]),
        ((1, Far(2)), (1, 2)),
        (HandleList([[], HandleList([None, Far(1)]), [None]]), [[], [None, 1], [None]]),
        ([None, HandleList([HandleList([Far(1)]), []])], [None, [[1], []]]),
    ],
)
def test_what_is_elsewhere_is_found_and_brought_here(value: Any, here: Any) -> None:
    """Alone, in lists and tuples, and in lists in lists, with all that is around it."""
    assert is_remote(value)
    assert here == fetched(value)


def test_what_is_here_is_left_alone() -> None:
    """The very object, however deep it is, even where it holds itself."""
    endless: List[Any] = []
    endless.append(endless)
    for value in (1, None, "text", [1, 2], [[1], [2]], [], [[], [None]], (1,), {"a": 1}, endless):
        assert not is_remote(value)
        assert value is fetched(value)


@pytest.mark.parametrize(
    ("items", "shape", "here"),
    [
        ([1, Far(2)], 2, [1, 2]),
        ([1, Far(2), 3], (0, 2, 1), [[], [1, 2], [3]]),
        ([None, 1, Far(2)], ((1, 1), (1,)), [[[None], [1]], [[2]]]),
    ],
)
def test_lists_of_items_say_that_some_are_elsewhere(items: Any, shape: Any, here: Any) -> None:
    """Wherever in lists in lists the one handle is; pickled, they are lists again."""
    value: Any = nested(items, shape)
    assert is_handle(value)
    assert not value.is_here
    assert here == fetched(value) == value.fetch() == fetched([value])[0]
    assert list is type(value.fetch())
    assert list is type(pickle.loads(pickle.dumps(nested([Far(1)], 1))))  # noqa: S301 - our own
    assert value is opened(value)
    assert 2 == opened(Far(2))


def test_lists_without_handles_are_lists() -> None:
    """Nothing is to be brought here of them."""
    assert list is type(nested([1, None], (1, 1)))
    assert [1] == opened([1])


class Pool:
    """Fetches several values in one go, but for those that are lost."""

    def __init__(self) -> None:
        self.asked: List[List[object]] = []

    def fetch_together(self, handles: List[FarFrom]) -> None:
        """Remember what was asked for."""
        self.asked.append([each.value for each in handles])


class FarFrom(Far):
    """A value of a pool."""

    def __init__(self, value: object, pool: Pool) -> None:
        super().__init__(value)
        self.pool = pool


def test_many_values_are_asked_for_at_once() -> None:
    """Of each pool; one alone is fetched as it is."""
    one, other, third = Pool(), Pool(), Pool()
    far = [HandleList([FarFrom(1, one), FarFrom(2, other)]), FarFrom(3, one), Far(4)]
    assert [[1, 2], 3, 4, 5] == fetched([*far, FarFrom(5, other)])
    assert [6, 7] == fetched([FarFrom(6, third), 7])
    assert ([[1, 3]], [[2, 5]], []) == (one.asked, other.asked, third.asked)
