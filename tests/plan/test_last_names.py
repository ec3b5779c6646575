"""Stages that are declared in functions, as tests do: their own name is enough."""

from __future__ import annotations

from typing import Any, Callable, Dict, List

import pytest
from typing_extensions import Annotated

from stagekit import From, PlanError, Registry, optional, plan, run
from stagekit.errors import UsageError
from stagekit.testing import simulate


@pytest.fixture
def nested() -> Registry:
    """Return a registry of two stages whose ids have the names of two functions."""
    registry = Registry()

    def flow() -> None:
        @registry.stage
        def two(k: int = 2) -> List[int]:
            return [k]

        @registry.stage(depends_on="two")
        def three(two: List[int], same: Annotated[List[int], From("two")]) -> str:
            return f"{two} {same}"

    flow()
    return registry


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({}, "[2] [2]"),
        ({"params": {"two.k": 1}}, "[1] [1]"),
        ({"params": {"two": {"k": 3}}}, "[3] [3]"),
        ({"overrides": {"two": [4]}}, "[4] [4]"),
        ({"select": "+three"}, "[2] [2]"),
        ({"order": ["two", "three"]}, "[2] [2]"),
        ({"keep": ["three"]}, "[2] [2]"),
    ],
    ids=str,
)
def test_the_last_name_stands_for_a_stage(
    options: Dict[str, Any], expected: str, nested: Registry
) -> None:
    """Wherever one is named: as target and result, and in every option."""
    assert expected == run("three", registry=nested, **options)["three"]


def test_a_variable_sets_a_parameter_by_the_last_name(
    nested: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    """``STAGEKIT_PARAM_TWO__K``, as of any stage."""
    from stagekit._base.parameters import from_command_line

    params: Any = from_command_line((), None, {"STAGEKIT_PARAM_TWO__K": "7"})
    assert "[7] [7]" == run(registry=nested, params=params)["three"]


def test_what_is_planned_is_found_by_the_last_name(nested: Registry) -> None:
    """In a plan, a schedule, and a registry, which lets go of it."""
    made = plan(registry=nested)
    assert ("two" in made, 0) == (True, made.step_of("two"))
    assert 1.0 == simulate(made, {"two": 1, "three": 2}, 1)["two"].end
    assert "two" in nested
    assert nested.remove("two").id.endswith("flow.two")
    with pytest.raises(UsageError, match="there is no stage 'two'"):
        nested.remove("two")


def declared(registry: Registry, *names: str, **options: Any) -> None:
    """Declare a stage under each id, as the module that stands in it would."""
    for name in names:
        fn: Any = lambda: None  # noqa: E731 - each its own
        fn.__module__ = name.partition(":")[0]
        registry.add(fn, id=name, **options)


def unknown(registry: Registry, **options: Any) -> str:
    """Return the text of what planning refuses."""
    with pytest.raises(PlanError) as caught:
        plan(registry=registry, **options)
    return str(caught.value)


def test_two_stages_of_one_last_name_are_told() -> None:
    """With their ids; everywhere."""
    registry = Registry()
    declared(registry, "m:f.two", "m:g.two")
    told = "'two' is the short name of 2 stages: m:f.two, m:g.two"
    assert told in unknown(registry, target="two")
    text = unknown(registry, select="two")
    assert "the selection `two` may mean 2 stages: `m:f.two`, `m:g.two`" in text
    assert ("m:f.two", "m:g.two") == plan(registry=registry, select="*.two").order
    assert "fix: *.two" in text
    assert "two" not in registry
    with pytest.raises(UsageError, match="'two' is the short name of 2 stages"):
        registry.remove("two")


@pytest.mark.parametrize(
    ("ids", "asker", "expected"),
    [
        (("m:two", "m:f.two"), "m:f.a", "m:two"),
        (("m:f.two", "m:g.two"), "m:f.a", "m:f.two"),
        (("m:f.two", "n:g.two"), "m:h.a", "m:f.two"),
        (("n:f.two",), "m:a", "n:f.two"),
    ],
)
def test_the_nearest_of_several_is_meant(ids: Any, asker: str, expected: str) -> None:
    """A short name first; then the same function, then the same module."""
    registry = Registry()
    declared(registry, *ids)
    declared(registry, asker, depends_on="two")
    made = plan(registry=registry)
    assert [expected] == [made.order[each] for each in made.parents[made.step_of(asker)]]


def test_a_module_is_no_last_name() -> None:
    """A target that names a module means its stages, whatever a stage in a function is called."""
    registry = Registry()
    declared(registry, "shop:load", "m:f.shop")
    assert ("shop:load",) == plan("shop", registry=registry).order


def test_what_is_optional_may_be_in_a_function() -> None:
    """It is absent only where no stage is called so."""
    registry = Registry()
    declared(registry, "m:f.two")
    declared(registry, "m:a", depends_on=[optional("two"), optional("none")])
    assert ("m:f.two", "m:a") == plan(registry=registry).order


def test_nobody_looks_at_last_names_where_all_are_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """Plans that do not need them cost what they did."""
    calls: List[str] = []

    def counted(original: Callable[[str], str]) -> Callable[[str], str]:
        return lambda name: calls.append(name) or original(name)  # type: ignore[func-returns-value]

    for module in ("references", "select", "parameters"):
        where = f"stagekit._plan.{module}.last_name"
        monkeypatch.setattr(where, counted(lambda name: name))
    registry = Registry()
    for number in range(300):
        needed = [f"s{number - 1}"] if number else []
        registry.add(lambda: None, id=f"m:s{number}", depends_on=needed)

    @registry.stage(id="m:last")
    def last(k: int = 1) -> None: ...

    plan(registry=registry, select="+s299 last", params={"last.k": 2})
    assert [] == calls
