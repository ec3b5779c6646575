"""Corner cases of what can be a stage, and of its parameters.

Each test has the id of its case in ``tests/data/resolution_cases.json``.
"""

from __future__ import annotations

import functools
import importlib
import inspect
import sys
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any, Callable, Iterator, Tuple, TypeVar

import pytest
from typing_extensions import Annotated

from stagekit import DeclarationError, DuplicateStageError, From, PlanError, Registry, plan, run
from stagekit.errors import Code

F = TypeVar("F", bound=Callable[..., Any])


@dataclass(frozen=True)
class Orders:
    """What is loaded."""

    rows: Tuple[int, ...] = (3, 4)


Loaded = Annotated[Orders, From("load")]


@dataclass(frozen=True)
class Report:
    """A class with a field that a stage fills."""

    orders: Orders
    title: str = "report"


class Totals:
    """A class whose ``__init__`` has a parameter."""

    def __init__(self, orders: Orders) -> None:
        self.total = sum(orders.rows)


class Adder:
    """An object that can be called, with a method that can be called too."""

    def __init__(self, more: int) -> None:
        self.more = more

    def __call__(self, orders: Orders) -> int:
        return sum(orders.rows) + self.more

    def twice(self, orders: Orders) -> int:
        """Return twice the sum."""
        return 2 * sum(orders.rows)


@pytest.fixture
def registry() -> Registry:
    """Return a fresh registry with a provider of ``Orders``."""
    found = Registry()
    found.add(Orders, id="load")
    return found


def value_of(registry: Registry, stage: Any) -> Any:  # Any: whatever a stage returns
    """Run one stage and return its value."""
    return run(stage, registry=registry, executor="inline")[stage]


def shouting(fn: F) -> F:
    """Wrap a function as decorators do."""

    @functools.wraps(fn)
    def wrapper(*args: Any, **kwargs: Any) -> Any:  # Any: whatever is wrapped
        return fn(*args, **kwargs)

    return wrapper  # type: ignore[return-value]  # pyright: ignore[reportReturnType]


def test_case_posonly(registry: Registry) -> None:
    """Positional-only parameters are passed by position, keyword-only ones by keyword."""
    names: Any = {"Orders": Orders}
    source = "def total(orders: Orders, /, extra: int = 1, *, again: float) -> int:\n"
    exec(source + "    return sum(orders.rows) + int(again) + extra", names)  # noqa: S102
    registry.add(lambda: 3.0, id="again", provides=float)
    assert 11 == value_of(registry, registry.add(names["total"], id="total"))


def test_case_varargs(registry: Registry) -> None:
    """``*args`` and ``**kwargs`` are left empty, and no dependency arises from them."""

    @registry.stage
    def total(*args: Orders, **kwargs: Report) -> Tuple[object, ...]:
        return args, kwargs

    assert () == plan(total, registry=registry).edges
    assert ((), {}) == value_of(registry, total)


def test_case_wraps_same(registry: Registry) -> None:
    """Through ``functools.wraps`` the parameters of the inner function are seen."""

    @registry.stage
    @shouting
    def total(orders: Orders) -> int:
        return sum(orders.rows)

    assert 7 == value_of(registry, total)


def module_of(folder: Path, name: str, source: str) -> ModuleType:
    """Write a module, import it and return it."""
    (folder / f"{name}.py").write_text(source, encoding="utf-8")
    importlib.invalidate_caches()
    return importlib.import_module(name)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Return a folder that modules can be imported from, and forget them afterwards."""
    monkeypatch.setattr(sys, "path", [str(tmp_path), *sys.path])
    before = set(sys.modules)
    yield tmp_path
    for name in set(sys.modules) - before:
        del sys.modules[name]


DECORATORS = """
import functools
Orders = "not the type that is meant"
def noted(fn):
    @functools.wraps(fn)
    def wrapper(*args, **kwargs):
        return fn(*args, **kwargs)
    return wrapper
"""
SHOP = """
from __future__ import annotations
from decorators_for_case import noted
class Orders: ...
@noted
def load() -> Orders: return Orders()
@noted
def total(orders: Orders) -> int: return 7
"""


def test_case_wraps_other_module(folder: Path) -> None:
    """Texts are looked up where the inner function stands, not where its decorator does."""
    module_of(folder, "decorators_for_case", DECORATORS)
    shop = module_of(folder, "shop_for_case", SHOP)
    registry = Registry()
    load, total = registry.add(shop.load, id="load"), registry.add(shop.total, id="total")
    assert (("load", "total"), 7) == (
        plan(total, registry=registry).order,
        value_of(registry, total),
    )
    assert isinstance(value_of(registry, load), shop.Orders)


def test_case_signature_attr(registry: Registry) -> None:
    """A ``__signature__`` set by hand is honoured."""

    def total(*args: object, **kwargs: object) -> object:
        return args or kwargs

    kind = inspect.Parameter.POSITIONAL_OR_KEYWORD
    orders = inspect.Parameter("orders", kind, annotation=Orders)
    vars(total)["__signature__"] = inspect.Signature([orders], return_annotation=Report)
    stage = registry.add(total)
    assert ("load",) == plan(stage, registry=registry).order[:1]
    assert value_of(registry, stage) in [(Orders(),), {"orders": Orders()}]
    assert registry.add(lambda: None, id="show", depends_on=total).id == "show"


def test_case_partial_wraps(registry: Registry) -> None:
    """A partial of a wrapped function and a wrapper of a partial show what is left to fill."""

    def total(more: int, orders: Orders, times: int = 1) -> int:
        return (sum(orders.rows) + more) * times

    partial = functools.partial(shouting(total), 10, times=2)
    assert 34 == value_of(
        registry, registry.add(partial, id="partial of wrapped".replace(" ", "-"))
    )
    wrapped = shouting(functools.partial(total, 10, times=3))
    assert 51 == value_of(registry, registry.add(wrapped, id="wraps-of-partial"))
    named = registry.add(functools.partial(total, 1))
    assert named.id.endswith(":test_case_partial_wraps.total")


def test_case_callable_instance(registry: Registry) -> None:
    """An object with ``__call__`` asks for the parameters of that, without ``self``."""
    assert 17 == value_of(registry, registry.add(Adder(10), id="adder"))


def test_case_class_init(registry: Registry) -> None:
    """A class is a stage whose value is the object; its ``__init__`` says what it needs."""
    totals = registry.add(Totals)
    report = registry.add(Report)
    assert 7 == value_of(registry, totals).total
    assert Report(Orders()) == value_of(registry, report)
    by_type = registry.add(lambda: None, id="last", depends_on=[Totals, Report])
    assert 4 == len(plan(by_type, registry=registry))


class Model:
    """A class whose parameters only its signature knows, as attrs and pydantic make them."""

    __signature__ = inspect.Signature(
        [inspect.Parameter("orders", inspect.Parameter.KEYWORD_ONLY, annotation=Orders)]
    )
    orders: Orders

    def __init__(self, **data: Any) -> None:  # Any: what the signature says
        vars(self).update(data)


def test_case_attrs_pydantic(registry: Registry) -> None:
    """A class that hides its ``__init__`` is read through ``inspect.signature``."""
    model = registry.add(Model)
    assert Orders() == value_of(registry, model).orders


def test_case_bound_method(registry: Registry) -> None:
    """A bound method does not ask for ``self``."""
    twice = registry.add(Adder(0).twice)
    assert 14 == value_of(registry, twice)
    assert twice.id.endswith(":Adder.twice")


def test_case_lambda(registry: Registry) -> None:
    """A lambda needs an id of its own; two lambdas do not collide silently."""
    with pytest.raises(DeclarationError, match=r'id="\.\.\."'):
        registry.add(lambda: 1)
    one = registry.add(lambda: 1, id="one")
    assert 1 == value_of(registry, one)
    with pytest.raises(DuplicateStageError):
        registry.add(lambda: 2, id="one")


def test_case_type_cycle() -> None:
    """Two stages that need each other's values are a cycle, told as a path with its reasons."""
    registry = Registry()

    def a(totals: Totals) -> Orders:
        raise AssertionError(totals)

    def b(orders: Orders) -> Totals:
        raise AssertionError(orders)

    registry.add(a, id="a")
    registry.add(b, id="b")
    with pytest.raises(PlanError) as caught:
        plan(registry=registry)
    (problem,) = caught.value.problems
    assert (Code.CYCLE, ("a", "b", "a")) == (problem.code, problem.path)
    assert "a → b → a" in problem.message
    assert (
        "b waits for a: parameter `orders: Orders`",
        "a waits for b: parameter `totals: Totals`",
    ) == problem.notes


def test_case_same_name(folder: Path) -> None:
    """Two modules may each have a stage of one name; the short name alone is then ambiguous."""
    source = "from stagekit import stage\n@stage\ndef load() -> None: ...\n"
    registry = Registry()
    for name in ("first_for_case", "second_for_case"):
        registry.add(module_of(folder, name, source).load)
    assert ("first_for_case:load", "second_for_case:load") == plan(registry=registry).order
    with pytest.raises(PlanError) as caught:
        plan("load", registry=registry)
    (problem,) = caught.value.problems
    assert Code.AMBIGUOUS_NAME is problem.code
    assert "first_for_case:load, second_for_case:load" in problem.message


def test_case_kw_name_clash(registry: Registry) -> None:
    """Parameters may have any name; none clashes with a word of the library."""

    @registry.stage
    def total(self: Loaded, context: Loaded, name: Loaded, fn: Loaded, values: Loaded) -> int:
        return sum(len(each.rows) for each in (self, context, name, fn, values))

    @registry.stage
    def keywords(*, self: Loaded, args: Loaded, kwargs: Loaded, id: Loaded) -> int:
        return sum(len(each.rows) for each in (self, args, kwargs, id))

    assert 10 == value_of(registry, total)
    assert 8 == value_of(registry, keywords)
