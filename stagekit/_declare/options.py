"""What ``@stage`` is told besides the function and its dependencies: options and their checks."""

from __future__ import annotations

from stagekit._base.record import Record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Callable, Dict, List, Optional, Tuple, Union

    from stagekit._base.ports import Pool
    from stagekit._base.retry import Retry

MAX_SLOTS = 1_000_000


class PolicyOptions(Record):
    """What a declaration says of retries, time, place, slots and undoing; checked, as given."""

    retries: Union[int, Retry] = 0
    timeout: Optional[float] = None
    executor: Union[str, Pool, None] = None
    resources: Tuple[Tuple[str, int], ...] = ()
    undo: Optional[Callable[..., Any]] = None


class Options:
    """What a declaration says beyond its function and its dependencies."""

    __slots__ = ("critical", "description", "name", "policy", "priority", "provides", "tags")

    def __init__(self) -> None:
        self.name: Optional[str] = None
        self.description: Optional[str] = None
        self.tags: Tuple[str, ...] = ()
        self.provides: object = None
        self.priority: int = 0
        self.critical: bool = True
        self.policy: Optional[PolicyOptions] = None


DEFAULTS = Options()


def make_options(given: Dict[str, Any], mistakes: List[str]) -> Options:
    """Check the options of a declaration; add what is wrong to *mistakes*."""
    options = Options()
    policy: Dict[str, Any] = {}
    for key, value in given.items():
        check = _CHECKS.get(key)
        if key in _POLICY_CHECKS:
            if value is not None:
                policy[key] = value
        elif check is None:
            mistakes.append(_unknown_option(key))
        elif value is not None:
            mistake = check(value)
            if mistake is not None:
                mistakes.append(f"{key} {mistake}, got {value!r}")
            else:
                setattr(options, key, tuple(value) if key == "tags" else value)
    if policy:
        options.policy = _make_policy(policy, mistakes)
    return options


def _make_policy(given: Dict[str, Any], mistakes: List[str]) -> PolicyOptions:
    """Check what is said of running; add what is wrong to *mistakes*."""
    policy = PolicyOptions()
    for key, value in given.items():
        wrong = _POLICY_CHECKS[key](value)
        if wrong:
            mistakes += wrong
        else:
            setattr(policy, key, tuple(sorted(value.items())) if key == "resources" else value)
    return policy


def _unknown_option(key: str) -> str:
    from stagekit._base.text import did_you_mean

    known = ("depends_on", "id", *_CHECKS, *_POLICY_CHECKS)
    near = did_you_mean(key, known)
    hint = f"did you mean {near[0]!r}?" if near else "there are " + ", ".join(known)
    return f"there is no option {key!r}; {hint}"


def _check_text(value: object) -> Optional[str]:
    return None if isinstance(value, str) and value else "must be a text that is not empty"


def _check_any_text(value: object) -> Optional[str]:
    return None if isinstance(value, str) else "must be a text"


def _check_tags(value: Any) -> Optional[str]:  # Any: a user's value
    if isinstance(value, (list, tuple)) and all(
        isinstance(tag, str) and tag and not any(c.isspace() or c == "," for c in tag)
        for tag in value  # pyright: ignore[reportUnknownVariableType]
    ):
        return None
    return "must be a list or tuple of texts without spaces and commas"


def _check_priority(value: object) -> Optional[str]:
    is_whole = isinstance(value, int) and not isinstance(value, bool)
    return None if is_whole else "must be a whole number"


def _check_critical(value: object) -> Optional[str]:
    return None if isinstance(value, bool) else "must be True or False"


def _check_provides(value: object) -> Optional[str]:
    if value == ():
        return "must be a type, or a tuple of at least two types"
    if isinstance(value, (list, set, dict, int, float)):
        return "must be a type, or a tuple of types"
    return None


def _retries(value: object) -> List[str]:
    from stagekit._base.retry import MAX_ATTEMPTS, Retry

    if isinstance(value, Retry) or (type(value) is int and 0 <= value < MAX_ATTEMPTS):
        return []
    most = MAX_ATTEMPTS - 1
    return [f"retries must be a whole number from 0 to {most}, or a Retry, got {value!r}"]


def _timeout(value: object) -> List[str]:
    from stagekit._base.retry import seconds_mistake

    mistake = seconds_mistake(value)
    return [] if mistake is None else [f"timeout {mistake}, got {value!r}"]


def _executor(value: object) -> List[str]:
    from stagekit._base.executor_names import NAMES
    from stagekit._base.ports import is_cluster

    if isinstance(value, str):
        if value in NAMES or is_cluster(value):
            return []
        from stagekit._base.text import did_you_mean

        near = did_you_mean(value, NAMES)
        hint = f"; did you mean {near[0]!r}?" if near else ""
    elif not isinstance(value, type) and callable(getattr(value, "submit", None)):
        return []
    else:
        hint = ""
    names = ", ".join(map(repr, NAMES))
    return [f"executor must be one of {names}, or an object with submit(), got {value!r}{hint}"]


def _resources(value: Any) -> List[str]:  # Any: a user's value
    from collections.abc import Mapping

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


_CHECKS: Dict[str, Callable[[Any], Optional[str]]] = {
    "name": _check_text,
    "description": _check_any_text,
    "tags": _check_tags,
    "provides": _check_provides,
    "priority": _check_priority,
    "critical": _check_critical,
}
_POLICY_CHECKS: Dict[str, Callable[[Any], List[str]]] = {
    "retries": _retries,
    "timeout": _timeout,
    "executor": _executor,
    "resources": _resources,
    "undo": _undo,
}
