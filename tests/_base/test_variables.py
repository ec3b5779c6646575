"""Context variables on their way to another process."""

from __future__ import annotations

import contextvars
import sys
import threading
from types import ModuleType
from typing import Any, Tuple

import pytest

from stagekit._base.variables import restored, travelling

Variables = Tuple[Any, Any]


@pytest.fixture
def held(monkeypatch: pytest.MonkeyPatch) -> contextvars.ContextVar[Any]:
    """Give a variable that a module holds."""
    module = ModuleType("holds_a_variable")
    variable: contextvars.ContextVar[Any] = contextvars.ContextVar("held", default=None)
    module.variable = variable  # type: ignore[attr-defined]  # pyright: ignore[reportAttributeAccessIssue]
    monkeypatch.setitem(sys.modules, "holds_a_variable", module)
    return variable


def test_a_variable_of_a_module_arrives_with_its_value(
    held: contextvars.ContextVar[Any],
) -> None:
    """Found by the names of both, whatever the variable calls itself; closures are values, too."""
    context = contextvars.Context()
    context.run(held.set, lambda: 3)
    payload, left_out = travelling(context)
    assert () == left_out
    assert 3 == restored(payload)[held]()
    assert restored(payload)[held] is not context[held]


def test_what_cannot_travel_is_named(held: contextvars.ContextVar[Any]) -> None:
    """A value that cannot be pickled, and a variable that no module holds."""
    context = contextvars.Context()
    context.run(held.set, threading.Lock())
    context.run(contextvars.ContextVar[int]("loose").set, 1)
    payload, left_out = travelling(context)
    assert (b"", {"held", "loose"}) == (payload, set(left_out))


def test_nothing_is_sent_for_nothing() -> None:
    """An empty context is no bytes."""
    assert (b"", ()) == travelling(contextvars.Context())
    assert not restored(b"")


def test_our_own_variables_stay_and_are_not_named() -> None:
    """Each process has its own registry in use."""
    from stagekit import Registry, use_registry

    with use_registry(Registry()):
        context = contextvars.copy_context()
    ours = contextvars.Context()
    for variable, value in context.items():
        if variable.name.startswith("stagekit"):
            ours.run(variable.set, value)
    assert (b"", ()) == travelling(ours)


def test_a_variable_that_is_not_over_there_is_not_set(
    held: contextvars.ContextVar[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The others are."""
    context = contextvars.Context()
    context.run(held.set, 1)
    payload, _ = travelling(context)
    monkeypatch.delitem(sys.modules, "holds_a_variable")
    assert not restored(payload)


def test_a_variable_that_was_replaced_in_its_module_is_looked_for_again(
    held: contextvars.ContextVar[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A place is remembered only as long as it holds the variable."""
    context = contextvars.Context()
    context.run(held.set, 1)
    assert () == travelling(context)[1]
    monkeypatch.setattr("holds_a_variable.variable", None)
    assert ("held",) == travelling(context)[1]
