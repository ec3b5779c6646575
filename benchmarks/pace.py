"""The pace of the machine: how long baselines take here, and took where the bounds were stated.

Some bounds are in microseconds or milliseconds, measured on one machine (CPython 3.11, two
processors); a slower or busier one breaks them whatever stagekit does. For each such bound that
has a baseline, the baseline is timed in the same rounds as stagekit, and

    at the reference pace = measured / (baseline here / baseline there)

is judged, in both directions: a fast machine hides nothing. What is printed is both. The bounds
are the same everywhere, and so are the baselines' reference values, from the tables of the
performance goals; where those give a range, or nothing for just this case, the value taken is
the one that corrects least. What has no baseline is judged as measured. The factor holds what
else differs between the two measurements, too, such as functions that no cache has seen.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Mapping, Optional, Tuple

from benchmarks.measurement import Record

__all__ = [
    "COLD",
    "DATACLASSES",
    "PLAIN_THREADS",
    "THREADS_STARTED",
    "TYPED",
    "Pace",
    "handing_over",
]

PLAIN_THREADS = "plain threads"


@dataclass(frozen=True)
class Pace:
    """A baseline: the key of its measurement, whose `case` may end in `*`, and its value there."""

    what: str
    key: Tuple[str, str, str]
    reference: float
    unit: str

    def of(self, record: Record) -> Optional[float]:
        """Return how many times its reference value the baseline took in a run."""
        one = record.first(*self.key)
        return one.value / self.reference if one is not None and one.value else None


def _graphlib(group: str, case: str, reference: float) -> Pace:
    what = f"graphlib and a dict loop, {group}, {case}"
    return Pace(what, (group, case, "graphlib"), reference, "us/stage")


# Cold, us a stage; stated for loops that pass values, which take a little longer than the ones
# timed here, and of the layered graphs for 10,000 stages alone.
_COLD_US: Mapping[Tuple[str, int], float] = {
    ("chain", 1_000): 2.5,
    ("chain", 10_000): 3.1,
    ("wide", 1_000): 2.1,
    ("wide", 10_000): 2.7,
    ("layered", 1_000): 3.3,
    ("layered", 10_000): 3.3,
}
COLD: Mapping[Tuple[str, int], Pace] = {
    (shape, size): _graphlib("cold, order edges only", f"{shape} {size}", reference)
    for (shape, size), reference in _COLD_US.items()
}
TYPED = _graphlib("typed", "no types", 2.5)
DATACLASSES = Pace(
    "import dataclasses", ("import", "over bare python", "import dataclasses"), 13.0, "ms"
)
# 1 is what threads that start at once and wake on time would reach.
THREADS_STARTED = Pace(
    "16 plain threads, started and joined", ("thread efficiency", "*", PLAIN_THREADS), 1.0, "x"
)


def handing_over(shape: str, size: int) -> Optional[Pace]:
    """Return the baseline of a graph on threads, whose workers hand stages to one another.

    It was 32 to 64 us on the three graphs of 1,000 stages. A chain hands nothing over, and for
    10,000 there is no reference value: both are judged as measured.
    """
    if shape == "chain" or size != 1_000:
        return None
    case = f"{shape} {size}"
    return Pace(f"dask.threaded, {case}", ("threads", case, "dask.threaded"), 64.0, "us/stage")
