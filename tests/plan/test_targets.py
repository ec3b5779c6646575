"""What is planned: targets, modules, selections; and what is warned of."""

from __future__ import annotations

import sys
from types import ModuleType
from typing import Any, Callable, Dict, List, NewType, Optional, Tuple

import pytest

from stagekit import PlanError, Problem, Registry, plan, run, use_registry
from stagekit.errors import Code, StagekitWarning, UsageError


class Orders:
    """A class."""


class Users:
    """Another class."""


def take(orders: Orders) -> Users:
    """Take the one, return the other."""
    assert isinstance(orders, Orders)
    return Users()


def maybe(orders: Optional[Orders]) -> int:
    """Take the one, if it is there."""
    return 0 if orders is None else 1


def nothing() -> None:
    """Do nothing."""


def chain() -> Registry:
    """Return load → take → show, and alone."""
    registry = Registry()
    registry.add(Orders, id="load", tags=["io"])
    registry.add(take, id="take")
    registry.add(nothing, id="show", depends_on="take", tags=["io"])
    registry.add(nothing, id="alone")
    return registry


def order(*arguments: Any, **options: Any) -> Tuple[str, ...]:
    """Return the order of a plan."""
    return plan(*arguments, **options).order


def problems(*arguments: Any, **options: Any) -> List[Problem]:
    """Return the problems of a plan."""
    with pytest.raises(PlanError) as caught:
        plan(*arguments, **options)
    return list(caught.value.problems)


def test_nothing_means_the_whole_registry() -> None:
    """Without a target every stage is planned; an empty registry gives an empty plan."""
    assert ("load", "take", "show", "alone") == order(registry=chain())
    assert () == order(registry=Registry())
    assert 0 == len(run(registry=Registry()))


TARGETS: List[object] = [
    *("take", take, Registry().add(take, id="take")),
    *(["take"], (take,), {take}),
]


@pytest.mark.parametrize("target", TARGETS, ids=repr)
def test_a_target_brings_its_ancestors_and_nothing_else(target: object) -> None:
    """By function, id or reference; one or several."""
    assert ("load", "take") == order(target, registry=chain())


def test_several_targets_bring_the_ancestors_of_all() -> None:
    """Each stage once."""
    assert ("load", "take", "alone") == order(["alone", take, "load"], registry=chain())
    assert () == order([], registry=chain())


def test_a_target_that_is_not_there_is_told_with_its_near_miss() -> None:
    """Every one of them, in one error."""
    first, second = problems(["laod", "load", nothing_else], registry=chain())
    found = {first.code, second.code}
    assert {Code.UNKNOWN_STAGE} == found
    texts = str(first) + str(second)
    for part in ("'laod'", "did you mean 'load'?", "`nothing_else` is not a stage"):
        assert part in texts


def nothing_else() -> None:
    """Be no stage."""


def test_a_function_that_is_a_target_twice_over_is_ambiguous() -> None:
    """``nothing`` stands for two stages."""
    (problem,) = problems(nothing, registry=chain())
    assert Code.AMBIGUOUS_NAME is problem.code
    assert "show, alone" in problem.message


@pytest.mark.parametrize("target", [3, 1.5, object()], ids=["int", "float", "object"])
def test_what_cannot_be_a_target_is_told(target: object) -> None:
    """It is one problem, not an exception from the depths."""
    (problem,) = problems(target, registry=chain())
    assert Code.UNKNOWN_STAGE is problem.code


SHOP: Dict[str, str] = {
    "shop_of_targets": "import shop_of_targets.inner\nfrom other_of_targets import other",
    "shop_of_targets.inner": "from stagekit import stage\n@stage\ndef inner() -> None: ...",
    "other_of_targets": """
from stagekit import stage
@stage
def before() -> None: ...
@stage(depends_on=before)
def other() -> None: ...
@stage
def apart() -> None: ...
""",
}


@pytest.fixture
def shop(monkeypatch: pytest.MonkeyPatch) -> Tuple[ModuleType, Registry]:
    """Return a package, declared in a registry of its own."""
    with use_registry(Registry()) as registry:
        for name in reversed(list(SHOP)):
            module = ModuleType(name)
            monkeypatch.setitem(sys.modules, name, module)
            exec(SHOP[name], vars(module))  # noqa: S102 - the sources above
    ref = registry.add(nothing, id="added")
    vars(sys.modules["shop_of_targets"])["added"] = ref
    return sys.modules["shop_of_targets"], registry


def test_a_module_means_what_it_declares_and_what_it_binds(
    shop: Tuple[ModuleType, Registry],
) -> None:
    """Its submodules' stages, those in its globals, references too, and the ancestors of all."""
    module, registry = shop
    expected = [
        "added",
        "other_of_targets:before",
        "other_of_targets:other",
        "shop_of_targets.inner:inner",
    ]
    assert expected == sorted(order(module, registry=registry))
    assert ("shop_of_targets.inner:inner",) == order("shop_of_targets.inner", registry=registry)
    assert ("shop_of_targets.inner:inner",) == order("shop_of_targets", registry=registry)
    both = order([module, "apart"], registry=registry)
    assert 5 == len(both)


def test_a_registry_of_several_modules_is_planned_with_a_warning(
    shop: Tuple[ModuleType, Registry],
) -> None:
    """Without a target the stages of all are meant, which may be a slip."""
    _, registry = shop
    (warning,) = plan(registry=registry).warnings
    assert Code.SEVERAL_MODULES is warning.code
    for name in ("shop_of_targets", "other_of_targets"):
        assert name in warning.message
    assert () == plan(["apart", "inner"], registry=registry).warnings
    with pytest.warns(StagekitWarning, match="top-level modules"):
        run(registry=registry, executor="inline")
    (problem,) = problems(registry=registry, strict=True)
    assert Code.SEVERAL_MODULES is problem.code


def test_a_selection_keeps_some_of_what_the_target_brings() -> None:
    """``select`` and ``exclude`` in dbt's words; both together."""
    registry = chain()
    assert ("load", "take") == order(registry=registry, select="+take")
    assert ("take", "show") == order(registry=registry, select="take+", values=[Orders()])
    assert ("load", "show") == order(registry=registry, select="tag:io")
    assert ("load", "take", "show") == order(registry=registry, exclude="alone")
    assert ("load",) == order("take", registry=registry, select=["load", "take"], exclude=["take"])


def test_a_selection_that_leaves_out_a_data_parent_is_an_error() -> None:
    """It names the stage that is left out, and ``+a`` to copy; order edges are merely cut."""
    registry = chain()
    (problem,) = problems(registry=registry, select="take")
    assert (Code.LEFT_OUT, "take", "orders") == (problem.code, problem.stage_id, problem.parameter)
    assert "`load`" in problem.message
    assert "select its ancestors too: +take" in problem.fixes
    assert ("show",) == order(registry=registry, select="show")
    assert ("take",) == order(registry=registry, select="take", overrides={"load": Orders()})


def test_a_selection_that_leaves_out_an_optional_parent_is_an_error_too() -> None:
    """A stage that exists is not silently replaced by None."""
    registry = Registry()
    registry.add(Orders, id="load")
    registry.add(maybe, id="maybe")
    (problem,) = problems(registry=registry, select="maybe")
    assert (Code.LEFT_OUT, "maybe") == (problem.code, problem.stage_id)


def test_a_selection_of_nothing_is_told() -> None:
    """A word that matches no stage is a problem with its near miss."""
    (problem,) = problems(registry=chain(), select="laod")
    assert Code.UNKNOWN_STAGE is problem.code
    assert "`laod`" in problem.message
    assert "load" in str(problem)


@pytest.mark.parametrize("option", ["select", "exclude"])
def test_a_selection_is_texts(option: str) -> None:
    """Anything else is a mistake of the call."""
    options: Dict[str, Any] = {option: [3]}
    with pytest.raises(UsageError, match=f"{option} takes texts"):
        plan(registry=chain(), **options)


def test_problems_of_stages_that_are_not_planned_are_not_told() -> None:
    """A broken stage elsewhere in the registry is no reason not to plan this one."""
    registry = chain()
    registry.add(take, id="broken", depends_on="nobody")
    registry.add(nothing, id="loop", depends_on="loop")
    assert ("load", "take") == order("take", registry=registry)
    assert 2 == len(problems(registry=registry))


def test_a_cycle_elsewhere_is_not_told() -> None:
    """A cycle that the target does not lead into is none of its business."""
    registry = chain()
    registry.add(nothing, id="x", depends_on="y")
    registry.add(nothing, id="y", depends_on=["x", "show"])
    assert ("load", "take", "show") == order("show", registry=registry)
    (problem,) = problems("x", registry=registry)
    assert Code.CYCLE is problem.code


def test_strict_planning_refuses_builtin_keys() -> None:
    """A stage that returns a builtin scalar may capture parameters of any stage."""
    registry = Registry()
    number: Callable[[], int] = lambda: 1  # noqa: E731
    registry.add(number, id="one", provides=int)
    registry.add(Orders, id="load")
    assert 2 == len(plan(registry=registry))
    (problem,) = problems(registry=registry, strict=True)
    assert (Code.BUILTIN_KEY, "one") == (problem.code, problem.stage_id)
    assert ('give it a type of its own: One = NewType("One", int)',) == problem.fixes
    assert problem.location is not None


@pytest.mark.parametrize(
    ("stage_id", "kind", "definition"),
    [
        ("shop:load_path", str, 'LoadPath = NewType("LoadPath", str)'),
        ("m:f.is_on", bool, 'IsOn = NewType("IsOn", bool)'),
        ("1of2", float, 'Total = NewType("Total", float)'),
    ],
)
def test_the_type_that_is_proposed_is_of_what_is_returned(
    stage_id: str, kind: type, definition: str
) -> None:
    """Called after the stage, where that is a name; the definition runs."""
    registry = Registry()
    registry.add(lambda: None, id=stage_id, provides=kind)
    (problem,) = problems(registry=registry, strict=True)
    assert (f"give it a type of its own: {definition}",) == problem.fixes
    names: Dict[str, Any] = {"NewType": NewType}
    exec(definition, names)  # noqa: S102 - what a user pastes
    made = names[definition.partition(" ")[0]]
    assert kind is made.__supertype__


def test_a_plan_says_what_it_was_made_for() -> None:
    """The text of the target, and of how many stages it was chosen."""
    registry = chain()
    assert ("", 4) == (plan(registry=registry).target, plan(registry=registry).total)
    made = plan("take", registry=registry)
    assert ("take", 4, 2) == (made.target, made.total, len(made))
    assert "load, take" == plan(["load", take], registry=registry).target
