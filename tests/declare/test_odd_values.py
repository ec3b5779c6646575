"""Objects that cannot be compared or shown, in the options of ``@stage``; names of callables."""

from __future__ import annotations

import functools
from typing import Any, NoReturn

import pytest
from typing_extensions import Literal

from stagekit import DeclarationError, Registry, Retry, run


class Odd:
    """It has no truth value, and raises when it is compared or shown."""

    def __eq__(self, other: object) -> NoReturn:
        raise ValueError("cannot be compared")

    def __repr__(self) -> str:
        raise ValueError("cannot be shown")

    def __bool__(self) -> NoReturn:
        raise ValueError("has no truth value")

    def __hash__(self) -> int:
        raise ValueError("has no hash")


@pytest.mark.parametrize(
    "option", ["depends_on", "tags", "priority", "critical", "retries", "timeout", "resources"]
)
def test_an_option_with_an_odd_value_is_a_declaration_error(option: str) -> None:
    """It names the stage, whatever the value does."""
    options: Any = {option: Odd()}
    with pytest.raises(DeclarationError, match="odd"):
        Registry().add(lambda: None, id="odd", **options)


def test_what_has_a_name_of_its_own_needs_no_id() -> None:
    """``functools.lru_cache`` keeps the names of its function."""
    registry = Registry()

    @registry.stage
    @functools.lru_cache(maxsize=None)
    def load() -> int:
        return 3

    assert ["load"] == [each.name for each in registry]
    (stage_id,) = [each.id for each in registry]
    assert 3 == run(registry=registry)[stage_id]


def test_a_literal_in_another_order_is_the_same_key() -> None:
    """And so is one with a member twice."""
    registry = Registry()
    registry.add(lambda: "a", id="mode", provides=Literal["a", "b"])

    def shout(mode: Literal["b", "a"]) -> str:
        return mode.upper()

    registry.add(shout, id="shout")
    assert "A" == run(registry=registry)["shout"]


def test_a_function_says_after_which_errors_to_try_again() -> None:
    """Beside classes, or alone; one that raises says no."""

    def is_busy(error: Any) -> bool:
        return bool(error.args[0] >= 500)

    retry = Retry(3, on=(KeyError, is_busy))
    assert retry.accepts(ValueError(503))
    assert not retry.accepts(ValueError(404))
    assert retry.accepts(KeyError("x"))
    assert not retry.accepts(ValueError())
    assert "on=(KeyError, is_busy)" in repr(retry)
