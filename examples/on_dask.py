"""The primes below ten million, counted by eight stages, here or on a Dask cluster.

Nothing in the stages knows of Dask; where they run is said in one line.

python -m stagekit run examples.on_dask                     in threads of this process
python -m stagekit run examples.on_dask --executor dask     on a cluster on this machine
python examples/on_dask.py                                  the same, by one line of Python
python examples/on_dask.py tcp://10.0.0.1:8786              on one that is running elsewhere

A cluster needs Dask: python -m pip install '.[dask]'
"""

from __future__ import annotations

import sys
from dataclasses import dataclass
from functools import partial
from typing import List, NewType

from typing_extensions import Annotated

from stagekit import Collect, run, stage

LIMIT = 10_000_000
PARTS = 8

Base = NewType("Base", List[int])
Text = NewType("Text", str)


@dataclass(frozen=True)
class Part:
    """How many primes there are from *start* on that are less than *stop*."""

    start: int
    stop: int
    primes: int


@stage
def base() -> Base:
    """Find the primes up to the root of the limit; they sieve all others."""
    root = int(LIMIT**0.5) + 1
    sieve = bytearray([1]) * (root + 1)
    sieve[:2] = b"\0\0"
    for number in range(2, int(root**0.5) + 1):
        if sieve[number]:
            sieve[number * number :: number] = bytes(len(sieve[number * number :: number]))
    return Base([number for number, is_prime in enumerate(sieve) if is_prime])


def count(start: int, stop: int, base: Base) -> Part:
    """Sieve one part. The primes of `base` go from worker to worker, not through this process."""
    sieve = bytearray([1]) * (stop - start)
    if start == 0:
        sieve[:2] = b"\0\0"
    for prime in base:
        first = max(prime * prime, -(-start // prime) * prime) - start
        sieve[first::prime] = bytes(len(sieve[first::prime]))
    return Part(start, stop, sum(sieve))


for _start in range(0, LIMIT, LIMIT // PARTS):
    stage(id=f"count.{_start}")(partial(count, _start, _start + LIMIT // PARTS))


@stage
def total(parts: Annotated[List[Part], Collect()]) -> Text:
    """Add the parts up."""
    lines = [f"{part.start:9,} to {part.stop:10,}: {part.primes:7,}" for part in parts]
    return Text("\n".join([*lines, f"{sum(part.primes for part in parts):,} primes"]))


if __name__ == "__main__":
    where = sys.argv[1] if sys.argv[1:] else "dask"
    result = run(total, executor=where)  # the one line; without `executor` it runs here
    print(result[total])
