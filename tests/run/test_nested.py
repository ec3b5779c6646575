"""``Each`` over lists of lists: what comes back is nested as what went in."""

from __future__ import annotations

from typing import Any, List

import pytest
from typing_extensions import Annotated

from stagekit import Each, From, Registry, RunFailedError, run


class Row:
    """What is taken one at a time."""

    def __init__(self, number: int) -> None:
        self.number = number


class Clean(int):
    """What becomes of a row."""


class Doubled(int):
    """What becomes of that."""


def registry_of(rows: List[List[int]]) -> Registry:
    """Return days → rows of a day → clean → double, each stage for each item of the last."""
    registry = Registry()

    @registry.stage(id="days")
    def days() -> List[str]:
        return [str(number) for number in range(len(rows))]

    @registry.stage(id="rows")
    def rows_of(day: Annotated[str, Each()]) -> List[Row]:
        return [Row(number) for number in rows[int(day)]]

    @registry.stage(id="clean")
    def clean(row: Annotated[Row, Each()]) -> Clean:
        return Clean(row.number)

    @registry.stage(id="double", retries=1)
    def double(
        one: Annotated[Clean, Each()], other: Annotated[Clean, Each(), From("clean")]
    ) -> Doubled:
        return Doubled(one + other)

    return registry


@pytest.mark.parametrize("executor", ["inline", "threads"])
@pytest.mark.parametrize("rows", [[[1], [], [2, 3]], [[]], [], [[], []]])
def test_stages_for_each_item_nest(executor: str, rows: List[List[int]]) -> None:
    """With empty lists where they were, whichever way they are carried out."""
    result = run(registry=registry_of(rows), executor=executor)
    assert rows == result["clean"]
    assert [[2 * number for number in part] for part in rows] == result["double"]


def test_lists_side_by_side_have_one_shape() -> None:
    """As many items are not enough, where they are in other lists."""
    registry = registry_of([[1], [2, 3]])

    @registry.stage(id="others")
    def others() -> List[List[bytes]]:
        return [[b"1", b"2"], [b"3"]]

    @registry.stage(id="pair")
    def pair(row: Annotated[Row, Each()], other: Annotated[bytes, Each()]) -> bool:
        return bool(row) and bool(other)

    with pytest.raises(RunFailedError, match=r"`row` has \(1, 2\) and `other` has \(2, 1\)"):
        run("pair", registry=registry)


def test_what_should_be_a_list_of_lists_and_is_not_fails_the_stage() -> None:
    """Its provider broke its word."""
    registry = registry_of([])

    def broken() -> Any:
        return [3]

    with pytest.raises(
        RunFailedError, match="`rows` returned, which is no list, but of type `int`"
    ):
        run("clean", registry=registry, overrides={"rows": broken})
