"""What fills the parameters of a stage, as a line for people."""

from __future__ import annotations

from typing import Any, List

import pytest
from typing_extensions import Annotated

from stagekit import Collect, Registry, plan, run
from stagekit.cli.failures import argument_types
from stagekit.cli.progress import input_lines


class Orders:
    """What is collected."""


def test_arguments_are_told_by_their_types() -> None:
    """By position or by name, as they were passed; never their values."""
    registry = Registry()
    registry.add(Orders, id="orders")

    @registry.stage(id="count")
    def count(orders: Orders, *, parts: Annotated[List[Orders], Collect()], year: int = 1) -> int:
        return len([orders, *parts]) + year

    result = run("count", registry=registry)
    assert "orders: Orders, parts: list of 1" == argument_types(result, "count")
    assert "" == argument_types(result, "orders")


def test_a_collection_tells_every_source_it_has() -> None:
    """Given values and stand-ins stand beside the stages; without any of them there is nothing."""
    registry = Registry()

    def load() -> Orders:
        return Orders()

    @registry.stage(id="count")
    def count(parts: Annotated[List[Orders], Collect()]) -> None:
        raise NotImplementedError(parts)

    def told(**options: Any) -> str:  # Any: what plan takes
        made = plan("count", registry=registry, **options)
        return input_lines(made)["count"]

    assert "parts: list[Orders] = nothing" == told()
    assert "parts: list[Orders] = given by the caller" == told(values=[Orders()])
    for name in ("north", "south"):
        registry.add(load, id=name)
    assert "parts: list[Orders] = north + south" == told()
    assert "parts: list[Orders] = given by the caller + north + south" == told(values=[Orders()])
    replaced = told(overrides={"north": Orders(), "south": Orders()})
    assert "parts: list[Orders] = stands in for a stage" == replaced
    (binding,) = plan(count, registry=registry, values=[Orders()]).bindings[-1]
    assert ("collect", (0, 1), ("given",)) == (binding.kind, binding.providers, binding.others)
    parameter, _, kind, providers = binding
    assert ("parts", "collect", (0, 1)) == (parameter, kind, providers)


@pytest.mark.parametrize(
    ("params", "expected"),
    [
        ({"count.most": 7}, "most: int = 7 (params=), by: str = day (default)"),
        ({"most": 7, "by": "a\x1b[0m"}, "most: int = 7 (params=), by: str = a\\x1b[0m (params=)"),
    ],
)
def test_what_was_set_is_told_with_its_value(params: Any, expected: str) -> None:
    """And by whom; nothing in it reaches the terminal as it is."""
    registry = Registry()

    @registry.stage(id="count")
    def count(most: int, by: str = "day") -> None:
        raise NotImplementedError(most, by)

    assert expected == input_lines(plan(registry=registry, params=params))["count"]
