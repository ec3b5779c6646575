"""Frozen data classes of our own: what those of ``dataclasses`` can do, they can."""

from __future__ import annotations

import copy
import dataclasses
import inspect
import pickle
from typing import Any, Dict, Optional, get_type_hints

import pytest

from stagekit import events
from stagekit.events import Event, StageRetrying, StageSucceeded

NAMES = [name for name in events.__all__ if issubclass(getattr(events, name), Event)]


@dataclasses.dataclass(frozen=True)
class Twin:
    """What ``dataclasses`` makes of the fields of ``StageRetrying``."""

    run_id: str
    time: float
    stage_id: str
    attempt: int
    delay: float
    error: BaseException
    item: Optional[int] = None
    attempts: Optional[int] = None


def event(**more: Any) -> StageSucceeded:
    """Return an event, with other parts where they are given."""
    parts: Dict[str, Any] = {"attempt": 1, "seconds": 0.5, "worker": "main", **more}
    return StageSucceeded("r1", 0.0, "shop:load", **parts)


def test_it_looks_as_the_one_of_dataclasses_does() -> None:
    """Signature, fields, text and names for ``match`` are the same."""
    error = ValueError("no")
    ours, twin = (kind("r", 0.0, "s", 1, 0.5, error, item=3) for kind in (StageRetrying, Twin))
    assert inspect.signature(Twin) == inspect.signature(StageRetrying)
    for each, other in zip(dataclasses.fields(twin), dataclasses.fields(ours)):
        assert (each.name, each.type, each.default) == (other.name, other.type, other.default)
    assert list(dataclasses.asdict(twin)) == list(dataclasses.asdict(ours))
    assert repr(twin).replace("Twin", "StageRetrying") == repr(ours)
    assert tuple(each.name for each in dataclasses.fields(ours)) == StageRetrying.__match_args__  # type: ignore[attr-defined,unused-ignore]  # of 3.10 on


def test_equal_parts_are_equal_events() -> None:
    """So they can be compared, kept in sets, copied and pickled."""
    pickled = pickle.loads(pickle.dumps(event()))  # noqa: S301 - our own
    assert event() == event()
    assert event() != event(attempt=2)
    unlike: object = Twin("r1", 0.0, "s", 1, 0.5, ValueError())
    assert event() != unlike
    assert 1 == len({event(), copy.copy(event()), pickled})
    assert event(attempt=3) == dataclasses.replace(event(), attempt=3)


@pytest.mark.parametrize(
    ("args", "kwargs"),
    [(("r1",), {}), (("r1", 0.0, "s", 1, 0.5, "main", "", 7), {}), (("r1",), {"unknown": 1})],
)
def test_wrong_arguments_are_a_type_error(args: Any, kwargs: Any) -> None:
    """As of every function."""
    with pytest.raises(TypeError):
        StageSucceeded(*args, **kwargs)


def test_nothing_can_be_changed() -> None:
    """Neither a field nor another name, with the error of ``dataclasses``."""
    made: Any = event()
    with pytest.raises(dataclasses.FrozenInstanceError, match="cannot assign to field 'attempt'"):
        made.attempt = 2
    with pytest.raises(dataclasses.FrozenInstanceError, match="cannot delete field 'attempt'"):
        del made.attempt
    assert event() == made


def test_a_data_class_may_extend_an_event() -> None:
    """With the decorator of ``dataclasses``, which finds the fields."""

    @dataclasses.dataclass(frozen=True)
    class Priced(StageSucceeded):
        price: int = 0

    priced = Priced("r1", 0.0, "shop:load", 1, 0.5, "main", price=3)
    assert ("shop:load", 3) == (priced.stage_id, priced.price)
    assert "price" == dataclasses.fields(priced)[-1].name


@pytest.mark.parametrize("name", NAMES)
def test_every_event_has_types_that_can_be_read(name: str) -> None:
    """Of each field, whatever reads them."""
    kind = getattr(events, name)
    assert {each.name for each in dataclasses.fields(kind)} <= set(get_type_hints(kind))


def test_it_can_be_copied_with_changes() -> None:
    """As ``copy.replace`` does from Python 3.13 on; the one it is made from stays as it is."""
    before = event()
    after: Any = before
    after = after.__replace__(seconds=1.5)
    assert (0.5, 1.5, "main") == (before.seconds, after.seconds, after.worker)
    with pytest.raises(TypeError):
        after.__replace__(minutes=1)
