"""``registry.adopt``: a module that nobody edits becomes a pipeline."""

from __future__ import annotations

import textwrap
from types import ModuleType
from typing import List

import pytest

from stagekit import DuplicateStageError, PlanError, Registry, plan, run, stage, use_registry
from stagekit.errors import Code

SHOP = """
    from collections import OrderedDict

    class Frame(list): ...

    def orders() -> Frame:
        return Frame([1, 2])

    def products() -> Frame:
        return Frame([3, 4])

    def priced(orders: Frame, products: Frame) -> Frame:
        return Frame(a * b for a, b in zip(orders, products))

    def total(priced: Frame) -> int:
        return sum(priced)

    def shout(text: str) -> bytes:
        return text.upper()

    def main():
        raise SystemExit(1)

    def _hidden():
        raise SystemExit(1)

    alias = total
    made = OrderedDict
"""


def module_of(source: str = SHOP, name: str = "shop") -> ModuleType:
    """Return a module of this source."""
    module = ModuleType(name)
    exec(textwrap.dedent(source), vars(module))  # noqa: S102
    return module


def names(registry: Registry) -> List[str]:
    """Return the names of the stages of a registry."""
    return [each.name for each in registry]


def test_every_public_function_of_a_module_is_a_stage() -> None:
    """Nothing imported, no class, no alias, no ``main``, and the module is as it was."""
    module = module_of()
    before = dict(vars(module))
    registry = Registry()
    added = registry.adopt(module)
    assert ["orders", "products", "priced", "total", "shout"] == names(registry)
    assert added == tuple(each.id for each in registry)
    assert before == vars(module)
    assert not [fn for fn in before.values() if "__stagekit_stage__" in getattr(fn, "__dict__", {})]
    assert () == registry.adopt(module)
    assert 11 == run(module.total, registry=registry)[module.total]


def test_what_cannot_be_a_stage_is_left_out_and_listed() -> None:
    """It has a parameter that nothing fills, and nobody needs it."""
    registry, module = Registry(), module_of()
    registry.adopt(module)
    for target in (None, module):
        made = plan(target, registry=registry)
        assert "shop:shout" not in made
        (warning,) = made.warnings
        assert (Code.NOT_ADOPTED, "shop:shout") == (warning.code, warning.stage_id)
    with pytest.raises(PlanError, match="`text` of stage `shout`"):
        plan("shout", registry=registry)
    assert "shop:shout" in plan("shout", registry=registry, values=["x"])


def test_what_only_it_provides_fills_no_parameter() -> None:
    """A helper from a type to the same type is no cycle of the pipeline."""
    registry = Registry()
    registry.adopt(module_of("def strip(text: str) -> str: ...\ndef one() -> int: ..."))
    assert ("shop:one",) == plan(registry=registry).order


def test_what_is_needed_is_not_left_out() -> None:
    """Its problem is told; so is that of a stage with ``@stage``."""
    registry = Registry()
    source = "\n    def loud(shout: bytes) -> float: ...\n"
    registry.adopt(module_of(SHOP + source))
    with pytest.raises(PlanError, match="`text` of stage `shout`"):
        plan(registry=registry)
    registry = Registry()
    registry.add(module_of().shout)
    with pytest.raises(PlanError, match="`text` of stage `shout`"):
        plan(registry=registry)


def test_one_that_goes_may_leave_another_without_users() -> None:
    """They are left out one after another."""
    registry = Registry()
    source = "def a(x: str) -> int: ...\ndef b(a: int, y: str) -> float: ...\ndef c() -> None: ..."
    registry.adopt(module_of(source))
    made = plan(registry=registry)
    assert ("shop:c",) == made.order
    assert ["shop:b", "shop:a"] == [each.stage_id for each in made.warnings]


def test_a_decorated_function_keeps_its_options() -> None:
    """``adopt`` takes it as it is declared."""
    with use_registry(Registry()):

        @stage(id="best", priority=3)
        def chosen() -> int:
            return 1

    module = module_of("def other() -> str: ...")
    vars(module)["chosen"] = chosen
    registry = Registry()
    assert ("shop:other", "best") == registry.adopt(module)
    found = registry.get("best")
    assert found is not None
    assert 3 == found.priority


def test_an_id_of_another_function_is_refused() -> None:
    """As everywhere."""
    registry = Registry()
    registry.add(lambda: 1, id="shop:orders")
    with pytest.raises(DuplicateStageError):
        registry.adopt(module_of())
