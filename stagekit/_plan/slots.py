"""Where a call takes its arguments from: constant slots, and calls that need more than slots."""

from __future__ import annotations

from typing import Any, Callable, Dict, List, NamedTuple, Optional, Tuple

__all__ = ["PACKED", "Binding", "Call", "Edge", "PackedCall", "Slot", "Take"]


class Slot(NamedTuple):
    """One constant slot of a run's values.

    ``kind`` is ``"value"`` (*value* is the constant), ``"given"`` (the caller of ``run`` binds
    *key*) or ``"injectable"`` (*key* is ``Context``, ``RunInfo`` or ``Arguments``).
    """

    kind: str
    key: object
    value: Any = None


class Binding(NamedTuple):
    """Parameter ← provider, decided when planning.

    ``kind`` is ``"stage"``, ``"given"``, ``"value"`` (an override), ``"injectable"``,
    ``"default"``, ``"none"`` (an ``Optional`` nobody provides) or ``"collect"``;
    *providers* are the step numbers of the stages among its sources.
    """

    parameter: str
    key: object
    kind: str
    providers: Tuple[int, ...]


class Edge(NamedTuple):
    """Step *before* must have ended before step *after* starts."""

    before: int
    after: int
    kind: str
    reason: str


# (function, first slot, second slot, all slots, promise): see docs/architecture.md
Call = Tuple[Callable[..., Any], int, int, Optional[Tuple[int, ...]], int]

PACKED: Tuple[int, ...] = ()


class Take(NamedTuple):
    """One argument of a packed call: a slot, an item of a tuple, or a collection of such.

    ``kind`` is ``"slot"``, ``"item"`` (*item* of the tuple in *slot*) or ``"list"``/``"tuple"``
    (of *parts*, leaving out stages that gave no value).
    """

    kind: str
    slot: int = -1
    item: int = -1
    parts: Tuple[Take, ...] = ()


class PackedCall:
    """A call with keyword-only parameters, items of tuples, or collections of values."""

    __slots__ = ("constants", "fn", "keywords", "positional")

    def __init__(
        self,
        fn: Callable[..., Any],
        positional: Tuple[Take, ...],
        keywords: Tuple[Tuple[str, Take], ...],
        constants: int,
    ) -> None:
        self.fn = fn
        self.positional = positional
        self.keywords = keywords
        self.constants = constants

    def split(
        self, values: List[Any]
    ) -> Tuple[Callable[..., Any], Tuple[Any, ...], Dict[str, Any]]:
        """Return function, positional and keyword arguments, for who calls them elsewhere."""
        args = tuple([self._take(each, values) for each in self.positional])
        return self.fn, args, {name: self._take(each, values) for name, each in self.keywords}

    def __call__(self, values: List[Any]) -> Any:
        fn, args, kwargs = self.split(values)
        return fn(*args, **kwargs)

    def _take(self, take: Take, values: List[Any]) -> Any:
        if take.kind == "slot":
            return values[take.slot]
        if take.kind == "item":
            found = values[take.slot]
            return None if found is None else found[take.item]
        taken = [
            self._take(part, values)
            for part in take.parts
            if part.slot < self.constants or values[part.slot] is not None
        ]
        return tuple(taken) if take.kind == "tuple" else taken


class AwaitIfNeeded:
    """Calls a wrapper around an ``async def``, and awaits what it returns if that can be."""

    __slots__ = ("fn",)

    def __init__(self, fn: Callable[..., Any]) -> None:
        self.fn = fn

    async def __call__(self, *args: Any, **kwargs: Any) -> Any:
        value = self.fn(*args, **kwargs)
        return await value if hasattr(value, "__await__") else value
