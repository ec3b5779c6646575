"""Classes, stages and registries for tests of how parameters are filled."""

from __future__ import annotations

from typing import Any, Callable

import pytest
from typing_extensions import Annotated

from stagekit import Collect, Named, PlanError, Problem, Registry, plan, run

SEEN = (Annotated, Collect, Named)  # by annotations that are texts: they are read in this module


class Orders:
    """A class with a name to tell its objects apart."""

    def __init__(self, name: str = "") -> None:
        self.name = name

    def __repr__(self) -> str:
        return f"Orders({self.name!r})"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Orders) and self.name == other.name

    def __hash__(self) -> int:
        return hash(self.name)


class Late(Orders):
    """A subclass."""


class Users:
    """Another class."""


def taking(annotation: object, *default: object) -> Any:  # Any: a function made for one test
    """Return a function with one parameter of this annotation, which it returns."""

    def take(x: object) -> object:
        return x

    take.__annotations__ = {"x": annotation}
    take.__defaults__ = default or None
    return take


def returning(value: object, annotation: object = None) -> Callable[[], object]:
    """Return a function that returns a value, annotated with its type unless said."""

    def make() -> object:
        return value

    make.__annotations__ = {"return": type(value) if annotation is None else annotation}
    return make


def registry_of(**values: object) -> Registry:
    """Return a registry of stages that return these values, each typed by it."""
    registry = Registry()
    for stage_id, value in values.items():
        registry.add(returning(value), id=stage_id)
    return registry


def taken(registry: Registry, annotation: object, *default: object, **options: Any) -> Any:
    """Return what a parameter of this annotation is passed. Any: any value."""
    registry.add(taking(annotation, *default), id="take", **options)
    return run("take", registry=registry, executor="inline")["take"]


def refused(registry: Registry, *arguments: Any, **options: Any) -> Problem:
    """Return the one problem for which a registry cannot be planned."""
    with pytest.raises(PlanError) as caught:
        plan(*arguments, registry=registry, **options)
    (problem,) = caught.value.problems
    return problem
