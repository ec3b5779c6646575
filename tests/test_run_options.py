"""Options of ``run`` are checked at the door: every mistake at once, with what is allowed."""

from __future__ import annotations

from typing import Any, Dict, List, Tuple

import pytest

from stagekit import Registry, plan, run
from stagekit.errors import UsageError

MISTAKES: List[Tuple[Dict[str, Any], List[str]]] = [
    ({"executor": "thread"}, ["executor takes 'auto', 'inline'", "did you mean 'threads'?"]),
    ({"executor": 3}, ["or an object with submit(), got 3"]),
    ({"workers": 0}, ["workers takes a whole number from 1 to 1024, got 0"]),
    ({"workers": True}, ["workers takes a whole number", "got True"]),
    ({"workers": 1.5}, ["got 1.5"]),
    ({"workers": 2000}, ["got 2000"]),
    ({"limits": {"asnyc": 2}}, ["limits names 'asnyc', which no stage", "did you mean 'async'?"]),
    ({"limits": {"async": 0}}, ['limits["async"] takes a whole number', "got 0"]),
    ({"on_failure": "contine"}, ["on_failure takes 'stop', 'continue' or", "did you mean"]),
    ({"on_failure": None}, ["on_failure takes", "got None"]),
    ({"arguments": "--fast"}, ["arguments takes a list of texts, got a text"]),
    ({"values": "text"}, ["values takes a list of objects", "write values=[...]"]),
    ({"values": b"text"}, ["values takes a list of objects"]),
]


@pytest.mark.parametrize(("options", "parts"), MISTAKES, ids=[repr(m[0]) for m in MISTAKES])
def test_a_wrong_option_is_refused_with_what_is_allowed(
    options: Dict[str, Any], parts: List[str]
) -> None:
    """Nothing has run, and the message has the value and its near miss."""
    registry = Registry()
    registry.add(lambda: pytest.fail("it ran"), id="stage")
    with pytest.raises(UsageError) as caught:
        run(registry=registry, **options)
    assert isinstance(caught.value, ValueError)
    assert [] == [part for part in parts if part not in str(caught.value)]


def test_every_wrong_option_is_told_at_once() -> None:
    """One error for all of them."""
    made = plan(registry=Registry())
    with pytest.raises(UsageError) as caught:
        run(made, executor="x", workers=0, on_failure="y", arguments="z")
    for part in ("executor takes", "workers takes", "on_failure takes", "arguments takes"):
        assert part in str(caught.value)
