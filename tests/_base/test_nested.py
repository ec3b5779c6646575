"""Lists of lists: taken apart and put together again."""

from __future__ import annotations

from typing import Any, List

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stagekit._base.nested import flat, nested, size, smaller


def lists(depth: int) -> st.SearchStrategy[Any]:
    """Return a strategy of lists of lists, so deep."""
    found: st.SearchStrategy[Any] = st.integers()
    for _ in range(depth):
        found = st.lists(found, max_size=4)
    return found


@given(st.integers(1, 4), st.data())
def test_what_is_put_together_is_what_was_taken_apart(depth: int, data: st.DataObject) -> None:
    """However deep, and with empty lists anywhere."""
    value = data.draw(lists(depth))
    items, shape = flat(value, depth)
    assert value == nested(items, shape)
    assert all(isinstance(item, int) for item in items)


@given(st.integers(1, 4), st.data())
def test_lists_without_some_items_keep_their_places(depth: int, data: st.DataObject) -> None:
    """Only innermost lists become shorter."""
    value = data.draw(lists(depth))
    items, shape = flat(value, depth)
    gone = {number for number, item in enumerate(items) if item % 2}
    kept = [item for item in items if not item % 2]
    assert _even(value, depth) == nested(kept, smaller(shape, gone))


def _even(value: Any, depth: int) -> Any:
    if depth == 1:
        return [item for item in value if not item % 2]
    return [_even(part, depth - 1) for part in value]


@pytest.mark.parametrize(
    ("value", "depth", "items", "shape"),
    [
        ([], 1, [], 0),
        ([3, 4], 1, [3, 4], 2),
        ((n for n in (3, 4)), 1, [3, 4], 2),
        ([[3], [], [4, 5]], 2, [3, 4, 5], (1, 0, 2)),
        ([[3], [4, 5]], 1, [[3], [4, 5]], 2),
        ([[[3]], []], 3, [3], ((1,), ())),
        ([], 3, [], ()),
    ],
)
def test_items_come_in_order_with_the_shape(
    value: Any, depth: int, items: List[Any], shape: object
) -> None:
    """No deeper than asked for; what takes items side by side compares shapes."""
    found = flat(value, depth)
    assert (items, shape) == found
    assert len(items) == size(found[1])


def test_lists_that_are_elsewhere_are_fetched() -> None:
    """The outer one and those in it, and no items."""
    elsewhere = {"all": ["a", "b"], "a": [1, "c"], "b": [], "c": "never"}
    fetched = flat("all", 2, elsewhere.__getitem__)
    assert ([1, "c"], (2, 0)) == fetched


def test_what_has_no_items_is_an_error() -> None:
    """As iterating it is."""
    with pytest.raises(TypeError):
        flat([1, 2], 2)
