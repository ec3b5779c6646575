"""Bad options of what runs manage, row by row: each is refused where it is declared.

Each test has the number of its row in ``tests/data/reliability_rows.json``.
"""

from __future__ import annotations

import asyncio
from typing import Any, Dict

import pytest

from stagekit import DeclarationError, Registry, Retry


def refused(**options: Any) -> str:
    """Return why a stage cannot be declared with these options."""
    registry = Registry()
    with pytest.raises(DeclarationError) as caught:
        registry.add(print, id="load", **options)
    assert isinstance(caught.value, ValueError)
    assert 0 == len(registry)
    return str(caught.value)


@pytest.mark.parametrize("retries", [-1, True, 1.5, 10**9])
def test_d22_retries_that_are_no_count_are_refused(retries: Any) -> None:
    """A boolean is none, nor is a fraction, nor what would never end."""
    assert f"retries must be a whole number from 0 to 999, or a Retry, got {retries!r}" in refused(
        retries=retries
    )
    with pytest.raises(ValueError, match="attempts must be a whole number"):
        Retry(retries)


@pytest.mark.parametrize("timeout", [float("nan"), float("inf"), -1, 0, 10**20, "5"], ids=repr)
def test_d23_a_timeout_that_no_clock_can_keep_is_refused(timeout: Any) -> None:
    """What is up at once, or never; ``None`` means none."""
    assert f"timeout must be seconds, more than 0 and at most 31,622,400, got {timeout!r}" in (
        refused(timeout=timeout)
    )
    registry = Registry()
    registry.add(print, id="load", timeout=None)
    assert "load" in registry


def test_d24_a_back_off_never_overflows() -> None:
    """The longest wait is the longest wait, however often the shortest is doubled."""
    assert 60.0 == Retry(1000, wait=1, backoff=1000, jitter=False).delay(999, 0.0)
    assert 0.0 == Retry(1000, wait=0, backoff=1000).delay(999, 0.0)


@pytest.mark.parametrize(
    "wrong",
    [{"jitter": -0.5}, {"jitter": 2}, {"wait": float("nan")}, {"backoff": 0}, {"max_wait": -1}],
    ids=repr,
)
def test_d24_a_wait_that_makes_no_sense_is_refused(wrong: Dict[str, Any]) -> None:
    """With the argument that is wrong."""
    with pytest.raises(ValueError, match=f"^Retry: {next(iter(wrong))} must be "):
        Retry(3, **wrong)


@pytest.mark.parametrize("on", [BaseException, KeyboardInterrupt, asyncio.CancelledError])
def test_d25_what_asks_for_the_end_is_never_tried_again(on: Any) -> None:
    """Interrupts and cancelling are no errors of a stage."""
    with pytest.raises(ValueError, match="on takes subclasses of Exception"):
        Retry(3, on=on)
    with pytest.raises(ValueError, match="on takes subclasses of Exception"):
        Retry(3, on=(ValueError, on))
