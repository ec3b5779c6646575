"""The public strategies. hypothesis is loaded when one is asked for."""

from __future__ import annotations

from typing import TYPE_CHECKING, Optional, Sequence, Tuple

from stagekit._api import Plan, plan
from stagekit._declare.registry import Registry
from stagekit.testing.dag import Dag

if TYPE_CHECKING:
    from types import ModuleType

    from hypothesis.strategies import SearchStrategy

__all__ = ["dags", "legal_orders", "plans", "registries"]

SHAPES = ("chain", "wide", "diamond", "layered", "random")


def dags(
    *, min_size: int = 1, max_size: int = 12, shapes: Sequence[str] = SHAPES
) -> SearchStrategy[Dag]:
    """Draw graphs without cycles; they shrink towards a single node and few edges.

    Args:
        min_size: the fewest nodes.
        max_size: the most nodes.
        shapes: what they may look like: ``"chain"``, ``"wide"`` (one before or after many),
            ``"diamond"`` (one, many, one, many, ...), ``"layered"``, ``"random"``.

    Raises:
        MissingExtraError: hypothesis is not installed.

    Example:
        >>> from hypothesis import given
        >>> from stagekit.testing import Dag, dags
        >>> @given(dags(max_size=5))
        ... def test_edges_go_up(dag: Dag) -> None:
        ...     assert all(before < after for before, after in dag.edges)
        >>> test_edges_go_up()
    """
    unknown = [shape for shape in shapes if shape not in SHAPES]
    if unknown or not shapes:
        raise ValueError(f"shapes must be some of {', '.join(SHAPES)}, got {shapes!r}")
    if not 0 < min_size <= max_size:
        raise ValueError(f"sizes must be 1 or more and ascend, got {min_size} and {max_size}")
    _require("dags")
    from stagekit.testing import drawing

    return drawing.dags(min_size, max_size, tuple(shapes))


def registries(
    shapes: Optional[SearchStrategy[Dag]] = None, *, is_async: bool = True, may_fail: bool = False
) -> SearchStrategy[Registry]:
    """Draw registries of real functions whose values depend on nothing but what they are passed.

    Their stages are called ``s0``, ``s1``, …, are declared in any order, and wait for each other
    by types (``NewType`` or class, one for each stage), by ``depends_on``, or both. A value is a
    number made of the stage's own and of those it was passed, so two executors agree only if
    they passed the same values to the same parameters.

    Args:
        shapes: the graphs to draw from; those of ``dags()`` unless given.
        is_async: let some stages be ``async def``.
        may_fail: let some stages raise ``ArithmeticError``, and some be ``critical=False``.

    Raises:
        MissingExtraError: hypothesis is not installed.

    Example:
        >>> from hypothesis import given
        >>> from stagekit import Registry, run
        >>> from stagekit.testing import registries
        >>> @given(registries())
        ... def test_threads_change_nothing(registry: Registry) -> None:
        ...     one, other = (run(registry=registry, executor=e) for e in ("inline", "threads"))
        ...     assert all(one[stage.id] == other[stage.id] for stage in registry)
        >>> test_threads_change_nothing()
    """
    _require("registries")
    from stagekit.testing import drawing

    graphs = dags() if shapes is None else shapes
    return drawing.registries(graphs, is_async=is_async, may_fail=may_fail)


def plans(
    shapes: Optional[SearchStrategy[Dag]] = None, *, is_async: bool = True, may_fail: bool = False
) -> SearchStrategy[Plan]:
    """Draw plans of whole registries; takes the arguments of ``registries``.

    Raises:
        MissingExtraError: hypothesis is not installed.
    """
    drawn = registries(shapes, is_async=is_async, may_fail=may_fail)
    return drawn.map(lambda registry: plan(registry=registry))


def legal_orders(plan: Plan, /) -> SearchStrategy[Tuple[str, ...]]:
    """Draw orders of all stage ids of a plan in which each comes after those it waits for.

    They shrink towards the order of the plan.

    Raises:
        MissingExtraError: hypothesis is not installed.

    Example:
        >>> from hypothesis import given, strategies
        >>> from stagekit.testing import legal_orders, plans
        >>> @given(strategies.data(), plans())
        ... def test_ancestors_come_first(data, plan) -> None:
        ...     order = data.draw(legal_orders(plan))
        ...     assert all(order.index(plan.order[before]) < order.index(plan.order[after])
        ...                for before, after, *_ in plan.edges)
        >>> test_ancestors_come_first()
    """
    _require("legal_orders")
    from stagekit.testing import drawing

    return drawing.legal_orders(plan)


def _require(name: str) -> None:
    try:
        _load()
    except ModuleNotFoundError as error:
        if error.name != "hypothesis":
            raise
        from stagekit.errors import MissingExtraError

        raise MissingExtraError(f"stagekit.testing.{name}", "testing") from error


def _load() -> ModuleType:
    import hypothesis  # 300 ms

    return hypothesis
