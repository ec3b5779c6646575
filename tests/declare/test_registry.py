"""``Registry``: an ordered, thread-safe index; ``use_registry``: where declarations go."""

from __future__ import annotations

import asyncio
import contextvars
import sys
import threading
from types import ModuleType
from typing import Any, Callable, List

import pytest

from stagekit import (
    DuplicateStageError,
    PlanError,
    Registry,
    StageRef,
    optional,
    plan,
    run,
    stage,
    use_registry,
)
from stagekit.errors import Code, UsageError


def nothing() -> None:
    """Do nothing."""


def one() -> int:
    """Return a number."""
    return 1


def ids(registry: Registry) -> List[str]:
    """Return the ids of a registry, in its order."""
    return [each.id for each in registry]


@pytest.mark.parametrize(
    ("stage", "text"),
    [
        ("laod", "there is no stage 'laod'; did you mean 'load'?"),
        (StageRef[Any]("laod"), "there is no stage 'laod'; did you mean 'load'?"),
        ("zzz", "there is no stage 'zzz'; stages here: load, save, save"),
        (int, "`int` is not a stage of this registry"),
        (
            "save",
            "'save' is the short name of 2 stages: a:save, b:save; write the whole id: \"a:save\"",
        ),
    ],
)
def test_what_is_not_in_cannot_be_removed(stage: Any, text: str) -> None:
    """A typo is told with what may have been meant; nothing is changed."""
    registry = Registry()
    for each in ("load", "a:save", "b:save"):
        registry.add(lambda: None, id=each)
    before = registry.version
    with pytest.raises(UsageError) as caught:
        registry.remove(stage)
    assert text == str(caught.value)
    assert (before, 3) == (registry.version, len(registry))


def test_a_registry_is_an_ordered_index() -> None:
    """Length, membership, order and look-up, by id, short name, function and reference."""
    registry = Registry()
    assert (0, []) == (len(registry), ids(registry))
    ref = registry.add(one, id="shop:one")
    other = registry.add(nothing, id="shop:other")
    assert (2, ["shop:one", "shop:other"]) == (len(registry), ids(registry))
    for known in ("shop:one", "one", one, ref):
        assert known in registry
        found = registry.get(known)
        assert found is not None
        assert (one, "shop:one") == (found.fn, found.id)
    unknown: List[object] = ["two", "shop:two", ids, Registry().add(one, id="two"), 3, None]
    assert [] == [each for each in unknown if each in registry]
    assert registry.get("two") is None
    assert "<stage shop:one>" == repr(registry.get("one"))
    assert "<Registry of 2 stages>" == repr(registry)
    assert StageRef("shop:other") == other


def test_the_current_registry_is_the_one_that_stage_uses() -> None:
    """What is added to it stands beside what is decorated, and is run with it."""
    with use_registry(Registry()) as registry:
        assert Registry.current() is registry

        @stage(id="marked")
        def marked() -> None: ...

        Registry.current().add(one, id="added")
        with use_registry(Registry()) as inner:
            assert Registry.current() is inner
        assert ["marked", "added"] == ids(registry)
        assert 1 == run()["added"]
    assert Registry.current() is not registry


def test_a_short_name_that_two_stages_have_is_none() -> None:
    """Where it is ambiguous it stands for nothing."""
    registry = Registry()
    registry.add(one, id="a:load")
    registry.add(one, id="b:load")
    assert "load" not in registry
    assert registry.get("load") is None


def test_stages_can_be_removed() -> None:
    """``remove`` returns the declaration, to be registered again; ``clear`` takes out all."""
    registry = Registry()
    registry.add(one, id="one")
    registry.add(nothing, id="two")
    gone = registry.remove("one")
    assert (one, ["two"]) == (gone.fn, ids(registry))
    assert "one" not in registry
    registry.register(gone)
    assert ["two", "one"] == ids(registry)
    registry.clear()
    assert [] == ids(registry)


def test_iteration_is_over_a_frozen_snapshot() -> None:
    """What is declared or removed afterwards does not change a snapshot that was taken."""
    registry = Registry()
    registry.add(one, id="one")
    before = registry.snapshot()
    assert before is registry.snapshot()
    registry.add(nothing, id="two")
    assert (["one"], ["one", "two"]) == ([each.id for each in before], ids(registry))


def test_each_change_has_a_greater_version() -> None:
    """Whoever keeps what was made of a registry can tell that it is out of date."""
    registry = Registry()
    versions = [registry.version]
    registry.add(one, id="one")
    versions.append(registry.version)
    registry.remove("one")
    versions.append(registry.version)
    registry.clear()
    versions.append(registry.version)
    assert sorted(set(versions)) == versions


def test_a_declaration_may_be_registered_twice() -> None:
    """The very same declaration in the same registry is no duplicate."""
    registry = Registry.of(stage_in_a_registry())
    (declaration,) = registry
    registry.register(declaration)
    assert 1 == len(registry)


def stage_in_a_registry() -> Callable[[], int]:
    """Return a decorated function that no registry of a test holds."""
    with use_registry(Registry()):

        @stage
        def load() -> int:
            return 1

    return load


def test_a_function_can_serve_many_ids() -> None:
    """``add`` leaves the function unmarked and returns a typed reference for each id."""
    registry = Registry()
    refs = [registry.add(one, id=f"one{number}") for number in range(3)]
    assert {} == vars(one)
    registry.add(nothing, id="last", depends_on=refs)
    result = run(registry=registry)
    assert [1, 1, 1] == [result[ref] for ref in refs]
    assert 4 == len(result)


def test_a_function_that_stands_for_several_stages_names_none() -> None:
    """As a dependency, a target or a key of a result it is refused with its ids."""
    registry = Registry()
    registry.add(one, id="first")
    registry.add(one, id="second")
    registry.add(nothing, id="last", depends_on=one)
    with pytest.raises(PlanError) as caught:
        plan("last", registry=registry)
    (problem,) = caught.value.problems
    assert (Code.AMBIGUOUS_NAME, "last") == (problem.code, problem.stage_id)
    assert "first, second" in problem.message
    with pytest.raises(PlanError) as caught:
        plan(one, registry=registry)
    assert Code.AMBIGUOUS_NAME is caught.value.problems[0].code
    registry.remove("last")
    with pytest.raises(LookupError, match="first, second"):
        run(registry=registry)[one]


def test_add_takes_the_options_of_stage() -> None:
    """Name, description, tags, provides, priority, critical and depends_on, as the decorator."""
    registry = Registry()
    registry.add(
        one,
        id="one",
        name="One",
        description="It is.",
        tags=("a",),
        provides=float,
        priority=-1,
        critical=False,
        depends_on=optional("nobody"),
    )
    (found,) = registry
    assert ("One", "It is.", ("a",), -1, False) == (
        found.name,
        found.description,
        found.tags,
        found.priority,
        found.critical,
    )
    assert (optional("nobody"),) == found.depends_on


def test_a_reference_can_be_compared_and_read() -> None:
    """References to one id are equal, and say it."""
    ref = Registry().add(one, id="one")
    same = Registry().add(one, id="one")
    assert ref == same
    assert hash(ref) == hash(same)
    assert "one" != ref
    assert "StageRef('one')" == repr(ref)


def test_of_builds_a_registry_of_decorated_functions() -> None:
    """The declaration stays on the function, so a fresh registry needs no clean-up."""
    load = stage_in_a_registry()
    registry = Registry.of(load)
    assert 1 == run(load, registry=registry)[load]
    assert load in registry
    assert 1 == len(Registry.of(load))
    with pytest.raises(ValueError, match="is not a stage: decorate it with @stage"):
        Registry.of(load, nothing)


MODULES = {
    "shop_to_collect": """
from stagekit import stage
@stage
def load() -> int: return 1
from shop_to_collect.inner import total
not_a_stage = 3
alias = load
class Till:
    @stage
    def method(self) -> int: return 1
""",
    "shop_to_collect.inner": """
from stagekit import stage
@stage
def total() -> int: return 2
@stage
def more() -> int: return 3
""",
    "shop_to_collect_too": """
from stagekit import stage
@stage
def other() -> int: return 4
""",
}


@pytest.fixture
def shop(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """Return a package of stages with a submodule, made for one test."""
    with use_registry(Registry()):
        for name in reversed(list(MODULES)):
            module = ModuleType(name)
            monkeypatch.setitem(sys.modules, name, module)
            exec(MODULES[name], vars(module))  # noqa: S102 - the source above
    return sys.modules["shop_to_collect"]


def test_collect_takes_what_a_module_and_its_submodules_bind(shop: ModuleType) -> None:
    """Each stage once, whatever it is bound to; methods need an instance."""
    expected = ["shop_to_collect.inner:more", "shop_to_collect.inner:total", "shop_to_collect:load"]
    assert expected == sorted(ids(Registry.collect(shop)))
    assert 4 == len(Registry.collect(shop, sys.modules["shop_to_collect_too"]))
    assert 3 == len(Registry.collect(shop, shop))
    till = vars(shop)["Till"]()
    assert ["shop_to_collect:Till.method"] == ids(Registry.collect(till))


class Base:
    """A class with stages."""

    @stage
    def first(self) -> int:
        """Return a number."""
        return 1

    @stage
    def second(self) -> int:
        """Return a number."""
        return 2


class Derived(Base):
    """A class that replaces one of them, and has one of its own."""

    @stage
    def second(self) -> int:
        """Return another number."""
        return 20

    @classmethod
    @stage
    def third(cls) -> int:
        """Return a number."""
        return 3

    def fourth(self) -> int:
        """Take no part."""
        return 4


def test_collect_takes_methods_as_the_instance_has_them() -> None:
    """Inherited ones too; what a subclass redefines is its own."""
    registry = Registry.collect(Derived())
    values = run(registry=registry)
    found = {each.id.rpartition(":")[2]: values[each.id] for each in registry}
    assert {"Base.first": 1, "Derived.second": 20, "Derived.third": 3} == found


def test_collect_refuses_what_has_no_stages() -> None:
    """An instance of a class without decorated methods is most likely a mistake."""
    with pytest.raises(ValueError, match="int has no stages: decorate its methods"):
        Registry.collect(3)


def test_two_instances_of_one_class_have_the_same_ids() -> None:
    """Two of them in one registry are duplicates, not silently one."""
    with pytest.raises(DuplicateStageError):
        Registry.collect(Base(), Base())


def test_use_registry_sends_declarations_elsewhere_and_back() -> None:
    """Inside the block, nested blocks included, declarations and runs use that registry."""
    outer, inner = Registry(), Registry()
    with use_registry(outer) as given:
        assert outer is given
        stage(one)
        with use_registry(inner):
            stage(id="inner")(nothing)
            assert ("inner",) == plan().order
        assert (f"{__name__}:one",) == run().plan.order
        with pytest.raises(ZeroDivisionError), use_registry(inner):
            raise ZeroDivisionError
        assert 1 == len(plan())
    assert (1, 1) == (len(outer), len(inner))
    vars(one).clear()
    vars(nothing).clear()


def test_use_registry_can_be_entered_again() -> None:
    """One object serves many blocks, one after the other or one in the other."""
    registry = Registry()
    block = use_registry(registry)
    with block:
        with block:
            stage(id="a")(lambda: None)
        stage(id="b")(lambda: None)
    with block:
        stage(id="c")(lambda: None)
    assert ["a", "b", "c"] == ids(registry)


def test_use_registry_is_local_to_its_context() -> None:
    """Threads and tasks that run beside a block do not see it; each has its own."""
    registries = [Registry() for _ in range(4)]
    barrier = threading.Barrier(4)

    def declare(number: int) -> None:
        with use_registry(registries[number]):
            barrier.wait(30)
            for each in range(25):
                stage(id=f"t{number}-{each}")(lambda: None)
            barrier.wait(30)

    threads = [
        threading.Thread(target=contextvars.copy_context().run, args=(declare, number))
        for number in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    for number, registry in enumerate(registries):
        assert [f"t{number}-{each}" for each in range(25)] == ids(registry)


def test_use_registry_is_local_to_a_task() -> None:
    """Two tasks that take turns inside their blocks do not mix."""

    async def declare(registry: Registry) -> None:
        with use_registry(registry):
            for number in range(5):
                stage(id=f"s{number}")(lambda: None)
                await asyncio.sleep(0)

    async def both() -> List[Registry]:
        made = [Registry(), Registry()]
        await asyncio.gather(*map(declare, made))
        return made

    for registry in asyncio.run(both()):
        assert [f"s{number}" for number in range(5)] == ids(registry)


def test_options_of_add_are_validated_like_those_of_stage() -> None:
    """An unknown option is refused, with its near miss."""
    register: Any = Registry().add
    with pytest.raises(ValueError, match="did you mean 'provides'"):
        register(one, id="one", provide=int)
