"""Meters and measured functions, without a run around them."""

from __future__ import annotations

import builtins
import os
import pickle
import sys
from typing import Any, Generator, Iterator, List, Tuple

import pytest

from stagekit._base import usage
from stagekit._base.progress import USED, Progress
from stagekit._base.usage import Measured, MeasuredAwaitable, MeasuredElsewhere, MeasuredResource


class Told:
    """Keeps what it is told."""

    def __init__(self) -> None:
        self.all: List[Tuple[object, ...]] = []

    def __call__(self, *said: object) -> None:
        self.all.append(said)


def double(number: int) -> int:
    """Return twice a number."""
    return 2 * number


def test_a_call_elsewhere_tells_by_its_progress() -> None:
    """With a note that no stage says; a progress that tells nobody is no trouble."""
    told = Told()
    measured = MeasuredElsewhere(double, is_traced=False)
    assert 6 == measured(Progress(told), 3)
    ((_, _, note),) = told.all
    assert USED == note
    assert 8 == measured(Progress(), 4)
    assert 10 == pickle.loads(pickle.dumps(measured))(Progress(), 5)  # noqa: S301 - our own


def test_what_cannot_tell_from_elsewhere_is_the_function_alone() -> None:
    """A pickled one has forgotten that it was measured."""
    told = Told()
    measured = Measured(double, told, is_traced=False)
    assert double is pickle.loads(pickle.dumps(measured))  # noqa: S301 - our own
    assert (4, 1) == (measured(2), len(told.all))


def test_an_awaitable_that_is_thrown_away_is_closed() -> None:
    """Its clean-up runs, and what it has used is told."""
    told = Told()
    closed: List[int] = []

    class Never:
        def __await__(self) -> Generator[None, None, None]:
            yield None

    async def stage() -> None:
        try:
            await Never()
        finally:
            closed.append(1)

    call = MeasuredAwaitable(stage, told, is_traced=False)()
    call.send(None)
    call.close()
    assert ([1], 1) == (closed, len(told.all))


def test_a_resource_is_its_generator_otherwise() -> None:
    """It can be closed, thrown into, and sent to."""
    told = Told()
    seen: List[object] = []

    def opened() -> Iterator[int]:
        try:
            yield 1
            yield 2
        finally:
            seen.append("closed")

    generator = MeasuredResource(opened, told, is_traced=False)()
    assert (1, 1, 2, 1) == (next(generator), len(told.all), next(generator), len(told.all))
    generator.close()
    assert ["closed"] == seen


def test_memory_is_unknown_where_the_system_does_not_tell(monkeypatch: pytest.MonkeyPatch) -> None:
    """Other systems have no such files, and some give no leave."""
    told = Told()
    measured = Measured(double, told, is_traced=False)

    def refuse(*_: object, **__: object) -> Any:
        raise PermissionError

    monkeypatch.setitem(sys.modules, "psutil", None)
    with monkeypatch.context() as patch:
        patch.setattr(builtins, "open", refuse)
        measured(1)
    monkeypatch.setattr(usage, "_SET_BACK", os.devnull)  # and there is no number in the other
    monkeypatch.setattr(usage, "_PEAK", os.devnull)
    measured(1)
    assert [None, None] == [memory for _, memory in told.all]
