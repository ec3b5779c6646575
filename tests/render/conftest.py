"""Pipelines that renderings are shown with: a small shop, one full of hostile text, any graph."""

from __future__ import annotations

from typing import Callable, Dict, List

import pytest

from stagekit import Plan, Registry, plan


class Orders:
    """Orders as they were read."""


class OrdersConfig:
    """Where the orders are."""


class Customers:
    """Customers as they were read."""


class CleanOrders:
    """Orders without mistakes."""


class Enriched:
    """Orders with their customers."""


class Model:
    """What scores are computed with."""


class Scores:
    """The result."""


@pytest.fixture
def shop() -> Registry:
    """The shop of the mock-ups."""
    registry = Registry()

    @registry.stage(id="sales:load_orders", tags=["source"])
    def load_orders(config: OrdersConfig) -> Orders:
        """Read the orders."""
        raise NotImplementedError(config)

    @registry.stage(id="sales:load_customers", tags=["source"])
    def load_customers() -> Customers:
        raise NotImplementedError

    @registry.stage(id="sales:clean")
    def clean(orders: Orders) -> CleanOrders:
        raise NotImplementedError(orders)

    @registry.stage(id="sales:enrich")
    def enrich(orders: CleanOrders, customers: Customers) -> Enriched:
        raise NotImplementedError(orders, customers)

    @registry.stage(id="sales:score", critical=False, priority=2)
    def score(rows: Enriched, model: Model, folds: int = 5) -> Scores:
        raise NotImplementedError(rows, model, folds)

    @registry.stage(id="sales:report")
    def report(scores: Scores) -> None:
        raise NotImplementedError(scores)

    @registry.stage(id="sales:publish", depends_on=report)
    async def publish() -> None:
        raise NotImplementedError

    return registry


@pytest.fixture
def shop_plan(shop: Registry) -> Plan:
    """The whole shop, planned."""
    return plan(registry=shop, values=[OrdersConfig(), Model()])


@pytest.fixture
def score_plan(shop: Registry) -> Plan:
    """The shop as far as ``score``, planned."""
    return plan("score", registry=shop, values=[OrdersConfig(), Model()])


HOSTILE_NAME = '<script>alert("1")</script> & `x` | \\ "] end; -->\x1b[31m\u202e'
HOSTILE_TYPE = '<img src=x onerror="1">\x1b]0;t\x07'


@pytest.fixture
def hostile_plan() -> Plan:
    """Two stages whose names, descriptions and types are written by an enemy."""
    registry = Registry()
    kind = type(HOSTILE_TYPE, (), {})

    def first() -> None:
        raise NotImplementedError

    def second(value: object) -> None:
        raise NotImplementedError(value)

    second.__annotations__["value"] = kind
    told = "</td></table><script>document.cookie</script>\x9b2J"
    registry.add(first, id="m:first", name=HOSTILE_NAME, description=told, provides=kind)
    registry.add(second, id="m:second", name="%s {0.__class__} ${HOME}")
    return plan(registry=registry)


Graph = Callable[[str], Plan]


@pytest.fixture
def graph() -> Graph:
    """A function that plans a graph written as ``a->b,c->d; e``: arrows lead to what waits."""
    return graph_of


def graph_of(text: str) -> Plan:
    """Return the plan of a graph of order edges."""
    parents: Dict[str, List[str]] = {}
    for part in text.split(";"):
        groups = [[name.strip() for name in group.split(",")] for group in part.split("->")]
        for name in (name for group in groups for name in group):
            parents.setdefault(name, [])
        for before, after in zip(groups, groups[1:]):
            for name in after:
                parents[name] += before
    registry = Registry()
    for name, above in parents.items():
        registry.add(lambda: None, id=name, depends_on=tuple(above))
    return plan(registry=registry)
