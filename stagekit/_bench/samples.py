"""What hears of many measurements of one thing: median, spread, and the slow end."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from statistics import median, quantiles
from typing import Dict, Mapping, Optional, Sequence

ENOUGH = 5  # runs; the noise of fewer is unknown
_NORMAL = 1.4826  # times the MAD: the standard deviation, where values are spread normally
_LEAST = 0.01  # of a median: clocks and machines are no better


@dataclass(frozen=True)
class Sample:
    """Many measurements of one thing.

    Attributes:
        median: as many are larger as are smaller.
        mad: the median of the distances from that.
        p95: 95 of a hundred are at most this.
    """

    median: float
    mad: float
    p95: float

    @classmethod
    def of(cls, values: Sequence[float]) -> Sample:
        """Return what hears of measurements, of which there is one at least."""
        middle = median(values)
        last = quantiles(values, n=20, method="inclusive")[-1] if len(values) > 1 else values[0]
        return cls(middle, median([abs(each - middle) for each in values]), last)

    @classmethod
    def of_known(cls, values: Sequence[Optional[float]]) -> Optional[Sample]:
        """Return the same of those that are known; None where none is."""
        known = [each for each in values if each is not None]
        return cls.of(known) if known else None

    @classmethod
    def read(cls, document: Mapping[str, object]) -> Sample:
        """Return what ``document`` of another one has returned.

        Raises:
            KeyError: a number is missing.
            TypeError: it is no document, or what stands there is no number.
            ValueError: a number is less than 0, or no finite one.
        """
        found = [document[name] for name in ("median", "mad", "p95")]
        numbers = [each for each in found if isinstance(each, (int, float))]
        if len(numbers) < len(found):
            raise TypeError(f"{found!r} are not three numbers")
        if not all(0 <= each < math.inf for each in numbers):
            raise ValueError(f"{found!r} are not all of 0 or more")
        return cls(*map(float, numbers))

    def document(self) -> Dict[str, float]:
        """Return it as JSON has it."""
        return asdict(self)


def noise_of(sample: Sample, count: int) -> Optional[float]:
    """Return which share of the median two runs may differ by without a cause; None: unknown.

    That is two standard deviations, estimated by the MAD, in whole percents and rounded up.
    """
    if count < ENOUGH:
        return None
    spread = 2 * _NORMAL * sample.mad / sample.median if sample.median else 0.0
    return max(_LEAST, math.ceil(100 * spread - 1e-9) / 100)
