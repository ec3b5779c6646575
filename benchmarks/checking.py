"""Proof that an adapter does the whole work: each function once, in order, on the right values."""

from __future__ import annotations

import asyncio
from typing import Any, Dict, List, Tuple

from benchmarks.adapter import Adapter
from benchmarks.shapes import SHAPES
from benchmarks.work import Work, make_work, recording_work

__all__ = ["WrongResultError", "check", "run_once"]

SMALL = 20


class WrongResultError(Exception):
    """A library did not give what calls by hand give."""


def check(adapter: Adapter, *, passes_values: bool = True, size: int = SMALL) -> None:
    """Run small graphs of every shape on functions that note their calls, and verify them."""
    for make in SHAPES.values():
        calls: List[Tuple[str, Tuple[int, ...]]] = []
        plain = make_work(make(size), passes_values=passes_values, is_async=adapter.is_async)
        work = recording_work(plain, calls)
        given = run_once(adapter, work)
        made = list(calls)
        expected = _reference(work)
        _compare_calls(adapter.name, work, made, expected)
        if given != tuple(expected[name][1] for name in work.final):
            raise WrongResultError(f"{adapter.name}: wrong final values on {work.shape.name}")


def run_once(adapter: Adapter, work: Work) -> Tuple[object, ...]:
    """Build and run a work once, and return its final values."""
    built = adapter.build(adapter.prepare(work))
    if not adapter.is_async:
        return built.values(built.run())

    async def awaited() -> Any:  # Any: what the library returns
        return await built.run()

    return built.values(asyncio.run(awaited()))


def _reference(work: Work) -> Dict[str, Tuple[Tuple[int, ...], int]]:
    """Compute which values each function must be called with, and what it returns."""
    expected: Dict[str, Tuple[Tuple[int, ...], int]] = {}
    for node, name in enumerate(work.names):
        before = work.before[node] if work.passes_values else ()
        values = tuple(expected[parent][1] for parent in before)
        total = node + 1
        for value in values:
            total = (total * 31 + value) % 1_000_003
        expected[name] = (values, total)
    return expected


def _compare_calls(
    library: str,
    work: Work,
    made: List[Tuple[str, Tuple[int, ...]]],
    expected: Dict[str, Tuple[Tuple[int, ...], int]],
) -> None:
    place = {name: position for position, (name, _) in enumerate(made)}
    if sorted(place) != sorted(work.names) or len(made) != len(work.names):
        raise WrongResultError(f"{library}: {len(made)} calls of {len(place)} functions")
    for name, values in made:
        if values != expected[name][0]:
            raise WrongResultError(f"{library}: {name} was called with {values}")
    for name, before in zip(work.names, work.before):
        if any(place[parent] > place[name] for parent in before):
            raise WrongResultError(f"{library}: {name} ran before its parents")
