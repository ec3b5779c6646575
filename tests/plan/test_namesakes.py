"""Parameters that are called after a function which gives them nothing: planning warns."""

from __future__ import annotations

import sys
from types import ModuleType
from typing import List

import pytest

from stagekit import Plan, Problem, Registry, plan, use_registry
from stagekit.errors import Code

HEAD = """
from typing import Dict, List, Optional
from stagekit import stage
Counts = Dict[str, int]
@stage
def orders() -> List[str]: return ["tea"]
@stage
def by_product(orders: List[str]) -> Counts: return {"tea": 1}
"""
TAKES = """
@stage
def plot(by_region: Counts) -> None: ...
"""


def planned(source: str) -> Plan:
    """Plan a program."""
    module = ModuleType("shop")
    sys.modules["shop"] = module
    try:
        with use_registry(Registry()) as registry:
            exec(compile(HEAD + source, "shop.py", "exec"), vars(module))  # noqa: S102
        return plan(registry=registry)
    finally:
        del sys.modules["shop"]


def warnings(source: str) -> List[Problem]:
    """Return what planning a program warns of."""
    return [each for each in planned(source).warnings if each.code is Code.NAME_PASSED_OVER]


@pytest.mark.parametrize(
    ("function", "what", "fix"),
    [
        (
            "@stage\ndef by_region(orders: List[str]): return {'north': 1}\n",
            "takes what `by_product` returns: `by_region` has no return annotation",
            "annotate `by_region`: -> Dict[str, int]",
        ),
        (
            "def by_region(orders: List[str]) -> Counts: return {'north': 1}\n",
            "takes what `by_product` returns: `by_region` is no stage",
            "make `by_region` a stage: @stage above it",
        ),
    ],
)
def test_the_function_that_was_meant_is_named(function: str, what: str, fix: str) -> None:
    """With what to write, which is right: then the warning is gone, and it fills the parameter."""
    (warning,) = warnings(function + TAKES)
    assert ("by_region", "shop:plot") == (warning.parameter, warning.stage_id)
    assert what in warning.message
    assert warning.fixes[0].startswith(fix)
    mended = "@stage\ndef by_region(orders: List[str]) -> Counts: return {'north': 1}\n"
    made = planned(mended + TAKES)
    assert () == made.warnings
    (binding,) = made.bindings[made.step_of("shop:plot")]
    assert ["shop:by_region"] == [made.order[step] for step in binding.providers]


def test_a_default_is_taken_in_its_place() -> None:
    """Of a stage only: a function that is none may be a helper."""
    takes = "@stage\ndef plot(by_region: Optional[bytes] = None) -> None: ...\n"
    (warning,) = warnings("@stage\ndef by_region(): return b'north'\n" + takes)
    assert "takes its default: `by_region` has no return annotation" in warning.message
    assert [] == warnings("def by_region() -> bytes: return b'north'\n" + takes)


@pytest.mark.parametrize(
    "source",
    [
        "@stage\ndef by_region(orders: List[str]) -> None: ...\n" + TAKES,
        "def by_region(orders: List[str]) -> int: return 1\n" + TAKES,
        "def by_region(orders: List[str]): return 1\n" + TAKES,
        "def by_product_(): ...\n@stage\ndef plot(by_product: Counts) -> None: ...\n",
        "by_region = 7\n" + TAKES,
        "@stage\ndef plot(counts: Counts) -> int: return 1\n@stage\ndef counts(plot: int): ...\n",
        (
            "from stagekit import From\nfrom typing_extensions import Annotated\n"
            "@stage\ndef by_region(): ...\n"
            "@stage\ndef plot(by_region: Annotated[Counts, From(by_product)]) -> None: ...\n"
        ),
    ],
)
def test_what_is_no_mistake_is_not_warned_of(source: str) -> None:
    """A helper of another type, a stage that returns nothing or comes later, what was named."""
    assert [] == warnings(source)
