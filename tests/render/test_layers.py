"""Where boxes stand and how edges run."""

from __future__ import annotations

import itertools
from typing import List

from hypothesis import given
from hypothesis import strategies as st

from stagekit._render import layers
from stagekit._render.layers import Layout, layered
from stagekit.testing import Dag, dags


def layout(dag: Dag, data: st.DataObject) -> Layout:
    """Return the layout of a graph whose boxes have widths of any kind."""
    widths = data.draw(st.lists(st.floats(20, 300), min_size=dag.n, max_size=dag.n))
    made = layered(dag.parents, widths)
    assert made == layered(dag.parents, widths)
    assert all(box.width >= width for box, width in zip(made.boxes, widths))
    return made


@given(dags(max_size=25), st.data())
def test_all_boxes_and_edges_are_there_and_no_box_on_another(dag: Dag, data: st.DataObject) -> None:
    """Edges lead from the right side of a box to the left one of another, apart from each other."""
    made = layout(dag, data)
    assert dag.n == len(made.boxes)
    for one, other in itertools.combinations(made.boxes, 2):
        beside = one.left + one.width <= other.left or other.left + other.width <= one.left
        below = one.top + one.height <= other.top or other.top + other.height <= one.top
        assert beside or below
    assert set(dag.edges) == set(made.routes)
    for (before, after), points in made.routes.items():
        first, last = made.boxes[before], made.boxes[after]
        assert first.left + first.width == points[0][0]
        assert first.top < points[0][1] < first.top + first.height
        assert last.left == points[-1][0]
        assert last.top < points[-1][1] < last.top + last.height
        assert all(x <= to for (x, _), (to, _) in zip(points, points[1:]))
    ends = [points[-1] for points in made.routes.values()]
    assert len(ends) == len(set(ends))


@given(dags(max_size=25), st.data())
def test_edges_run_around_boxes_and_all_is_in_the_picture(dag: Dag, data: st.DataObject) -> None:
    """Where an edge passes a layer, there is no box."""
    made = layout(dag, data)
    for points in made.routes.values():
        for (x, y), (to, _) in zip(points[1:-1:2], points[2:-1:2]):
            for box in made.boxes:
                if x < box.left + box.width and box.left < to:
                    assert not box.top < y < box.top + box.height
        assert all(0 <= x <= made.width for x, _ in points)
        assert all(-0.01 <= y <= made.height + 0.01 for _, y in points)
    for box in made.boxes:
        assert box.left >= 0
        assert box.top >= -0.01
        assert box.left + box.width <= made.width + 0.01
        assert box.top + box.height <= made.height + 0.01


@given(dags(max_size=20), st.data())
def test_edges_of_one_box_share_a_way_where_there_are_many(dag: Dag, data: st.DataObject) -> None:
    """Then they part where they must; each still ends by itself."""
    kept = layers._MOST_APART, layers._MOST_PASSING
    try:
        for limits in ((0, 1_000), (0, 0)):
            layers._MOST_APART, layers._MOST_PASSING = limits
            made = layout(dag, data)
            assert set(dag.edges) == set(made.routes)
            ends = [points[-1] for points in made.routes.values()]
            assert len(ends) == len(set(ends))
    finally:
        layers._MOST_APART, layers._MOST_PASSING = kept


def crossings(parents: List[List[int]]) -> int:
    """Return how many pairs of edges between two neighbouring layers cross."""
    made = layered(parents, [40.0] * len(parents))
    found = 0
    for one, other in itertools.combinations(made.routes.values(), 2):
        for first, last in zip(one[::2], one[1::2]):
            for begin, end in zip(other[::2], other[1::2]):
                if first[0] == begin[0] and last[0] == end[0]:
                    found += (first[1] - begin[1]) * (last[1] - end[1]) < 0
    return found


def test_trees_and_ladders_are_drawn_without_a_crossing() -> None:
    """In whatever order their boxes are declared."""
    assert 0 == crossings([[], [0], [0], [1], [2], [1], [2], [1]])
    assert 0 == crossings([[], [], [], [2], [1], [0], [3], [5], [4]])


def test_what_only_a_late_stage_needs_stands_beside_it() -> None:
    """A stage that waits for nothing is drawn in the layer before the first that needs it."""
    made = layered([[], [0], [1], [], [2, 3]], [40.0] * 5)
    assert made.boxes[2].left == made.boxes[3].left


def test_parts_stand_below_each_other_and_lonely_boxes_in_rows() -> None:
    """Boxes without edges fill rows that are as wide as the rest, or a line of text."""
    made = layered([[], [0], [], [2], *([[]] * 30)], [40.0] * 34)
    one, other = made.boxes[0], made.boxes[2]
    assert one.left == other.left
    assert one.top + one.height < other.top
    rows = {box.top for box in made.boxes[4:]}
    assert 1 < len(rows) < 30
    assert min(rows) > other.top + other.height


def test_many_edges_make_a_box_high_but_not_without_end() -> None:
    """Up to a height edges are as far apart as can be told; then they come closer together."""
    few = layered([[], [], [], [], [0, 1, 2, 3]], [40.0] * 5)
    assert 32 <= few.boxes[4].height <= 60
    made = layered([*([[]] * 200), list(range(200))], [40.0] * 201)
    assert 150 < made.boxes[200].height < 200
