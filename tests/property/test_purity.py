"""Planning calls no stage and changes nothing of the user's."""

from __future__ import annotations

import functools
from typing import Any, Callable, Dict, List, Tuple

from hypothesis import given
from hypothesis import strategies as st

from stagekit import Registry, plan, run
from stagekit.testing import registries


def recorded(registry: Registry, calls: List[str]) -> Registry:
    """Return the same stages, each of which writes down its id when it is called."""
    found = Registry()
    for stage in registry:
        found.add(
            noting(stage.fn, stage.id, calls),
            id=stage.id,
            depends_on=stage.depends_on,
            priority=stage.priority,
        )
    return found


def noting(fn: Callable[..., object], stage_id: str, calls: List[str]) -> Callable[..., object]:
    """Wrap a function so that its calls are written down."""

    @functools.wraps(fn)
    def wrapper(*args: object) -> object:
        calls.append(stage_id)
        return fn(*args)

    return wrapper


@given(st.data(), registries(is_async=False))
def test_planning_never_calls_a_stage(data: st.DataObject, registry: Registry) -> None:
    """Whatever is planned, drawn or selected, no stage is called; a run calls each once."""
    calls: List[str] = []
    noted = recorded(registry, calls)
    target = data.draw(st.sampled_from([stage.id for stage in noted]))
    made = plan(registry=noted)
    for each in (made, plan(target, registry=noted), plan(registry=noted, select=f"+{target}")):
        assert all([each.explain(), each.to_json(), each.to_mermaid(), each.to_dot()])
    assert [] == calls
    run(made, executor="inline")
    assert sorted(made.order) == sorted(calls)


@given(registries())
def test_planning_leaves_what_the_user_made_as_it_was(registry: Registry) -> None:
    """Functions, their annotations and defaults, and the registry are the same after planning."""
    before = state(registry)
    plan(registry=registry)
    assert before == state(registry)


# Any: attributes of the users' functions
def state(registry: Registry) -> List[Tuple[Any, ...]]:
    """Return all that users can see of a registry."""
    return [
        (stage, stage.id, stage.fn, dict(vars(stage.fn)), seen(stage.fn), stage.depends_on)
        for stage in registry
    ]


def seen(fn: Any) -> Dict[str, Any]:  # Any: a user's function
    """Return what planning reads of a function."""
    names = ("__annotations__", "__defaults__", "__kwdefaults__", "__name__", "__qualname__")
    return {name: getattr(fn, name) for name in names}
