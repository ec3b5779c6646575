"""What problems suggest: types and stages as one writes them, and near misses among types."""

from __future__ import annotations

from typing import Any, Dict, List, Sequence, Tuple

from stagekit._base.keys import (
    BadTypeError,
    NamedKey,
    Parametrised,
    UnionOf,
    class_of,
    describe,
    describe_fully,
    normalise,
)
from stagekit._declare.declaration import Declaration

MAX_SHOWN = 8


def short(stage: Declaration) -> str:
    """Return the short name of a stage, for sentences."""
    return stage.id.rpartition(":")[2]


def at(stage: Declaration) -> Dict[str, Any]:  # Any: arguments of Problem
    """Return what says, in a problem, which stage it is about."""
    return {"stage_id": stage.id, "location": stage.location}


def several(names: Sequence[str]) -> str:
    """List names; of very many the first."""
    shown = [f"`{name}`" for name in names[:MAX_SHOWN]]
    rest = len(names) - len(shown)
    return ", ".join(shown) + (f" and {rest} more" if rest > 0 else "")


def place(stage: Declaration) -> str:
    """Return where a stage is declared, to stand behind its name; nothing where nobody knows."""
    return f"  ({stage.location})" if stage.location else ""


def as_annotation(key: object) -> str:
    """Write a key as an annotation."""
    if isinstance(key, NamedKey):
        return f"Annotated[{describe(key.type)}, Named({key.name!r})]"
    return describe(key)


def as_value(key: object) -> str:
    """Write a value of a key as a caller would give it."""
    if isinstance(key, NamedKey):
        return f"given(..., as_={describe(key.type)}, name={key.name!r})"
    if isinstance(key, UnionOf):
        key = key.members[0]
    if isinstance(key, type):
        return f"{describe(key)}(...)"
    return f"given(..., as_={describe(key)})"


def near_misses(
    key: object, provided: Dict[object, List[Declaration]], given: Sequence[object]
) -> Tuple[str, ...]:
    """Return sentences on what almost fits, the most telling first, at most three."""
    found: List[Tuple[int, str]] = []
    for other, stages in provided.items():
        score = _nearness(key, other)
        if score:
            stage = stages[0]
            who = f"`{short(stage)}` returns"
            found.append((score, _near_text(key, other, who, place(stage))))
    for other in given:
        score = _nearness(key, other)
        if score:
            found.append((score, _near_text(key, other, "the caller gives", "")))
    return tuple(text for _, text in sorted(found)[:3])


def _near_text(key: object, other: object, who: str, where: str) -> str:
    shown, wanted = describe(other), describe(key)
    if shown == wanted:
        return f"{who} `{describe_fully(other)}`, another type than `{describe_fully(key)}`{where}"
    if isinstance(key, type) and isinstance(other, type) and _is_subclass(other, key):
        what = "which has its members" if key not in other.__mro__ else "a subclass"
        return f"{who} `{shown}`, {what}: publish it with @stage(provides={wanted}){where}"
    if _is_new_type_of(other, key):
        return f"{who} `{shown}`, a NewType of `{wanted}` and a type of its own: ask for it{where}"
    return f"{who} `{shown}`; did you mean to annotate it `-> {as_annotation(key)}`?{where}"


def _nearness(key: object, other: object) -> int:
    """Return 0 for no resemblance, else a rank: 1 is the most telling."""
    if isinstance(key, UnionOf):
        ranks = [rank for rank in (_nearness(member, other) for member in key.members) if rank]
        return min(ranks) if ranks else 0
    if isinstance(key, type) and isinstance(other, type) and _is_subclass(other, key):
        return 1
    if _unnamed(key) == _unnamed(other):
        return 2
    if _is_new_type_of(other, key) or _is_new_type_of(key, other):
        return 2
    if _element(key) == other or _element(other) == key:
        return 3
    mine, theirs = class_of(key), class_of(other)
    if mine is not None and mine is theirs:
        return 4
    if isinstance(key, type) and isinstance(other, type) and _is_subclass(key, other):
        return 5
    names = (describe(key).lower(), describe(other).lower())
    if names[0] == names[1] or names[0].rpartition(".")[2] == names[1].rpartition(".")[2]:
        return 3
    return 6 if _alike(*(name.rpartition(".")[2] for name in names)) else 0


def _is_new_type_of(new: object, base: object) -> bool:
    """Tell whether *new* is a ``NewType`` of *base*, or of one that is."""
    wanted, found = _unnamed(base), getattr(_unnamed(new), "__supertype__", None)
    while found is not None:
        try:
            if normalise(found) == wanted:
                return True
        except BadTypeError:  # of Any, or of a type variable
            return False
        found = getattr(found, "__supertype__", None)
    return False


def _is_subclass(sub: Any, base: Any) -> bool:
    if getattr(base, "_is_protocol", False):
        return _satisfies(sub, base)
    return base in getattr(sub, "__mro__", ())


def _satisfies(sub: Any, protocol: Any) -> bool:
    """Tell whether a class has every member of a protocol, as a hint only."""
    names = [
        name
        for base in protocol.__mro__
        if getattr(base, "_is_protocol", False)
        and base.__module__ not in {"typing", "typing_extensions"}
        for name in _members(base)
        if not name.startswith("_")
    ]
    return bool(names) and all(hasattr(sub, name) for name in names)


def _members(cls: Any) -> List[str]:
    annotated: Dict[str, object] = getattr(cls, "__annotations__", {})
    return [*vars(cls), *annotated]


def _unnamed(key: object) -> object:
    return key.type if isinstance(key, NamedKey) else key


def _element(key: object) -> object:
    return key.args[0] if isinstance(key, Parametrised) and len(key.args) == 1 else key


def _alike(mine: str, theirs: str) -> bool:
    from stagekit._base.text import did_you_mean

    return bool(did_you_mean(mine, (theirs,)))
