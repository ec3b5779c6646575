"""Options of ``@stage`` that a run has to manage: checked here, loaded where one is used."""

from __future__ import annotations

from typing import Any, Callable, Dict, List, Mapping, Optional, Tuple, Union

from stagekit._base.ports import Pool, is_cluster
from stagekit._base.record import Record
from stagekit._base.retry import MAX_ATTEMPTS, Retry, seconds_mistake

EXECUTORS = ("auto", "inline", "threads", "processes", "dask")
MAX_SLOTS = 1_000_000


class Managed(Record):
    """What a declaration says of retries, time, place, slots and undoing; checked, as given."""

    __slots__ = ("retries", "timeout", "executor", "resources", "undo")

    def __init__(self) -> None:
        self.retries: Union[int, Retry] = 0
        self.timeout: Optional[float] = None
        self.executor: Union[str, Pool, None] = None
        self.resources: Tuple[Tuple[str, int], ...] = ()
        self.undo: Optional[Callable[..., Any]] = None


def make_managed(given: Dict[str, Any], mistakes: List[str]) -> Managed:
    """Check these options; add what is wrong to *mistakes*."""
    managed = Managed()
    for key, value in given.items():
        wrong = _CHECKS[key](value)
        if wrong:
            mistakes += wrong
        else:
            setattr(managed, key, tuple(sorted(value.items())) if key == "resources" else value)
    return managed


def _retries(value: object) -> List[str]:
    if isinstance(value, Retry) or (type(value) is int and 0 <= value < MAX_ATTEMPTS):
        return []
    most = MAX_ATTEMPTS - 1
    return [f"retries must be a whole number from 0 to {most}, or a Retry, got {value!r}"]


def _timeout(value: object) -> List[str]:
    mistake = seconds_mistake(value)
    return [] if mistake is None else [f"timeout {mistake}, got {value!r}"]


def _executor(value: object) -> List[str]:
    if isinstance(value, str):
        if value in EXECUTORS or is_cluster(value):
            return []
        from stagekit._base.text import did_you_mean

        near = did_you_mean(value, EXECUTORS)
        hint = f"; did you mean {near[0]!r}?" if near else ""
    elif not isinstance(value, type) and callable(getattr(value, "submit", None)):
        return []
    else:
        hint = ""
    names = ", ".join(map(repr, EXECUTORS))
    return [f"executor must be one of {names}, or an object with submit(), got {value!r}{hint}"]


def _resources(value: Any) -> List[str]:  # Any: a user's value
    if not isinstance(value, Mapping):
        return [f'resources must be slots and how many of each: {{"db": 1}}, got {value!r}']
    items: List[Tuple[object, object]] = list(value.items())  # pyright: ignore[reportUnknownArgumentType]
    mistakes = [
        f"resources: the name of a slot must be a text that is not empty, got {name!r}"
        for name, _ in items
        if not isinstance(name, str) or not name
    ]
    mistakes += [
        'resources: "async" counts async stages already; name the slot otherwise'
        for name, _ in items
        if name == "async"
    ]
    return mistakes + [
        f"resources: {name!r} must be a whole number from 1 to {MAX_SLOTS:,}, got {count!r}"
        for name, count in items
        if type(count) is not int or not 1 <= count <= MAX_SLOTS
    ]


def _undo(value: object) -> List[str]:
    return [] if callable(value) else [f"undo must be a function, got {value!r}"]


_CHECKS: Dict[str, Callable[[Any], List[str]]] = {
    "retries": _retries,
    "timeout": _timeout,
    "executor": _executor,
    "resources": _resources,
    "undo": _undo,
}
