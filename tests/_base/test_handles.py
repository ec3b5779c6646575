"""Handles of values that are elsewhere: found in lists, and brought here."""

from __future__ import annotations

from typing import Any, List

import pytest

from stagekit._base.handles import fetched, is_remote, leads_to_handle


class Far:
    """Stands for a value."""

    is_handle = True

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
        ([[], [None, Far(1)], [None]], [[], [None, 1], [None]]),
        ([None, [[Far(1)], []]], [None, [[1], []]]),
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


def test_the_first_item_tells_what_a_list_holds() -> None:
    """Nothing tells nothing."""
    assert leads_to_handle([[], [None, Far(1)]])
    assert False is leads_to_handle([[], [1, Far(1)]])
    assert None is leads_to_handle([[], [None]])


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
    """Of each pool; one alone, or one of a pool that cannot do that, is fetched as it is."""
    one, other, third = Pool(), Pool(), Pool()
    far = [[FarFrom(1, one), FarFrom(2, other)], (FarFrom(3, one), Far(4)), [FarFrom(5, other)]]
    assert [[1, 2], (3, 4), [5]] == fetched([*far])
    assert [6, 7] == fetched([FarFrom(6, third), 7])
    assert ([[1, 3]], [[2, 5]], []) == (one.asked, other.asked, third.asked)
