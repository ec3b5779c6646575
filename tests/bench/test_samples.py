"""Medians, spreads and the slow end are those of their plain definitions."""

from __future__ import annotations

import math
from typing import Any, List

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stagekit._bench.samples import ENOUGH, Sample, noise_of

values = st.lists(st.floats(0, 1e6), min_size=1, max_size=40)


def middle(numbers: List[float]) -> float:
    """Return the median by its definition."""
    ordered, half = sorted(numbers), len(numbers) // 2
    return ordered[half] if len(ordered) % 2 else (ordered[half - 1] + ordered[half]) / 2


@given(values)
def test_a_sample_is_what_its_words_say(numbers: List[float]) -> None:
    """The 95th percentile lies between two measurements, as far as 0.95 of the way to the last."""
    sample = Sample.of(numbers)
    assert math.isclose(middle(numbers), sample.median, abs_tol=1e-9)
    distances = [abs(each - middle(numbers)) for each in numbers]
    assert math.isclose(middle(distances), sample.mad, abs_tol=1e-9)
    ordered, place = sorted(numbers), 0.95 * (len(numbers) - 1)
    low, high = ordered[math.floor(place)], ordered[math.ceil(place)]
    between = low + (high - low) * (place - math.floor(place))
    assert math.isclose(between, sample.p95, rel_tol=1e-9, abs_tol=1e-9)
    assert min(numbers) <= sample.median <= sample.p95 + 1e-9 <= max(numbers) + 1e-8


@given(values)
def test_a_sample_comes_back_from_its_document(numbers: List[float]) -> None:
    """Exactly."""
    sample = Sample.of(numbers)
    assert sample == Sample.read(sample.document())


def test_what_is_unknown_is_left_out() -> None:
    """All of it: nothing is known."""
    assert Sample.of([2.0, 4.0]) == Sample.of_known([None, 2.0, None, 4.0])
    assert None is Sample.of_known([None])


@pytest.mark.parametrize(
    ("median", "mad", "count", "noise"),
    [
        (412.0, 6.0, 20, 0.05),
        (1.0, 0.0, 20, 0.01),
        (0.0, 0.0, 20, 0.01),
        (100.0, 10.0, ENOUGH, 0.30),
        (100.0, 10.0, ENOUGH - 1, None),
    ],
)
def test_noise_is_two_deviations_in_whole_percents(
    median: float, mad: float, count: int, noise: Any
) -> None:
    """Rounded up, and one at least; unknown of few runs."""
    assert noise == noise_of(Sample(median, mad, median), count)


@pytest.mark.parametrize(
    "document",
    [
        {"median": 1, "mad": 1},
        {"median": "1", "mad": 1, "p95": 1},
        {"median": -1, "mad": 1, "p95": 1},
        [],
    ],
)
def test_a_damaged_document_is_refused(document: Any) -> None:
    """By what is wrong with it."""
    with pytest.raises((KeyError, TypeError, ValueError)):
        Sample.read(document)
