"""Meters and measured functions, without a run around them."""

from __future__ import annotations

import builtins
import pickle
from typing import Any, Iterator, List, Optional, Tuple

import pytest

from stagekit._base import usage
from stagekit._base.progress import USED, Progress
from stagekit._base.usage import Measured, MeasuredAwaitable, MeasuredElsewhere, MeasuredResource

Told = List[Tuple[float, Optional[int]]]


def double(number: int) -> int:
    """Return twice a number."""
    return 2 * number


def test_a_call_elsewhere_tells_by_its_progress() -> None:
    """With a note that no stage says; a progress that tells nobody is no trouble."""
    told: List[Any] = []
    measured = MeasuredElsewhere(double, is_traced=False)
    assert 6 == measured(Progress(lambda *said: told.append(said)), 3)
    ((cpu, _, note),) = told
    assert (True, USED) == (cpu >= 0, note)
    assert 8 == measured(Progress(), 4)
    assert 10 == pickle.loads(pickle.dumps(measured))(Progress(), 5)  # noqa: S301 - our own


def test_what_cannot_tell_from_elsewhere_is_the_function_alone() -> None:
    """A pickled one has forgotten that it was measured."""
    told: Told = []
    measured = Measured(double, lambda *used: told.append(used), is_traced=False)
    assert double is pickle.loads(pickle.dumps(measured))  # noqa: S301 - our own
    assert (4, 1) == (measured(2), len(told))


def test_an_awaitable_that_is_thrown_away_is_closed() -> None:
    """Its clean-up runs, and what it has used is told."""
    told: Told = []
    closed: List[int] = []

    class Never:
        def __await__(self) -> Iterator[None]:
            yield None

    async def stage() -> None:
        try:
            await Never()
        finally:
            closed.append(1)

    call = MeasuredAwaitable(stage, lambda *used: told.append(used), is_traced=False)()
    call.send(None)
    call.close()
    assert ([1], 1) == (closed, len(told))


def test_a_resource_is_its_generator_otherwise() -> None:
    """It can be closed, thrown into, and sent to."""
    told: Told = []
    seen: List[object] = []

    def opened() -> Iterator[int]:
        try:
            yield 1
            yield 2
        finally:
            seen.append("closed")

    generator = MeasuredResource(opened, lambda *used: told.append(used), is_traced=False)()
    assert (1, 1, 2, 1) == (next(generator), len(told), next(generator), len(told))
    generator.close()
    assert ["closed"] == seen


def test_memory_is_unknown_where_the_system_does_not_tell(monkeypatch: pytest.MonkeyPatch) -> None:
    """Other systems have no such files, and some give no leave."""
    told: Told = []
    measured = Measured(double, lambda *used: told.append(used), is_traced=False)

    def refuse(*_: object, **__: object) -> Any:
        raise PermissionError

    monkeypatch.setattr(builtins, "open", refuse)
    measured(1)
    monkeypatch.undo()
    monkeypatch.setattr(usage, "_highest", lambda: None)
    measured(1)
    assert [None, None] == [memory for _, memory in told]
