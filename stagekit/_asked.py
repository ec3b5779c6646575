"""What is asked for besides a target: the values given, the words of a selection, checked."""

from __future__ import annotations

from collections import abc
from typing import Any, Dict, List, Mapping, Sequence, Tuple, cast

from stagekit._base.keys import BadTypeError, NamedKey, NoneType, describe, normalise
from stagekit._base.refs import Given, Named
from stagekit._plan.annotation import markers_of
from stagekit._prepare import PlanOptions
from stagekit.errors import UsageError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from stagekit._prepare import Values


def texts(option: str, value: Sequence[str]) -> Tuple[str, ...]:
    """Return the words of a selection."""
    found = tuple(value)
    wrong = [each for each in found if not isinstance(each, str)]  # pyright: ignore[reportUnnecessaryIsInstance]
    if wrong:
        raise UsageError(f"{option} takes texts such as '+report', got {wrong[0]!r}")
    return found


def fixed(values: Values) -> Values:
    """Return the values once and for all: they are looked at twice."""
    if isinstance(values, abc.Mapping):
        return cast("Mapping[Any, object]", values)
    if isinstance(values, (str, bytes)):
        raise UsageError(f"values takes a list of objects, got {values!r}; write values=[...]")
    return tuple(values)


def keyed(values: Values) -> Dict[object, object]:
    """Return the given values by key.

    Raises:
        UsageError: a value cannot be keyed, or two have the same key; all are listed.
    """
    if isinstance(values, abc.Mapping):
        pairs = [
            Given(value, key, None)
            for key, value in cast("Mapping[object, object]", values).items()
        ]
    else:
        pairs = [v if isinstance(v, Given) else Given(v, None, None) for v in values]
    found: Dict[object, object] = {}
    mistakes: List[str] = []
    for pair in pairs:
        asked, markers, _ = markers_of(type(pair.value) if pair.as_ is None else pair.as_)
        names = [marker.name for marker in markers if isinstance(marker, Named)]
        try:
            key = normalise(asked)
        except BadTypeError as error:
            mistakes.append(f"{pair!r}: {error}")
            continue
        name = pair.name if pair.name is not None else names[0] if names else None
        if name is not None:
            key = NamedKey(key, name)
        if key is NoneType:
            mistakes.append("None has no type of its own; write given(None, as_=...)")
        elif key in found:
            mistakes.append(
                f"two values for `{describe(key)}`; tell them apart: given(..., name=...)"
            )
        found[key] = pair.value
    if mistakes:
        raise UsageError("values: " + "; ".join(mistakes))
    return found


def refuse_planning_options(asked: PlanOptions) -> None:
    """Refuse what a plan that is made already cannot take any more."""
    wrong = [
        name
        for name, value in (
            ("registry", asked.registry),
            ("select", asked.select),
            ("exclude", asked.exclude),
            ("overrides", asked.overrides),
            ("strict", asked.strict),
        )
        if value
    ]
    if wrong:
        raise UsageError(f"a plan is made already; say {', '.join(wrong)} to plan(...) instead")
