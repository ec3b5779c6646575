"""Real functions for drawn registries: their values depend on nothing but what they are passed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Callable, Dict, NewType, Sequence, Tuple

from stagekit._declare.registry import Registry

__all__ = ["MAX_PARAMETERS", "Recipe", "declare_all"]

MAX_PARAMETERS = 4
PRIME = 2_147_483_647
NAMES = ("a", "b", "c", "d")

# Any: a NewType or a class, made at run time
Kind = Any
make_new_type: Callable[[str, type], Kind] = NewType


@dataclass(frozen=True)
class Recipe:
    """What one stage of a drawn registry is like.

    Attributes:
        number: its own number, part of its value.
        data: the stages whose values it is passed.
        order: the stages it merely waits for.
        is_class: whether its value's type is a class of its own rather than a ``NewType``.
        is_async: whether it is an ``async def``.
        priority: its priority.
        fails: whether it raises instead of returning.
        is_critical: whether its failure fails the run.
    """

    number: int
    data: Tuple[int, ...]
    order: Tuple[int, ...]
    is_class: bool
    is_async: bool
    priority: int
    fails: bool
    is_critical: bool

    @property
    def stage_id(self) -> str:
        """The id that the stage gets."""
        return f"s{self.number}"


def declare_all(recipes: Sequence[Recipe], order: Sequence[int]) -> Registry:
    """Return a registry of one stage for each recipe, declared in this order of numbers."""
    kinds = [_kind(recipe) for recipe in recipes]
    registry = Registry()
    for number in order:
        recipe = recipes[number]
        registry.add(
            _function(recipe, kinds),
            id=recipe.stage_id,
            depends_on=[recipes[before].stage_id for before in recipe.order],
            priority=recipe.priority,
            critical=recipe.is_critical,
        )
    return registry


def _kind(recipe: Recipe) -> Kind:
    name = f"Value{recipe.number}"
    return type(name, (int,), {}) if recipe.is_class else make_new_type(name, int)


def _function(recipe: Recipe, kinds: Sequence[Kind]) -> Callable[..., object]:
    """Return a function with one parameter, typed, for each stage in ``recipe.data``."""
    value = _value(recipe, kinds[recipe.number])
    made = (_ASYNC if recipe.is_async else _PLAIN)[len(recipe.data)](value)
    made.__name__ = made.__qualname__ = recipe.stage_id
    annotations: Dict[str, Kind] = {name: kinds[number] for name, number in zip(NAMES, recipe.data)}
    made.__annotations__ = {**annotations, "return": kinds[recipe.number]}
    return made


def _value(recipe: Recipe, kind: Kind) -> Callable[..., Kind]:
    if not recipe.is_class:
        kind = int  # as a NewType does nothing, and goes to no other process

    def value(*parts: int) -> Kind:
        if recipe.fails:
            raise ArithmeticError(f"stage {recipe.stage_id} was drawn to fail")
        mixed = recipe.number + 1
        for part in parts:
            mixed = (mixed * 31 + part) % PRIME
        return kind(mixed)

    return value


Value = Callable[..., Kind]


def _plain0(value: Value) -> Callable[..., object]:
    def stage() -> object:
        return value()

    return stage


def _plain1(value: Value) -> Callable[..., object]:
    def stage(a: object) -> object:
        return value(a)

    return stage


def _plain2(value: Value) -> Callable[..., object]:
    def stage(a: object, b: object) -> object:
        return value(a, b)

    return stage


def _plain3(value: Value) -> Callable[..., object]:
    def stage(a: object, b: object, c: object) -> object:
        return value(a, b, c)

    return stage


def _plain4(value: Value) -> Callable[..., object]:
    def stage(a: object, b: object, c: object, d: object) -> object:
        return value(a, b, c, d)

    return stage


def _async0(value: Value) -> Callable[..., object]:
    async def stage() -> object:
        return value()

    return stage


def _async1(value: Value) -> Callable[..., object]:
    async def stage(a: object) -> object:
        return value(a)

    return stage


def _async2(value: Value) -> Callable[..., object]:
    async def stage(a: object, b: object) -> object:
        return value(a, b)

    return stage


def _async3(value: Value) -> Callable[..., object]:
    async def stage(a: object, b: object, c: object) -> object:
        return value(a, b, c)

    return stage


def _async4(value: Value) -> Callable[..., object]:
    async def stage(a: object, b: object, c: object, d: object) -> object:
        return value(a, b, c, d)

    return stage


# by the number of parameters
_PLAIN = (_plain0, _plain1, _plain2, _plain3, _plain4)
_ASYNC = (_async0, _async1, _async2, _async3, _async4)
